"""Rows, objective, evaluation and steps: every token once, and the same numbers however divided."""

import copy
import importlib
import itertools
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from lab import training
from lab.muon import orthogonalized
from lab.presets import Preset
from lab.training import (
    IGNORED,
    Objective,
    Rows,
    Trainer,
    evaluate,
    flops_per_token,
    gather,
    rate_share,
    tile,
    token_losses,
)
from nwp.generalization import BLOCKS, standard_error
from nwp.model import Cache, Transformer

V = 7
few = settings(max_examples=20)  # each builds a model
texts = st.lists(st.integers(0, V - 1), min_size=2, max_size=60).map(np.array)
boundaries = st.none() | st.integers(0, V - 1)
TINY = Preset(
    unit="character",
    layers=2,
    heads=2,
    width=8,
    context=6,
    steps=20,
    rows=5,
    muon_rate=0.02,
    adam_rate=0.01,
)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # the same sums in the same order, on every machine
    yield
    torch.set_num_threads(before)


@pytest.fixture
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def random_text(length, seed=0, size=V):
    return np.random.default_rng(seed).integers(size, size=length)


def random_model(seed=0, **options):
    """A small model in float64 whose weights are all random: no zero can hide a mistake."""
    model = Transformer(V, **{"width": 8, "layers": 2, "heads": 2, "context": 6} | options)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(0.5 * torch.randn(weight.shape, generator=generator))
    return model.double()


def targets_of(starts, lengths):
    """Where the targets of all rows stand in the text, in their order."""
    return [s + 1 + t for s, k in zip(starts, lengths, strict=True) for t in range(k)]


# ---- rows of a text --------------------------------------------------------------------


@given(texts, st.integers(1, 9), boundaries)
def test_every_id_after_the_first_is_a_target_exactly_once(ids, context, boundary):
    starts, lengths = tile(ids, context, boundary)
    assert targets_of(starts, lengths) == list(range(1, len(ids)))
    assert lengths.min() >= 1
    assert lengths.max() <= context
    assert starts.dtype == lengths.dtype == np.int64


@given(texts, st.integers(1, 9), st.integers(0, V - 1))
def test_rows_are_cut_at_the_last_boundary_within_reach(ids, context, boundary):
    for start, length in zip(*tile(ids, context, boundary), strict=True):
        reach = min(start + context, len(ids) - 1)
        within = [at for at in range(start + 1, reach + 1) if ids[at] == boundary]
        assert start + length == (within[-1] if within else reach)


def test_tiles_by_hand():
    starts, lengths = tile(np.arange(8), 3)
    assert (starts.tolist(), lengths.tolist()) == ([0, 3, 6], [3, 3, 1])
    # no boundary within reach of the first row, one beyond it
    starts, lengths = tile(np.array([1, 1, 1, 1, 0, 1]), 2, 0)
    assert (starts.tolist(), lengths.tolist()) == ([0, 2, 4], [2, 2, 1])
    starts, lengths = tile(np.array([5, 6]), 4)
    assert (starts.tolist(), lengths.tolist()) == ([0], [1])


@given(texts, st.integers(1, 9), boundaries, st.data())
def test_gathered_rows_are_the_text_shifted_by_one(ids, context, boundary, data):
    starts, lengths = tile(ids, context, boundary)
    rows = data.draw(st.lists(st.integers(0, len(starts) - 1), min_size=1, max_size=5))
    starts, lengths = starts[rows], lengths[rows]
    inputs, targets = gather(*map(torch.from_numpy, (ids, starts, lengths)))
    assert inputs.shape == targets.shape == (len(rows), lengths.max())
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        assert inputs[row, :length].tolist() == ids[start : start + length].tolist()
        assert targets[row, :length].tolist() == ids[start + 1 : start + length + 1].tolist()
        assert (targets[row, length:] == IGNORED).all()


@given(texts, st.integers(1, 9), boundaries, st.integers(0, 2**31), st.integers(0, 40))
def test_an_epoch_reads_each_row_once(ids, context, boundary, seed, number):
    rows = Rows(ids, context, boundary=boundary, seed=seed)
    starts, lengths = rows.epoch(number)
    assert len(rows) == len(starts)
    targets = sorted(targets_of(starts, lengths))
    assert targets == list(range(targets[0], targets[-1] + 1))
    if boundary is not None or len(ids) < 2 * context:
        assert targets == list(range(1, len(ids)))
    else:  # whole rows only; what is left over waits
        assert set(lengths.tolist()) == {context}
        assert len(ids) - 1 - len(targets) < 2 * context
    again = Rows(ids, context, boundary=boundary, seed=seed).epoch(number)
    assert np.array_equal(starts, again[0])  # whatever was asked before


