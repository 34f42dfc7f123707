"""The words in two languages: data, complete in both, and none of them in code."""

import ast
import re
import string

import pytest
from notebooks import ROOT
from strings import EXPLORERS, STRINGS

from exercises.messages import MESSAGES, MISTAKES, by_language

TABLES = {"messages": MESSAGES, "mistakes": MISTAKES, "book": STRINGS, "explorers": EXPLORERS}
CODE = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"))
    for path in (ROOT / "exercises").glob("*.py")
}


def test_side_by_side_becomes_one_table_for_each_language():
    texts = {"yes": {"en": "Yes, {name}.", "pt": "Sim, {name}."}, "kinds": {"no": {"pt": "Não"}}}
    texts["kinds"]["no"]["en"] = "No"
    assert by_language(texts, ["en", "pt"], "words") == {
        "en": {"yes": "Yes, {name}.", "kinds": {"no": "No"}},
        "pt": {"yes": "Sim, {name}.", "kinds": {"no": "Não"}},
    }


@pytest.mark.parametrize(
    "entry",
    [
        {"en": "Yes."},
        {"pt": "Sim."},
        {"en": "Yes.", "pt": ""},
        {"en": "Yes.", "pt": "Sim.", "de": "Ja."},
        {"en": "Yes.", "pt": {"pt": "Sim."}},
        {"en": 1, "pt": 1},
        {"en": "Yes.", "pt": "Sim.", "de": ""},
        {},
    ],
)
@pytest.mark.parametrize("path", [["yes"], ["inner", "yes"]])
def test_a_text_that_a_language_lacks_is_named(entry, path):
    texts = entry
    for key in reversed(path):
        texts = {key: texts}
    place = re.escape(".".join(["words", *path]))
    with pytest.raises(ValueError, match=rf"^{place} must have a text in each of \['en', 'pt'\], "):
        by_language(texts, ["en", "pt"], "words")


def test_a_text_in_no_language_is_named():
    with pytest.raises(ValueError, match=r"^words\.yes must have a text .*, got 'Yes\.'$"):
        by_language({"yes": "Yes."}, ["en", "pt"], "words")


@pytest.mark.parametrize("other", ["Sim.", "Sim, {nome}.", "Sim, {name} e {name}."])
def test_a_field_that_a_language_lacks_is_named(other):
    texts = {"yes": {"en": "Yes, {name}.", "pt": other}}
    with pytest.raises(ValueError, match=r"^words\.yes must have the same fields .*'en': \['name'"):
        by_language(texts, ["en", "pt"], "words")


def strings_in(table):
    for key, text in table.items():
        yield from strings_in(text) if isinstance(text, dict) else [(key, text)]


@pytest.mark.parametrize("name", TABLES)
def test_braces_hold_nothing_but_fields(name):
    """What stands in other braces would not be filled in, and was not compared."""
    for table in TABLES[name].values():
        for key, text in strings_in(table):
            assert not re.search(r"[{}]", re.sub(r"\{\w+\}", "", text)), key


def test_no_two_words_of_a_check_are_the_same():
    """A text that was copied to be translated, and was not."""
    for table in (MESSAGES, MISTAKES):
        for key, text in table["en"].items():
            assert text != table["pt"][key], key


def constants(tree):
    """Return the strings of a module's code: neither docstrings, nor what an error says."""
    apart = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            apart |= set(ast.walk(node))
        elif isinstance(node, ast.Expr):
            apart.add(node.value)
    nodes = (node for node in ast.walk(tree) if node not in apart)
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_each_message_is_said_and_each_field_filled_in():
    said = {text for name in ("__init__", "frugal", "kinds") for text in constants(CODE[name])}
    assert set(MESSAGES["en"]) <= said
    texts = " ".join(MESSAGES["en"].values())
    fields = {name for _, name, _, _ in string.Formatter().parse(texts)}
    assert fields - {None, "mistake"} <= said  # `check` itself says what the mistake is
    for tree in CODE.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                key = node.args[0]
                assert not isinstance(key, ast.Constant) or key.value in MESSAGES["en"]


def test_each_mistake_is_known_to_an_exercise():
    known = {text for tree in CODE.values() for text in constants(tree)}
    assert set(MISTAKES["en"]) <= known


def test_code_holds_no_message():
    for name, tree in CODE.items():
        for text in constants(tree):
            assert not re.search(r"\w{2,},? \w{2,}", text), f"{name}: {text!r}"
