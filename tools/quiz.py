"""Questions with choices, each of which explains itself: the directive `question`.

    :::{question} q-loss-half
    A model halves the probability that it gives to the right word. What happens to the loss?

    - [ ] It doubles.

      Why this is wrong, and what one would have to believe to choose it.

    - [x] It grows by $\\log 2$.

      Why this is right.
    :::

The argument names the question. Exactly one choice is right, or as many as the option
`:right:` says. In HTML every choice is a `<details>` that opens to its explanation: it works
by mouse, touch and keyboard, and needs no script. In a notebook the text is a plain list.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from myst import blocks, markdown_of
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from strings import STRINGS, language_tag

LABEL = re.compile(r"q-[a-z0-9]+(?:-[a-z0-9]+)*")
CHOICE = re.compile(r"- \[(?P<mark>[ x])\] (?P<text>\S.*)")


@dataclass(frozen=True)
class Part:
    """A piece of a question's text, and the line of the body on which it begins."""

    text: str
    line: int


@dataclass(frozen=True)
class Choice:
    """What a reader may answer, whether it is right, and why."""

    answer: Part
    right: bool
    explanation: Part


@dataclass(frozen=True)
class Question:
    """A question and its choices."""

    label: str
    prompt: Part
    choices: tuple[Choice, ...]


def read_question(label: str, body: str, right: int = 1) -> Question:
    """Read the text of a question.

    Parameters
    ----------
    label : the name of the question, such as "q-loss-half"
    body : the prompt, then the choices as a list marked with `[x]` and `[ ]`
    right : how many choices must be right

    Raises
    ------
    ValueError
        Naming the question and what is wrong with it.
    """
    if not LABEL.fullmatch(label):
        raise ValueError(f"question {label!r}: its name must look like q-loss-half")
    lines = body.splitlines()
    starts = [number for number, line in enumerate(lines) if re.match(r"[-*+] ", line)]
    prompt = _part(lines, 0, starts[0] if starts else len(lines))
    if not prompt.text:
        raise ValueError(f"question {label}: nothing is asked before the choices")
    choices = tuple(
        _read_choice(label, lines, start, end) for start, end in pairwise([*starts, len(lines)])
    )
    if len(choices) < 2:
        raise ValueError(f"question {label}: {len(choices)} choices, expected at least 2")
    texts = [" ".join(choice.answer.text.lower().split()) for choice in choices]
    for text in texts:
        if texts.count(text) > 1:
            raise ValueError(f"question {label}: the choice {text!r} is there twice")
    found = sum(choice.right for choice in choices)
    if found != right:
        raise ValueError(f"question {label}: {found} choices are marked [x], expected {right}")
    return Question(label, prompt, choices)


def _read_choice(label: str, lines: list[str], start: int, end: int) -> Choice:
    first = CHOICE.fullmatch(lines[start])
    if first is None:
        raise ValueError(
            f"question {label}: {lines[start]!r} is no choice, expected '- [ ] ...' or '- [x] ...'"
        )
    for line in lines[start + 1 : end]:
        if line.strip() and not line.startswith("  "):
            raise ValueError(f"question {label}: {line!r} must be indented by two spaces")
    inner = [first["text"], *(line[2:] for line in lines[start + 1 : end])]
    gap = next((n for n, line in enumerate(inner) if not line.strip()), len(inner))
    answer, explanation = _part(inner, 0, gap, start), _part(inner, gap, len(inner), start)
    if not explanation.text:
        raise ValueError(f"question {label}: the choice {answer.text!r} has no explanation")
    return Choice(answer, first["mark"] == "x", explanation)


def _part(lines: list[str], start: int, end: int, offset: int = 0) -> Part:
    while start < end and not lines[start].strip():
        start += 1
    return Part("\n".join(lines[start:end]).strip(), offset + start)


def questions_of(path: Path) -> list[Question]:
    """Read the questions of one chapter, in reading order."""
    return [
        read_question(block.argument, block.body, int(block.options.get("right", 1)))
        for block in blocks(markdown_of(path))
        if block.name == "question"
    ]


class question(nodes.General, nodes.Element):
    """A question: its prompt, then its choices."""


class choice(nodes.General, nodes.Element):
    """One choice: its answer, then its explanation."""


class answer(nodes.General, nodes.TextElement):
    """What is chosen; always visible."""


