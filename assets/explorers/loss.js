/* The loss (chapter 1): a distribution over four words that stays one while it is dragged.
 *
 * It has two further forms: `small`, the bars and the loss alone, for the first page, and
 * `gradients`, with both derivatives of the loss and the slope of the curve, for chapter 5.
 */
"use strict";

const PRESETS = [
  ["first", [0.05, 0.1, 0.05, 0.8]],
  ["second", [0.25, 0.25, 0.25, 0.25]],
  ["certain", [0, 0, 0, 1]],
  ["impossible", [0.25, 0.5, 0.25, 0]],
];
// The chart: probability 0 … 1 to the right, 0 … 4 nats upwards.
const CHART = { left: 34, right: 330, top: 12, bottom: 180, most: 4 };
const share = (p) => (p > 0 && p < 0.005 ? written(Number(p.toPrecision(2))) : shown(p, 2)); // never 0.00 for what is possible
const COLUMNS = { small: ["y-hat"], plain: ["y-hat", "y"], gradients: ["y-hat", "y", "gradient", "error"] };
const chartX = (p) => CHART.left + p * (CHART.right - CHART.left);
const chartY = (loss) =>
  CHART.bottom - (Math.min(loss, CHART.most) / CHART.most) * (CHART.bottom - CHART.top);

class LossExplorer extends Explorer {
  words = ["o", "cão", "ladra", "."];
  probabilities = PRESETS[0][1].slice();
  shape = this.probabilities; // the last proportions, for when one word has taken everything
  right = 3;

  get state() {
    const p = this.probabilities;
    const w = this.right;
    return {
      probabilities: p.slice(),
      target: w,
      oneHot: p.map((_, j) => Number(j === w)),
      loss: nats(p[w]),
      gradient: p.map((q, j) => (j !== w ? 0 : q > 0 ? -1 / q : null)), // null: no derivative at 0
      logitGradient: errorOf(p, w),
    };
  }

  /* Give one word a probability; the others share the rest in their proportions. */
  give(word, p) {
    const others = (row) => row.reduce((sum, q, j) => (j === word ? sum : sum + q), 0);
    if (others(this.probabilities) > 0) this.shape = this.probabilities;
    const total = others(this.shape);
    this.probabilities = this.shape.map((q, j) =>
      j === word ? p : total > 0 ? ((1 - p) * q) / total : (1 - p) / (this.shape.length - 1),
    );
  }

  connectedCallback() {
    const { form } = JSON.parse(this.querySelector("script").textContent);
    if (form) this.heading = `title-${form}`;
    super.connectedCallback();
  }

  build() {
    this.form ??= "plain";
    this.columns = COLUMNS[this.form];
    const name = (j) => (j === 3 ? "“.”" : this.words[j]);
    this.rows = this.words.map((word, j) => {
      const radio = html("input", {
        type: "radio",
        name: "right",
        "aria-label": this.t("right-word", { word: name(j) }),
        onchange: () => {
          this.right = j;
          this.refresh(true);
        },
      });
      const slider = this.slider({
        label: this.t("probability-of", { word: name(j) }),
        low: 0,
        high: 1,
        perUnit: 100,
        class: "bar",
        get: () => this.probabilities[j],
        put: (p) => this.give(j, p),
        say: () => this.t("say", { p: share(this.probabilities[j]), loss: shown(this.state.loss) }),
      });
      const cells = this.columns.map((kind) => [
        kind,
        html("span", { class: `cell number ${kind}` }),
      ]);
      const row = html(
        "div",
        { class: "word", role: "group", "aria-label": name(j) },
        html("label", { class: "name" }, radio, html("span", {}, word)),
        slider,
        cells.map(([kind, cell]) =>
          html(
            "span",
            { class: `pair p-${kind}` },
            html("span", { class: "tag" }, this.t(`short-${kind}`)),
            cell,
          ),
        ),
      );
      return { row, radio, slider, cells: Object.fromEntries(cells) };
    });
    const head = html(
      "div",
      { class: "word head", "aria-hidden": "true" },
      html("span", {}, this.t("head-word")),
      html("span", {}, this.t("head-drag")),
      this.columns.map((kind) =>
        html("span", { class: `pair p-${kind}` }, this.t(`short-${kind}`)),
      ),
    );

    this.result = html("output", { class: "result number loss", "aria-live": "off" });
    const rows = this.rows.map(({ row }) => row);
    if (this.form === "small")
      return html(
        "div",
        { class: "small" },
        html("style", {}, LOSS_STYLE),
        html("p", { class: "hint" }, this.t("hint-small")),
        rows,
        this.result,
      );

    const presets = PRESETS.map(([key, p]) =>
      this.button(this.t(key), () => {
        this.probabilities = p.slice();
        this.shape = p;
        this.right = 3;
      }),
    );
    this.formula = html("p", { class: "formula number" });
    this.slope = html("p", { class: "quiet number" });
    return html(
      "div",
      { class: this.form },
      html("style", {}, LOSS_STYLE),
      html("p", { class: "hint" }, this.t("hint")),
      html("div", { class: "row presets" }, presets),
      head,
      rows,
      html(
        "div",
        { class: "below" },
        this.buildChart(),
        html("div", { class: "readout" }, this.formula, this.result, this.form === "gradients" ? this.slope : []),
      ),
    );
  }

