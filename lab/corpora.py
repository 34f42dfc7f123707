r"""Named texts to train on, each split into a training and a validation part.

Chapters 7 and 8. `load` gives the book's own language ("grammar"), two downloads
("shakespeare", "machado") or any text file. What was downloaded once stays in a cache
directory: ``$NWP_CACHE``, else ``$XDG_CACHE_HOME/nwp``, else ``~/.cache/nwp``. A download
that breaks off goes on where it stopped, and no text is used whose SHA-256 is not the known one.

Source of the split by position, 0.9 and 0.1: Karpathy's nanoGPT, data/shakespeare_char/prepare.py.
"""

import hashlib
import http
import http.client
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from lab.files import held
from nwp import checks
from nwp.grammar import Grammar
from nwp.text import normalized, word_pattern

CHUNK = 1 << 16  # bytes
TIMEOUT = 30.0  # seconds without an answer


class Remote(NamedTuple):
    """A text on the network, and how to know it."""

    url: str
    size: int  # bytes
    sha256: str


REMOTES = {
    "shakespeare": Remote(
        "https://raw.githubusercontent.com/karpathy/char-rnn/"
        "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
        1_115_394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    "machado": Remote(  # Machado de Assis, six novels and a book of stories: public domain
        "https://raw.githubusercontent.com/Mjrovai/MachadoAssisBot/"
        "025b68ba8da68c282c902ea22172b7aeb9e3fea6/machado.txt",
        2_465_002,
        "7ff74130acd3fb25ffaaca0f778596c909067643a1c8a567679d19c0b04be0cd",
    ),
}


class Corpus(NamedTuple):
    """A text in two parts: ``train + validation`` is the whole text, in its order."""

    name: str
    train: str
    validation: str


def load(
    name_or_path: str | os.PathLike[str],
    *,
    fraction: float = 0.9,
    unit: str = "word",
    words: int = 200_000,
    seed: int = 0,
) -> Corpus:
    """Return a corpus, from the network on first use.

    Parameters
    ----------
    name_or_path : "grammar", "shakespeare", "machado", or the path of a UTF-8 text file
    fraction : the share of characters to train on, in (0, 1)
    unit : "word" moves the cut to the end of the word that it would divide (of the sentence, for
        "grammar"), "character" leaves it where it is: a text need not have spaces, then
    words, seed : how much of "grammar" to draw, one sentence per line, the last one whole

    Raises
    ------
    ValueError
        For an unknown name or unit, a text that is too short to have two parts, or bytes that are
        not UTF-8 text; and for a download that is not the known text.
    ConnectionError
        Where the network fails; the message says where to put the file by hand.
    """
    if not isinstance(fraction, float):
        raise TypeError(f"fraction must be a float between 0 and 1, got {fraction!r}")
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must be between 0 and 1, got {fraction}")
    if unit not in ("word", "character"):
        raise ValueError(f"unit must be 'word' or 'character', got {unit!r}")
    if not isinstance(name_or_path, str | os.PathLike):
        raise TypeError(f"name_or_path must be a name or a path, got {name_or_path!r}")
    name = os.fspath(name_or_path)
    if name_or_path == "grammar":
        text = _sentences(words, seed)
        cut = text.find("\n", int(fraction * len(text))) + 1
    else:
        if name_or_path in REMOTES:
            path = _cached(name)
        elif Path(name).is_file():
            path = Path(name)
        else:
            names = ", ".join(["grammar", *REMOTES])
            raise ValueError(f"name_or_path must be one of {names} or a text file, got {name!r}")
        text = decode(path.read_bytes(), str(path))
        cut = int(fraction * len(text))
        cut = _end_of_word(text, cut) if unit == "word" else max(cut, 1)
    parts = text[:cut], text[cut:]
    if not all(part.strip() if unit == "word" else part for part in parts):
        other = ", or read it by characters" if unit == "word" and len(text) > 1 else ""
        raise ValueError(
            f"fraction must leave {unit}s on both sides, got {fraction} for the"
            f" {len(text)} characters of {name!r}: use a longer text{other}"
        )
    return Corpus(name, *parts)


def _sentences(words: int, seed: int) -> str:
    count = checks.integer("words", words, at_least=1)
    grammar = Grammar.portuguese()
    longest = max(len(prefix) for prefix in grammar.prefixes()) + 1
    drawn = grammar.sample(count + longest, seed)
    return " ".join(drawn[: drawn.index(".", count - 1) + 1]).replace(" . ", " .\n") + "\n"


def _end_of_word(text: str, cut: int) -> int:
    start = text.rfind("\n", 0, cut) + 1
    for word in word_pattern(text).finditer(text, start):
        if word.end() >= cut:
            return word.end() if word.start() < cut else cut
    return cut


def decode(data: bytes, source: str) -> str:
    """Return UTF-8 `data` as text, `normalized`.

    Raises
    ------
    ValueError
        Where there is no text, or it is not UTF-8, with the offset of the first bad byte.
    """
    try:
        bad = data.find(0)  # valid UTF-8, but in no text: UTF-16, or no text at all
        text = normalized(data.decode())
    except UnicodeDecodeError as error:
        bad = error.start if bad < 0 else min(bad, error.start)
    if bad >= 0:
        raise ValueError(
            f"{source} must be UTF-8 text, got the byte 0x{data[bad]:02x} at offset {bad}"
        )
    if not text.strip():
        raise ValueError(f"{source} must hold text, got {len(data)} bytes without a word")
    return text


# ---------------------------------------------------------------- download


def cache_directory() -> Path:
    """Return where downloads are kept.

    Raises
    ------
    FileNotFoundError
        Where no directory is named, and the user has no home.
    """
    if own := os.environ.get("NWP_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "nwp"
    try:
        return Path.home() / ".cache" / "nwp"
    except RuntimeError:  # as in a container, for a user whom its system does not know
        raise FileNotFoundError(
            "NWP_CACHE must name a directory for downloads where there is no home, got none"
        ) from None


def _cached(name: str) -> Path:
    """Return the path of the whole, verified text `name`; download what is missing."""
    remote = REMOTES[name]
    path = cache_directory() / f"{name}.txt"
    if path.is_file() and _sha256(path) == remote.sha256:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"NWP_CACHE must name a directory for downloads that can be made, got {path.parent}"
            f" ({error})"
        ) from error
    with held(path.parent, wait=True):  # two processes would write into the same part
        if not path.is_file() or _sha256(path) != remote.sha256:
            _fetch(name, remote, path)
    return path


def _fetch(name: str, remote: Remote, path: Path) -> None:
    """Download a text, look at its checksum, and give it its name."""
    partial = path.with_suffix(".part")
    try:
        _download(name, remote, partial)
    except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
        raise ConnectionError(
            f"{name} could not be downloaded ({error}); call again to go on, or save"
            f" {remote.url} by hand as {path}"
        ) from error
    if (digest := _sha256(partial)) != remote.sha256:
        partial.unlink()
        raise ValueError(
            f"the download of {name} must have the SHA-256 {remote.sha256}, got {digest}:"
            f" it was deleted; call again, or save {remote.url} by hand as {path}"
        )
    os.replace(partial, path)


def _download(name: str, remote: Remote, partial: Path) -> None:
    """Complete the file `partial`; what is already there is kept where the server allows."""
    have = partial.stat().st_size if partial.exists() else 0
    if have >= remote.size:
        return  # only the SHA-256 was not looked at yet
    request = urllib.request.Request(remote.url, headers={"Range": f"bytes={have}-"})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.unlink()  # it is no beginning of this file: start again next time
        raise
    resumed = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    with answer, partial.open("ab" if resumed else "wb") as file:
        have = file.tell()
        while have < remote.size and (chunk := answer.read(CHUNK)):
            have += file.write(chunk)
            _show_progress(name, have, remote.size)
    if have < remote.size:
        raise ConnectionError(f"it broke off after {have} of {remote.size} bytes")


def _show_progress(name: str, have: int, size: int) -> None:
    if sys.stderr is None:  # it was closed
        return
    if not sys.stderr.isatty():  # a log: a bar would be a line without end
        if have >= size:
            print(f"{name}: {size:,} bytes downloaded", file=sys.stderr, flush=True)
        return
    done = 30 * have // size
    bar = "#" * done + "." * (30 - done)
    end = "\n" if have >= size else ""
    print(f"\r{name} [{bar}] {have:,} of {size:,} bytes", end=end, file=sys.stderr, flush=True)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