class explanation(nodes.General, nodes.Element):
    """Why the choice is right or wrong; visible when the choice is open."""


class QuestionDirective(SphinxDirective):
    """Read a question, complain about a bad one, and build its nodes."""

    has_content = True
    required_arguments = 1
    option_spec = {"right": directives.positive_int}  # noqa: RUF012 (docutils wants it so)

    def run(self) -> list[nodes.Node]:
        right = self.options.get("right", 1)
        try:
            read = read_question(self.arguments[0], "\n".join(self.content), right)
        except ValueError as error:
            raise self.error(str(error)) from None
        strings = STRINGS[language_tag(self.config.language)]
        number = self.env.temp_data["questions"] = self.env.temp_data.get("questions", 0) + 1
        title = strings["question"].format(number=number)
        built = question("", ids=[read.label], title=title)
        self.state.document.note_explicit_target(built, built)
        self.set_source_info(built)
        built += self._parsed(read.prompt)
        if right > 1:
            note = strings["several"].format(count=right)
            built += nodes.paragraph("", "", nodes.emphasis("", note))
        for letter, one in zip("abcdefgh", read.choices, strict=False):
            verdict = strings["right" if one.right else "wrong"]
            paragraphs = self._parsed(one.answer)
            if len(paragraphs) != 1 or not isinstance(paragraphs[0], nodes.paragraph):
                raise self.error(f"question {read.label}: choice {letter} is no single paragraph")
            built += choice(
                "",
                answer("", "", *paragraphs[0].children, letter=letter),
                explanation("", *self._parsed(one.explanation), verdict=verdict, right=one.right),
                classes=["choice"],
            )
        return [built]

    def _parsed(self, part: Part) -> list[nodes.Node]:
        lines = StringList(part.text.splitlines(), source=self.get_source_info()[0])
        holder = nodes.Element()
        self.state.nested_parse(lines, self.content_offset + part.line, holder)
        return holder.children


def _open_question(self: Any, node: question) -> None:
    label = f"{node['ids'][0]}-title"
    self.body.append(
        self.starttag(node, "div", CLASS="question", role="group", **{"aria-labelledby": label})
    )
    self.body.append(f'<p class="question-title" id="{label}">{self.encode(node["title"])}</p>\n')


def _close_div(self: Any, node: nodes.Element) -> None:
    self.body.append("</div>\n")


def _open_choice(self: Any, node: choice) -> None:
    self.body.append(self.starttag(node, "details"))


def _close_choice(self: Any, node: choice) -> None:
    self.body.append("</details>\n")


def _open_answer(self: Any, node: answer) -> None:
    self.body.append(f'<summary><span class="choice-letter">{node["letter"]}</span>\n<span>')


def _close_answer(self: Any, node: answer) -> None:
    self.body.append("</span></summary>\n")


def _open_explanation(self: Any, node: explanation) -> None:
    kind, mark = ("right", "✓") if node["right"] else ("wrong", "✗")
    self.body.append(
        f'<div class="explanation {kind}">\n<p class="verdict">'
        f'<span aria-hidden="true">{mark}</span> {self.encode(node["verdict"])}</p>\n'
    )


def _open_question_latex(self: Any, node: question) -> None:
    self.body.append(f"\n\\subsubsection*{{{self.encode(node['title'])}}}\n")


def _open_answer_latex(self: Any, node: answer) -> None:
    self.body.append(f"\n\n\\noindent({node['letter']})~")


def _open_explanation_latex(self: Any, node: explanation) -> None:
    self.body.append(f"\n\\begin{{quote}}\\emph{{{self.encode(node['verdict'])}}} ")


def _close_explanation_latex(self: Any, node: explanation) -> None:
    self.body.append("\\end{quote}\n")


def _nothing(self: Any, node: nodes.Element) -> None:
    """Write nothing at this side of the node."""


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("question", QuestionDirective)
    app.add_node(
        question, html=(_open_question, _close_div), latex=(_open_question_latex, _nothing)
    )
    app.add_node(choice, html=(_open_choice, _close_choice), latex=(_nothing, _nothing))
    app.add_node(answer, html=(_open_answer, _close_answer), latex=(_open_answer_latex, _nothing))
    app.add_node(
        explanation,
        html=(_open_explanation, _close_div),
        latex=(_open_explanation_latex, _close_explanation_latex),
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
