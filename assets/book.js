// What the pages need besides the theme: formulas as stops of the Tab key only where they
// scroll, and the menus of the header.
"use strict";

// MathJax makes every formula a stop: hundreds on a page. One that scrolls has to be one,
// or the keyboard could not scroll it.
function setFormulaStops() {
  const formulas = [...document.querySelectorAll("mjx-container")];
  const scrolls = formulas.map((formula) => formula.scrollWidth > formula.clientWidth);
  formulas.forEach((formula, i) => {
    const stops = scrolls[i] && formula.getAttribute("display") === "true";
    formula.tabIndex = stops ? 0 : -1;
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

document.addEventListener("DOMContentLoaded", setUpMenus);
window.addEventListener("load", () => {
  let asked = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(setFormulaStops);
  });
  window.MathJax?.startup?.promise.then(setFormulaStops);
});
