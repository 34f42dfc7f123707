"""Every benchmark runs from end to end, at a size that shows nothing, and says where it was run."""

import importlib
import json
import sys
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from notebooks import ROOT

from lab.presets import PRESETS
from lab.runs import Run

BENCHMARKS = ROOT / "benchmarks"
LIBRARIES = {"nanogpt", "parts", "recording"}  # imported by the others
NEEDS_MORE = {
    "first_view": "the built book and Chromium",
    "first_answer": "the built book, Python for the browser and Chromium",
}
TINY = replace(
    PRESETS["cpu"], layers=1, heads=2, width=8, context=16, rows=2, steps=4,
    evaluate_every=2, save_every=2,
)  # fmt: skip
TINY_WORDS = replace(TINY, unit="word", least_count=2)


class AtHand:
    """An executor that works where it is called: no process that would forget the small sizes."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def submit(self, function, *arguments):
        done = Future()
        done.set_result(function(*arguments))
        return done

    map = staticmethod(map)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs a benchmark with smaller settings, and gives what it wrote."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("NWP_CACHE", str(tmp_path / "no texts"))
    threads = torch.get_num_threads()

    def running(name, *arguments, **settings):
        module = importlib.import_module(name)
        if hasattr(module, "ProcessPoolExecutor"):
            settings["ProcessPoolExecutor"] = AtHand
        for setting, value in settings.items():
            monkeypatch.setattr(module, setting, value)
        out = tmp_path / "out.json"
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments, "--out", str(out)])
        assert not module.main()
        return json.loads(out.read_text())

    yield running
    torch.set_num_threads(threads)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("the sun shines, and the moon follows the sun; a star is far. " * 60)
    return str(path)


def works(result):
    """Whether a result says where it comes from."""
    asked = {"device_name", "threads", "versions", "commit", "command", "seed"}
    return asked <= result.keys() and result["command"].startswith("python ")


@pytest.fixture
def tiny_cpu(monkeypatch, run, corpus):
    nanogpt, training = map(importlib.import_module, ("nanogpt", "training"))
    recipe = nanogpt.Recipe(
        layers=1, heads=2, width=8, context=16, rows=4, steps=4, dropout=0.0, warmup=2
    )
    monkeypatch.setitem(nanogpt.RECIPES, "cpu", recipe)
    monkeypatch.setitem(PRESETS, "cpu", TINY)
    monkeypatch.setattr(training, "CORPUS", corpus)
    training.read.cache_clear()
    yield
    training.read.cache_clear()


def test_training(run, tiny_cpu):
    result = run("training", "--device", "cpu", "--tokens", "256", "--seeds", "1")
    assert works(result)
    assert len(result["best"]) == 4
    assert len(result["runs"]) == 12 + 4 + 2 + 3 - 1  # the half text was a trial before


def test_pace(run, tiny_cpu):
    result = run("pace", "--device", "cpu", TURNS=1, TOKENS={"cpu": 128})
    assert works(result)
    assert len(result["pairs"]) == 4


def test_choices(run, tiny_cpu, corpus):
    result = run("choices", "--corpus", corpus, "--preset", "cpu", "--steps", "3", "--seeds", "2")
    assert works(result)
    assert {len(ends) for ends in result["ends"].values()} == {2}
    assert all(end is not None for ends in result["ends"].values() for end in ends)


def test_record(run, monkeypatch, corpus):
    monkeypatch.setitem(PRESETS, "machado", TINY_WORDS)
    result = run("record", "--corpus", corpus, "--preset", "machado", "--seeds", "2")
    assert works(result)
    assert [one["seed"] for one in result["runs"]] == [0, 1]
    assert all(len(one["samples"]) == 3 for one in result["runs"])


def test_step(run, monkeypatch, corpus):
    monkeypatch.setitem(PRESETS, "machado", TINY_WORDS)
    result = run("step", "--device", "cpu", "--corpus", corpus, REPEATS=1)
    assert works(result)
    assert set(result["seconds"]) == {"block by block", "all scores"}


def test_running_text(run, corpus):
    result = run("running_text", "--corpus", corpus, WORDS_OF_A_BLOCK=(8, 16))
    assert works(result)
    assert len(result["vocabularies"]) >= 1


def test_errors(run, monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], width=8))
    result = run("errors", "--seeds", "1", STEPS=(2, 3), SENTENCES=200)
    assert works(result)
    assert len(result["runs"]) == 2


def test_learning_curve(run, corpus):
    result = run(
        "learning_curve", "--corpora", corpus, WIDTHS=(4, 8), WIDTH=4, STEPS=(1, 2), HALVINGS=1,
        PIECES=4, ORDERS=(2, 3),
    )  # fmt: skip
    assert works(result)
    measured = result["corpora"][corpus]
    assert [one["n"] for one in measured["n_grams"]] == [1646, 3294]
    assert [one["n"] for one in measured["transformers"]] == [1646, 3294, 3294] * 2
    assert [one["width"] for one in measured["transformers"]] == [4, 4, 8] * 2
    assert set(measured["pairs"]) == {"n-gram less largest", "other seed less largest"}


def test_teacher_forcing(run):
    result = run("teacher_forcing", WORDS=(4, 8), REPEATS=1)
    assert works(result)
    assert [row["words"] for row in result["lengths"]] == [4, 8]


def test_compression(run, corpus, tmp_path):
    Run.start(corpus, TINY, tmp_path / "run").train()
    result = run("compression", "--corpus", corpus, "--model", str(tmp_path / "run"))
    assert works(result)
    (text,) = result["texts"]
    assert {"gzip -9", "bzip2 -9", "xz -9e", "adaptive n-grams", "Transformer"} <= set(
        text["sizes"]
    )
    assert all(size["rest"] < size["whole"] for size in text["sizes"].values())
    assert text["sizes"]["adaptive n-grams"]["rest"] > 0


def test_vocabulary(run, tmp_path):
    loss = importlib.import_module("loss")
    preset = replace(loss.PRESETS["small"], repeats=1)
    with pytest.raises(IsADirectoryError):  # two files, in the folder that was named
        run(
            "vocabulary", WORDS=(8, 16), REPEATS=1, bandwidth=lambda: 1e9,
            SWEEP={"small": preset}, SWEEP_PEERS=("nwp.linear_cross_entropy",),
        )  # fmt: skip
    line, sweep = (
        json.loads((tmp_path / "out.json" / f"{name}.json").read_text())
        for name in ("line", "sweep")
    )
    assert works(line)
    assert works(sweep)
    assert [row["words"] for row in line["rows"]] == [8, 16]
    assert sweep["runs"][0]["peers"][0]["median_seconds"] > 0


@pytest.fixture
def two_peers(monkeypatch):
    loss = importlib.import_module("loss")
    for peer in set(loss.PEERS) - {"three matrix products (floor)", "nwp.linear_cross_entropy"}:
        monkeypatch.delitem(loss.PEERS, peer)
    return loss


def test_loss(run, two_peers):
    result = run("loss", "--preset", "small", "--repeats", "1")
    assert works(result)
    assert {row["peer"] for row in result["peers"]} == set(two_peers.PEERS)
    assert all(row["median_seconds"] > 0 for row in result["peers"])


def test_gpu(run, monkeypatch, corpus, capsys, two_peers):
    def here(command, check):
        """Time the loss in this process, where only two peers are left."""
        assert command[1].name == "loss.py"
        with monkeypatch.context() as within:
            within.setattr(sys, "argv", [*map(str, command[1:]), "--repeats", "1"])
            two_peers.main()

    monkeypatch.setattr(importlib.import_module("gpu"), "subprocess", SimpleNamespace(run=here))
    parts = ["loss", "our_training", "step", "words", "loss_peaked"]
    parts += ["their_training_equal_tokens", "their_training"]
    texts = ["--corpus", corpus, "--words-corpus", corpus]
    sizes = ["--seeds", "2", "--repeats", "1"]
    result = run("gpu", "--device", "cpu", "--parts", *parts, *texts, *sizes)
    assert works(result)
    assert list(result["parts"]) == parts
    (line,) = (
        x for x in capsys.readouterr().out.splitlines() if x.startswith("a step of the book, ms")
    )
    recorded, here = line.split()[-2:]  # the book's, and what was measured now
    assert recorded == "6.1"
    assert here == f"{result['parts']['step']['the book']['milliseconds']:.1f}"
    flat, peaked = (result["parts"][name] for name in ("loss", "loss_peaked"))
    assert peaked["peak"] > flat["peak"] == 0
    assert all(peaked[key] == flat[key] for key in ("contexts", "width", "words", "dtype"))
    equal, ours = (
        result["parts"][name]["runs"][0]["points"][-1]["steps"]
        for name in ("their_training_equal_tokens", "our_training")
    )
    assert equal == ours
    assert result["parts"]["their_training_equal_tokens"]["recipe"]["steps"] == equal
    told = importlib.import_module("lab.beside").told(result["parts"])
    assert len(told) == 3 + 2 + 4  # steps, losses and trainings
    runs = result["parts"]["our_training"]["runs"]
    assert [run["seed"] for run in runs] == [0, 1]
    assert all(run["points"][-1]["loss"] > 0 for run in runs)
    again = run("gpu", "--device", "cpu", "--parts", "step", *texts)  # what is there is kept
    assert again["parts"] == result["parts"]


def test_no_benchmark_is_left_out():
    found = {path.stem for path in BENCHMARKS.glob("*.py")} - LIBRARIES - NEEDS_MORE.keys()
    assert found == {name.removeprefix("test_") for name in globals() if name[:5] == "test_"} - {
        "no_benchmark_is_left_out"
    }
