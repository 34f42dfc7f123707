"""The Transformer: causal, cached, well begun, and refusing bad input."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch.nn import functional as F

from nwp import model as model_module
from nwp.grammar import END, Grammar
from nwp.model import NextWords, Transformer, norm, rotate
from nwp.text import Vocabulary

V = 11
seeds = st.integers(0, 2**31)
few = settings(max_examples=20)  # each builds a model


def random_model(seed=0, **options):
    """A small model in float64 whose weights are all random: no zero can hide a mistake."""
    model = Transformer(V, **{"width": 16, "layers": 2, "heads": 2, "context": 12} | options)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(0.5 * torch.randn(weight.shape, generator=generator))
    return model.double()


def random_tokens(seed, rows=3, length=9):
    return torch.randint(V, (rows, length), generator=torch.Generator().manual_seed(seed))


# ---- the Transformer -------------------------------------------------------------------


@few
@given(seeds, st.integers(1, 8))
def test_no_word_changes_what_stands_before_it(seed, at):
    model, tokens = random_model(seed), random_tokens(seed)
    other = tokens.clone()
    other[:, at] = (tokens[:, at] + 1) % V
    before, after = model(tokens), model(other)
    assert torch.equal(before[:, :at], after[:, :at])  # bit for bit
    assert (before[:, at] != after[:, at]).any()
    assert (before[:, -1] != after[:, -1]).any()  # and everything after it may see it


@few
@given(seeds, st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_cached_and_uncached_logits_are_equal(seed, pieces):
    tokens = random_tokens(seed, length=sum(pieces))
    model, cache = random_model(seed), []
    cached = [model(piece, cache) for piece in tokens.split(pieces, dim=1)]
    assert_allclose(torch.cat(cached, 1).detach(), model(tokens).detach(), rtol=0, atol=1e-12)
    assert len(cache) == 2
    assert cache[0][0].shape == (3, 2, tokens.shape[1], 8)


def test_the_transformer_by_hand():
    """The same formulas, one head and one word at a time, without torch's attention."""
    model, tokens = random_model(3), random_tokens(3, rows=1, length=5)

    def unit(x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + torch.finfo(x.dtype).eps)

    x = unit(model.embedding.weight[tokens[0]])
    for block in model.blocks:
        attention = block.attention
        q, k, v = attention.qkv(unit(x)).chunk(3, dim=-1)
        read = torch.zeros_like(x)
        for head in range(2):
            mine = slice(8 * head, 8 * head + 8)
            for i in range(5):
                scores, values = [], []
                for j in range(i + 1):
                    turned = []
                    for vector, at in ((q[i, mine], i), (k[j, mine], j)):
                        pairs = torch.complex(vector[:4].contiguous(), vector[4:].contiguous())
                        angles = at * 10_000.0 ** -(torch.arange(4, dtype=torch.float64) / 3)
                        pairs = pairs * torch.polar(torch.ones(4, dtype=torch.float64), angles)
                        turned.append(torch.cat([pairs.real, pairs.imag]))
                    cosine = F.cosine_similarity(turned[0], turned[1], dim=0)
                    scores.append(attention.sharpness[head, 0, 0] * cosine)
                    values.append(v[j, mine])
                read[i, mine] = torch.softmax(torch.stack(scores), 0) @ torch.stack(values)
        x = x + read @ attention.out.weight.T
        x = x + torch.relu(unit(x) @ block.up.weight.T) ** 2 @ block.down.weight.T
    assert_allclose((unit(x) @ model.head.weight.T).detach(), model(tokens)[0].detach(), atol=1e-5)


@few
@given(seeds, st.integers(0, 5))
def test_rotary_products_depend_on_the_distance_alone(seed, by):
    generator = torch.Generator().manual_seed(seed)
    q, k = torch.randn(2, 1, 8, dtype=torch.float64, generator=generator)
    model = random_model()
    turn = [(model.cos[i : i + 1], model.sin[i : i + 1]) for i in range(12)]
    at = [rotate(q, *turn[5 + shift]) @ rotate(k, *turn[2 + shift]).T for shift in (0, by)]
    assert_allclose(*at, atol=1e-5)  # the table of angles is float32
    assert_allclose(rotate(q, *turn[7]).norm(), q.norm(), rtol=1e-6)


def test_a_fresh_model_pays_log_v_and_every_block_begins_as_the_identity():
    model, tokens = Transformer(V), random_tokens(0)
    assert torch.equal(model(tokens), torch.zeros(3, 9, V))
    loss = F.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten())
    assert_allclose(loss.item(), math.log(V), rtol=1e-6)
    assert_allclose(model.hidden(tokens).detach(), norm(norm(model.embedding(tokens))).detach())
    wide = Transformer(V, width=512, heads=4)
    assert_allclose(wide.blocks[0].attention.sharpness.detach(), 128**0.5)  # 1 / sqrt(size)
    assert_allclose(wide.blocks[0].up(torch.randn(64, 512)).std().item(), 1, rtol=0.1)
    assert_allclose(wide.embedding.weight.std().item(), 1, rtol=0.1)


