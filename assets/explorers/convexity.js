/* Convexity (chapter 3): a map of the loss, two points, the chord, and its gap to the loss. */
"use strict";

const SIDE = 280; // of the triangle and the square, in the units of the picture
const LEFT = 26;
const FLOOR = 292;
const RISE = (SIDE * Math.sqrt(3)) / 2;
const TOP_GAP = 14;

/* Cut a polygon down to where `height` is at least 0. */
function cut(polygon, height) {
  return polygon.flatMap((p, i) => {
    const q = polygon[(i + 1) % polygon.length];
    const [hp, hq] = [height(p), height(q)];
    const kept = hp >= 0 ? [p] : [];
    const share = hp / (hp - hq);
    return hp >= 0 !== hq >= 0 ? [...kept, p.map((x, k) => x + share * (q[k] - x))] : kept;
  });
}
const closed = (points) => (points.length ? `${path(points)}Z` : "");
const square =
  (low, high) =>
  ([u, v]) => [LEFT + ((u - low) / (high - low)) * SIDE, FLOOR - ((v - low) / (high - low)) * SIDE];
const corners = (m) => [
  [-m, -m],
  [m, -m],
  [m, m],
  [-m, m],
];

/* Three places to look at the same loss from. A handle has two coordinates, `u` to the right
 * and `v` upwards; `vector` makes of them what the model has there; `onMap` is affine in it. */
const PLACES = {
  probabilities: {
    low: 0,
    high: 1,
    perUnit: 100,
    levels: [0.25, 0.5, 1, 1.5, 2, 3, 4, 5],
    named: [0.5, 1, 2, 3],
    digits: 2,
    vector: ([u, v]) => [(1 - v) * (1 - u), (1 - v) * u, v],
    loss: (p) => nats(p[2]),
    onMap: (p) => [LEFT + SIDE * (p[1] + p[2] / 2), FLOOR - 20 - RISE * p[2]],
    fromMap([x, y]) {
      const v = clamp((FLOOR - 20 - y) / RISE, 0, 1);
      return [v < 1 ? clamp(((x - LEFT) / SIDE - v / 2) / (1 - v), 0, 1) : 0.5, v];
    },
    outline() {
      return [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ].map(this.onMap);
    },
    region(level) {
      return closed(cut(this.outline(), ([, y]) => y - (FLOOR - 20 - RISE * Math.exp(-level))));
    },
    nameAt(level) {
      const v = Math.exp(-level);
      return [...this.onMap([0, 1 - v, v]), "start"];
    },
    chords: {
      chord: [
        [2 / 9, 0.1],
        [0.5, 0.8],
      ],
      flat: [
        [0, 0.5],
        [1, 0.5],
      ],
      edge: [
        [0.3, 0],
        [0.6, 0.6],
      ],
    },
  },
  logits: {
    low: -4,
    high: 4,
    perUnit: 10,
    levels: [0.1, 0.5, 1, 2, 3, 4, 5, 6, 7],
    named: [0.1, 1, 2, 4, 6],
    digits: 1,
    vector: ([u, v]) => [u, u, v],
    loss: (z) => 0 - logSoftmax(z)[2],
    onMap: (z) => square(-4, 4)([z[0], z[2]]),
    outline: () => corners(4).map(square(-4, 4)),
    region(level) {
      const lead = -Math.log(Math.expm1(level) / 2); // loss ≥ level where "." leads by no more
      return closed(cut(corners(4), ([u, v]) => lead - (v - u)).map(square(-4, 4)));
    },
    nameAt(level) {
      const lead = -Math.log(Math.expm1(level) / 2);
      const at = lead >= 0 ? [-4, lead - 4] : [-4 - lead, -4];
      return [...square(-4, 4)([at[0] + 0.15, at[1] + 0.15]), "start"];
    },
    chords: {
      chord: [
        [2, -2],
        [-1, 3],
      ],
      flat: [
        [-3, -2.5],
        [2.5, 3],
      ],
      far: [
        [-3.5, 3.5],
        [1, 3.5],
      ],
    },
  },
  weights: {
    low: -3,
    high: 3,
    perUnit: 10,
    levels: [0.01, 0.1, 0.3, Math.LN2, 1.5, 3, 6],
    named: [0.1, 0.3, Math.LN2, 1.5, 3],
    digits: 1,
    vector: (point) => point,
    loss: ([a, b]) => Math.max(-a * b, 0) + Math.log1p(Math.exp(-Math.abs(a * b))),
    onMap: square(-3, 3),
    outline: () => corners(3).map(square(-3, 3)),
    region(level) {
      const c = -Math.log(Math.expm1(level)); // loss ≥ level where ab ≤ c
      const sign = c < 0 ? -1 : 1;
      const branch = [];
      for (let k = 0; k <= 30; k++) {
        const a = (Math.max(Math.abs(c), 1e-9) / 3) * (9 / Math.max(Math.abs(c), 1e-9)) ** (k / 30);
        branch.push([a, c / a]);
      }
      const corner = [...branch, [3, 3 * sign]].map(([a, b]) => [a, clamp(b, -3, 3)]);
      const both = [corner, corner.map(([a, b]) => [-a, -b])]
        .map((p) => closed(p.map(square(-3, 3))))
        .join("");
      return c < 0 ? both : closed(this.outline()) + both; // what lies in the corners is cut out
    },
    nameAt(level) {
      const c = -Math.log(Math.expm1(level));
      if (Math.abs(c) < 1e-9) return [...square(-3, 3)([-2.2, 0]), "middle"]; // on the axes
      const a = Math.min(1.7 * Math.sqrt(Math.abs(c)), 2.6); // beside the diagonals, where the chords lie
      return [...square(-3, 3)([a, c / a]), "middle"];
    },
    chords: {
      valleys: [
        [2, 2],
        [-2, -2],
      ],
      valley: [
        [0.5, 2.8],
        [2.8, 0.5],
      ],
      pass: [
        [2, -2],
        [-2, 2],
      ],
    },
  },
};
for (const place of [PLACES.logits, PLACES.weights]) {
  const { low, high } = place;
  place.fromMap = ([x, y]) => [
    low + ((x - LEFT) / SIDE) * (high - low),
    low + ((FLOOR - y) / SIDE) * (high - low),
  ];
}

