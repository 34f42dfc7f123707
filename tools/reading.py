"""How long a chapter takes: computed from its text, and written below its title.

`python tools/reading.py` brings the line of every chapter up to date. A test compares.

The estimate: 180 words of prose a minute, where an inline formula counts as a word and a
displayed one as ten; one minute for each code cell that is shown and for each question; ten
minutes, half an hour or two hours for an exercise of one, two or three stars, its stub and its
solution included. Not counted is what is folded, because the chapter can be followed without
it: the code of a cell with the tag hide-input, and a note of the class dropdown, of which the
title says what is in it. Reading is rounded to five minutes, the total to half an hour.
"""

import re
from pathlib import Path

import nbformat
from myst import Block, blocks
from nbformat import NotebookNode
from notebooks import READING_LINE, cell_ids, write
from strings import STRINGS, language_of

ROOT = Path(__file__).resolve().parent.parent
WORDS_A_MINUTE = 180
CELL, QUESTION = 1, 1  # minutes
EXERCISE = {"★": 10, "★★": 30, "★★★": 120}
TASKS = ("exercise", "question", "solution-start", "solution-end")


def minutes(notebook: NotebookNode) -> tuple[int, int, int]:
    """Return minutes of reading, minutes with everything, and the number of exercises."""
    words = cells = questions = 0
    exercises: list[str] = []
    solving = False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cells += not solving and "hide-input" not in cell.metadata.get("tags", [])
            continue
        text = READING_LINE.sub("", cell.source)
        found = [*blocks(text)]
        exercises += [block.argument.split()[0] for block in found if block.name == "exercise"]
        questions += sum(block.name == "question" for block in found)
        text, solving = _without_tasks(text, found, solving)
        words += _words(text)
    reading = words / WORDS_A_MINUTE + cells * CELL
    total = reading + questions * QUESTION + sum(EXERCISE[stars] for stars in exercises)
    return _rounded(reading, 5), _rounded(total, 30), len(exercises)


def _without_tasks(text: str, found: list[Block], solving: bool) -> tuple[str, bool]:
    """Leave out fences, folded notes, questions, and exercises to the end of their solutions."""
    names, left_out = {block.start: block.name for block in found}, set()
    for block in found:
        whole = block.name in TASKS or _is_folded(block)
        body = () if whole else range(block.inside, block.end - 1)
        left_out |= {*range(block.start, block.end)} - {*body}
    kept = []
    for number, line in enumerate(text.splitlines()):
        solving = {"exercise": True, "solution-end": False}.get(names.get(number), solving)
        if not solving and number not in left_out:
            kept.append(line)
    return "\n".join(kept), solving


def _is_folded(block: Block) -> bool:
    return block.name == "admonition" and "dropdown" in block.options.get("class", "").split()


def _words(text: str) -> int:
    text = re.sub(r"\$\$.*?\$\$", " w" * 10 + " ", text, flags=re.DOTALL)
    text = re.sub(r"\$[^$\n]+\$", " w ", text)
    return len(re.findall(r"\w[\w'’.-]*", text))


def _rounded(value: float, unit: int) -> int:
    return unit * max(1, round(value / unit))


def sentence(notebook: NotebookNode, language: str) -> str:
    """Write the line for a chapter."""
    reading, total, count = minutes(notebook)
    text = STRINGS[language]["reading"]
    return f"*{text.format(reading=_clock(reading), total=_clock(total), count=count)}*"


def _clock(value: int) -> str:
    hours, rest = divmod(value, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest))


def with_sentence(notebook: NotebookNode, language: str) -> str:
    """Return the first cell of a chapter with the line below its title, in place of an old one."""
    title, rest = READING_LINE.sub("", notebook.cells[0].source).split("\n\n", 1)
    return f"{title}\n\n{sentence(notebook, language)}\n\n{rest}"


def chapters() -> list[tuple[Path, str]]:
    """List every chapter of every edition, with its language."""
    paths = [*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("pt/chapters/*.ipynb")]
    return [(path, language_of(path.relative_to(ROOT).as_posix())) for path in sorted(paths)]


def main() -> None:
    for path, language in chapters():
        notebook = nbformat.read(path, as_version=4)
        source = with_sentence(notebook, language)
        if source != notebook.cells[0].source:
            notebook.cells[0].source = source
            for cell, identity in zip(notebook.cells, cell_ids(notebook), strict=True):
                cell.id = identity
            write(notebook, path)
        print(f"{path.relative_to(ROOT)}: {sentence(notebook, language)}")


if __name__ == "__main__":
    main()
