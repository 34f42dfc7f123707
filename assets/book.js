// What the pages need besides the theme: their layout piece by piece, stops of the Tab key where
// something scrolls, the menus of the header, and the section to which the other language's link
// leads.
"use strict";

// The style sheet lets the browser lay out only what is near the screen. What it left is laid out
// piece by piece, whenever there is nothing else to do, so that soon the page is as long as it says
// and every piece has its place.
const LAID_OUT_LATER = ".bd-article section section > :is(p, ul, ol, dl, div)";
const PIECES = 32; // at a time
const SPARE = 8; // milliseconds that must be left before the next ones

// Meanwhile the page gets longer above the screen. Whoever followed a link stays at its target, and
// whoever scrolls stays at what he reads: browsers alone keep neither in every case.
const BELOW_HEADER = 120; // pixels
const isBelowHeader = (element) => element.getBoundingClientRect().bottom > BELOW_HEADER;
let atTarget = performance.getEntriesByType("navigation")[0]?.type === "navigate";
for (const event of ["wheel", "touchmove", "pointerdown", "keydown"])
  window.addEventListener(event, () => (atTarget = false), { passive: true });
window.addEventListener("hashchange", () => (atTarget = true));

function inPlace(blocks, change) {
  const target = atTarget && document.querySelector(":target");
  if (target) {
    change();
    target.scrollIntoView({ behavior: "instant" });
    return;
  }
  const block = blocks.find(isBelowHeader);
  const parts = [...(block?.querySelectorAll("p, li, pre, figure") ?? [])];
  const read = parts.find(isBelowHeader) ?? block;
  const before = read?.getBoundingClientRect().top;
  change();
  const moved = read ? read.getBoundingClientRect().top - before : 0;
  if (moved) window.scrollBy({ top: moved, behavior: "instant" });
}

function layOutTheRest() {
  const blocks = [...document.querySelectorAll(LAID_OUT_LATER)];
  const left = [...blocks];
  const go = (deadline) => {
    do {
      const next = left.splice(0, PIECES);
      inPlace(blocks, () => next.forEach((block) => block.classList.add("laid-out")));
    } while (left.length && deadline.timeRemaining() > SPARE);
    if (left.length) {
      requestIdleCallback(go);
    } else {
      document.documentElement.dataset.laidOut = "";
      setStops();
    }
  };
  if (window.requestIdleCallback) requestIdleCallback(go);
  else go({ timeRemaining: () => Infinity });
}

// What scrolls has to be a stop of the Tab key, or the keyboard could not scroll it: a formula, a
// figure on a phone, code. To ask is to lay out, so it is asked when that is done, all at once.
const SIDEWAYS = "div.math, .cell_output figure"; // these scroll in no other direction
const SCROLLING =
  "pre, .nboutput > .output_area, .cell_output > .output, .jp-RenderedHTMLCommon, " +
  `.pst-scrollable-table-container, ${SIDEWAYS}`;

function setStops() {
  if (!("laidOut" in document.documentElement.dataset)) return;
  const boxes = [...document.querySelectorAll(SCROLLING)];
  const scrolls = boxes.map(
    (box) =>
      box.scrollWidth > box.clientWidth ||
      (box.scrollHeight > box.clientHeight && !box.matches(SIDEWAYS))
  );
  boxes.forEach((box, i) => {
    if (scrolls[i]) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}

// A page is printed in the colors of its light theme: paper is white.
function setUpPrinting() {
  const root = document.documentElement;
  let theme;
  window.addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => {
    root.dataset.theme = theme;
  });
}

function openMenu(button, open) {
  const menu = button.parentElement.querySelector(".dropdown-menu");
  button.setAttribute("aria-expanded", String(open));
  menu.classList.toggle("show", open);
  menu.dataset.bsPopper = "static"; // the theme's style for a menu placed by no script
  menu.style.left = "0";
  const { right } = menu.getBoundingClientRect();
  const beyond = right + 8 - document.documentElement.clientWidth;
  if (open && beyond > 0) menu.style.left = `${-beyond}px`;
}

function setUpMenus() {
  const buttons = [...document.querySelectorAll('[data-bs-toggle="dropdown"]')];
  const isOpen = (button) => button.getAttribute("aria-expanded") === "true";
  const closeAll = (except) =>
    buttons.filter((b) => b !== except && isOpen(b)).forEach((b) => openMenu(b, false));
  for (const button of buttons) {
    button.addEventListener("click", () => openMenu(button, !isOpen(button)));
    button.parentElement.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !isOpen(button)) return;
      openMenu(button, false);
      button.focus();
    });
    button.parentElement.addEventListener("focusout", (event) => {
      if (!button.parentElement.contains(event.relatedTarget)) openMenu(button, false);
    });
  }
  document.addEventListener("click", (event) =>
    closeAll(buttons.find((button) => button.parentElement.contains(event.target)))
  );
}

// Anchors that both editions have: sections by their place, boxes and figures by their label.
const SHARED = '[id^="place-"], .proof[id], .exercise[id], .question[id], figure[id]';

function currentPlace() {
  const above = [...document.querySelectorAll(`article :is(${SHARED})`)].filter(
    (element) => element.getBoundingClientRect().top < BELOW_HEADER
  );
  return above.at(-1)?.id ?? "place-0";
}

function setUpLanguageLink() {
  for (const link of document.querySelectorAll(".language-link")) {
    const page = link.getAttribute("href");
    const lead = () => {
      const place = currentPlace();
      link.setAttribute("href", place === "place-0" ? page : `${page}#${place}`);
    };
    for (const event of ["pointerdown", "focus", "click"]) link.addEventListener(event, lead);
  }
}

document.addEventListener("DOMContentLoaded", setUpMenus);
document.addEventListener("DOMContentLoaded", setUpLanguageLink);
document.addEventListener("DOMContentLoaded", setUpPrinting);
document.addEventListener("stops", setStops); // asked for by the theme, where a page changes
window.addEventListener("load", layOutTheRest);
