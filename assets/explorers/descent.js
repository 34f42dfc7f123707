/* Descent (chapter 4): the table of logits learns the document's two sentences.
 *
 * nwp.weights.descend, from a table of zeros, on all pairs in every step.
 */
"use strict";

const STEPS = 40;
const SLOWEST = 0.5;
const FASTEST = 64;
const PER_OCTAVE = 8; // slider positions from one rate to its double

function descend(size, pairs, rate, steps) {
  const tables = [Array.from({ length: size }, () => new Array(size).fill(0))];
  for (let t = 0; t < steps; t++) {
    const table = tables[t];
    const next = table.map((row) => row.slice());
    for (const [x, w] of pairs) {
      const error = errorOf(logSoftmax(table[x]).map(Math.exp), w);
      error.forEach((e, v) => (next[x][v] -= (rate * e) / pairs.length));
    }
    tables.push(next);
  }
  return tables;
}
const meanLoss = (table, pairs) =>
  pairs.reduce((sum, [x, w]) => sum - logSoftmax(table[x])[w], 0) / pairs.length;

const PLOT = { left: 44, right: 326, top: 12, bottom: 178 };

class DescentExplorer extends Explorer {
  rate = 8;
  step = 12;
  context = 0;

  get state() {
    const table = this.tables[this.step];
    return {
      rate: this.rate,
      step: this.step,
      context: this.words[this.context],
      probabilities: logSoftmax(table[this.context]).map(Math.exp),
      loss: this.losses[this.step],
      losses: this.losses.slice(),
    };
  }

  /* Train anew with the present rate; a run goes on from its step. */
  train() {
    this.tables = descend(this.words.length, this.pairs, this.rate, STEPS);
    this.losses = this.tables.map((table) => meanLoss(table, this.pairs));
  }

  build() {
    const text = this.data.text.split(" ");
    this.words = [...new Set(text)];
    const ids = text.map((word) => this.words.indexOf(word));
    this.pairs = ids.slice(1).map((w, n) => [ids[n], w]);
    this.counts = this.words.map((_, x) =>
      this.words.map((_, w) => this.pairs.filter((pair) => pair[0] === x && pair[1] === w).length),
    );
    const totals = this.counts.map((row) => row.reduce((a, b) => a + b));
    this.shares = this.counts.map((row, x) => row.map((n) => n / totals[x]));
    this.floor = this.pairs.reduce((sum, [x, w]) => sum - Math.log(this.shares[x][w]), 0) / this.pairs.length;
    this.safe = (4 * this.pairs.length) / Math.max(...totals);
    this.train();

    this.rateSlider = this.slider({
      label: this.t("rate"),
      low: Math.log2(SLOWEST),
      high: Math.log2(FASTEST),
      perUnit: PER_OCTAVE,
      get: () => Math.log2(this.rate),
      put: (exponent) => {
        this.rate = 2 ** exponent;
        this.train();
      },
      say: () => this.t("say-rate", { rate: this.rateText(), loss: shown(this.state.loss) }),
    });
    this.stepSlider = this.slider({
      label: this.t("step"),
      low: 0,
      high: STEPS,
      perUnit: 1,
      get: () => this.step,
      put: (t) => {
        this.stop();
        this.step = t;
      },
      say: () => this.t("say-step", { step: this.step, loss: shown(this.state.loss) }),
    });
    this.rateOut = html("output", { class: "number big", "aria-live": "off" });
    this.stepOut = html("output", { class: "number big", "aria-live": "off" });
    this.verdict = html("span", { class: "verdict" });
    const rates = this.data.rates.map((rate) =>
      this.button(
        written(rate),
        () => {
          this.rate = rate;
          this.train();
        },
        { "aria-label": this.t("set-rate", { rate }) },
      ),
    );
    this.run = this.button("", () => this.play(), { class: "main" });
    this.one = this.button(this.t("one-step"), () => {
      this.stop();
      this.step += 1;
    });
    this.zero = this.button(this.t("reset"), () => {
      this.stop();
      this.step = 0;
    });

    this.plot = svg("svg", { viewBox: "0 0 345 216", "aria-hidden": "true" });
    this.bars = this.words.map((word) => {
      const bar = html("div", { class: "fill" });
      const truth = html("div", { class: "truth" });
      const number = html("span", { class: "number" });
      return {
        bar,
        truth,
        number,
        row: html(
          "div",
          { class: "outcome" },
          html("span", {}, word),
          html("div", { class: "track" }, bar, truth),
          number,
        ),
      };
    });
    const select = html(
      "select",
      {
        id: "context",
        onchange: () => {
          this.context = Number(select.value);
          this.refresh(true);
        },
      },
      this.words.map((word, x) => html("option", { value: x }, word === "." ? "“.”" : `“${word}”`)),
    );
    const safeAt = (Math.log2(this.safe) - Math.log2(SLOWEST)) / (Math.log2(FASTEST) - Math.log2(SLOWEST));
    return html(
      "div",
      {},
      html("style", {}, DESCENT_STYLE),
      html("p", { class: "hint" }, this.t("hint")),
      html(
        "div",
        { class: "knobs" },
        html(
          "div",
          {},
          html(
            "p",
            {},
            html("span", { class: "quiet" }, `${this.t("rate")} η `),
            this.rateOut,
            " ",
            this.verdict,
          ),
          html(
            "div",
            { class: "ruled", style: `--at:${safeAt}` },
            this.rateSlider,
            html("span", { class: "mark" }, this.t("safe", { safe: this.safe })),
          ),
          html("div", { class: "row rates" }, rates),
        ),
        html(
          "div",
          {},
          html("p", {}, html("span", { class: "quiet" }, `${this.t("step")} `), this.stepOut),
          this.stepSlider,
          html("div", { class: "row steps" }, this.run, this.one, this.zero),
        ),
      ),
      html(
        "div",
        { class: "two" },
        html("div", {}, html("p", { class: "head" }, this.t("mean-loss")), this.plot),
        html(
          "div",
          {},
          html("p", { class: "head" }, html("label", { for: "context" }, this.t("after")), " ", select),
          this.bars.map(({ row }) => row),
          html("p", { class: "head key" }, html("span", { class: "tick" }), this.t("frequencies")),
        ),
      ),
    );
  }