const PROFILE = { left: 40, right: 306, top: 14, bottom: 176 };

class ConvexityExplorer extends Explorer {
  name = "probabilities";
  fraction = 0.5;
  points = PLACES.probabilities.chords.chord.map((p) => p.slice());

  get place() {
    return PLACES[this.name];
  }

  get state() {
    const [a, b] = this.points.map(this.place.vector);
    const [lossA, lossB] = [a, b].map(this.place.loss);
    const loss = this.lossAt(this.fraction);
    const chord = this.chordAt(this.fraction);
    return {
      place: this.name,
      a,
      b,
      fraction: this.fraction,
      lossA,
      lossB,
      loss,
      chord,
      gap: loss === Infinity ? null : chord - loss,
    }; // null: ∞ − ∞
  }

  between(s) {
    const [a, b] = this.points.map(this.place.vector);
    return a.map((x, k) => (1 - s) * x + s * b[k]);
  }
  lossAt(s) {
    return this.place.loss(this.between(s));
  }
  chordAt(s) {
    const [a, b] = this.points.map((p) => this.place.loss(this.place.vector(p)));
    return s === 0 ? a : s === 1 ? b : (1 - s) * a + s * b; // 0 · ∞ = 0
  }

  move(i, [u, v]) {
    const { low, high, perUnit } = this.place;
    this.points[i] = [u, v].map((x) => clamp(Math.round(x * perUnit) / perUnit, low, high));
  }

