"""The Transformer: causal, cached, well begun, and refusing bad input."""

import math

import numpy as np
import pytest
import torch
from excess import excess_loss
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch.nn import functional as F

from nwp import model as model_module
from nwp.grammar import END, Grammar
from nwp.model import Cache, NextWords, Transformer, drawing_distribution, norm, rotate
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
@given(
    seeds, st.lists(st.integers(1, 3), min_size=1, max_size=4), st.none() | st.integers(0, V - 1)
)
def test_cached_and_uncached_logits_are_equal(seed, pieces, boundary):
    tokens = random_tokens(seed, length=sum(pieces)) % 3  # so that boundaries abound
    model, cache = random_model(seed, boundary=boundary), Cache()
    whole, rooms = model(tokens).detach(), None
    for _ in range(2):  # the second time in what the first left there
        cache.length = 0
        cached = [model(piece, cache) for piece in tokens.split(pieces, dim=1)]
        assert_allclose(torch.cat(cached, 1).detach(), whole, rtol=0, atol=1e-12)
        assert cache.length == tokens.shape[1]
        assert [part.shape for part in cache.layers[0]] == [(3, 2, 12, 8)] * 2
        assert rooms in (None, rooms := [part.data_ptr() for part in cache.layers[1]])


def test_a_cache_takes_its_memory_once(monkeypatch):
    """Also where the context is full, and half of it is read again."""
    model, begin, made = random_model(boundary=0), Cache.__init__, []
    monkeypatch.setattr(Cache, "__init__", lambda cache: (made.append(cache), begin(cache))[1])
    rooms = set()
    for _ in model.draw(random_tokens(0, length=2), 40):
        rooms.add(tuple(part.data_ptr() for layer in made[0].layers for part in layer))
    assert len(made) == len(rooms) == 1
    assert {part.shape[2] for layer in made[0].layers for part in layer} == {12}


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


@few
@given(seeds, st.integers(1, 3), st.sampled_from([1, 2, 4]))
def test_no_part_has_a_bias_and_every_fresh_block_is_the_identity(seed, layers, heads):
    model = Transformer(V, width=16, layers=layers, heads=heads, seed=seed)
    matrices = [p for p in model.parameters() if p.ndim == 2]
    sharpness = [block.attention.sharpness for block in model.blocks]
    assert len(matrices) + len(sharpness) == len(list(model.parameters()))
    x = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(seed))
    for block in model.blocks:
        assert torch.equal(block(x, (model.cos[:5], model.sin[:5])), x)


@few
@given(seeds)
def test_adamw_without_decay_takes_the_steps_of_adam(seed):
    """The chapters say AdamW; what runs is Adam (Kingma & Ba 2015), bit for bit."""
    models = [Transformer(V, width=16, layers=1, heads=2, seed=seed) for _ in range(2)]
    kinds = (torch.optim.AdamW, torch.optim.Adam)
    optimizers = [
        kind(model.parameters(), lr=0.01, betas=(0.9, 0.95), weight_decay=0)
        for kind, model in zip(kinds, models, strict=True)
    ]
    tokens = random_tokens(seed)
    for _ in range(3):
        for model, optimizer in zip(models, optimizers, strict=True):
            optimizer.zero_grad()
            F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()).backward()
            optimizer.step()
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(one, other)


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


@few
@given(seeds, st.floats(0.1, 30))
def test_the_softcap_bends_the_logits_and_keeps_their_order(seed, cap):
    model, tokens = random_model(seed), random_tokens(seed)
    plain = model(tokens).detach()
    model.softcap = cap
    capped = model(tokens).detach()
    assert_allclose(capped, cap * np.tanh(plain.numpy() / cap), rtol=1e-12)
    assert (capped.abs() <= cap).all()
    assert (capped.abs() <= plain.abs()).all()
    assert torch.equal(model.logits(model.hidden(tokens)).detach(), capped)


@few
@given(seeds, st.integers(0, 3), st.lists(st.integers(0, 3), max_size=3))
def test_texts_in_one_row_are_read_as_each_text_alone(seed, first, others):
    """The first text has no boundary before it; the others begin with one."""
    model, cut = random_model(seed, boundary=0), V - 1
    rest = 1 + random_tokens(seed, 1, first + sum(others) + 1) % cut  # no boundary among these
    texts, at = [rest[:, : first + 1]], first + 1
    for length in others:
        texts.append(
            torch.cat([torch.zeros(1, 1, dtype=torch.int64), rest[:, at : at + length]], 1)
        )
        at += length
    row = torch.cat(texts, 1)[:, :12]
    alone = torch.cat([model(text) for text in texts], 1)[:, :12]
    assert_allclose(model(row).detach(), alone.detach(), atol=1e-5)  # angles are float32
    if len(others) and others[0]:
        model.boundary = None  # the words before the boundary are seen again
        assert not np.allclose(model(row).detach(), alone.detach(), atol=1e-5)


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


