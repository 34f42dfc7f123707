"""The entries of the index, kept beside the text of an edition: `reference/index_terms.yml`.

The chapters stay free of index marks, which a notebook would show. When a page is read, every
entry whose place lies on it is added there. The page of the index (`templates/genindex.html`)
says of each link where it leads. Its order is that of a dictionary, which does not count accents.
"""

import re
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from search_words import without_accents
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from strings import STRINGS, language_tag

PLACE = re.compile(r"(?:(?P<chapter>\w+)#)?(?P<anchor>[a-z0-9-]+)")


def read_terms(path: Path) -> list[tuple[str, str]]:
    """Read (term, place) of every entry.

    Raises
    ------
    ValueError
        Naming the term and its place, where that is neither a label nor chapter#heading.
    """
    found = []
    for term, places in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        for place in places:
            if not PLACE.fullmatch(place):
                raise ValueError(f"{path.name}: {term!r} leads to {place!r}, which is no place")
            found.append((term, place))
    return found


class IndexTerms(SphinxTransform):
    """Add the entries whose places lie on this page."""

    default_priority = 700  # before Sphinx collects the index entries of a page

    def apply(self, **kwargs: Any) -> None:
        path = Path(self.env.srcdir) / "reference" / "index_terms.yml"
        self.env.note_dependency(str(path))
        page = self.env.docname.rsplit("/", 1)[-1]
        anchors = {
            anchor: node for node in self.document.findall(nodes.Element) for anchor in node["ids"]
        }
        for term, place in read_terms(path):
            where = PLACE.fullmatch(place)
            if where["chapter"] not in (None, page) or where["anchor"] not in anchors:
                continue
            node = anchors[where["anchor"]]
            entry = ("single", term, where["anchor"], "", None)
            node.parent.insert(node.parent.index(node), addnodes.index(entries=[entry]))


class NamesApart(SphinxTransform):
    """Take the names of the package out of the index of ideas; the API page lists them itself."""

    default_priority = 700

    def apply(self, **kwargs: Any) -> None:
        for node in [*self.document.findall(addnodes.index)]:
            after = node.next_node(descend=False, siblings=True)
            if isinstance(after, addnodes.desc) or node["entries"][0][1].startswith("module; "):
                node.parent.remove(node)


class ApiNames(SphinxDirective):
    """The place of the list of all names on the API page."""

    def run(self) -> list[nodes.Node]:
        return [api_names()]


class api_names(nodes.General, nodes.Element):
    """Stands for the list until all names are known."""


def list_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the names that the page documents in its list, in the order of a dictionary."""
    for node in [*doctree.findall(api_names)]:
        objects = app.env.get_domain("py").get_objects()
        names = [
            (*split_name(name), anchor)
            for name, _, kind, page, anchor, _ in objects
            if page == docname and kind != "module"
        ]
        items = nodes.bullet_list(classes=["index-entries"])
        for name, module, anchor in sorted(names, key=lambda entry: alphabetical(entry[0])):
            link = nodes.reference("", "", nodes.literal("", name), refid=anchor)
            items += nodes.list_item("", nodes.paragraph("", "", link, nodes.Text(f" ({module})")))
        node.replace_self(items)


def split_name(name: str) -> tuple[str, str]:
    """Split a full name into what one writes after an import, and its module.

    "nwp.weights.Nodes.logits" is `Nodes.logits` of `nwp.weights`: only classes have capitals.
    """
    match = re.fullmatch(r"([a-z_0-9.]+?)\.([A-Z].*|[^.]+)", name)
    if match is None:
        raise ValueError(f"{name!r} is the name of no module's function or class")
    return match[2], match[1]


def alphabetical(term: str) -> str:
    """Return the key by which a dictionary sorts: without accents and capitals."""
    return without_accents(term.lower())


def place_of(link: str, language: str = "en") -> str:
    """Name the page to which a link of the index leads; nothing for the API's own entries."""
    page = link.split("#")[0].removesuffix(".html")
    if chapter := re.search(r"chapters/0*(\d+)_", page):
        return STRINGS[language]["chapter"].format(number=chapter[1])
    return STRINGS[language]["glossary"] if page.endswith("glossary") else ""


def name_places(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Hand the page of the index what its template needs."""
    if template == "genindex.html":
        language = language_tag(app.config.language)
        context["place_of"] = partial(place_of, language=language)
        context["index_title"] = STRINGS[language]["index"]
        for _, entries in context["genindexentries"]:
            for _, (_, parts, _) in entries:
                parts.sort(key=lambda part: alphabetical(part[0]))
            entries.sort(key=lambda entry: alphabetical(entry[0]))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(IndexTerms)
    app.add_transform(NamesApart)
    app.add_node(api_names)
    app.add_directive("api-names", ApiNames)
    app.connect("doctree-resolved", list_names)
    app.connect("html-page-context", name_places)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
