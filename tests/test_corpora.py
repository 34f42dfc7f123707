"""Corpora by name: from the network (a local one), the cache and the disk; whole, or refused."""

import hashlib
import http.server
import io
import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from lab import corpora
from lab.corpora import Corpus, Remote, load
from nwp.grammar import Grammar

TEXT = "Uma noite destas, vindo da cidade para o Engenho Novo, encontrei um rapaz.\n" * 4000
DATA = TEXT.encode()  # 300,000 bytes, several chunks


class Server(http.server.ThreadingHTTPServer):
    """Serves `data`; may ignore Range, break off after some bytes, or answer with an error."""

    data, ranges, break_after, status = DATA, True, None, None

    def __init__(self):
        self.requested = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.requested.append(asked)
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if server.status:
            self.send_error(server.status)
            return
        if server.ranges and asked:
            if first >= len(server.data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header(
                "Content-Range", f"bytes {first}-{len(server.data) - 1}/{len(server.data)}"
            )
        else:
            first = 0
            self.send_response(200)
        self.send_header("Content-Length", str(len(server.data) - first))
        self.end_headers()
        last = len(server.data) if server.break_after is None else first + server.break_after
        self.wfile.write(server.data[first:last])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server on loopback that has "machado", and an empty cache."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NWP_CACHE", str(tmp_path / "cache"))
    with Server() as server:
        url = f"http://127.0.0.1:{server.server_address[1]}/machado.txt"
        remote = Remote(url, len(DATA), hashlib.sha256(DATA).hexdigest())
        monkeypatch.setitem(corpora.REMOTES, "machado", remote)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def cached():
    folder = corpora.cache_directory()
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def whole(corpus):
    return corpus.train + corpus.validation


# ---------------------------------------------------------------- download


def test_download_then_cache(server, capsys):
    corpus = load("machado")
    assert corpus.name == "machado"
    assert whole(corpus) == TEXT
    assert cached() == {"machado.txt": DATA}
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "machado: 300,000 bytes downloaded\n"  # no bar in a log
    server.status = 503
    assert load("machado") == corpus
    assert server.requested == ["bytes=0-"]
    assert capsys.readouterr().err == ""


