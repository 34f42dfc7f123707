"""Every public argument, given what it is not: the type first, then the range, each by its name.

`ARGUMENTS` has an entry for each argument of each public function, class and method; where one
is missing, a test says so. What is not checked stands in `TRUSTED`, with the reason.
"""

import dataclasses
import importlib
import inspect
import math
import re
import traceback
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from lab.kneser_ney import KneserNey
from lab.muon import Muon
from lab.presets import Preset
from lab.training import Objective, Rows, Trainer
from nwp.compression import AdaptiveNGrams, Decoder, Encoder
from nwp.grammar import END, Grammar
from nwp.model import Cache, NextWords, Transformer
from nwp.ngrams import NGram
from nwp.teacher_forcing import PrefixTree
from nwp.text import Vocabulary
from nwp.weights import Weights

mpl.use("Agg")

MODULES = (
    "nwp.checks", "nwp.loss", "nwp.equivalence", "nwp.convexity", "nwp.weights", "nwp.derivative",
    "nwp.vocabulary", "nwp.teacher_forcing", "nwp.compression", "nwp.scoring",
    "nwp.generalization", "nwp.grammar", "nwp.ngrams", "nwp.model",
    "lab.figures", "lab.kneser_ney", "lab.muon", "lab.training", "lab.presets",
)  # fmt: skip

NAN, INF = math.nan, math.inf
WANTS_A_GRADIENT = torch.ones((), requires_grad=True)


class Argument(NamedTuple):
    right: Any
    wrong_types: tuple  # a TypeError each; but where None is the default, it is right
    out_of_range: tuple = ()  # a ValueError each
    called: str | None = None  # in the message, where not by its own name


def of_type(*wrong_types):
    def argument(right, *out_of_range, called=None):
        return Argument(right, wrong_types, out_of_range, called)

    return argument


integer = of_type(
    None, True, "1", 2.5, 1j, NAN, INF, [1], torch.tensor(2.5), torch.tensor(True), WANTS_A_GRADIENT
)


def optional(argument):
    return argument._replace(wrong_types=argument.wrong_types[1:])  # without None, the first


number = of_type(
    None, True, np.True_, "1", b"1", 1j, [1.0], {}, torch.tensor(1.0), WANTS_A_GRADIENT
)
reals = of_type(None, True, "a", 1j, {}, np.ma.array([1.0]), WANTS_A_GRADIENT)
ids = of_type(None, True, "o", 0.5, 1j, NAN, {}, [0.5], [True], torch.tensor([0.5]), [None])
words = of_type(None, 5, "o sol", [1], ["o", None], {"o": 1}, {"o"}, b"o", np.array(1.0))
text = of_type(None, 5, b"o", ["o"], 1.5, True)
function = of_type(None, 5, "f", [len])
boolean = of_type(None, 1, 0, "no", [], torch.tensor(True))
thing = of_type(None, 5, "x", [1], np.ones(2))
tensor = of_type(None, 5, "x", [1], [[1]], np.ones((1, 2)))
option = of_type(5, True, b"mean", ["mean"], np.array(["mean"]))


# ---- what is right ---------------------------------------------------------------------

GRAMMAR = Grammar({"start": [("a", 0.5, "A"), ("b", 0.5, "A")], "A": [(END, 1.0, "start")]})
VOCABULARY = Vocabulary(GRAMMAR.words, unknown=None)
WORDS = list(VOCABULARY.words)
MODEL = Transformer(3, width=8, layers=1, heads=2, context=6)
SPEAKER = NextWords(MODEL, VOCABULARY)
TREE = PrefixTree(GRAMMAR, WORDS)
PRESET = Preset(
    unit="word", layers=1, heads=2, width=8, context=6, steps=20, rows=5, muon_rate=0.02,
    adam_rate=0.01,
)  # fmt: skip
TEXT = [0, 1, 2, 0, 1, 2, 0, 1]
LONG = torch.tensor([[0, 1, 2]])
READ_BY_TWO, READ_BY_ANOTHER = Cache(), Cache()
MODEL(torch.tensor([[0], [1]]), READ_BY_TWO)
Transformer(3, width=8, layers=2, heads=2, context=6)(LONG[:, :1], READ_BY_ANOTHER)


@cache
def trainer():
    return Trainer(PRESET, TEXT, 3)


def peeked():
    decoder = Decoder(b"x")
    decoder.peek(4)
    return decoder


class Loose:
    def next_word_distribution(self, prefix):
        return {"a": 0.5, "b": 0.4}


