"""The index of the search: every section, box, term and function of an edition with its text.

Sphinx's own index knows in which page a word occurs. A page has 16,000 pixels, so this one names
the place, and holds the text from which the search shows a line: the browser forbids a page on
disk to fetch another. It is a script, `search_sections.js`, that only the search page loads;
`assets/search.js` hands it to MiniSearch and shows what that finds.
"""

import json
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Comment, NavigableString, Tag
from mathematics import undrawn
from sphinx.application import Sphinx
from strings import STRINGS, language_tag

FILE = "search_sections.js"
OPENING = "const SECTIONS = "
BOXES = {"proof", "exercise", "solution", "question"}
BOX_TITLES = {"admonition-title", "question-title"}
# Pictures and buttons; what a cell printed; and the ledger, which repeats the chapters' boxes.
LEFT_OUT = {"script", "style", "svg", "noscript", "button"}
LEFT_OUT_CLASSES = {
    "headerlink", "cell_output", "collapsed", "expanded", "verdict", "choice-letter", "claim",
    "term-uses", "explorer", "machine-checked",
}  # fmt: skip
INLINE = {"a", "abbr", "b", "cite", "code", "em", "i", "span", "strong", "sub", "sup"}
HEADING = re.compile("^h[1-6]$")
NAMES = {"n", "nn", "nf", "nc"}  # of Pygments: names of variables, modules, functions, classes
WORD = re.compile(r"\w+")

