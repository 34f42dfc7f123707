"""What a reader sees and no page's own prose says: one table for each language.

A page below `pt/` is Portuguese (of Brazil), every other page English.
"""

STRINGS = {
    "en": {
        "contents": "Contents",
        "question": "Question {number}",
        "right": "Right.",
        "wrong": "Not right.",
        "several": "{count} of the choices are right.",
        "reading": "Reading: about {reading}; with questions and {count} exercises, {total}.",
        "chapter": "chapter {number}",
        "glossary": "glossary",
        "index": "Index",
    },
    "pt-BR": {
        "contents": "Sumário",
        "question": "Pergunta {number}",
        "right": "Certo.",
        "wrong": "Não é isso.",
        "several": "{count} das opções estão certas.",
        "reading": "Leitura: cerca de {reading}; com perguntas e {count} exercícios, {total}.",
        "chapter": "capítulo {number}",
        "glossary": "glossário",
        "index": "Índice remissivo",
    },
}


def language_of(docname: str) -> str:
    """Return the language of a page, by the folder in which it lies."""
    return "pt-BR" if docname.startswith("pt/") else "en"
