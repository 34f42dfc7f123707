"""What PyTorch would do with the code for CUDA, told without a GPU; `fake_cuda.py` says how."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fake_cuda import CASES, REFUSED

HERE = Path(__file__).parent
PYTORCH = Path(torch.__file__).parent
COMPILER = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
RUN = "import ctypes, sys; ctypes.CDLL(sys.argv[1]); import fake_cuda; fake_cuda.main()"

pytestmark = [
    pytest.mark.skipif(torch.backends.cuda.is_built(), reason="this PyTorch has its own CUDA"),
    pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is here to make a device with"),
]


@pytest.fixture(scope="module")
def raised(tmp_path_factory):
    """Return what each case raised, with its traceback; "" for nothing."""
    library = tmp_path_factory.mktemp("fake_cuda") / "fake_cuda.so"
    subprocess.run(
        [
            COMPILER, "-std=c++20", "-shared", "-fPIC", "-isystem", PYTORCH / "include",
            HERE / "fake_cuda.cpp", "-o", library, "-L", PYTORCH / "lib", "-lc10", "-ltorch_cpu",
            f"-Wl,-rpath,{PYTORCH / 'lib'}",
        ],
        check=True,
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", RUN, library],
        env=os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, [HERE, HERE.parent])),
        },
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", CASES)
def test_on_cuda(raised, name):
    assert not raised["cases"][name], raised["cases"][name]


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_refused(raised, name):
    assert REFUSED[name][1] in raised["refused"][name]
