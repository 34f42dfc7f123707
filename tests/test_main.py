"""The command line as a reader meets it: a file of theirs, an answer to every mistake."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import killed
import pytest
import torch

from lab import commands, corpora, runs, training
from lab.__main__ import main
from lab.checkpoint import load_model, read_checkpoint
from lab.presets import PRESETS
from lab.runs import Run
from lab.training import Trainer

TEXT = "o cão ladra, e o gato dorme.\n" * 30
BY_WORD = ("--preset", "machado")
SMALL = replace(killed.PRESET, steps=30, evaluate_every=15, save_every=10)


@pytest.fixture(autouse=True)
def _at_home(monkeypatch, tmp_path):
    """In an empty directory with a text, with presets as small as can be, on one thread.

    And with Ctrl-C as a terminal has it: where the tests run in the background of a script, they
    inherit that it is ignored.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    usual = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PRESETS, "cpu", SMALL)
    (tmp_path / "text.txt").write_text(TEXT, "utf-8")
    yield
    torch.set_num_threads(before)
    for number, handler in usual.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run by characters and one by words, each read only."""
    path = tmp_path_factory.mktemp("trained")
    (path / "text.txt").write_text(TEXT, "utf-8")
    for unit, boundary in (("character", None), ("word", ".")):
        preset = replace(SMALL, unit=unit, boundary=boundary)
        Run.start(str(path / "text.txt"), preset, path / unit).train()
    return path


def answer(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def refusal(capsys, *arguments):
    """Return the one line that says what was wrong."""
    status, out, err = answer(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


# ---- help ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), ["train", "evaluate", "generate", "Train models of the next word"]),
        (("train",), ["--corpus", "grammar", "my.txt", "torchrun", "Ctrl-C", "--resume", *PRESETS]),
        (("evaluate",), ["DIR", "whole validation split", "--device"]),
        (("generate",), ["--prompt", "--temperature", "--top-k", "--seed", "--explain"]),
    ],
)
def test_help_says_what_there_is(capsys, command, words):
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert all(word in out for word in words)
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: command"),
        (["fly"], "invalid choice: 'fly'"),
        (["train", "--preset", "huge"], "invalid choice: 'huge'"),
        (["train", "--steps", "many"], "argument --steps: invalid int value: 'many'"),
        (["train", "--steps", "3", "--seconds", "3"], "not allowed with argument"),
        (["evaluate"], "the following arguments are required: DIR"),
    ],
)
def test_what_cannot_be_understood_is_named(capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


# ---- train -----------------------------------------------------------------------------


def test_a_readers_own_text_needs_no_other_option(capsys, tmp_path):
    status, out, err = answer(capsys, "train", "--corpus", "text.txt")
    assert (status, err) == (0, "")
    directory = tmp_path / "runs" / "text-cpu"
    assert sorted(path.name for path in directory.iterdir()) == [
        "checkpoint.pt",
        "metrics.jsonl",
        "vocabulary.json",
    ]
    assert "text.txt: 783 characters to train on, 87 to validate, 15 different;" in out
    assert out.splitlines()[-1].startswith("done: runs/text-cpu (measure it with evaluate")
    steps = re.findall(r"step +(\d+)  validation loss (\d\.\d{4}) nats", out)
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    measured = [(x["step"], x["validation"]["loss"]) for x in lines if x["validation"]]
    assert steps == [(str(step), f"{loss:.4f}") for step, loss in measured]
    assert [step for step, _ in measured] == [0, 15, 30]
    # What is no terminal gets plain lines, at looks only.
    assert "\r" not in out
    assert "%" not in out
    assert len(out.splitlines()) == 5
    last = out.splitlines()[-2]
    assert re.search(rf"; loss {lines[-1]['loss']:.3f}, [\d,]+ tokens/s$", last)


def test_a_terminal_sees_a_bar(capsys, monkeypatch):
    """Of the training, and of each measurement."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(training, "TOKENS_AT_ONCE", 16)
    status, out, err = answer(capsys, "train", "--corpus", "text.txt")
    assert (status, err) == (0, "")
    bars = [line for line in re.split("[\r\n]", out) if "left" in line]
    record = Path("runs/text-cpu/metrics.jsonl").read_text("utf-8")
    loss = json.loads(record.splitlines()[-1])["loss"]
    assert "100%" in bars[-1]
    assert f"loss {loss:.3f}" in bars[-1]
    assert "tokens/s" in bars[-1]
    assert any("  0%" in bar and "measuring, 16 of 87 tokens" in bar for bar in bars)
    assert any("100%" in bar and "measuring, 80 of 87 tokens" in bar for bar in bars)
    status, out, _ = answer(capsys, "evaluate", "runs/text-cpu")
    assert status == 0
    assert " 18% |" in out  # 16 of 87
    assert out.splitlines()[-3].lstrip("\r ").startswith("step 30: validation loss")


