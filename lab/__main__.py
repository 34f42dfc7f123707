"""The command line: ``python -m lab train``, ``evaluate``, ``generate``, and of files ``compress``.

What can be asked for is read here, and loads no PyTorch; what is done is in `lab.commands`, and
with files in `lab.compressed`.
"""

import argparse
import io
import os
import sys
from pathlib import Path

from lab import corpora
from lab.presets import PRESETS

TRAIN = """\
Train a model of the next word, and leave it in a directory.

  python -m lab train --corpus grammar          the book's own language, about a minute
  python -m lab train --corpus my.txt           any UTF-8 text, character by character
  torchrun --nproc-per-node=2 -m lab train ...  the same with two processes

The validation loss is estimated on the way, on a part of its text, and exact at the end.
Ctrl-C ends a run with a checkpoint, at the next step that is looked at or within a measurement, and
a second one at once; --resume goes on from the checkpoint."""

COMPRESS = """\
Write FILE.nwp, whose size is the loss of a model on FILE, in bits.

  python -m lab compress my.txt                 n-grams that learn on the way; about 1 MB a minute
  python -m lab compress my.txt --model DIR     a model of characters that was trained

Any file can be compressed. What n-grams wrote can be read on every machine. A trained model must be
at hand again, and compute the same floats: keep to one machine and one version of PyTorch."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    plain = argparse.RawDescriptionHelpFormatter
    main = argparse.ArgumentParser(
        prog="python -m lab",
        description="Train models of the next word, measure them, let them write.",
    )
    commands = main.add_subparsers(dest="command", required=True, metavar="command")
    train = commands.add_parser(
        "train", help="train a model", description=TRAIN, formatter_class=plain
    )
    names = ", ".join(["grammar", *corpora.REMOTES])
    train.add_argument("--corpus", help=f"{names}, or the path of a text file")
    train.add_argument(
        "--preset", choices=PRESETS, help="sizes and rates; by default the corpus's own"
    )
    length = train.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, metavar="N", help="updates, in place of the preset's")
    length.add_argument("--seconds", type=float, metavar="S", help="train for so long instead")
    train.add_argument("--seed", type=int, help="fixes weights and order (default: 0)")
    train.add_argument("--out", type=Path, metavar="DIR", help="by default runs/CORPUS-PRESET")
    train.add_argument("--resume", action="store_true", help="go on with the run in DIR")
    evaluate = commands.add_parser(
        "evaluate",
        help="measure a trained model",
        description="Print the loss on the whole validation split, each token counted once.",
    )
    generate = commands.add_parser(
        "generate",
        help="let a trained model write",
        description="Continue a text.",
    )
    for command in (evaluate, generate):
        command.add_argument("directory", type=Path, metavar="DIR", help="what train left")
    for command in (train, evaluate, generate):
        command.add_argument(
            "--device",
            default="auto",
            help="auto (a GPU if there is one), cpu, cuda (default: auto)",
        )
    generate.add_argument("--prompt", default="", help='how the text begins, as "o cão"')
    generate.add_argument(
        "--words", type=int, default=100, help="how many tokens to add (default: 100)"
    )
    generate.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="below 1 bolder in what is probable, above 1 more even (default: 1)",
    )
    generate.add_argument("--top-k", type=int, help="draw among the k most probable only")
    generate.add_argument(
        "--seed", type=int, default=0, help="another seed, another text (default: 0)"
    )
    generate.add_argument(
        "--explain", action="store_true", help="show the most probable next tokens at each step"
    )
    compress = commands.add_parser(
        "compress",
        help="make a file smaller by predicting it",
        description=COMPRESS,
        formatter_class=plain,
    )
    decompress = commands.add_parser(
        "decompress",
        help="restore a compressed file, byte for byte",
        description="Restore the file that was compressed, byte for byte, or not at all.",
    )
    for command in (compress, decompress):
        command.add_argument("file", type=Path, metavar="FILE")
        command.add_argument(
            "--model", type=Path, metavar="DIR", help="what train left; without it, n-grams"
        )
        command.add_argument("--out", type=Path, metavar="FILE", help="by default FILE.nwp or back")
        command.add_argument("--force", action="store_true", help="replace a file that is there")
    return main


# ---------------------------------------------------------------- main


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status.

    0, also for a run that was stopped and left its checkpoint; 1 where nobody reads the output any
    more; 2 for bad input; 3 where training diverged; 130 where Ctrl-C came before the training or a
    second time.
    """
    _open_streams()
    asked = parser().parse_args(arguments)
    try:
        # Here, where Ctrl-C is answered; the second loads PyTorch.
        if asked.command in ("compress", "decompress"):
            from lab import compressed

            status = compressed.run(asked)
        else:
            from lab import commands

            status = commands.run(asked)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as `head` does
        _forget_output()
        return 1
    except (ValueError, TypeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:  # such as a full disk, which was the error
            _forget_output()
        return 2


def _open_streams() -> None:
    """Give a program that was begun with its output closed (``>&-``) one that goes nowhere.

    Python has None in its place, and a file that is opened later would get its number.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):  # a letter that a terminal cannot show is no error
        sys.stdout.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Send what could not be written to nowhere: Python would complain once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
