"""The words of the search: found with and without their accents, in both editions.

"funcao" finds "função". Words lose their accents before they are stemmed, in Python when the
index is made and in the reader's browser when it is asked; the two must do the same. The
stemmer of Portuguese knows the plural in "-ões" by its accent, so that is undone before.
"""

import re
import unicodedata
from typing import Any

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish
from sphinx.search.pt import SearchPortuguese


def without_accents(word: str) -> str:
    """Return the letters of a word without their accents: "funcao" for "função"."""
    letters = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in letters if unicodedata.category(letter)[0] != "M")


IN_THE_BROWSER = """
/* As tools/search_words.py does when the index is made. */
Stemmer = ((Accented) => function () {
  const accented = new Accented();
  this.stemWord = (word) =>
    accented.stemWord(word.normalize("NFD").replace(/\\p{M}/gu, "")%s);
})(Stemmer);
"""


class EnglishWords(SearchEnglish):
    """English words, and the Portuguese ones in examples, without their accents."""

    js_splitter_code = IN_THE_BROWSER % ""

    def stem(self, word: str) -> str:
        return super().stem(without_accents(word))


class PortugueseWords(SearchPortuguese):
    """Portuguese words without their accents; "funções" is found by "função" too."""

    js_splitter_code = IN_THE_BROWSER % '.replace(/[ao]es$/, "ao")'
    stopwords = SearchPortuguese.stopwords | set(map(without_accents, SearchPortuguese.stopwords))

    def stem(self, word: str) -> str:
        return super().stem(re.sub("[ao]es$", "ao", without_accents(word.lower())))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_search_language(EnglishWords)
    app.add_search_language(PortugueseWords)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