  buildChart() {
    const curve = [];
    for (let p = Math.exp(-CHART.most); p < 1.0001; p += 0.01)
      curve.push([chartX(Math.min(p, 1)), chartY(nats(Math.min(p, 1)))]);
    curve.push([chartX(1), chartY(0)]);
    this.drop = svg("path", { class: "guide" });
    this.tangent = svg("path", { class: "tangent" });
    this.dot = svg("circle", { class: "dot loss", r: 8 });
    this.above = svg("text", { class: "loss strong", "text-anchor": "middle" }, "▲");
    const move = (event) => {
      const [x] = pointerIn(this.chart, event);
      this.give(
        this.right,
        Math.round(clamp((x - CHART.left) / (CHART.right - CHART.left), 0, 1) * 100) / 100,
      );
      this.refresh(true);
    };
    this.chart = svg(
      "svg",
      {
        viewBox: "0 0 345 218",
        "aria-hidden": "true",
        class: "chart",
        onpointerdown: (event) => {
          if (event.button !== 0) return;
          this.chart.setPointerCapture(event.pointerId);
          if (event.pointerType !== "touch") move(event); // a finger may be about to scroll
        },
        onclick: move,
        onpointermove: (event) => this.chart.hasPointerCapture(event.pointerId) && move(event),
      },
      svg("path", {
        class: "axis",
        d: path([
          [CHART.left, CHART.top],
          [CHART.left, CHART.bottom],
          [CHART.right, CHART.bottom],
        ]),
      }),
      [0, 1, 2, 3, 4].map((loss) =>
        svg("text", { x: CHART.left - 8, y: chartY(loss) + 4, "text-anchor": "end" }, loss),
      ),
      [0, 0.25, 0.8, 1].map((p) =>
        svg(
          "text",
          { x: chartX(p), y: CHART.bottom + 17, "text-anchor": "middle" },
          p % 1 ? shown(p, 2) : p,
        ),
      ),
      svg("text", { x: chartX(0.5), y: CHART.bottom + 35, "text-anchor": "middle" }, this.t("axis")),
      this.drop,
      this.tangent,
      svg("path", { class: "curve", d: path(curve) }),
      this.dot,
      this.above,
    );
    return this.chart;
  }

  update() {
    const { probabilities, oneHot, loss, gradient, logitGradient } = this.state;
    this.rows.forEach(({ row, radio, slider, cells }, j) => {
      const p = probabilities[j];
      slider.show();
      radio.checked = j === this.right;
      row.classList.toggle("chosen", j === this.right);
      cells["y-hat"].textContent = shown(p, 2);
      if (cells.y) cells.y.textContent = oneHot[j];
      if (!cells.gradient) return;
      cells.gradient.textContent =
        gradient[j] === null ? this.t("none") : shown(gradient[j], gradient[j] ? 2 : 0);
      cells.error.textContent = shown(logitGradient[j], 2, true);
      cells.error.style.setProperty("--error", logitGradient[j]);
      cells.error.classList.toggle("down", logitGradient[j] < 0);
    });
    const p = probabilities[this.right];
    if (this.form === "small") {
      this.result.textContent = this.t("result", { p: share(p), loss: shown(loss) });
      return;
    }
    this.formula.textContent = `${MINUS}log ŷ[w] = ${MINUS}log ${share(p)}`;
    this.result.textContent = `${shown(loss)} ${this.t("nats")}`;
    const slope = gradient[this.right];
    const at = [chartX(p), chartY(loss)];
    set(this.dot, { cx: at[0], cy: at[1] });
    set(this.drop, { d: path([[at[0], CHART.bottom], at, [CHART.left, at[1]]]) });
    set(this.above, { x: at[0], y: CHART.top - 4, visibility: loss > CHART.most ? "visible" : "hidden" });
    if (this.form !== "gradients") return;
    if (slope !== null && loss <= CHART.most) {
      const scaled = (slope * (CHART.bottom - CHART.top)) / CHART.most / (CHART.right - CHART.left);
      const reach = 105 / Math.hypot(1, scaled); // the same length at every slope
      const ends = [Math.max(CHART.left, at[0] - reach), Math.min(CHART.right, at[0] + reach)];
      set(this.tangent, { d: path(ends.map((x) => [x, at[1] - scaled * (x - at[0])])) });
    } else set(this.tangent, { d: "" });
    this.slope.textContent =
      slope === null ? this.t("no-slope") : this.t("slope", { slope: shown(slope, 2) });
  }

