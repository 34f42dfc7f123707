"""Files that are never half-written: a crash leaves the old file or the new one."""

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]


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


@contextmanager
def held(folder: str | os.PathLike[str], *, wait: bool) -> Iterator[None]:
    """Keep a folder for the body: others that ask for it so wait, or are refused.

    It leaves no file, and is over with the process, however that ends. Where the system cannot
    lock a folder, nobody is refused.

    Raises
    ------
    BlockingIOError
        Where another has it and `wait` is false.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError:  # such as a network's folder, which cannot be locked
            pass
        yield
    finally:
        os.close(handle)
