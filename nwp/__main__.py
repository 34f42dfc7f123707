"""The command line: ``python -m nwp train``, ``evaluate`` and ``generate``."""

import argparse
import io
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed
from tqdm import tqdm

from nwp import corpora
from nwp.equivalence import bits
from nwp.presets import PRESETS, preset_for
from nwp.runs import DivergedError, Moment, Run, load_model
from nwp.text import Vocabulary
from nwp.training import Evaluation

TRAIN = """\
Train a model of the next word, and leave it in a directory.

  python -m nwp train --corpus grammar          the book's own language, about a minute
  python -m nwp train --corpus my.txt           any UTF-8 text, character by character
  torchrun --nproc-per-node=2 -m nwp train ...  the same with two processes

Ctrl-C ends a run with a checkpoint, at the next step that is looked at, and a second one at once;
--resume goes on from the checkpoint."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    plain = argparse.RawDescriptionHelpFormatter
    main = argparse.ArgumentParser(
        prog="python -m nwp",
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
    return main


# ---------------------------------------------------------------- train


def train(arguments: argparse.Namespace, device: str) -> int:
    """Begin or resume a run, and show how it goes."""
    run = _resumed(arguments, device) if arguments.resume else _begun(arguments, device)
    first = run.trainer.rank == 0
    limit = run.asked["limit"]
    floor = "" if run.floor is None else f" (floor {run.floor:.3f})"
    if first:
        words = len(run.text.vocabulary)
        count = sum(weight.numel() for weight in run.model.parameters())
        print(
            f"{run.asked['corpus']}: {len(run.text.train):,} {run.preset.unit}s to train on,"
            f" {len(run.text.validation) - 1:,} to validate, {words:,} different;"
            f" {count:,} weights, {device}"
        )
        if run.floor is not None:
            print(f"no model can have a loss below {run.floor:.4f} nats per word")
    bar = tqdm(
        total=limit or run.preset.steps,
        initial=run.seconds if limit else run.trainer.step,
        unit="s" if limit else "step",
        bar_format="{percentage:3.0f}% |{bar:20}| {elapsed} and {remaining} left {postfix}",
        disable=not first,
        file=sys.stdout,
    )
    before = Moment(run.trainer.step, run.trainer.tokens, run.seconds, None, None, None)

    def report(moment: Moment) -> None:
        nonlocal before
        bar.n = min(moment.seconds if limit else moment.step, bar.total)
        if moment.seconds > before.seconds:
            speed = (moment.tokens - before.tokens) / (moment.seconds - before.seconds)
            bar.set_postfix_str(f"loss {moment.loss:.3f}{floor}, {speed:,.0f} tokens/s", False)
        bar.refresh()
        before = moment
        if moment.validation is not None and first:
            bar.write(f"step {moment.step:>6}  {_sentence(moment.validation, moment.excess)}")

    with bar, _signals() as came:
        whole = run.train(report, interrupted=lambda: bool(came))
    if first and whole:
        print(f"done: {run.directory} (measure it with evaluate, let it write with generate)")
    elif first:
        print(
            f"stopped at step {run.trainer.step}; go on with:"
            f" python -m nwp train --resume --out {shlex.quote(str(run.directory))}"
        )
    return 0


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect Ctrl-C and the request to end; the second one has its usual effect."""
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)

    def collect(number: int, _: object) -> None:
        came.append(number)
        for each, usual in before.items():
            signal.signal(each, usual)

    before = {number: signal.signal(number, collect) for number in numbers}
    try:
        yield came
    finally:
        for each, usual in before.items():
            signal.signal(each, usual)


def _begun(arguments: argparse.Namespace, device: str) -> Run:
    corpus = arguments.corpus
    if not corpus:
        raise ValueError("--corpus must name what to train on: --corpus grammar, for a beginning")
    name = arguments.preset or preset_for(corpus, cuda=device.startswith("cuda"))
    preset = PRESETS[name]
    if arguments.steps is not None:
        if arguments.steps < 1:
            raise ValueError(f"--steps must be at least 1, got {arguments.steps}")
        preset = replace(preset, steps=arguments.steps)
    directory = arguments.out or Path("runs") / f"{Path(corpus).stem}-{name}"
    return Run.start(
        corpus, preset, directory, seed=arguments.seed or 0, limit=arguments.seconds, device=device
    )