def test_a_terminal_sees_a_bar(server, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := io.StringIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    load("machado")
    assert terminal.getvalue().count("\r") > 3  # several chunks
    assert terminal.getvalue().endswith(f"[{'#' * 30}] 300,000 of 300,000 bytes\n")


def test_a_download_needs_nobody_to_look_on(server, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # what Python makes of 2>&-
    assert whole(load("machado")) == TEXT


@pytest.mark.parametrize("ranges", [True, False])
def test_interrupted_download_goes_on(server, ranges):
    server.ranges, server.break_after = ranges, 100_000
    with pytest.raises(
        ConnectionError, match=r"broke off after 100000 of 300000 bytes.*call again"
    ):
        load("machado")
    assert cached() == {"machado.part": DATA[:100_000]}
    server.break_after = None
    assert whole(load("machado")) == TEXT
    assert cached() == {"machado.txt": DATA}
    assert server.requested == ["bytes=0-", "bytes=100000-"]


def test_killed_before_the_rename(server):
    corpora.cache_directory().mkdir()
    (corpora.cache_directory() / "machado.part").write_bytes(DATA)
    assert whole(load("machado")) == TEXT
    assert server.requested == []


def test_corrupted_download_is_deleted(server):
    server.data = DATA.replace(b"Novo", b"novo", 1)
    with pytest.raises(ValueError, match=r"machado must have the SHA-256 .* it was deleted; call"):
        load("machado")
    assert cached() == {}
    server.data = DATA
    assert whole(load("machado")) == TEXT


def test_other_text_under_the_same_address(server):
    server.data = DATA + b"more"
    with pytest.raises(ValueError, match="must have the SHA-256"):
        load("machado")
    assert cached() == {}


def test_partial_file_of_another_text_is_given_up(server):
    server.data = DATA[:1000]  # the server's file is now shorter than what we have
    corpora.cache_directory().mkdir()
    (corpora.cache_directory() / "machado.part").write_bytes(DATA[:2000])
    with pytest.raises(ConnectionError, match="416"):
        load("machado")
    assert cached() == {}


def test_corrupted_cache_is_fetched_again(server):
    corpora.cache_directory().mkdir()
    (corpora.cache_directory() / "machado.txt").write_bytes(DATA[:-1])
    assert whole(load("machado")) == TEXT
    assert cached() == {"machado.txt": DATA}


def test_without_network_the_way_out_is_named(server, monkeypatch):
    place = corpora.cache_directory() / "machado.txt"
    with socket.socket() as nobody:  # it has the port, and does not listen
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/machado.txt"
        closed = corpora.REMOTES["machado"]._replace(url=url)
        monkeypatch.setitem(corpora.REMOTES, "machado", closed)
        with pytest.raises(ConnectionError) as caught:
            load("machado")
    assert f"save {closed.url} by hand as {place}" in str(caught.value)
    place.write_bytes(DATA)  # by hand
    assert whole(load("machado")) == TEXT


@pytest.mark.parametrize("status", [404, 500])
def test_error_of_the_server_is_named(server, status):
    server.status = status
    with pytest.raises(ConnectionError, match=rf"machado could not be downloaded .*{status}"):
        load("machado")
    assert cached() == {}


def test_cache_directory(monkeypatch):
    for name in ("NWP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/reader")
    assert corpora.cache_directory() == Path("/home/reader/.cache/nwp")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert corpora.cache_directory() == Path("/cache/nwp")
    monkeypatch.setenv("NWP_CACHE", "/mine")
    assert corpora.cache_directory() == Path("/mine")


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    for name in ("NWP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(FileNotFoundError, match="NWP_CACHE must name a directory for downloads"):
        load("machado")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert corpora.cache_directory() == Path("/cache/nwp")


def test_a_cache_that_cannot_be_made_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NWP_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OSError, match=r"NWP_CACHE must name a directory .* got .*/file/cache \("):
        load("machado")


def test_addresses_name_a_commit_and_a_hash():
    assert set(corpora.REMOTES) == {"shakespeare", "machado"}
    for remote in corpora.REMOTES.values():
        assert remote.url.startswith("https://raw.githubusercontent.com/")
        assert len(remote.url.split("/")[5]) == 40
        assert len(bytes.fromhex(remote.sha256)) == 32


# ---------------------------------------------------------------- files, the split


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.97])
def test_split_by_position_loses_and_repeats_nothing(tmp_path, fraction):
    path = tmp_path / "t.txt"
    text = "".join(f"palavra{i} " for i in range(200))
    path.write_text(text, "utf-8")
    corpus = load(path, fraction=fraction)
    assert corpus == Corpus(str(path), *corpus[1:])
    assert whole(corpus) == text
    assert 0 <= len(corpus.train) - int(fraction * len(text)) < len("palavra100")
    assert not set(corpus.train.split()) & set(corpus.validation.split())  # no word is cut
    assert load(str(path), fraction=fraction) == corpus


@pytest.mark.parametrize(
    ("text", "position", "train"),
    [
        ("o cão?\n\nlate", 4, "o cão"),
        ("o cão?\n\nlate", 5, "o cão"),  # between words: as nanoGPT cuts Shakespeare
        ("o cão?\n\nlate", 6, "o cão?"),
        ("o cão?\n\nlate", 7, "o cão?\n"),
        ("disse-me ah", 3, "disse-me"),
        ("disse-me ah", 6, "disse-me"),
        ("ah\na\u0301b cde", 4, "ah\na\u0301b"),  # no letter loses its accent
    ],
)
def test_cut_moves_to_the_end_of_a_word_only(tmp_path, text, position, train):
    path = tmp_path / "t.txt"
    path.write_text(text, "utf-8")
    assert load(path, fraction=(position + 0.5) / len(text)) == Corpus(
        str(path), train, text[len(train) :]
    )


@pytest.mark.parametrize(
    "text",
    ["GATTACA" * 20, "3141592653" * 14, "漢字仮名" * 35, "QUJD" * 34 + "\nRA==", "A" * 139 + " A"],
)
def test_by_characters_the_cut_is_where_it_was_asked(tmp_path, text):
    """A text without spaces has no other place to divide; with one near the end, no good one."""
    path = tmp_path / "t.txt"
    path.write_text(text, "utf-8")
    corpus = load(path, unit="character")
    assert whole(corpus) == text
    assert len(corpus.train) == int(0.9 * len(text))
    if len(text.split()) == 1:
        with pytest.raises(ValueError, match=r"fraction must leave words .* read it by characters"):
            load(path)