@few
@given(seeds, st.integers(1, 12), st.integers(1, 30), st.none() | st.just(0))
def test_what_is_drawn_is_what_the_model_says_of_the_words_that_it_keeps(
    seed, given, count, boundary
):
    model, tokens = random_model(seed, boundary=boundary), random_tokens(seed, 2, given) % 3
    kept = tokens
    for words, shares in model.draw(tokens, count, temperature=0.5, top_k=7, seed=seed):
        logits = model(kept)[:, -1].detach()
        expected = drawing_distribution(logits, temperature=0.5, top_k=7)
        assert_allclose(shares, expected, atol=1e-5)  # the table of angles is float32
        assert (shares.gather(1, words) > 0).all()
        full = kept.shape[1] == 12
        kept = torch.cat([kept, words], dim=1)[:, -6 if full else 0 :]
    drawn = model.generate(tokens, count, temperature=0.5, top_k=7, seed=seed)
    assert torch.equal(drawn[:, :given], tokens)
    assert torch.equal(drawn[:, -1:], words)
    assert drawn.shape == (2, given + count)


@pytest.mark.parametrize("context", [1, 2, 3])
def test_the_text_may_be_longer_than_the_context(context):
    model = random_model(context=context)
    long = random_tokens(0, length=9)
    drawn = model.generate(long, 20)
    assert torch.equal(drawn[:, :9], long)
    assert torch.equal(drawn[:, 9:], model.generate(long[:, -context:], 20)[:, context:])


# ---- the drawing distribution ----------------------------------------------------------

some_logits = st.lists(st.floats(-20, 20), min_size=1, max_size=9).map(torch.tensor)


@given(some_logits, st.floats(0.05, 20))
def test_temperature_raises_the_probabilities_to_a_power(logits, temperature):
    shares = drawing_distribution(logits, temperature=temperature)
    powers = logits.double().softmax(-1) ** (1 / temperature)
    assert_allclose(shares, powers / powers.sum(), rtol=1e-6, atol=1e-300)
    assert shares.dtype == torch.float64


def test_the_extremes_of_the_temperature():
    logits = torch.tensor([[1.0, 3.0, 2.0], [0.5, 0.5, -1e30]])
    for low in (5e-324, 1e-40, 1e-5):
        assert drawing_distribution(logits, temperature=low).tolist() == [
            [0, 1, 0],
            [0.5, 0.5, 0],
        ]
    even = drawing_distribution(logits[:1], temperature=1e300)
    assert_allclose(even, [[1 / 3] * 3])


@given(some_logits, st.integers(1, 12), st.data())
def test_top_k_and_without_leave_the_rest_in_proportion(logits, top_k, data):
    without = data.draw(st.sets(st.integers(0, len(logits) - 1), max_size=len(logits) - 1))
    before = logits.clone()
    shares = drawing_distribution(logits, top_k=top_k, without=list(without))
    assert torch.equal(logits, before)
    assert_allclose(shares.sum(), 1, rtol=1e-12)
    kept = [i for i in range(len(logits)) if shares[i] > 0]
    assert len(kept) == min(top_k, len(logits) - len(without))
    assert not without & set(kept)
    others = set(range(len(logits))) - without - set(kept)
    assert all(logits[i] >= logits[j] for i in kept for j in others)
    alone = logits[kept].double().softmax(-1)
    assert_allclose(shares[kept], alone, rtol=1e-12)


def test_top_k_draws_no_more_than_k_where_all_are_equal():
    assert (drawing_distribution(torch.zeros(5), top_k=2) > 0).sum() == 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"temperature": 0.0}, ValueError, "temperature must be above 0 and finite, got 0.0"),
        ({"temperature": math.nan}, ValueError, "temperature must be above 0 and finite, got nan"),
        ({"temperature": math.inf}, ValueError, "temperature must be above 0 and finite, got inf"),
        ({"top_k": 0}, ValueError, "top_k must be at least 1, got 0"),
        ({"top_k": 1.5}, TypeError, "top_k must be an integer, got 1.5"),
        ({"without": [0, 1, 2, 1]}, ValueError, "without must leave a word, got all 3"),
        ({"without": [3]}, ValueError, r"without must be word ids in \[0, 3\), got 3"),
        ({"without": [-1]}, ValueError, r"without must be word ids in \[0, 3\), got -1"),
    ],
)
def test_bad_drawing_is_named(options, error, message):
    with pytest.raises(error, match=message):
        drawing_distribution(torch.zeros(3), **options)


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
    assert_allclose(excess_loss(grammar, fresh), math.log(3) - grammar.entropy_rate(), rtol=1e-6)


