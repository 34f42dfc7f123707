"""The Brazilian edition says what the English one says: its guard against drift.

Each Portuguese cell records a hash of the English cell that it translates (metadata
`nwp.translates`), each section of a page one in `pt/translated.json`.

    python tools/translation.py status           what changed in English since it was translated
    python tools/translation.py stamp [PATH ...]  record that these translations are up to date

Besides, `differences` compares an original with its translation, whatever was recorded: code by
its syntax tree without strings and comments, outputs and the words of figures by their numbers,
text by its headings, boxes, labels, references, questions, formulas and numbers.
"""

import argparse
import ast
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

import nbformat
import yaml
from chapter_table import question_of
from myst import UNTITLED, blocks
from nbformat import NotebookNode
from notebooks import READING_LINE, ROOT, write

from lab.brazilian import brazilian

RECORD = "pt/translated.json"
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$]+\$", re.DOTALL)
# By these two statements a Portuguese chapter writes its numbers as Brazil does.
ADDED_CODE = ("from lab.brazilian import print", "figures.use_commas()")


# ---- originals and translations ----


def pages() -> list[tuple[str, str]]:
    """List (original, translation) of all pages of prose, from the folder of the book."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [toc["root"], *(entry["file"] for part in toc["parts"] for entry in part["chapters"])]
    prose = [f"{name}.md" for name in names if not name.startswith("chapters/")]
    return [*((name, f"pt/{name}") for name in prose), ("README.md", "README.pt.md")]


def chapters() -> list[tuple[str, str]]:
    """List (original, translation) of all chapters, from the folder of the book."""
    names = sorted(path.name for path in (ROOT / "chapters").glob("*.ipynb"))
    return [(f"chapters/{name}", f"pt/chapters/{name}") for name in names]


def read_notebook(path: str) -> NotebookNode:
    return nbformat.read(ROOT / path, as_version=4)


def sections(page: str) -> dict[str, str]:
    """Split a page at its headings; what stands before the first is under its title."""
    found: dict[str, list[str]] = {"": []}
    lines = found[""]
    inside = {line for block in blocks(page) for line in range(block.start, block.end)}
    for number, line in enumerate(page.splitlines()):
        if number not in inside and re.match(r"#{1,6} ", line):
            lines = found.setdefault(line, [])
        lines.append(line)
    return {heading: "\n".join(text) for heading, text in found.items() if text}


# ---- what was translated ----


def cell_hash(cell: NotebookNode) -> str:
    """Hash what is translated of a cell: its text, and the words beside it."""
    alt, caption, question = words_beside(cell)
    content = [READING_LINE.sub("", cell.source), [alt or None, caption or None]]
    return _hash([*content, question] if question else content)


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def section_hashes(page: str) -> dict[str, str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return {heading: _hash(section) for heading, section in sections(text).items()}


def record() -> dict[str, dict[str, str]]:
    """Read which section of which page was translated, by its hash."""
    path = ROOT / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def status() -> list[str]:
    """Say, a line each, what is not translated, or changed since."""
    found = []
    for english, portuguese in chapters():
        found += chapter_status(english, portuguese)
    recorded = record()
    for english, portuguese in pages():
        found += page_status(english, portuguese, recorded.get(english, {}))
    return found


def chapter_status(english: str, portuguese: str) -> list[str]:
    """Compare the cells of a chapter with those that its translation records."""
    if not (ROOT / portuguese).exists():
        return [f"{english}: not translated"]
    cells = read_notebook(english).cells
    now = [cell_hash(cell) for cell in cells]
    then = [
        cell.metadata.get("nwp", {}).get("translates") for cell in read_notebook(portuguese).cells
    ]
    found = []
    for what, i, j, k, l in SequenceMatcher(None, then, now, autojunk=False).get_opcodes():  # noqa: E741
        if what == "delete":
            found.append(f"{portuguese}: cells {i + 1} to {j} translate nothing any more")
        elif what != "equal":
            word = {"replace": "changed", "insert": "new"}[what]
            found += [f"{english}: cell {n + 1} is {word}: {_start(cells[n])}" for n in range(k, l)]
    return found


def _start(cell: NotebookNode) -> str:
    return repr(next(iter(cell.source.splitlines()), "")[:60])


def page_status(english: str, portuguese: str, recorded: dict[str, str]) -> list[str]:
    """Compare the sections of a page with those recorded for its translation."""
    if not (ROOT / portuguese).exists():
        return [f"{english}: not translated"]
    now = section_hashes(english)
    changed = [heading for heading in now if now[heading] != recorded.get(heading)]
    gone = [heading for heading in recorded if heading not in now]
    return [
        *(f"{english}: changed or new: {heading or 'its beginning'}" for heading in changed),
        *(f"{portuguese}: translates nothing any more: {heading}" for heading in gone),
    ]


def stamp(chosen: set[str]) -> None:
    """Record that translations are those of the present text: all, or those chosen by a path."""
    for english, portuguese in chapters():
        if (ROOT / portuguese).exists() and (not chosen or chosen & {english, portuguese}):
            stamp_chapter(english, portuguese)
    recorded = record()
    for english, portuguese in pages():
        if (ROOT / portuguese).exists() and (not chosen or chosen & {english, portuguese}):
            recorded[english] = section_hashes(english)
    text = json.dumps(dict(sorted(recorded.items())), indent=1, ensure_ascii=False)
    (ROOT / RECORD).write_text(f"{text}\n", encoding="utf-8")


def stamp_chapter(english: str, portuguese: str) -> None:
    """Give each Portuguese cell the id and the hash of its original."""
    notebook = read_notebook(portuguese)
    originals = read_notebook(english).cells
    kinds = [[cell.cell_type for cell in cells] for cells in (originals, notebook.cells)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"{portuguese}: its {len(kinds[1])} cells must be of the kinds of the {len(kinds[0])} "
            f"of {english}"
        )
    for original, cell in zip(originals, notebook.cells, strict=True):
        cell.id = original.id
        own = {"question": question} if (question := question_of(cell)) else {}
        cell.metadata["nwp"] = {**own, "translates": cell_hash(original)}
    write(notebook, ROOT / portuguese)


# ---- original and translation, compared ----


def differences(english: NotebookNode, portuguese: NotebookNode) -> Iterator[str]:
    """Name where a chapter and its translation differ, in reading order."""
    for number, (one, other) in enumerate(zip_longest(english.cells, portuguese.cells), start=1):
        if one is None or other is None:
            yield f"{len(english.cells)} cells and {len(portuguese.cells)}"
            return
        found = [*_cell_differences(one, other)]
        yield from (f"cell {number} ({_start(one)}): {text}" for text in found)


def _cell_differences(one: NotebookNode, other: NotebookNode) -> Iterator[str]:
    if one.cell_type != other.cell_type:
        yield f"its kind is {one.cell_type!r} and {other.cell_type!r}"
        return
    if one.id != other.id:
        yield f"its id is {one.id!r} and {other.id!r}"
    if _untranslated(one.metadata) != _untranslated(other.metadata):
        yield f"its metadata are {_untranslated(one.metadata)} and {_untranslated(other.metadata)}"
    names = ("alternative text", "caption", "question")
    for name, text, translated in zip(names, words_beside(one), words_beside(other), strict=True):
        if bool(text) != bool(translated):
            yield f"its {name} is {text!r} and {translated!r}"
        expected, found = written_numbers(brazilian(text)), written_numbers(translated)
        yield from _unequal_numbers(f"other numbers in the {name}", expected, found)
    if one.cell_type == "markdown":
        yield from text_differences(one.source, other.source)
        return
    source = without_added_code(other.source)
    if code_without_words(one.source) != code_without_words(source):
        yield f"other code, at {first_difference(one.source, source)}"
    if [*map(_kind, one.outputs)] != [*map(_kind, other.outputs)]:
        kinds = [[_kind(o) for o in cell.outputs] for cell in (one, other)]
        yield f"its outputs are {kinds[0]} and {kinds[1]} (make execute runs it)"
        return
    checked = re.findall(r"\bcheck\(\s*\"([\d.]+)\"", one.source)  # "1.4" is a name
    expected = Counter(n for o in one.outputs for n in _printed_numbers(o, translated=True))
    printed = Counter(n for o in other.outputs for n in _printed_numbers(o))
    expected = Counter({_named(n, checked): count for n, count in expected.items()})
    yield from _unequal_numbers("prints other numbers", expected, printed)


def _named(number: str, names: list[str]) -> str:
    """Undo the comma of what is no number but the name of an exercise."""
    name = number.replace(",", ".")
    return name if name in names else number


def _unequal_numbers(what: str, expected: Counter, found: Counter) -> Iterator[str]:
    if expected != found:
        only = [sorted((a - b).elements()) for a, b in ((expected, found), (found, expected))]
        yield f"{what}: {only[1]} instead of {only[0]}"


def words_beside(cell: NotebookNode) -> tuple[str, str, str]:
    """Return a figure's alternative text and caption, and a chapter's question, or nothing."""
    shown = cell.metadata.get("mystnb", {})
    alt, caption = shown.get("image", {}).get("alt", ""), shown.get("figure", {}).get("caption", "")
    return alt, caption, question_of(cell)


def _untranslated(metadata: NotebookNode) -> dict:
    """Return a cell's metadata without its words and its stamp."""
    kept = json.loads(json.dumps({k: v for k, v in metadata.items() if k != "nwp"}))
    for kind, key in (("image", "alt"), ("figure", "caption")):
        if key in kept.get("mystnb", {}).get(kind, {}):
            kept["mystnb"][kind][key] = ""
    return kept


