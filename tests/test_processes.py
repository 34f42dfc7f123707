"""Two processes train together: the same batch, the same numbers, and one of them writes."""

import json
import subprocess
import sys

import pytest
import together
import torch
from numpy.testing import assert_allclose

from lab.checkpoint import load_model, read_checkpoint
from lab.training import IGNORED, Rows

TEXT = (
    "o cão ladra . o gato preto dorme e o cão não ladra mais . o gato vê o cão . ele corre . " * 9
)


def torchrun(*program):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    meeting = ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"]
    return subprocess.run([*command, *meeting, *program], capture_output=True, text=True)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, "utf-8")
    return str(path)


@pytest.fixture
def _float64():
    threads = torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(threads)


def losses(directory):
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return [
        (line["step"], line["tokens"], line["loss"] or 0, (line["validation"] or {}).get("loss", 0))
        for line in lines
    ]


@pytest.mark.usefixtures("_float64")
def test_two_processes_train_as_one(tmp_path, corpus):
    done = torchrun(together.__file__, corpus, str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr
    together.train_all(corpus, tmp_path / "one")
    text = read_checkpoint(tmp_path / "one" / "whole")
    for name, preset in together.RUNS.items():
        one, two = tmp_path / "one" / name, tmp_path / "two" / name
        assert_allclose(losses(two), losses(one), rtol=1e-13)
        assert [step for step, *_ in losses(two)] == [0, 4, 8]
        models = [load_model(path)[0] for path in (one, two)]
        for a, b in zip(*(model.parameters() for model in models), strict=True):
            assert_allclose(b.detach(), a.detach(), rtol=1e-11, atol=1e-13)
        assert sorted(path.name for path in two.iterdir()) == [
            "checkpoint.pt",
            "metrics.jsonl",
            "vocabulary.json",
        ]
        assert read_checkpoint(two).preset == preset
    # The parts of a batch do differ in length: the mean of their means would be another loss.
    ids = text.vocabulary.encode(TEXT)
    boundary = text.preset.boundary_id(text.vocabulary)
    _, targets = Rows(ids, 9, boundary=boundary).batch(0, 5)
    assert (targets[0::2] != IGNORED).sum() * 2 != (targets[1::2] != IGNORED).sum() * 3


def test_the_command_line_trains_with_two_processes_and_resumes(tmp_path, corpus):
    out = str(tmp_path / "run")
    common = ["--device", "cpu", "--out", out]
    begun = torchrun("-m", "lab", "train", "--corpus", corpus, "--steps", "3", *common)
    assert begun.returncode == 0, begun.stderr
    assert begun.stdout.count("done: ") == 1  # one of them speaks
    saved = read_checkpoint(out)
    assert saved.trainer["step"] == saved.preset.steps == 3
    again = torchrun("-m", "lab", "train", "--resume", *common)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done: ") == 1