@pytest.mark.parametrize("length", range(6, 16))
def test_no_word_waits_for_ever(length):
    rows = Rows(np.arange(length), 3)
    epochs = [rows.epoch(number) for number in range(60)]
    assert set().union(*(targets_of(*epoch) for epoch in epochs)) == set(range(1, length))


def test_orders_differ_between_epochs_and_seeds():
    ids = random_text(400)
    one, other = Rows(ids, 6, seed=1), Rows(ids, 6, seed=2)
    assert not np.array_equal(one.epoch(0)[0], one.epoch(1)[0])
    assert not np.array_equal(one.epoch(0)[0], other.epoch(0)[0])
    assert one.starts.tolist() == list(range(0, 6 * len(one), 6))  # and the plan stays in order


@given(texts, st.integers(1, 9), boundaries, st.integers(1, 40), st.integers(0, 9))
def test_batches_follow_each_other_through_the_epochs(ids, context, boundary, size, step):
    rows = Rows(ids, context, boundary=boundary, seed=3)
    order = [
        row
        for number in range((step + 1) * size // len(rows) + 1)
        for row in zip(*map(np.ndarray.tolist, rows.epoch(number)), strict=True)
    ]
    expected = order[step * size : (step + 1) * size]
    inputs, targets = Rows(ids, context, boundary=boundary, seed=3).batch(step, size)
    assert (targets != IGNORED).sum(1).tolist() == [length for _, length in expected]
    for read, (start, length) in zip(inputs, expected, strict=True):
        assert read[:length].tolist() == ids[start : start + length].tolist()


# ---- the objective ---------------------------------------------------------------------


@few
@given(st.integers(0, 2**31), st.none() | st.floats(1, 20), st.sampled_from(["sum", "none"]))
def test_the_objective_is_the_cross_entropy_of_the_counted_words(seed, softcap, reduction):
    model = random_model(seed, softcap=softcap)
    inputs, targets = gather(
        torch.from_numpy(random_text(20, seed)), torch.tensor([0, 6, 11]), torch.tensor([6, 5, 2])
    )
    losses = Objective(model)(inputs, targets, reduction)
    logits = model(inputs)
    counted = [
        -logits[row, t].log_softmax(0)[word]
        for row, words in enumerate(targets.tolist())
        for t, word in enumerate(words)
        if word != IGNORED
    ]
    assert len(counted) == 13
    if reduction == "sum":
        assert_allclose(losses.item(), sum(counted).item(), rtol=1e-12)
    else:
        kept = losses[targets.flatten() != IGNORED].detach()
        assert_allclose(kept, torch.stack(counted).detach(), rtol=1e-12)
        assert (losses[targets.flatten() == IGNORED] == 0).all()


@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("tied", [False, True])
def test_block_by_block_or_not_is_the_same_loss_and_gradient(monkeypatch, softcap, tied):
    inputs, targets = gather(
        torch.from_numpy(random_text(20)), torch.tensor([0, 6]), torch.tensor([6, 4])
    )
    results = []
    for least in (V + 1, V):
        monkeypatch.setattr(training, "BLOCKWISE_FROM", least)
        model = random_model(4, softcap=softcap, tied=tied)
        loss = Objective(model)(inputs, targets)
        loss.backward()
        results.append([loss.detach(), *(p.grad for p in model.parameters())])
    for plain, blockwise in zip(*results, strict=True):
        assert_allclose(plain, blockwise, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reduction", ["sum", "none"])
@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("tied", [False, True])
def test_a_micro_batch_of_padding_adds_nothing_block_by_block_or_not(
    monkeypatch, softcap, tied, reduction
):
    inputs, padding = torch.zeros((2, 5), dtype=torch.int64), torch.full((2, 5), IGNORED)
    for least in (V + 1, V):
        monkeypatch.setattr(training, "BLOCKWISE_FROM", least)
        model = random_model(4, softcap=softcap, tied=tied)
        loss = Objective(model)(inputs, padding, reduction)
        assert torch.equal(loss, torch.zeros(() if reduction == "sum" else 10, dtype=loss.dtype))
        loss.sum().backward()
        assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in model.parameters())


# ---- evaluation ------------------------------------------------------------------------


def plain_losses(model, ids):
    """The loss of each id after the first, one word and one prefix at a time, row by row."""
    rows = []
    for start, length in zip(*tile(ids, model.context, model.boundary), strict=True):
        rows.append([])
        for t in range(length):
            read = torch.from_numpy(ids[start : start + t + 1])[None]
            logits, word = model(read)[0, -1], torch.tensor(ids[start + t + 1])
            rows[-1].append(F.cross_entropy(logits, word).item())
    return rows


def flat(rows):
    return [loss for row in rows for loss in row]


@few
@given(st.integers(0, 2**31), texts, boundaries)
def test_evaluation_counts_every_token_once(seed, ids, boundary):
    model = random_model(seed, boundary=boundary)
    rows = plain_losses(model, ids)
    losses = flat(rows)
    result = evaluate(model, ids)
    assert result.tokens == len(losses) == len(ids) - 1
    mean = math.fsum(losses) / len(losses)
    assert_allclose(result.loss, mean, rtol=1e-12)
    assert_allclose(result.perplexity, math.exp(mean), rtol=1e-12)
    assert result.standard_error is None  # too short


def test_means_that_are_wrong_are_other_numbers():
    model, ids = random_model(1, boundary=0), random_text(200, seed=2)
    right = evaluate(model, ids).loss
    rows = plain_losses(model, ids)
    of_means = np.mean([np.mean(row) for row in rows])
    overlapping = np.mean([*flat(rows), *(row[0] for row in rows)])  # first words twice
    padded = math.fsum(flat(rows)) / (len(rows) * model.context)
    for wrong in (of_means, overlapping, padded):
        assert abs(wrong - right) > 1e-3 * right


def test_evaluation_is_the_same_however_many_rows_are_read_at_once(monkeypatch):
    model, ids = random_model(3), random_text(100)
    whole = evaluate(model, ids)
    monkeypatch.setattr(training, "TOKENS_AT_ONCE", 1)
    assert_allclose(evaluate(model, ids), whole, rtol=1e-12)
    monkeypatch.setattr(training, "BLOCKWISE_FROM", 1)
    assert_allclose(evaluate(model, ids), whole, rtol=1e-9)


@pytest.mark.parametrize("together", [2, 3, 40])
@pytest.mark.parametrize("at_most", [None, 60])
def test_processes_that_share_an_evaluation_read_each_token_once(monkeypatch, together, at_most):
    model, ids = random_model(3, boundary=0), random_text(100)
    monkeypatch.setattr(training, "TOKENS_AT_ONCE", 12)
    whole, looks = token_losses(model, ids, at_most=at_most), []
    monkeypatch.setattr(training, "summed", lambda losses: losses)
    shares = []
    for own in range(together):
        monkeypatch.setattr(training, "processes", lambda own=own: (together, own))
        seen = []
        shares.append(
            token_losses(
                model, ids, at_most=at_most, shared=True, watch=lambda *x, seen=seen: seen.append(x)
            )
        )
        looks.append(seen)
    assert np.array_equal(np.sum(shares, axis=0), whole)  # bit for bit
    read = [np.count_nonzero(share) for share in shares]
    assert sum(read) == len(whole)
    assert max(read) <= -(-len(whole) // together) + 12
    assert all(seen == looks[0] for seen in looks)  # none waits for another
    assert looks[0][-1] == (len(whole), len(whole))
    assert np.array_equal(token_losses(model, ids, at_most=at_most), whole)  # alone, all of it


PRECISIONS = """
import sys
import numpy as np
import torch
from lab import training
from nwp.model import Transformer

seen = []
def state():
    return (torch.backends.cuda.matmul.fp32_precision, torch.backends.mkldnn.matmul.fp32_precision)

class Watched(training.Objective):
    def forward(self, *given):
        seen.append((*state(), torch.is_autocast_enabled("cpu")))
        return super().forward(*given)

training.Objective = Watched
exec(sys.argv[1])
before = state()
assert before[0] == sys.argv[2], before
with torch.autocast("cpu", torch.bfloat16):
    training.evaluate(Transformer(7, width=8, layers=1, heads=1, context=5), np.arange(7))
    assert torch.is_autocast_enabled("cpu")
assert not {"tf32", "bf16"} & set(seen[0][:2]), seen
assert seen[0][2] is False
assert state() == before
with training.matmul_precision("high"):
    assert state()[0] == "tf32"
assert state() == before
"""


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("torch.set_float32_matmul_precision('highest')", "ieee"),
        ("torch.set_float32_matmul_precision('high')", "tf32"),
        ("torch.backends.cuda.matmul.fp32_precision = 'tf32'", "tf32"),
        ("torch.backends.fp32_precision = 'tf32'", "tf32"),
    ],
)
def test_an_evaluation_is_exact_whatever_the_process_has_set(setting, name):
    """And leaves the setting as it was; in a process of its own, where it spoils no other test."""
    program = [sys.executable, "-c", PRECISIONS, setting, name]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="where there is a GPU")
