"""What a reader sees and no page's own prose says: one table for each language.

A page below `pt/` is Portuguese (of Brazil), every other page English.
"""

STRINGS = {
    "en": {
        "contents": "Contents",
    },
    "pt-BR": {
        "contents": "Sumário",
    },
}
