"""What a model that answers word by word lacks to a grammar: for the tests of several modules."""

import numpy as np

from nwp.grammar import Grammar, NextWordModel, ask
from nwp.teacher_forcing import PrefixTree


def excess_loss(grammar: Grammar, model: NextWordModel) -> float:
    """Return the mean divergence of its predictions from the truth, in nats per word."""
    answers = [ask(model, list(prefix)) for prefix in grammar.prefixes()]
    words = sorted({*grammar.words}.union(*answers))  # a model may know more
    tree = PrefixTree(grammar, words)
    predicted = [[answer.get(word, 0.0) for word in words] for answer in answers]
    return float(tree.share @ tree.divergence(np.array(predicted)))
