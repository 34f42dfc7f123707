"""The bibliography and the citations in Portuguese: "e" for "and", "organizadores", "outros".

The styles `plain_pt` and `author_year_pt` are those of pybtex and sphinxcontrib-bibtex with other
words. A field whose words are to be translated has its translation beside it in `references.bib`:
`howpublished_pt` for `howpublished`.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pybtex.plugin
import sphinxcontrib.bibtex.plugin
from pybtex.database import Entry, Person
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.formatting.unsrt import pages
from pybtex.style.template import field as field_of
from pybtex.style.template import join, names, optional, sentence, together, words
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.style.referencing import PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

TRANSLATED = "_pt"  # the end of the name of a field


class PortugueseStyle(PlainStyle):
    """pybtex's plain style, in Portuguese where an entry of ours says a word of its own."""

    def format_entry(self, label: str, entry: Entry, bib_data: Any = None) -> Any:
        own = deepcopy(entry)
        for name in [name for name in own.fields if name.endswith(TRANSLATED)]:
            own.fields[name.removesuffix(TRANSLATED)] = own.fields[name]
        for people in own.persons.values():
            people[:] = [Person("outros") if str(p) == "others" else p for p in people]
        return super().format_entry(label, own, bib_data)

    def format_names(self, role: str, as_sentence: bool = True) -> Any:
        people = names(role, sep=", ", sep2=" e ", last_sep=" e ")
        return sentence[people] if as_sentence else people

    def format_editor(self, e: Entry, as_sentence: bool = True) -> Any:
        editors = self.format_names("editor", as_sentence=False)
        if "editor" not in e.persons:
            return editors
        word = "organizadores" if len(e.persons["editor"]) > 1 else "organização"
        people = join(sep=", ")[editors, word]
        return sentence[people] if as_sentence else people

    def format_volume_and_series(self, e: Entry, as_sentence: bool = True) -> Any:
        volume = together["volume", field_of("volume")]
        return optional[words[volume, optional[words["de", field_of("series")]]]]

    def format_chapter_and_pages(self, e: Entry) -> Any:
        return optional[together["páginas", pages]]


@dataclass
class PortugueseReferences(AuthorYearReferenceStyle):
    """Author and year, with "e" between two authors."""

    person: PersonStyle = field(default_factory=lambda: PersonStyle(sep2=" e ", last_sep=" e "))


def setup(app: Sphinx) -> dict[str, Any]:
    pybtex.plugin.register_plugin("pybtex.style.formatting", "plain_pt", PortugueseStyle)
    sphinxcontrib.bibtex.plugin.register_plugin(
        "sphinxcontrib.bibtex.style.referencing", "author_year_pt", PortugueseReferences
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
