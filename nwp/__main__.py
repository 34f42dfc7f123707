"""The command line: ``python -m nwp train``, ``evaluate`` and ``generate``."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed
from tqdm import tqdm

from nwp import corpora
from nwp.equivalence import bits
from nwp.model import Transformer, drawing_distribution
from nwp.presets import PRESETS, preset_for
from nwp.runs import DivergedError, Moment, Run, load_model
from nwp.training import Evaluation

TRAIN = """\
Train a model of the next word, and leave it in a directory.

  python -m nwp train --corpus grammar          the book's own language, about a minute
  python -m nwp train --corpus my.txt           any UTF-8 text, character by character
  torchrun --nproc-per-node=2 -m nwp train ...  the same with two processes

Ctrl-C ends a run with a checkpoint; --resume goes on from it."""


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
    train.add_argument("--seed", type=int, default=0, help="fixes weights and order (default: 0)")
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
    wanted = []  # signals that came in
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: wanted.append(True))
    limit = run.asked["limit"]
    model = run.model
    floor = "" if run.floor is None else f" (floor {run.floor:.3f})"
    if first:
        words = len(run.text.vocabulary)
        count = sum(weight.numel() for weight in model.parameters())
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

    whole = run.train(report, interrupted=lambda: bool(wanted))
    bar.close()
    if first and whole:
        print(f"done: {run.directory} (measure it with evaluate, let it write with generate)")
    elif first:
        print(
            f"stopped at step {run.trainer.step}; go on with:"
            f" python -m nwp train --resume --out {run.directory}"
        )
    return 0


def _begun(arguments: argparse.Namespace, device: str) -> Run:
    corpus = arguments.corpus
    if corpus is None:
        raise ValueError("--corpus must name what to train on: --corpus grammar, for a beginning")
    name = arguments.preset or preset_for(corpus, cuda=device.startswith("cuda"))
    preset = PRESETS[name]
    if arguments.steps is not None:
        if arguments.steps < 1:
            raise ValueError(f"--steps must be at least 1, got {arguments.steps}")
        preset = replace(preset, steps=arguments.steps)
    directory = arguments.out or Path("runs") / f"{Path(corpus).stem}-{name}"
    return Run.start(
        corpus, preset, directory, seed=arguments.seed, limit=arguments.seconds, device=device
    )


def _resumed(arguments: argparse.Namespace, device: str) -> Run:
    given = ("corpus", "preset", "steps", "seconds")
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
    ids = vocabulary.encode(arguments.prompt).tolist() if arguments.prompt else []
    begun = [] if model.boundary is None else [model.boundary]
    if not begun and not ids and "\n" in vocabulary.words:
        begun = vocabulary.ids(["\n"]).tolist()
    if not begun + ids:  # a model reads at least one token before it writes
        raise ValueError("--prompt must hold at least one token for this model, got none")
    unknown = [] if vocabulary.unknown is None else vocabulary.ids([vocabulary.unknown]).tolist()
    drawing = {"temperature": arguments.temperature, "top_k": arguments.top_k, "without": unknown}
    tokens = torch.tensor([begun + ids], device=device)
    written = model.generate(tokens, arguments.words, seed=arguments.seed, **drawing)[0].tolist()
    if arguments.explain:
        _explain(model, vocabulary.words, written, len(begun + ids), drawing)
    print(vocabulary.decode(written[len(begun) :]))
    return 0


@torch.no_grad()
def _explain(
    model: Transformer, words: Sequence[str], written: list[int], begun: int, drawing: dict
) -> None:
    """Print for each word that was written what could have stood in its place."""
    for end in range(begun, len(written)):
        read = written[max(0, end - model.context) : end]
        context = torch.tensor([read], device=model.head.weight.device)
        shares = drawing_distribution(model(context)[0, -1], **drawing)
        top = shares.topk(min(5, len(words)))
        likely = "  ".join(
            f"{words[i]!r} {share:.3f}"
            for share, i in zip(*map(torch.Tensor.tolist, top), strict=True)
        )
        print(f"{words[written[end]]!r:<14} {shares[written[end]]:.3f}  of  {likely}")


def _sentence(validation: Evaluation, excess: float | None) -> str:
    loss = f"validation loss {validation.loss:.4f} ± {validation.standard_error:.4f} nats"
    return loss if excess is None else f"{loss}, {excess:.5f} above the floor"


# ---------------------------------------------------------------- main


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status: 0, 2 for bad input, 3 where training diverged."""
    asked = parser().parse_args(arguments)
    commands = {"train": train, "evaluate": evaluate, "generate": generate}
    try:
        device = _device(asked.device)
        return commands[asked.command](asked, device)
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
            name = f"cuda:{os.environ['LOCAL_RANK']}"
            torch.cuda.set_device(name)
        distributed.init_process_group("nccl" if name.startswith("cuda") else "gloo")
    return name


if __name__ == "__main__":
    sys.exit(main())
