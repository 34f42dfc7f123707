// Python for a page: loads Pyodide, from beside the page or from its delivery network, and runs
// cells in a worker. `runnable.js` loads this file when a reader first presses "Run".
//
// Files come through this page and not through the worker, because a page on disk may load
// scripts, but nothing may be fetched there: a file beside the page is a script that holds its
// bytes in base64. The worker is made from a blob, which works on disk too.
"use strict";

(() => {
  const CORE = ["pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip"];

  // ---- in the worker: `files` gives what `loadPyodide` believes to fetch
  function work() {
    const files = new Map();
    const waiting = new Map();
    const base = "https://page.invalid/";
    const LOADED = ["numpy", "matplotlib", "mpmath"];
    self.fetch = async (url) => {
      const name = String(url).split("/").pop();
      if (!files.has(name)) {
        const arrives = new Promise((resolve, reject) => waiting.set(name, { resolve, reject }));
        self.postMessage({ kind: "need", name });
        await arrives;
      }
      const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
      return new Response(files.get(name), { headers: { "Content-Type": type } });
    };
    let python;
    const load = (names) => python.loadPackage(names, { messageCallback: quiet, errorCallback: quiet });
    const quiet = () => {};
    async function start({ packages, language }) {
      python = await loadPyodide({ indexURL: base, stdout: quiet, stderr: quiet, env: { HOME: "/home/pyodide", MPLBACKEND: "agg" } });
      await load(["numpy"]); // our packages import it
      python.unpackArchive(packages, "zip", { extractDir: "/home/pyodide" });
      python.globals.set("language", language);
      python.runPython(`
import sys
sys.path.insert(0, "/home/pyodide")
import exercises
from in_page.session import Session
exercises.language = language
session = Session()`);
    }
    async function run({ cells, index }) {
      const session = python.globals.get("session");
      const given = python.toPy(cells);
      const wanted = session.libraries(given, index).toJs();
      self.postMessage({ kind: "state", state: "libraries" });
      const known = wanted.filter((name) => LOADED.includes(name));
      if (known.length < wanted.length) {
        const content = wanted.find((name) => !known.includes(name));
        self.postMessage({ kind: "lacks", content });
        return self.postMessage({ kind: "done", fine: false });
      }
      await load(known);
      self.postMessage({ kind: "state", state: "running" });
      const emit = (kind, content) => self.postMessage({ kind, content });
      const fine = session.run(given, index, emit);
      self.postMessage({ kind: "done", fine });
    }
    let last = Promise.resolve();
    self.onmessage = ({ data }) => {
      if (data.kind === "file") {
        if (data.blob) files.set(data.name, data.blob);
        const { resolve, reject } = waiting.get(data.name) ?? {};
        waiting.delete(data.name);
        if (data.blob) resolve?.();
        else reject?.(new Error(data.name));
        return;
      }
      last = last
        .then(() => (data.kind === "start" ? start(data) : run(data)))
        .catch((error) => self.postMessage({ kind: "broken", content: String(error).trim().split("\n").pop() }));
    };
  }

  // ---- in the page
  const arrived = new Map(); // name → the bytes, as a blob to come: a new worker needs them again
  const coming = new Map(); // name → the same, of what is asked for
  window.nwpFile = (name, base64) =>
    arrived.set(name, fetch(`data:application/octet-stream;base64,${base64}`).then((answer) => answer.blob()));
  window.nwpTable = (table) => {
    Runner.table = table;
  };

  function loadScript(address) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = () => (script.remove(), resolve());
      script.onerror = () => (script.remove(), reject(new Error(address)));
      document.head.append(script);
    });
  }

  // Bytes, of the files that a run without, or with, figures loads.
  const sizeOf = (names) => names.reduce((sum, name) => sum + (Runner.table.files[name]?.size ?? 0), 0);

  const Runner = {
    table: null,
    beside: null, // whether the files lie beside the page
    worker: null,

    // Find out where Python comes from; return how many bytes the start will load from elsewhere.
    async find({ packages, runtime }) {
      if (!arrived.has("packages.zip")) await loadScript(packages);
      this.folder = runtime;
      if (this.beside === null) {
        await loadScript(`${runtime}pyodide.js.js`).then(
          () => (this.beside = true),
          () => (this.beside = false)
        );
      }
      const missing = [...CORE, this.table.numpy].filter((name) => !arrived.has(name));
      return this.beside ? 0 : sizeOf(missing);
    },

    // How many bytes figures add.
    figures() {
      return sizeOf(Object.keys(this.table.files)) - sizeOf([...CORE, this.table.numpy]);
    },

    // Resolves to the bytes of a file, as a blob. What failed is tried again when it is asked for.
    async file(name) {
      if (arrived.has(name)) return arrived.get(name);
      if (!coming.has(name)) coming.set(name, this.load(name).finally(() => coming.delete(name)));
      return coming.get(name);
    },

    async load(name) {
      const known = this.table.files[name];
      if (!known) throw new Error(name);
      if (this.beside) await loadScript(`${this.folder}${name}.js`);
      else {
        const answer = await fetch(known.url, { integrity: known.integrity });
        if (!answer.ok) throw new Error(name);
        arrived.set(name, await answer.blob());
      }
      return arrived.get(name);
    },

    // Make the worker, if there is none. `progress(bytes, of)` tells how far the loading is. The
    // worker starts with what is there: Python itself comes first, and starts while NumPy loads.
    async start(language, progress) {
      if (this.worker) return;
      const all = sizeOf([...CORE, this.table.numpy]);
      let loaded = 0;
      progress(loaded, all);
      const get = async (name) => {
        const blob = await this.file(name);
        loaded += this.table.files[name].size;
        progress(loaded, all);
        return blob;
      };
      const core = CORE.map(get);
      const made = Promise.all(core.slice(0, 2)).then((scripts) => this.make(scripts, language));
      try {
        await Promise.all(core);
        await get(this.table.numpy);
      } catch (error) {
        made.then((worker) => worker.terminate(), () => {});
        throw error;
      }
      this.worker = await made;
    },

    async make(scripts, language) {
      const text = await Promise.all(scripts.map((blob) => blob.text()));
      const source = new Blob([...text.map((script) => `${script}\n;`), `(${work})();`], { type: "text/javascript" });
      const address = URL.createObjectURL(source);
      const worker = new Worker(address);
      worker.onmessage = ({ data }) => {
        if (data.kind !== "need") return this.hear?.(data);
        this.file(data.name)
          .catch(() => null)
          .then((blob) => worker.postMessage({ kind: "file", name: data.name, blob }));
      };
      worker.onerror = (event) => this.hear?.({ kind: "broken", content: event.message });
      const packages = await (await arrived.get("packages.zip")).arrayBuffer();
      worker.postMessage({ kind: "start", packages, language });
      return worker;
    },

    // Run a cell; `hear` gets {kind: "state" | "text" | "figure" | "error", …}. Resolves to
    // "done", "failed", "stopped" or "broken".
    run(cells, index, hear) {
      return new Promise((resolve) => {
        this.hear = (data) => {
          if (data.kind === "done") resolve(data.fine ? "done" : "failed");
          else if (data.kind === "broken") {
            this.stop();
            hear(data);
            resolve("broken");
          } else hear(data);
        };
        this.stopped = () => resolve("stopped");
        this.worker.postMessage({ kind: "run", cells, index });
      });
    },

    stop() {
      this.worker?.terminate();
      this.worker = null;
      this.stopped?.();
    },
  };
  window.nwpRunner = Runner;
})();
