"""Lay Python for the browser beside the built pages, so that cells run without network.

`make book BROWSER=1` runs this after the build: it fetches the files of Pyodide's release that a
page loads, compares each with its pinned SHA-256 (`in_page/pyodide.toml`), and writes each as a
script that holds its bytes in base64: a page on disk may load scripts and fetch nothing. Where
NWP_PYODIDE names a folder with these files, they are taken from there.
"""

import base64
import hashlib
import http.client
import os
import sys
import tomllib
import urllib.request
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "_build" / "html" / "_static" / "pyodide"
PINS = HERE / "in_page" / "pyodide.toml"


@dataclass(frozen=True)
class File:
    """A file of Pyodide's release: where it is to be had, and how it is known to be right."""

    name: str
    url: str
    size: int
    sha256: tuple[str, ...]

    @property
    def integrity(self) -> str:
        """What a browser compares: any of these digests will do."""
        digests = (base64.b64encode(bytes.fromhex(digest)).decode() for digest in self.sha256)
        return " ".join(f"sha256-{digest}" for digest in digests)

    def checked(self, content: bytes) -> bytes:
        """Return the content; a ValueError says that it is not the pinned one."""
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self.sha256:
            raise ValueError(
                f"{self.name} must have the SHA-256 {' or '.join(self.sha256)}, got {digest}"
            )
        return content


def pinned() -> dict[str, File]:
    """Read the pins: name → file."""
    pins = tomllib.loads(PINS.read_text(encoding="utf-8"))
    core, wheels = (pins[key].format(version=pins["version"]) for key in ("core", "wheels"))
    return {
        name: File(
            name,
            (wheels if name.endswith(".whl") else core) + name,
            known["size"],
            tuple(known["sha256"]),
        )
        for name, known in pins["files"].items()
    }


def as_script(name: str, content: bytes) -> str:
    """Write a file as a script that hands its bytes to the page (`assets/runner.js`)."""
    return f'nwpFile("{name}", "{base64.b64encode(content).decode("ascii")}");\n'


def content_of(file: File, source: Path | None) -> bytes:
    """Read a file from a folder, or fetch it; ValueError where it is not the pinned one."""
    if source is not None:
        return file.checked((source / file.name).read_bytes())
    with urllib.request.urlopen(file.url, timeout=60) as answer:
        return file.checked(answer.read())


def is_there(file: File, path: Path) -> bool:
    """Say whether a script holds the pinned bytes; another release has files of the same name."""
    try:
        file.checked(base64.b64decode(path.read_text(encoding="ascii").split('"')[3]))
    except (OSError, ValueError, IndexError):
        return False
    return True


def lay_out(folder: Path, source: Path | None = None) -> int:
    """Write all files into the folder, those that are there already excepted; return the bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for file in pinned().values():
        path = folder / f"{file.name}.js"
        if not is_there(file, path):
            script = as_script(file.name, content_of(file, source))
            unfinished = path.with_suffix(".unfinished")
            try:
                unfinished.write_text(script, encoding="ascii")
                os.replace(unfinished, path)
            finally:
                unfinished.unlink(missing_ok=True)
        size += path.stat().st_size
    return size


def main() -> None:
    named = os.environ.get("NWP_PYODIDE")
    try:
        size = lay_out(FOLDER, Path(named) if named else None)
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"Python for the browser was not laid beside the pages: {error}")
    print(f"Cells run without network: Python for the browser, {size / 1e6:.0f} MB, is in {FOLDER}")


if __name__ == "__main__":
    main()
