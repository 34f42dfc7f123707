r"""A source of Portuguese sentences whose entropy is known exactly.

Chapters 7 and 8. A trained model can only be judged against a floor, and for real text
nobody knows the floor. Here it is a number: the source is *unifilar* (state and word fix
the next state), so whoever has read a sentence from its beginning knows the state, and

.. math:: h = -\sum_s \pi(s) \sum_w p(w \mid s) \log p(w \mid s)

with the stationary distribution :math:`\pi` is the least mean loss that any model can have.
Natural logarithms: entropies in nats per word.

Source: Shannon, "A Mathematical Theory of Communication" (1948), sections 5 to 7;
Cover & Thomas, *Elements of Information Theory*, section 4.2; Jurafsky & Martin, *Speech and
Language Processing*, draft of 3 February 2024, chapter 3 (perplexity's relation to
entropy).
"""

import graphlib
import math
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from nwp import checks

END = "."  # the word that ends every sentence
State = Hashable
Transitions = tuple[tuple[str, float, State], ...]  # (word, probability, next state)


@runtime_checkable
class NextWordModel(Protocol):
    """Whatever predicts the next word: a `Grammar`, an n-gram model, a Transformer."""

    def next_word_distribution(self, prefix: Sequence[str]) -> Mapping[str, float]:
        """Return word → probability, given the words since the sentence began."""
        ...


def ask(model: NextWordModel, prefix: Sequence[str]) -> Mapping[str, float]:
    """Return what `model` answers to `prefix`; refuse what is no model, and no mapping."""
    checks.instance("model", model, NextWordModel)
    answer = model.next_word_distribution(prefix)
    checks.instance("the answer of model", answer, Mapping)
    return answer


