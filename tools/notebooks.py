"""Run the chapters in place, normalize them, and find what is wrong with one.

`python tools/notebooks.py execute chapters/*.ipynb` runs every cell in a fresh kernel and
writes the notebook back in one form: no volatile metadata, cell ids that follow from the
text, and two fingerprints. The first covers what the outputs depend on (the code cells and
the modules of our packages that they load), the second the outputs themselves. `defects`
compares both, so that an edit without a fresh run is noticed even in figures, which nbval skips.
What `surroundings` says holds for the kernel: its own environment, and a watch over digits.
"""

import argparse
import ast
import hashlib
import json
import os
import re
import sys
import tomllib
from pathlib import Path

import nbformat
import surroundings
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("nwp", "lab", "exercises")
KEPT_CELL_METADATA = ("tags", "mystnb", "nwp")
READING_LINE = re.compile(r"^\*(?:Reading|Leitura): [^\n]*\*\n\n", re.MULTILINE)
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SHOWN = re.compile(r"^plt\.show\(\)", re.MULTILINE)
UNREPEATABLE = {
    "a path of one machine": (
        r"(?:^|[\s'\"(=])(?:/(?:home|root|Users|tmp|work|private|var|opt|mnt)/|[A-Z]:\\)"
    ),
    "a path of an environment": r"site-packages|\.venv",
    "a memory address": r"\b0x[0-9a-f]{6,}\b",
    "a date and time": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d",
    "an unrounded number": r"\d\.\d{13,}",
    "a NumPy scalar's repr": r"\bnp\.(?:float|int|bool)\d*_?\(",
}


def execute(path: Path) -> None:
    """Run one notebook from top to bottom and write it back normalized.

    Raises
    ------
    ValueError
        Where the run left something that would mislead a reader, such as a figure's cell
        without a picture; the notebook is then left as it was.
    """
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where)
    client.execute(env=surroundings.own(os.environ, threads=1))
    normalize(notebook)
    if found := defects(notebook):
        raise ValueError(f"{path.name}: {'; '.join(found)}")
    write(notebook, path)


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    os.replace(unfinished, path)  # the old notebook stays whole until the new one is


def normalize(notebook: NotebookNode) -> None:
    """Bring a freshly run notebook into its one committed form, in place."""
    for cell in notebook.cells:
        cell.metadata = NotebookNode(
            {key: cell.metadata[key] for key in KEPT_CELL_METADATA if cell.metadata.get(key)}
        )
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                output.pop("transient", None)
                if "metadata" in output:
                    output.metadata = NotebookNode()
    for cell, identity in zip(notebook.cells, cell_ids(notebook), strict=True):
        cell.id = identity
    notebook.nbformat_minor = 5
    notebook.metadata = NotebookNode(
        NOTEBOOK_METADATA
        | {"nwp": {"inputs": inputs_fingerprint(notebook), "outputs": _outputs(notebook)}}
    )


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join the pieces of one stream: where the kernel cuts it depends on its timing."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def defects(notebook: NotebookNode) -> list[str]:
    """Say, a sentence each, what would mislead a reader of this committed notebook."""
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        try:
            ast.parse(cell.source)
        except SyntaxError:
            return [f"not plain Python: {cell.source.splitlines()[0]!r}"]
    counts = [cell.execution_count for cell in code]
    if None in counts:
        found.append("stripped: a code cell was not run")
    elif counts != list(range(1, len(code) + 1)):
        found.append(f"out of order: execution counts are {counts}, not 1 to {len(code)}")
    recorded = notebook.metadata.get("nwp", {})
    if recorded.get("inputs") != inputs_fingerprint(notebook):
        found.append(f"stale: code changed after the run, here or in {' or '.join(PACKAGES)}")
    if recorded.get("outputs") != _outputs(notebook):
        found.append("edited: outputs are not those of the run")
    volatile = {key for cell in notebook.cells for key in cell.metadata}
    expected = {"nwp", *NOTEBOOK_METADATA}
    if volatile - set(KEPT_CELL_METADATA) or set(notebook.metadata) != expected:
        found.append("not normalized: metadata of an editor is left")
    for cell in code:
        tags = cell.metadata.get("tags", [])
        for output in cell.outputs:
            found += _output_defects(output, expects_error="raises-exception" in tags)
        words = cell.metadata.get("mystnb", {})
        shows = any("image/png" in output.get("data", {}) for output in cell.outputs)
        if shows and not words.get("image", {}).get("alt"):
            found.append("a figure has no alternative text")
        if not shows and (words or SHOWN.search(cell.source)):
            found.append(f"a figure is missing: {cell.source.splitlines()[0]!r} shows no picture")
    return found


