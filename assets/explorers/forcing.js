/* Teacher forcing (chapter 7): a trained model's predictions along a text, or along its own words.
 *
 * The probabilities come with the page: tools/explorer_model.py trains the model and writes them.
 */
"use strict";

class ForcingExplorer extends Explorer {
  mode = "teacher";
  draw = 0;
  step = 1; // how many words have been read

  /* All words of a reading: the text, or its first word and what the model drew. */
  get sentence() {
    const { text, draws, words } = this.data;
    return this.mode === "teacher" ? text : [text[0], ...draws[this.draw].words.map((id) => words[id])];
  }
  get last() {
    return this.sentence.length - 1;
  }

  predictionAt(step) {
    const read = this.sentence.slice(0, step);
    const shares = this.data.predictions[read.join(" ")].map(([id, p]) => [this.data.words[id], p]);
    const target = this.data.text[step] ?? null; // free running goes on where the text has ended
    const probability = target === null ? null : shares.find(([word]) => word === target)[1];
    return { read, shares, target, probability, loss: target === null ? null : nats(probability) };
  }

  get state() {
    const now = this.predictionAt(this.step);
    const losses = Array.from({ length: this.step }, (_, k) => this.predictionAt(k + 1).loss).filter(
      (loss) => loss !== null,
    );
    const free = this.mode === "free";
    return {
      mode: this.mode,
      draw: this.draw,
      step: this.step,
      ...now,
      losses,
      total: losses.reduce((a, b) => a + b, 0),
      drawn: free ? this.sentence[this.step] : null,
      left: free && this.data.draws[this.draw].inside <= this.step,
    }; // with the word just drawn
  }

  build() {
    this.chosen = this.choices(
      this.t("mode"),
      ["teacher", "free"].map((mode) => [mode, this.t(mode)]),
      () => this.mode,
      (mode) => {
        this.mode = mode;
        this.step = 1;
      },
    );
    this.back = this.button(this.t("back"), () => (this.step -= 1));
    this.next = this.button(this.t("next"), () => (this.step += 1), { class: "main" });
    this.again = this.button(this.t("again"), () => {
      this.draw = (this.draw + 1) % this.data.draws.length;
      this.step = 1;
    });
    this.count = html("span", { class: "quiet number" });
    this.score = html("ol", { class: "score" });
    this.question = html("p", { class: "question" });
    this.bars = html("ul", { class: "bars" });
    this.note = html("p", { class: "hint" });
    return html(
      "div",
      {},
      html("style", {}, FORCING_STYLE),
      html("div", { class: "row modes" }, this.chosen),
      this.note,
      this.score,
      this.question,
      this.bars,
      html("div", { class: "row moves" }, this.next, this.back, this.again, this.count),
    );
  }

  update() {
    const { text } = this.data;
    const { shares, target, loss, drawn, losses, read } = this.state;
    const free = this.mode === "free";
    this.chosen.show();
    this.note.textContent = this.t(`${this.mode}-note`);
    this.enable(this.back, this.step > 1);
    this.enable(this.next, this.step < this.last);
    this.again.hidden = this.count.hidden = !free;
    this.count.textContent = this.t("count", { draw: this.draw + 1, draws: this.data.draws.length });

    const columns = Math.max(text.length, free ? this.sentence.length : 0, this.step + 1);
    const inside = free ? this.data.draws[this.draw].inside : Infinity;
    const column = (k) => {
      const own = free && k > 0;
      const word = k < this.step ? read[k] : k === this.step && free ? drawn : null;
      const cost = k > 0 && k <= this.step ? losses[k - 1] : undefined;
      return html(
        "li",
        { class: k === this.step ? "now" : k < this.step ? "read" : "later" },
        html("span", { class: "text" }, text[k] ?? "\u00a0"),
        html(
          "span",
          { class: `word ${own ? "own" : ""} ${k >= inside && k <= this.step ? "out" : ""}` },
          k === this.step && !free ? "?" : (word ?? "\u00a0"),
        ),
        html("span", { class: "cost number" }, cost === undefined ? "\u00a0" : shown(cost)),
      );
    };
    this.score.replaceChildren(
      html(
        "li",
        { class: "labels", "aria-hidden": "true" },
        ...["row-text", free ? "row-own" : "row-read", "row-loss"].map((key) =>
          html("span", {}, this.t(key)),
        ),
      ),
      ...Array.from({ length: columns }, (_, k) => column(k)),
    );

    this.question.replaceChildren(
      this.t("reads"),
      " ",
      html("b", {}, read.join(" ")),
      ". ",
      target === null
        ? this.t("no-target")
        : this.t("pays", { word: target === "." ? "“.”" : `“${target}”`, loss: shown(loss) }),
    );
    const rest = Math.max(0, 1 - shares.reduce((sum, [, p]) => sum + p, 0));
    const row = (word, p, marks, other = false) =>
      html(
        "li",
        { class: `bar ${marks.length ? "marked" : ""} ${other ? "other" : ""}` },
        html("span", { class: "name" }, word),
        html(
          "span",
          { class: "track" },
          html("span", {
            class: `fill ${marks.includes("target") ? "target" : ""}`,
            style: `width:${100 * p}%`,
          }),
        ),
        html("span", { class: "number" }, p > 0 && p < 0.0005 ? `<${shown(0.001)}` : shown(p)),
        html(
          "span",
          { class: "marks" },
          marks.map((mark) => html("span", { class: mark }, this.t(`mark-${mark}`))),
        ),
      );
    this.bars.replaceChildren(
      ...shares.map(([word, p]) =>
        row(word, p, [...(word === target ? ["target"] : []), ...(word === drawn ? ["drawn"] : [])]),
      ),
      row(this.t("others", { count: this.data.words.length - shares.length }), rest, [], true),
    );
  }

