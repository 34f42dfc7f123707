"""Words and characters: what goes in comes out, in every script, or is refused in one sentence."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nwp.text import SENTENCE_END, CharacterVocabulary, Vocabulary, normalized, word_pattern

BOTH = pytest.mark.parametrize("kind", [Vocabulary, CharacterVocabulary])

# Letters, accents (composed and combining), marks that close and open, digits, spaces, others.
PIECES = st.sampled_from(
    [
        *"oaçãéZſßßİΣ0123²",
        *"\u0301\u0303\u200d\u00a0\u0928\u093f\ufe0f",
        *".,;:!?…)]}»”%([{«“-'’\"_/<>— \n\t\r\ufeff❤漢\U0001f469",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES).map("".join))
WITH_WORDS = TEXTS.filter(lambda text: normalized(text).strip())


def words_of(text):
    return word_pattern(text).findall(text)


# ---------------------------------------------------------------- there and back


@given(TEXTS.filter(normalized))
def test_characters_come_back_exactly(text):
    for boundary in (None, "<s>"):
        vocabulary = CharacterVocabulary.from_text(text, boundary=boundary)
        assert vocabulary.decode(vocabulary.encode(text)) == normalized(text)


@given(WITH_WORDS)
@example("( \u0301a")  # a mark without a letter must not settle on the parenthesis
def test_words_come_back_up_to_spaces(text):
    for boundary in (None, "<s>"):
        vocabulary = Vocabulary.from_text(text, unknown=None, boundary=boundary)
        back = vocabulary.decode(vocabulary.encode(text))
        assert "".join(back.split()) == "".join(normalized(text).split())
        assert words_of(back) == words_of(normalized(text))
        assert vocabulary.decode(vocabulary.encode(back)) == back  # now in normal form
        assert back == back.strip()
        assert not re.search(r"\s\s|[^\S ]", back)


@given(WITH_WORDS, st.lists(st.one_of(TEXTS, st.sampled_from(["<unk>", "unk", " "]))))
@example("a <unk> ( b", ["<unk>", "(", "unk", "<unk>", "\u0301"])
def test_what_was_decoded_is_encoded_to_the_same_ids(text, others):
    """Also where words are unknown, and where a text already holds the unknown word."""
    other = "".join(others)
    for unknown in ("<unk>", "unk"):
        words = Vocabulary.from_text(f"a {text}", unknown=unknown).words[1:9]
        vocabulary = Vocabulary(words, unknown=unknown)
        ids = vocabulary.encode(other)
        assert vocabulary.encode(vocabulary.decode(ids)).tolist() == ids.tolist()


@BOTH
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_texts_of_all_systems_are_one(kind, end, mark):
    lines = ["o cão ladra.", "", "o gato, não"]
    plain, text = "\n".join(lines), mark + end.join(lines)
    vocabulary = kind.from_text(plain, unknown=None)
    assert normalized(text) == plain
    assert kind.from_text(text, unknown=None).words == vocabulary.words
    assert vocabulary.encode(text).tolist() == vocabulary.encode(plain).tolist()


@given(TEXTS)
def test_a_text_is_normalized_once_and_for_all(text):
    once = normalized(text)
    assert normalized(once) == once
    assert not set(once) & set("\r\ufeff")
    assert once.replace("\n", "") == re.sub("[\r\n\ufeff]", "", text)
    assert once.count("\n") == len(re.findall("\r\n|\r|\n", text))


@given(TEXTS)
def test_words_cover_the_text(text):
    words = words_of(text)
    assert "".join(words) == "".join(text.split())
    assert not any(re.search(r"\s", word) for word in words)


@pytest.mark.parametrize(
    "text",
    [
        "O cão ladra.",
        "O sol brilha forte. Não brilha?",
        "Disse-me (em voz baixa): «Comprei-lhe 3,14 kg d'água por 1.000 réis…»",
        "São Paulo tem 12.396.372 habitantes; 99% deles, “felizes”!",
        "fê-lo-ia [sic], pôr-se-á {então}.",
        "Ca\u0303o e cão.",
        "हिन्दी में लिखो.",
    ],
)
def test_text_in_the_normal_spacing_comes_back_exactly(text):
    vocabulary = Vocabulary.from_text(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_spacing_rule():
    text = 'Ele  disse :" não " ( ou\nsim ) .'
    vocabulary = Vocabulary.from_text(text)
    assert vocabulary.decode(vocabulary.encode(text)) == 'Ele disse: " não " (ou sim).'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("O cão ladra.", ["O", "cão", "ladra", "."]),
        ("disse-me d'água, pé-de-moleque", ["disse-me", "d'água", ",", "pé-de-moleque"]),
        ("d’elle --Continue", ["d’elle", "--", "Continue"]),
        ("ca\u0303o\u0301.", ["ca\u0303o\u0301", "."]),
        ("3,14 e 1.000. 5", ["3,14", "e", "1.000", ".", "5"]),
        ("fim.Sim...", ["fim", ".", "Sim", ".", ".", "."]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("می\u200cخواهم، क्\u200dष", ["می\u200cخواهم", "،", "क्\u200dष"]),
        ("❤\ufe0f!", ["❤\ufe0f", "!"]),
        ("não--disse---sim", ["não", "--", "disse", "---", "sim"]),
        ("_a -b- 'c'", ["_a", "-", "b", "-", "'", "c", "'"]),
        ("", []),
    ],
)
def test_words_of(text, words):
    assert words_of(text) == words


# ---------------------------------------------------------------- the vocabulary


def test_vocabulary_of_the_document():
    vocabulary = Vocabulary.from_text("o cão ladra.", unknown=None)
    assert vocabulary.words == ("o", "cão", "ladra", ".")
    assert len(vocabulary) == 4
    ids = vocabulary.encode("o cão ladra")
    assert ids.dtype == np.int64
    assert ids.tolist() == [0, 1, 2]


def test_case_is_kept():
    assert Vocabulary.from_text("O o O").words == ("<unk>", "O", "o")


@BOTH
def test_frequent_first_then_in_order_of_appearance(kind):
    text = "d c c b b a"
    assert [w for w in kind.from_text(text, unknown=None).words if w != " "] == ["c", "b", "d", "a"]


def test_minimum_count():
    text = "a a a b b c"
    assert Vocabulary.from_text(text, minimum_count=2).words == ("<unk>", "a", "b")
    assert Vocabulary.from_text(text, minimum_count=2, unknown=None).words == ("a", "b")
    small = Vocabulary.from_text(text, minimum_count=3, boundary="<s>")
    assert small.words == ("<unk>", "<s>", "a")
    assert small.decode(small.encode("a b c")) == "a <unk> <unk>"


@BOTH
def test_unknown_word_has_its_id_or_is_named(kind):
    assert kind.from_text("ab").encode("z").tolist() == [0]
    with pytest.raises(ValueError, match="words must be in the vocabulary, got 'z'"):
        kind.from_text("ab", unknown=None).encode("ab z" if kind is Vocabulary else "abz")


@BOTH
def test_text_cannot_write_a_boundary(kind):
    text = "<unk> <s>"
    vocabulary = kind.from_text(text, boundary="<s>")
    assert vocabulary.encode(text).tolist().count(1) == 2  # around it
    back = vocabulary.decode(vocabulary.encode(text))
    assert back.replace(" ", "") == text.replace(" ", "")


@BOTH
def test_a_boundary_that_is_a_word_of_the_text_is_named(kind):
    with pytest.raises(ValueError, match=r"boundary must be no word of the text, got '\.'"):
        kind.from_text("a .", boundary=".")
    with pytest.raises(ValueError, match=r"text must not hold the boundary '\.' as a word"):
        kind(["a", " "], boundary=".").encode("a .")


def test_a_corpus_may_hold_the_unknown_word():
    """As those do whose rare words were left out before; and a word without brackets, too."""
    text = "o <unk> ladra, o unk (<unk>) late <unk>."
    vocabulary = Vocabulary.from_text(text)
    assert vocabulary.words.count("<unk>") == 1
    assert not {"<", ">"} & set(vocabulary.words)
    ids = vocabulary.encode(text).tolist()
    assert [i for i, word in enumerate(ids) if word == 0] == [1, 7, 10]
    assert vocabulary.encode(vocabulary.decode(ids)).tolist() == ids
    other = Vocabulary.from_text("o unk e o bunker unk-unk", unknown="unk")
    assert other.words == ("unk", "o", "e", "bunker", "unk-unk")
    assert other.encode("unk bunker").tolist() == [0, 3]


def test_the_unknown_character_may_be_one_of_the_text():
    vocabulary = CharacterVocabulary.from_text("a?b", unknown="?")
    assert vocabulary.words == ("?", "a", "b")
    assert vocabulary.decode(vocabulary.encode("a?ñ")) == "a??"


def test_boundaries_stand_around_every_sentence():
    text = "O cão ladra. “Sim!” (Não?!) e 3.14 fim...\n\nO sol"
    vocabulary = Vocabulary.from_text(text, boundary="<s>")
    words = [vocabulary.words[i] for i in vocabulary.encode(text)]
    assert " ".join(words) == (
        "<s> O cão ladra . <s> “ Sim ! ” <s> ( Não ? ! ) <s> e 3.14 fim . . . <s> O sol <s>"
    )
    assert "<s>" not in vocabulary.decode(vocabulary.encode(text))


@given(st.text(alphabet=".!…)» \n\u2003ab"))
def test_sentences_end_where_the_plain_pattern_says(text):
    plain = re.compile(r"""[.!?…]+[)\]}»”"'’]*(?=\s+\S)""")  # in quadratic time
    ends = [match.span() for match in SENTENCE_END.finditer(text)]
    assert ends == [match.span() for match in plain.finditer(text)]


