"""The page of the formal proofs, and the mark of each box that has one.

Both are made from the sources in `proofs/` (`tools/formal.py` reads them); no Coq is needed. The
directive `formal-proofs` lists, by chapter, what Coq has checked: the book's title and hypotheses
beside the formal statement. `formal-definitions` shows the definitions that all chapters share,
`formal-axioms` what they rest on, `formal-left-out` the claims without a formal proof, with the
reason from `proofs/left_out.toml`.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from formal import (
    AXIOMS,
    PROOFS,
    Formal,
    all_formals,
    anchor,
    chapter_files,
    covered,
    definitions_of,
    in_order,
)
from ledger import PROVED, Claim, all_claims, chapter_paths, chapter_section, claims_of
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from strings import LANGUAGES, STRINGS, language_tag

from exercises.messages import by_language

LEFT_OUT = PROOFS / "left_out.toml"
FORMULA = re.compile(r"\$([^$]+)\$")


def reasons(language: str) -> dict[str, str]:
    """Read why a claim has no formal proof: label → reason."""
    table = tomllib.loads(LEFT_OUT.read_text(encoding="utf-8"))
    return by_language(table, LANGUAGES, LEFT_OUT.name)[language]


def depend(env: BuildEnvironment) -> None:
    """Read the page anew where a proof, or what stays out, has changed."""
    for path in [*PROOFS.iterdir(), Path(__file__)]:
        env.note_dependency(str(path))


class FormalProofs(SphinxDirective):
    """Render the theorems of all chapters beside what the book says."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        depend(self.env)
        edition, language = Path(self.env.srcdir), language_tag(self.config.language)
        files = {path.stem: path for path in chapter_files()}
        sections = []
        for path in chapter_paths(edition):
            self.env.note_dependency(str(path))
            file = files.get(path.stem.split("_", 1)[1])
            if file is None:
                continue
            section = chapter_section(path, self.env.docname, language, "formal")
            lines = definitions(file, language)
            for claim in claims_of(path):
                own = [formal for formal in all_formals() if formal.label == claim.label]
                lines += shown(claim, own, language) if own else []
            self.state.nested_parse(StringList(lines, source="formal-proofs"), 0, section)
            sections.append(section)
        return [*self._summary(language), *sections]

    def _summary(self, language: str) -> list[nodes.Node]:
        """Say how many of the claims with a proof in the book have a formal one, and list them."""
        proved = {formal.label for formal in all_formals()}
        provable = [claim.label for claim in all_claims() if claim.kind in PROVED]
        text = STRINGS[language]["formal-count"].format(
            done=len(proved & {*provable}), count=len(provable), more=len(proved - {*provable})
        )
        container = nodes.container()
        lines = table(all_formals(), language)
        self.state.nested_parse(StringList(lines, source="formal-proofs"), 0, container)
        return [nodes.paragraph("", text), *container.children]


def table(formals: list[Formal], language: str) -> list[str]:
    """Write a table of the theorems as MyST, folded."""
    strings = STRINGS[language]
    head = ["", f"::::::{{admonition}} {strings['formal-table']}", ":class: dropdown", ""]
    columns = [f"| {strings['formal-columns']} |", "|---|---|---|"]
    rows = [
        f"| {{prf:ref}}`{f.label}` | {{ref}}`{f.name} <{anchor(f.label)}>` | {f.lines} |"
        for f in formals
    ]
    return [*head, *columns, *rows, "::::::", ""]


def definitions(file: Path, language: str) -> list[str]:
    """Write the definitions of a chapter's file as MyST, folded."""
    code = definitions_of(file)
    title = STRINGS[language]["formal-definitions"]
    head = ["", f"::::::{{admonition}} {title}", ":class: dropdown", ""]
    return [*head, "```coq", *code.splitlines(), "```", "::::::", ""] if code else []


def shown(claim: Claim, formals: list[Formal], language: str) -> list[str]:
    """Write one claim with its theorems as MyST, the book's hypotheses before the formal ones."""
    strings = STRINGS[language]
    body = [f"**{strings['formal-covers']}** {covered(formals, language)}"]
    body.append(claim.hypotheses)
    said = dict.fromkeys(formal.hypotheses[language] for formal in formals)
    body += [f"**{strings['formal-hypotheses']}** {words}" for words in said]
    for formal in formals:
        place = strings["formal-place"].format(
            place=f"{{proof-source}}`{formal.file}::{formal.name}`", lines=formal.lines
        )
        body += [f"```coq\n{formal.statement}\n```", place]
    return [
        "",
        f"({anchor(claim.label)})=",
        f"::::::{{admonition}} {{prf:ref}}`{claim.label}`: {claim.title}",
        ":class: claim formal",
        "",
        *"\n\n".join(part for part in body if part).splitlines(),
        "::::::",
        "",
    ]


class FormalDefinitions(SphinxDirective):
    """Show the definitions that all chapters share."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        depend(self.env)
        common = [path for path in in_order() if path not in chapter_files()]
        code = "\n\n".join(definitions_of(path) for path in common)
        return [nodes.literal_block(code, code, language="coq")]


class FormalAxioms(SphinxDirective):
    """List the axioms that a theorem may rest on."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        items = [nodes.list_item("", nodes.paragraph("", "", nodes.literal("", a))) for a in AXIOMS]
        return [nodes.bullet_list("", *items)]


class FormalLeftOut(SphinxDirective):
    """List the claims that have a proof in the book and no formal one, with the reason."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        depend(self.env)
        language = language_tag(self.config.language)
        why = reasons(language)
        proved = {formal.label for formal in all_formals()}
        lines = []
        for claim in all_claims(Path(self.env.srcdir)):
            if claim.label in why or (claim.kind in PROVED and claim.label not in proved):
                reason = why.get(claim.label, STRINGS[language]["formal-not-yet"])
                lines.append(f"- {{prf:ref}}`{claim.label}`: {claim.title}. {reason}")
        container = nodes.container()
        self.state.nested_parse(StringList(lines, source="formal-left-out"), 0, container)
        return container.children


def mark_boxes(app: Sphinx, doctree: nodes.document) -> None:
    """Say below each box of a chapter what of it is checked by a machine, and link there."""
    if not app.env.docname.startswith("chapters/"):
        return
    depend(app.env)
    language = language_tag(app.config.language)
    formals = all_formals()
    for box in doctree.findall(lambda node: "realtype" in getattr(node, "attributes", {})):
        if own := [formal for formal in formals if formal.label == box["label"]]:
            box += _mark(own, app.env.docname, language)


def _mark(formals: list[Formal], page: str, language: str) -> nodes.paragraph:
    link = addnodes.pending_xref(
        "",
        nodes.inline("", STRINGS[language]["machine-checked"]),
        refdomain="std",
        reftype="ref",
        refdoc=page,
        reftarget=anchor(formals[0].label),
        refexplicit=True,
        refwarn=True,
    )
    mark = nodes.paragraph("", "", link, nodes.Text(": "), classes=["machine-checked"])
    for place, text in enumerate(FORMULA.split(covered(formals, language))):
        mark += nodes.math(text, text) if place % 2 else nodes.Text(text)
    return mark


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("formal-proofs", FormalProofs)
    app.add_directive("formal-definitions", FormalDefinitions)
    app.add_directive("formal-axioms", FormalAxioms)
    app.add_directive("formal-left-out", FormalLeftOut)
    app.connect("doctree-read", mark_boxes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