def test_the_shortest_texts_by_characters(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("ab", "utf-8")
    assert load(path, unit="character")[1:] == ("a", "b")
    assert load(path, unit="character", fraction=0.1)[1:] == ("a", "b")
    path.write_text("a", "utf-8")
    with pytest.raises(ValueError, match=r"characters on both sides, got 0\.9 .* a longer text$"):
        load(path, unit="character")


def test_grammar_is_whole_sentences():
    corpus = load("grammar", words=3000, seed=4)
    grammar = Grammar.portuguese()
    drawn = whole(corpus).split()
    assert 3000 <= len(drawn) < 3010
    assert drawn == grammar.sample(len(drawn), seed=4)
    for part in corpus[1:]:
        assert part.endswith(" .\n")
        for line in part.splitlines():
            assert line.split()[-1] == "."
            assert line.split().count(".") == 1
            grammar.next_word_distribution(line.split())
    assert 0 <= len(corpus.train) - int(0.9 * len(whole(corpus))) < 70
    assert load("grammar", words=3000, seed=4) == corpus
    assert load("grammar", words=3000, seed=5) != corpus


def test_a_name_is_a_name_and_a_path_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("grammar").write_text("dois lados", "utf-8")
    assert load(Path("grammar"), fraction=0.5) == Corpus("grammar", "dois ", "lados")
    assert load("./grammar", fraction=0.5).train == "dois "
    assert load("grammar", words=50).train.endswith(" .\n")


def test_text_of_other_systems(tmp_path):
    path = tmp_path / "t.txt"
    for end in (b"\n", b"\r\n", b"\r"):
        path.write_bytes(b"\xef\xbb\xbfo c\xc3\xa3o" + end + b"ladra")
        assert whole(load(path, fraction=0.5)) == "o cão\nladra"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "hold text, got 0 bytes"),
        (b" \n\t", "hold text, got 3 bytes"),
        ("o cão".encode("latin-1"), "be UTF-8 text, got the byte 0xe3 at offset 3"),
        (b"\xef\xbb\xbfo c\xe3o", "got the byte 0xe3 at offset 6"),
        ("o cão".encode("utf-16"), "got the byte 0xff at offset 0"),
        ("o sol".encode("utf-16-le"), "got the byte 0x00 at offset 1"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "got the byte 0x89 at offset 0"),
        (b"o s\0l \xe3", "got the byte 0x00 at offset 3"),
        (b"o s\xe3l \0", "got the byte 0xe3 at offset 3"),
    ],
)
def test_file_that_is_no_text_is_refused(tmp_path, data, message):
    path = tmp_path / "t.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"t\.txt must .*{message}"):
        load(path)


@pytest.mark.parametrize("text", ["um", " dois", "a b" + 12 * "\n", 28 * "\n" + "a b"])
def test_text_too_short_for_two_parts(tmp_path, text):
    path = tmp_path / "t.txt"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"fraction must leave words on both sides, got 0\.9 for"):
        load(path)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: load("machdo"), ValueError, "grammar, shakespeare, machado or .* got 'machdo'"),
        (lambda: load(os.curdir), ValueError, "name_or_path must be one of .* got '.'"),
        (lambda: load(3), TypeError, "name_or_path must be a name or a path, got 3"),
        (lambda: load(None), TypeError, "name_or_path must be a name or a path, got None"),
        (lambda: load(b"t.txt"), TypeError, "name_or_path must be a name or a path, got b't.txt'"),
        (lambda: load("grammar", fraction=1.0), ValueError, "fraction must be between 0 and 1"),
        (lambda: load("grammar", fraction=float("nan")), ValueError, "fraction .* got nan"),
        (lambda: load("grammar", fraction=1), TypeError, "fraction must be a float"),
        (lambda: load("grammar", unit="letter"), ValueError, "unit must be 'word' or 'character'"),
        (lambda: load("grammar", words=0), ValueError, "words must be at least 1, got 0"),
        (lambda: load("grammar", words=1), ValueError, "fraction must leave words on both sides"),
        (lambda: load("grammar", seed=-1), ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_two_that_ask_at_once_do_not_spoil_each_others_download(server):
    found = []
    asking = [threading.Thread(target=lambda: found.append(load("machado"))) for _ in range(2)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert [whole(corpus) for corpus in found] == [TEXT, TEXT]
    assert len(server.requested) == 1  # the second one waits, and finds the text there