TEX = {
    r"\hat y": "ŷ", r"\hat p": "p̂", r"\log": "log", r"\exp": "exp", r"\min": "min",
    r"\max": "max", r"\theta": "θ", r"\eta": "η", r"\alpha": "α", r"\beta": "β",
    r"\lambda": "λ", r"\sigma": "σ", r"\varepsilon": "ε", r"\Delta": "Δ", r"\le": "≤",
    r"\ge": "≥", r"\ne": "≠", r"\approx": "≈", r"\cdot": "·", r"\times": "×", r"\infty": "∞",
    r"\to": "→", r"\in": "∈", r"\dots": "…", r"\ldots": "…", r"\pm": "±", r"\%": "%",
    r"\,": " ", "{,}": ",",
}  # fmt: skip
COMMAND = re.compile(
    "|".join(re.escape(tex) + (r"(?![a-zA-Z])" if tex[-1].isalpha() else "") for tex in TEX)
)
LOW = str.maketrans("0123456789+-=aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
HIGH = str.maketrans("0123456789+-=inT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼ⁱⁿᵀ")
BEYOND_A_LINE = re.compile(r"[\\{}_^&]")


@dataclass
class Place:
    """A place to which a result leads, and what is searched there."""

    anchor: str
    title: str = ""
    text: list[str] = field(default_factory=list)
    code: dict[str, None] = field(default_factory=dict)  # the names in its code, in order

    def row(self, terms: list[str]) -> list[str]:
        """Return what the script holds of the place; empty strings at the end are left out."""
        text = " ".join("".join(self.text).split())
        said = set(WORD.findall(text))
        code = " ".join(name for name in self.code if name not in said and len(name) > 2)
        row = [self.anchor, " ".join(self.title.split()), text, "; ".join(terms), code]
        while not row[-1] and len(row) > 1:
            row.pop()
        return row


def plain(tex: str) -> str:
    """Write a formula as text where it is a line of signs, and an ellipsis for any other."""
    line = COMMAND.sub(lambda found: TEX[found[0]], tex)
    for mark, signs in (("_", LOW), ("\\^", HIGH)):
        known = re.escape("".join(map(chr, signs)))
        line = re.sub(
            rf"{mark}(?:\{{([{known}]+)\}}|([{known}]))",
            lambda found, signs=signs: (found[1] or found[2]).translate(signs),
            line,
        )
    return "…" if BEYOND_A_LINE.search(line) or not 0 < len(line) <= 40 else " ".join(line.split())


def places_of(body: str) -> list[Place]:
    """Read the places of a page from the HTML of its text, in order."""
    places: list[Place] = []
    _read(BeautifulSoup(undrawn(body), "html.parser"), Place(""), places)
    return places


def _read(element: Tag, place: Place, places: list[Place]) -> None:
    """Add the text of an element to its place, and the places that begin in it."""
    for child in element.children:
        if isinstance(child, NavigableString):
            if not isinstance(child, Comment):
                place.text.append(child)
            continue
        classes = {*child.get("class", ())}
        if child.name in LEFT_OUT or classes & LEFT_OUT_CLASSES:
            continue
        if "cell_input" in classes:
            names = child.find_all("span", class_=NAMES.__contains__)
            place.code |= dict.fromkeys(name.get_text() for name in names)
        elif "math" in classes:
            source = child.find("annotation")  # KaTeX keeps the formula's TeX beside its drawing
            place.text.append(plain(source.get_text() if source else ""))
        elif begun := _begun(child, classes):
            places.append(begun)
            if child.name == "dt":  # what it explains follows it
                place = begun
            else:
                _read(child, begun, places)
        elif child.name in INLINE:
            _read(child, place, places)
        else:
            place.text.append(" ")
            _read(child, place, places)
            place.text.append(" ")


def _begun(tag: Tag, classes: set[str]) -> Place | None:
    """Return the place that begins with this tag, without its text, and take its title out."""
    anchor = tag.get("id")
    if not anchor:
        return None
    for link in tag.find_all(class_="headerlink"):
        link.decompose()
    if tag.name == "dt":
        return Place(anchor, anchor if "sig" in classes else tag.get_text())
    if "citation" in classes:
        return Place(anchor)
    if tag.name == "section":
        heading = tag.find(HEADING, recursive=False)
    elif classes & BOXES:
        heading = tag.find(class_=BOX_TITLES.__contains__)
    else:
        return None
    if heading is None:
        return None
    return Place(anchor, heading.extract().get_text())


def terms_at(app: Sphinx, page: str) -> dict[str, list[str]]:
    """Return the entries of the index at each place of a page."""
    found: dict[str, list[str]] = {}
    for kind, term, anchor, _, _ in app.env.get_domain("index").entries.get(page, ()):
        if kind == "single":
            found.setdefault(anchor, []).append(term)
    return found


def collect(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Read each page of text when it is made; give the search page its words."""
    if template == "search.html":
        words = STRINGS[language_tag(app.config.language)]
        prefix = "search-"
        context["search_words"] = {
            key.removeprefix(prefix): text for key, text in words.items() if key.startswith(prefix)
        }
    elif doctree is None:
        app.search_pages.pop(page, None)  # type: ignore[attr-defined]  # as that of the index
    else:
        terms = terms_at(app, page)
        places = places_of(context["body"])
        title = places[0].title if places else app.env.titles[page].astext()
        rows = [place.row(terms.get(place.anchor, [])) for place in places]
        app.search_pages[page] = [title, rows]  # type: ignore[attr-defined]


def take_over(app: Sphinx) -> None:
    """Start with no page, and write this index where Sphinx would write its own."""
    if app.builder.format == "html":
        app.search_pages = {}  # type: ignore[attr-defined]
        app.builder.index_page = lambda *_: None  # type: ignore[attr-defined]
        app.builder.load_indexer = lambda *_: None  # type: ignore[attr-defined]
        app.builder.dump_search_index = partial(write, app)  # type: ignore[attr-defined]


def write(app: Sphinx) -> None:
    """Write the script; pages that were not made anew stay as they were."""
    path = Path(app.outdir) / FILE
    pages = read(path) if path.exists() else {}
    pages |= app.search_pages  # type: ignore[attr-defined]
    kept = {page: pages[page] for page in sorted(app.env.found_docs & pages.keys())}
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    path.write_text(f"{OPENING}{text};\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Read a script of this kind: page → [title, [[anchor, title, text, terms, code], ...]]."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text.removeprefix(OPENING).removesuffix(";\n"))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", take_over)
    app.connect("html-page-context", collect, priority=100)  # the text as it was written
    return {"parallel_read_safe": True, "parallel_write_safe": False}
