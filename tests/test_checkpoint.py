"""The words of a run on the disk: what was saved is loaded, or refused in one sentence."""

import json
import os

import pytest

from lab.checkpoint import load_words, save_words
from nwp.text import CharacterVocabulary, Vocabulary

BOTH = pytest.mark.parametrize("kind", [Vocabulary, CharacterVocabulary])


@BOTH
def test_saved_and_loaded_is_the_same(kind, tmp_path):
    vocabulary = kind.from_text("O cão! \n漢\u0301", boundary="<s>")
    save_words(vocabulary, tmp_path / "v.json")
    loaded = load_words(tmp_path / "v.json", kind)
    assert type(loaded) is kind
    assert vars(loaded) == vars(vocabulary)
    assert os.listdir(tmp_path) == ["v.json"]
    assert "cão" in (tmp_path / "v.json").read_text("utf-8") or kind is CharacterVocabulary


@BOTH
def test_save_that_fails_leaves_the_old_file(kind, tmp_path, monkeypatch):
    path = tmp_path / "v.json"
    save_words(kind.from_text("a"), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        save_words(kind.from_text("b"), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["v.json"]


@BOTH
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00binary\x80",
        b"[1, 2]",
        b"{}",
        b'"text"',
        b'{"kind": "Vocabulary"}',
        b'{"kind": "Vocabulary", "words": ["a"], "size": 3}',
        b'{"kind": "Vocabulary", "words": ["a", "a"]}',
        b'{"kind": "Other", "words": ["a"]}',
        b'{"kind": "Vocabulary", "words": [1]}',
    ],
)
def test_file_that_is_no_vocabulary_is_named(kind, content, tmp_path):
    path = tmp_path / "v.json"
    path.write_bytes(content.replace(b'"Vocabulary"', json.dumps(kind.__name__).encode()))
    with pytest.raises(ValueError, match=rf"path must be a saved {kind.__name__}, got '.*v\.json'"):
        load_words(path, kind)


def test_words_are_not_loaded_as_characters(tmp_path):
    save_words(Vocabulary.from_text("a"), tmp_path / "v.json")
    with pytest.raises(ValueError, match="must be a saved CharacterVocabulary"):
        load_words(tmp_path / "v.json", CharacterVocabulary)
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        load_words(tmp_path / "none.json", Vocabulary)
