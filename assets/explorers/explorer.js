/* What the four explorers share: the element, its controls, its numbers.
 *
 * An explorer is a custom element. Its strings, and where it needs them its data, stand in
 * the element as JSON, because a page opened from disk may not fetch. The rest of its content
 * is a still picture, which the shadow root covers as soon as a script runs. `state` holds the
 * full-precision numbers behind the rounded ones on the screen.
 */
"use strict";

// ---------------------------------------------------------------- the mathematics, as in nwp

const nats = (p) => (p > 0 ? 0 - Math.log(p) : Infinity); // 0 - log: certainty costs 0, not -0

/* nwp.loss.log_softmax: the largest logit's own 1 stays out of the sum. */
function logSoftmax(z) {
  const top = z.indexOf(Math.max(...z));
  let others = 0;
  z.forEach((value, j) => {
    if (j !== top) others += Math.exp(value - z[top]);
  });
  const log = Math.log1p(others);
  return z.map((value) => value - z[top] - log);
}

/* nwp.derivative.gradient_wrt_logits from probabilities: ŷ − y, at w the others' sum. */
function errorOf(p, w) {
  const others = p.reduce((sum, q, j) => (j === w ? sum : sum + q), 0);
  return p.map((q, j) => (j === w ? 0 - others : q));
}

// ---------------------------------------------------------------- numbers and elements

const MINUS = "\u2212";
const TONGUE = document.querySelector(".nwp-explorer").lang; // of all explorers of a page
const DECIMAL = new Intl.NumberFormat(TONGUE).formatToParts(0.5).find(({ type }) => type === "decimal").value;

/* Write a number with all its digits, with the decimal mark of the page's language. */
const written = (x) => String(x).replace(".", DECIMAL);

/* Write a rounded number: a real minus sign, ∞, and no sign before a rounded zero. */
function shown(x, digits = 3, signed = false) {
  if (x === null || Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : `${MINUS}∞`;
  const text = Math.abs(x).toFixed(digits);
  const sign = Number(text) === 0 ? "" : x < 0 ? MINUS : signed ? "+" : "";
  return sign + written(text);
}

function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat());
  return element;
}
const html = (tag, attributes = {}, ...children) => made(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  made(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const set = (element, attributes) => made(element, attributes, []);
const path = (points) =>
  points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

/* Where a pointer is, in the units of the picture's viewBox. */
function pointerIn(picture, event) {
  const matrix = picture.getScreenCTM().inverse();
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
  return [at.x, at.y];
}

/* Which way a key moves a value, in small steps; null for any other key. */
function stepsOf(event, page = 10) {
  const keys = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: page, PageDown: -page };
  if (event.altKey || event.ctrlKey || event.metaKey) return null;
  return keys[event.key] ?? { Home: -Infinity, End: Infinity }[event.key] ?? null;
}

// ---------------------------------------------------------------- the element

class Explorer extends HTMLElement {
  heading = "title";

  connectedCallback() {
    if (this.shadowRoot) return;
    Object.assign(this, JSON.parse(this.querySelector("script").textContent)); // strings, data, form
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.summary = html("p", { class: "summary" });
    this.live = html("p", { class: "hidden", "aria-live": "polite" });
    const title = html("p", { class: "title", id: "title" }, this.t(this.heading));
    const box = html(
      "div",
      { role: "group", "aria-labelledby": "title" },
      title,
      this.build(),
      this.summary,
      this.live,
    );
    this.attachShadow({ mode: "open" }).append(html("style", {}, STYLE), box);
    this.refresh();
  }

  /* A string of the page's language, with {name} replaced by a value. */
  t(key, values = {}) {
    const said = (value) => (typeof value === "number" ? written(value) : value);
    return this.strings[key].replace(/\{(\w+)\}/g, (_, name) => said(values[name]));
  }

  /* Redraw; `spoken` is said aloud where the control that was used does not say it itself. */
  refresh(spoken = false) {
    this.update();
    this.summary.textContent = this.summarize();
    clearTimeout(this.waiting);
    if (spoken) this.waiting = setTimeout(() => (this.live.textContent = this.summarize()), 400);
  }

  /* A native slider. `get` and `put` read and write the value, on a grid of 1 / perUnit. */
  slider({ label, low, high, perUnit, get, put, say, ...attributes }) {
    const input = html("input", {
      type: "range",
      min: low,
      max: high,
      step: "any",
      "aria-label": label,
      ...attributes,
      oninput: () => {
        put(clamp(Math.round(input.value * perUnit) / perUnit, low, high));
        this.refresh();
      },
      onkeydown: (event) => {
        const steps = stepsOf(event);
        if (steps === null) return;
        event.preventDefault();
        put(clamp((Math.round(get() * perUnit) + steps) / perUnit, low, high));
        this.refresh();
      },
    });
    input.show = () => {
      const share = (get() - low) / (high - low);
      input.value = get();
      input.style.setProperty("--share", share);
      input.setAttribute("aria-valuetext", say());
    };
    return input;
  }

  /* A row of choices, of which one holds. */
  choices(label, options, get, put) {
    const name = `choice-${(Explorer.count = (Explorer.count ?? 0) + 1)}`;
    const inputs = options.map(([value]) =>
      html("input", {
        type: "radio",
        name,
        value,
        onchange: () => {
          put(value);
          this.refresh(true);
        },
      }),
    );
    const row = html(
      "div",
      { class: "choices", role: "radiogroup", "aria-label": label },
      options.map(([, text], i) => html("label", {}, inputs[i], html("span", {}, text))),
    );
    row.show = () => inputs.forEach((input) => (input.checked = input.value === get()));
    return row;
  }

  button(text, act, attributes = {}) {
    const press = () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      act();
      this.refresh(true);
    };
    const button = html("button", { type: "button", onclick: press, ...attributes }, text);
    return button;
  }

  /* Grey a button out; it keeps the focus of whoever stands on it. */
  enable(button, on) {
    button.setAttribute("aria-disabled", !on);
  }
}

