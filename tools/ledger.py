"""The claims ledger, and what else the book needs from Sphinx.

A claim is a labeled box of a chapter (definition, theorem, lemma, proposition, corollary,
remark, example). Its tests name the label with `@pytest.mark.claim`. This module reads both
from the sources, renders the page `claims` with the directive of the same name, with a mark where
there is a formal proof (`formal.py`), and gives the document's statements the document's numbers,
after a D.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from editions import ROOT
from formal import PROOFS, Formal, all_formals, anchor, covered
from myst import blocks, markdown_of
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from strings import STRINGS, language_tag

# The book numbers its boxes by chapter, so without the D the document's Lemma 2.1, in chapter 5,
# would seem to stand in chapter 2.
DOCUMENT_NUMBERS = {"thm-2": ("D2",), "thm-2-1": ("D2", 1), "lem-2-1": ("D2", 1)}
GENERAL = ("definition", "theorem", "lemma", "proposition", "corollary")  # "for all": @given
PROVED = GENERAL[1:]


def _paragraph(key: str) -> re.Pattern[str]:
    """Match a paragraph that begins with these bold words, in any language."""
    words = "|".join(re.escape(strings[key]) for strings in STRINGS.values())
    return re.compile(rf"^\*\*(?:{words})\*\*.*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)


HYPOTHESES, STOPS = _paragraph("hypotheses"), _paragraph("stops")


@dataclass(frozen=True)
class Claim:
    """A labeled box: what it states, under which hypotheses, and where it stops."""

    label: str
    kind: str
    title: str
    chapter: str
    statement: str
    hypotheses: str
    stops: str


@dataclass(frozen=True)
class ClaimTest:
    """A test that names a claim; `general` where Hypothesis draws its inputs."""

    label: str
    name: str
    general: bool


def claims_of(path: Path) -> list[Claim]:
    """Read the claims of one chapter, in reading order."""
    claims = []
    for box in blocks(markdown_of(path)):
        domain, _, kind = box.name.partition(":")
        if domain != "prf" or kind == "proof":
            continue
        if "label" not in box.options:
            raise ValueError(f"{path.name}: the {kind} {box.argument!r} has no label")
        body = box.body.strip()
        hypotheses, stops = HYPOTHESES.search(body), STOPS.search(body)
        claims.append(
            Claim(
                label=box.options["label"],
                kind=kind,
                title=box.argument,
                chapter=path.stem,
                statement=STOPS.sub("", HYPOTHESES.sub("", body)).strip(),
                hypotheses=hypotheses[0] if hypotheses else "",
                stops=stops[0] if stops else "",
            )
        )
    return claims


def marks_of(path: Path) -> list[ClaimTest]:
    """Read which claims the tests of one file name."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        if any(decorator.startswith("pytest.mark.skip") for decorator in decorators):
            continue
        general = any(decorator.split("(")[0].endswith("given") for decorator in decorators)
        marks = [d for d in node.decorator_list if isinstance(d, ast.Call)]
        for mark in marks:
            if isinstance(mark.func, ast.Attribute) and mark.func.attr == "claim":
                found += [
                    ClaimTest(argument.value, f"{path.name}::{node.name}", general)
                    for argument in mark.args
                    if isinstance(argument, ast.Constant)
                ]
    return found


def all_claims(edition: Path = ROOT) -> list[Claim]:
    """Read the claims of all chapters of an edition."""
    return [claim for path in chapter_paths(edition) for claim in claims_of(path)]


@cache
def all_marks() -> tuple[ClaimTest, ...]:
    """Read the claim marks of all tests, once in a process."""
    return tuple(test for path in paths_of_tests() for test in marks_of(path))


def chapter_paths(edition: Path = ROOT) -> list[Path]:
    return sorted((edition / "chapters").glob("*.ipynb"))


def paths_of_tests() -> list[Path]:
    return sorted((ROOT / "tests").glob("test_*.py"))


class ClaimsDirective(SphinxDirective):
    """Render every claim with its hypotheses, its tests and the place where it stops."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        edition = Path(self.env.srcdir)
        for path in [*chapter_paths(edition), *paths_of_tests(), *PROOFS.iterdir(), Path(__file__)]:
            self.env.note_dependency(str(path))
        tests = all_marks()
        return [self._chapter(path, tests) for path in chapter_paths(edition) if claims_of(path)]

    def _chapter(self, path: Path, tests: Sequence[ClaimTest]) -> nodes.section:
        """Render the claims of one chapter."""
        language = language_tag(self.config.language)
        section = chapter_section(path, self.env.docname, language, "claims")
        lines: list[str] = []
        for claim in claims_of(path):
            own = [test for test in tests if test.label == claim.label]
            formals = [formal for formal in all_formals() if formal.label == claim.label]
            lines += rendered(claim, own, language, formals)
        self.state.nested_parse(StringList(lines, source="claims"), 0, section)
        return section


def chapter_section(path: Path, page: str, language: str, name: str) -> nodes.section:
    """Begin a section of a page, under a chapter's number and title, which lead to the chapter."""
    number = STRINGS[language]["chapter"].format(number=int(path.stem.split("_")[0]))
    title, _, _ = markdown_of(path).removeprefix("# ").partition("\n")
    section = nodes.section(ids=[f"{name}-{path.stem}"], classes=["claims"])
    text = f"{number[0].upper()}{number[1:]}. {title}"
    section += nodes.title("", "", _link(path, text, page))
    return section


def _link(path: Path, text: str, page: str) -> addnodes.pending_xref:
    """Link from a page to a chapter."""
    return addnodes.pending_xref(
        "",
        nodes.inline("", text),
        refdomain="std",
        reftype="doc",
        refdoc=page,
        reftarget=f"/chapters/{path.stem}",
        refexplicit=True,
        refwarn=True,
    )


def rendered(
    claim: Claim, tests: Sequence[ClaimTest], language: str = "en", formals: Sequence[Formal] = ()
) -> list[str]:
    """Write one claim as MyST; a fence of colons, because the title contains backticks."""
    strings = STRINGS[language]
    names = ", ".join(f"{{claim-test}}`{test.name}`" for test in tests) or strings["none"]
    parts = [claim.statement, claim.hypotheses, claim.stops, f"**{strings['tests']}** {names}"]
    if formals:
        link = f"{{ref}}`{strings['machine-checked']} <{anchor(claim.label)}>`"
        parts.append(f"{link}: {covered(formals, language)}")
    body = "\n\n".join(part for part in parts if part)
    title = f"{{prf:ref}}`{claim.label}`: {claim.title}"
    return [
        "",
        f"::::::{{admonition}} {title}",
        ":class: claim",
        "",
        *body.splitlines(),
        "::::::",
        "",
    ]


def number_as_the_document(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Replace the running numbers of the document's statements by the document's own, with a D."""
    for figures in env.toc_fignumbers.values():
        for numbers in figures.values():
            for label in numbers.keys() & DOCUMENT_NUMBERS.keys():
                numbers[label] = DOCUMENT_NUMBERS[label]
    return []


def make_ids_unique(app: Sphinx, doctree: nodes.document) -> None:
    """Number the ids that boxes and solutions get all alike; HTML wants them unique."""
    alike = (["proof-content"], ["proof"], ["exercise-content"], ["solution-content"])
    repeated = [node for node in doctree.findall(nodes.Element) if node.get("ids") in alike]
    for number, node in enumerate(repeated, start=1):
        node["ids"] = [f"{node['ids'][0]}-{number}"]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("claims", ClaimsDirective)
    app.connect("env-get-updated", number_as_the_document, priority=900)
    app.connect("doctree-read", make_ids_unique)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