def test_an_unknown_word_is_named(speaker):
    with pytest.raises(ValueError, match="words must be in the vocabulary, got 'x'"):
        speaker.next_word_distribution(["a", "x"])


def test_sentences_end_with_the_boundary_or_are_cut(speaker):
    sentences = speaker.sentences(200, at_most=6, seed=3)
    assert (
        sentences
        == speaker.sentences(200, at_most=6, seed=3)
        != speaker.sentences(200, at_most=6, seed=4)
    )
    assert {len(words) for words in sentences} <= set(range(1, 7))
    assert all(END not in words[:-1] for words in sentences)
    assert any(words[-1] != END for words in sentences)
    assert all(len(words) == 6 for words in sentences if words[-1] != END)
    start = torch.from_numpy(speaker.vocabulary.ids([END])).repeat(200, 1)
    drawn = speaker.model.generate(start, 6, seed=3)[:, 1:].tolist()
    for words, ids in zip(sentences, drawn, strict=True):
        assert speaker.vocabulary.ids(words).tolist() == ids[: len(words)]
    first = sum(words == [END] for words in sentences) / 200
    assert abs(first - speaker.next_word_distribution([])[END]) < 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [({"count": 0, "at_most": 3}, "count must"), ({"count": 2, "at_most": 0}, "at_most must")],
)
def test_no_sentence_is_not_drawn(speaker, options, message):
    with pytest.raises(ValueError, match=message):
        speaker.sentences(**options)


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
        ({"softcap": 0.0}, ValueError, "softcap must be above 0 and finite, got 0.0"),
        ({"softcap": math.inf}, ValueError, "softcap must be above 0 and finite"),
        ({"boundary": V}, ValueError, r"boundary must be a word id in \[0, 11\), or None, got 11"),
        ({"boundary": -1}, ValueError, r"boundary must be a word id in \[0, 11\), or None, got -1"),
        ({"boundary": "."}, TypeError, "boundary must be an integer, got '.'"),
    ],
)
def test_bad_sizes_are_named(options, error, message):
    with pytest.raises(error, match=message):
        Transformer(**{"vocabulary_size": V} | options)


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        (torch.zeros(1, 3), TypeError, "int64 or int32 integers, got torch.float32"),
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
    model, cache = random_model(), Cache()
    model(random_tokens(0, length=12), cache)
    with pytest.raises(ValueError, match="fit the context of 12 words, got 13"):
        model(random_tokens(0, length=1), cache)
    assert cache.length == 12
    with pytest.raises(ValueError, match="count must be at least 0, got -1"):
        model.generate(random_tokens(0), -1)


def test_words_that_cannot_be_drawn_are_counted_once():
    shares = drawing_distribution(torch.zeros(3), without=torch.tensor([1, 1, 1]))
    assert shares.tolist() == [0.5, 0.0, 0.5]
    with pytest.raises(ValueError, match="must leave a word"):
        drawing_distribution(torch.zeros(3), without=(i for i in range(3)))


@pytest.mark.parametrize("logits", [[0.0, -math.inf], [0.0, math.nan], [0.0, math.inf]])
def test_rows_without_a_word_to_draw_are_refused(logits):
    with pytest.raises(ValueError, match="logits must have a finite maximum"):
        drawing_distribution(torch.tensor(logits), without=[0])


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_are_those_that_pytorch_takes(seed):
    with pytest.raises(ValueError, match="seed must be"):
        Transformer(V, width=8, heads=2, context=4, seed=seed)
    with pytest.raises(ValueError, match="seed must be"):
        random_model().generate(random_tokens(0), 1, seed=seed)


def test_tokens_are_rows_of_integers_in_a_tensor():
    model = random_model()
    for bad in ([[1, 2]], np.array([[1, 2]])):
        with pytest.raises(TypeError, match="tokens must be a tensor"):
            model(bad)
    with pytest.raises(TypeError, match=r"int64 or int32 .* got torch.int16"):
        model(torch.tensor([[1]], dtype=torch.int16))
    with pytest.raises(ValueError, match="tokens must have the shape"):
        model.generate(torch.tensor([1]), 1)