@pytest.mark.parametrize("rest", ["", " " * 400_000, ")" * 400_000])
def test_a_row_of_dots_is_encoded_at_all(rest):
    """The plain pattern takes time with the square: 6 s for 16,000 full stops, here an hour."""
    vocabulary = Vocabulary.from_text("a . )", boundary="<s>")
    ids = vocabulary.encode("." * 400_000 + rest)
    assert np.sum(ids == vocabulary.ids(["."])[0]) == 400_000
    assert len(vocabulary.decode(ids)) == 400_000 + len(rest.strip())


@pytest.mark.parametrize(
    ("text", "count"), [("a .", 2), ("a .\n", 2), ("a . b .", 3), ("a . b", 3), ("a.b", 2), ("", 2)]
)
def test_number_of_boundaries(text, count):
    vocabulary = Vocabulary.from_text("a b .", boundary="<s>")
    assert np.sum(vocabulary.encode(text) == vocabulary.ids(["<s>"])[0]) == count


@BOTH
def test_nothing_encodes_to_nothing(kind):
    vocabulary = kind.from_text("a")
    assert vocabulary.encode("").shape == (0,)
    assert vocabulary.decode([]) == vocabulary.decode(vocabulary.encode("")) == ""


def test_ids_of_a_list_of_words():
    vocabulary = Vocabulary(["o", "cão", "."], unknown=None)
    assert vocabulary.ids(word for word in ["cão", ".", "o"]).tolist() == [1, 2, 0]