def without_added_code(source: str) -> str:
    """Leave out what a Portuguese chapter's first cell has beyond the English one's."""
    return "\n".join(line for line in source.splitlines() if line not in ADDED_CODE)


def code_without_words(source: str) -> str:
    """Return the syntax tree of a cell without what may be translated in it."""
    return ast.dump(_Wordless().visit(ast.parse(source)))


class _Wordless(ast.NodeTransformer):
    """Blank every string; of an f-string keep what it puts in, in whatever order."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        values = [self.visit(v) for v in node.values if isinstance(v, ast.FormattedValue)]
        return ast.JoinedStr(sorted(values, key=ast.dump))

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.FormattedValue:
        """Keep how a value is written, ".3f"; how wide its column is depends on its title."""
        form = node.format_spec
        if form is not None:
            text = "".join(v.value for v in form.values if isinstance(v, ast.Constant))
            own = [v for v in form.values if not isinstance(v, ast.Constant)]
            form = ast.JoinedStr([ast.Constant(re.sub(r"^(.?[<>^=])?\d*", "", text)), *own])
        return ast.FormattedValue(self.visit(node.value), node.conversion, form)


def first_difference(one: str, other: str) -> str:
    """Name the first statement by which two pieces of code differ but for their words."""
    for left, right in zip_longest(ast.parse(one).body, ast.parse(other).body):
        dumps = [node and ast.dump(_Wordless().visit(node)) for node in (left, right)]
        if dumps[0] != dumps[1]:
            return " and ".join(
                repr(ast.unparse(n)[:60]) if n else "nothing" for n in (left, right)
            )
    return "no statement"


def _kind(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return output.name
    return ", ".join(sorted(output.get("data", {}))) or output.output_type


def _printed_numbers(output: NotebookNode, *, translated: bool = False) -> Counter:
    """Count the numbers of an output's text, as the translation prints them; pictures have none."""
    if "image/png" in output.get("data", {}):
        return Counter()
    text = output.get("text", "")  # what is printed is written for the reader; a value is not
    value = output.get("data", {}).get("text/plain", "")
    return written_numbers((brazilian(text) if translated else text) + value)


