"""The reader's notebooks: every chapter as plain Markdown, with its numbers, its answers folded.

JupyterLab, VS Code, Colab and GitHub show MyST's directives and roles as they are typed, with
every right answer ticked. So a build of the pages also writes, to `notebooks/` beside them,
each chapter in the Markdown that all four know: boxes with the numbers of the page, references
as links, the choices of a question and every solution in a `<details>`. Code and outputs are
the chapter's. Only a solution's code is no cell of its own: that a cell is folded, JupyterLab
and Colab honor, VS Code and GitHub do not.

`python tools/reader.py` copies the notebooks to `my-notebooks/` and `pt/my-notebooks/`, to work
in. There a notebook that its reader has changed is kept.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from editions import EDITIONS, ROOT
from explorer import still_of
from ledger import chapter_paths
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from myst import Block, blocks
from nbformat import NotebookNode
from notebooks import NOTEBOOK_METADATA, READING_LINE, write
from pybtex.plugin import find_plugin
from quiz import read_question
from search_index import plain
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.locale import get_translation
from strings import EXPLORERS, STRINGS, language_tag

FOLDER = "notebooks"  # beside the pages
OWN = "my-notebooks"  # where a reader works: no name of a module, which it would hide
PAGES = "../chapters/"  # from there
PUBLISHED = "notebooks"  # the branch in which .github/workflows/pages.yml puts them
ROLE = re.compile(r"\{([\w:]+)\}`([^`]*)`")
REFERENCES = ("prf:ref", "numref")
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # JupyterLab's word, Colab's


@dataclass(frozen=True)
class Place:
    """Something that the text refers to: its name with its number, and where it stands."""

    name: str
    chapter: str
    anchor: str


@dataclass(frozen=True)
class Work:
    """What the text cites; `entry` is its line of the bibliography, in HTML."""

    authors: str
    year: str
    entry: str


@dataclass(frozen=True)
class Book:
    """What the notebooks take from the edition that Sphinx has read."""

    language: str
    places: dict[str, Place]
    works: dict[str, Work]
    pages: str = PAGES  # where the chapters' pages are
    address: str = ""  # of the repository

    def words(self, key: str, **values: Any) -> str:
        return STRINGS[self.language][key].format(**values)


def readers(chapter: NotebookNode, name: str, book: Book) -> NotebookNode:
    """Return the reader's notebook of a chapter.

    Raises
    ------
    ValueError
        Naming the chapter and the directive, role, label or work that is unknown.
    """
    try:
        cells = _Writer(name, book).notebook(chapter)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    metadata = NOTEBOOK_METADATA | {"nwp": {"reader": fingerprint(cells)}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def fingerprint(cells: list[NotebookNode]) -> str:
    """Hash what a reader may write into; running a notebook does not change it."""
    sources = json.dumps([[cell.cell_type, cell.source] for cell in cells])
    return hashlib.sha256(sources.encode()).hexdigest()[:16]


class _Writer:
    """Writes one notebook, from its first cell to its last."""

    def __init__(self, name: str, book: Book):
        self.name, self.book = name, book
        self.questions = 0
        self.cited: set[str] = set()

    def notebook(self, chapter: NotebookNode) -> list[NotebookNode]:
        cells: list[NotebookNode] = []
        solution: list[str] | None = None  # its parts, while one is open
        for cell in chapter.cells:
            if cell.cell_type == "code":
                if solution is None:
                    cells += self._code(cell)
                else:
                    solution += _as_text(cell)
                continue
            text: list[str] = []
            written: list[str] = []
            for piece in pieces(cell.source):
                if isinstance(piece, Block) and piece.name == "solution-start":
                    written.append("\n\n".join(text))
                    title = self.book.words("solution", exercise=self._place(piece.argument).name)
                    text, solution = [], [title]
                elif isinstance(piece, Block) and piece.name == "solution-end":
                    written.append(_details(solution[0], "\n\n".join(filter(None, solution[1:]))))
                    solution = None
                else:
                    (text if solution is None else solution).append(self._piece(piece).strip("\n"))
            written.append("\n\n".join(text))
            cells += _markdown(cell.id, written)
        if self.cited:
            cells += _markdown("references", [self._references()])
        return [*self._opening(cells[0]), *cells[1:]]

    def _opening(self, cell: NotebookNode) -> list[NotebookNode]:
        """Say below the title what this is; and in Colab, fetch the book first."""
        page = f"{self.book.pages}{self.name}.html"
        note = self.book.words("reader note", page=page)
        cell.source = READING_LINE.sub(lambda line: f"{line[0]}{note}\n\n", cell.source, count=1)
        if not self.book.address:
            return [cell]
        folder = self.book.address.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
        edition = "" if self.book.language == "en" else "pt/"
        fetch = FETCH.format(address=self.book.address, folder=folder, edition=edition)
        return [
            cell,
            nbformat.v4.new_code_cell(fetch, id="fetch-the-book", metadata=FOLDED),
        ]

    def _code(self, cell: NotebookNode) -> Iterator[NotebookNode]:
        shown = nbformat.from_dict(cell)
        shown.metadata = FOLDED if "hide-input" in cell.metadata.get("tags", []) else {}
        yield shown
        figure = cell.metadata.get("mystnb", {}).get("figure")
        if figure:
            place = self._place(figure["name"])
            text = f"{_anchor(place)}\n**{place.name}.** {self._prose(figure['caption'])}"
            yield from _markdown(f"{cell.id}-caption", [text])

    def _piece(self, piece: "str | Block") -> str:
        return self._prose(piece) if isinstance(piece, str) else self._block(piece)

    def _text(self, source: str) -> str:
        return "\n".join(self._piece(piece) for piece in pieces(source)).strip()

    def _block(self, block: Block) -> str:
        kind = block.name
        if not kind:
            return f"{block.mark}{block.argument}\n{block.body}{block.mark}"
        if kind == "prf:proof":
            return f"*{self.book.words('proof')}* {self._text(block.body)} ∎"
        if kind == "question":
            return self._question(block)
        if kind == "explorer":
            return self._explorer(block)
        if kind == "exercise":
            place = self._place(block.options["label"])
            title = f"### {place.name} ({self._prose(block.argument)})"
            return f"{_anchor(place)}\n\n{title}\n\n{self._text(block.body)}"
        title, anchor = f"**{self._prose(block.argument)}**", ""
        if block.options.get("class") == "document-quote":  # a quotation already
            return f"{title}\n\n{self._text(block.body)}"
        if kind == "margin":
            title = self.book.words("margin", title=title)
        if kind.startswith("prf:"):
            place = self._place(block.options["label"])
            title = f"**{place.name}** ({self._prose(block.argument)})"
            anchor = f"{_anchor(place)}\n"
        elif kind not in ("margin", "admonition"):
            raise ValueError(f"no notebook has a {kind!r}")
        return f"{anchor}<blockquote>\n\n{title}\n\n{self._text(block.body)}\n\n</blockquote>"

    def _question(self, block: Block) -> str:
        right = int(block.options.get("right", 1))
        question = read_question(block.argument, block.body, right)
        self.questions += 1
        title = self.book.words("question", number=self.questions)
        parts = [
            f'<a id="{question.label}"></a>\n\n**{title}.** {self._text(question.prompt.text)}'
        ]
        if right > 1:
            parts.append(f"*{self.book.words('several', count=right)}*")
        for letter, choice in zip("abcdefgh", question.choices, strict=False):
            verdict = self.book.words("right" if choice.right else "wrong")
            answer = _inline(self._text(choice.answer.text))
            said = f"**{verdict}** {self._text(choice.explanation.text)}"
            parts.append(_details(f"({letter}) {answer}", said))
        return "\n\n".join(parts)

    def _explorer(self, block: Block) -> str:
        name, page = block.argument, f"{self.book.pages}{self.name}.html"
        _, said = still_of(name, self.book.language)
        text = self.book.words("explorer", page=page)
        return f"![{said}]({still_file(name)})\n\n{text}"

    def _prose(self, text: str) -> str:
        return ROLE.sub(lambda role: self._role(*role.groups()), text)

    def _role(self, role: str, target: str) -> str:
        if role in REFERENCES:
            place = self._place(target)
            other = "" if place.chapter == self.name else f"{place.chapter}.ipynb"
            return f"[{place.name}]({other}#{place.anchor})"
        if role == "cite:t":
            return self._citation(target, "{authors} ({year})")
        if role == "cite":
            keys = target.split(",")
            return f"({'; '.join(self._citation(k, '{authors}, {year}') for k in keys)})"
        raise ValueError(f"no notebook has a role {role!r}, here of {target!r}")

    def _citation(self, key: str, form: str) -> str:
        key = key.strip()
        if key not in self.book.works:
            raise ValueError(f"nothing to cite is called {key!r}")
        self.cited.add(key)
        work = self.book.works[key]
        return f"[{form.format(authors=work.authors, year=work.year)}](#cite-{key})"

    def _place(self, label: str) -> Place:
        if label not in self.book.places:
            raise ValueError(f"nothing has the label {label!r}")
        return self.book.places[label]

    def _references(self) -> str:
        lines = [
            f'<li id="cite-{key}">{work.entry}</li>'
            for key, work in self.book.works.items()
            if key in self.cited
        ]
        return "\n".join([f"## {self.book.words('references')}", "", "<ul>", *lines, "</ul>"])


FETCH = """\
# In Colab: fetch the book, and install its package.
import importlib.util

