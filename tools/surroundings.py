"""The surroundings in which chapters and tests run: the same, whatever the user's are.

Variables and settings of the user can change what a chapter prints, and what a test can see:
with `MPLBACKEND=agg` a figure is drawn and not shown, with `PYTHONOPTIMIZE=1` no `assert` is
tried, and a startup file of IPython runs before the first cell.
"""

import atexit
import functools
import logging
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
# What changes Python, its libraries or the locale. PYTHONPATH and PYTHONHOME say where code is,
# and the names of OpenBLAS for which processor: they stay.
AMBIENT = re.compile(
    r"PYTHON(?!PATH$|HOME$)|IPYTHON|MPL|MATPLOTLIB|OMP_|MKL_|TORCH_LOGS|LC_|LANG$|LANGUAGE$|NWP_GPU$"
)
STARTUP = """\
import sys

sys.path.insert(0, {tools!r})
import steady

sys.path.remove({tools!r})
steady.watch(get_ipython())
del sys, steady
"""


def own(environment: Mapping[str, str], *, threads: int) -> dict[str, str]:
    """Return an environment without what a user set, and with what a chapter needs.

    Parameters
    ----------
    environment : that of the user
    threads : how many PyTorch and NumPy take
    """
    kept = {name: value for name, value in environment.items() if not AMBIENT.match(name)}
    return kept | _figures() | {
        "IPYTHONDIR": _profile(),
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": str(threads),
        "PYTHONUTF8": "1",
    }  # fmt: skip


@functools.cache
def _figures() -> dict[str, str]:
    """Have Matplotlib use its own defaults, show figures, and find its list of fonts ready.

    A kernel that had to make the list, or a folder for it, would say so in a chapter's first
    cell.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # here, where nobody counts it
    import matplotlib as mpl
    from matplotlib import font_manager  # noqa: F401  it reads the list, or makes it

    return {
        "MATPLOTLIBRC": str(Path(mpl.get_data_path()) / "matplotlibrc"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": mpl.get_cachedir(),  # a folder of its own where the user's is none
    }


@functools.cache
def _profile() -> str:
    """Make a profile of IPython that holds one startup file, the watch over printed digits."""
    folder = Path(tempfile.mkdtemp(prefix="nwp-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    startup = folder / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "steady.py").write_text(STARTUP.format(tools=str(TOOLS)), encoding="utf-8")
    return str(folder)
