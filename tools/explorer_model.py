"""Train the small model of chapter 7 and write the probabilities that an explorer shows.

    python tools/explorer_model.py            # writes tools/explorers/forcing.json

The training is the teacher-forced one of the chapter's comparison: 200 batches of 64
sentences. It runs in float64, where one thread or two give log-probabilities that agree to
1e-12. The model's own sentences are the first that its generator draws, not chosen ones.
"""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from nwp.grammar import END, Grammar
from nwp.model import NextWords, Transformer
from nwp.teacher_forcing import shift
from nwp.text import Vocabulary

FILE = Path(__file__).with_name("explorers") / "forcing.json"
TEXT = ("o", "sol", "brilha", "forte", END)  # the document's second sentence
BATCHES, BATCH, PEAK, WORDS, SEED = 200, 64, 0.015, 80_000, 0
DRAWS = 12
LONGEST = 12  # words of a drawn sentence, after which it is cut
TOP = 5  # the most probable words are always written, and the words that come


def trained() -> NextWords:
    """Train with teacher forcing on sentences of the grammar, each read once."""
    grammar = Grammar.portuguese()
    vocabulary = Vocabulary(grammar.words, unknown=None)
    ids = vocabulary.ids([END, *grammar.sample(WORDS, seed=SEED)])
    stops = np.flatnonzero(ids == vocabulary.ids([END])[0])
    rows = torch.full((len(stops) - 1, int(np.diff(stops).max()) + 1), -1)  # -1 is padding
    for row, (first, last) in zip(rows, itertools.pairwise(stops), strict=True):
        row[: last - first + 1] = torch.from_numpy(ids[first : last + 1])
    model = Transformer(len(vocabulary), width=48, heads=2, context=16).double()
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0)
    for batch in range(BATCHES):
        text = rows[batch * BATCH : (batch + 1) * BATCH]
        inputs, targets = shift(text[:, : int((text >= 0).sum(1).max())])
        logits = model(inputs.clamp(min=0))
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)
        rate = PEAK * min(1, (batch + 1) / 20, 1.1 * (1 - batch / BATCHES))
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return NextWords(model, vocabulary)


def drawn(model: NextWords, count: int) -> list[list[str]]:
    """Let the model run free after the text's first word; `count` sentences, drawn in turn."""
    random = np.random.default_rng(SEED)
    words = model.vocabulary.words
    sentences = []
    for _ in range(count):
        sentence = [TEXT[0]]
        while sentence[-1] != END and len(sentence) <= LONGEST:
            (shares,) = model.probabilities([sentence])
            sentence.append(words[random.choice(len(words), p=shares / shares.sum())])
        sentences.append(sentence)
    return sentences


def inside(grammar: Grammar, sentence: list[str]) -> int:
    """Count the words of `sentence` up to where no sentence of the grammar begins so."""
    for length, word in enumerate(sentence):
        if word not in grammar.next_word_distribution(sentence[:length]):
            return length
    return len(sentence)


def exported(model: NextWords) -> dict[str, Any]:
    """Collect what the explorer reads: predictions along the text and along each drawn sentence."""
    grammar, words = Grammar.portuguese(), model.vocabulary.words
    sentences = drawn(model, DRAWS)
    coming: dict[tuple[str, ...], set[str]] = {}  # prefix → the words that must be written
    for sentence in [list(TEXT), *sentences]:
        for length in range(1, len(sentence)):
            wanted = coming.setdefault(tuple(sentence[:length]), set())
            wanted |= {sentence[length], *TEXT[length : length + 1]}
    predictions = {}
    for prefix, shares in zip(coming, model.probabilities(coming), strict=True):
        order = np.argsort(-shares, kind="stable")
        written = [i for n, i in enumerate(order) if n < TOP or words[i] in coming[prefix]]
        predictions[" ".join(prefix)] = [[int(i), float(f"{shares[i]:.9g}")] for i in written]
    return {
        "provenance": (
            f"tools/explorer_model.py: nwp.model.Transformer, width 48, 2 layers, 2 heads, float64;"
            f" AdamW, {BATCHES} batches of {BATCH} sentences of nwp.grammar, seed {SEED};"
            f" sentences drawn with numpy's default_rng({SEED})"
        ),
        "words": list(words),
        "text": list(TEXT),
        "draws": [
            {"words": model.vocabulary.ids(s[1:]).tolist(), "inside": inside(grammar, s)}
            for s in sentences
        ],
        "predictions": predictions,
    }


def main() -> None:
    torch.use_deterministic_algorithms(True)
    content = json.dumps(exported(trained()), ensure_ascii=False, separators=(",", ":"))
    FILE.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