# ---------------------------------------------------------------- wrong input


@BOTH
@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", ValueError, "text must hold a word .* got 0 characters"),
        (b"o c\xe3o", TypeError, "text must be a str, got bytes"),
        (None, TypeError, "text must be a str, got NoneType"),
        (["o", "cão"], TypeError, "text must be a str, got list"),
        (b"o c\xe3o".decode("utf-8", "surrogateescape"), ValueError, r"'\\udce3' at position 3"),
    ],
)
def test_bad_text_is_refused(kind, text, error, message):
    with pytest.raises(error, match=message):
        kind.from_text(text)
    if text != "":
        with pytest.raises(error, match=message):
            kind.from_text("a").encode(text)


def test_no_word_left():
    with pytest.raises(ValueError, match="text must hold a word at least 1 times, got 3 char"):
        Vocabulary.from_text(" \n ")
    with pytest.raises(
        ValueError, match="word at least 2 times, got 3 characters with 2 different"
    ):
        Vocabulary.from_text("a b", minimum_count=2)


@BOTH
@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([0, 3], ValueError, r"ids must be word ids in \[0, 3\), got 3 at index \(1,\)"),
        ([-1], ValueError, r"ids must be word ids in \[0, 3\), got -1"),
        ([0.0], TypeError, "ids must be integers"),
        (["a"], TypeError, "ids must be integers"),
        ([[0, 1]], ValueError, r"ids must have the shape \(n,\), got \(1, 2\)"),
        (1, ValueError, r"ids must have the shape \(n,\), got \(\)"),
    ],
)
def test_bad_ids_are_named(kind, ids, error, message):
    with pytest.raises(error, match=message):
        kind(["a", "b"]).decode(ids)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Vocabulary([]), ValueError, "words must hold at least one word"),
        (lambda: Vocabulary("abc"), TypeError, "words must be a list of words, got the str 'abc'"),
        (lambda: Vocabulary(["a", "b", "a"]), ValueError, "words must be different, got 'a' twice"),
        (lambda: Vocabulary(["<unk>"]), ValueError, "words must be different, got '<unk>' twice"),
        (lambda: Vocabulary(["a", ""]), TypeError, "strings that are not empty, got ''"),
        (lambda: Vocabulary([["a"]]), TypeError, r"strings that are not empty, got \['a'\]"),
        (lambda: Vocabulary(["a"], unknown=0), TypeError, "unknown must be None or a str.*, got 0"),
        (lambda: Vocabulary(["a"], boundary=""), TypeError, "boundary must be .* empty, got ''"),
        (lambda: Vocabulary.from_text("a", unknown=""), TypeError, "unknown must be .*, got ''"),
        (lambda: Vocabulary(["a"]).ids("a"), TypeError, "words must be a list of words"),
        (lambda: Vocabulary(["a"]).ids([1]), TypeError, "strings that are not empty, got 1"),
        (
            lambda: Vocabulary.from_text("a", minimum_count=0),
            ValueError,
            "minimum_count .* least 1",
        ),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
