"""Runs in a directory: killed, stopped, damaged, out of space, diverged; and the same numbers."""

import contextlib
import hashlib
import itertools
import json
import math
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import killed
import numpy as np
import pytest
import torch
from excess import excess_loss
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lab import clock, corpora, judge, runs, training
from lab.checkpoint import load_model, read_checkpoint, save_words
from lab.divergence import DivergedError
from lab.files import held, remove_partial, replacing
from lab.reading import read_text
from lab.runs import Run
from lab.training import Trainer, evaluate
from nwp.grammar import END, Grammar
from nwp.model import NextWords
from nwp.text import CharacterVocabulary

TEXT = "o cão ladra, e o gato dorme.\n" * 30
QUICK = replace(killed.PRESET, steps=24, evaluate_every=8, save_every=6)
WORDS = replace(QUICK, unit="word")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # bit for bit holds for one number of threads
    yield
    torch.set_num_threads(before)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A directory with a finished run: copy it before it is changed."""
    path = tmp_path_factory.mktemp("finished")
    (path / "text.txt").write_text(TEXT, "utf-8")
    Run.start(str(path / "text.txt"), QUICK, path / "run").train()
    return path / "run"


@pytest.fixture
def directory(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def metrics(directory):
    """The lines of the record without the clock, which nothing fixes."""
    lines = (directory / "metrics.jsonl").read_text("utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def same(one, other):
    """Tell whether two nested states are equal, bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def assert_same_run(one, other):
    assert same(read_checkpoint(one).trainer, read_checkpoint(other).trainer)
    assert metrics(one) == metrics(other)
    assert (one / "vocabulary.json").read_bytes() == (other / "vocabulary.json").read_bytes()
    assert not list(other.glob("*.part"))


# ---- the text --------------------------------------------------------------------------


def test_a_text_by_characters(corpus):
    text, parts = read_text(corpus, QUICK), corpora.load(corpus)
    assert text.vocabulary.words == CharacterVocabulary.from_text(TEXT, unknown=None).words
    assert text.vocabulary.decode(text.train) == parts.train
    assert text.vocabulary.decode(text.validation[1:]) == parts.validation
    assert text.validation[0] == text.train[-1]  # read, not predicted
    assert text.characters == len(parts.validation) == len(text.validation) - 1
    assert text.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()


def test_a_text_by_words_knows_those_of_the_training_part(corpus):
    path = Path(corpus)
    path.write_text(TEXT + "uma baleia canta.\n", "utf-8")
    text = read_text(corpus, replace(WORDS, boundary=".", least_count=2))
    assert "baleia" not in text.vocabulary.words
    assert text.vocabulary.words[0] == "<unk>"
    assert text.vocabulary.decode(text.validation).endswith("<unk> <unk> <unk>.")
    assert text.vocabulary.words[text.boundary] == "."
    assert text.train[0] == text.boundary
    assert text.characters is None


def test_a_text_without_the_boundary_is_named(corpus):
    with pytest.raises(ValueError, match=r"the text must have the word '!', .* among 9 words"):
        read_text(corpus, replace(WORDS, boundary="!"))


