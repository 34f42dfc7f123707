"""Bad questions are refused with a clear sentence, good ones open without a script."""

import pytest
from myst import blocks
from quiz import read_question
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace
from strings import language_of

GOOD = """What is $-\\log 1$?

- [ ] 1

  The logarithm is missing.

- [x] 0

  Certainty
  is free.
"""


def test_a_good_question_is_read():
    read = read_question("q-log-one", GOOD)
    assert read.prompt.text == "What is $-\\log 1$?"
    assert [(c.answer.text, c.right) for c in read.choices] == [("1", False), ("0", True)]
    assert read.choices[1].explanation.text == "Certainty\nis free."
    line = read.choices[1].explanation.line
    assert GOOD.splitlines()[line] == "  Certainty"


def without(text):
    return GOOD.replace(text, "")


@pytest.mark.parametrize(
    ("label", "body", "right", "message"),
    [
        ("log-one", GOOD, 1, "'log-one': its name must look like q-loss-half"),
        ("q-a", without("What is $-\\log 1$?"), 1, "q-a: nothing is asked before the choices"),
        ("q-a", "Why?", 1, "q-a: 0 choices, expected at least 2"),
        ("q-a", GOOD.replace("[x]", "[ ]"), 1, r"q-a: 0 choices are marked \[x\], expected 1"),
        ("q-a", GOOD.replace("[ ]", "[x]"), 1, r"q-a: 2 choices are marked \[x\], expected 1"),
        ("q-a", GOOD, 2, r"q-a: 1 choices are marked \[x\], expected 2"),
        ("q-a", without("  The logarithm is missing."), 1, "the choice '1' has no explanation"),
        ("q-a", GOOD.replace("[x] 0", "[x] 1"), 1, "q-a: the choice '1' is there twice"),
        ("q-a", GOOD.replace("[x]", "[y]"), 1, r"'- \[y\] 0' is no choice"),
        ("q-a", GOOD.replace("- [x]", "* [x]"), 1, r"'\* \[x\] 0' is no choice"),
        ("q-a", GOOD.replace("  Certainty", "Certainty"), 1, "'Certainty' must be indented"),
    ],
)
def test_each_bad_question_is_named(label, body, right, message):
    with pytest.raises(ValueError, match=message):
        read_question(label, body, right)


def build(folder, page, builder="html", language="en"):
    """Build one page with the directive; return its text and what Sphinx complained about."""
    source = folder / "source"
    source.mkdir()
    (source / "index.md").write_text(page, encoding="utf-8")
    with open(folder / "warnings", "w+", encoding="utf-8") as warnings, docutils_namespace():
        app = Sphinx(
            source, None, folder / "out", folder / "doctrees", builder,
            confoverrides={
                "extensions": ["myst_parser", "quiz"],
                "myst_enable_extensions": ["colon_fence", "dollarmath"],
                "language": language,
                "latex_documents": [("index", "book.tex", "Book", "", "manual")],
            },
            status=None, warning=warnings,
        )  # fmt: skip
        app.build()
        warnings.seek(0)
        complaints = warnings.read()
    out = folder / "out" / ("book.tex" if builder == "latex" else "index.html")
    return out.read_text(encoding="utf-8"), complaints


def page_with(body, options=""):
    return f"# Title\n\n:::{{question}} q-log-one\n{options}{body}:::\n"


def test_the_page_reads_the_question_that_the_tests_read():
    (block,) = blocks(page_with(GOOD, ":right: 1\n"))
    assert (block.name, block.argument) == ("question", "q-log-one")
    assert (block.options, block.body) == ({"right": "1"}, GOOD)


def test_a_question_is_details_with_words_for_right_and_wrong(tmp_path):
    html, complaints = build(tmp_path, page_with(GOOD))
    assert complaints == ""
    assert html.count("<details") == 2
    assert html.count("<summary>") == 2
    assert 'aria-labelledby="q-log-one-title" class="question"' in html
    assert 'id="q-log-one-title">Question 1</p>' in html
    right, wrong = html.index("> Right.</p>"), html.index("> Not right.</p>")
    assert html.index("The logarithm is missing") > wrong < right < html.index("Certainty")
    body = html[html.index('class="question"') : html.index("Certainty")]
    assert "<script" not in body


def test_several_right_choices_are_announced(tmp_path):
    html, complaints = build(tmp_path, page_with(GOOD.replace("[ ]", "[x]"), ":right: 2\n"))
    assert complaints == ""
    assert "2 of the choices are right." in html


def test_a_portuguese_page_speaks_portuguese(tmp_path):
    html, complaints = build(tmp_path, page_with(GOOD), language="pt_BR")
    assert complaints == ""
    for text in ("Pergunta 1", "> Certo.</p>", "> Não é isso.</p>"):
        assert text in html
    assert language_of("pt/chapters/01_loss") == "pt-BR" != language_of("ptolemy")


def test_a_bad_question_is_an_error_of_the_build(tmp_path):
    _, complaints = build(tmp_path, page_with(GOOD.replace("[x]", "[ ]")))
    assert "ERROR: question q-log-one: 0 choices are marked [x], expected 1" in complaints
    assert "index.md:3" in complaints


def test_a_choice_of_two_paragraphs_is_an_error_of_the_build(tmp_path):
    _, complaints = build(tmp_path, page_with(GOOD.replace("- [x] 0", "- [x] > 0")))
    assert "choice b is no single paragraph" in complaints


def test_a_question_is_printed_by_latex_too(tmp_path):
    tex, complaints = build(tmp_path, page_with(GOOD), builder="latex")
    assert complaints == ""
    assert tex.index("Question 1") < tex.index("(b)") < tex.index("Right.") < tex.index("Certainty")