def _output_defects(output: NotebookNode, *, expects_error: bool) -> list[str]:
    if output.output_type == "error":
        return [] if expects_error else [f"error: a cell ended with {output.ename}"]
    if output.output_type == "stream" and output.name == "stderr":
        return [f"a warning was printed: {output.text.strip()[:60]!r}"]
    text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
    return [
        f"leaks {what}: {match.group()!r}"
        for what, pattern in UNREPEATABLE.items()
        if (match := re.search(pattern, text))
    ]


def inputs_fingerprint(notebook: NotebookNode) -> str:
    """Hash the code cells, the code of every module of ours that they load, and its data.

    Of a module's data those entries count that the loaded code names: a new chapter's messages
    leave the other chapters as they were.
    """
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    loaded: dict[str, str] = {}
    data: list[Path] = []
    waiting = [name for source in sources for name in own_imports(source)]
    while waiting:
        name = waiting.pop()
        path = _module(name)
        if name not in loaded and path.exists():
            loaded[name] = _without_docstrings(path.read_text(encoding="utf-8"))
            waiting += own_imports(loaded[name])
            data.append(path.with_suffix(".toml"))  # what a module reads has its name
    code = "".join(loaded.values())
    named = {path.name: _named(path, code) for path in data if path.exists()}
    return _digest([sources, sorted(loaded.items()), named])


def _named(path: Path, code: str) -> dict[str, dict[str, object]]:
    """Return the entries of a file's tables whose keys stand in the code, between quotes."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: {key: entry for key, entry in table.items() if f'"{key}"' in code}
        for name, table in tables.items()
    }


def _module(name: str) -> Path:
    """Return the file of a module, or of a package."""
    path = ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def own_imports(source: str) -> list[str]:
    """Name the modules of our packages that a piece of Python imports.

    Checking an exercise imports the module of its chapter.
    """
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = [f"{node.module}.{alias.name}" for alias in node.names]  # modules, or names
            names += [part if _module(part).exists() else node.module for part in parts]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and (exercise := _checked(node)):
            names.append(f"exercises.chapter{exercise.partition('.')[0]}")
    return [name for name in names if name.partition(".")[0] in PACKAGES]


def _checked(call: ast.Call) -> str | None:
    """Return the exercise that a call checks: "1.4" of `check("1.4", batch_loss)`."""
    name = getattr(call.func, "id", getattr(call.func, "attr", None))
    if name == "check" and call.args and isinstance(call.args[0], ast.Constant):
        return str(call.args[0].value)
    return None


def _without_docstrings(source: str) -> str:
    """Blank the docstrings, so that better words do not ask for a new run."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            first = node.body[0]
            for number in range(first.lineno - 1, first.end_lineno):
                lines[number] = ""
            if len(node.body) == 1:  # a method of a protocol: something must stay
                lines[first.lineno - 1] = " " * first.col_offset + "..."
    return "\n".join(lines)


def _outputs(notebook: NotebookNode) -> str:
    return _digest([cell.outputs for cell in notebook.cells if cell.cell_type == "code"])


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def cell_ids(notebook: NotebookNode) -> list[str]:
    """Name each cell after its text, so that ids change only where the text does.

    A translated cell keeps the id of its original; a computed reading time is no text.
    """
    ids: list[str] = []
    for cell in notebook.cells:
        if "translates" in cell.metadata.get("nwp", {}):
            ids.append(cell.id)
            continue
        text, repeat = READING_LINE.sub("", cell.source), 0
        while (identity := _digest([cell.cell_type, text, repeat])[:8]) in ids:
            repeat += 1
        ids.append(identity)
    return ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["execute"])
    parser.add_argument("notebooks", nargs="+", type=Path)
    arguments = parser.parse_args()
    for path in arguments.notebooks:
        print(f"running {path}", file=sys.stderr)
        execute(path)


if __name__ == "__main__":
    main()