def test_a_step_on_a_gpu_sets_nothing_for_the_process():
    before = torch.get_float32_matmul_precision()
    trainer = Trainer(TINY, random_text(90), V, device="cuda")
    trainer.update(0.5)
    assert torch.get_float32_matmul_precision() == before == "highest"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="where there is a GPU")
@pytest.mark.parametrize("words", [V, training.BLOCKWISE_FROM])
def test_recorded_steps_on_a_gpu_are_those_that_are_not(words):
    preset = Preset(
        unit="word", layers=1, heads=2, width=32, context=16, rows=4, steps=9, muon_rate=0.02,
        adam_rate=0.01, weight_decay=0.1,
    )  # fmt: skip
    ids = np.random.default_rng(0).integers(words, size=400)
    losses = []
    for recorded in (True, False):
        trainer = Trainer(preset, ids, words, device="cuda")
        if not recorded:
            trainer._replay = None
        steps = [trainer.update((step + 0.5) / 9) for step in range(9)]
        losses.append([loss.item() for loss in steps])  # read at the end: each has its own place
        assert (trainer.preparing, trainer.step) == (False, 9)
    assert_allclose(*losses, rtol=1e-3)
    assert losses[0][-1] < losses[0][0]


@pytest.mark.parametrize("words", [V, training.BLOCKWISE_FROM])
def test_the_objective_is_one_graph(words):
    """Of either loss: `fullgraph` is an error where a trace breaks."""
    model = Transformer(words, width=16, layers=1, heads=2, context=8, softcap=15.0)
    ids = torch.from_numpy(np.random.default_rng(0).integers(words, size=(3, 9)))
    targets = ids[:, 1:].clone()
    targets[0, 5:] = training.IGNORED
    losses = []
    objective = training.Objective(model)
    for function in (objective, torch.compile(objective, backend="aot_eager", fullgraph=True)):
        model.zero_grad()
        loss = function(ids[:, :-1], targets)
        loss.backward()
        losses.append((loss.detach(), model.embedding.weight.grad, model.head.weight.grad))
    for a, b in zip(*losses, strict=True):
        assert_close(a, b)