def test_a_loss_on_the_way_says_that_it_is_an_estimate(capsys, monkeypatch):
    monkeypatch.setattr(runs, "ESTIMATED", 40)
    status, out, _ = answer(capsys, "train", "--corpus", "text.txt")
    assert status == 0
    lines = [line for line in out.splitlines() if line.startswith("step ")]
    assert [" nats on 40 of 87 tokens" in line for line in lines] == [True, True, False]
    status, out, _ = answer(capsys, "evaluate", "runs/text-cpu")
    assert status == 0
    assert lines[-1].split("validation loss ")[1].split(" nats")[0] in out
    assert "tokens" not in out.splitlines()[0]


def test_a_text_without_spaces_needs_no_other_option(capsys, tmp_path):
    (tmp_path / "dna.txt").write_text("GATTACA" * 90)
    status, out, err = answer(capsys, "train", "--corpus", "dna.txt")
    assert (status, err) == (0, "")
    assert "dna.txt: 567 characters to train on, 63 to validate, 4 different;" in out


def test_the_grammar_shows_its_floor(capsys, monkeypatch):
    small = replace(PRESETS["tiny"], corpus_words=8000, steps=2, rows=2, width=8, layers=1)
    monkeypatch.setitem(PRESETS, "tiny", small)
    status, out, _ = answer(capsys, "train", "--corpus", "grammar")
    assert status == 0
    floor = float(re.search(r"no model can have a loss below (\d\.\d{4}) nats", out)[1])
    assert f"(floor {floor:.3f})" in out
    losses = re.findall(r"loss (\d\.\d+) ± (\d\.\d+) nats, (\d\.\d+) above the floor", out)
    assert len(losses) == 2
    for loss, error, excess in losses:
        assert abs(float(loss) - float(excess) - floor) < 5 * float(error) + 2e-4
    status, out, _ = answer(capsys, "evaluate", "runs/grammar-tiny")
    assert status == 0
    assert f"floor {floor:.4f} nats per word, known exactly" in out
    assert losses[-1][0] in out
    assert "bits per character" not in out


def test_steps_seed_and_directory_are_obeyed(capsys):
    for directory, seed in (("a", 5), ("b", 5), ("c", 6)):
        arguments = ("--steps", 4, "--seed", seed, "--out", directory)
        assert answer(capsys, "train", "--corpus", "text.txt", *arguments)[0] == 0
    a, b, c = (read_checkpoint(directory) for directory in "abc")
    assert a.trainer["step"] == 4
    assert a.asked["seed"] == 5
    head = "head.weight"
    assert torch.equal(a.trainer["model"][head], b.trainer["model"][head])
    assert not torch.equal(a.trainer["model"][head], c.trainer["model"][head])


def test_seconds_limit_a_run(capsys):
    status, out, _ = answer(capsys, "train", "--corpus", "text.txt", "--seconds", 0.2)
    assert status == 0
    assert "done: runs/text-cpu" in out
    assert read_checkpoint("runs/text-cpu").seconds >= 0.2