probabilities = reals([0.5, 0.5], [0.5, 0.6], [NAN, 1.0], [INF, 0.0], [[0.5], [0.5, 0.5]], 1.0)
logits = reals([0.0, 1.0], [NAN, 0.0], [INF, 0.0], [-INF, -INF], 1.0)
target = ids(0, 2, -1, [0], 2**63, np.uint64(2**64 - 100))
reduction = Argument("mean", (None, 5, True, b"mean", ["mean"]), ("avg", ""))
finite = reals([0.0, 1.0], [NAN, 0.0], [INF, 0.0], [-INF, 0.0])
amount = optional(reals(1.0, -1.0, NAN, INF))
two_by_two = Weights(np.ones((2, 3)), np.ones((4, 3)))
weights = Argument(
    two_by_two,
    (None, 5, "ab", (1,), {}, np.ones((2, 2)), (None, np.ones((4, 3))), (np.ones((2, 3)), "a")),
    ((np.ones((2, 3)), np.ones((4, 2))), (np.full((2, 3), NAN), np.ones((4, 3)))),
)
contexts, nexts = ids([0, 1], [2, 0], [-1, 0], 0, []), ids([3, 0], [4, 0], [0], 0)
learning_rate = reals(0.1, 0.0, -1.0, NAN, INF)
tokens = ids(TEXT, [3, 0, 1], [[0, 1]], [])
size, count = integer(3, 0, -1), integer(2, -1)
positive = number(1.0, 0.0, -1.0, NAN, INF, -INF, 10**400)
rate = number(0.1, -0.1, NAN, INF, 10**400)
share = number(0.5, -0.1, 1.1, NAN, INF)
progress = number(0.5, -0.1, NAN, INF)
below_one = number(0.5, -0.1, 1.0, NAN, INF)
optional_word = of_type(5, b"o", ["o"], 1.5, True)
seed = integer(0, -1, 2**64)
predicted = reals(TREE.truth, TREE.truth[:1], 2 * TREE.truth)
ragged = [[0], [0, 1]]
one_distribution = probabilities._replace(out_of_range=(*probabilities.out_of_range, [[1.0]]))
measured = {
    "losses": finite._replace(out_of_range=(*finite.out_of_range, [], 1.0, [[1.0]])),
    "blocks": integer(2, 1, 0, -1),
}
rows_of_ids = Argument(
    LONG,
    (None, 5, "x", [[1]], np.ones((1, 2)), LONG.double(), LONG.bool(), LONG.to(torch.uint8)),
    (LONG[0], LONG[:, :0], LONG + 1, LONG - 1),
)
drawing = {
    "tokens": rows_of_ids,
    "count": count,
    "temperature": positive,
    "top_k": integer(2, 0, -1),
    "without": Argument([0], (None, 5, "01", [0.5], [True], [None]), ([3], [-1], [0, 1, 2], [[0]])),
    "seed": seed,
}
sizes = {
    "width": integer(8, 0, 1, 6),
    "layers": integer(1, 0, -1),
    "heads": integer(2, 0, -1),
    "context": integer(6, 0, -1),
    "tied": boolean(False),
    "softcap": optional(positive),
}
scored = {
    "logits": reals([[0.0, 1.0]], [[NAN, 0.0]], [[INF, 0.0]], [[-INF, 0.0]]),
    "targets": ids([0], 0, [2], [-1], [0, 1], [[0]]),
}
hand = torch.ones(2, 3)


def of_text(*lengths):
    return torch.tensor(lengths)


int64s = (None, 5, "x", [1], np.ones(2, int), torch.ones(2), torch.ones(2, dtype=torch.int32))

