"""The table of symbols names code that does what it says, and where a symbol comes first."""

import importlib
import inspect
import pkgutil
import re

import numpy as np
import pytest
from editions import PORTUGUESE
from ledger import ROOT, chapter_paths
from myst import markdown_of
from numpy.testing import assert_allclose

import nwp
from nwp.compression import frequencies
from nwp.convexity import hessian_in_logits, two_weight_loss
from nwp.derivative import (
    gradient_wrt_logits,
    gradient_wrt_probabilities,
    project_to_tangent,
)
from nwp.equivalence import (
    empirical_conditional_entropy,
    empirical_next_word,
    entropy,
    kl_divergence,
    log_likelihood,
    next_word_counts,
)
from nwp.grammar import Grammar
from nwp.loss import cross_entropy, one_hot, softmax
from nwp.scoring import bregman_divergence, brier_cost, mean_cost
from nwp.teacher_forcing import PrefixTree, sequence_loss
from nwp.weights import Weights, backward, forward, safe_learning_rate

ROW = re.compile(
    r"^\| \$(?P<symbol>.+?)\$ \| (?P<read>[^|]+) \| (?P<shape>.+?) \| (?P<code>(?:[^|]*\S )?)"
    r"\| \{doc\}`chapter (?P<number>\d+) <\.\./chapters/(?P<chapter>0*(?P=number)_\w+)>` \|$",
    re.MULTILINE,
)
PAGE = (ROOT / "reference" / "symbols.md").read_text(encoding="utf-8")
ROWS = [match.groupdict() for match in ROW.finditer(PAGE)]
CODE = re.compile(r"`(\w+)`")


def mathematics_of(path):
    """The formulas of a chapter."""
    formulas = re.findall(r"\$\$(.*?)\$\$|\$([^$]+)\$", markdown_of(path), re.DOTALL)
    return " | ".join("".join(pair) for pair in formulas)


MATHEMATICS = {path.stem: mathematics_of(path) for path in chapter_paths()}


def names_of_nwp():
    """Public functions, classes, their fields, and parameters."""
    names = set()
    modules = [f"nwp.{module.name}" for module in pkgutil.iter_modules(nwp.__path__)]
    modules.remove("nwp.kernels")  # needs Triton
    for module in [*modules, "lab.training", "lab.muon"]:
        for name, thing in vars(importlib.import_module(module)).items():
            if name.startswith("_") or getattr(thing, "__module__", "")[:4] not in ("nwp.", "lab."):
                continue
            names.add(name)
            names |= set(getattr(thing, "_fields", ()))
            if inspect.isfunction(thing):
                names |= set(inspect.signature(thing).parameters)
    return names


def occurs(symbol, mathematics):
    """Whether a formula holds the symbol, and not as a part of a longer name."""
    before = r"(?<![A-Za-z\\])" if symbol[0].isalpha() else ""
    after = r"(?![A-Za-z_'])" if symbol[-1].isalpha() else ""
    inner = re.escape(symbol).replace(r"\ ", r"\s*")
    return re.search(before + inner + after, mathematics) is not None


