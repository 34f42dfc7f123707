// The search: MiniSearch finds the places of `search_sections.js` (tools/search_index.py) by the
// stems of `language_data.js` (tools/search_words.py); this shows them, with a line of their text.
"use strict";

const WORD = /[\p{L}\p{M}\p{N}]+/gu;
const SHOWN = 20; // results at first, and with each press of the button
const AROUND = 90; // characters of the text before and after a word that was found

const stemmer = new Stemmer();
const stems = new Map();

// A word as the index knows it; none for one that says nothing.
function stemOf(word) {
  const small = word.toLowerCase();
  if (!stems.has(small)) stems.set(small, stopwords.includes(small) ? null : stemmer.stemWord(small));
  return stems.get(small);
}

function readPlaces() {
  const rows = Object.entries(SECTIONS).flatMap(([page, [pageTitle, places]]) =>
    places.map(([anchor, title, text = "", terms = "", code = ""]) => ({
      page, pageTitle, anchor, title, text, terms, code,
    }))
  );
  return rows.map((row, id) => ({ id, ...row }));
}

// Of equal places, one that explains comes before one that asks, and a chapter before the rest.
function weight({ page, anchor }) {
  return (page.includes("chapters/") ? 1 : 0.6) * (/^exr-|^q-|-solution-/.test(anchor) ? 0.6 : 1);
}

function makeIndex(places) {
  const index = new MiniSearch({
    fields: ["title", "terms", "text", "code"],
    tokenize: (text) => text.match(WORD) ?? [],
    processTerm: stemOf,
    searchOptions: {
      boost: { title: 4, terms: 4, code: 0.5 },
      combineWith: "AND",
      prefix: (term, i, terms) => i === terms.length - 1 && term.length > 2,
      boostDocument: (id) => weight(places[id]),
    },
  });
  index.addAll(places);
  return index;
}

// The part of a text with the most of the words that were found: [before, found, between, ...].
function excerpt(text, found) {
  const hits = [...text.matchAll(WORD)].filter(([word]) => found.has(stemOf(word)));
  const near = (hit) => hits.filter(({ index }) => index >= hit.index && index < hit.index + 2 * AROUND);
  const kinds = (hit) => new Set(near(hit).map(([word]) => stemOf(word))).size;
  const best = hits.reduce((best, hit) => (!best || kinds(hit) > kinds(best) ? hit : best), null);
  let start = Math.max((best?.index ?? 0) - AROUND, 0);
  if (start > 0) start = text.indexOf(" ", start) + 1;
  let end = Math.min((best?.index ?? 0) + 2 * AROUND, text.length);
  if (end < text.length) end = Math.max(text.lastIndexOf(" ", end), start + 1);
  const parts = [];
  let from = start;
  for (const { 0: word, index } of hits) {
    if (index < start || index + word.length > end) continue;
    parts.push(text.slice(from, index), word);
    from = index + word.length;
  }
  parts.push(text.slice(from, end));
  if (start > 0) parts[0] = `… ${parts[0]}`;
  if (end < text.length) parts[parts.length - 1] += " …";
  return parts;
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function marked(text, found) {
  return excerpt(text, found).map((part, i) => (i % 2 ? element("mark", "", part) : part));
}

function shown(place, found, words) {
  const link = element("a", "", place.title || place.pageTitle);
  link.href = `${place.page}.html${place.anchor ? `#${place.anchor}` : ""}`;
  const item = element("li", "", link);
  if (place.title !== place.pageTitle && place.title) {
    item.append(" ", element("span", "search-page", place.pageTitle));
  }
  const said = (text) => (text.match(WORD) ?? []).some((word) => found.has(stemOf(word)));
  const names = said(place.text) || !said(place.code)
    ? "" : place.code.split(" ").filter(said).join(", ");
  const line = names ? [words.code, " ", element("code", "", names)] : marked(place.text, found);
  item.append(element("p", "search-excerpt", ...line));
  return item;
}

const Search = {
  run(query) {
    const list = document.getElementById("search-results");
    const words = JSON.parse(list.dataset.words);
    const places = readPlaces();
    const index = makeIndex(places);
    let results = index.search(query);
    const exact = results.length > 0;
    // What resembles one or two letters is anything.
    const long = query.split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 2).join(" ");
    if (!exact) results = index.search(long, { fuzzy: 0.3, combineWith: "OR" });
    const summary = exact ? (results.length === 1 ? words.one : words.found)
      : results.length ? words.similar : words.none;
    document.querySelector(".search-summary").textContent = summary
      .replace("{count}", results.length).replace("{query}", query);
    const more = element("button", "btn search-more", words.more);
    more.type = "button";
    const showMore = () => {
      const first = list.children.length;
      for (const result of results.slice(first, first + SHOWN)) {
        list.append(shown(places[result.id], new Set(result.terms), words));
      }
      if (first > 0) list.children[first].querySelector("a").focus();
      if (list.children.length >= results.length) more.remove();
    };
    if (results.length > SHOWN) list.after(more);
    more.addEventListener("click", showMore);
    showMore();
    // The page to which a result leads marks the words (Sphinx's sphinx_highlight.js).
    const written = [...list.querySelectorAll("mark")].map((mark) => mark.textContent.toLowerCase());
    localStorage.setItem("sphinx_highlight_terms", [...new Set(written)].slice(0, 6).join(" "));
  },
};

document.addEventListener("DOMContentLoaded", () => {
  const query = new URLSearchParams(location.search).get("q")?.trim() ?? "";
  const field = document.querySelector(".bd-article form.bd-search input, .bd-search-container input");
  for (const input of document.querySelectorAll('input[name="q"]')) input.value = query;
  if (query) Search.run(query);
  else field?.focus();
});