def test_a_short_validation_text_has_no_error_bar(capsys, tmp_path):
    (tmp_path / "short.txt").write_text("a b c a b c a b ")
    status, out, _ = answer(capsys, "train", "--corpus", "short.txt", "--steps", 2)
    assert status == 0
    assert "±" not in out
    assert "nan" not in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_a_checkpoint_and_resume_goes_on(capfd, monkeypatch, number):
    assert main(["train", "--corpus", "text.txt", "--out", "whole"]) == 0
    update = Trainer.update

    def interrupted(trainer, progress):
        if trainer.step == 13:
            signal.raise_signal(number)  # to this thread: os.kill may reach another one, later
        return update(trainer, progress)

    before = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "update", interrupted)
        main(["train", "--corpus", "text.txt", "--out", "my run"])
        out, err = capfd.readouterr()
    assert err == commands.HEARD
    advice = "stopped at step 15; go on with: python -m lab train --resume --out 'my run'"
    assert out.splitlines()[-1] == advice
    assert read_checkpoint("my run").trainer["step"] == 15
    assert [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)] == before
    status, out, _ = answer(capfd, "train", "--resume", "--out", "my run")
    assert status == 0
    assert "done: my run" in out
    whole, stopped = (load_model(path)[0].state_dict() for path in ("whole", "my run"))
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)


def test_a_stop_is_heard_within_a_measurement(capfd, monkeypatch):
    """Also within the first one, before a step is taken, and within the last."""
    monkeypatch.setattr(training, "TOKENS_AT_ONCE", 16)
    gather, asked = training.gather, []

    def interrupted(*given):
        asked.append(given)
        if len(asked) == 2:
            signal.raise_signal(signal.SIGINT)
        return gather(*given)

    with monkeypatch.context() as patched:
        patched.setattr(training, "gather", interrupted)
        status, out, err = answer(capfd, "train", "--corpus", "text.txt")
    assert (status, err) == (0, commands.HEARD)
    assert len(asked) == 2
    assert "stopped at step 0; go on with: " in out
    assert "validation loss" not in out
    status, out, _ = answer(capfd, "train", "--resume", "--out", "runs/text-cpu")
    assert status == 0
    assert re.findall(r"step +(\d+)  validation", out) == ["0", "15", "30"]


def test_a_ctrl_c_that_is_ignored_stays_so(capfd, monkeypatch):
    """As a shell has it for what a script begins in the background."""
    update = Trainer.update

    def interrupted(trainer, progress):
        signal.raise_signal(signal.SIGINT)
        return update(trainer, progress)

    monkeypatch.setattr(Trainer, "update", interrupted)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status, out, err = answer(capfd, "train", "--corpus", "text.txt")
    assert (status, err) == (0, "")
    assert "done: runs/text-cpu" in out
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_second_ctrl_c_ends_at_once(capfd, monkeypatch):
    update = Trainer.update

    def interrupted(trainer, progress):
        if trainer.step in (11, 12):
            signal.raise_signal(signal.SIGINT)
        return update(trainer, progress)

    monkeypatch.setattr(Trainer, "update", interrupted)
    before = signal.getsignal(signal.SIGINT)
    status, _, err = answer(capfd, "train", "--corpus", "text.txt")
    assert (status, err) == (130, f"{commands.HEARD}stopped\n")
    assert read_checkpoint("runs/text-cpu").trainer["step"] == 10
    assert signal.getsignal(signal.SIGINT) is before


def test_a_diverging_run_has_a_status_of_its_own(capsys, monkeypatch):
    update = Trainer.update

    def poisoned(trainer, progress):
        if trainer.step == 14:
            with torch.no_grad():
                trainer.model.head.weight[0] = torch.nan
        return update(trainer, progress)

    monkeypatch.setattr(Trainer, "update", poisoned)
    status, _, err = answer(capsys, "train", "--corpus", "text.txt")
    assert status == 3
    assert err.startswith(
        "error: training diverged: the loss or the gradient is not finite at step 15. The last"
    )
    assert err.count("\n") == 1
    assert read_checkpoint("runs/text-cpu").trainer["step"] == 10
    assert main(["evaluate", "runs/text-cpu"]) == 0


# ---- mistakes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--corpus must name what to train on: --corpus grammar, for a beginning"),
        (["--corpus", "no.txt"], "must be one of grammar, shakespeare, machado or a text file"),
        (["--corpus", "text.txt", "--steps", "0"], "--steps must be at least 1, got 0"),
        (["--corpus", "text.txt", "--seconds", "nan"], "seconds must be above 0 and finite"),
        (["--corpus", "text.txt", "--seed", "-1"], "seed must be at least 0, got -1"),
        (["--corpus", "text.txt", "--device", "tpu"], "--device must be auto, cpu or cuda, got"),
        (["--corpus", "text.txt", "--out", "text.txt/run"], "text.txt/run"),
        (["--resume"], "--resume must come with --out DIR"),
        (["--resume", "--out", "nowhere"], "nowhere must hold a run, got no checkpoint.pt in it"),
        (
            ["--resume", "--out", "x", "--seed", "0", "--steps", "9"],
            "--resume must stand without --steps, --seed: the run knows them",
        ),
    ],
)
def test_a_training_that_cannot_be_says_why(capsys, tmp_path, arguments, message):
    assert message in refusal(capsys, "train", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]  # and leaves nothing


