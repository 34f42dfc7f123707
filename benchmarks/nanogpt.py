"""Chapter 8's peer: nanoGPT's model and training for Shakespeare by character, restated.

The configurations are those of its README and of config/train_shakespeare_char.py, the rest are the
defaults of its train.py and model.py: learned positions, LayerNorm and linear layers without bias,
GELU, a head tied to the embedding, AdamW with weight decay 0.1 on the matrices, gradients clipped
at norm 1, 100 steps of warm-up and a cosine down to a tenth of the peak, rows drawn with
replacement.

Source: Karpathy, nanoGPT, https://github.com/karpathy/nanoGPT.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lab.training import matmul_precision


@dataclass(frozen=True)
class Recipe:
    """One of nanoGPT's configurations."""

    layers: int
    heads: int
    width: int
    context: int
    rows: int
    steps: int
    dropout: float
    peak: float = 1e-3
    warmup: int = 100

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        if step < self.warmup:
            return self.peak * (step + 1) / (self.warmup + 1)
        down = (step - self.warmup) / (self.steps - self.warmup)
        return self.peak * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * down)))


RECIPES = {
    "cpu": Recipe(layers=4, heads=4, width=128, context=64, rows=12, steps=2000, dropout=0.0),
    "gpu": Recipe(layers=6, heads=6, width=384, context=256, rows=64, steps=5000, dropout=0.2),
}


class Block(nn.Module):
    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        width = recipe.width
        self.heads, self.dropout = recipe.heads, recipe.dropout
        self.before_attention = nn.LayerNorm(width, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.before_layer = nn.LayerNorm(width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(self.before_attention(x)).chunk(3, dim=-1)
        )
        p = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=p)
        x = x + F.dropout(self.out(y.transpose(1, 2).flatten(2)), p)
        return x + F.dropout(self.down(F.gelu(self.up(self.before_layer(x)))), p)


class Restated(nn.Module):
    """nanoGPT's model: ids → logits for every position."""

    def __init__(self, recipe: Recipe, vocabulary_size: int, seed: int) -> None:
        super().__init__()
        self.dropout = recipe.dropout
        self.words = nn.Embedding(vocabulary_size, recipe.width)
        self.positions = nn.Embedding(recipe.context, recipe.width)
        self.blocks = nn.ModuleList(Block(recipe) for _ in range(recipe.layers))
        self.last = nn.LayerNorm(recipe.width, bias=False)
        generator = torch.Generator().manual_seed(seed)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                writes = name.endswith(("out.weight", "down.weight"))
                scale = 0.02 / math.sqrt(2 * recipe.layers) if writes else 0.02
                nn.init.normal_(weight, std=scale, generator=generator)

    def forward(self, inputs: Tensor) -> Tensor:
        x = self.words(inputs) + self.positions.weight[: inputs.shape[1]]
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        return F.linear(self.last(x), self.words.weight)


class TheirTraining:
    """nanoGPT's training of a model; `ids` is the text."""

    def __init__(
        self, recipe: Recipe, ids: Tensor, model: nn.Module, *, seed: int, device: str
    ) -> None:
        self.recipe, self.ids, self.device, self.step = recipe, ids, device, 0
        self.random = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout's
        self.model = model.to(device)
        self.forward = torch.compile(self.model) if device == "cuda" else self.model
        groups = [
            {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": 0.1},
            {"params": [p for p in model.parameters() if p.ndim != 2], "weight_decay": 0.0},
        ]
        self.adamw = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)

    @property
    def tokens(self) -> int:
        """Tokens predicted so far."""
        return self.step * self.recipe.rows * self.recipe.context

    def update(self) -> None:
        """Take one step."""
        recipe, cuda = self.recipe, self.device == "cuda"
        for group in self.adamw.param_groups:
            group["lr"] = recipe.rate(self.step)
        starts = torch.randint(
            len(self.ids) - recipe.context, (recipe.rows, 1), generator=self.random
        )
        at = starts + torch.arange(recipe.context)
        inputs, targets = self.ids[at], self.ids[at + 1]
        if cuda:
            inputs, targets = (
                x.pin_memory().to("cuda", non_blocking=True) for x in (inputs, targets)
            )
        self.adamw.zero_grad()
        with matmul_precision("high" if cuda else "highest"):
            with torch.autocast(self.device, torch.bfloat16, enabled=cuda):
                logits = self.forward(inputs)
                loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
            loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.adamw.step()
        self.step += 1