def test_every_row_is_read():
    lines = [line for line in PAGE.splitlines() if line.startswith("| $")]
    assert len(ROWS) == len(lines) >= 30
    assert len({row["symbol"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["symbol"])
def test_the_code_name_exists(row):
    assert set(CODE.findall(row["code"])) <= names_of_nwp()


# What the code computes for a symbol, and the symbol by hand.
Y, Z, W = np.array([0.05, 0.10, 0.05, 0.80]), np.log([0.05, 0.10, 0.05, 0.80]), 3
E_W = np.array([0.0, 0.0, 0.0, 1.0])
HESSIAN = np.diag(Y) - np.outer(Y, Y)
TEXT = [0, 1, 0, 2, 0, 1]  # after 0 comes 1 twice and 2 once
P = np.array([2 / 3, 1 / 3])
H_P = -np.sum(P * np.log(P))
MODEL = Weights(np.array([[1.0, 0.5], [2.0, -1.0]]), np.array([[1.0, 0.0], [0.5, 2.0]]))
ERROR = (softmax([1.0, 1.5]) - [0, 1])[None]
COIN = Grammar(
    {"start": [("a", 0.5, 1), ("b", 0.5, 1)], 1: [("c", 0.25, 2), (".", 0.75, "start")]}
    | {2: [(".", 1.0, "start")]}
)
TREE = PrefixTree(COIN, ["a", "b", "c", "."])


def marginal(t):
    at = TREE.length == t
    return TREE.reach[at] @ TREE.truth[at] / TREE.reach[at].sum()


COMPUTED = {
    r"\hat y_t[w_{t+1}]": lambda: (Y[W], 0.8),
    "y_t": lambda: (one_hot(W, 4), E_W),
    r"\operatorname{softmax}": lambda: (softmax([0.0, np.log(3)]), [0.25, 0.75]),
    "L_{CE}": lambda: (cross_entropy(Y, W), -np.log(0.8)),
    "H(p)": lambda: (entropy(P), H_P),
    r"D(p \Vert q)": lambda: (kl_divergence(P, [0.5, 0.5]), np.log(2) - H_P),
    r"P_\theta": lambda: (np.exp(log_likelihood([[0.5, 0.5], [0.2, 0.8]], [0, 1])), 0.4),
    "n_c": lambda: ([sum(n) for n in next_word_counts(TEXT, 3, 1).values()], [3, 1, 1]),
    r"\hat p_c": lambda: (empirical_next_word(TEXT, 3, 1)[(0,)], [0, *P]),
    "F": lambda: (empirical_conditional_entropy(TEXT, 3, 1), 3 / 5 * H_P),
    "m_t": lambda: (marginal(1), [0, 0, 0.25, 0.75]),
    "f_i": lambda: (frequencies([0.25, 0.75], 2), [2, 4]),
    "S(p; q)": lambda: (mean_cost(brier_cost([0.5, 0.5]), P), 0.5),
    "D_G(p, q)": lambda: (
        bregman_divergence(lambda p: p @ p, lambda p: 2 * p, P, [0.5, 0.5]),
        ((P - 0.5) ** 2).sum(),
    ),
    r"\bar L": lambda: (
        forward(MODEL, [0, 0], [0, 1]).losses.mean(),
        -np.log(softmax([1.0, 1.5])).mean(),
    ),
    r"\Lambda": lambda: (2 / safe_learning_rate([0, 0, 0, 1]), 3 / 4 / 2),
    "G": lambda: (
        backward(MODEL, [0], [1])[0].linear,
        ERROR.T @ MODEL.embedding[:1],
    ),
    "h": lambda: (forward(MODEL, [1], [0]).hidden[0], MODEL.embedding[1]),
    "H": lambda: (hessian_in_logits(Z), HESSIAN),
    "Q": lambda: (np.exp(-sequence_loss(COIN, ["a", "."])), 0.5 * 0.75),
    r"\sigma": lambda: (np.exp(-two_weight_loss(2.0, 3.0)), 1 / (1 + np.exp(-6.0))),
    r"\lVert H \rVert": lambda: (np.linalg.norm(hessian_in_logits([0.0, 0.0]), 2), 0.5),
    "e_w": lambda: (one_hot(W, 4), E_W),
    "J": lambda: (hessian_in_logits(Z), HESSIAN),
    "P v": lambda: (project_to_tangent([1.0, 2.0, 6.0]), [-2, -1, 3]),
    r"\nabla": lambda: (
        [gradient_wrt_logits(Z, W), gradient_wrt_probabilities(Y, W)],
        [Y - E_W, -E_W / 0.8],
    ),
}
NAMED = {  # the code's name for the thing itself
    "V": "Vocabulary",
    r"\lvert V \rvert": "vocabulary_size",
    "w_t": "tokens",
    "w_{t+1}": "targets",
    r"\hat y_t": "probabilities",
    "z": "logits",
    r"\theta": "Weights",
    r"\eta": "learning_rate",
    "E[x]": "embedding",
    "U": "linear",
    "W": "table weight",
    r"\alpha": "strength",
    r"L_\infty": "offset",
}


def test_every_row_says_what_the_code_does():
    code = {row["symbol"]: row["code"].strip() for row in ROWS if row["code"].strip()}
    assert code.keys() == COMPUTED.keys() | NAMED.keys()
    assert {symbol: " ".join(CODE.findall(code[symbol])) for symbol in NAMED} == NAMED


@pytest.mark.parametrize("symbol", COMPUTED)
def test_the_code_computes_the_symbol(symbol):
    computed, by_hand = COMPUTED[symbol]()
    assert_allclose(computed, by_hand, atol=1e-14)
    code = next(row["code"] for row in ROWS if row["symbol"] == symbol)
    words = set(re.findall(r"\w+", inspect.getsource(COMPUTED[symbol]))) | {"entropy", "hidden"}
    constants = {"probabilities", "targets", "PrefixTree"}  # Y, W and TREE
    assert set(CODE.findall(code)) - constants <= words


def test_the_portuguese_rows_name_the_same_code():
    names = [
        [re.findall(r"^\| \$(.+?)\$ \|", line) + CODE.findall(line) for line in text.splitlines()]
        for text in (PAGE, (PORTUGUESE / "reference" / "symbols.md").read_text(encoding="utf-8"))
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["symbol"])
def test_the_symbol_first_appears_there(row):
    symbol = row["symbol"]
    first = next(chapter for chapter, text in MATHEMATICS.items() if occurs(symbol, text))
    assert first == row["chapter"], f"${symbol}$ appears first in {first}"


@pytest.mark.parametrize(
    ("symbol", "formula", "there"),
    [
        ("h", "z = U h", True),
        ("h", r"\hat y", False),
        (r"\theta", r"\theta \in \Theta", True),
        (r"\Theta", r"\theta", False),
        (r"\hat y_t", r"\hat y_{t}", False),
        ("z", "z' - 1", False),
    ],
)
def test_longer_names_are_other_symbols(symbol, formula, there):
    assert occurs(symbol, formula) == there