def written_numbers(text: str) -> Counter:
    """Count the numbers of a text by how they are written: 0.25 and 0,25 are not the same."""
    return Counter(re.findall(r"\d+(?:[.,]\d+)*", text.replace("{,}", ",")))


PARTS = {  # what both texts have as often, however they say it
    "headings": r"^#{1,6}(?= )",
    "labels of headings": r"^\(([\w-]+)\)=$",
    "references": (
        r"(\{(?:prf:ref|numref|ref|eq|doc|cite(?::\w)?|glue\S*|download)\})`(?:[^`<]*<)?([^`>]*)>?`"
    ),
    "choices": r"^- \[[ x]\]",
    "rows of tables": r"^\|",
    "pieces of code": r"(?:\{[\w:-]+\}`[^`\n]*`)|((?<!`)`[^`\n]+`(?!`))",
}


def text_differences(one: str, other: str) -> Iterator[str]:
    """Name what one of two texts has and its translation has not, or as often."""
    one, other = READING_LINE.sub("", one), READING_LINE.sub("", other)
    yield from _unequal("boxes and directives with labels", _directives(one), _directives(other))
    for name, pattern in PARTS.items():
        yield from _unequal(name, _found(pattern, one), _found(pattern, other))
    yield from _unequal("formulas", formulas(one), formulas(other))
    yield from _unequal("numbers", numbers(one, decimal="."), numbers(other, decimal=","))


