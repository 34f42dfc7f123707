// Cells that run in the page: buttons below each, an editor in its place, the output where the
// book's stands. Python itself is loaded by `runner.js`, when a reader first presses "Run".
"use strict";

(() => {
  const { words, language, packages, runner, runtime, notebook } = JSON.parse(
    document.getElementById("run-words").textContent
  );
  const say = (key, fields = {}) =>
    words[key].replace(/\{(\w+)\}/g, (_, name) => fields[name]);
  const megabytes = (bytes) => Math.ceil(bytes / 1e6);

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // ---- light colors for Python, with the classes of the book's own
  const KEYWORDS =
    "and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|" +
    "global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield";
  const TOKEN = new RegExp(
    "(?<c1>#.*)" +
      "|(?<s2>[rbfuRBFU]*(?:\"\"\"[^]*?(?:\"\"\"|$)|'''[^]*?(?:'''|$)|\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?))" +
      "|(?<mi>\\b\\d[\\w.]*)" +
      "|(?<kc>\\b(?:None|True|False)\\b)" +
      `|(?<k>\\b(?:${KEYWORDS})\\b)`,
    "g"
  );

  function colored(text) {
    const pieces = [];
    let end = 0;
    for (const found of text.matchAll(TOKEN)) {
      const [name, token] = Object.entries(found.groups).find(([, part]) => part !== undefined);
      pieces.push(text.slice(end, found.index), make("span", { className: name }, token));
      end = found.index + token.length;
    }
    return [...pieces, text.slice(end), "\n"];
  }

  // ---- what a reader typed, by the page and the text that the book has there
  function keyOf(text) {
    let hash = 5381;
    for (const letter of text) hash = (hash * 33 + letter.codePointAt(0)) % 4294967296;
    const page = location.pathname.split("/").slice(-2).join("/");
    return `nwp:${language}:${page}:${hash.toString(36)}`;
  }
  const store = {
    get(key) {
      try {
        return localStorage.getItem(key);
      } catch {
        return null; // the browser keeps nothing for pages
      }
    },
    set(key, text) {
      try {
        if (text === null) localStorage.removeItem(key);
        else localStorage.setItem(key, text);
      } catch {
        // it lives as long as the page
      }
    },
  };

  const CONSENT = "nwp:load"; // to load Python from elsewhere: asked once
  let consented = store.get(CONSENT) !== null;
  let active = null; // the cell that runs

  class Cell {
    constructor(element, index) {
      this.element = element;
      this.index = index;
      this.code = element.querySelector(".cell_input pre");
      this.book = this.text = this.code.textContent.replace(/\n$/, "");
    }

    setUp() {
      this.key = keyOf(this.book);
      this.colors = [...this.code.childNodes];
      const asks = /\bcheck\(/.test(this.book) && !this.element.closest(".solution");
      if (asks) this.element.classList.add("run-asks");
      const button = (key, press) => {
        const made = make("button", { type: "button", className: "btn run-button", textContent: words[key] });
        made.addEventListener("click", press);
        return made;
      };
      this.go = button(asks ? "check" : "run", () => this.run());
      this.edit = button("edit", () => this.open().focus());
      this.load = button("load", () => {
        store.set(CONSENT, "yes");
        consented = true;
        this.load.hidden = true;
        this.go.focus();
        this.run();
      });
      this.halt = button("stop", () => {
        this.go.focus();
        window.nwpRunner.stop();
      });
      this.reset = button("reset", () => this.restore());
      this.status = make("span", { className: "run-status" });
      this.status.setAttribute("role", "status");
      this.load.hidden = this.halt.hidden = this.reset.hidden = true;
      const bar = make("div", { className: "run-bar" });
      bar.append(this.go, this.halt, this.load, this.edit, this.reset, this.status);
      this.element.querySelector(".cell_input").after(bar);
      const kept = store.get(this.key);
      if (asks || kept !== null) this.open();
      if (kept !== null) this.put(kept, "kept");
    }

    // Lay a text field over the code: it has the letters' places, the code below their colors.
    open() {
      if (!this.field) {
        const field = make("textarea", { className: "run-code", value: this.text, spellcheck: false });
        field.setAttribute("aria-label", words.code);
        field.setAttribute("autocapitalize", "off");
        field.setAttribute("autocomplete", "off");
        field.addEventListener("input", () => this.put(field.value, "kept"));
        field.addEventListener("keydown", (event) => this.press(event));
        this.code.classList.add("run-under");
        this.code.parentElement.classList.add("run-editor");
        this.code.after(field);
        this.field = field;
        this.edit.hidden = true;
      }
      return this.field;
    }

    press(event) {
      if (event.key !== "Enter" || event.isComposing) return;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        this.run();
      } else if (!event.shiftKey && !event.altKey) {
        // a new line begins where this one does, or deeper after a colon
        const before = this.field.value.slice(0, this.field.selectionStart).split("\n").pop();
        const deeper = /:\s*(#.*)?$/.test(before) ? "    " : "";
        event.preventDefault();
        document.execCommand("insertText", false, `\n${before.match(/^ */)[0]}${deeper}`);
      }
    }

    put(text, message) {
      this.text = text;
      const own = text !== this.book;
      if (this.field && this.field.value !== text) this.field.value = text;
      this.code.replaceChildren(...(own ? colored(text) : this.colors));
      store.set(this.key, own ? text : null);
      this.reset.hidden = !own && !this.output;
      this.tell(own ? message : "");
    }

    restore() {
      this.clear();
      this.output?.remove();
      this.output = null;
      for (const part of this.bookOutput()) part.hidden = false;
      this.put(this.book, "");
      this.tell("restored");
      this.go.focus();
    }

    tell(key, fields) {
      this.status.textContent = key ? say(key, fields) : "";
    }

    // ---- output
    bookOutput() {
      return [...this.element.querySelectorAll(".cell_output > *:not(.run-output)")];
    }

    clear() {
      this.output?.replaceChildren();
      this.pictures = 0;
      for (const picture of this.element.querySelectorAll("img[data-book]")) {
        picture.src = picture.dataset.book;
        delete picture.dataset.book;
      }
    }

    begin() {
      this.clear();
      if (this.output) return;
      let place = this.element.querySelector(".cell_output");
      if (!place) {
        place = make("div", { className: "cell_output docutils container" });
        this.element.append(place);
      }
      this.output = make("div", { className: "run-output" });
      place.prepend(this.output);
      for (const part of this.bookOutput()) part.hidden = true;
      this.reset.hidden = false;
    }

    add(text, kind) {
      const last = this.output.lastElementChild;
      if (last?.dataset.kind === kind) last.querySelector("pre").append(text);
      else {
        const pre = make("pre", {}, text);
        const block = make("div", { className: `output ${kind} run-${kind}` });
        block.append(make("div", { className: "highlight" }, pre));
        block.dataset.kind = kind;
        this.output.append(block);
      }
    }

    draw(picture) {
      const source = `data:image/png;base64,${picture}`;
      const figure = this.bookOutput().filter((part) => part.querySelector("img"))[this.pictures++];
      const image = figure?.querySelector("img");
      if (image && this.text === this.book) {
        image.dataset.book = image.getAttribute("src");
        image.src = source;
        figure.hidden = false;
      } else this.output.append(make("img", { src: source, alt: words.figure }));
    }

    hear({ kind, content, state }) {
      if (kind === "state") this.tell(state);
      else if (kind === "lacks" || kind === "broken") {
        this.tell(kind, { name: content, reason: content });
        this.refused = true;
      } else {
        this.begun ||= (this.begin(), true);
        if (kind === "figure") this.draw(content);
        else this.add(content, kind === "text" ? "stream" : "error");
      }
    }

    async run() {
      if (active) return this.tell(active === this ? "running" : "busy");
      active = this;
      this.begun = this.refused = false;
      try {
        await this.runNow();
      } finally {
        active = null;
        this.halt.hidden = true;
      }
    }

    async runNow() {
      try {
        if (!window.nwpRunner) await loadScript(runner);
        const bytes = await window.nwpRunner.find({ packages, runtime });
        if (bytes && !consented) {
          this.load.hidden = false;
          this.tell("ask", { size: megabytes(bytes), more: megabytes(window.nwpRunner.figures()) });
          return;
        }
        await window.nwpRunner.start(language, (done, size) =>
          done === size
            ? this.tell("starting")
            : this.tell("loading", { done: Math.floor(done / 1e6), size: megabytes(size) })
        );
      } catch (error) {
        console.warn(error);
        return this.tell("unreachable");
      }
      this.halt.hidden = false;
      const end = await window.nwpRunner.run(
        cells.map((cell) => cell.text),
        this.index,
        (heard) => this.hear(heard)
      );
      if (end === "done" && !this.begun) {
        this.begin();
        this.tell("silent");
      } else if (!this.refused) this.tell(end);
    }
  }

  function loadScript(address) {
    return new Promise((resolve, reject) => {
      document.head.append(make("script", { src: address, onload: resolve, onerror: reject }));
    });
  }

  // Say why a cell does not run, and where it does.
  function explain(element) {
    const why = [...element.classList].find((name) => name.startsWith("needs-"));
    const [before, after] = words[why].split("{notebook}");
    const link = make("a", { href: notebook, textContent: words.notebook });
    element.querySelector(".cell_input").after(make("p", { className: "run-why" }, before, link, after));
  }

  const elements = [...document.querySelectorAll("div.cell:is(.runs, .runs-not)")];
  const cells = elements.map((element, index) => new Cell(element, index));
  for (const cell of cells) {
    if (cell.element.classList.contains("runs")) cell.setUp();
    else explain(cell.element);
  }
})();