def test_bytes_that_are_no_text_are_named(capsys, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 not text")
    assert "photo.jpg must be UTF-8 text" in refusal(capsys, "train", "--corpus", "photo.jpg")
    (tmp_path / "empty.txt").touch()
    assert "empty.txt must hold text" in refusal(capsys, "train", "--corpus", "empty.txt")


def test_a_run_is_not_begun_twice(capsys):
    assert main(["train", "--corpus", "text.txt", "--steps", "1"]) == 0
    capsys.readouterr()
    message = refusal(capsys, "train", "--corpus", "text.txt")
    assert "runs/text-cpu must not hold a run, got one with checkpoint.pt: resume it" in message


def test_damage_is_named(capsys, tmp_path):
    assert main(["train", "--corpus", "text.txt", "--steps", "1", "--out", "run"]) == 0
    capsys.readouterr()
    path = tmp_path / "run" / "checkpoint.pt"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    for command in (
        ("evaluate", "run"),
        ("generate", "run"),
        ("train", "--resume", "--out", "run"),
    ):
        assert "run/checkpoint.pt must be a checkpoint that this" in refusal(capsys, *command)
    assert path.read_bytes() == whole[:1000]
    path.write_bytes(whole)
    (tmp_path / "text.txt").write_text(TEXT + "mais", "utf-8")
    assert "must be the one that the run began with" in refusal(capsys, "evaluate", "run")
    assert main(["generate", "run"]) == 0  # that needs no text


@pytest.mark.skipif(torch.cuda.is_available(), reason="where there is no GPU")
def test_a_gpu_that_is_not_there_is_named(capsys):
    message = "--device must be one that PyTorch sees, got cuda, and it sees none"
    assert message in refusal(capsys, "generate", "run", "--device", "cuda")


# ---- evaluate and generate -------------------------------------------------------------


def test_evaluation_prints_the_exact_numbers(capsys, trained):
    for unit in ("character", "word"):
        status, out, _ = answer(capsys, "evaluate", trained / unit)
        assert status == 0
        last = json.loads((trained / unit / "metrics.jsonl").read_text().splitlines()[-1])
        loss = last["validation"]["loss"]
        assert f"step 30: validation loss {loss:.4f} nats" in out
        assert f"over {last['validation']['tokens']} tokens" in out
        perplexity = float(re.search(r"perplexity (\S+)", out)[1])
        assert abs(perplexity - 2.718281828459045**loss) < 1e-3
        bits = re.search(r"(\S+) bits per character", out)
        assert bool(bits) == (unit == "character")
        if bits:
            assert abs(float(bits[1]) - loss / 0.6931471805599453) < 1e-4


def test_a_text_is_continued_and_the_seed_fixes_how(capsys, trained):
    texts = []
    for options in ((), (), ("--seed", 1)):
        arguments = ("--prompt", "o gato", "--words", 40, *options)
        status, out, _ = answer(capsys, "generate", trained / "character", *arguments)
        assert status == 0
        assert out.startswith("o gato")
        assert len(out) == len("o gato") + 40 + 1  # beyond the context of 8
        texts.append(out)
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("unit", ["character", "word"])
def test_an_empty_prompt_begins_a_text(capsys, trained, unit):
    status, out, _ = answer(capsys, "generate", trained / unit, "--words", 12)
    assert status == 0
    _, vocabulary = load_model(trained / unit)
    assert 0 < len(vocabulary.encode(out.rstrip("\n"))) <= 12
    assert answer(capsys, "generate", trained / unit, "--words", 0)[1] == "\n"


def test_unknown_words_are_read_but_never_written(capsys, trained):
    arguments = ("--prompt", "o tigre", "--words", 60, "--temperature", 50)
    status, out, _ = answer(capsys, "generate", trained / "word", *arguments)
    assert status == 0
    assert out.startswith("o <unk>")
    assert out.count("<unk>") == 1


@pytest.mark.parametrize("unit", ["character", "word"])
def test_explained_probabilities_are_those_that_words_were_drawn_from(capsys, trained, unit):
    arguments = ("--prompt", "o", "--words", 20, "--top-k", 3, "--explain")
    status, out, _ = answer(capsys, "generate", trained / unit, *arguments)
    assert status == 0
    plain = answer(capsys, "generate", trained / unit, *arguments[:-1])[1]
    explained, text = out[: -len(plain)].splitlines(), out[-len(plain) :]
    assert text == plain
    model, vocabulary = load_model(trained / unit)
    assert len(explained) == 20
    begun = [model.boundary] if unit == "word" else []
    ids = begun + vocabulary.encode("o").tolist()
    unknown = vocabulary.ids(["<unk>"]).tolist() if unit == "word" else []
    drawn = model.draw(torch.tensor([ids]), 20, top_k=3, without=unknown)
    for line, (word, shares) in zip(explained, drawn, strict=True):
        assert line.startswith(f"{vocabulary.words[int(word)]!r} ")
        assert f" {shares[0, word.item()]:.3f}  of  " in line
        listed = [float(x) for x in re.findall(r"' (\d\.\d{3})", line.split("  of  ")[1])]
        assert listed == sorted(listed, reverse=True)
        assert abs(sum(listed) - 1) < 0.005  # three words hold all, none is left out
        assert f"{vocabulary.words[int(shares.argmax())]!r} {shares.max():.3f}" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prompt", "ñ"], "--prompt cannot be read by this model: words must be in the vocabula"),
        (["--words", "-1"], "--words must be at least 0, got -1"),
        (["--temperature", "0"], "temperature must be above 0 and finite, got 0.0"),
        (["--temperature", "nan"], "temperature must be above 0 and finite, got nan"),
        (["--top-k", "0"], "top_k must be at least 1, got 0"),
        (["--seed", "9" * 30], "seed must be below"),
    ],
)
def test_writing_that_cannot_be_says_why(capsys, trained, arguments, message):
    assert message in refusal(capsys, "generate", trained / "character", *arguments)


