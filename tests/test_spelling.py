"""The prose of both editions is spelled right, and what is checked is the prose."""

import os
import re
import shutil

import pytest
import spelling
from spelling import DICTIONARIES, LISTS, forms, in_no_dictionary, listed, misspelled, prose_of
from test_index import alphabetical


@pytest.fixture(scope="module")
def hunspell():
    if shutil.which("hunspell") is None:
        reason = f"no hunspell is installed (Debian: {spelling.PACKAGES}): spelling not checked"
        if os.environ.get("NWP_REQUIRE_HUNSPELL"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.mark.parametrize("language", DICTIONARIES)
def test_no_word_is_wrong(hunspell, language):
    found = misspelled(language)
    assert not found, "\n".join(
        [*found, f"a right word belongs into tools/spelling/{language}.txt"]
    )


@pytest.mark.parametrize("name", [*DICTIONARIES, "both"])
def test_lists_are_sorted_and_hold_nothing_in_vain(hunspell, name):
    words = listed(name)
    assert words == sorted(set(words), key=alphabetical)
    for language in DICTIONARIES if name == "both" else [name]:
        needed = {form for word in in_no_dictionary(language) for form in forms(word)}
        assert not set(words) - needed, f"not needed in {language}"


def test_each_list_belongs_to_a_language():
    assert {path.stem for path in LISTS.iterdir()} == {*DICTIONARIES, "both"}
    lists = [set(listed(name)) for name in (*DICTIONARIES, "both")]
    assert not lists[2] & (lists[0] | lists[1])


PAGE = """(a-label)=
# A **title** of `code` and $formula$

See {doc}`some words <chapters/01_loss>`, {prf:ref}`thm-lost`, {cite}`jurafsky` and
[a link](https://example.org/adress) of <span class="clas">the page</span>.

````{prf:lemma} Some name
:label: lem-lable
:class: dropdwn

Twice $$\\alfa$$ said. Then 1e-6 of int8 by nwp.loss.

```python
for speling in mistake:
```

Afterwards.
````

```{eval-rst}
.. automodul:: nwp
```

> A quotatoin.

:::{question} q-loss-hlf
Right?
:::
"""


def test_prose_is_what_is_left_without_code_formulas_and_references():
    words = "A title of and See some words and a link of the page Some name Twice said Then of by"
    left = re.sub(r"[^\w\s?]", " ", prose_of(PAGE)).split()
    assert left == [*words.split(), "Afterwards", "Right?"]


def test_wrong_words_are_found_with_their_place(hunspell, monkeypatch):
    text = 'The *predição* of a wrod is "entropia", predição and softmax’s *wrod*.'
    monkeypatch.setattr(spelling, "texts", lambda language: [("page.md", text)])
    assert misspelled("en") == ["predição: page.md", "wrod: page.md"]
    monkeypatch.setattr(spelling, "texts", lambda language: [("página.md", "A *loss* é a preda.")])
    assert misspelled("pt") == ["preda: página.md"]


def test_without_hunspell_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("NWP_REQUIRE_HUNSPELL", raising=False)
    with pytest.raises(SystemExit) as stopped:
        spelling.main()
    assert stopped.value.code == 0
    assert "apt-get install hunspell" in capsys.readouterr().out
    monkeypatch.setenv("NWP_REQUIRE_HUNSPELL", "1")
    with pytest.raises(SystemExit) as stopped:
        spelling.main()
    assert stopped.value.code == 1
