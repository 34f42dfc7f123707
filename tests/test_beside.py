"""A reader's measurements on a GPU stand beside the book's, in chapter 8 of both editions."""

import json
import os

import nbformat
import pytest
import surroundings
from notebooks import ROOT

from lab.beside import told

BOOK = json.loads((ROOT / "benchmarks" / "results" / "gpu.json").read_text())
CHAPTERS = [ROOT / folder / "chapters" / "08_training.ipynb" for folder in (".", "pt")]


def table(path, capsys):
    """What the cell prints, line by line; run as in its chapter, but for the cells above it."""
    (cell,) = (
        c for c in nbformat.read(path, 4).cells if c.cell_type == "code" and "NWP_GPU" in c.source
    )
    exec(cell.source, {"json": json, "gpu": BOOK, "on_gpu": BOOK["parts"]})
    return capsys.readouterr().out.splitlines(), cell.outputs[0].text.splitlines()


@pytest.mark.parametrize("path", CHAPTERS)
def test_the_chapter_shows_both_where_a_reader_measured(path, capsys, monkeypatch, tmp_path):
    alone, committed = table(path, capsys)
    assert [line.replace(".", ",") for line in alone] == [x.replace(".", ",") for x in committed]
    mine = json.loads(json.dumps(BOOK)) | {"device_name": "Another"}
    mine["parts"]["step"]["the book"]["milliseconds"] = 12.34
    mine["parts"]["loss_peaked"] = mine["parts"]["loss"]
    del mine["parts"]["words"]
    (tmp_path / "gpu.json").write_text(json.dumps(mine))
    monkeypatch.setenv("NWP_GPU", str(tmp_path / "gpu.json"))
    both, _ = table(path, capsys)
    assert [line[: len(old)] for line, old in zip(both, alone, strict=True)] == alone
    head, loss, peaked, step, *_, words = (line.split() for line in both)
    assert head[-1] == "Another"
    assert loss[-1] == loss[-2] == peaked[-1]
    assert (peaked[-2], step[-2:], words[-1]) == ("–", ["6.1", "12.3"], "–")


def test_a_readers_file_changes_no_run():
    """Neither pytest's nor that of `make execute`: outputs are the book's, on every machine."""
    assert "NWP_GPU" not in surroundings.own({"NWP_GPU": "gpu.json"}, threads=1)
    assert "NWP_GPU" not in os.environ


def test_what_is_missing_is_not_told():
    assert told({}) == {}
    assert len(told(BOOK["parts"])) == 7