  build() {
    this.chord = svg("path", { class: "chord" });
    this.here = svg("circle", { r: 6, class: "here" });
    this.ground = svg("g");
    this.handles = ["A", "B"].map((letter, i) =>
      svg(
        "g",
        {
          class: "handle",
          tabindex: 0,
          role: "slider",
          "aria-label": this.t("point", { letter }),
          onkeydown: (event) => this.nudge(i, event),
          ontouchstart: (event) => event.preventDefault(), // touch-action does not hold on a g
          onpointerdown: (event) => {
            if (event.button !== 0 || this.held !== undefined) return;
            this.held = i;
            this.finger = event.pointerId;
            this.map.setPointerCapture(event.pointerId);
          },
        },
        svg("circle", { r: 22, class: "target" }),
        svg("circle", { r: 13, class: "dot" }),
        svg("text", { y: 5, "text-anchor": "middle", class: "letter" }, letter),
      ),
    );
    this.map = svg(
      "svg",
      {
        class: "map",
        role: "group",
        "aria-label": this.t("map"),
        onpointermove: (event) => {
          if (this.held === undefined || event.pointerId !== this.finger) return;
          this.move(this.held, this.place.fromMap(pointerIn(this.map, event)));
          this.refresh();
        },
        onlostpointercapture: (event) => {
          if (event.pointerId === this.finger) this.held = undefined;
        },
      },
      this.ground,
      this.chord,
      this.here,
      this.handles,
    );

    this.curve = svg("path", { class: "curve" });
    this.line = svg("path", { class: "chord" });
    this.gap = svg("path", { class: "gap" });
    this.marks = [svg("circle", { r: 5, class: "dot loss" }), svg("circle", { r: 5, class: "here" })];
    this.ends = svg("g");
    this.profile = svg(
      "svg",
      { viewBox: "0 0 332 204", "aria-hidden": "true" },
      svg("path", {
        class: "axis",
        d: path([
          [PROFILE.left, PROFILE.top],
          [PROFILE.left, PROFILE.bottom],
          [PROFILE.right, PROFILE.bottom],
        ]),
      }),
      this.ends,
      this.gap,
      this.curve,
      this.line,
      this.marks,
    );
    this.fractionSlider = this.slider({
      label: this.t("fraction"),
      low: 0,
      high: 1,
      perUnit: 100,
      get: () => this.fraction,
      put: (s) => (this.fraction = s),
      say: () =>
        `${shown(this.fraction, 2)}; ${this.t("chord-word")} ${shown(this.state.chord)}, ${this.t("loss-word")} ${shown(this.state.loss)}`,
    });
    this.numbers = ["chord", "loss", "gap"].map((key) =>
      html("output", { class: `number ${key === "gap" ? "strong" : key}`, "aria-live": "off" }),
    );
    this.chosen = this.choices(
      this.t("place"),
      Object.keys(PLACES).map((name) => [name, this.t(name)]),
      () => this.name,
      (name) => this.go(name),
    );
    this.chords = html("div", { class: "row" });
    this.note = html("p", { class: "hint" });
    this.draw();
    return html(
      "div",
      {},
      html("style", {}, CONVEXITY_STYLE),
      html("div", { class: "row places" }, this.chosen),
      this.note,
      html(
        "div",
        { class: "two" },
        this.map,
        html(
          "div",
          {},
          this.profile,
          html(
            "div",
            { class: "along" },
            html("span", { class: "quiet" }, "A"),
            this.fractionSlider,
            html("span", { class: "quiet" }, "B"),
          ),
          html(
            "div",
            { class: "trio" },
            ["chord", "loss", "gap"].map((key, i) =>
              html("div", {}, html("span", { class: "head" }, this.t(`${key}-word`)), this.numbers[i]),
            ),
          ),
          this.chords,
        ),
      ),
    );
  }

  /* Another place begins with its first chord. */
  go(name) {
    this.name = name;
    this.take(Object.keys(this.place.chords)[0]);
    this.draw();
  }
  take(key) {
    this.points = this.place.chords[key].map((point) => point.slice());
    this.fraction = 0.5;
  }

