// What the pages need besides the theme: formulas as stops of the Tab key where they scroll,
// the menus of the header, and the section to which the other language's link leads.
"use strict";

// A formula that scrolls has to be a stop, or the keyboard could not scroll it.
function setFormulaStops() {
  const formulas = [...document.querySelectorAll("div.math")];
  const scrolls = formulas.map((formula) => formula.scrollWidth > formula.clientWidth);
  formulas.forEach((formula, i) => {
    if (scrolls[i]) formula.tabIndex = 0;
    else formula.removeAttribute("tabindex");
  });
}

// The same for figures: on a phone a wide one scrolls in its own box.
function setFigureStops() {
  for (const figure of document.querySelectorAll(".cell_output figure")) {
    if (figure.scrollWidth > figure.clientWidth) figure.tabIndex = 0;
    else figure.removeAttribute("tabindex");
  }
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
const BELOW_HEADER = 120; // pixels

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
window.addEventListener("load", () => {
  let asked = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => {
      setFormulaStops();
      setFigureStops();
    });
  });
  setFormulaStops();
  setFigureStops();
});