ARGUMENTS: dict[str, dict[str, Argument]] = {
    "checks.real_array": {"values": reals([1.0], ragged)},
    "checks.numbers": {"values": reals([1.0], NAN)},
    "checks.has_words": {},
    "checks.distributions": {"values": probabilities},
    "checks.logits": {"values": logits},
    "checks.word_ids": {
        "values": ids(0, 2, -1), "ignore_index": integer(7, 2**63, -(2**63) - 1)
    },
    "checks.predictions": {"probabilities": probabilities, "targets": target},
    "checks.integer": {"value": integer(3)},
    "checks.integer64": {"value": integer(3, 2**63, -(2**63) - 1)},
    "checks.seed": {"value": seed._replace(called="seed")},
    "checks.number": {"value": number(1.0, NAN, INF, -INF, 10**400)},
    "checks.boolean": {"value": boolean(True)},
    "checks.text": {"value": text("o")},
    "checks.choice": {"value": option("mean", "avg")},
    "checks.words": {"values": words(["o"])},
    "checks.function": {"value": function(len)},
    "checks.instance": {"value": Argument(3, (None, "x"))},
    "checks.nonnegative": {"values": reals([1.0], -1.0, NAN)},
    "checks.model_sizes": sizes,
    "checks.finite": {"values": finite},
    "checks.unit_interval": {"values": reals(0.5, -0.1, 1.1, NAN)},
    "loss.one_hot": {"targets": ids(0, 3, -1), "vocabulary_size": size},
    "loss.log_softmax": {"logits": logits},
    "loss.softmax": {"logits": logits},
    "loss.cross_entropy": {
        "probabilities": probabilities, "targets": target, "weights": amount,
        "reduction": reduction,
    },
    "loss.cross_entropy_one_hot": {
        "probabilities": probabilities, "one_hot_targets": probabilities, "weights": amount,
        "reduction": reduction,
    },
    "loss.cross_entropy_from_logits": {
        "logits": logits,
        "targets": target,
        "ignore_index": integer(7, 2**63),
        "weights": amount,
        "reduction": reduction,
    },
    "loss.reduced": {
        "losses": reals([1.0, 2.0]),
        "weights": optional(reals([1.0, 2.0], [-1.0, 0.0], [NAN, 0.0])),
        "reduction": reduction,
    },
    "equivalence.log_likelihood": {"probabilities": probabilities, "targets": target},
    "equivalence.entropy": {"p": probabilities},
    "equivalence.kl_divergence": {"p": probabilities, "q": probabilities},
    "equivalence.perplexity": {"mean_loss": reals(1.0, -0.5, NAN)},
    "equivalence.bits": {"nats": reals(1.0, NAN)},
    "equivalence.next_word_counts": (
        counting := {"tokens": tokens, "vocabulary_size": size, "context_length": count}
    ),
    "equivalence.empirical_next_word": counting,
    "equivalence.empirical_conditional_entropy": counting,
    "convexity.chord_gap": {
        "function": function(np.sum),
        "start": finite,
        "end": finite._replace(out_of_range=(*finite.out_of_range, [0.0])),
        "fractions": reals(0.5, -0.1, 1.1, NAN),
    },
    "convexity.hessian_in_probabilities": {"probabilities": probabilities, "targets": target},
    "convexity.hessian_in_logits": {"logits": logits},
    "convexity.two_weight_loss": {"a": finite, "b": finite},
    "compression.frequencies": {"probabilities": probabilities, "bits": integer(24, 0, 32)},
    "compression.step_to": {
        "counts": ids([3, 1], [-1, 3], [2**32, 1], 3, [[3, 1]]), "word": integer(0, 2, -1)
    },
    "compression.interval": {
        "steps": Argument(
            [(0, 3, 4)], (), ([(0, 0, 4)], [(-1, 2, 4)], [(2, 3, 4)], [(0, 1, 2**32 + 1)]),
            called="start, size, total",
        )
    },
    "compression.codeword": {
        "low": Argument(Fraction(1, 4), (), (-1, 1, Fraction(3, 4))),
        "width": Argument(Fraction(1, 2), (), (0, -1, 1)),
    },
    "compression.Encoder": {},
    "compression.Encoder.encode": {
        "start": Argument(0, (), (-1, 2)),
        "size": Argument(3, (), (0, -1, 5)),
        "total": Argument(4, (), (0, 2, 2**32 + 1)),
    },
    "compression.Encoder.finish": {},
    "compression.Decoder": {"code": Argument(b"x", (None, 5, "x", [1], bytearray(b"x")))},
    "compression.Decoder.peek": {"total": Argument(4, (), (0, -1, 2**32 + 1))},
    "compression.Decoder.take": {
        "start": Argument(0, (), (-1, 2)), "size": Argument(3, (), (0, -1, 5))
    },
    "compression.kraft_sum": {
        "lengths": Argument([1, 2], ("12", [None], [1.5], ["1"], [True]), ([-1], [1, -2]))
    },
    "compression.is_uniquely_decodable": {"words": words(["0", "10"])},
    "compression.AdaptiveNGrams": {"slots": integer(8, 7, 25, -1)},
    "compression.AdaptiveNGrams.predict": {},
    "compression.compress": {"data": Argument(b"abc", (), ([256], [-1]))},
    "compression.decompress": {
        "code": Argument(b"x", (None, 5, "x", [1], bytearray(b"x"))), "length": integer(3, -1)
    },
    "scoring.log_cost": {"probabilities": probabilities},
    "scoring.brier_cost": {"probabilities": probabilities},
    "scoring.linear_cost": {"probabilities": probabilities},
    "scoring.mean_cost": {
        "costs": reals([0.0, INF], [NAN, 0.0]),
        "truth": probabilities._replace(
            out_of_range=(*probabilities.out_of_range, [0.2, 0.3, 0.5])
        ),
    },
    "scoring.bregman_divergence": {
        "function": function(np.sum, lambda at: at, lambda at: NAN),
        "gradient": function(np.ones_like, lambda at: at[:1], lambda at: at * NAN),
        "point": finite._replace(out_of_range=(*finite.out_of_range, [0.0])),
        "base": finite,
    },
    "scoring.reliability": {
        "probabilities": probabilities._replace(
            right=[[0.5, 0.5]], out_of_range=([[0.5, 0.6]], [[NAN, 1.0]], 1.0)
        ),
        "targets": ids([0], 0, [2], [-1], [0, 1], [[0]]),
        "edges": reals([0.0, 0.5, 1.0], [0.5], [0.0, 0.9], [0.1, 1.0], [0.0, 0.5, 0.5, 1.0],
                       [1.0, 0.0], [NAN, 1.0], [[0.0, 1.0]], 1.0),
    },
    "scoring.surprise_gap": scored,
    "scoring.fit_temperature": {
        "logits": scored["logits"]._replace(
            right=[[2.0, 0.0], [1.0, 0.0]],
            out_of_range=([[0.0, 0.0]] * 2, [[0.0, 2.0], [0.0, 1.0]], [[NAN, 0.0], [1.0, 0.0]]),
        ),
        "targets": ids([0, 1], [0], [2, 0], [-1, 0], [[0, 1]]),
    },
    "scoring.smoothed_target": {
        "target": probabilities, "epsilon": number(0.1, -0.1, 1.1, NAN, INF)
    },
    "generalization.expected_optimism": {"p": one_distribution, "n": size},
    "generalization.expected_estimation_error": {
        "p": one_distribution, "n": count, "strength": rate
    },
    "generalization.online_losses": counting | {"strength": positive},
    "generalization.regret": {
        "counts": reals([1, 2], [-1], [0.5], [], 1.0, [NAN]), "strength": positive
    },
    "generalization.worst_regret": {
        "n": count, "vocabulary_size": size, "strength": number(0.5, 0.4, NAN, INF, 10**400)
    },
    "generalization.standard_error": measured,
    "generalization.student_factor": {
        "degrees": size, "level": number(0.5, 0.0, 1.0, NAN, INF)
    },
    "generalization.interval": measured | {
        "losses": measured["losses"]._replace(right=[0.0] * 16, out_of_range=([NAN] * 16, [0.0])),
        "level": number(0.5, 0.0, 1.0, NAN, INF),
    },
    "generalization.power_law": {
        "sizes": reals([1.0, 2.0], [0.0, 1.0], [1.0, 1.0], [[1.0, 2.0]], [NAN, 1.0], [INF, 1.0]),
        "losses": reals([2.0, 1.0], [2.0], [NAN, 1.0], [INF, 1.0]),
        "offset": number(0.5, 1.0, 2.0, NAN, INF),
    },
    "derivative.gradient_wrt_probabilities": {"probabilities": probabilities, "targets": target},
    "derivative.project_to_tangent": {"vectors": reals([0.0, 1.0], [NAN], [INF], 1.0)},
    "derivative.gradient_wrt_logits": {"logits": logits, "targets": target},
    "derivative.central_differences": {
        "function": function(np.sum), "point": finite, "step": reals(1e-3, 0.0, -1.0, NAN, [1.0])
    },
    "weights.logit_step": {
        "logits": finite, "targets": target, "learning_rate": learning_rate
    },
    "weights.turning_rates": {"logits": finite, "target": target},
    "weights.forward": {"weights": weights, "contexts": contexts, "targets": nexts},
    "weights.backward": {"weights": weights, "contexts": contexts, "targets": nexts},
    "weights.descend": {
        "table": reals(np.ones((2, 4)), [1.0], np.full((2, 4), NAN), np.full((2, 4), INF)),
        "contexts": contexts,
        "targets": nexts,
        "learning_rate": learning_rate._replace(
            out_of_range=(*learning_rate.out_of_range, [0.1, 0.2])
        ),
        "steps": count,
    },
    "weights.safe_learning_rate": {"contexts": ids([0, 1], [-1], 0, [], [2**63])},
    "vocabulary.linear_cross_entropy": {
        "hidden": Argument(
            torch.ones(2, 3), (None, 5, [1], np.ones((2, 3)), torch.ones(2, 3).half()), (hand[0],)
        ),
        "weight": Argument(
            torch.ones(5, 3),
            (None, 5, [1], np.ones((5, 3)), torch.ones(5, 3).double()),
            (torch.ones(5, 2), torch.ones(0, 3), torch.ones(5)),
        ),
        "targets": Argument(
            torch.tensor([0, 4]),
            (None, 5, [0, 4], torch.ones(2), torch.ones(2).bool(), torch.ones(2).cfloat(),
             torch.tensor([0, 2**64 - 100], dtype=torch.uint64)),
            (torch.tensor([0, 5]), torch.tensor([0, -1]), torch.tensor([0])),
        ),
        "ignore_index": integer(-100, 2**63),
        "weights": Argument(
            torch.ones(2), (5, [1.0, 1.0], np.ones(2), torch.ones(2, dtype=torch.bool)),
            (torch.ones(3), torch.tensor([-1.0, 1.0]), torch.tensor([NAN, 1.0])),
        ),
        "reduction": reduction,
        "softcap": positive,
    },
    "teacher_forcing.shift": {
        "tokens": Argument(
            [1, 2], (None, 5, "o sol", {1, 2}, {}, b"ab"), ([], [1], np.ones((3, 1)))
        )
    },
    "teacher_forcing.pairs": {"words": words(["o", "sol"], [], ["o"])},
    "teacher_forcing.sequence_loss": {"model": thing(GRAMMAR), "words": words(["a", END])},
    "teacher_forcing.mixed_inputs": {
        "inputs": ids([[0, 1]], [[-1, 0]], [0, 1], [[2**63]]),
        "predict": function(lambda read: [[0.5, 0.5]], lambda read: [[0.5, 0.6]]),
        "keep": reals(0.5, -0.1, 1.1, NAN, [0.5]),
        "random": thing(np.random.default_rng(0)),
    },
    "teacher_forcing.PrefixTree": {
        "grammar": thing(GRAMMAR), "words": words(WORDS, ["a"], [*WORDS, "a"])
    },
    "teacher_forcing.PrefixTree.reached": {"predicted": predicted},
    "teacher_forcing.PrefixTree.divergence": {"predicted": predicted},
    "teacher_forcing.PrefixTree.departures": {"predicted": predicted},
    "teacher_forcing.PrefixTree.aftermath": {
        "sentences": Argument([["a", END]], (None, 5, [5], [[5]], ["ab"]), ([["z"]], [[END, END]])),
        "predict": function(
            lambda read: np.ones((len(read), 3)) / 3,
            lambda read: np.ones((len(read), 3)),
            lambda read: np.ones((1, 3)) / 3,
        ),
    },
    "teacher_forcing.PrefixTree.by_position": {
        "values": reals([1.0, 2.0, 3.0], [1.0], [NAN, 0.0, 0.0]),
        "weights": reals([1.0, 1.0, 1.0], [1.0], [-1.0, 1.0, 1.0], [NAN] * 3, [INF] * 3, [0.0] * 3),
    },
    "grammar.ask": {
        "model": Argument(GRAMMAR, (None, 5, "x", [1])),
    },
    "grammar.Grammar": {
        "transitions": Argument(
            GRAMMAR.transitions,
            (None, 5, "x", [1], {"start": 5}, {"start": [(END, 1.0)]}, {"start": "abc"},
             {"start": [(1, 1.0, "start")]}, {"start": [(END, "1", "start")]},
             {"start": [(END, True, "start")]}, {"start": [(END, 1.0, [])]}),
            ({"start": [(END, NAN, "start")]}, {"start": [(END, 0.5, "start")]},
             {"start": [(END, 1.0, "A")]}, {"start": []}),
        ),
        "start": Argument("start", ([], {}), ("S", None, 5)),
    },
    "grammar.Grammar.portuguese": {},
    "grammar.Grammar.sample": {"count": count, "seed": integer(0, -1)},
    "grammar.Grammar.next_word_distribution": {"prefix": words(["a"], ["z"], ["a", "a"])},
    "grammar.Grammar.entropy_rate": {},
    "grammar.Grammar.ngram_entropy": {"k": count},
    "grammar.Grammar.prefixes": {},
    "ngrams.NGram": {
        "words": words(["a", "b"], []),
        "order": integer(2, 0, -1),
        "smoothing": Argument("additive", (5, True, b"additive", ["additive"]), ("kneser", "")),
        "strength": positive,
        "boundary": optional_word(END),
    },
    "ngrams.NGram.next_word_distribution": {"prefix": words(["a"], ["z"])},
    "kneser_ney.KneserNey": {
        "ids": tokens, "order": integer(2, 0, -1), "vocabulary_size": integer(3, 0, -1, 2**62)
    },
    "kneser_ney.KneserNey.losses": {
        "ids": ids([0], [3], [-1], 0), "before": ids([0], [3], [-1], 0)
    },
    "kneser_ney.KneserNey.distribution": {"context": ids([0], [3], [-1], 0)},
    "model.Transformer": sizes | {
        "vocabulary_size": size, "boundary": integer(0, -1, 3), "seed": seed
    },
    "model.Transformer.forward": (
        reading := {
            "tokens": rows_of_ids,
            "cache": Argument(Cache(), (5, "x", {}, LONG, []), (READ_BY_TWO, READ_BY_ANOTHER)),
        }
    ),
    "model.Transformer.hidden": reading,
    "model.Transformer.logits": {
        "hidden": tensor(torch.ones(1, 8), torch.ones(1, 7), torch.tensor(1.0))
    },
    "model.Transformer.generate": drawing,
    "model.Transformer.draw": drawing,
    "model.drawing_distribution": {
        "logits": tensor(torch.zeros(3), torch.tensor(1.0), torch.zeros(0), torch.full((3,), NAN)),
        **{name: drawing[name] for name in ("temperature", "top_k", "without")},
    },
    "model.NextWords": {
        "model": thing(MODEL), "vocabulary": thing(VOCABULARY, Vocabulary(["a"])),
        "boundary": text(END, "z", ""),
    },
    "model.NextWords.probabilities": {
        "prefixes": Argument([["a"]], (None, 5, "ab", ["ab"], [5], [[1]], [None]))
    },
    "model.NextWords.next_word_distribution": {"prefix": words(["a"])},
    "model.NextWords.sentences": {
        "count": integer(2, 0, -1), "at_most": integer(2, 0, -1), "seed": seed,
    },
    "muon.orthogonalized": {
        "matrices": Argument(
            torch.ones(1, 2, 3),
            (None, 5, "x", [1], np.ones((1, 2, 3)), LONG[None], LONG[None].cfloat()),
            (torch.ones(2, 3), torch.tensor(1.0)),
        )
    },
    "muon.Muon": {
        "matrices": Argument(
            [torch.ones(2, 3)],
            (None, 5, "x", [1], [np.ones((2, 3))], np.ones((2, 3))),
            ([torch.ones(2)], [torch.ones(2, 0)], torch.ones(2, 3)),
        ),
        "stacked": Argument(
            [torch.ones(3, 2)],
            (None, 5, "x", [1], [np.ones((3, 2))], np.ones((3, 2))),
            ([torch.ones(2, 3)], [torch.ones(3)], torch.ones(3, 2)),
        ),
        "lr": rate,
        "momentum": below_one,
        "weight_decay": rate,
    },
    "muon.Muon.step": {},
    "training.tile": {
        "ids": tokens._replace(out_of_range=([0], [[0, 1]], [-1, 0])),
        "context": integer(2, 0, -1),
        "boundary": integer(0),
    },
    "training.gather": {
        "ids": Argument(of_text(0, 1, 2, 3), int64s, (LONG, of_text(0)[:0])),
        "starts": Argument(of_text(0, 1), int64s, (LONG, of_text(-1, 0), of_text(0, 4))),
        "lengths": Argument(
            of_text(1, 2), int64s, (LONG, of_text(1), of_text(0, 1), of_text(1, 9))
        ),
    },
    "training.Rows": {
        "ids": tokens._replace(out_of_range=([0], [[0, 1]], [-1, 0])),
        "context": integer(2, 0, -1),
        "boundary": integer(0),
        "seed": seed,
    },
    "training.Rows.epoch": {"number": count},
    "training.Rows.batch": {"step": count, "rows": integer(2, 0, -1)},
    "training.Objective": {"model": thing(MODEL)},
    "training.Objective.forward": {
        "inputs": rows_of_ids._replace(called="tokens"),
        "targets": Argument(
            LONG,
            (None, 5, "x", [[1]], np.ones((1, 3)), LONG.double(), LONG.int()),
            (LONG[0], LONG[:, :2], LONG + 1, LONG - 1),
        ),
        "reduction": reduction._replace(right="sum", out_of_range=("mean", "avg")),
    },
    "training.token_losses": {
        "model": thing(MODEL),
        "ids": tokens,
        "at_most": optional(integer(3, 0, -1)),
        "as_trained": boolean(False),
        "shared": boolean(False),
        "watch": function(lambda read, whole: None),
    },
    "training.evaluate": {
        "model": thing(MODEL),
        "ids": tokens,
        "at_most": optional(integer(3, 0, -1)),
        "as_trained": boolean(False),
        "shared": boolean(False),
        "watch": function(lambda read, whole: None),
    },
    "training.flops_per_token": {"model": thing(MODEL)},
    "training.rate_share": {"progress": progress, "warmup": share, "decay": share},
    "training.Trainer": {
        "preset": thing(PRESET),
        "ids": tokens,
        "vocabulary_size": size,
        "boundary": integer(0, -1, 3),
        "seed": seed,
        "device": Argument("cpu", (None, [], 1.5, {}), ("no such device", "")),
    },
    "training.Trainer.update": {"progress": progress},
    "training.Trainer.state": {},
    "training.Trainer.restore": {"state": thing({})._replace(out_of_range=())},
    "presets.Preset": sizes | {
        "unit": Argument("word", (None, 5, True, ["word"]), ("char", "")),
        "steps": integer(20, 0, -1),
        "rows": integer(5, 0, -1),
        "muon_rate": rate,
        "adam_rate": rate,
        "least_count": integer(1, 0, -1),
        "boundary": optional_word(END),
        "corpus_words": integer(100, 0, -1),
        "rows_at_once": integer(2, 0, -1),
        "warmup": share,
        "decay": share,
        "momentum": below_one,
        "betas": Argument(
            (0.9, 0.95),
            (None, 5, 0.9, "ab", ("0.9", 0.95), (0.9, None), (0.9, 1j), (True, 0.9)),
            ((0.9,), (), (0.9, 0.9, 0.9), (1.0, 0.9), (0.9, -0.1), (0.9, NAN), (INF, 0.9)),
        ),
        "weight_decay": rate,
        "evaluate_every": integer(10, 0, -1),
        "save_every": integer(10, 0, -1),
    },
    "presets.Preset.boundary_id": {"vocabulary": thing(VOCABULARY)},
    "presets.Preset.model": {
        "vocabulary_size": size, "boundary": optional(integer(0, -1, 3)), "seed": seed
    },
    "presets.preset_for": {"corpus": text("grammar"), "cuda": boolean(False)},
    "figures.use_style": {},
    "figures.label": {
        "axes": thing(None),
        "text": text("o"),
        "at": reals((0.0, 1.0), (NAN, 0.0), (0.0,), 1.0),
        "color": Argument("black", (), (None, 5, "no color", [])),
    },
    "figures.on_simplex": {"distributions": reals([0.0, 0.5, 0.5], [1.0, 0.0], [NAN, 0, 0], 1.0)},
    "figures.draw_simplex": {
        "words": words(("a", "b", "c"), ("a", "b")),
        "height": function(
            lambda rows: rows[:, 0], lambda rows: 0.0, lambda rows: rows[:, 0] * NAN
        ),
    },
}  # fmt: skip

