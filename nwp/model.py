r"""A model of the next word: a small modern Transformer.

Shared ground of chapters 7 and 8. The `Transformer` maps ids to logits, one row for each
position, and sees at each position only what stands before it. `NextWords` lets it speak in
words: it answers `next_word_distribution(prefix)`, as `nwp.grammar` does.

Sources: Jurafsky & Martin, *Speech and Language Processing*, draft of 3 February 2024 (SLP3),
chapter 10, and Vaswani et al. (2017), "Attention is all you need", from whose decoder this one
differs: rotary positions (Su et al. 2021, "RoFormer"), root-mean-square norms (Zhang & Sennrich
2019) before each layer (Xiong et al. 2020), normed queries and keys (Henry et al. 2020), the
squared ReLU (So et al. 2021, "Primer"), no biases, and what writes starts at 0 (Zhang, Dauphin &
Ma 2019, "Fixup"). Each is explained where it is made.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from nwp import checks
from nwp.grammar import END
from nwp.text import Vocabulary

ROTARY_BASE = 10_000.0  # the slowest pair of coordinates turns once in about 60,000 words
BATCH = 4096  # prefixes that are read at once
Pair = tuple[Tensor, Tensor]


class Cache:
    """What a model has read of some rows, so that it need not read it again.

    An empty one is given to `Transformer` with the first words, and again with those that follow.
    All of its memory is taken at the first words, for as many as the context holds.

    Attributes
    ----------
    length : how many words of each row are in it; set to 0, it is begun anew in the same memory
    """

    def __init__(self) -> None:
        self.length = 0
        self.layers: list[Pair] = []  # keys and values, each (B, heads, context, width / heads)
        self.text = torch.empty(0)  # (B, context) numbers of texts, where the model has a boundary


def norm(x: Tensor) -> Tensor:
    """RMS norm without a gain: no mean to subtract, and nothing to learn."""
    return F.rms_norm(x, (x.shape[-1],))


class Attention(nn.Module):
    """Causal self-attention of `heads` heads; sizes are those that `checks.model_sizes` let pass.

    *Rotary positions* (Su et al. 2021): queries and keys are turned by an angle that grows with
    the position, so that their product depends on the distance of two words and no table of
    positions is learned. *Query-key norm* (Henry et al. 2020): the scores are cosines times a
    learned sharpness; however large the vectors become, they alone cannot make the attention all
    or nothing.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.sharpness = nn.Parameter(torch.full((heads, 1, 1), (width / heads) ** 0.5))

    def forward(
        self, x: Tensor, turn: Pair, known: list[Tensor] | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Map (B, T, width) to the same; `known` keys and values end with room for the T new."""
        q, k, v = (  # each (B, heads, T, width / heads)
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        q, k = norm(rotate(q, *turn)), norm(rotate(k, *turn))
        if known is not None:
            for room, new in zip(known, (k, v), strict=True):
                room[:, :, -x.shape[1] :] = new
            k, v = known
        y = F.scaled_dot_product_attention(
            q * self.sharpness,
            k,
            v,
            attn_mask=mask,
            is_causal=mask is None and k.shape[2] == q.shape[2],
            scale=1 / q.shape[-1],
        )
        return cast(Tensor, self.out(y.transpose(1, 2).flatten(2)))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs of coordinates (i, i + half) of (..., T, size) by the angles of each row."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Block(nn.Module):
    """Attention, then a layer for each word alone; both add to what they read.

    *Norm first* (Xiong et al. 2020): the sum itself is never rescaled, and gradients reach
    every layer. *Squared ReLU* (So et al. 2021, who report faster learning): two matrices
    where SwiGLU needs three.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(
        self, x: Tensor, turn: Pair, known: list[Tensor] | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Map (B, T, width) to the same; the rest is as in `Attention`."""
        x = x + self.attention(norm(x), turn, known, mask)
        return x + cast(Tensor, self.down(F.relu(self.up(norm(x))).square()))


class Transformer(nn.Module):
    """A decoder-only Transformer: ids → logits of the next word.

    Parameters
    ----------
    vocabulary_size : number of words V
    width : numbers per word and layer; a multiple of 2 × `heads`
    layers, heads : how many blocks, and how many attention heads in each
    context : the longest sequence it can read, in words
    tied : whether the embedding is also the head. It saves V × width numbers, which matters
        for a large vocabulary and a narrow model.
    softcap : if given, the logits are ``softcap * tanh(logits / softcap)``: no word can be
        called certain before the others are learned. A number, not learned itself.
    boundary : if given, the id of the word that begins a text of its own. What follows it sees
        nothing of what stands before it, so that many short texts can be read in one row.
    seed : fixes the initial weights

    Raises
    ------
    TypeError, ValueError
        Where a size is not a positive integer, `width` cannot be divided so, `softcap` is not above
        0, or `boundary` is no word.
    """

    cos: Tensor  # the buffers, the rotary angles of each position
    sin: Tensor

    def __init__(
        self,
        vocabulary_size: int,
        *,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        context: int = 64,
        tied: bool = False,
        softcap: float | None = None,
        boundary: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        size = checks.integer("vocabulary_size", vocabulary_size, at_least=1)
        checks.model_sizes(width, layers, heads, context, tied, softcap)
        if boundary is not None and not 0 <= checks.integer("boundary", boundary) < size:
            raise ValueError(f"boundary must be a word id in [0, {size}), or None, got {boundary}")
        self.context, self.softcap, self.boundary = int(context), softcap, boundary
        self.embedding = nn.Embedding(size, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.head = nn.Linear(width, size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        speeds = ROTARY_BASE ** -torch.linspace(0, 1, width // heads // 2)
        angles = torch.arange(context)[:, None] * speeds
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self._initialize(tied, seed)

    def _initialize(self, tied: bool, seed: int) -> None:
        """Start at the loss log V with every block the identity, so that none has to be undone.

        What reads gets variance 1 / width, which keeps the size of its input; what writes back
        (`out`, `down`, the head) starts at 0. The size of the embedding does not matter for
        reading, as it is normed; tied, it is also the head, and so small that the logit of the
        word just read, the only large one at first, is about 1.
        """
        generator = torch.Generator().manual_seed(checks.seed(seed))
        width = self.embedding.embedding_dim
        nn.init.zeros_(self.head.weight)
        nn.init.normal_(self.embedding.weight, std=1 / width if tied else 1.0, generator=generator)
        for block in cast("Iterable[Block]", self.blocks):
            for reads in (block.attention.qkv, block.up):
                nn.init.normal_(reads.weight, std=width**-0.5, generator=generator)
            for writes in (block.attention.out, block.down):
                nn.init.zeros_(writes.weight)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Return (B, T, V) logits: row t predicts word t + 1, from the words up to t."""
        return self.logits(self.hidden(tokens, cache))

    def logits(self, hidden: Tensor) -> Tensor:
        """Return (..., V) logits for (..., width) that `hidden` gave."""
        checks.instance("hidden", hidden, Tensor)
        width = self.embedding.embedding_dim
        if hidden.ndim == 0 or hidden.shape[-1] != width:
            raise ValueError(f"hidden must be (..., {width}), got the shape {tuple(hidden.shape)}")
        logits: Tensor = self.head(hidden)
        if self.softcap is None:
            return logits
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # tanh costs digits
        return self.softcap * (logits / self.softcap).tanh()

    def hidden(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Return (B, T, width), what the head reads; for losses that never hold all logits.

        Parameters
        ----------
        tokens : (B, T) ids; with a cache, only the words that are new
        cache : an empty `Cache` at first; it is filled, and given back with the next words

        Raises
        ------
        TypeError, ValueError
            Where `tokens` are not integers of this shape in [0, V), or too many, or `cache` is
            not of this model and as many rows.
        """
        _check_tokens(tokens, self.embedding.num_embeddings)
        start = 0 if cache is None else self._length(cache, len(tokens))
        new, end = tokens.shape[1], start + tokens.shape[1]
        if end > self.context:
            raise ValueError(f"tokens must fit the context of {self.context} words, got {end}")
        turn = self.cos[start:end], self.sin[start:end]
        mask = None
        if self.boundary is not None:
            text = (tokens == self.boundary).cumsum(dim=1)  # number of the text of each word
            if cache is not None:
                cache.text[:, start:end] = text + (cache.text[:, start - 1 : start] if start else 0)
                text = cache.text[:, :end]
            mask = (text[:, None, start:, None] == text[:, None, None, :]).tril(start)
        elif start and new > 1:  # the new word i may look at i of the new ones and all the old
            mask = torch.ones(new, end, dtype=torch.bool, device=tokens.device).tril(start)
        x = norm(self.embedding(tokens))
        if torch.is_autocast_enabled(x.device.type):  # as wide as what is added to it
            x = x.to(torch.get_autocast_dtype(x.device.type))
        for i, block in enumerate(self.blocks):
            known = None if cache is None else [part[:, :, :end] for part in cache.layers[i]]
            x = block(x, turn, known, mask)
        if cache is not None:
            cache.length = end
        return norm(x)

    def _length(self, cache: Cache, rows: int) -> int:
        """Return how many words are in a cache of this model and so many rows; make one of it."""
        checks.instance("cache", cache, Cache)
        weight, heads = self.head.weight, cast(Block, self.blocks[0]).attention.heads
        shape = (rows, heads, self.context, weight.shape[1] // heads)
        if not cache.layers:
            cache.layers = [(weight.new_empty(shape), weight.new_empty(shape)) for _ in self.blocks]
            cache.text = weight.new_empty((rows, self.context), dtype=torch.int64)
        if len(cache.layers) != len(self.blocks) or cache.layers[0][0].shape != shape:
            raise ValueError(
                f"cache must be empty, or what this model read of {rows} rows, got one of"
                f" {len(cache.layers)} layers of the shape {tuple(cache.layers[0][0].shape)}"
            )
        return cache.length

    @torch.no_grad()
    def generate(
        self,
        tokens: Tensor,
        count: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        without: Sequence[int] = (),
        seed: int = 0,
    ) -> Tensor:
        """Continue (B, T) ids by `count` words drawn one by one: (B, T + count). See `draw`."""
        drawn = self.draw(
            tokens, count, temperature=temperature, top_k=top_k, without=without, seed=seed
        )
        return torch.cat([tokens, *(words for words, _ in drawn)], dim=1)

    @torch.no_grad()
    def draw(
        self,
        tokens: Tensor,
        count: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        without: Sequence[int] = (),
        seed: int = 0,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Continue (B, T) ids: yield `count` times (B, 1) words and the (B, V) shares behind them.

        `temperature`, `top_k` and `without` are those of `drawing_distribution`. Where the context
        is full, the last half of it is read again, and the rest forgotten.
        """
        size = self.embedding.num_embeddings
        count = checks.integer("count", count, at_least=0)
        _check_tokens(tokens, size)
        _checked_drawing(size, temperature, top_k, without)  # also where no word is drawn
        generator = torch.Generator(tokens.device).manual_seed(checks.seed(seed))
        cache = Cache()
        new = tokens[:, -self.context :]
        for _ in range(count):
            logits = self(new, cache)[:, -1]
            shares = drawing_distribution(
                logits, temperature=temperature, top_k=top_k, without=without
            )
            new = torch.multinomial(shares, 1, generator=generator)
            yield new, shares
            tokens = torch.cat([tokens, new], dim=1)[:, -self.context :]
            if cache.length == self.context:
                cache.length, new = 0, tokens[:, -max(1, self.context // 2) :]


def _check_tokens(tokens: Tensor, size: int) -> None:
    if not isinstance(tokens, Tensor):
        raise TypeError(f"tokens must be a tensor, got {type(tokens).__name__}")
    if tokens.dtype not in (torch.int64, torch.int32):
        raise TypeError(f"tokens must be int64 or int32 integers, got {tokens.dtype}")
    if tokens.ndim != 2 or not tokens.numel():
        raise ValueError(f"tokens must have the shape (B, T), got {tuple(tokens.shape)}")
    if not torch.compiler.is_compiling() and not tokens.is_cuda:  # there it would wait
        low, high = tokens.aminmax()
        if low < 0 or high >= size:
            bad = int(low if low < 0 else high)
            raise ValueError(f"tokens must be word ids in [0, {size}), got {bad}")


def drawing_distribution(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    without: Sequence[int] = (),
) -> Tensor:
    """Return the distribution (..., V) that words are drawn from when a model writes.

    Parameters
    ----------
    logits : (..., V), of a floating dtype
    temperature : divides the logits: below 1 the probable words gain, above 1 they lose
    top_k : only the k most probable words can be drawn, no more where some tie; None: all
    without : ids that cannot be drawn

    Returns
    -------
    (..., V), float64.

    Raises
    ------
    TypeError, ValueError
        Where `temperature` is not above 0, `top_k` not at least 1, an id of `without` not in
        [0, V), or no word is left.
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        got = logits.dtype if isinstance(logits, Tensor) else repr(logits)
        raise TypeError(f"logits must be a tensor of a floating dtype, got {got}")
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(f"logits must be (..., V), got the shape {tuple(logits.shape)}")
    logits, size = logits.double(), logits.shape[-1]
    temperature, top_k, barred = _checked_drawing(size, temperature, top_k, without)
    logits = logits.index_fill(-1, torch.from_numpy(barred).to(logits.device), -math.inf)
    top = logits.amax(dim=-1, keepdim=True)
    if not logits.is_cuda and not top.isfinite().all():  # on CUDA the host would wait
        raise ValueError("logits must have a finite maximum among the words that can be drawn")
    # The largest is 0, and stays it however low the temperature is.
    logits = (logits - top) / temperature
    if top_k is not None:
        kept = logits.topk(min(top_k, size), dim=-1)
        logits = torch.full_like(logits, -math.inf).scatter(-1, kept.indices, kept.values)
    return logits.softmax(dim=-1)


def _checked_drawing(
    size: int, temperature: float, top_k: int | None, without: Iterable[int]
) -> tuple[float, int | None, NDArray[np.int64]]:
    temperature = checks.number("temperature", temperature, above=0)
    if top_k is not None:
        top_k = checks.integer("top_k", top_k, at_least=1)
    try:
        barred = list(without)
    except TypeError:
        raise TypeError(f"without must be a list of word ids, got {without!r}") from None
    ids = checks.word_ids("without", barred, size)
    if ids.ndim != 1:
        raise ValueError(f"without must have the shape (n,), got {ids.shape}")
    if len(set(ids.tolist())) == size:
        raise ValueError(f"without must leave a word, got all {size}")
    return temperature, top_k, ids


class NextWords:
    """A Transformer that speaks in words, with the interface of `nwp.grammar.NextWordModel`.

    Parameters
    ----------
    model : ids → logits
    vocabulary : words ↔ ids
    boundary : the word that the model reads before a sentence; every sentence ended with it

    Raises
    ------
    TypeError, ValueError
        Where one is of another type, the vocabulary is not of the model's size, or `boundary` is
        not in it.
    """

    def __init__(self, model: Transformer, vocabulary: Vocabulary, boundary: str = END) -> None:
        checks.instance("model", model, Transformer)
        checks.instance("vocabulary", vocabulary, Vocabulary)
        size = model.embedding.num_embeddings
        if len(vocabulary) != size:
            raise ValueError(
                f"vocabulary must have the {size} words of model, got {len(vocabulary)}"
            )
        if checks.text("boundary", boundary) not in vocabulary.words:
            raise ValueError(f"boundary must be a word of vocabulary, got {boundary!r}")
        self.model, self.vocabulary, self.boundary = model, vocabulary, boundary

    @torch.no_grad()
    def probabilities(self, prefixes: Iterable[Sequence[str]]) -> NDArray[np.float64]:
        """Return (n, V): a distribution for each of n prefixes, asked together, `BATCH` at a time.

        The model reads them padded at the end: it is causal, so the padding changes nothing.
        """
        if isinstance(prefixes, str) or not isinstance(prefixes, Iterable):
            raise TypeError(f"prefixes must be lists of words, got {prefixes!r}")
        texts = [checks.words(f"prefixes[{i}]", prefix) for i, prefix in enumerate(prefixes)]
        ids = [self.vocabulary.ids([self.boundary, *text]) for text in texts]
        device = self.model.head.weight.device
        answers = [np.empty((0, len(self.vocabulary)))]
        for start in range(0, len(ids), BATCH):
            rows = ids[start : start + BATCH]
            ends = torch.tensor([len(row) - 1 for row in rows], device=device)
            padded = np.zeros((len(rows), int(ends.max()) + 1), dtype=np.int64)
            for row, filled in zip(rows, padded, strict=True):
                filled[: len(row)] = row
            hidden = self.model.hidden(torch.from_numpy(padded).to(device))
            last = hidden[torch.arange(len(rows), device=device), ends]
            answers.append(self.model.logits(last).double().softmax(dim=-1).cpu().numpy())
        return np.concatenate(answers)

    def next_word_distribution(self, prefix: Sequence[str]) -> dict[str, float]:
        """Return word → probability, given the words since a sentence began."""
        shares = self.probabilities([checks.words("prefix", prefix)])[0].tolist()
        return dict(zip(self.vocabulary.words, shares, strict=True))

    def sentences(self, count: int, *, at_most: int, seed: int = 0) -> list[list[str]]:
        """Draw `count` sentences word by word: each to its boundary, or cut after `at_most` words.

        Raises
        ------
        TypeError, ValueError
            Where `count` or `at_most` is not at least 1.
        """
        rows = checks.integer("count", count, at_least=1)
        length = checks.integer("at_most", at_most, at_least=1)
        device = self.model.head.weight.device
        start = torch.from_numpy(self.vocabulary.ids([self.boundary])).to(device)
        drawn = self.model.generate(start.repeat(rows, 1), length, seed=seed)[:, 1:]
        texts = [[self.vocabulary.words[i] for i in row] for row in drawn.tolist()]
        return [
            text[: text.index(self.boundary) + 1] if self.boundary in text else text
            for text in texts
        ]
