"""The editions of the book: where each lies, and how the Brazilian one is built.

`python tools/editions.py` builds the Brazilian edition beside the English one, which
jupyter-book builds by itself. The configuration of `pt/` holds only what differs; joined with
the English one it is written to `_build/pt/`, and so is the table of contents, which has the
same pages under other captions. The pages are built there and put in place,
`_build/html/pt/`, when all of them are whole.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PORTUGUESE = ROOT / "pt"
BUILD = ROOT / "_build" / "pt"
HTML = ROOT / "_build" / "html" / "pt"
EDITIONS = (ROOT, PORTUGUESE)
STRINGS = Path(__file__).with_name("strings.toml")
PATHS = ("bibtex_bibfiles", "html_static_path", "templates_path")  # relative to the sources
JUPYTER_BOOK = str(Path(sys.executable).with_name("jupyter-book"))
COMMAND = [JUPYTER_BOOK, "build", "--all", "--quiet", "-W", "-n", "--keep-going"]


def joined(common: Any, own: Any) -> Any:
    """Return `common` with what `own` says instead, mapping by mapping."""
    if not (isinstance(common, dict) and isinstance(own, dict)):
        return own
    return common | {key: joined(common.get(key), value) for key, value in own.items()}


def configuration(where: Path) -> dict[str, Any]:
    """Return the Brazilian edition's whole configuration, as a file in the folder `where`."""
    common, own = (
        yaml.safe_load((folder / "_config.yml").read_text(encoding="utf-8"))
        for folder in (ROOT, PORTUGUESE)
    )
    config = joined(common, own)
    config["repository"]["path_to_book"] = PORTUGUESE.name
    extensions = config["sphinx"]["local_extensions"]
    for name, path in extensions.items():
        extensions[name] = os.path.relpath(ROOT / path, where)
    for settings in (config, config["sphinx"]["config"]):
        for key in settings.keys() & set(PATHS):
            settings[key] = [os.path.relpath(ROOT / path, PORTUGUESE) for path in settings[key]]
    return config


def contents(edition: Path) -> dict[str, Any]:
    """Return an edition's table of contents: the pages are the same, the captions its own."""
    captions = tomllib.loads(STRINGS.read_text(encoding="utf-8"))["captions"]["pt-BR"]
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    if edition == ROOT:
        return toc
    for part in toc["parts"]:
        if part["caption"] not in captions:
            raise KeyError(f"{STRINGS} must have a caption for {part['caption']!r}")
        part["caption"] = captions[part["caption"]]
    return toc


def build() -> int:
    """Build the Brazilian pages and put them in place; return 0 where there was no warning."""
    BUILD.mkdir(parents=True, exist_ok=True)
    config, toc = BUILD / "_config.yml", BUILD / "_toc.yml"
    for path, content in ((config, configuration(BUILD)), (toc, contents(PORTUGUESE))):
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        path.write_text(text, encoding="utf-8")
    arguments = ["--config", str(config), "--toc", str(toc), "--path-output", str(BUILD)]
    failed = subprocess.run([*COMMAND, *arguments, str(PORTUGUESE)], check=False).returncode
    if failed:
        # A page that is not read again would not repeat its warning.
        shutil.rmtree(BUILD / "_build" / ".doctrees", ignore_errors=True)
        return failed
    new, old = (HTML.with_name(f"pt.{name}") for name in ("new", "old"))
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(BUILD / "_build" / "html", new)
    if HTML.exists():
        HTML.rename(old)
    new.rename(HTML)
    shutil.rmtree(old, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(build())