@few
@given(st.integers(0, 2**31), texts, boundaries, st.integers(1, 70))
def test_an_estimate_reads_rows_from_all_over_the_text(seed, ids, boundary, at_most):
    model = random_model(seed, boundary=boundary)
    rows = plain_losses(model, ids)
    result = evaluate(model, ids, at_most=at_most)
    count = max(1, at_most * len(rows) // (len(ids) - 1))
    if count >= len(rows):
        assert result == evaluate(model, ids)
        return
    chosen = [rows[i * len(rows) // count] for i in range(count)]
    assert result.tokens == len(flat(chosen))
    assert_allclose(result.loss, math.fsum(flat(chosen)) / result.tokens, rtol=1e-12)


def test_an_estimate_agrees_with_the_whole_within_its_error():
    model, gaps, errors = random_model(1), [], []
    for seed in range(60):
        ids = random_text(1500, seed)
        whole, part = evaluate(model, ids), evaluate(model, ids, at_most=300)
        assert part.tokens == 300
        gaps.append(part.loss - whole.loss)
        errors.append((whole.standard_error, part.standard_error))
    of_whole, of_part = map(rms, zip(*errors, strict=True))
    assert_allclose(of_part, of_whole * math.sqrt(5), rtol=0.2)
    assert_allclose(rms(gaps), of_part * math.sqrt(1 - 1 / 5), rtol=0.2)


def test_an_evaluation_can_be_watched_and_ended(monkeypatch):
    monkeypatch.setattr(training, "TOKENS_AT_ONCE", 18)
    model, ids, seen = random_model(1), random_text(60), []
    evaluate(model, ids, watch=lambda *counts: seen.append(counts))
    assert seen == [(18, 59), (36, 59), (54, 59), (59, 59)]

    def end(read, whole):
        seen.append(read)
        raise KeyError

    seen.clear()
    with pytest.raises(KeyError):
        evaluate(model, ids, watch=end)
    assert seen == [18]


@pytest.mark.parametrize(
    ("at_most", "error", "message"),
    [(0, ValueError, "at_most must be at least 1, got 0"), (2.5, TypeError, "at_most must be an")],
)
def test_estimates_that_cannot_be_are_named(at_most, error, message):
    with pytest.raises(error, match=message):
        evaluate(random_model(), [1, 2, 3], at_most=at_most)


def test_a_guess_costs_log_v_for_sure():
    result = evaluate(Transformer(V, width=8, layers=1, heads=1, context=5), random_text(81))
    assert_allclose(result, (math.log(V), 0, 80), rtol=1e-6, atol=1e-7)
    assert evaluate(Transformer(1, context=5), np.zeros(81, int)) == (0, 0, 80)  # a single word


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([3], ValueError, r"ids must have the shape \(n,\), n at least 2, got \(1,\)"),
        ([], ValueError, r"ids must have the shape \(n,\), n at least 2, got \(0,\)"),
        ([[1, 2]], ValueError, r"n at least 2, got \(1, 2\)"),
        ([1, V], ValueError, r"ids must be word ids in \[0, 7\), got 7"),
        ([1, -1], ValueError, r"ids must be word ids in \[0, 7\), got -1"),
        ([1.0, 2.0], TypeError, "ids must be integers, got dtype float64"),
    ],
)
def test_bad_texts_are_named(ids, error, message):
    with pytest.raises(error, match=message):
        evaluate(random_model(), ids)
    with pytest.raises(error, match=message):
        Trainer(TINY, ids, V)


# ---- how sure a mean is ----------------------------------------------------------------


def rms(numbers):
    return math.sqrt(np.mean(np.square(numbers)))


def topics(length, words_each, rng):
    """The number of the topic of each word; a topic ends after a word with a fixed probability."""
    return np.cumsum(rng.random(length) < 1 / words_each)


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=50), st.integers(2, 9))
def test_the_error_is_the_spread_of_the_means_of_blocks(losses, blocks):
    error, n = standard_error(losses, blocks=blocks), len(losses)
    if n < blocks:
        assert error is None
        return
    cuts = [i * n // blocks for i in range(blocks + 1)]
    parts = [losses[i:j] for i, j in itertools.pairwise(cuts)]
    assert flat(parts) == losses
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    # The delta method for a ratio of two sums over blocks, the losses and their number.
    mean = math.fsum(losses) / n
    residuals = [math.fsum(part) - mean * len(part) for part in parts]
    variance = blocks / (blocks - 1) * math.fsum(r * r for r in residuals) / n**2
    assert_allclose(error, math.sqrt(variance), rtol=1e-9, atol=1e-12)
    if n % blocks == 0:
        assert_allclose(
            error, np.std(np.mean(parts, axis=1), ddof=1) / math.sqrt(blocks), rtol=1e-9, atol=1e-12
        )


def test_blocks_know_the_error_of_a_text_with_topics_and_rows_do_not():
    n, words_each, rng = 40_000, 100, np.random.default_rng(0)
    means, by_blocks, by_rows = [], [], []
    for _ in range(300):  # each word costs what its topic costs, and something of its own
        topic = topics(n, words_each, rng)
        losses = rng.normal(size=topic[-1] + 1)[topic] + rng.normal(size=n)
        means.append(losses.mean())
        by_blocks.append(standard_error(losses))
        by_rows.append(standard_error(losses, blocks=n // 64))
    apart = np.arange(1, n)  # two words share a topic with the probability (1 - 1/100)^distance
    covariances = (1 - apart / n) * (1 - 1 / words_each) ** apart
    truth = math.sqrt((2 + 2 * covariances.sum()) / n)
    assert_allclose(np.std(means), truth, rtol=0.1)
    assert_allclose(rms(by_blocks), truth, rtol=0.05)
    assert rms(by_rows) < 0.6 * truth


def test_for_independent_losses_any_blocks_are_right():
    n, rng = 3_210, np.random.default_rng(0)
    texts_of_losses = rng.exponential(size=(300, n))
    truth = 1 / math.sqrt(n)
    for blocks in (BLOCKS, n // 64, n):
        errors = [standard_error(losses, blocks=blocks) for losses in texts_of_losses]
        assert_allclose(rms(errors), truth, rtol=0.05)
        if blocks == BLOCKS:  # and known as well as is said
            assert_allclose(np.std(errors) / truth, 1 / math.sqrt(2 * (blocks - 1)), rtol=0.2)


@pytest.mark.parametrize("at_most", [None, 600])
def test_the_error_of_an_evaluation_holds_for_running_text(at_most):
    model, rng = random_model(1), np.random.default_rng(0)
    losses, errors, by_rows = [], [], []
    for _ in range(150):  # the words of a topic are one or two of the vocabulary
        topic = topics(2400, 20, rng)
        ids = rng.integers(V, size=(topic[-1] + 1, 2))[topic, rng.integers(2, size=2400)]
        result = evaluate(model, ids, at_most=at_most)
        losses.append(result.loss)
        errors.append(result.standard_error)
        by_rows.append(
            standard_error(token_losses(model, ids, at_most=at_most), blocks=result.tokens // 6)
        )
    assert_allclose(rms(errors), np.std(losses), rtol=0.15)
    assert rms(by_rows) < 0.8 * np.std(losses)


def test_for_independent_sentences_blocks_and_rows_agree():
    model = random_model(1, boundary=0)
    by_blocks, by_rows = [], []
    for seed in range(60):
        ids = random_text(1500, seed)
        losses = token_losses(model, ids)
        starts, lengths = tile(ids, model.context, 0)
        assert len(set(lengths.tolist())) > 3  # ragged
        above = np.add.reduceat(losses - losses.mean(), starts)
        by_rows.append(math.sqrt(above @ above) / len(losses))
        by_blocks.append(evaluate(model, ids).standard_error)
    assert_allclose(rms(by_blocks), rms(by_rows), rtol=0.1)


@pytest.mark.parametrize("boundary", [None, 0])
def test_an_evaluation_is_the_mean_of_the_losses_of_all_tokens(boundary):
    model, ids = random_model(1, boundary=boundary), random_text(200, seed=2)
    losses = flat(plain_losses(model, ids))
    assert_allclose(token_losses(model, ids), losses, rtol=1e-12)
    result = evaluate(model, ids)
    assert_allclose(result.standard_error, standard_error(losses), rtol=1e-9)


def test_a_text_too_short_for_blocks_has_no_error():
    model, least = random_model(1), BLOCKS * 6
    assert evaluate(model, random_text(least)).standard_error is None
    assert evaluate(model, random_text(least + 1)).standard_error > 0
    assert evaluate(model, random_text(9 * least), at_most=least - 6).standard_error is None


def test_a_model_that_diverged_has_no_error():
    model = random_model(1)
    with torch.no_grad():
        model.head.weight[0] = math.nan
    result = evaluate(model, random_text(200))
    assert math.isnan(result.loss)
    assert result.standard_error is None


# ---- operations ------------------------------------------------------------------------


@pytest.mark.parametrize(("layers", "width", "tied"), [(1, 8, False), (3, 16, True)])
def test_operations_are_those_that_pytorch_counts(layers, width, tied):
    context = 9
    model = Transformer(V, width=width, layers=layers, heads=2, context=context, tied=tied)
    tokens = torch.from_numpy(random_text(context))[None]
    cache = Cache()
    # Word by word, each attends to those before it alone; in one pass all pairs are multiplied,
    # and half of the products thrown away.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as forward:
        for t in range(context):
            model(tokens[:, t : t + 1], cache)
    assert flops_per_token(model) * context == 3 * forward.get_total_flops()
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as both:
        model(tokens).sum().backward()
    pairs = 6 * layers * 2 * width * (context**2 - context * (context + 1) // 2)
    assert flops_per_token(model) * context == both.get_total_flops() - pairs


# ---- learning rates --------------------------------------------------------------------


shares = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


@given(shares, shares, shares)
def test_rates_rise_stay_and_fall(progress, warmup, decay):
    share = rate_share(progress, warmup, decay)
    assert 0 <= share <= 1
    if warmup <= progress <= 1 - decay and (decay or progress < 1):
        assert_allclose(share, 1, rtol=1e-9)
    if 0 < progress < warmup and progress < 1 - decay:
        assert_allclose(share, progress / warmup)
    if 1 - decay < progress and progress >= warmup and decay:
        assert_allclose(share, (1 - progress) / decay)


def test_rates_by_hand():
    assert [rate_share(p, 0.2, 0.5) for p in (0, 0.1, 0.2, 0.5, 0.75, 1)] == [0, 0.5, 1, 1, 0.5, 0]
    assert rate_share(0.0, 0.0, 0.0) == rate_share(1.0, 0.0, 0.0) == 1
    assert rate_share(1.01, 0.1, 1.0) == 0  # a clock that ran over


# ---- steps -----------------------------------------------------------------------------


def ragged_trainer(**options):
    """A trainer on a text of short pieces; its weights are moved off the zeros of the start."""
    trainer = Trainer(replace(TINY, **options), random_text(90, seed=5), V, boundary=0, seed=1)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(2)
        for weight in trainer.model.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    return trainer


def gradients(trainer):
    return [p.grad.clone() for p in trainer.model.parameters()]


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 99])
def test_a_step_in_parts_is_a_step(at_once):
    whole, divided = ragged_trainer(), ragged_trainer(rows_at_once=at_once)
    inputs, targets = whole.rows.batch(0, 5)
    assert len(set((targets != IGNORED).sum(1).tolist())) > 1
    logits = whole.model(inputs).flatten(0, 1)
    mean = F.cross_entropy(logits, targets.flatten(), ignore_index=IGNORED)
    expected = torch.autograd.grad(mean, list(whole.model.parameters()))
    for trainer in (whole, divided):
        assert_allclose(trainer.update(0.5).item(), mean.item(), rtol=1e-12)
        assert (trainer.step, trainer.tokens) == (1, (targets != IGNORED).sum())
        for got, wanted in zip(gradients(trainer), expected, strict=True):
            assert_allclose(got, wanted, rtol=1e-9, atol=1e-13)
    for a, b in zip(whole.model.parameters(), divided.model.parameters(), strict=True):
        assert_allclose(a.detach(), b.detach(), rtol=1e-9, atol=1e-12)
    # the mean of the parts' means is something else
    parts = [
        F.cross_entropy(row, word, ignore_index=IGNORED)
        for row, word in zip(logits.view(5, -1, V), targets, strict=True)
    ]
    assert abs(torch.stack(parts).mean() - mean) > 1e-3


def test_matrices_are_moved_by_muon_and_the_rest_by_adamw():
    trainer = ragged_trainer()
    moved = [
        {id(p) for group in optimizer.param_groups for p in group["params"]}
        for optimizer in (trainer.muon, trainer.adamw)
    ]
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    assert {names[i].split(".")[-2] for i in moved[0]} == {"qkv", "out", "up", "down"}
    assert {names[i] for i in moved[1]} == {
        "embedding.weight",
        "head.weight",
        "blocks.0.attention.sharpness",
        "blocks.1.attention.sharpness",
    }
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    trainer.update(0.5)
    share = rate_share(0.5, TINY.warmup, TINY.decay)
    for name, weight in trainer.model.named_parameters():
        step = (weight.detach() - before[name]) / share
        if id(weight) in moved[0]:  # all directions by about the same
            parts = 3 if "qkv" in name else 1  # queries, keys and values by themselves
            directions = torch.stack(weight.grad.chunk(parts))
            rate = TINY.muon_rate * max(1, len(step) / parts / step.shape[1]) ** 0.5
            expected = -rate * orthogonalized(directions).flatten(0, 1)
            assert_close(step, expected, rtol=0, atol=1e-4 * rate)
            similar = F.cosine_similarity(-step.flatten(), weight.grad.flatten(), dim=0)
            assert similar < 0.9, name  # it is no gradient descent
        else:  # at its first step Adam moves each weight by its rate
            assert_allclose(step[weight.grad.abs() > 1e-5].abs(), TINY.adam_rate, rtol=1e-2)


def spoil(trainer, at, what):
    """Let the loss, or the gradient of a finite loss, be no number at step `at` alone."""

    def loss(module, given, value):
        return value + math.nan if what == "loss" and trainer.step + 1 == at else value

    def gradient(value):
        return value * {"gradient": math.inf, "norm": 1e30}.get(what, 1) ** (trainer.step + 1 == at)

    trainer.objective.register_forward_hook(loss)
    trainer.model.blocks[1].up.weight.register_hook(gradient)


@pytest.mark.parametrize("on_the_device", [False, True])
@pytest.mark.parametrize("what", ["loss", "gradient", "norm"])  # the last, of finite gradients
@pytest.mark.parametrize("at", [1, 4])
def test_no_step_is_taken_where_loss_or_gradient_is_no_number(monkeypatch, at, what, on_the_device):
    """Nor after it; on a GPU, which nobody asks, each step is taken in the same two ways."""
    trainer = ragged_trainer()
    spoil(trainer, at, what)
    if on_the_device:
        muon, leave_out = trainer.muon, trainer._leave_out

        def unread(loss):
            leave_out(loss)
            muon.found_inf = trainer.adamw.found_inf = (trainer._left_out > 0).float()

        monkeypatch.setattr(trainer, "_leave_out", unread)
    good = weights_after(trainer, at - 1)
    assert trainer.broken is None
    kept = copy.deepcopy([trainer.muon.state_dict()["state"], trainer.adamw.state_dict()["state"]])
    for _ in range(3):
        trainer.update(0.5)
    assert (trainer.broken, trainer.step) == (at, at + 2)
    assert equal(good, trainer.model.parameters())
    for before, optimizer in zip(kept, (trainer.muon, trainer.adamw), strict=True):
        after = optimizer.state_dict()["state"]
        for i in before:  # what a first step makes, it makes of zeros
            assert equal(before[i].values(), after[i].values())
        assert before or not any(x.any() for own in after.values() for x in own.values())
    straight = ragged_trainer()
    assert equal(weights_after(straight, at - 1), good) or on_the_device
    straight.restore(trainer.state())
    assert straight.broken is None
    assert not equal(weights_after(straight, 1), good)


def test_tied_weights_are_moved_once():
    trainer = Trainer(replace(TINY, tied=True), random_text(90), V)
    trainer.update(0.5)
    assert trainer.model.head.weight is trainer.model.embedding.weight
    assert sum(len(group["params"]) for group in trainer.adamw.param_groups) == 3


def weights_after(trainer, steps):
    for _ in range(steps):
        trainer.update((trainer.step + 0.5) / 20)
    return [p.detach().clone() for p in trainer.model.parameters()]


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_seed_fixes_every_bit():
    ids = random_text(90)
    one, same, other = (weights_after(Trainer(TINY, ids, V, seed=s), 5) for s in (1, 1, 2))
    assert equal(one, same)
    assert not equal(one, other)


def test_a_restored_trainer_goes_on_with_the_same_bits():
    ids = random_text(200)  # 7 epochs in 20 steps
    straight = Trainer(TINY, ids, V)
    halfway = Trainer(TINY, ids, V)
    weights_after(halfway, 7)
    state = halfway.state()
    expected = weights_after(straight, 20)
    restored = Trainer(TINY, ids, V)
    restored.restore(state)
    assert (restored.step, restored.tokens) == (7, halfway.tokens)
    assert equal(weights_after(restored, 13), expected)
    for forgotten in ("step", "muon", "adamw"):  # each alone would be noticed
        wrong = Trainer(TINY, ids, V)
        fresh = Trainer(TINY, ids, V).state()
        wrong.restore({**state, forgotten: fresh[forgotten]})
        assert not equal(weights_after(wrong, 13), expected), forgotten


def test_each_step_reads_the_next_batch(monkeypatch):
    trainer, read = Trainer(TINY, random_text(90), V), []
    batch = trainer.rows.batch
    monkeypatch.setattr(trainer.rows, "batch", lambda *asked: read.append(asked) or batch(*asked))
    weights_after(trainer, 12)
    assert read == [(step, TINY.rows) for step in range(12)]


def test_a_state_of_another_shape_is_refused():
    state = Trainer(TINY, random_text(90), V).state()
    for other in (replace(TINY, width=16), replace(TINY, layers=1)):
        with pytest.raises(RuntimeError, match=r"size mismatch|Unexpected key"):
            Trainer(other, random_text(90), V).restore(state)
    with pytest.raises(RuntimeError, match="size mismatch"):
        Trainer(TINY, random_text(90), V + 1).restore(state)


def test_what_repeats_is_learned():
    trainer = Trainer(replace(TINY, context=9), np.tile([3, 1, 4, 1, 5], 40), V)
    first = trainer.update(0.01).item()
    assert_allclose(first, math.log(V), rtol=1e-5)
    for step in range(1, 150):
        trainer.update(step / 150)
    # A row may begin with a 1, and nothing tells whether 4 or 5 comes next: log 2 for 2 rows in 5.
    floor = 2 / 5 * math.log(2) / 9
    assert floor < evaluate(trainer.model, np.tile([3, 1, 4, 1, 5], 81)).loss < floor + 0.1


@pytest.mark.parametrize(
    ("ids", "size"),
    [
        ([0, 1], 2),  # two characters
        ([0] * 30, 1),  # one word, over and over: nothing to learn, nothing to break
        ([1, 0, 1], 2),  # shorter than the context
        (random_text(13), V),  # two rows for a batch of five
    ],
)
def test_small_texts_can_be_trained_on(ids, size):
    trainer = Trainer(TINY, ids, size)
    for step in range(3):
        assert trainer.update(step / 3).isfinite()
    assert all(p.isfinite().all() for p in trainer.model.parameters())
    assert trainer.tokens == 15 * min(len(ids) - 1, TINY.context)


def test_too_many_processes_are_named(monkeypatch):
    monkeypatch.setattr(training, "processes", lambda: (6, 0))
    with pytest.raises(ValueError, match="rows must be at least the number of processes, 6, got 5"):
        Trainer(TINY, random_text(90), V)


def test_rows_take_a_text_that_is_read_only():
    ids = np.arange(20)
    ids.setflags(write=False)
    inputs, _ = Rows(ids, 4).batch(0, 1)  # a warning would be an error
    assert inputs.dtype == torch.int64


@pytest.mark.parametrize(
    ("name", "value"), [("unit", "char"), ("rows", 0), ("evaluate_every", 0), ("steps", 1.5)]
)
def test_presets_that_cannot_be_are_refused(name, value):
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be"):
        replace(TINY, **{name: value})


def test_adamw_in_the_place_of_muon_moves_every_matrix(monkeypatch):
    """Queries, keys and values are a group of Muon's own, and would have stood still."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    trainer = Trainer(TINY, random_text(90), V)
    importlib.import_module("choices").adamw_everywhere(trainer)
    before = [p.detach().clone() for p in trainer.model.blocks.parameters()]
    weights_after(trainer, 3)  # what writes starts at 0: only then does every gradient arrive
    for p, old in zip(trainer.model.blocks.parameters(), before, strict=True):
        assert not torch.equal(p, old)