  nudge(i, event) {
    const ways = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
      PageUp: [0, 10],
      PageDown: [0, -10],
    };
    const way = ways[event.key];
    if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const step = (event.shiftKey ? 10 : 1) / this.place.perUnit;
    this.move(
      i,
      this.points[i].map((x, k) => x + way[k] * step),
    );
    this.refresh();
  }

  /* What changes only with the place: the bands, their names, the axes, the buttons. */
  draw() {
    const { place, name } = this;
    const words = { probabilities: ["ladra", "forte", "“.”"] }[name];
    const outline = place.outline();
    const names = place.named.map((level) => {
      const [x, y, anchor] = place.nameAt(level);
      return svg(
        "text",
        { x: x + (anchor === "start" ? 6 : 0), y: y + 4, "text-anchor": anchor, class: "loss halo level" },
        written(Number(level.toFixed(3))),
      );
    });
    const labels = words
      ? words.map((word, k) =>
          svg(
            "text",
            {
              x: outline[k][0],
              y: outline[k][1] + (k === 2 ? -TOP_GAP : 24),
              "text-anchor": "middle",
              class: "truth strong",
            },
            word,
          ),
        )
      : [
          svg("text", { x: LEFT + SIDE / 2, y: FLOOR + 32, "text-anchor": "middle" }, this.t(`${name}-x`)),
          svg(
            "text",
            {
              x: 0,
              y: 0,
              "text-anchor": "middle",
              transform: `translate(${LEFT - 14} ${FLOOR - SIDE / 2}) rotate(-90)`,
            },
            this.t(`${name}-y`),
          ),
          [place.low, 0, place.high].map((x) =>
            svg(
              "text",
              { x: place.onMap(place.vector([x, 0]))[0], y: FLOOR + 16, "text-anchor": "middle" },
              shown(x, 0),
            ),
          ),
        ];
    this.ground.replaceChildren(
      svg("path", { class: "ground", d: closed(outline) }),
      ...place.levels.map((level) => svg("path", { class: "band", d: place.region(level) })),
      ...names,
      ...labels.flat(),
    );
    this.chords.replaceChildren(
      ...Object.keys(place.chords).map((key) => this.button(this.t(`${name}-${key}`), () => this.take(key))),
    );
    set(this.map, { viewBox: `0 0 332 ${words ? 304 : 330}` });
    this.note.textContent = this.t(`${name}-note`);
  }

  update() {
    const { place } = this;
    const { a, b, lossA, lossB, loss, chord, gap } = this.state;
    this.chosen.show();
    this.fractionSlider.show();
    const [at, to] = [a, b].map(place.onMap);
    set(this.chord, { d: path([at, to]) });
    const [x, y] = place.onMap(this.between(this.fraction));
    set(this.here, { cx: x, cy: y });
    this.handles.forEach((handle, i) =>
      set(handle, {
        transform: `translate(${[at, to][i].map((c) => c.toFixed(2)).join(" ")})`,
        "aria-valuemin": place.low,
        "aria-valuemax": place.high,
        "aria-valuenow": this.points[i][1],
        "aria-valuetext": this.t("say", { point: this.described([a, b][i]), loss: shown([lossA, lossB][i]) }),
      }),
    );

    // the profile: from A to B, the loss and the chord
    const grid = Array.from({ length: 101 }, (_, k) => k / 100);
    const values = grid.map((s) => this.lossAt(s));
    const finite = [...values, lossA, lossB].filter(Number.isFinite);
    const most = lossA === Infinity || lossB === Infinity ? 5 : Math.max(0.25, 1.12 * Math.max(...finite));
    const px = (s) => PROFILE.left + s * (PROFILE.right - PROFILE.left);
    const py = (value) =>
      PROFILE.bottom - (Math.min(value, 1.05 * most) / most) * (PROFILE.bottom - PROFILE.top);
    set(this.curve, { d: path(grid.map((s, k) => [px(s), py(values[k])])) });
    set(this.line, { d: path(grid.map((s) => [px(s), py(this.chordAt(s))])) });
    const here = px(this.fraction);
    set(this.gap, {
      d: path([
        [here, py(chord)],
        [here, py(loss)],
      ]),
      "data-below": String(gap < 0),
    });
    this.marks.forEach((mark, k) => set(mark, { cx: here, cy: py([loss, chord][k]) }));
    const tick = (value) =>
      svg("text", { x: PROFILE.left - 6, y: py(value) + 4, "text-anchor": "end" }, shown(value, 2));
    const apart = Math.abs(py(lossA) - py(lossB)) > 16;
    this.ends.replaceChildren(
      tick(lossA),
      ...(apart
        ? [
            tick(lossB),
            svg("path", {
              class: "guide",
              d: path([
                [PROFILE.left, py(lossB)],
                [px(1), py(lossB)],
              ]),
            }),
          ]
        : []),
      ...["A", "B"].map((letter, k) =>
        svg(
          "text",
          { x: px(k), y: PROFILE.bottom + 20, "text-anchor": "middle", class: "prediction strong" },
          letter,
        ),
      ),
    );
    this.numbers.forEach((output, k) => (output.textContent = shown([chord, loss, gap][k], 3, k === 2)));
    this.numbers[2].classList.toggle("fails", gap < -1e-12);
  }

  described(vector) {
    const numbers = vector.map((x) => shown(x, this.place.digits));
    return this.t(`${this.name}-point`, { 0: numbers[0], 1: numbers[1], 2: numbers[2] });
  }

  summarize() {
    const { a, b, loss, chord, gap } = this.state;
    const kind = a.every((x, i) => x === b[i])
      ? "same"
      : gap === null
        ? "none"
        : gap === Infinity
          ? "infinite"
          : gap > 1e-12
            ? "above"
            : gap < -1e-12
              ? "below"
              : "touches";
    return `A: ${this.described(a)}; B: ${this.described(b)}. ${this.t(`summary-${kind}`, { chord: shown(chord), loss: shown(loss), gap: shown(Math.abs(gap)) })}`;
  }
}

