"""The table of the chapters on the first page: each chapter's title, and its question.

`{chapter-table}` goes through the table of contents: a table for each of its parts that has
chapters, under the part's caption where there are several. The title is the chapter's own, and
the question stands in the metadata of the cell of its title:

    {"nwp": {"question": "What should a guess cost?"}}
"""

from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from docutils.statemachine import StringList
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from strings import STRINGS, language_tag


def question_of(cell: NotebookNode) -> str:
    """Return the question that the cell of a chapter's title has; other cells have none."""
    return cell.metadata.get("nwp", {}).get("question", "")


class ChapterTableDirective(SphinxDirective):
    """Show every chapter with its question, part by part."""

    def run(self) -> list[nodes.Node]:
        trees = self.env.external_site_map.root.subtrees
        found = {tree.caption: [n for n in tree.files() if _is_chapter(n)] for tree in trees}
        parts = {caption: names for caption, names in found.items() if names}
        shown: list[nodes.Node] = []
        for caption, names in parts.items():
            if len(parts) > 1:
                shown.append(nodes.rubric("", caption))
            shown += self._table(names)
        return shown

    def _table(self, names: list[str]) -> list[nodes.Node]:
        strings = STRINGS[language_tag(self.config.language)]
        rows = [(strings["chapters-chapter"], strings["chapters-question"]), ("---", "---")]
        for name in names:
            path = Path(self.env.doc2path(name))
            self.env.note_dependency(str(path))
            question = question_of(nbformat.read(path, as_version=4).cells[0])
            if not question:
                raise self.error(
                    f"the first cell of {name} must have a question in its metadata, nwp.question"
                )
            rows.append((f"{{doc}}`{name}`", question.replace("|", r"\|")))
        lines = [f"| {left} | {right} |" for left, right in rows]
        holder = nodes.Element()
        self.state.nested_parse(StringList(lines, source=self.env.docname), 0, holder)
        return holder.children


def _is_chapter(name: str) -> bool:
    return name.startswith("chapters/")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("chapter-table", ChapterTableDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
