"""The summary has thirteen lines and as many formulas, which hold, and leaves no chapter out."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from ledger import ROOT, all_claims, chapter_paths
from numpy.testing import assert_allclose

from nwp.compression import Encoder, frequencies, is_uniquely_decodable, step_to
from nwp.convexity import hessian_in_logits
from nwp.derivative import gradient_wrt_logits, gradient_wrt_probabilities
from nwp.equivalence import bits, entropy, kl_divergence, perplexity
from nwp.generalization import expected_estimation_error, expected_optimism
from nwp.grammar import Grammar
from nwp.loss import (
    cross_entropy,
    cross_entropy_from_logits,
    cross_entropy_one_hot,
    one_hot,
    softmax,
)
from nwp.teacher_forcing import PrefixTree, sequence_loss
from nwp.vocabulary import linear_cross_entropy
from nwp.weights import logit_step

PAGE = (ROOT / "reference" / "summary.md").read_text(encoding="utf-8")
LINES = re.split(r"^\d+\. ", PAGE, flags=re.MULTILINE)[1:]
FORMULAS = re.findall(r"\$\$(.+?)\$\$", PAGE)
RANDOM = np.random.default_rng(0)


def test_each_line_has_one_formula_and_its_claims_and_each_chapter_a_claim():
    assert len(LINES) == len(FORMULAS) == len(CHECKS) == 13
    chapter_of = {claim.label: claim.chapter for claim in all_claims()}
    chapters = set()
    for line in LINES:
        assert line.count("$$") == 2
        named = re.findall(r"\{prf:ref\}`([a-z0-9-]+)`", line)
        assert named
        chapters |= {chapter_of[label] for label in named}
    assert chapters == {path.stem for path in chapter_paths()}


def draw(size=6):
    z, w = RANDOM.normal(scale=3, size=size), int(RANDOM.integers(size))
    return z, softmax(z), w


def loss():
    _, y_hat, w = draw()
    assert_allclose(cross_entropy(y_hat, w), -np.log(y_hat[w]))


def from_logits():
    z, _, w = draw()
    k = z.argmax()
    m = z[k]
    others = sum(np.exp(z[j] - m) for j in range(z.size) if j != k)
    assert_allclose(cross_entropy_from_logits(z, w), (m - z[w]) + np.log(1 + others))


def probable_text():
    grammar = Grammar.portuguese()
    words = ["o", "sol", "brilha", "forte", "."]
    predictions = [grammar.next_word_distribution(words[:t])[words[t]] for t in range(1, 5)]
    after_the_first = sequence_loss(grammar, words) - sequence_loss(grammar, words[:1])
    assert_allclose(after_the_first, -np.log(np.prod(predictions)))


def floor():
    p, q = RANDOM.dirichlet(np.ones(5), size=2)
    assert_allclose(cross_entropy_one_hot(q, p), -np.sum(p * np.log(q)))
    assert_allclose(-np.sum(p * np.log(q)), entropy(p) + kl_divergence(p, q))
    assert kl_divergence(p, q) > 0 == kl_divergence(p, p)


def one_mean():
    chosen = RANDOM.uniform(0.1, 1, size=7)
    rows = np.stack([chosen, 1 - chosen], axis=-1)
    mean = cross_entropy(rows, np.zeros(7, int))
    assert_allclose(perplexity(mean), np.exp(mean))
    assert_allclose(perplexity(mean), np.prod(chosen) ** (-1 / 7))


def curvature():
    z, y_hat, w = draw()
    witness = torch.autograd.functional.hessian(
        lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(w)), torch.from_numpy(z)
    )
    by_hand = np.diag(y_hat) - np.outer(y_hat, y_hat)
    assert_allclose(witness.numpy(), by_hand, atol=1e-12)
    assert_allclose(hessian_in_logits(z), by_hand, atol=1e-12)


def gradients():
    z, y_hat, w = draw()
    assert_allclose(gradient_wrt_probabilities(y_hat, w)[w], -1 / y_hat[w])
    leaf = torch.tensor(z, requires_grad=True)
    torch.nn.functional.cross_entropy(leaf, torch.tensor(w)).backward()
    assert_allclose(leaf.grad.numpy(), y_hat - one_hot(w, z.size), atol=1e-12)
    assert_allclose(gradient_wrt_logits(z, w), y_hat - one_hot(w, z.size), atol=1e-12)


def one_step():
    z, y_hat, w = draw()
    for eta in (0.01, 1.0, 5.0):
        after = softmax(logit_step(z, w, eta))
        j = (w + 1) % z.size
        growth = np.exp(eta * (1 - y_hat[w] + y_hat[j]))
        assert_allclose(after[w] / after[j], y_hat[w] / y_hat[j] * growth)


def products():
    h, w = (
        torch.from_numpy(RANDOM.normal(size=shape)).requires_grad_() for shape in ((5, 3), (7, 3))
    )
    targets = torch.tensor([0, 6, 2, 2, 4])
    linear_cross_entropy(h, w, targets).backward()
    z = (h @ w.T).detach().numpy()
    g = (softmax(z) - one_hot(targets.numpy(), 7)) / 5
    assert_allclose(h.grad.numpy(), g @ w.detach().numpy(), atol=1e-12)
    assert_allclose(w.grad.numpy(), g.T @ h.detach().numpy(), atol=1e-12)


def escape():
    grammar = Grammar.portuguese()
    tree = PrefixTree(grammar, grammar.words)
    noise = RANDOM.dirichlet(np.ones(len(grammar.words)), size=len(tree.truth))
    for amount in (0.01, 0.1, 0.5):
        model = (1 - amount) * tree.truth + amount * noise
        d = tree.reach @ tree.divergence(model)
        assert 0 < tree.departures(model).sum() <= 1 - np.exp(-d)


def short_file():
    table = RANDOM.dirichlet(np.ones(3), size=3)
    text, parts, encoder = RANDOM.integers(0, 3, size=20), frequencies(table), Encoder()
    for before, word in itertools.pairwise(text):
        encoder.encode(*step_to(parts[before], word))
    losses = cross_entropy(table[text[:-1]], text[1:], reduction="none")
    rounding = 19 * math.log2(1 + 3 / 2**24) + 1e-6  # to integers
    assert encoder.finish()[1] < losses.sum() / math.log(2) + 2 + rounding
    strings = ["0", "1", "00", "01", "10", "11", "010"]
    p = RANDOM.dirichlet(np.ones(3))
    codes = [code for code in itertools.permutations(strings, 3) if is_uniquely_decodable(code)]
    assert codes
    assert min(p @ [len(word) for word in code] for code in codes) >= bits(entropy(p))


def only_logarithm():
    p, q = RANDOM.dirichlet(np.ones(4), size=2)
    c, d = RANDOM.exponential(), RANDOM.normal(size=4)

    def f(x):
        return -c * np.log(x) + d

    assert_allclose(p @ (f(q) - f(p)), c * kl_divergence(p, q))


def next_text():
    p, q, n, k = np.array([0.6, 0.4]), np.array([0.5, 0.5]), 12, 1.0
    texts = np.array(list(itertools.product((0, 1), repeat=n)))
    lead = np.log(q / p)[texts].cumsum(axis=1).max(axis=1)
    assert 0 < p[texts].prod(axis=1)[lead >= k].sum() <= math.exp(-k)
    p, n = np.array([0.5, 0.3, 0.2]), 1000
    both = expected_optimism(p, n), expected_estimation_error(p, n, 0.5)
    assert_allclose(both, (3 - 1) / (2 * n), rtol=0.01)


CHECKS = {
    r"L = -\log \hat y[w]": loss,
    r"L = (m - z[w]) + \log\Bigl(1 + \sum_{j \ne k} e^{z[j] - m}\Bigr)": from_logits,
    r"\sum_t L_t = -\log P(w_2, \dots, w_T \mid w_1)": probable_text,
    r"-\sum_i p_i \log q_i = H(p) + D(p \Vert q), \quad D(p \Vert q) \ge 0": floor,
    r"\exp\Bigl(\frac{1}{N} \sum_t L_t\Bigr) "
    r"= \Bigl(\prod_t \hat y_t[w_{t+1}]\Bigr)^{-1/N}": one_mean,
    r"\nabla_z^2 L = \operatorname{diag}(\hat y) - \hat y\, \hat y^{\mathsf T}": curvature,
    r"\frac{\partial L}{\partial \hat y[w]} = -\frac{1}{\hat y[w]}, "
    r"\quad \frac{\partial L}{\partial z} = \hat y - y": gradients,
    r"\frac{\hat y'[w]}{\hat y'[j]} = \frac{\hat y[w]}{\hat y[j]}\, "
    r"e^{\eta (1 - \hat y[w] + \hat y[j])}": one_step,
    r"\frac{\partial L}{\partial H} = G\, W, "
    r"\quad \frac{\partial L}{\partial W} = G^{\mathsf T} H": products,
    r"\text{share outside} \le 1 - e^{-D}": escape,
    r"\ell < \frac{1}{\log 2} \sum_t L_t + 2, "
    r"\quad \sum_x P(x)\, \ell(x) \ge -\sum_x P(x) \log_2 P(x)": short_file,
    r"f_w(x) = -c \log x + d_w, \quad \sum_w p[w] \bigl( f_w(q[w]) - f_w(p[w]) \bigr) "
    r"= c\, D(p \Vert q)": only_logarithm,
    r"P(\text{lead} \ge k) \le e^{-k}, \quad \operatorname{E} D(\hat p \Vert p) "
    r"\approx \frac{\lvert V \rvert - 1}{2n} \approx \operatorname{E} D(p \Vert \hat p)": next_text,
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_formula_holds(formula):
    assert formula in CHECKS, f"no check evaluates {formula}"
    CHECKS[formula]()
