"""What a reader sees and no page's own prose says: one table for each language.

An edition is a folder: `pt/` is Portuguese (of Brazil), the folder of the whole book English.
The explorers' strings are in `explorers/strings.json`, those of the exercises' checks in
`nwp/exercises/messages.py`.
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
        "module": "module",
        "hypotheses": "Hypotheses.",
        "stops": "Where it stops.",
        "tests": "Tests.",
        "none": "none",
        "language": "English",
        "proof": "Proof.",
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
        "module": "módulo",
        "hypotheses": "Hipóteses.",
        "stops": "Onde deixa de valer.",
        "tests": "Testes.",
        "none": "nenhum",
        "language": "Português",
        "proof": "Demonstração.",
    },
}

# What Sphinx, the theme and the extensions say, where their own catalog of messages says nothing
# in this language, or something else than the book: catalog → English → translation.
MESSAGES = {
    "pt-BR": {
        "proof": {"Remark": "Observação"},
        "exercise": {"Solution": "Solução", "Solution to": "Solução do"},
        "booktheme": {
            "By": "Autoria:",
            "Contents": "Nesta página",
            "Download this page": "Baixar esta página",
            "Fullscreen mode": "Tela cheia",
            "Launch on": "Abrir no",
            "Launch interactive content": "Abrir a versão interativa",
            "Print to PDF": "Imprimir em PDF",
            "Search": "Buscar",
        },
        "sphinx": {
            "© Copyright %(copyright)s.": "© %(copyright)s.",
            "Back to top": "Voltar ao topo",
            "Previous": "Anterior",
            "Skip to main content": "Pular para o conteúdo",
            "Please activate JavaScript to enable the search functionality.": (
                "Ative o JavaScript para poder buscar."
            ),
        },
    },
}

# What is written into the theme's templates, in English only.
PAGE_WORDS = {
    "pt-BR": {
        "Toggle primary sidebar": "Mostrar ou esconder os capítulos",
        "Toggle secondary sidebar": "Mostrar ou esconder o sumário da página",
        "Color mode": "Modo de cores",
        "Light": "Claro",
        "Dark": "Escuro",
        "System Settings": "Como no sistema",
        "Search this book...": "Buscar neste livro...",
        # what Sphinx itself says in Portuguese, where the book says it otherwise
        "Retorna": "Devolve",
        "Levanta": "Erros",
        "Índice": "Índice remissivo",
        "Version warning": "Aviso de versão",
        "Main": "Principal",
        "Page": "Página",
        "Contents": "Nesta página",
        "On this page": "Nesta página",
        "previous page": "página anterior",
        "next page": "próxima página",
        "Skip to main content": "Pular para o conteúdo",
        "Back to top": "Voltar ao topo",
    },
}

# The copy button chooses its words itself, by the page's language, and knows no Portuguese.
COPY_BUTTON = {
    "pt-BR": {
        "copy": "Copiar",
        "copy_to_clipboard": "Copiar para a área de transferência",
        "copy_success": "Copiado!",
        "copy_failure": "Não foi possível copiar",
    },
}


def language_tag(language: str) -> str:
    """Return Sphinx's name of a language as the key of the tables above and as HTML wants it."""
    return language.replace("_", "-")


def language_of(path: str) -> str:
    """Return the language of a source, by its path from the folder of the book."""
    return "pt-BR" if path.startswith("pt/") else "en"