  rateText() {
    return written(Number(this.rate.toPrecision(3)));
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
  }
  play() {
    if (this.timer) return this.stop();
    if (this.step === STEPS) this.step = 0;
    if (this.still.matches) return (this.step = STEPS); // no motion: the end at once
    this.timer = setInterval(() => {
      this.step += 1;
      const last = this.step === STEPS;
      if (last) this.stop();
      this.refresh(last);
    }, 160);
    return undefined;
  }
  disconnectedCallback() {
    this.stop();
  }

  update() {
    const { probabilities, loss, losses } = this.state;
    this.rateSlider.show();
    this.stepSlider.show();
    this.rateOut.textContent = this.rateText();
    this.stepOut.textContent = this.step;
    const large = this.rate >= this.safe;
    this.verdict.textContent = this.t(large ? "unsafe" : "within");
    this.verdict.classList.toggle("loss", large);
    this.run.textContent = this.t(this.timer ? "pause" : "run");
    this.enable(this.one, this.step < STEPS);
    this.enable(this.zero, this.step > 0);

    const x = (t) => PLOT.left + (t / STEPS) * (PLOT.right - PLOT.left);
    const y = (value) => PLOT.bottom - (value / 2) * (PLOT.bottom - PLOT.top);
    const done = losses.slice(0, this.step + 1).map((value, t) => [x(t), y(value)]);
    const rises = done
      .slice(1)
      .flatMap((p, t) => (losses[t + 1] > losses[t] ? [path([done[t], p])] : []))
      .join("");
    const at = done[this.step];
    this.plot.replaceChildren(
      svg("path", {
        class: "axis",
        d: path([
          [PLOT.left, PLOT.top],
          [PLOT.left, PLOT.bottom],
          [PLOT.right, PLOT.bottom],
        ]),
      }),
      svg("path", {
        class: "floor",
        d: path([
          [PLOT.left, y(this.floor)],
          [PLOT.right, y(this.floor)],
        ]),
      }),
      svg(
        "text",
        { x: PLOT.left - 6, y: y(this.floor) + 2, "text-anchor": "end", class: "truth" },
        shown(this.floor),
      ),
      svg(
        "text",
        { x: PLOT.right, y: y(this.floor) + 14, "text-anchor": "end", class: "truth" },
        this.t("floor"),
      ),
      svg("text", { x: PLOT.left - 6, y: y(losses[0]) + 4, "text-anchor": "end" }, shown(losses[0])),
      svg("text", { x: PLOT.left - 6, y: y(1) + 4, "text-anchor": "end" }, "1"),
      ...[0, 10, 20, 30, 40].map((t) =>
        svg("text", { x: x(t), y: PLOT.bottom + 17, "text-anchor": "middle" }, t),
      ),
      svg("text", { x: x(20), y: PLOT.bottom + 35, "text-anchor": "middle" }, this.t("axis")),
      svg("path", { class: "curve", d: path(done) }),
      svg("path", { class: "curve rises", d: rises }),
      ...done.slice(0, -1).map(([cx, cy]) => svg("circle", { class: "past", r: 2.2, cx, cy })),
      svg("circle", { class: "dot loss", r: 7, cx: at[0], cy: at[1] }),
      svg(
        "text",
        { x: clamp(at[0] + 12, 0, PLOT.right - 34), y: at[1] - 12, class: "loss strong halo" },
        shown(loss),
      ),
    );
    this.bars.forEach(({ bar, truth, number, row }, v) => {
      const share = this.shares[this.context][v];
      bar.style.width = `${100 * probabilities[v]}%`;
      truth.style.left = `${100 * share}%`;
      truth.hidden = !(share > 0);
      number.textContent = shown(probabilities[v], 2);
      row.classList.toggle("comes", share > 0);
    });
  }

