"""The entries of the index, kept beside the text: `index_terms.yml`.

The chapters stay free of index marks, which a notebook would show. When a page is read, every
entry whose place lies on it is added there.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).resolve().parent.parent
PLACE = re.compile(r"(?:(?P<chapter>\w+)#)?(?P<anchor>[a-z0-9-]+)")


def read_terms(path: Path) -> list[tuple[str, str, bool]]:
    """Read (term, place, whether it is the main one) of every entry.

    Raises
    ------
    ValueError
        Naming the term and its place, where that is neither a label nor chapter#heading.
    """
    found = []
    for term, places in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        for number, place in enumerate(places):
            if not PLACE.fullmatch(place):
                raise ValueError(f"{path.name}: {term!r} leads to {place!r}, which is no place")
            found.append((term, place, number == 0))
    return found


def terms_file(docname: str) -> Path:
    """Return the index of a page's language; there may be none."""
    return ROOT / ("pt/index_terms.yml" if docname.startswith("pt/") else "index_terms.yml")


class IndexTerms(SphinxTransform):
    """Add the entries whose places lie on this page."""

    default_priority = 700  # before Sphinx collects the index entries of a page

    def apply(self, **kwargs: Any) -> None:
        path = terms_file(self.env.docname)
        if not path.exists():
            return
        self.env.note_dependency(str(path))
        page = self.env.docname.rsplit("/", 1)[-1]
        anchors = {
            anchor: node for node in self.document.findall(nodes.Element) for anchor in node["ids"]
        }
        for term, place, is_main in read_terms(path):
            where = PLACE.fullmatch(place)
            if where["chapter"] not in (None, page) or where["anchor"] not in anchors:
                continue
            node = anchors[where["anchor"]]
            entry = ("single", term, where["anchor"], "main" if is_main else "", None)
            node.parent.insert(node.parent.index(node), addnodes.index(entries=[entry]))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(IndexTerms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