BY_BIT = "of each bit: it would take as long as the coding does"
BITS = "asked for its bits: whatever predicts and learns"
BY_CODE = "given by the checked function, not by its caller"
PART = "a part of Transformer, which checks its sizes and its tokens"
RECORD = "a record that a function returns; a function that takes one checks it"
TRUSTED = {
    **{
        f"checks.{function}.{argument}": BY_CODE
        for function, arguments in {
            "real_array": "name",
            "numbers": "name",
            "has_words": "name array",
            "distributions": "name",
            "logits": "name",
            "word_ids": "name vocabulary_size",
            "same_shape": "name array expected of",
            "integer": "name at_least",
            "integer64": "name",
            "number": "name above at_least below at_most",
            "boolean": "name",
            "text": "name",
            "choice": "name options",
            "words": "name",
            "function": "name",
            "instance": "name kind",
            "nonnegative": "name slack",
            "finite": "name",
            "unit_interval": "name",
        }.items()
        for argument in arguments.split()
    },
    "checks.same_shape": BY_CODE,
    "compression.AdaptiveNGrams.learn.bit": BY_BIT,
    "compression.compress.model": BITS,
    "compression.decompress.model": BITS,
    "scoring.Reliability": RECORD,
    "weights.Weights": RECORD,
    "weights.Nodes": RECORD,
    "grammar.Noun": RECORD,
    "training.Evaluation": RECORD,
    "generalization.PowerLaw": RECORD,
    "teacher_forcing.Aftermath": RECORD,
    "grammar.NextWordModel": "an interface, without a body of its own",
    "grammar.ask.prefix": "handed on to the model, which says what it reads",
    "training.matmul_precision": BY_CODE,
    "training.Replay": BY_CODE,
    "training.Trainer.learn": "handed on to Muon, AdamW and PyTorch, which check them",
    "model.norm": PART,
    "model.rotate": PART,
    "model.Attention": PART,
    "model.Block": PART,
    "figures.label.placing": "handed on to Matplotlib, which names what it does not know",
}