def test_the_seed_fixes_the_weights():
    weights = [Transformer(V, seed=seed).blocks[1].up.weight for seed in (1, 1, 2)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_tied_weights_are_one_tensor_and_begin_near_log_v():
    model, tokens = Transformer(V, tied=True), random_tokens(0)
    assert model.head.weight is model.embedding.weight
    apart = sum(p.numel() for p in Transformer(V).parameters())
    assert sum(p.numel() for p in model.parameters()) == apart - V * 64
    logits = model(tokens).detach()
    assert_allclose(logits.gather(2, tokens[..., None]), 1, atol=0.3)  # of the word itself
    assert abs(logits.mean() - 1 / V) < 0.1


@pytest.mark.parametrize("tied", [False, True])
def test_every_weight_learns(tied):
    model = Transformer(V, width=16, layers=1, heads=2, tied=tied)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0)
    start = [p.detach().clone() for p in model.parameters()]
    tokens = random_tokens(1)
    for _ in range(25):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        optimizer.step()
    for old, new in zip(start, model.parameters(), strict=True):
        assert not torch.equal(old, new)
    assert loss < 0.9 * math.log(V)


def test_the_head_reads_hidden():
    model, tokens = random_model(), random_tokens(0)
    hidden = model.hidden(tokens)
    assert hidden.shape == (3, 9, 16)
    assert torch.equal(hidden @ model.head.weight.T, model(tokens))


def test_generated_words_follow_the_models_distribution_and_the_seed():
    model = random_model(1)
    start = torch.zeros(4000, 1, dtype=torch.int64)
    drawn = model.generate(start, 2, seed=3)
    assert drawn.shape == (4000, 3)
    assert torch.equal(drawn, model.generate(start, 2, seed=3))
    assert not torch.equal(drawn, model.generate(start, 2, seed=4))
    first = model(start[:1])[0, 0].softmax(0)
    assert_allclose(np.bincount(drawn[:, 1], minlength=V) / 4000, first.detach(), atol=0.035)
    word = int(drawn[:, 1].mode().values)
    rows = drawn[drawn[:, 1] == word]
    second = model(rows[:1, :2])[0, 1].softmax(0)  # both words are read
    shares = np.bincount(rows[:, 2], minlength=V) / len(rows)
    assert_allclose(shares, second.detach(), atol=0.07)
    assert torch.equal(model.generate(start[:2], 0), start[:2])


# ---- in words --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def speaker():
    vocabulary = Vocabulary([END, *"abcdefghij"], unknown=None)
    return NextWords(random_model(2), vocabulary)


def test_words_are_answered_one_by_one_as_in_batches(speaker, monkeypatch):
    prefixes = [(), ("a",), ("b", "a", "c"), ("j",), ("a", "a")]
    together = speaker.probabilities(prefixes)
    monkeypatch.setattr(model_module, "BATCH", 2)
    assert_allclose(speaker.probabilities(iter(prefixes)), together, atol=1e-14)
    for prefix, row in zip(prefixes, together, strict=True):
        answer = speaker.next_word_distribution(prefix)
        assert list(answer) == list(speaker.vocabulary.words)
        assert_allclose(list(answer.values()), row, atol=1e-14)
        ids = torch.from_numpy(speaker.vocabulary.ids([END, *prefix]))[None]
        direct = speaker.model(ids)[0, -1].softmax(0)
        assert_allclose(row, direct.detach(), atol=1e-14)
    assert speaker.probabilities([]).shape == (0, V)


def test_a_transformer_is_a_model_for_the_grammar():
    grammar = Grammar({"start": [("a", 0.5, "A"), ("b", 0.5, "A")], "A": [(END, 1.0, "start")]})
    vocabulary = Vocabulary(grammar.words, unknown=None)
    fresh = NextWords(Transformer(len(vocabulary)), vocabulary)
    assert_allclose(grammar.excess_loss(fresh), math.log(3) - grammar.entropy_rate(), rtol=1e-6)


def test_an_unknown_word_is_named(speaker):
    with pytest.raises(ValueError, match="words must be in the vocabulary, got 'x'"):
        speaker.next_word_distribution(["a", "x"])


# ---- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"vocabulary_size": 0}, ValueError, "vocabulary_size must be at least 1, got 0"),
        ({"vocabulary_size": 2.5}, TypeError, "vocabulary_size must be an integer, got 2.5"),
        (
            {"width": 12, "heads": 4},
            ValueError,
            "width must be a multiple of 2 × heads = 8, got 12",
        ),
        ({"width": 0}, ValueError, "width must be at least 2, got 0"),
        ({"layers": 0}, ValueError, "layers must be at least 1, got 0"),
        ({"heads": 0}, ValueError, "heads must be at least 1, got 0"),
        ({"context": 0}, ValueError, "context must be at least 1, got 0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_bad_sizes_are_named(options, error, message):
    with pytest.raises(error, match=message):
        Transformer(**{"vocabulary_size": V} | options)


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        (torch.zeros(1, 3), TypeError, "tokens must be integers, got torch.float32"),
        (torch.tensor([1, 2]), ValueError, r"tokens must have the shape \(B, T\), got \(2,\)"),
        (torch.zeros(2, 0, dtype=torch.int64), ValueError, r"shape \(B, T\), got \(2, 0\)"),
        (torch.tensor([[0, V]]), ValueError, r"tokens must be word ids in \[0, 11\), got 11"),
        (torch.tensor([[0, -1]]), ValueError, r"tokens must be word ids in \[0, 11\), got -1"),
        (random_tokens(0, length=13), ValueError, "fit the context of 12 words, got 13"),
    ],
)
def test_bad_tokens_are_named(tokens, error, message):
    with pytest.raises(error, match=message):
        random_model()(tokens)


def test_a_full_cache_is_an_error_and_stays_as_it_was():
    model, cache = random_model(), []
    model(random_tokens(0, length=12), cache)
    with pytest.raises(ValueError, match="fit the context of 12 words, got 13"):
        model(random_tokens(0, length=1), cache)
    assert cache[0][0].shape[2] == 12
    with pytest.raises(ValueError, match="count must be at least 0, got -1"):
        model.generate(random_tokens(0), -1)
