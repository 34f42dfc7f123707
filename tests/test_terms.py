"""The Brazilian edition has one form for each term, and none of the turns that sound translated."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

import nbformat
import pytest
from spelling import FOREIGN, sentences_of, texts
from translation import ROOT, chapters

# What is not written, and what stands in its place; the words that it may be taken for are spared.
INSTEAD = {
    r"exploradore?s?": "demonstração interativa",
    r"n(?:um|uma|uns|umas)": "em um",
    r"passadas?": "passagem",
    r"língua": "linguagem, para um conjunto de frases; idioma, para o que se fala",
    r"configuraç(?:ão pronta|ões prontas)": "predefinição",
    r"(?:de|tem|têm) dimensões": "de formato",
    r"início d[eo] (?:frase|texto|próprio texto)|inícios": "prefixo",
    r"inícios? aleatórios?": "inicialização",
    r"letra por letra|letras lidas": "caractere",
    r"testemunhas?": "verificação",
    r"ponha": "defina, seja, tome",
    r"quão": "que, quanto, a que distância",
    r"(?:tem|têm|com) a perda (?:média )?\$?\d": "tem perda de",
    r"(?:tem|têm|tinha|com|dá|deu) a probabilidade \$?\d": "com probabilidade",
    r"(?:cust|pag|cresc|cai)\w* (?:infinito|sem limite)": "perda infinita, além de qualquer limite",
    r"paga(?:m|ria|riam)? \$?\d": "tem perda de",
    r"continuam? a (?:valer|ser|contar)": "ainda vale",
    r"erra(?:m|ria|ndo)? por": "tem erro de",
    r"(?:a|à|própria) líder|passa a liderar": "a palavra mais provável",
    r"gradientes? (?:da perda )?(?:nos logits|nas probabilidades|nos pesos)": "em relação a",
}


def shown() -> Iterator[tuple[str, str]]:
    """Yield (where, prose) of all that a reader of the Brazilian edition reads."""
    for where, text in texts("pt"):
        yield where, FOREIGN.sub(" ", sentences_of(text))  # quotations and italics are not ours
    for _, path in chapters():
        for number, cell in enumerate(nbformat.read(ROOT / path, as_version=4).cells, start=1):
            if cell.cell_type == "code":
                yield f"{path}, code of cell {number}", "\n".join(words_of_code(cell.source))


def words_of_code(source: str) -> Iterator[str]:
    """Yield the strings and the comments of a cell."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


@pytest.fixture(scope="module")
def prose() -> list[tuple[str, str]]:
    return [*shown()]


def found(pattern: str, text: str) -> list[str]:
    return re.findall(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE)


@pytest.mark.parametrize("pattern", INSTEAD)
def test_one_form_for_each_term(prose, pattern):
    places = [f"{where}: {hit!r}" for where, text in prose for hit in found(pattern, text)]
    assert not places, "\n".join([*places, f"write: {INSTEAD[pattern]}"])


def ungrouped(text: str) -> list[str]:
    """List the numbers of four digits that have no point and are no year."""
    numbers = re.findall(r"(?<![\w.,/:-])\d{4}(?![\w,]*\d|\.\d|\w)", text)
    return [number for number in numbers if not 1800 <= int(number) <= 2100]


def test_thousands_have_a_point(prose):
    """In prose: numbers in code are another matter."""
    places = [
        f"{where}: {hit}"
        for where, text in prose
        if ", code of cell " not in where
        for hit in ungrouped(text)
    ]
    assert not places, "\n".join(places)


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("Ele paga 0,223 nats.", ["paga 0"]),
        ("Quão longe? Num texto.", ["Quão", "Num"]),
        ("nenhum número, uma linguagem, a passagem, o início do capítulo", []),
        ("tem a perda média 3,0; com perda média de 3,0", ["tem a perda média 3"]),
    ],
)
def test_what_is_found(text, hits):
    assert sorted(hit for pattern in INSTEAD for hit in found(pattern, text)) == sorted(hits)


def test_ungrouped_numbers_are_seen():
    assert ungrouped("uma taxa de 1000, em 2016, com 1.000 e 1.048.576 de 0,1234") == ["1000"]