def _resumed(arguments: argparse.Namespace, device: str) -> Run:
    given = ("corpus", "preset", "steps", "seconds", "seed")
    if extra := [f"--{name}" for name in given if getattr(arguments, name) is not None]:
        raise ValueError(f"--resume must stand without {', '.join(extra)}: the run knows them")
    if arguments.out is None:
        raise ValueError("--resume must come with --out DIR, the run to go on with")
    return Run.resume(arguments.out, device=device)


# ---------------------------------------------------------------- evaluate, generate


def evaluate(arguments: argparse.Namespace, device: str) -> int:
    """Print the exact validation loss of a run."""
    run = Run.resume(arguments.directory, device=device)
    validation, excess = run.measure()
    print(f"step {run.trainer.step}: {_sentence(validation, excess)}")
    print(f"perplexity {validation.perplexity:.4f} over {validation.tokens:,} tokens")
    if run.text.characters:
        print(f"{bits(validation.loss):.4f} bits per character")
    if run.floor is not None:
        print(f"floor {run.floor:.4f} nats per word, known exactly")
    return 0


def generate(arguments: argparse.Namespace, device: str) -> int:
    """Let the model of a run continue a text."""
    model, vocabulary = load_model(arguments.directory, device=device)
    ids = _read(arguments.prompt, vocabulary)
    begun = [] if model.boundary is None else [model.boundary]
    if not begun and not ids and "\n" in vocabulary.words:
        begun = vocabulary.ids(["\n"]).tolist()
    if not begun + ids:  # a model reads at least one token before it writes
        raise ValueError("--prompt must hold at least one token for this model, got none")
    unknown = [] if vocabulary.unknown is None else vocabulary.ids([vocabulary.unknown]).tolist()
    if arguments.words < 0:
        raise ValueError(f"--words must be at least 0, got {arguments.words}")
    drawn = model.draw(
        torch.tensor([begun + ids], device=device),
        arguments.words,
        temperature=arguments.temperature,
        top_k=arguments.top_k,
        without=unknown,
        seed=arguments.seed,
    )
    for word, shares in drawn:
        ids.append(int(word))
        if arguments.explain:
            print(_explained(ids[-1], shares[0], vocabulary.words))
    print(vocabulary.decode(ids))
    return 0


def _read(prompt: str, vocabulary: Vocabulary) -> list[int]:
    if not prompt:
        return []
    try:
        return vocabulary.encode(prompt).tolist()
    except ValueError as error:
        raise ValueError(f"--prompt cannot be read by this model: {error}") from None


def _explained(word: int, shares: torch.Tensor, words: Sequence[str]) -> str:
    """Say how probable a word was that was written, and what else could have stood there."""
    top = shares.topk(min(5, len(words)))
    likely = "  ".join(
        f"{words[i]!r} {share:.3f}" for share, i in zip(*map(torch.Tensor.tolist, top), strict=True)
    )
    return f"{words[word]!r:<14} {shares[word]:.3f}  of  {likely}"


def _sentence(validation: Evaluation, excess: float | None) -> str:
    sure = "" if validation.standard_error is None else f" ± {validation.standard_error:.4f}"
    loss = f"validation loss {validation.loss:.4f}{sure} nats"
    return loss if excess is None else f"{loss}, {excess:.5f} above the floor"


# ---------------------------------------------------------------- main


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status.

    0, also for a run that was stopped and left its checkpoint; 1 where nobody reads the output any
    more; 2 for bad input; 3 where training diverged; 130 where Ctrl-C came before the first step
    or a second time.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a letter that a terminal cannot show is no error
        sys.stdout.reconfigure(errors="backslashreplace")
    asked = parser().parse_args(arguments)
    commands = {"train": train, "evaluate": evaluate, "generate": generate}
    try:
        device = _device(asked.device)
        status = commands[asked.command](asked, device)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as `head` does; without this, Python complains once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except DivergedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except (ValueError, TypeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()


def _device(name: str) -> str:
    """Choose the device, and join the other processes where torchrun began several."""
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"--device must be auto, cpu or cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device must be one that PyTorch sees, got cuda, and it sees none")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if "WORLD_SIZE" in os.environ:
        if name == "cuda":
            here, there = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
            if here >= there:
                raise ValueError(f"there must be a GPU for each process, got {there} GPUs")
            name = f"cuda:{here}"
            torch.cuda.set_device(name)
        distributed.init_process_group("nccl" if name.startswith("cuda") else "gloo")
    return name


if __name__ == "__main__":
    sys.exit(main())