  summarize() {
    const { probabilities, loss, logitGradient } = this.state;
    const word = this.right === 3 ? "“.”" : `“${this.words[this.right]}”`;
    const kind = loss === Infinity ? "-impossible" : loss === 0 ? "-certain" : "";
    const keys = [`summary${kind}`, ...(this.form === "gradients" ? [`pull${kind}`] : [])];
    const said = {
      word,
      p: share(probabilities[this.right]),
      loss: shown(loss),
      pull: shown(-logitGradient[this.right], 2),
    };
    return keys.map((key) => this.t(key, said)).join(" ");
  }
}

const LOSS_STYLE = `
.presets { margin-bottom: .9rem; }
.word { display: grid; grid-template-columns: 5.6rem minmax(6rem, 1fr) 2.8rem 1.4rem; column-gap: .7rem; align-items: center; min-height: 40px; }
.gradients .word { grid-template-columns: 5.6rem minmax(6rem, 1fr) 2.8rem 1.4rem 4.4rem 7.6rem; }
.small .word { grid-template-columns: 5.6rem minmax(6rem, 1fr) 2.8rem; min-height: 36px; }
.small + .summary { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.small .hint { margin-bottom: .4rem; }
.small .result { font-size: 1.15rem; margin-top: .3rem; }
.word.head { min-height: 1.6rem; }
.name { display: flex; align-items: center; gap: .5rem; min-height: 32px; cursor: pointer; font-size: 1.02rem; }
.name input { width: 20px; height: 20px; min-width: 20px; margin: 2px; accent-color: var(--nwp-truth); }
.chosen .name { font-weight: 700; }
.pair { text-align: right; }
.pair .tag { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.y-hat { color: var(--nwp-prediction); font-weight: 600; }
.gradient, .error { color: var(--nwp-loss); }
.chosen .y { font-weight: 700; }
.word:not(.chosen) .y, .word:not(.chosen) .gradient { color: var(--nwp-quiet); }
.error { display: inline-block; position: relative; width: 100%; }
.error::before {
  content: ""; position: absolute; left: 34%; top: 50%; height: 12px; margin-top: -6px; border-radius: 2px;
  width: calc(max(var(--error), 0 - var(--error)) * 32%); background: var(--nwp-loss); opacity: .85;
}
.error.down::before { transform: translateX(-100%); }
.error::after { content: ""; position: absolute; left: 34%; top: 2px; bottom: 2px; border-left: 1px solid var(--nwp-context); }
input.bar { --height: 20px; --thumb: 14px; --grip: 28px; height: 36px; cursor: ew-resize; }
.below { display: grid; grid-template-columns: minmax(0, 23rem) 1fr; gap: 1.4rem; align-items: center; margin-top: .8rem; }
.chart { cursor: ew-resize; touch-action: pan-y; }
.tangent { stroke: var(--nwp-quiet); stroke-width: 1.3; stroke-dasharray: 5 4; }
.result { display: block; font-size: 2.1rem; font-weight: 600; line-height: 1.25; white-space: nowrap; }
@container (max-width: 560px) {
  .word.head { display: none; }
  .word { grid-template-columns: 5.2rem 1fr 2.6rem 1rem; column-gap: .5rem; }
  .plain .word.head { display: grid; }
  .small .word { grid-template-columns: 5.2rem 1fr 2.6rem; }
  .gradients .word { grid-template-columns: 5.2rem 1fr 2.6rem; padding: .25rem 0; }
  .gradients .p-y { grid-column: 1; text-align: left; padding-left: 2rem; }
  .p-gradient { grid-column: 2; grid-row: 2; text-align: left; }
  .p-error { grid-column: 2 / 4; grid-row: 2; justify-self: end; text-align: right; }
  .gradients .pair:not(.p-y-hat) .tag { position: static; overflow: visible; clip-path: none; color: var(--nwp-quiet); margin-right: .35rem; }
  .gradients .p-y, .p-gradient, .p-error { font-size: .82rem; }
  .error { width: auto; }
  .error::before, .error::after { display: none; }
  .below { grid-template-columns: 1fr; gap: .4rem; }
  .readout { text-align: center; }
}
`;

customElements.define("loss-explorer", LossExplorer);
