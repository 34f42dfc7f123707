"""What the command line does: train, evaluate and generate, and how it is shown.

`lab.__main__` reads what is asked for. The text and the numbers are those of `lab.runs`.
"""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed
from tqdm import tqdm

from lab.checkpoint import load_model
from lab.divergence import DivergedError
from lab.judge import measure
from lab.metrics import Moment
from lab.presets import PRESETS, preset_for
from lab.runs import Run
from lab.training import Evaluation
from nwp.equivalence import bits
from nwp.text import Vocabulary

HEARD = "\nheard: the run ends with a checkpoint at its next look; Ctrl-C again ends it at once\n"


def run(asked: argparse.Namespace) -> int:
    """Do what was asked for; return the exit status, 3 where training diverged."""
    commands = {"train": train, "evaluate": evaluate, "generate": generate}
    try:
        return commands[asked.command](asked, _device(asked.device))
    except DivergedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    finally:
        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()


# ---------------------------------------------------------------- train


def train(arguments: argparse.Namespace, device: str) -> int:
    """Begin or resume a run, and show how it goes."""
    run = _resumed(arguments, device) if arguments.resume else _begun(arguments, device)
    first = run.trainer.rank == 0
    limit, tokens = run.asked["limit"], len(run.text.validation) - 1
    floor = "" if run.floor is None else f" (floor {run.floor:.3f})"
    if first:
        words = len(run.text.vocabulary)
        count = sum(weight.numel() for weight in run.model.parameters())
        print(
            f"{run.asked['corpus']}: {len(run.text.train):,} {run.preset.unit}s to train on,"
            f" {tokens:,} to validate, {words:,} different;"
            f" {count:,} weights, {device}",
            flush=True,
        )
        if run.floor is not None:
            print(f"no model can have a loss below {run.floor:.4f} nats per word")
    bar = tqdm(
        total=limit or run.preset.steps,
        initial=run.clock.seconds if limit else run.trainer.step,
        unit="s" if limit else "step",
        bar_format="{percentage:3.0f}% |{bar:20}| {elapsed} and {remaining} left {postfix}",
        disable=not (first and sys.stdout.isatty()),  # in a log it would be a line without end
        file=sys.stdout,
    )
    before = Moment(run.trainer.step, run.trainer.tokens, run.clock.seconds, None, None, None)

    def report(moment: Moment) -> None:
        nonlocal before
        bar.n = min(moment.seconds if limit else moment.step, bar.total)
        speed = ""
        if moment.seconds > before.seconds:
            rate = (moment.tokens - before.tokens) / (moment.seconds - before.seconds)
            speed = f"loss {moment.loss:.3f}{floor}, {rate:,.0f} tokens/s"
        bar.set_postfix_str(speed)
        before = moment
        if moment.validation is not None and first:
            sentence = _sentence(moment.validation, moment.excess, tokens)
            trained = f"; {speed}" if speed and bar.disable else ""
            bar.write(f"step {moment.step:>6}  {sentence}{trained}")
            sys.stdout.flush()

    def watch(read: int, whole: int) -> None:
        bar.n = min(run.clock.seconds if limit else run.trainer.step, bar.total)
        bar.set_postfix_str(f"measuring, {read:,} of {whole:,} tokens")

    with bar, _signals(first) as came:
        whole = run.train(report, interrupted=lambda: bool(came), watch=watch)
    if first and whole:
        print(f"done: {run.directory} (measure it with evaluate, let it write with generate)")
    elif first:
        print(
            f"stopped at step {run.trainer.step}; go on with:"
            f" python -m lab train --resume --out {shlex.quote(str(run.directory))}"
        )
    return 0


@contextmanager
def _signals(speak: bool) -> Iterator[list[int]]:
    """Collect Ctrl-C and the request to end, and say so; the second one has its usual effect.

    A signal that is ignored stays so: a shell that starts a program in the background ignores the
    Ctrl-C that is meant for others.
    """
    came: list[int] = []
    before = {
        number: usual
        for number in (signal.SIGINT, signal.SIGTERM)
        if (usual := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }

    def collect(number: int, _: object) -> None:
        came.append(number)
        for each, usual in before.items():
            signal.signal(each, usual)
        if speak:
            with suppress(OSError):  # not print: it may be what the signal came into
                os.write(2, HEARD.encode())

    for number in before:
        signal.signal(number, collect)
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
    bar = tqdm(
        bar_format="{percentage:3.0f}% |{bar:20}| {elapsed} and {remaining} left",
        disable=not sys.stdout.isatty(),
        file=sys.stdout,
        leave=False,
    )

    def watch(read: int, whole: int) -> None:
        bar.n, bar.total = read, whole
        bar.refresh()

    with bar:
        step, validation, excess, floor, by_character = measure(
            arguments.directory, device=device, watch=watch
        )
    print(f"step {step}: {_sentence(validation, excess, validation.tokens)}")
    print(f"perplexity {validation.perplexity:.4f} over {validation.tokens:,} tokens")
    if by_character:
        print(f"{bits(validation.loss):.4f} bits per character")
    if floor is not None:
        print(f"floor {floor:.4f} nats per word, known exactly")
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


def _sentence(validation: Evaluation, excess: float | None, whole: int) -> str:
    sure = "" if validation.standard_error is None else f" ± {validation.standard_error:.4f}"
    part = validation.tokens < whole
    read = f" on {validation.tokens:,} of {whole:,} tokens" if part else ""
    loss = f"validation loss {validation.loss:.4f}{sure} nats{read}"
    return loss if excess is None else f"{loss}, {excess:.5f} above the floor"


# ---------------------------------------------------------------- device


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
        try:
            distributed.init_process_group("nccl" if name.startswith("cuda") else "gloo")
        except RuntimeError as error:  # nobody is there to meet
            raise ConnectionError(f"the processes could not meet: {error}") from error
    return name