const STYLE = `
:host { container-type: inline-size; font-size: .94rem; line-height: 1.45; }
* { box-sizing: border-box; }
p { margin: 0; }
.title { font-weight: 600; font-size: 1.05rem; margin-bottom: .2rem; }
.hint { color: var(--nwp-quiet); font-size: .88rem; margin-bottom: .8rem; }
.summary { margin-top: .8rem; padding-top: .7rem; border-top: 1px solid var(--nwp-faint); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.number, output { font-variant-numeric: tabular-nums; }
.prediction { color: var(--nwp-prediction); }
.loss { color: var(--nwp-loss); }
.quiet { color: var(--nwp-quiet); }
.row { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.head { font-size: .82rem; color: var(--nwp-quiet); }

button, .choices span, select {
  font: inherit; font-size: .88rem; color: var(--nwp-truth); background: transparent;
  border: 1px solid var(--nwp-context); border-radius: 7px; padding: .22rem .7rem; min-height: 30px; cursor: pointer;
}
select { background: var(--nwp-ground); }
button:hover, .choices span:hover { border-color: var(--nwp-prediction); }
button.main { background: var(--nwp-prediction); border-color: var(--nwp-prediction); color: var(--nwp-ground); }
button[aria-disabled=true] { background: transparent; color: var(--nwp-quiet); border-color: var(--nwp-faint); cursor: default; }
:focus-visible, .choices input:focus-visible + span { outline: 2px solid var(--nwp-prediction); outline-offset: 1px; }
input[type=range]:focus-visible { outline-offset: -1px; }
button, label, input, svg { -webkit-user-select: none; user-select: none; } /* what is dragged selects no text */

.choices { display: inline-flex; flex-wrap: wrap; gap: .35rem; }
.choices label { position: relative; display: inline-flex; }
.choices input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: pointer; }
.choices span { display: inline-flex; align-items: center; }
.choices input:checked + span { border-color: var(--nwp-prediction); box-shadow: inset 0 0 0 1px var(--nwp-prediction); color: var(--nwp-prediction); }

input[type=range] {
  --height: 4px; --thumb: 18px; appearance: none; width: 100%; min-width: 0; height: 32px; margin: 0;
  background: none; cursor: pointer; touch-action: pan-y; border-radius: 6px;
  --fill: linear-gradient(to right, var(--nwp-prediction) calc(var(--thumb) / 2 + var(--share) * (100% - var(--thumb))), var(--nwp-faint) 0);
}
input[type=range]::-webkit-slider-runnable-track { height: var(--height); border-radius: 4px; background: var(--fill); }
input[type=range]::-moz-range-track { height: var(--height); border-radius: 4px; background: var(--fill); }
input[type=range]::-webkit-slider-thumb {
  appearance: none; width: var(--thumb); height: var(--grip, 18px); margin-top: calc((var(--height) - var(--grip, 18px)) / 2);
  border: 3px solid var(--nwp-prediction); border-radius: 9px; background: var(--nwp-ground);
}
input[type=range]::-moz-range-thumb {
  box-sizing: border-box; width: var(--thumb); height: var(--grip, 18px);
  border: 3px solid var(--nwp-prediction); border-radius: 9px; background: var(--nwp-ground);
}

svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 13px; fill: var(--nwp-quiet); font-family: inherit; font-variant-numeric: tabular-nums; }
svg text.truth { fill: var(--nwp-truth); }
svg text.prediction { fill: var(--nwp-prediction); }
svg text.loss { fill: var(--nwp-loss); }
svg .halo { paint-order: stroke; stroke: var(--nwp-ground); stroke-width: 4px; stroke-linejoin: round; }
svg .strong { font-weight: 600; }
svg .axis { stroke: var(--nwp-context); fill: none; }
svg .curve { stroke: var(--nwp-loss); stroke-width: 2.4; fill: none; stroke-linejoin: round; }
svg .chord { stroke: var(--nwp-truth); stroke-width: 1.8; fill: none; stroke-dasharray: 6 4; }
svg .guide { stroke: var(--nwp-context); stroke-dasharray: 2 3; fill: none; }
svg .dot { fill: var(--nwp-prediction); stroke: var(--nwp-ground); stroke-width: 2; }
svg .dot.loss { fill: var(--nwp-loss); }
@media print { button, .choices { display: none !important; } input { print-color-adjust: exact; } }
`;