def _directives(text: str) -> Counter:
    """Count what directives have besides words: names, an exercise's stars, labels, options."""
    found: Counter = Counter()
    for block in (block for block in blocks(text) if block.name):
        own = block.argument if block.name in UNTITLED else "★" * block.argument.count("★")
        found[f"{block.mark}{{{block.name}}} {own}"] += 1
        options = block.options.items()
        found.update(f":{key}: {value}" for key, value in options if key not in ("alt", "caption"))
    return found


def _found(pattern: str, text: str) -> Counter:
    matches = re.finditer(pattern, text, re.MULTILINE)
    if not re.compile(pattern).groups:
        return Counter(match[0] for match in matches)
    return Counter(own for match in matches if (own := "".join(filter(None, match.groups()))))


def _unequal(name: str, one: Counter, other: Counter) -> Iterator[str]:
    if one != other:
        only = [sorted((a - b).elements())[:4] for a, b in ((one, other), (other, one))]
        yield f"{name}: only in English {only[0]}, only in Portuguese {only[1]}"


def formulas(text: str) -> Counter:
    """Count the formulas that stand by themselves, without their words, commas and spaces."""
    found = re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL)
    wordless = (re.sub(r"\\text\w*\{[^{}]*\}", r"\\text{}", formula) for formula in found)
    return Counter(re.sub(r"\{,\}|\\[,;:! ]|[.,;\s]", "", formula) for formula in wordless)


def numbers(text: str, *, decimal: str) -> Counter:
    """Count the numbers of two digits or more, by their digits: 0.25 and 0,25 are the same.

    `decimal` is the decimal mark of the language; the other mark is for thousands. In a formula
    a decimal comma stands in braces, and a comma without them is none.
    """
    text = re.sub(r"https?://\S+|(?<!`)`[^`\n]+`(?!`)", "", text)
    text = FORMULA.sub(lambda formula: _plain_numbers(formula[0], decimal), text)
    form = {".": r"\d+(?:,\d{3})*(?:\.\d+)?", ",": r"\d+(?:\.\d+)*(?:,\d+)?"}[decimal]
    found = re.findall(form, text)  # "Teorema 2.1" keeps its point
    return Counter(digits for number in found if len(digits := re.sub(r"\D", "", number)) > 1)


def _plain_numbers(formula: str, decimal: str) -> str:
    """Write the numbers of a formula as prose has them, and a space after other commas."""
    formula = re.sub(r"(?<!\{),(?!\})", ", " if decimal == "," else ",", formula)
    return formula.replace("{,}", ",")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="say what changed in English since it was translated")
    stamping = commands.add_parser("stamp", help="record that translations are up to date")
    stamping.add_argument("paths", nargs="*", help="originals or translations; all without any")
    arguments = parser.parse_args()
    if arguments.command == "stamp":
        stamp({str(Path(path)) for path in arguments.paths})
    found = status()
    print("\n".join(found) or "The Brazilian edition translates the English one as it stands.")
    sys.exit(1 if found and arguments.command == "stamp" and not arguments.paths else 0)


if __name__ == "__main__":
    main()