INSTANCES = {
    "teacher_forcing.PrefixTree": lambda: TREE,
    "grammar.Grammar": lambda: GRAMMAR,
    "compression.Encoder": Encoder,
    "compression.Decoder": peeked,
    "compression.AdaptiveNGrams": lambda: AdaptiveNGrams(8),
    "ngrams.NGram": lambda: NGram(["a", "b"], 2),
    "kneser_ney.KneserNey": lambda: KneserNey(TEXT, 2, 3),
    "model.Transformer": lambda: MODEL,
    "model.NextWords": lambda: SPEAKER,
    "muon.Muon": lambda: Muon([torch.ones(3, 2)], lr=0.1, momentum=0.9, weight_decay=0.0),
    "training.Rows": lambda: Rows(TEXT, 2),
    "training.Objective": lambda: Objective(MODEL),
    "training.Trainer": trainer,
    "presets.Preset": lambda: dataclasses.replace(PRESET, boundary=END),
}


# ---- is it complete? -------------------------------------------------------------------


def public_in(module: ModuleType):
    """Name → every public function, class and method that the module defines."""
    short = module.__name__.split(".")[-1]
    found = {}
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value):
            found[f"{short}.{name}"] = value
            if f"{short}.{name}" in TRUSTED:
                continue
            for method, body in vars(value).items():
                if not method.startswith("_") and isinstance(body, classmethod | staticmethod):
                    found[f"{short}.{name}.{method}"] = body.__func__
                elif not method.startswith("_") and inspect.isfunction(body):
                    found[f"{short}.{name}.{method}"] = body
        elif callable(value):
            found[f"{short}.{name}"] = value
    return found


