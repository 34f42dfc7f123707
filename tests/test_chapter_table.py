"""The table of chapters follows from the contents and from the chapters themselves."""

import subprocess
import sys

import nbformat
import yaml
from bs4 import BeautifulSoup
from nbformat.v4 import new_markdown_cell, new_notebook
from notebooks import ROOT

QUESTIONS = {"chapters/01_one": "Is |V| $1$?", "chapters/02_two": "And two?", "other": ""}


def build(folder, parts, questions=QUESTIONS, language="en"):
    """Build a book of these parts; return its first page and what Sphinx complained about."""
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
    # In a process of its own: extensions leave traces in docutils and in each other.
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", source, folder / "html"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    html = (folder / "html" / "intro.html").read_text(encoding="utf-8")
    return BeautifulSoup(html, "html.parser"), done.stderr


def rows_of(table):
    return [[cell.get_text() for cell in row(["th", "td"])] for row in table("tr")]


def test_one_part_with_chapters_is_one_table_without_a_caption(tmp_path):
    page, warnings = build(tmp_path, {"Chapters": [*QUESTIONS][:2], "Closing": ["other"]})
    assert not warnings
    (table,) = page("table")
    assert rows_of(table) == [
        ["chapter", "the question"],
        ["Title of one", r"Is |V| \(1\)?"],
        ["Title of two", "And two?"],
    ]
    assert [link["href"] for link in table("a")] == ["chapters/01_one.html", "chapters/02_two.html"]
    assert not page.select(".rubric")


def test_each_of_several_parts_has_its_table(tmp_path):
    one, two, other = ([name] for name in QUESTIONS)
    page, warnings = build(tmp_path, {"First": one, "More": two, "End": other}, language="pt_BR")
    assert not warnings
    assert [rows_of(table)[0] for table in page("table")] == [["capítulo", "a pergunta"]] * 2
    assert [rows_of(table)[1][0] for table in page("table")] == ["Title of one", "Title of two"]
    captions = [table.find_previous("p", "rubric").get_text() for table in page("table")]
    assert captions == ["First", "More"]


def test_a_chapter_without_a_question_is_named(tmp_path):
    questions = QUESTIONS | {"chapters/02_two": ""}
    _, warnings = build(tmp_path, {"All": [*questions]}, questions)
    assert "the first cell of chapters/02_two must have a question" in warnings
