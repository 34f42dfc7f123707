"""Compressed files: every byte comes back, and a damaged file says so in one line."""

import struct
import sys
import zlib
from dataclasses import replace

import killed
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab import compressed, transformer_code
from lab.__main__ import main
from lab.checkpoint import load_model
from lab.compressed import pack, slots_for, unpack
from lab.runs import Run
from nwp.equivalence import bits
from nwp.loss import cross_entropy_from_logits
from nwp.teacher_forcing import shift

SAMPLE = (
    "Virgília? Mas então era a mesma senhora que alguns anos depois?...\r\n"
    "to be, or not to be: that is the question\n\n"
).encode() * 6  # with bytes of many kinds, as "machado" and "shakespeare" have


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run by characters and one by words, on a text of few letters."""
    path = tmp_path_factory.mktemp("runs")
    (path / "text.txt").write_text("o cão ladra, e o gato dorme.\n" * 40, "utf-8")
    small = replace(killed.PRESET, steps=3, evaluate_every=3, save_every=3)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    for unit, seed in (("character", 0), ("word", 0), ("other", 1)):
        preset = replace(small, unit="word" if unit == "word" else "character")
        Run.start(str(path / "text.txt"), preset, path / unit, seed=seed).train()
    torch.set_num_threads(before)
    return path


@pytest.fixture
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_bytes(SAMPLE)
    return tmp_path


def answer(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def refusal(capsys, *arguments):
    status, out, err = answer(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


# ---- n-grams ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=200))
def test_any_bytes_come_back(data):
    assert unpack(pack(data)) == data


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 50, bytes(range(256)), SAMPLE])
def test_bytes_of_every_kind_come_back(data):
    packed = pack(data)
    assert unpack(packed) == data
    assert pack(data) == packed


def test_text_shrinks():
    assert len(pack(SAMPLE)) < len(SAMPLE) / 3


@pytest.mark.parametrize(
    ("length", "slots"), [(0, 12), (1000, 12), (1024, 13), (10**6, 22), (10**9, 22)]
)
def test_tables_grow_with_the_text(length, slots):
    assert slots_for(length) == slots


def test_a_file_and_back(here, capsys):
    status, out, err = answer(capsys, "compress", "a.txt")
    assert (status, err) == (0, "")
    size = (here / "a.txt.nwp").stat().st_size
    count = 8 * size / len(SAMPLE.decode())
    assert out == f"a.txt.nwp: {len(SAMPLE):,} bytes in {size:,}, {count:.3f} bits per character\n"
    (here / "a.txt").unlink()
    status, out, _ = answer(capsys, "decompress", "a.txt.nwp")
    assert status == 0
    assert out == f"a.txt: {len(SAMPLE):,} bytes, equal to those that were compressed\n"
    assert (here / "a.txt").read_bytes() == SAMPLE
    assert sorted(path.name for path in here.iterdir()) == ["a.txt", "a.txt.nwp"]


def test_other_names(here, capsys):
    assert answer(capsys, "compress", "a.txt", "--out", "b")[0] == 0
    assert "--out must name the file to write" in refusal(capsys, "decompress", "b")
    assert answer(capsys, "decompress", "b", "--out", "c")[0] == 0
    assert (here / "c").read_bytes() == SAMPLE


def test_a_file_that_is_there_stays(here, capsys):
    (here / "a.txt.nwp").write_text("mine")
    assert "a.txt.nwp must not be there yet" in refusal(capsys, "compress", "a.txt")
    assert (here / "a.txt.nwp").read_text() == "mine"
    assert answer(capsys, "compress", "a.txt", "--force")[0] == 0
    assert "a.txt must not be there yet" in refusal(capsys, "decompress", "a.txt.nwp")


def test_bytes_that_are_no_text_are_told_by_the_byte(here, capsys):
    (here / "a.txt").write_bytes(b"\xff\xfe" * 30)
    assert "bits per byte" in answer(capsys, "compress", "a.txt")[1]
    (here / "empty").write_bytes(b"")
    assert answer(capsys, "compress", "empty")[1] == "empty.nwp: 0 bytes in 31\n"


def test_no_file_is_refused(here, capsys):
    assert "missing.txt" in refusal(capsys, "compress", "missing.txt")


def test_n_grams_load_no_pytorch(here, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "lab.transformer_code")
    assert answer(capsys, "compress", "a.txt")[0] == 0


# ---- damage ----------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_file_is_never_taken_for_a_text(data):
    packed = bytearray(pack(SAMPLE[:80]))
    position = data.draw(st.integers(0, len(packed) - 1))
    packed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="got"):
        unpack(bytes(packed))


@pytest.mark.parametrize("cut", [0, 3, 10, 29, 40])
def test_a_part_of_a_file_is_refused(cut):
    with pytest.raises(ValueError, match=r"must begin with|its header must|its code must"):
        unpack(pack(SAMPLE)[:cut])


def test_more_than_a_file_is_refused():
    with pytest.raises(ValueError, match="its code must have the checksum in the header"):
        unpack(pack(SAMPLE) + b"\0")


def forged(position, value):
    """A file whose header is other than it was, with the right checksum."""
    packed = pack(SAMPLE[:80])
    head = bytearray(packed[: compressed.FIXED.size])
    head[position] = value
    return bytes(head) + struct.pack(">I", zlib.crc32(head)) + packed[compressed.FIXED.size + 4 :]


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (4, 2, "its version must be 1, got 2: a newer program made it"),
        (5, 7, "its model must be 0 or 1, got 7"),
        (14, 0, "the text must have the checksum in the header, got another"),
    ],
)
def test_what_a_header_says_is_looked_at(position, value, message):
    with pytest.raises(ValueError, match=message):
        unpack(forged(position, value))


def test_a_damaged_file_writes_nothing(here, capsys):
    packed = bytearray(pack(SAMPLE))
    packed[-1] ^= 1
    (here / "b.txt.nwp").write_bytes(packed)
    message = refusal(capsys, "decompress", "b.txt.nwp")
    assert "b.txt.nwp cannot be decompressed: its code must have the checksum" in message
    assert not (here / "b.txt").exists()
    (here / "c.nwp").write_bytes(SAMPLE)
    assert "no compressed file" in refusal(capsys, "decompress", "c.nwp")


# ---- a trained model -------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        "o cão ladra, e o gato dorme.\n".encode() * 20,
        SAMPLE,
        b"\xff\x00 o gato \xc3",
        b"o gato " * 700,
    ],
)
def test_any_bytes_come_back_by_a_transformer(runs, data, monkeypatch):
    monkeypatch.setattr(transformer_code, "LEAST_LENGTH", 64)  # several rows
    packed = pack(data, runs / "character")
    assert unpack(packed, runs / "character") == data


def test_the_code_is_as_long_as_the_loss(runs):
    model, vocabulary = load_model(runs / "character")
    text = "o gato"[: model.context]
    ids = vocabulary.encode("\n" + text)  # a row begins as a line does
    inputs, targets = shift(ids[None])
    with torch.no_grad():
        logits = model(torch.from_numpy(inputs)).double().numpy()
    loss = bits(cross_entropy_from_logits(logits, targets, reduction="sum"))
    _, code = compressed._read(pack(text.encode(), runs / "character"))
    assert loss < 8 * len(code) < loss + 2 + 7 + 0.01


@settings(deadline=None, max_examples=10)
@given(data=st.text("o cãxyz\n€", max_size=40))
def test_what_the_vocabulary_lacks_is_escaped(runs, data):
    alphabet = transformer_code.Reader(runs / "character").alphabet
    symbols = alphabet.symbols(data.encode())
    assert alphabet.text(symbols) == data.encode()
    escaped = sum(len(c.encode()) for c in data if c in "xyz€")
    assert (symbols >= alphabet.size).sum() == escaped


def test_rows_differ_and_the_last_may_be_short(runs, monkeypatch):
    monkeypatch.setattr(transformer_code, "LEAST_LENGTH", 30)
    data = "o cão ladra, e o gato dorme.\n".encode() * 7 + b"o g"
    assert len(data.decode()) % 6
    packed = pack(data, runs / "character")
    assert unpack(packed, runs / "character") == data


def test_the_model_must_be_the_one_it_was_made_by(runs):
    packed = pack(SAMPLE, runs / "character")
    with pytest.raises(ValueError, match="--model must name the run that this file was made by"):
        unpack(packed, runs / "other")
    with pytest.raises(ValueError, match="--model must name the run whose model"):
        unpack(packed)
    with pytest.raises(ValueError, match="--model must be left out"):
        unpack(pack(SAMPLE), runs / "character")


def test_a_model_of_words_is_refused(runs, here, capsys):
    message = refusal(capsys, "compress", "a.txt", "--model", runs / "word")
    assert "--model must name a run that reads characters" in message
    message = refusal(capsys, "compress", "a.txt", "--model", here / "none")
    assert "must hold a run" in message


def test_other_floats_are_found_out_and_explained(runs, monkeypatch):
    """As on a machine that rounds otherwise: another last digit, and not the text."""
    data = "o gato dorme, e o cão ladra.\n".encode() * 20
    packed = pack(data, runs / "character")
    exact = transformer_code.frequencies

    def otherwise(shares):
        return exact(np.roll(shares, 1, axis=-1))

    monkeypatch.setattr(transformer_code, "frequencies", otherwise)
    monkeypatch.setattr(transformer_code, "here", lambda: "another machine")
    with pytest.raises(ValueError, match=r"made by PyTorch .*, and here is another machine"):
        unpack(packed, runs / "character")


def test_threads_are_left_as_they_were(runs):
    before = torch.get_num_threads()
    pack(b"o", runs / "character")
    assert torch.get_num_threads() == before


def test_by_command(runs, here, capsys):
    (here / "a.txt").write_bytes(b"o gato dorme.\n" * 20)
    assert answer(capsys, "compress", "a.txt", "--model", runs / "character")[0] == 0
    assert "--model must name the run" in refusal(capsys, "decompress", "a.txt.nwp", "--force")
    status = answer(capsys, "decompress", "a.txt.nwp", "--model", runs / "character", "--force")[0]
    assert status == 0
    assert (here / "a.txt").read_bytes() == b"o gato dorme.\n" * 20


def test_a_damaged_header_of_a_transformer_is_refused(runs):
    packed = bytearray(pack(SAMPLE, runs / "character"))
    packed[compressed.FIXED.size + 12] ^= 1
    with pytest.raises(ValueError, match="its header must have the checksum at its end"):
        unpack(bytes(packed))
    with pytest.raises(ValueError, match="its header must have the checksum"):
        unpack(bytes(packed[: compressed.FIXED.size + 6]))
