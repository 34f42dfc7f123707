"""Files of the repository, found from where a chapter runs."""

import os
from pathlib import Path


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
        if os.path.exists(folder / path):  # False, too, where one may not look
            return folder / path
    raise FileNotFoundError(f"path must lie in {here} or a directory above it, got {str(path)!r}")