@pytest.mark.parametrize(
    ("text", "preset", "message"),
    [
        ("..", QUICK, r"short.txt must have at least 2 characters to train on, got 1: use a longe"),
        (".", QUICK, r"fraction must leave characters on both sides, .* the 1 characters of"),
        ("a b", WORDS, r"short.txt must have at least 2 words to train on, got 1: use a longer te"),
        ("abracadabra", WORDS, r"fraction must leave words on both sides, .* 11 characters of"),
        ("A" * 9999 + " b", WORDS, r"short.txt must have at least 2 words to train on, got 1: use"),
        (" \n ", QUICK, r"short.txt must hold text, got 3 bytes without a word"),
    ],
)
def test_texts_that_are_too_short_are_named(tmp_path, text, preset, message):
    (tmp_path / "short.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_text(str(tmp_path / "short.txt"), preset)


ODD = [b". . .", b"." * 30, b"um\r\ndois\r\n" * 20, b"um\rdois\r" * 20, b"x y z w " * 4]
WITHOUT_SPACES = [
    b"\xef\xbb\xbfGATTACA" * 9,
    b"3141592653" * 9,
    b"Z2F0bw==" * 9 + b" A",
    "漢字仮名交じり文".encode() * 9,
]


@pytest.mark.parametrize(
    ("text", "unit"),
    [(text, unit) for text in ODD for unit in ("character", "word")]
    + [(text, "character") for text in WITHOUT_SPACES],
)
def test_small_and_odd_texts_are_trained_on(tmp_path, text, unit):
    (tmp_path / "text.txt").write_bytes(text)
    preset = replace(QUICK, steps=3, unit=unit)
    run = Run.start(str(tmp_path / "text.txt"), preset, tmp_path / "run")
    assert run.train()
    last = metrics(tmp_path / "run")[-1]
    assert last["validation"]["loss"] < math.log(len(run.text.vocabulary)) + 0.5
    assert not {"\r", "\ufeff"} & set(run.text.vocabulary.words)
    assert same(load_model(tmp_path / "run")[0].state_dict(), run.model.state_dict())


# ---- the record ------------------------------------------------------------------------


def test_the_record_says_what_happened(finished):
    """Replayed with a trainer alone: the same losses, step by step."""
    saved = read_checkpoint(finished)
    text = read_text(saved.asked["corpus"], QUICK)
    trainer = Trainer(QUICK, text.train, len(text.vocabulary))
    expected = [{"step": 0, "tokens": 0, "loss": None}]
    losses = []
    validations = [evaluate(trainer.model, text.validation)]
    for step in range(1, 25):
        losses.append(trainer.update((step - 0.5) / 24).item())
        if step % 8 == 0 or step % 6 == 0 or step % 10 == 0:
            mean = torch.tensor(losses, dtype=torch.float64).mean().item()
            expected.append({"step": step, "tokens": trainer.tokens, "loss": mean})
            losses = []
        if step % 8 == 0:
            validations.append(evaluate(trainer.model, text.validation))
    lines = metrics(finished)
    assert [{k: line[k] for k in ("step", "tokens", "loss")} for line in lines] == expected
    measured = [line["validation"] for line in lines if line["validation"]]
    assert measured == [v._asdict() for v in validations]
    assert all(line["excess"] is None for line in lines)
    assert same(saved.trainer, trainer.state())
    text = (finished / "metrics.jsonl").read_text()
    seconds = [json.loads(line)["seconds"] for line in text.splitlines()]
    assert seconds == sorted(seconds)
    assert saved.seconds == seconds[-1]


def test_the_model_of_a_run_needs_no_text(directory):
    run = Run.resume(directory)
    Path(run.asked["corpus"]).rename(directory.parent / "moved")
    try:
        model, vocabulary = load_model(directory)
    finally:
        (directory.parent / "moved").rename(run.asked["corpus"])
    assert same(model.state_dict(), run.model.state_dict())
    assert vocabulary.words == run.text.vocabulary.words
    own, loaded = run.measure()[0], evaluate(model, run.text.validation)
    assert_allclose(loaded.loss, own.loss)
    assert loaded.tokens == own.tokens == len(run.text.validation) - 1


class ByLength:
    """Answers as a model does that is asked for all prefixes of one length: nothing is padded.

    One by one, the 13,755 questions would take 14 s more of processor time.
    """

    def __init__(self, speaker, grammar):
        self.words, self.answers = speaker.vocabulary.words, {}
        for _, prefixes in itertools.groupby(grammar.prefixes(), key=len):  # shorter first
            prefixes = list(prefixes)
            self.answers |= zip(prefixes, speaker.probabilities(prefixes), strict=True)

    def next_word_distribution(self, prefix):
        return dict(zip(self.words, self.answers[tuple(prefix)].tolist(), strict=True))


def test_the_excess_over_the_grammars_floor_is_exact(tmp_path):
    preset = replace(WORDS, boundary=END, corpus_words=8000, context=32, steps=6)
    run = Run.start("grammar", preset, tmp_path / "run")
    seen = []
    assert run.train(seen.append)
    assert run.floor == Grammar.portuguese().entropy_rate()
    speaker = NextWords(run.model.double(), run.text.vocabulary)
    expected = excess_loss(Grammar.portuguese(), ByLength(speaker, Grammar.portuguese()))
    assert_allclose(run.measure()[1], expected, rtol=1e-12)
    assert_allclose(seen[-1].excess, expected, rtol=1e-7)  # in float32
    assert 0 < seen[-1].excess < seen[0].excess
    # the validation loss estimates floor + excess
    gap = seen[-1].validation.loss - run.floor - seen[-1].excess
    assert abs(gap) < 5 * seen[-1].validation.standard_error
    assert metrics(tmp_path / "run")[-1]["excess"] == seen[-1].excess


def test_a_short_text_has_no_standard_error_and_the_record_stays_json(tmp_path):
    (tmp_path / "text.txt").write_text("a b c a b " * 2)
    Run.start(str(tmp_path / "text.txt"), QUICK, tmp_path / "run").train()

    def refused(constant):
        raise AssertionError(f"{constant} is not JSON")

    for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines():
        moment = json.loads(line, parse_constant=refused)
    assert moment["validation"]["standard_error"] is None


# ---- killed, stopped, resumed ----------------------------------------------------------


def test_a_run_killed_at_any_instant_ends_with_the_same_numbers(tmp_path, corpus):
    program = [sys.executable, killed.__file__, corpus, str(tmp_path), "20"]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, *attempts, last = json.loads(done.stdout)
    assert first["status"] == last["status"] == 0
    assert [attempt["status"] for attempt in attempts] == [-9] * 20
    before = 0
    for attempt in attempts:
        saved = attempt["saved"] or 0
        assert saved >= before  # nothing that was kept is lost
        assert attempt["reached"] - saved <= killed.PRESET.save_every
        before = saved
    assert len({attempt["saved"] for attempt in attempts}) > 5  # and it got on meanwhile
    assert first["reached"] == last["reached"] == killed.PRESET.steps
    assert_same_run(tmp_path / "straight", tmp_path / "killed")


@pytest.mark.parametrize("stops", [1, 2, 3])
def test_a_stopped_run_goes_on_with_the_same_bits(finished, tmp_path, stops):
    corpus = read_checkpoint(finished).asked["corpus"]
    run = Run.start(corpus, QUICK, tmp_path / "run")
    for _ in range(stops):
        seen = []
        assert not run.train(seen.append, interrupted=lambda: True)
        assert read_checkpoint(tmp_path / "run").trainer["step"] == run.trainer.step
        # a measurement that is due there waits until the run goes on
        assert [m.step for m in seen if m.step == run.trainer.step and not run._unmeasured] in (
            [],
            [run.trainer.step],
        )
        run = Run.resume(tmp_path / "run")
    assert run.train()
    assert_same_run(finished, tmp_path / "run")


@pytest.mark.parametrize("measurement", range(4))  # at the steps 0, 8, 16 and, the end, 24
@pytest.mark.parametrize("part", [1, 3])
def test_a_run_stopped_within_a_measurement_makes_it_when_it_goes_on(
    monkeypatch, corpus, tmp_path, measurement, part
):
    monkeypatch.setattr(training, "TOKENS_AT_ONCE", 16)  # six parts
    assert Run.start(corpus, QUICK, tmp_path / "straight").train()
    run = Run.start(corpus, QUICK, tmp_path / "run")
    begun, parts = [], []

    def watch(read, whole):
        if read == 16:
            begun.append(run.trainer.step)
            parts.clear()
        parts.append(read)

    def interrupted():
        return len(begun) > measurement and len(parts) == part

    assert not run.train(interrupted=interrupted, watch=watch)
    assert begun == [0, 8, 16, 24][: measurement + 1]
    assert parts == [16, 32, 48][:part]  # and not to its end
    assert read_checkpoint(tmp_path / "run").trainer["step"] == run.trainer.step == begun[-1]
    again = Run.resume(tmp_path / "run")
    seen = []
    assert again.train(seen.append)
    assert seen[0].step == begun[-1]
    assert_same_run(tmp_path / "straight", tmp_path / "run")
    assert again.train(seen.append)
    assert Run.resume(tmp_path / "run").train(seen.append)
    assert [moment.step for moment in seen].count(24) == 1  # nothing is measured once more


def test_a_stop_at_the_last_step_leaves_the_last_measurement_to_be_made(finished, tmp_path):
    corpus = read_checkpoint(finished).asked["corpus"]
    run = Run.start(corpus, replace(QUICK, steps=4), tmp_path / "run")
    seen = []
    assert not run.train(seen.append, interrupted=lambda: True)
    again = Run.resume(tmp_path / "run")
    assert again.train(seen.append)
    assert [moment.step for moment in seen] == [0, 4]
    assert not Run.resume(tmp_path / "run")._unmeasured


def test_losses_on_the_way_are_estimates_and_the_last_one_is_exact(monkeypatch, corpus, tmp_path):
    monkeypatch.setattr(runs, "ESTIMATED", 32)
    run = Run.start(corpus, QUICK, tmp_path / "run")
    counts = []
    assert run.train(watch=lambda *given: counts.append(given))
    validations = [line["validation"] for line in metrics(tmp_path / "run")]
    assert [v["tokens"] for v in validations if v] == [32, 32, 32, 87]
    assert validations[-1] == evaluate(run.model, run.text.validation)._asdict()
    assert counts == [(32, 32)] * 3 + [(87, 87)]
    assert run.measure()[0].tokens == 87


def test_estimates_are_made_as_a_step_is_and_the_last_loss_is_exact(monkeypatch, corpus, tmp_path):
    seen = []

    def watched(*given, as_trained, shared, **options):
        seen.append((as_trained, shared))
        return evaluate(*given, as_trained=as_trained, shared=shared, **options)

    monkeypatch.setattr(judge, "evaluate", watched)
    run = Run.start(corpus, QUICK, tmp_path / "run")
    assert run.train()
    assert seen == [(True, True)] * 3 + [(False, True)]
    run.measure()
    judge.measure(tmp_path / "run")  # one process alone
    assert seen[4:] == [(False, True), (False, False)]


def test_a_measurement_needs_neither_trainer_nor_training_text(monkeypatch, finished):
    last = metrics(finished)[-1]["validation"]

    def refused(*_, **__):
        raise AssertionError("what is measured is not trained")

    monkeypatch.setattr(runs, "Trainer", refused)
    encoded = []
    encode = CharacterVocabulary.encode
    monkeypatch.setattr(
        CharacterVocabulary, "encode", lambda *given: encoded.append(given[1]) or encode(*given)
    )
    measured = judge.measure(finished)
    assert measured.validation._asdict() == last
    assert (measured.step, measured.floor, measured.by_character) == (24, None, True)
    assert sum(map(len, encoded)) == last["tokens"] + 1


@pytest.mark.parametrize("end", ["gato.", "gato", "gato \n\n", "d'água", "<unk>"])
def test_the_first_validation_word_is_predicted_from_the_last_training_word(tmp_path, end):
    path = tmp_path / "text.txt"
    train = "o cão e o gato e a água e d'água e " + end
    path.write_text(f"{train}\n{'x' * (len(train) // 9)}")
    parts = corpora.load(path)
    assert parts.train.strip() == train.strip()
    text = read_text(str(path), WORDS)
    assert text.validation[0] == text.train[-1]
    assert len(text.validation) == 2


def test_checkpoints_from_before_measurements_waited_are_read(finished, directory, tmp_path):
    run = Run.start(read_checkpoint(finished).asked["corpus"], QUICK, tmp_path / "begun")
    for path in (directory, tmp_path / "begun"):
        content = torch.load(path / "checkpoint.pt", weights_only=True)
        del content["unmeasured"], content["loss"]
        torch.save(content, path / "checkpoint.pt")
        assert Run.resume(path).train()
        assert_same_run(finished, path)
    assert run.trainer.step == 0


def test_a_finished_run_stays_as_it_is(finished, directory):
    before = (directory / "checkpoint.pt").read_bytes()
    assert Run.resume(directory).train()
    assert (directory / "checkpoint.pt").read_bytes() == before
    assert_same_run(finished, directory)


def test_what_killed_processes_left_is_removed_and_nothing_else(finished, directory):
    for name in ("checkpoint.pt", "metrics.jsonl", "vocabulary.json"):
        (directory / f"{name}.4711.part").write_bytes(b"half")
    (directory / "my.part").write_text("mine")
    with (directory / "metrics.jsonl").open("a") as file:
        file.write('{"step": 30, "loss"')  # half a line
    load_model(directory)
    assert len(list(directory.glob("*.part"))) == 4  # reading leaves a writer's file alone
    assert Run.resume(directory).train()
    assert [path.name for path in directory.glob("*.part")] == ["my.part"]
    assert metrics(directory) == metrics(finished)


def test_the_first_measurement_is_recorded_once(finished, tmp_path):
    """A run was killed after it: the line is there, and the checkpoint is older."""
    run = Run.start(read_checkpoint(finished).asked["corpus"], QUICK, tmp_path / "run")

    class Killed(Exception):
        pass

    def kill(moment):
        raise Killed

    with pytest.raises(Killed):
        run.train(kill)
    assert len(metrics(tmp_path / "run")) == 1
    assert Run.resume(tmp_path / "run").train()
    assert_same_run(finished, tmp_path / "run")


def test_files_are_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a[1].txt"
    path.write_text("old")

    def fail():
        with replacing(path) as partial:
            partial.write_text("new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    (tmp_path / "a[1].txt.1.part").touch()
    (tmp_path / "a1.txt.1.part").touch()  # what the brackets would match as a pattern
    remove_partial(path)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a1.txt.1.part", "a[1].txt"]


# ---- for so many seconds ---------------------------------------------------------------


@pytest.mark.parametrize("tick", [0.009, 0.013, 0.02, 0.11, 0.3, 0.9])
def test_a_run_of_some_seconds_ends_with_a_checkpoint(monkeypatch, tmp_path, corpus, tick):
    """Whenever the time is up: also between two looks at the clock."""
    now = iter(range(10**9))
    run = Run.start(corpus, QUICK, tmp_path / "run", limit=2.0)
    monkeypatch.setattr(clock.time, "perf_counter", lambda: tick * next(now))
    seen = []
    assert run.train(seen.append)
    assert run.trainer.step >= 1
    assert seen[-1].step == run.trainer.step
    assert seen[-1].validation is not None
    assert seen[-1].seconds >= 2.0
    saved = read_checkpoint(tmp_path / "run")
    assert saved.trainer["step"] == run.trainer.step
    again = Run.resume(tmp_path / "run")
    assert again.clock.seconds == seen[-1].seconds
    assert again.train()
    assert again.trainer.step == run.trainer.step  # its time is over


@pytest.mark.parametrize("limit", [0, -1.0, math.inf, math.nan])
def test_bad_seconds_are_named(corpus, tmp_path, limit):
    with pytest.raises(ValueError, match="seconds must be above 0 and finite, got"):
        Run.start(corpus, QUICK, tmp_path / "run", limit=limit)
    assert not (tmp_path / "run").exists()


def test_seconds_are_refused_for_several_processes(monkeypatch, corpus, tmp_path):
    monkeypatch.setattr(runs, "processes", lambda: (2, 0))
    with pytest.raises(ValueError, match=r"limited by steps, got 3\.0 seconds"):
        Run.start(corpus, QUICK, tmp_path / "run", limit=3.0)


# ---- damage ----------------------------------------------------------------------------


def test_a_directory_that_holds_a_run_is_not_begun_anew(directory, corpus):
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(FileExistsError, match=r"run must not hold a run, got one with checkpoint"):
        Run.start(corpus, QUICK, directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    (directory / "checkpoint.pt").unlink()
    with pytest.raises(FileExistsError, match=r"got one with metrics.jsonl"):
        Run.start(corpus, QUICK, directory)
    with pytest.raises(FileNotFoundError, match=r"run must hold a run, got no checkpoint.pt in it"):
        Run.resume(directory)
    assert (directory / "metrics.jsonl").read_bytes() == before["metrics.jsonl"]


@settings(max_examples=60)
@given(st.data())
def test_a_truncated_checkpoint_is_refused(finished, tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("truncated") / "run"
    shutil.copytree(finished, directory)
    path = directory / "checkpoint.pt"
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    for read in (load_model, Run.resume, read_checkpoint):
        with pytest.raises(
            ValueError, match=r"checkpoint.pt must be a checkpoint that this versio"
        ):
            read(directory)


@settings(max_examples=60)
@given(st.data())
def test_a_flipped_bit_is_found_or_changes_nothing(finished, tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("flipped") / "run"
    shutil.copytree(finished, directory)
    path = directory / "checkpoint.pt"
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with contextlib.suppress(ValueError):  # what is read in spite of it, in no part that counts
        assert same(read_checkpoint(directory).trainer, read_checkpoint(finished).trainer)


def changed(directory, **values):
    content = torch.load(directory / "checkpoint.pt", weights_only=True)
    torch.save({**content, **values}, directory / "checkpoint.pt")


def test_other_files_are_no_checkpoints(directory):
    changed(directory, format=2)
    with pytest.raises(ValueError, match="got ValueError: format 2, expected 1"):
        load_model(directory)
    torch.save({"weights": torch.zeros(3)}, directory / "checkpoint.pt")
    with pytest.raises(ValueError, match="got KeyError: 'format'"):
        load_model(directory)
    torch.save(Path(), directory / "checkpoint.pt")  # nothing but data is ever loaded
    with pytest.raises(ValueError, match="must be a checkpoint that this version can read"):
        load_model(directory)


def test_a_checkpoint_of_another_shape_is_refused(directory):
    asked = read_checkpoint(directory).asked
    changed(directory, asked={**asked, "preset": {**asked["preset"], "width": 16}})
    for read in (load_model, Run.resume):
        with pytest.raises(ValueError, match=r"checkpoint.pt must fit .*size mismatch"):
            read(directory)
    changed(directory, asked=asked, trainer=7)
    with pytest.raises(ValueError, match=r"checkpoint.pt must fit the model of its run"):
        load_model(directory)


@pytest.mark.parametrize("words", ["abcdefghijklmnop", "ab"])
def test_the_words_of_another_run_are_refused(directory, words):
    """Also as many of them: the model would speak in other words, and nobody would know."""
    own = read_checkpoint(directory).vocabulary
    others = CharacterVocabulary(list(words)[: len(own)], unknown=None)
    save_words(others, directory / "vocabulary.json")
    for read in (load_model, Run.resume):
        with pytest.raises(ValueError, match=r"vocabulary.json must hold the words of the checkp"):
            read(directory)


def test_words_that_cannot_be_read_are_named(directory):
    (directory / "vocabulary.json").write_text('{"kind": "Char')
    with pytest.raises(ValueError, match=r"saved CharacterVocabulary, got '.*vocabulary.json'"):
        load_model(directory)
    (directory / "vocabulary.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"vocabulary.json"):
        load_model(directory)


@pytest.mark.parametrize("more", ["o gato", "quer água ½"])  # known characters, unknown ones
def test_a_text_that_changed_since_is_refused(corpus, tmp_path, more):
    Run.start(corpus, QUICK, tmp_path / "run")
    Path(corpus).write_text(TEXT + more, "utf-8")
    with pytest.raises(ValueError, match=r"text.txt must be the one that the run began with"):
        Run.resume(tmp_path / "run")
    Path(corpus).unlink()
    with pytest.raises(ValueError, match=r"where it was, got no file .*text\.txt"):
        Run.resume(tmp_path / "run")


def test_a_record_that_cannot_be_read_is_named(directory):
    (directory / "metrics.jsonl").write_text("no JSON\n")
    with pytest.raises(ValueError, match=r"metrics.jsonl must hold moments, one a line"):
        Run.resume(directory).train()


# ---- no space, no way ------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 100, 5000, 12000])
def test_a_full_disk_leaves_the_last_checkpoint(corpus, tmp_path, room):
    run = Run.start(corpus, QUICK, tmp_path / "run")
    whole = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    run.trainer.update(0.5)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # larger files are refused
    try:
        with pytest.raises(OSError, match=r"checkpoint.pt could not be written .*untouched") as why:
            run.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(why.value.__cause__, OSError | RuntimeError)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == whole
    assert not list((tmp_path / "run").glob("*.part"))
    run.save()  # with space again, it goes on
    assert read_checkpoint(tmp_path / "run").trainer["step"] == 1


def test_a_record_on_a_full_disk_is_named(directory):
    run = Run.resume(directory)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match=r"metrics.jsonl could not be written"):
            run.train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(run.moments()) == len(metrics(directory)) > 0


def test_a_directory_that_cannot_be_made_is_named(corpus, tmp_path):
    with pytest.raises(OSError, match=r"text.txt/run"):
        Run.start(corpus, QUICK, Path(corpus) / "run")


def test_a_directory_that_vanished_is_named(corpus, tmp_path):
    run = Run.start(corpus, QUICK, tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(OSError, match=r"metrics.jsonl could not be written"):
        run.train()


# ---- training that leaves the way ------------------------------------------------------


def poisoned(run, at, value=math.nan):
    """Spoil a weight after step `at`; the loss of that step is still good."""
    update = run.trainer.update

    def spoil(progress):
        loss = update(progress)
        if run.trainer.step == at:
            with torch.no_grad():
                run.model.blocks[0].up.weight[0, 0] = value
        return loss

    run.trainer.update = spoil


@pytest.mark.parametrize(("at", "last_good"), [(1, 0), (6, 0), (8, 6), (9, 6), (24, 18)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_stops_the_run_and_the_last_good_checkpoint_stays(
    corpus, tmp_path, at, last_good, value
):
    run = Run.start(corpus, QUICK, tmp_path / "run")
    poisoned(run, at, value)
    with pytest.raises(DivergedError, match=r"training diverged: .* stays in .*muon_rate 0.02"):
        run.train()
    saved = read_checkpoint(tmp_path / "run")
    assert saved.trainer["step"] == last_good
    assert all(weight.isfinite().all() for weight in saved.trainer["model"].values())
    assert "NaN" not in (tmp_path / "run" / "metrics.jsonl").read_text()


@pytest.mark.parametrize("parts", [None, 2])
def test_the_first_step_without_a_finite_loss_is_named_and_not_taken(corpus, tmp_path, parts):
    """However much later it is looked for: here after six steps."""
    run = Run.start(corpus, replace(QUICK, rows_at_once=parts), tmp_path / "run")
    weights, update = {}, run.trainer.update

    def kept(progress):
        weights[run.trainer.step] = {k: v.clone() for k, v in run.model.state_dict().items()}
        return update(progress)

    run.trainer.update = kept
    run.trainer.objective.register_forward_hook(
        lambda module, given, loss: loss * (math.nan if run.trainer.step == 2 else 1)
    )
    with pytest.raises(DivergedError, match=r"the loss or the gradient is not finite at step 3\."):
        run.train()
    assert run.trainer.step == 6
    assert same(run.model.state_dict(), weights[2])
    assert not same(weights[2], weights[1])
    assert read_checkpoint(tmp_path / "run").trainer["step"] == 0


def test_nan_in_the_grammar_stops_the_run_too(tmp_path):
    preset = replace(WORDS, boundary=END, corpus_words=4000, context=32, steps=8)
    run = Run.start("grammar", preset, tmp_path / "run")
    poisoned(run, 8)
    with pytest.raises(DivergedError, match=r"up.weight or its gradient is not finite at step 8"):
        run.train()


def test_a_loss_above_that_of_a_guess_stops_the_run(corpus, tmp_path):
    run = Run.start(corpus, replace(QUICK, adam_rate=1e3, muon_rate=1e3), tmp_path / "run")
    with pytest.raises(DivergedError, match=r"the training loss is \d+.* at step 6\."):
        run.train()
    assert read_checkpoint(tmp_path / "run").trainer["step"] == 0
    assert Run.resume(tmp_path / "run").trainer.step == 0


def test_huge_weights_whose_loss_is_no_number_stop_the_run(corpus, tmp_path):
    run = Run.start(corpus, QUICK, tmp_path / "run")
    poisoned(run, 24, 3e38)
    with torch.no_grad():
        run.model.blocks[0].down.weight.fill_(1.0)
    with pytest.raises(DivergedError, match=r"not finite|validation loss is nan"):
        run.train()
    assert read_checkpoint(tmp_path / "run").trainer["step"] == 18


def test_where_rows_are_read_in_parts_the_run_is_the_same_but_for_rounding(finished, tmp_path):
    corpus = read_checkpoint(finished).asked["corpus"]
    run = Run.start(corpus, replace(QUICK, rows_at_once=2, steps=6), tmp_path / "parts")
    whole = Run.start(corpus, replace(QUICK, steps=6), tmp_path / "whole")
    assert run.train()
    assert whole.train()
    losses = [[line["loss"] for line in metrics(tmp_path / x)[1:]] for x in ("parts", "whole")]
    assert_allclose(*map(np.array, losses), rtol=1e-3)


def test_numpy_numbers_can_be_resumed(corpus, tmp_path):
    preset = replace(QUICK, muon_rate=np.float64(QUICK.muon_rate))
    Run.start(corpus, preset, tmp_path / "run", seed=np.int64(3))
    assert Run.resume(tmp_path / "run").asked["seed"] == 3


def test_a_directory_is_one_runs_own(corpus, tmp_path):
    run = Run.start(corpus, QUICK, tmp_path / "run")
    with held(tmp_path / "run", wait=False):  # as another process would
        with pytest.raises(FileExistsError, match="must not be in use"):
            run.train()
        (tmp_path / "run" / "checkpoint.pt").unlink()
        with pytest.raises(FileExistsError, match="must not be in use"):
            Run.start(corpus, QUICK, tmp_path / "run")
    assert run.train()


def test_a_run_that_went_on_elsewhere_is_not_overwritten(finished, tmp_path):
    """Two had read the same checkpoint, and each would go on from there."""
    run = Run.start(read_checkpoint(finished).asked["corpus"], QUICK, tmp_path / "run")
    first, second = Run.resume(tmp_path / "run"), Run.resume(tmp_path / "run")
    assert first.train()
    for late in (second, run):
        with pytest.raises(FileExistsError, match=r"another process wrote since: resume it again"):
            late.train(interrupted=lambda: True)
    assert_same_run(finished, tmp_path / "run")
    assert first.train()  # its own is no other's
    third = Run.resume(tmp_path / "run")
    (tmp_path / "run" / "checkpoint.pt").unlink()
    assert third.train()  # where there is none, none is lost


def test_a_checkpoint_that_is_replaced_while_it_is_read_is_another(
    finished, directory, monkeypatch
):
    load = torch.load

    def replaced_meanwhile(path, **options):
        content = load(path, **options)
        with replacing(path) as partial:
            shutil.copy(finished / "checkpoint.pt", partial)
        return content

    monkeypatch.setattr(torch, "load", replaced_meanwhile)
    run = Run.resume(directory)
    with pytest.raises(FileExistsError, match=r"another process wrote since"):
        run.train()


def test_moments_that_are_no_text_are_named(corpus, tmp_path):
    run = Run.start(corpus, QUICK, tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(ValueError, match=r"metrics\.jsonl must hold moments"):
        run.moments()
