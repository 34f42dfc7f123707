"""Next-word prediction with the cross-entropy loss: the package behind the book.

Modules are named after their chapters and read like their mathematics; the others are the
ground that they share. Losses are in nats.
Importing `nwp` loads NumPy alone; what needs PyTorch is loaded when it is first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

from nwp.convexity import (
    chord_gap,
    hessian_in_logits,
    hessian_in_probabilities,
    two_weight_loss,
)
from nwp.derivative import (
    central_differences,
    gradient_wrt_logits,
    gradient_wrt_probabilities,
    project_to_tangent,
    softmax_jacobian,
)
from nwp.equivalence import (
    bits,
    empirical_conditional_entropy,
    empirical_next_word,
    entropy,
    kl_divergence,
    log_likelihood,
    next_word_counts,
    perplexity,
)
from nwp.grammar import Grammar
from nwp.loss import (
    cross_entropy,
    cross_entropy_from_logits,
    cross_entropy_one_hot,
    log_softmax,
    one_hot,
    softmax,
)
from nwp.ngrams import KneserNey, NGram
from nwp.teacher_forcing import PrefixTree, mixed_inputs, pairs, sequence_loss, shift
from nwp.text import CharacterVocabulary, Vocabulary
from nwp.weights import (
    Nodes,
    Weights,
    backward,
    descend,
    forward,
    logit_step,
    safe_learning_rate,
    turning_rates,
)

__all__ = [
    "CharacterVocabulary",
    "Grammar",
    "KneserNey",
    "NGram",
    "NextWords",
    "Nodes",
    "PrefixTree",
    "Transformer",
    "Vocabulary",
    "Weights",
    "backward",
    "bits",
    "central_differences",
    "chord_gap",
    "cross_entropy",
    "cross_entropy_from_logits",
    "cross_entropy_one_hot",
    "descend",
    "empirical_conditional_entropy",
    "empirical_next_word",
    "entropy",
    "forward",
    "gradient_wrt_logits",
    "gradient_wrt_probabilities",
    "hessian_in_logits",
    "hessian_in_probabilities",
    "kl_divergence",
    "linear_cross_entropy",
    "log_likelihood",
    "log_softmax",
    "logit_step",
    "mixed_inputs",
    "next_word_counts",
    "one_hot",
    "pairs",
    "perplexity",
    "project_to_tangent",
    "safe_learning_rate",
    "sequence_loss",
    "shift",
    "softmax",
    "softmax_jacobian",
    "turning_rates",
    "two_weight_loss",
]

if TYPE_CHECKING:  # a reader of types sees them; nothing is loaded
    from nwp.model import NextWords, Transformer
    from nwp.vocabulary import linear_cross_entropy

_NEEDS_TORCH = {
    "NextWords": "nwp.model",
    "Transformer": "nwp.model",
    "linear_cross_entropy": "nwp.vocabulary",
}


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        return getattr(importlib.import_module(_NEEDS_TORCH[name]), name)
    raise AttributeError(f"module 'nwp' has no attribute {name!r}")