class Grammar:
    """A unifilar source of sentences.

    Parameters
    ----------
    transitions : mapping from every state to its (word, probability, next state) triples
    start : the state before a sentence; "." leads to it, and no other word does

    Raises
    ------
    TypeError, ValueError
        Where `transitions` are not of these types, a probability is not in (0, 1], those of a
        state do not sum to 1, a state has the same word twice (then the words would not tell the
        state), or a state cannot be reached from `start` or cannot reach it.
    """

    def __init__(
        self,
        transitions: Mapping[State, Iterable[tuple[str, float, State]]],
        start: State = "start",
    ) -> None:
        checks.instance("transitions", transitions, Mapping)
        self.transitions = {
            state: _triples(f"transitions[{state!r}]", row) for state, row in transitions.items()
        }
        self.start = start
        _hashable("start", start)
        if start not in self.transitions:
            raise ValueError(f"start must be a state of transitions, got {start!r}")
        for state, row in self.transitions.items():
            self._check(f"transitions[{state!r}]", row)
        index = {state: i for i, state in enumerate(self.transitions)}
        self._matrix = np.zeros((len(index), len(index)))  # P(next state | state)
        for state, row in self.transitions.items():
            for _, probability, after in row:
                self._matrix[index[state], index[after]] += probability
        paths = self._matrix + np.eye(len(index)) > 0  # of at most 1 word; then 2, 4, 8, ...
        for _ in range(len(index).bit_length()):
            paths = paths.astype(float) @ paths > 0
        for reached, claim in ((paths[index[start]], "from"), (paths[:, index[start]], "back to")):
            if not reached.all():
                lost = list(index)[np.argmin(reached)]
                raise ValueError(f"transitions must lead {claim} start, got no way for {lost!r}")
        #: Every word of the language, sorted.
        self.words = tuple(sorted({word for row in self.transitions.values() for word, *_ in row}))
        self._next = {
            state: {word: after for word, _, after in row}
            for state, row in self.transitions.items()
        }

    def _check(self, name: str, row: Transitions) -> None:
        for word, probability, after in row:
            if [other for other, *_ in row].count(word) > 1:
                raise ValueError(f"{name} must have every word once, got {word!r} twice")
            checks.number(f"{name}, the probability of {word!r},", probability, above=0, at_most=1)
            if after not in self.transitions:
                raise ValueError(f"{name} must lead to states, got {after!r}")
            if (word == END) != (after == self.start):
                raise ValueError(f"{name} must lead to start with {END!r} only, got {word!r}")
        total = math.fsum(probability for _, probability, _ in row)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"{name} must have probabilities that sum to 1, got {total}")

    @classmethod
    def portuguese(cls) -> "Grammar":
        """Return the book's language; "o cão ladra ." and "o sol brilha forte ." are in it.

        Articles, nouns and adjectives agree in gender and number, verbs in number, each noun
        has its own verbs, and a relative clause may stand between: "os cães que o gato preto
        vê ladram .". Clauses are not nested, so the language is finite.
        """
        return cls(_portuguese())

    def sample(self, count: int, seed: int) -> list[str]:
        """Draw `count` words, sentence after sentence; the last may be cut short.

        The same `seed` gives the same words, and a shorter sample begins a longer one.
        """
        count = checks.integer("count", count, at_least=0)
        generator = np.random.default_rng(checks.integer("seed", seed, at_least=0))
        steps = {
            state: (list(accumulate(p for _, p, _ in row[:-1])), row)  # the last word has the rest
            for state, row in self.transitions.items()
        }
        words, state = [], self.start
        for uniform in generator.random(count).tolist():
            cumulative, row = steps[state]
            word, _, state = row[bisect(cumulative, uniform)]
            words.append(word)
        return words

    def next_word_distribution(self, prefix: Sequence[str]) -> dict[str, float]:
        """Return the exact word → probability, the possible words only.

        Parameters
        ----------
        prefix : the words since a sentence began; whole sentences before them change nothing

        Raises
        ------
        TypeError, ValueError
            Where `prefix` is not a sequence of words, or no sentence begins so.
        """
        state = self.start
        for position, word in enumerate(checks.words("prefix", prefix)):
            if word not in self._next[state]:
                raise ValueError(
                    f"prefix must begin a sentence of the grammar: after {list(prefix[:position])}"
                    f" comes one of {sorted(self._next[state])}, got {word!r}"
                )
            state = self._next[state][word]
        return {word: probability for word, probability, _ in self.transitions[state]}

    @cached_property
    def stationary(self) -> dict[State, float]:
        r"""Share of time in each state, the solution of :math:`\pi P = \pi` with sum 1."""
        equations = self._matrix.T - np.eye(len(self._matrix))
        equations[0] = 1.0  # one balance equation follows from the others; the sum replaces it
        right = np.eye(len(equations))[0]
        return dict(zip(self.transitions, np.linalg.solve(equations, right).tolist(), strict=True))

    def entropy_rate(self) -> float:
        """Return the floor of the mean loss of every model, in nats per word."""
        return math.fsum(
            share * _entropy(p for _, p, _ in self.transitions[state])
            for state, share in self.stationary.items()
        )

    def ngram_entropy(self, k: int) -> float:
        r"""Return :math:`H(W_{k+1} \mid W_1 \dots W_k)` of the stationary source, in nats.

        The floor for a model that sees only the last `k` words, and not the state: k = 0 for
        the unigram, 1 for the bigram. Exact: for every context of k words we carry
        P(context, state), and contexts that tell the same about the state are merged, because
        the same words follow them with the same probabilities.
        """
        k = checks.integer("k", k, at_least=0)
        contexts = [self.stationary]  # each: state → P(context, state)
        for _ in range(k):
            merged: dict[Hashable, dict[State, float]] = {}
            for joint in contexts:
                for longer in self._read_one_word(joint).values():
                    mass = sum(longer.values())
                    belief = frozenset((s, round(p / mass, 12)) for s, p in longer.items())
                    same = merged.setdefault(belief, defaultdict(float))
                    for state, probability in longer.items():
                        same[state] += probability
            contexts = list(merged.values())
        entropy = []
        for joint in contexts:
            mass = sum(joint.values())
            words = (sum(after.values()) for after in self._read_one_word(joint).values())
            entropy.append(mass * _entropy(word / mass for word in words))
        return math.fsum(entropy)

    def _read_one_word(self, joint: Mapping[State, float]) -> dict[str, dict[State, float]]:
        """Split P(context, state) by the next word: word → (state → P(context word, state))."""
        split: dict[str, dict[State, float]] = defaultdict(lambda: defaultdict(float))
        for state, mass in joint.items():
            for word, probability, after in self.transitions[state]:
                split[word][after] += mass * probability
        return split

    def prefixes(self) -> dict[tuple[str, ...], float]:
        """Return every beginning of a sentence, shorter first → its share of all positions.

        The shares sum to 1. A model that predicts in batches can be asked for all at once.

        Raises
        ------
        ValueError
            Where a sentence can go round in a loop: it then has infinitely many beginnings.
        """
        inside = {
            state: {after for _, _, after in row if after != self.start}
            for state, row in self.transitions.items()
        }
        try:
            graphlib.TopologicalSorter(inside).prepare()
        except graphlib.CycleError as error:
            raise ValueError(f"the grammar must be free of loops, got {error.args[1]}") from None
        shares: dict[tuple[str, ...], float] = {}
        open_prefixes: list[tuple[tuple[str, ...], State, float]]
        open_prefixes = [((), self.start, self.stationary[self.start])]
        for prefix, state, share in open_prefixes:  # grows while we walk
            shares[prefix] = share
            open_prefixes += [
                ((*prefix, word), after, share * probability)
                for word, probability, after in self.transitions[state]
                if word != END
            ]
        return shares


