"""The glossary and the chapters, linked both ways when the book is built.

The first use of a term in the prose of a chapter leads to its entry, and the entry to all first
uses. The chapters stay free of marks for this, which a notebook would show. A term is also met
as its plural and in the forms that an edition lists in `reference/glossary_forms.yml`; the same
file says where a word of everyday language is no term.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from myst import blocks
from quiz import question
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx_exercise.nodes import solution_node
from strings import STRINGS, language_tag

PAGE = "reference/glossary"  # the page's name in an edition
FORMS = "reference/glossary_forms.yml"
PARTS = ("forms", "not in", "chapters")
ENTRY = re.compile(r"^(\S[^\n]*)\n  \S", re.MULTILINE)
# Where the book does not speak itself, or a fold hides what it says.
NO_PROSE = (nodes.block_quote, nodes.footnote, nodes.legend, question, solution_node)
NO_TEXT = (nodes.literal, nodes.math, nodes.raw, nodes.reference, addnodes.pending_xref)
CHAPTER = re.compile(r"^chapters/0*(\d+)_")


@dataclass(frozen=True)
class Term:
    """An entry of the glossary: its forms, and the phrases in which they mean something else."""

    name: str
    forms: tuple[str, ...]
    not_in: tuple[str, ...] = ()
    chapters: tuple[int, ...] = ()  # the only ones in which it is a term, where it is not in all


def names_of(edition: Path) -> list[str]:
    """Read the names of the entries, in the order of the page."""
    page = (edition / f"{PAGE}.md").read_text(encoding="utf-8")
    (glossary,) = (block for block in blocks(page) if block.name == "glossary")
    return ENTRY.findall(glossary.body)


def terms_of(edition: Path) -> list[Term]:
    """Read the entries of an edition with the forms in which the chapters write them.

    Raises
    ------
    ValueError
        Naming the first term of the forms that is no entry of the glossary.
    """
    listed = yaml.safe_load((edition / FORMS).read_text(encoding="utf-8"))
    names = names_of(edition)
    for name in listed:
        if name not in names:
            raise ValueError(f"{FORMS}: {name!r} is no entry of {PAGE}.md")
    return [_term(name, listed.get(name) or {}) for name in names]


def _term(name: str, listed: dict[str, Any]) -> Term:
    if unknown := listed.keys() - {*PARTS}:
        raise ValueError(
            f"{FORMS}: {name!r} has {sorted(unknown)}, expected forms, not in, chapters"
        )
    return Term(
        name,
        (name, f"{name}s", *listed.get("forms", ())),
        tuple(listed.get("not in", ())),
        tuple(listed.get("chapters", ())),
    )


class Finder:
    """Finds the terms in a text; of overlapping ones the longest, and of equals the first."""

    def __init__(self, terms: list[Term], chapter: int):
        own = [term for term in terms if not term.chapters or chapter in term.chapters]
        self.names = {_key(form): term.name for term in own for form in term.forms}
        self.names |= {_key(phrase): "" for term in own for phrase in term.not_in}
        longest = sorted(self.names, key=len, reverse=True)
        words = "|".join(re.escape(form).replace(r"\ ", r"\s+") for form in longest)
        self.pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)

    def found(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Give the name of each term in the text, with its first place and that after its last."""
        for match in self.pattern.finditer(text):
            if name := self.names[_key(match[0])]:
                yield name, match.start(), match.end()


def _key(words: str) -> str:
    return " ".join(words.lower().split())


def prose_of(document: nodes.Element) -> Iterator[nodes.paragraph]:
    """Give the paragraphs that speak to the reader in the book's own voice, and in view."""
    for child in document.children:
        if isinstance(child, nodes.paragraph):
            yield child
        elif isinstance(child, nodes.Element) and not isinstance(child, NO_PROSE):
            yield from prose_of(child)


def leaves_of(element: nodes.Element) -> Iterator[nodes.Node]:
    """Give the texts of a paragraph, also those in italics or bold, and whole what is no text."""
    for child in element.children:
        if isinstance(child, (nodes.Text, *NO_TEXT)) or not child.children:
            yield child
        else:
            yield from leaves_of(child)


def text_of(leaf: nodes.Node) -> str:
    """Return a text, or one character that no term has for what is no text."""
    return str(leaf) if isinstance(leaf, nodes.Text) else "\0"