  summarize() {
    const { total, losses, left } = this.state;
    const done = this.step === this.last;
    if (this.mode === "teacher")
      return this.t(done ? "summary-teacher-end" : "summary-teacher", {
        total: shown(total),
        count: losses.length,
        p: shown(Math.exp(-total)),
      });
    return this.t(left ? "summary-free-left" : done ? "summary-free-end" : "summary-free", {
      sentence: this.sentence.slice(0, this.step + 1).join(" "),
    });
  }
}

const FORCING_STYLE = `
.modes { margin: .4rem 0 .5rem; }
.score { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem .35rem; margin: 0 0 .8rem; padding: 0; }
.score li { display: grid; grid-template-rows: repeat(3, auto); row-gap: .15rem; text-align: center; min-width: 3.1rem; }
.score li > span { padding: .1rem .45rem; }
.score .labels { text-align: right; color: var(--nwp-quiet); font-size: .84rem; line-height: 1.68; min-width: 0; }
.score .labels > span { padding-left: 0; }
.score .word { border-radius: 6px; border: 1.5px solid transparent; font-weight: 600; }
.score .read .word { border-color: var(--nwp-truth); }
.score .now .word { border: 1.5px dashed var(--nwp-prediction); color: var(--nwp-prediction); }
.score .own { color: var(--nwp-prediction); }
.score .read .own { border-color: var(--nwp-prediction); }
.score .out { text-decoration: underline wavy var(--nwp-loss); text-underline-offset: 3px; }
.score .later .text { color: var(--nwp-quiet); }
.score .cost { color: var(--nwp-loss); }
.question { margin-bottom: .5rem; }
.bars { list-style: none; margin: 0 0 .9rem; padding: 0; min-height: 12.2rem; }
.bar { display: grid; grid-template-columns: 5.4rem minmax(4rem, 1fr) 3.4rem 7.6rem; gap: .6rem; align-items: center; min-height: 27px; color: var(--nwp-quiet); }
.bar.marked { color: var(--nwp-truth); font-weight: 600; }
.bar.other { font-style: italic; font-weight: 400; }
.bar .name { overflow-wrap: anywhere; line-height: 1.1; }
.bar .number { text-align: right; }
.track { display: block; height: 14px; border-radius: 3px; background: var(--nwp-faint); }
.fill { display: block; height: 100%; min-width: 1px; border-radius: 3px; background: var(--nwp-prediction); opacity: .55; }
.marked .fill { opacity: 1; }
.fill.target { box-shadow: 0 0 0 2px var(--nwp-ground), 0 0 0 3.5px var(--nwp-truth); }
.marks { display: flex; flex-wrap: wrap; gap: 0 .6rem; font-size: .84rem; }
.marks .drawn { color: var(--nwp-prediction); }
[hidden] { display: none; }
@container (max-width: 460px) {
  .bar { grid-template-columns: 4.4rem minmax(2rem, 1fr) 3rem 5rem; gap: .35rem; font-size: .88rem; }
  .marks { font-size: .8rem; white-space: nowrap; }
  .score li { min-width: 2.6rem; }
  .score li > span { padding: .1rem .3rem; }
  .score .labels { flex-basis: 100%; display: flex; }
  .score .labels > span { padding: 0 .35rem 0 0; }
  .score .labels span + span::before { content: "· "; }
}
`;

customElements.define("forcing-explorer", ForcingExplorer);