def _triples(name: str, row: Iterable[tuple[str, float, State]]) -> Transitions:
    try:
        triples = tuple((word, probability, after) for word, probability, after in row)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must hold (word, probability, next state), got {row!r}") from None
    for word, _, after in triples:
        checks.text(f"{name}, a word,", word)
        _hashable(f"{name}, a next state,", after)
    return triples


def _hashable(name: str, state: State) -> None:
    try:
        hash(state)
    except TypeError:
        raise TypeError(f"{name} must be hashable, got {state!r}") from None


def _entropy(probabilities: Iterable[float]) -> float:
    return -math.fsum(p * math.log(p) for p in probabilities)


# ---------------------------------------------------------------- the Portuguese language


class Noun(NamedTuple):
    """A noun, and what the words around it depend on."""

    word: str
    kind: str  # "dog", "cat", "child" or "light"
    article: str  # "o", "a", "os" or "as": gender and number


NOUNS = (
    Noun("cão", "dog", "o"), Noun("cães", "dog", "os"),
    Noun("gato", "cat", "o"), Noun("gatos", "cat", "os"),
    Noun("gata", "cat", "a"), Noun("gatas", "cat", "as"),
    Noun("menina", "child", "a"), Noun("meninas", "child", "as"),
    Noun("sol", "light", "o"), Noun("lua", "light", "a"),
    Noun("estrela", "light", "a"), Noun("estrelas", "light", "as"),
)  # fmt: skip
ADJECTIVES = {
    "dog": ("preto", "branco", "pequeno"), "cat": ("preto", "branco", "pequeno"),
    "child": ("pequeno", "grande"), "light": ("branco", "grande"),
}  # fmt: skip
VERBS = {
    "dog": ("ladra", "corre", "dorme"), "cat": ("mia", "corre", "dorme"),
    "child": ("canta", "corre", "dorme"), "light": ("brilha",),
}  # fmt: skip
ADVERBS = {
    "ladra": ("alto", "muito"), "mia": ("alto", "muito"), "canta": ("alto", "bem"),
    "corre": ("bem", "muito"), "dorme": ("bem", "muito"), "brilha": ("forte", "muito"),
}  # fmt: skip
PLURALS = {
    "ladra": "ladram", "mia": "miam", "canta": "cantam", "brilha": "brilham", "vê": "veem",
    "corre": "correm", "dorme": "dormem", "segue": "seguem", "é": "são",
}  # fmt: skip


