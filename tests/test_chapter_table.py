"""The table of chapters follows from the contents and from the chapters themselves."""

import subprocess
import sys

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from nbformat.v4 import new_markdown_cell, new_notebook
from notebooks import ROOT

QUESTIONS = {"chapters/01_one": "Is |V| $1$?", "chapters/02_two": "And two?", "other": ""}


FIRST, SECOND, OTHER = QUESTIONS

# The books of the tests: parts, questions, language.
BOOKS = {
    "one part": ({"Chapters": [FIRST, SECOND], "Closing": [OTHER]}, QUESTIONS, "en"),
    "several": ({"First": [FIRST], "More": [SECOND], "End": [OTHER]}, QUESTIONS, "pt_BR"),
    "no question": ({"All": [*QUESTIONS]}, QUESTIONS | {SECOND: ""}, "en"),
}
# Builds each folder that it is given, and keeps apart what Sphinx complains about.
BUILD = """\
import sys
from contextlib import redirect_stderr
from pathlib import Path
from sphinx.cmd.build import build_main

for folder in map(Path, sys.argv[1:]):
    with (folder / "warnings").open("w", encoding="utf-8") as said, redirect_stderr(said):
        status = build_main(["-q", "-b", "html", f"{folder / 'source'}", f"{folder / 'html'}"])
    assert status == 0, folder
"""


def write(folder, parts, questions, language):
    """Write the sources of a book of these parts."""
    source = folder / "source"
    (source / "chapters").mkdir(parents=True)
    (source / "intro.md").write_text("# Book\n\n```{chapter-table}\n```\n", encoding="utf-8")
    for name, question in questions.items():
        cell = new_markdown_cell(f"# Title of {name[-3:]}")
        cell.metadata["nwp"] = {"question": question} if question else {}
        nbformat.write(new_notebook(cells=[cell]), source / f"{name}.ipynb")
    toc = {"root": "intro", "parts": [{"caption": c, "chapters": n} for c, n in parts.items()]}
    toc["parts"] = [
        part | {"chapters": [{"file": name} for name in part["chapters"]]} for part in toc["parts"]
    ]
    (source / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", **toc}), encoding="utf-8")
    settings = {
        "extensions": ["myst_nb", "sphinx_external_toc", "chapter_table"],
        "myst_enable_extensions": ["dollarmath"],
        "nb_execution_mode": "off",
        "language": language,
    }
    lines = ["import sys", f"sys.path[:0] = {[str(ROOT), str(ROOT / 'tools')]}"]
    lines += [f"{name} = {value!r}" for name, value in settings.items()]
    (source / "conf.py").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build the books; return for each its first page and what Sphinx complained about."""
    folders = {name: tmp_path_factory.mktemp("book") for name in BOOKS}
    for name, folder in folders.items():
        write(folder, *BOOKS[name])
    # In a process of their own: extensions leave traces in docutils. In one, for it takes longer
    # to load them than to build.
    subprocess.run([sys.executable, "-c", BUILD, *folders.values()], check=True)
    return {
        name: (
            BeautifulSoup((folder / "html" / "intro.html").read_text("utf-8"), "html.parser"),
            (folder / "warnings").read_text(encoding="utf-8"),
        )
        for name, folder in folders.items()
    }


def rows_of(table):
    return [[cell.get_text() for cell in row(["th", "td"])] for row in table("tr")]


def test_one_part_with_chapters_is_one_table_without_a_caption(built):
    page, warnings = built["one part"]
    assert not warnings
    (table,) = page("table")
    assert rows_of(table) == [
        ["chapter", "the question"],
        ["Title of one", r"Is |V| \(1\)?"],
        ["Title of two", "And two?"],
    ]
    assert [link["href"] for link in table("a")] == ["chapters/01_one.html", "chapters/02_two.html"]
    assert not page.select(".rubric")


def test_each_of_several_parts_has_its_table(built):
    page, warnings = built["several"]
    assert not warnings
    assert [rows_of(table)[0] for table in page("table")] == [["capítulo", "a pergunta"]] * 2
    assert [rows_of(table)[1][0] for table in page("table")] == ["Title of one", "Title of two"]
    captions = [table.find_previous("p", "rubric").get_text() for table in page("table")]
    assert captions == ["First", "More"]


def test_a_chapter_without_a_question_is_named(built):
    _, warnings = built["no question"]
    assert "the first cell of chapters/02_two must have a question" in warnings
