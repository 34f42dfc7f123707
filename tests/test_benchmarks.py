"""The programs of benchmarks/ measure what they say, at sizes of a second."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional as F

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
import choices  # noqa: E402
import loss  # noqa: E402
import nanogpt  # noqa: E402
import parts  # noqa: E402
import recording  # noqa: E402
import training  # noqa: E402

from lab.presets import PRESETS  # noqa: E402
from lab.training import Trainer, evaluate  # noqa: E402

RECIPE = nanogpt.Recipe(
    layers=1, heads=2, width=8, context=16, rows=4, steps=6, dropout=0.0, warmup=2
)
PRESET = replace(
    PRESETS["cpu"], layers=1, heads=2, width=8, context=16, rows=2, steps=12, warmup=0.3
)
PAIRS = [(training, model) for training in training.TRIED for model in ("nanoGPT", "the book")]


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Nanogpt's setting and the book's preset, a thousand times smaller, on a text of our own."""
    text = tmp_path / "text.txt"
    text.write_text("the sun shines, and the moon follows the sun; " * 40)
    monkeypatch.setitem(nanogpt.RECIPES, "cpu", RECIPE)
    monkeypatch.setitem(PRESETS, "cpu", PRESET)
    monkeypatch.setattr(training, "CORPUS", str(text))
    training.read.cache_clear()
    yield str(text)
    training.read.cache_clear()


@pytest.mark.parametrize(("whose", "model"), PAIRS)
def test_each_training_teaches_each_model(small, whose, model):
    done = training.run(training.Job(whose, model, 1.0, 6 * 64, seed=0), "cpu", "cpu", False)
    assert [look["tokens"] for look in done["curve"]] == [2 * 64, 4 * 64, 6 * 64]
    first, last = done["curve"][0], done["curve"][-1]
    assert last["first"] < first["first"]
    assert last["second"] < first["second"]
    again = training.run(training.Job(whose, model, 1.0, 6 * 64, seed=0), "cpu", "cpu", False)
    other = training.run(training.Job(whose, model, 1.0, 6 * 64, seed=1), "cpu", "cpu", False)
    assert done == again
    assert done["curve"] != other["curve"]


def test_the_rate_is_the_only_difference_of_trials(small):
    low, high = (
        training.run(training.Job("nanoGPT", "nanoGPT", rate, 6 * 64, 0), "cpu", "cpu", False)
        for rate in (0.5, 2.0)
    )
    assert low["curve"] != high["curve"]
    assert {key for key in low if low[key] != high[key]} == {"rate", "curve"}


def test_the_loss_is_that_of_the_package(small):
    text = training.read("cpu")
    model = PRESET.model(len(text.vocabulary), boundary=None)
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(0))
    found = training.exact_loss(model, text.validation, PRESET.context, "cpu")
    assert_allclose(found, evaluate(model, text.validation).loss, rtol=1e-6)


def test_nanogpts_rate_rises_and_falls_by_a_cosine():
    recipe = replace(RECIPE, steps=102, warmup=2, peak=3.0)
    assert_allclose([recipe.rate(step) for step in (0, 1, 2, 52)], [1.0, 2.0, 3.0, 3 * 0.55])
    assert_allclose(recipe.rate(101), 3 * 0.1, rtol=3e-3)