PUBLIC = {
    name: value
    for module in MODULES
    for name, value in public_in(importlib.import_module(module)).items()
}


def parameters_of(name):
    parameters = dict(inspect.signature(PUBLIC[name]).parameters)
    parameters.pop("self", None)
    parameters.pop("cls", None)
    return parameters


def unaccounted():
    """The arguments that are neither in `ARGUMENTS` nor in `TRUSTED`."""
    return [
        f"{name}.{argument}"
        for name in PUBLIC
        if name not in TRUSTED
        for argument in parameters_of(name)
        if argument not in ARGUMENTS.get(name, {}) and f"{name}.{argument}" not in TRUSTED
    ]


def test_every_public_argument_is_checked_or_trusted_for_a_reason():
    assert unaccounted() == []
    assert {"loss.one_hot", "grammar.Grammar.sample", "training.Trainer.update"} <= PUBLIC.keys()


def test_an_argument_without_an_entry_is_noticed(monkeypatch):
    monkeypatch.delitem(ARGUMENTS["presets.Preset"], "warmup")
    monkeypatch.delitem(ARGUMENTS, "training.Trainer.update")
    monkeypatch.delitem(TRUSTED, "grammar.ask.prefix")
    assert unaccounted() == [
        "grammar.ask.prefix", "training.Trainer.update.progress", "presets.Preset.warmup",
    ]  # fmt: skip