def _verbs(noun: Noun, *verbs: str) -> list[str]:
    """Put verbs in the number of the noun: "ladram"."""
    return [PLURALS[verb] if noun.article.endswith("s") else verb for verb in verbs]


def _adjectives(noun: Noun) -> list[str]:
    """Put the adjectives of its kind in the gender and number of the noun: "pretas", "grandes"."""
    return [
        word.removesuffix("o") + noun.article[0 if word.endswith("o") else 1 :]
        for word in ADJECTIVES[noun.kind]
    ]


Branch = tuple[Sequence[str], float, State]  # words that share a weight, and where they lead


def _scaled(total: float, branches: Iterable[Branch]) -> list[Branch]:
    """Let the weights of the branches sum to `total`."""
    branches = list(branches)
    scale = total / sum(weight for _, weight, _ in branches)
    return [(words, weight * scale, after) for words, weight, after in branches]


def _portuguese() -> dict[State, Transitions]:
    """Build the language from the ends of its sentences to their beginning."""
    states: dict[Transitions, State] = {}  # the same continuations are the same state

    def transitions(branches: Iterable[Branch]) -> Transitions:
        return tuple((w, p / len(ws), after) for ws, p, after in _scaled(1, branches) for w in ws)

    def state(*branches: Branch) -> State:
        return states.setdefault(transitions(branches), f"state {len(states) + 1}")

    def optional(words: Sequence[str], *then: Branch) -> State:
        return state((words, 0.3, state(*then)), *_scaled(0.7, then))

    def phrase(nouns: Iterable[Noun], then: Callable[[Noun], State]) -> list[Branch]:
        """Begin "os cães": an article, as often as there are nouns for it, and one of them."""
        groups: dict[str, list[Branch]] = defaultdict(list)
        for noun in nouns:
            groups[noun.article].append(([noun.word], 1, then(noun)))
        return [([article], len(group), state(*group)) for article, group in groups.items()]

    def after_subject(noun: Noun) -> State:
        """What a sentence says of the noun that it begins with."""
        others = [other for other in NOUNS if other.kind != noun.kind]
        agents = [other for other in others if other.kind != "light"]
        acts = [(_verbs(noun, v), 1, optional(ADVERBS[v], end)) for v in VERBS[noun.kind]]
        looks = (_verbs(noun, "é"), 0.25, state((_adjectives(noun), 1, state(end))))
        predicate = [*_scaled(0.75, acts), looks]  # "ladram", "ladram alto", "são pretos"
        seen = phrase(  # "(os cães que) o gato preto vê"
            agents,
            lambda agent: optional(
                _adjectives(agent), (_verbs(agent, "vê", "segue"), 1, state(*predicate))
            ),
        )
        if noun.kind == "light":
            return state(*_scaled(0.7, predicate), (["que"], 0.3, state(*seen)))

        def sees(*then: Branch) -> Branch:  # "veem o gato preto", and then
            found = phrase(others, lambda other: optional(_adjectives(other), *then))
            return (_verbs(noun, "vê", "segue"), 0.4, state(*found))

        return state(
            *_scaled(0.45, predicate),
            (_adjectives(noun), 0.1, state(*acts)),  # "pretos ladram"
            (["que"], 0.3, state(*_scaled(0.6, seen), sees(*predicate))),
            *_scaled(0.15, [sees(end)]),
        )

    end: Branch = ([END], 1, "start")
    start = transitions(phrase(NOUNS, after_subject))
    return {"start": start} | {name: row for row, name in states.items()}