const CONVEXITY_STYLE = `
.places { margin: .4rem 0 .6rem; }
.two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.4rem; align-items: center; }
@container (max-width: 560px) { .two { grid-template-columns: 1fr; gap: .6rem; } }
.map { touch-action: pan-y; max-width: 24rem; margin: 0 auto; }
.ground { fill: var(--nwp-loss); fill-opacity: .05; stroke: var(--nwp-context); }
.band { fill: var(--nwp-loss); fill-opacity: .13; fill-rule: evenodd; stroke: var(--nwp-ground); stroke-width: .8; stroke-opacity: .7; }
.level { font-size: 12px; }
.here { fill: var(--nwp-truth); stroke: var(--nwp-ground); stroke-width: 2; }
.handle { cursor: grab; touch-action: none; outline: none; }
.handle:active { cursor: grabbing; }
.handle .target { fill: transparent; }
.handle:focus-visible .target { stroke: var(--nwp-prediction); stroke-width: 2; }
svg .letter { fill: var(--nwp-ground); font-weight: 700; font-size: 14px; pointer-events: none; }
.gap { stroke: var(--nwp-truth); stroke-width: 5; stroke-opacity: .35; }
.gap[data-below=true] { stroke: var(--nwp-loss); stroke-opacity: .8; }
.along { display: grid; grid-template-columns: auto 1fr auto; gap: .5rem; align-items: center; padding-left: 8%; }
.trio { display: grid; grid-template-columns: repeat(3, 1fr); margin: .2rem 0 .8rem; text-align: center; }
.trio output { display: block; font-size: 1.35rem; font-weight: 600; line-height: 1.2; }
.trio .fails { color: var(--nwp-loss); }
`;

customElements.define("convexity-explorer", ConvexityExplorer);