def test_no_entry_is_of_what_is_gone():
    for name, arguments in ARGUMENTS.items():
        assert name in PUBLIC, name
        assert arguments.keys() <= parameters_of(name).keys(), name
    for name in TRUSTED:
        function, _, argument = name.rpartition(".")
        assert name in PUBLIC or argument in parameters_of(function), name


# ---- is each refused, by name? ---------------------------------------------------------


def call(name, **changes):
    parameters = parameters_of(name)
    given = {argument: entry.right for argument, entry in ARGUMENTS[name].items()}
    if "name" in parameters:  # of `checks`: the error then names the argument that was wrong
        given["name"] = next(iter(changes), "values")
    given |= {"vocabulary_size": 2} if name == "checks.word_ids" else {}
    given |= {"options": ("mean", "sum")} if name == "checks.choice" else {}
    given |= {"kind": int} if name == "checks.instance" else {}
    if name in ("compression.compress", "compression.decompress"):
        given["model"] = AdaptiveNGrams(8)
    if name == "grammar.ask":
        given["prefix"] = []
    if name == "figures.label":
        given["axes"] = plt.gca()
    owner, _, method = name.rpartition(".")
    ask = getattr(INSTANCES[owner](), method) if owner in INSTANCES else PUBLIC[name]
    answer = ask(**given | changes)
    return list(answer) if hasattr(answer, "__next__") else answer