def test_extreme_temperatures_write_what_is_certain(capsys, trained):
    texts = {
        answer(capsys, "generate", trained / "character", "--prompt", "o", *options)[1]
        for options in (
            ("--temperature", "1e-300"),
            ("--temperature", "1e-40", "--seed", 1),
            ("--top-k", 1),
        )
    }
    assert len(texts) == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_prompt_from_any_system_is_read(capsys, trained, end):
    plain = answer(capsys, "generate", trained / "character", "--prompt", "o gato\no")
    other = answer(capsys, "generate", trained / "character", "--prompt", f"\ufeffo gato{end}o")
    assert plain == other
    assert plain[:2] == (0, plain[1])
    assert plain[1].startswith("o gato\no")


def test_a_model_without_a_beginning_asks_for_one(capsys, tmp_path):
    (tmp_path / "line.txt").write_text("a b a b a b a b a b")
    assert main(["train", "--corpus", "line.txt", "--steps", "1"]) == 0
    capsys.readouterr()
    message = refusal(capsys, "generate", "runs/line-cpu")
    assert "--prompt must hold at least one token for this model, got none" in message


def test_a_reader_who_left_is_no_error(monkeypatch, trained):
    """As in ``python -m lab generate … | head -1``: nothing is said, and nothing crashes."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["generate", str(trained / "word")]) == 1
        monkeypatch.undo()  # closing it writes what is left, to where nobody complains


def test_ctrl_c_while_a_text_is_read_or_written(capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "load_model", interrupted)
    assert answer(capsys, "generate", "run") == (130, "", "stopped\n")


def test_the_grammar_is_read_word_by_word(capsys):
    said = refusal(capsys, "train", "--corpus", "grammar", "--preset", "cpu")
    assert "preset must read words" in said


def test_a_text_that_is_too_short_says_so(capsys, tmp_path):
    (tmp_path / "short.txt").write_text("a\n", "utf-8")
    said = refusal(capsys, "train", "--corpus", str(tmp_path / "short.txt"))
    assert "at least 2 characters to train on, got 1: use a longer text" in said
    assert "read it by characters" in refusal(capsys, "train", "--corpus", "short.txt", *BY_WORD)


def test_more_processes_than_gpus_is_an_error_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(ValueError, match="a GPU for each process, got 1"):
        commands._device("auto")


# ---- a process of its own --------------------------------------------------------------

BESIDE = {**os.environ, "OMP_NUM_THREADS": "1"}


def lab(*arguments, **options):
    """Run the command line as a reader does."""
    program = [sys.executable, "-m", "lab", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, env=BESIDE, **options)


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["fly"], ["evaluate"]])
def test_what_is_only_read_loads_no_pytorch(arguments):
    program = "import runpy, sys; sys.argv[0] = 'lab'; sys.modules['torch'] = None\n"
    program += "runpy.run_module('lab', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=BESIDE
    )
    assert done.returncode == (0 if "--help" in arguments else 2)
    assert "usage: python -m lab" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_is_told_to_stop_and_says_so():
    """From outside: the signal is sent when the training is seen to go on, whatever that takes."""
    program = [sys.executable, "-m", "lab", "train", "--corpus", "text.txt", "--steps", "1000000"]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=BESIDE
    ) as run:
        lines = [run.stdout.readline(), run.stdout.readline()]  # begun, and measured at step 0
        assert "characters to train on" in lines[0]
        assert "step      0  validation loss" in lines[1]
        run.send_signal(signal.SIGTERM)
        heard = run.stderr.readline() + run.stderr.readline()
        out, _ = run.communicate()
    assert heard == commands.HEARD
    assert run.returncode == 0
    assert "stopped at step" in out.splitlines()[-1]
    assert 0 < read_checkpoint("runs/text-cpu").trainer["step"] < 1_000_000


def closing(*streams):
    """Return what a child does first: close these, as ``>&-`` does."""
    return lambda: [os.close(stream) for stream in streams]


def test_a_closed_output_is_carried_on_without(trained):
    done = lab("generate", trained / "word", preexec_fn=closing(1))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    trains = ("train", "--corpus", "text.txt", "--steps", 1)
    done = lab(*trains, preexec_fn=closing(1))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert read_checkpoint("runs/text-cpu").trainer["step"] == 1


def test_an_error_that_has_no_place_is_no_output():
    failed = lab("generate", "nowhere", preexec_fn=closing(2))
    assert (failed.returncode, failed.stdout) == (2, "")
    assert lab("generate", "nowhere", preexec_fn=closing(0, 1, 2)).returncode == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="where there is a full device")
def test_output_onto_a_full_disk_is_one_sentence(trained):
    with open("/dev/full", "w") as full:
        program = [sys.executable, "-m", "lab", "generate", str(trained / "word")]
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, env=BESIDE)
    assert done.returncode == 2
    assert done.stderr == "error: [Errno 28] No space left on device\n"


def test_processes_that_cannot_meet_say_so(capsys, monkeypatch):
    def nobody(*_):
        raise torch.distributed.DistNetworkError("The client socket has timed out")

    monkeypatch.setattr(torch.distributed, "init_process_group", nobody)
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = refusal(capsys, "generate", "run", "--device", "cpu")
    assert "the processes could not meet: The client socket" in said


def test_a_user_without_a_home_is_told_what_to_set(capsys, monkeypatch):
    for name in ("NWP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(corpora.Path, "home", nobody)
    said = refusal(capsys, "train", "--corpus", "machado")
    assert "NWP_CACHE must name a directory for downloads where there is no home" in said


@pytest.mark.parametrize("name", ["text.txt", "run/checkpoint.pt", "run/vocabulary.json"])
def test_files_that_may_not_be_read_are_named(capsys, monkeypatch, name):
    assert main(["train", "--corpus", "text.txt", "--steps", "1", "--out", "run"]) == 0
    capsys.readouterr()
    # Root may read everything: a loop of links cannot be read by anybody.
    os.unlink(name)
    os.mkdir(name)
    said = refusal(capsys, "evaluate", "run")
    assert name.split("/")[-1] in said