  summarize() {
    const { rate, step, loss, losses } = this.state;
    const ups = losses.slice(1, step + 1).filter((value, t) => value > losses[t]).length;
    return this.t(step === 0 ? "summary-start" : ups ? "summary-rises" : "summary-falls", {
      rate: this.rateText(),
      step,
      loss: shown(loss),
      above: shown(loss - this.floor),
      ups,
      safe: this.safe,
      start: shown(losses[0]),
    });
  }
}

const DESCENT_STYLE = `
.knobs, .two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.6rem; }
.two { margin-top: .9rem; align-items: start; }
@container (max-width: 560px) { .knobs, .two { grid-template-columns: minmax(0, 1fr); gap: .8rem; } }
.big { font-size: 1.35rem; font-weight: 600; }
.verdict { display: block; font-size: .88rem; color: var(--nwp-quiet); }
.verdict.loss { color: var(--nwp-loss); font-weight: 600; }
.ruled { position: relative; padding-bottom: 1.05rem; }
.ruled .mark { position: absolute; bottom: 0; left: calc(9px + var(--at) * (100% - 18px)); transform: translateX(-50%); font-size: .78rem; color: var(--nwp-quiet); white-space: nowrap; }
.ruled .mark::before { content: ""; position: absolute; left: 50%; bottom: 1.25rem; height: 12px; border-left: 2px solid var(--nwp-truth); }
.rates, .steps { margin-top: .3rem; }
.floor { stroke: var(--nwp-truth); stroke-width: 1.2; }
.rises { stroke-width: 3.6; }
.past { fill: var(--nwp-loss); }
.outcome { display: grid; grid-template-columns: 3.6rem 1fr 2.6rem; gap: .6rem; align-items: center; min-height: 25px; color: var(--nwp-quiet); }
.outcome.comes { color: var(--nwp-truth); font-weight: 600; }
.outcome .number { text-align: right; }
.outcome.comes .number { color: var(--nwp-prediction); }
.track { position: relative; height: 13px; background: var(--nwp-faint); border-radius: 3px; }
.fill { height: 100%; background: var(--nwp-prediction); border-radius: 3px; }
.track .truth { position: absolute; top: -4px; bottom: -4px; width: 3px; margin-left: -1.5px; background: var(--nwp-truth); border-radius: 1px; box-shadow: 0 0 0 1px var(--nwp-ground); }
.key { margin-top: .4rem; }
.tick { display: inline-block; width: 3px; height: 13px; margin-right: .45rem; background: var(--nwp-truth); vertical-align: -2px; }
select { margin-left: .3rem; }
`;

customElements.define("descent-explorer", DescentExplorer);