def wrap(paragraph: nodes.paragraph, start: int, end: int, link: nodes.Element) -> None:
    """Put this piece of the paragraph's text into the link, with its italics or bold.

    Raises
    ------
    ValueError
        Naming the piece, where it begins or ends amid what is set in italics or bold.
    """
    place, run = 0, []
    for leaf in [*leaves_of(paragraph)]:
        text = text_of(leaf)
        cuts = [0, *(c - place for c in (start, end) if 0 < c - place < len(text)), len(text)]
        parts = [nodes.Text(text[a:b]) for a, b in pairwise(cuts)] if len(cuts) > 2 else [leaf]
        at = _index(leaf)
        leaf.parent[at : at + 1] = parts
        spans = zip(parts, pairwise(cuts), strict=True)
        run += [part for part, (a, b) in spans if start <= place + a < place + b <= end]
        place += len(text)
    if len({id(leaf.parent) for leaf in run}) > 1:
        outer = [leaf if leaf.parent is paragraph else leaf.parent for leaf in run]
        whole = [node for i, node in enumerate(outer) if i == 0 or node is not outer[i - 1]]
        if [leaf for node in whole for leaf in (node.children or [node])] != run:
            raise ValueError(f"{''.join(map(str, run))!r} is set in italics or bold only in part")
        run = whole
    parent, at = run[0].parent, _index(run[0])
    parent[at : at + len(run)] = [link]
    link[0].extend(run)


def _index(node: nodes.Node) -> int:
    """Return the node's place in its parent; two texts that say the same are two."""
    return next(i for i, child in enumerate(node.parent.children) if child is node)


def anchor_of(name: str) -> str:
    """Return the anchor of a term's first use in a chapter."""
    return nodes.make_id(f"use-{name}")


def link_first_uses(document: nodes.document, finder: Finder) -> list[str]:
    """Link the first use of each term in the prose of a chapter; return their names, in order."""
    seen: list[str] = []
    for paragraph in [*prose_of(document)]:
        first = {}
        for name, start, end in finder.found("".join(map(text_of, leaves_of(paragraph)))):
            if name not in seen:
                seen.append(name)
                first[name] = (start, end)
        for name, (start, end) in reversed(first.items()):  # what stands before keeps its place
            wrap(paragraph, start, end, _link(name))
    return seen


def _link(name: str) -> addnodes.pending_xref:
    inner = nodes.inline("", "", ids=[anchor_of(name)], classes=["xref", "std", "std-term"])
    return addnodes.pending_xref(
        "", inner, refdomain="std", reftype="term", reftarget=name, refexplicit=True, refwarn=True
    )


class FirstUses(SphinxTransform):
    """Link the first uses in a chapter."""

    default_priority = 690

    def apply(self, **kwargs: Any) -> None:
        chapter = CHAPTER.search(self.env.docname)
        if chapter is None:
            return
        edition = Path(self.env.srcdir)
        for name in (f"{PAGE}.md", FORMS):
            self.env.note_dependency(str(edition / name))
        link_first_uses(self.document, Finder(terms_of(edition), int(chapter[1])))


def lead_back(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Say in each entry of the glossary in which chapters the term is used, with a link to it."""
    if not any(doctree.findall(addnodes.glossary)):
        return
    uses = [(name, found[1], _anchors(app, name)) for name, found in _chapters(app)]
    strings = STRINGS[language_tag(app.config.language)]
    for item in doctree.findall(nodes.definition_list_item):
        anchor = anchor_of(item[0].astext())
        links: list[nodes.Node] = []
        for name, number, anchors in uses:
            if anchor in anchors:
                address = f"{app.builder.get_relative_uri(docname, name)}#{anchor}"
                text = strings["chapter"].format(number=int(number))
                links += [nodes.Text(" · "), nodes.reference("", text, refuri=address)]
        if links:
            before = nodes.Text(f"{strings['uses']} ")
            item[-1].append(nodes.paragraph("", "", before, *links[1:], classes=["term-uses"]))


def _chapters(app: Sphinx) -> list[tuple[str, re.Match[str]]]:
    matches = [(name, CHAPTER.search(name)) for name in sorted(app.env.found_docs)]
    return [(name, match) for name, match in matches if match]


def _anchors(app: Sphinx, name: str) -> set[str]:
    inner = app.env.get_doctree(name).findall(nodes.inline)
    return {anchor for node in inner for anchor in node["ids"]}


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(FirstUses)
    app.connect("doctree-resolved", lead_back)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
