"""Chapter 8: the book's model with one of its parts replaced by nanoGPT's.

What is replaced is replaced everywhere, and nothing else: positions that are learned and added to
the words, queries and keys that are not normed, GELU in place of the squared ReLU.
"""

from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nwp.model import Attention, Block, Pair, Transformer, norm, rotate


class LearnedPositions(nn.Module):
    """Words and positions: both normal with standard deviation 1, as the book's words are."""

    def __init__(self, words: nn.Embedding, context: int, seed: int) -> None:
        super().__init__()
        self.words, self.num_embeddings = words, words.num_embeddings
        self.embedding_dim = words.embedding_dim
        self.positions = nn.Embedding(context, words.embedding_dim)
        nn.init.normal_(self.positions.weight, generator=torch.Generator().manual_seed(seed))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.words(tokens) + self.positions.weight[: tokens.shape[1]]


class ScaledAttention(Attention):
    """The scores are products of queries and keys as they are, over the root of their length."""

    def forward(
        self,
        x: Tensor,
        turn: Pair,
        known: list[Tensor] | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        q, k = rotate(q, *turn), rotate(k, *turn)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))


class GeluBlock(Block):
    def forward(
        self,
        x: Tensor,
        turn: Pair,
        known: list[Tensor] | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        x = x + self.attention(norm(x), turn, known, mask)
        return x + self.down(F.gelu(self.up(norm(x))))


def learned_positions(model: Transformer, seed: int) -> None:
    model.embedding = LearnedPositions(model.embedding, model.context, seed)
    model.cos.fill_(1)  # no turn
    model.sin.zero_()


def unnormed_attention(model: Transformer, seed: int) -> None:
    for block in cast("Iterable[Block]", model.blocks):
        block.attention.__class__ = ScaledAttention
        del block.attention.sharpness


def gelu(model: Transformer, seed: int) -> None:
    for block in cast("Iterable[Block]", model.blocks):
        block.__class__ = GeluBlock


REPLACED: dict[str, Callable[[Transformer, int], None]] = {
    "learned positions": learned_positions,
    "no query-key norm": unnormed_attention,
    "GELU": gelu,
}