if importlib.util.find_spec("nwp") is None:
    !git clone --quiet --depth 1 {address} {folder}
    %pip install --quiet ./{folder}
    %cd {folder}/{edition}chapters"""


def pieces(text: str) -> Iterator[str | Block]:
    """Yield the blocks of a text, and what stands between them; nested blocks stay in theirs."""
    lines, done = text.splitlines(), 0
    for block in blocks(text):
        if block.start < done:
            continue
        if block.start > done:
            yield "\n".join(lines[done : block.start])
        yield block
        done = block.end
    if done < len(lines):
        yield "\n".join(lines[done:])


def still_file(name: str) -> str:
    return f"explorer-{name}.svg"


def _markdown(identity: str, texts: list[str]) -> list[NotebookNode]:
    """Return a cell for each text that says something."""
    said = [text.strip() for text in texts if text.strip()]
    ids = [identity, *(f"{identity}-{number}" for number in range(2, len(said) + 1))]
    return [nbformat.v4.new_markdown_cell(text, id=i) for text, i in zip(said, ids, strict=False)]


def _anchor(place: Place) -> str:
    return f'<a id="{place.anchor}"></a>'


def _details(summary: str, text: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


def _as_text(cell: NotebookNode) -> list[str]:
    """Write a code cell as text: its code, and what it prints."""
    printed = "".join(output.get("text", "") for output in cell.outputs)
    if any("image/png" in output.get("data", {}) for output in cell.outputs):
        raise ValueError("a solution draws a figure, which has no place in its text")
    return [
        f"```python\n{cell.source}\n```",
        *([f"```text\n{printed.rstrip()}\n```"] * (printed != "")),
    ]


def _inline(text: str) -> str:
    """Write a line of Markdown as HTML, for in a `<summary>` there is no Markdown."""
    return INLINE.renderInline(text)


def _formula(self: Any, tokens: list[Any], index: int, options: Any, env: Any) -> str:
    """Write a formula as text where it can be: VS Code and GitHub set none in a `<summary>`.

    Another is left to the reader's program, which takes < for the beginning of a tag.
    """
    formula = tokens[index].content
    line = plain(formula)
    if line != "…":
        return escape(line.replace("-", "−"))
    return "$" + formula.replace("<", r"\lt ").replace(">", r"\gt ") + "$"


INLINE = MarkdownIt("commonmark").use(dollarmath_plugin)
INLINE.add_render_rule("math_inline", _formula)


def book_of(app: Sphinx) -> Book:
    """Read from Sphinx what it has numbered, and how it cites."""
    env, config = app.env, app.config
    places: dict[str, Place] = {}
    box_word = get_translation("proof")
    for docname, kinds in env.toc_fignumbers.items():
        if not docname.startswith("chapters/"):
            continue
        for kind, numbers in kinds.items():
            for label, number in numbers.items():
                said = ".".join(map(str, number))
                box = env.proof_list.get(label)
                if box:
                    name = f"{box_word(box['realtype'].title())} {said}"
                else:
                    name = config.numfig_format[kind] % said
                places[label] = Place(name, Path(docname).name, label)
    domain = env.get_domain("cite")

    def part(role: str, key: str) -> str:
        node = pending_xref(reftype=role, refdomain="cite")
        found = domain.resolve_xref(
            env, "bibliography", app.builder, role, key, node, nodes.inline()
        )
        return found.astext()

    html = find_plugin("pybtex.backends", "html")()
    works = {
        citation.key: Work(
            part("author", citation.key),
            part("year", citation.key),
            citation.formatted_entry.text.render(html),
        )
        for citation in domain.citations
    }
    language, base = language_tag(config.language), config.html_baseurl
    pages = f"{base.rstrip('/')}/chapters/" if base else PAGES
    address = config.html_theme_options.get("repository_url", "")
    return Book(language, places, works, pages, address)


def write_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Write the notebooks of an edition, and the pictures in them, beside its pages."""
    if exception or app.builder.name != "html":
        return
    book, folder = book_of(app), Path(app.outdir) / FOLDER
    folder.mkdir(exist_ok=True)
    for name in EXPLORERS[book.language]:
        picture, _ = still_of(name, book.language)
        (folder / still_file(name)).write_text(picture, encoding="utf-8")
    for path in chapter_paths(Path(app.srcdir)):
        chapter = nbformat.read(path, as_version=4)
        write(readers(chapter, path.stem, book), folder / path.name)


