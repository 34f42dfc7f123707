"""Chapter 8: what the text of Machado says before any model is trained on it.

How many bytes it has; what it costs to spell the words that a vocabulary does not know; and how the
standard error of a mean loss, that of the trigram, depends on the blocks that it is told from.
"""

import argparse
from pathlib import Path

import numpy as np
from recording import describe, write

from lab import corpora
from lab.kneser_ney import KneserNey
from nwp.generalization import BLOCKS, standard_error
from nwp.text import Vocabulary, word_pattern

LEAST_COUNTS = 2, 20  # words that training shows less often are unknown
LETTERS = 5  # the order of the model that spells
WORDS_OF_A_BLOCK = 64, 256, 1024  # and a 16th of the text


def spelling(train: list[str], words: list[str]) -> float:
    """Return the nats to spell `words`, each with its end, by letters as those of `train` have."""
    letters = sorted({letter for word in (*train, *words) for letter in word})
    number = {letter: i for i, letter in enumerate(letters, start=1)}

    def ids(spelled: list[str]) -> list[int]:  # 0 before, between and after the words
        return [0, *(i for word in spelled for i in (*map(number.__getitem__, word), 0))]

    model = KneserNey(ids(train), LETTERS, len(number) + 1)
    return float(model.losses(ids(words))[1:].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="machado", help="machado, or a file")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    text = corpora.load(arguments.corpus, unit="word")
    pattern = word_pattern(text.train + text.validation)
    train, validation = (pattern.findall(part) for part in (text.train, text.validation))
    result = describe("cpu", 0, None) | {
        "corpus": arguments.corpus,
        "letters_order": LETTERS,
        "validation_bytes": len(text.validation.encode()),
        "validation_words": len(validation),
        "vocabularies": {},
    }
    for least in LEAST_COUNTS:
        vocabulary = Vocabulary.from_text(text.train, minimum_count=least)
        known = set(vocabulary.words)
        strange, rare = ([w for w in part if w not in known] for part in (validation, train))
        result["vocabularies"][len(vocabulary)] = {
            "unknown_words": len(strange),
            "unknown_bytes": len("".join(strange).encode()),
            "spelling_nats": spelling(rare, strange),
        }
        if least == LEAST_COUNTS[0]:
            before = vocabulary.ids(train)
            losses = KneserNey(before, 3, len(vocabulary)).losses(
                vocabulary.ids(validation), before[-1:]
            )
            counts = [len(losses) // words for words in WORDS_OF_A_BLOCK] + [BLOCKS]
            result["trigram"] = {
                "loss": float(np.mean(losses)),
                "errors": [
                    {"blocks": blocks, "error": standard_error(losses, blocks=blocks)}
                    for blocks in counts
                ],
            }
    print({key: result[key] for key in ("vocabularies", "trigram")})
    write(arguments.out, result)


if __name__ == "__main__":
    main()
