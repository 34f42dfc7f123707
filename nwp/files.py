"""Files: found from where a program runs, and never half-written.

A crash leaves the old file or the new one.
"""

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes the place of `path` once it is whole.

    Where the body fails, `path` stays what it was, and what was written is removed.
    """
    path = Path(path)
    # Of this process alone: two that write the same file do not write into each other's.
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())  # on the disk before it has the name
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def remove_partial(path: str | os.PathLike[str]) -> None:
    """Remove what killed processes left of their way to `path`; no other may be writing it."""
    path = Path(path)
    for partial in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        partial.unlink(missing_ok=True)


def nearest(path: str | os.PathLike[str]) -> Path:
    """Find a file or folder in the working directory or the nearest directory above it.

    The chapters of each language run in a folder of their own, at different depths.

    Parameters
    ----------
    path : such as "benchmarks/results", relative to one of these directories

    Raises
    ------
    FileNotFoundError
        Where none of them has it.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / path).exists():
            return folder / path
    raise FileNotFoundError(f"path must lie in {here} or a directory above it, got {str(path)!r}")