CALLED = [
    name for name in ARGUMENTS if name not in ("checks.has_words", "training.Trainer.restore")
]


@pytest.mark.parametrize("name", CALLED)
def test_what_is_right_is_taken(name):
    call(name)


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    yield
    plt.close("all")


def refusal(call, error, said):
    """What is wrong with the way in which a call is refused; None: nothing."""
    try:
        call()
    except Exception as caught:
        *_, (frame, _) = traceback.walk_tb(caught.__traceback__)
        if type(caught) is not error:  # nor one of its subclasses, such as UnicodeError
            return f"{type(caught).__name__}, not {error.__name__}: {caught}"
        if not re.search(rf"\b{said}\b.*(must|expected|counts)", str(caught), re.DOTALL):
            return f"does not say what {said} must be: {caught}"
        if Path(frame.f_code.co_filename).parent.name not in ("nwp", "lab"):
            return f"raised by another package: {caught}"
        return None
    return "taken"


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name in ARGUMENTS for argument in ARGUMENTS[name]]
)
def test_what_is_wrong_is_named(name, argument):
    entry = ARGUMENTS[name][argument]
    default = parameters_of(name)[argument].default
    wrong = [
        (TypeError, value)
        for value in entry.wrong_types
        if value is not None or default is not None
    ]
    wrong += [(ValueError, value) for value in entry.out_of_range]
    assert wrong
    complaints = {}
    for error, value in wrong:
        complaints[repr(value)] = refusal(
            lambda value=value: call(name, **{argument: value}), error, entry.called or argument
        )
    assert not {value: said for value, said in complaints.items() if said}


def test_a_refusal_that_says_nothing_is_noticed():
    def raises(error):
        raise error

    assert refusal(lambda: None, TypeError, "rate") == "taken"
    assert "not TypeError" in refusal(lambda: raises(ValueError("rate must")), TypeError, "rate")
    assert "does not say" in refusal(lambda: raises(TypeError("bad operand")), TypeError, "rate")
    assert "another" in refusal(lambda: raises(TypeError("rate must")), TypeError, "rate")