def lead_to_notebooks(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Let the buttons of a chapter lead to its reader's notebook.

    Binder makes the notebooks when it builds its image. Colab opens only what is in a repository:
    a branch has those of the pages that were published last.
    """
    branch = app.config.html_theme_options.get("repository_branch", "")
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if "url" in button and button["url"].endswith(".ipynb"):
                url = button["url"].replace("_sources/", "")
                folder = OWN if "urlpath=" in url else FOLDER  # Binder has what it made itself
                url = url.replace(f"/blob/{branch}/", f"/blob/{PUBLISHED}/")
                button["url"] = url.replace("chapters/", f"{folder}/")


def lay_out(built: Path, own: Path) -> None:
    """Copy the notebooks of an edition to where its reader works; say which are kept."""
    own.mkdir(exist_ok=True)
    for picture in sorted(built.glob("*.svg")):
        shutil.copyfile(picture, own / picture.name)
    pages = os.path.relpath(built.parent / "chapters", own).replace(os.sep, "/")
    for path in sorted(built.glob("*.ipynb")):
        new, mine = nbformat.read(path, as_version=4), own / path.name
        for cell in new.cells:
            cell.source = cell.source.replace(f"]({PAGES}", f"]({pages}/")
        new.metadata.nwp.reader = fingerprint(new.cells)
        if mine.exists():
            old = nbformat.read(mine, as_version=4)
            written = old.metadata.get("nwp", {}).get("reader")
            if written == new.metadata.nwp.reader:
                continue  # with the outputs of its reader's runs
            if written != fingerprint(old.cells):
                print(f"kept {mine}, which you have changed; the book has a newer one")
                continue
        write(new, mine)


def main() -> None:
    for edition in EDITIONS:
        built = ROOT / "_build" / "html" / edition.relative_to(ROOT) / FOLDER
        lay_out(built, edition / OWN)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", write_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    main()