def test_nanogpts_step_is_adamw_after_clipping(small):
    text = training.read("cpu")
    ids = torch.from_numpy(text.train)
    taught = nanogpt.Restated(RECIPE, len(text.vocabulary), seed=0)
    by_hand = nanogpt.Restated(RECIPE, len(text.vocabulary), seed=0)
    theirs = nanogpt.TheirTraining(RECIPE, ids, taught, seed=0, device="cpu")
    matrices = [p for p in by_hand.parameters() if p.ndim == 2]
    gains = [p for p in by_hand.parameters() if p.ndim == 1]
    assert len(matrices) + len(gains) == len(list(by_hand.parameters()))
    assert gains
    adamw = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}],
        betas=(0.9, 0.99),
    )
    generator = torch.Generator().manual_seed(0)
    for step in range(3):
        theirs.update()
        starts = torch.randint(len(ids) - 16, (4, 1), generator=generator)
        rows = ids[starts + torch.arange(17)]
        adamw.zero_grad()
        F.cross_entropy(by_hand(rows[:, :-1]).mT, rows[:, 1:]).backward()
        norm = torch.cat([p.grad.flatten() for p in by_hand.parameters()]).norm()
        for weight in by_hand.parameters():
            weight.grad *= min(1.0, 1 / norm)
        for group in adamw.param_groups:
            group["lr"] = RECIPE.rate(step)
        adamw.step()
    assert theirs.tokens == 3 * 4 * 16
    for one, other in zip(taught.parameters(), by_hand.parameters(), strict=True):
        assert_allclose(one.detach(), other.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", parts.REPLACED)
def test_a_replaced_part_changes_the_model_and_nothing_before_it_is_causal(small, name):
    words = 11
    tokens = torch.randint(words, (3, 16), generator=torch.Generator().manual_seed(0))
    plain, changed = (PRESET.model(words, boundary=None, seed=0) for _ in range(2))
    parts.REPLACED[name](changed, 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # at the start nothing is written, and nothing would show
        for model in (plain, changed):
            generator.manual_seed(1)
            for block in model.blocks:
                for weight in (block.attention.out.weight, block.down.weight):
                    weight.normal_(std=0.3, generator=generator)
            model.head.weight.normal_(generator=generator)
    ours, theirs = plain(tokens), changed(tokens)
    assert (ours - theirs).abs().max() > 1e-3
    later = tokens.clone()
    later[:, 9:] = (later[:, 9:] + 1) % words
    assert_allclose(changed(later)[:, :9].detach(), theirs[:, :9].detach(), atol=1e-6)
    assert (changed(later)[:, 9:] - theirs[:, 9:]).abs().max() > 1e-3


def test_learned_positions_take_the_place_of_the_turn():
    model = PRESET.model(5, boundary=None, seed=0)
    parts.learned_positions(model, 0)
    assert (model.cos == 1).all()
    assert (model.sin == 0).all()
    here, there = model.embedding(torch.tensor([[2, 2]]))[0]
    positions = model.embedding.positions.weight
    assert_allclose((here - there).detach(), (positions[0] - positions[1]).detach(), atol=1e-6)


def test_attention_without_norm_is_the_textbooks():
    model = PRESET.model(5, boundary=None, seed=0)
    parts.unnormed_attention(model, 0)
    attention = model.blocks[0].attention
    torch.nn.init.eye_(attention.out.weight)
    x = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0))
    still = torch.ones(4, 2), torch.zeros(4, 2)
    found = attention(x, still)
    q, k, v = attention.qkv(x)[0].chunk(3, dim=-1)
    for head in (slice(0, 4), slice(4, 8)):
        scores = q[:, head] @ k[:, head].T / 4**0.5
        scores = scores.masked_fill(torch.ones(4, 4).triu(1).bool(), -torch.inf)
        wanted = scores.softmax(-1) @ v[:, head]
        assert_allclose(found[0, :, head].detach(), wanted.detach(), atol=1e-6)


def test_runs_that_are_there_are_not_repeated(small, tmp_path, monkeypatch):
    head = {"commit": "c", "versions": {}, "size": "cpu", "tokens": 6 * 64}
    job = training.Job("nanoGPT", "nanoGPT", 1.0, 6 * 64, 0)
    recording.write(tmp_path / "race.json", head | {"runs": [{**vars(job), "curve": ["kept"]}]})
    record = training.Record(tmp_path / "race.json", head)

    def never(*_):
        raise AssertionError("the run was there")

    monkeypatch.setattr(training, "run", never)
    arguments = type("Arguments", (), {"at_once": 1, "size": "cpu", "device": "cpu"})
    assert record.complete([job], arguments)[0]["curve"] == ["kept"]
    with pytest.raises(SystemExit, match="another version or setting"):
        training.Record(tmp_path / "race.json", head | {"commit": "d"})


def test_every_variant_leaves_out_what_it_says(small):
    variants = choices.variants("cpu", PRESET)
    changed = {
        name: {field for field in vars(PRESET) if getattr(preset, field) != getattr(PRESET, field)}
        for name, (preset, _) in variants.items()
    }
    rates = {"muon_rate", "adam_rate"}
    assert changed["all choices"] == changed["clipped gradients"] == set()
    assert changed["no soft cap"] == {"softcap"}
    assert changed["no warm-up"] == {"warmup"}
    assert changed["no decay, rates x 1"] == {"decay"}
    assert changed["no decay, rates x 0.5"] == {"decay"} | rates
    assert changed["tied head, rates x 1"] == {"tied"}
    assert changed["AdamW for all, rate 0.002"] == {"muon_rate"}
    ends = {
        name: choices.end_of(small, "cpu", PRESET, name, seed=0)
        for name in variants
        if "rate" not in name and name != "clipped gradients"  # these are small already
    }
    assert len(set(ends.values())) == len(ends) == 5


def test_clipping_comes_before_both_steps(small):
    text = training.read("cpu")
    trainer = Trainer(PRESET, text.train, len(text.vocabulary))
    choices.clipped(trainer)
    for weight in trainer.model.parameters():
        weight.grad = torch.full_like(weight, 3.0)
    trainer.muon.step()
    whole = torch.cat([weight.grad.flatten() for weight in trainer.model.parameters()])
    assert_allclose(whole.norm(), 1.0, rtol=1e-5)
    assert_allclose(whole, whole[0])  # shorter, in the same direction


def test_pytorchs_own_loss_is_tried_in_pieces():
    hidden, weight, targets = loss.make_inputs(loss.Preset(12, 8, 20), seed=0)
    wanted = F.cross_entropy(hidden @ weight.T, targets).item()
    for name, peer in loss.PEERS.items():
        if name.startswith("F.linear") and hasattr(F, "linear_cross_entropy"):
            assert_allclose(peer((hidden, weight, targets))().item(), wanted, rtol=1e-5)
    assert sum(name.endswith(" rows") for name in loss.PEERS) == len(loss.CHUNK_ROWS)
