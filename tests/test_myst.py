"""The blocks of a text are those that the page shows, and each says on which lines it stands."""

import pytest
from myst import blocks, markdown_of
from nbformat import write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

TEXT = """# Title

````{prf:lemma} A *small* title
:label: lem-small
:class: dropdown

$$
x = 1
$$

```python
# ```{margin}
```

:::{question} q-small
- [ ] No.

  ```{margin}
  Aside.
  ```
:::
````

    ```{note}
    Four spaces are code.
    ```

> ```{claims}
> ```
"""


def test_blocks_are_read_one_within_another():
    found = [*blocks(TEXT)]
    assert [(block.mark, block.name, block.argument) for block in found] == [
        ("````", "prf:lemma", "A *small* title"),
        ("```", "", "python"),
        (":::", "question", "q-small"),
        ("```", "margin", ""),
        ("```", "claims", ""),
    ]
    assert found[0].options == {"label": "lem-small", "class": "dropdown"}
    assert [block.options for block in found[1:]] == [{}] * 4
    assert found[0].body.startswith("\n$$\nx = 1\n$$\n\n```python\n")
    assert [block.body for block in found[1:2] + found[3:]] == ["# ```{margin}\n", "Aside.\n", ""]


def test_a_block_says_on_which_lines_it_stands():
    lines = TEXT.splitlines()
    for block in blocks(TEXT):
        assert lines[block.start].lstrip("> ").startswith(block.mark)
        assert lines[block.end - 1].lstrip("> ") == block.mark
        body = [line.lstrip() for line in lines[block.inside : block.end - 1]]
        assert body == [line.lstrip() for line in block.body.splitlines()]


def test_what_stands_in_code_is_no_block():
    for name in ("", "python", "{eval-rst}", "{bibliography}"):
        assert len([*blocks(f"````{name}\n```{{note}}\n```\n````\n")]) == 1


@pytest.mark.parametrize("text", ["```{note} Open", "- ```{note} Open\n  a\n\nb\n\n```\n```\n"])
def test_a_fence_without_an_end_is_named(text):
    with pytest.raises(ValueError, match=r"```\{note\} Open is not closed"):
        [*blocks(text)]


def test_the_text_of_a_notebook_is_that_of_its_markdown_cells(tmp_path):
    cells = [new_markdown_cell("One."), new_code_cell("2"), new_markdown_cell("Three.")]
    write(new_notebook(cells=cells), tmp_path / "small.ipynb")
    assert markdown_of(tmp_path / "small.ipynb") == "One.\n\nThree."
