"""Chapter 8: our preset against nanoGPT's recipe, side by side: loss by tokens and by the clock.

All peers train in turns in one process, some steps each, so that a busy moment of the machine falls
on all of them. Clocks run during training alone; evaluation and, on a GPU, the first steps, which
compile, are left out and stated. The loss is exact: the whole validation split, every token once,
in rows of the context. Each seed is written as soon as it is done.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import torch
from loss import describe, write
from nanogpt import RECIPES, NanoGPT
from torch.nn import functional as F

from nwp.presets import PRESETS, Preset
from nwp.runs import Text, read_text
from nwp.training import IGNORED, Trainer, flops_per_token, gather, tile

TURN = 20  # steps
LOOKS = 6  # evaluations on the way, equally spaced in steps
WARM = {"cpu": 0, "cuda": 10}  # steps before the clock runs: on a GPU they compile
PEAK = 989e12  # dense bfloat16 operations per second of an H100 or H200, by its data sheet


@dataclass
class Peer:
    """One side: how it takes a step, and what it showed."""

    name: str
    steps: int
    update: Callable[[int], object]
    tokens: Callable[[], int]
    logits: Callable[[torch.Tensor], torch.Tensor]
    context: int
    done: int = 0
    seconds: float = 0.0
    curve: list[dict] = field(default_factory=list)

    def advance(self, device: str) -> None:
        """Take up to `TURN` steps, and look at the loss where it is time."""
        wait = torch.cuda.synchronize if device == "cuda" else lambda: None
        look = max(1, self.steps // LOOKS)
        for _ in range(min(TURN, self.steps - self.done)):
            start = time.perf_counter()
            self.update(self.done)
            if self.done < WARM[device] or (self.done + 1) % look == 0:
                wait()
            self.done += 1
            if self.done > WARM[device]:
                self.seconds += time.perf_counter() - start
            if self.done % look == 0 or self.done == self.steps:
                return
        wait()


def ours(name: str, preset: Preset, text: Text, seed: int, device: str) -> Peer:
    """Our preset as a peer."""
    trainer = Trainer(preset, text.train, len(text.vocabulary), seed=seed, device=device)
    return Peer(
        name,
        preset.steps,
        lambda step: trainer.update((step + 0.5) / preset.steps),
        lambda: trainer.tokens,
        trainer.model,
        preset.context,
    )


def theirs(name: str, peak: float, text: Text, arguments: argparse.Namespace, seed: int) -> Peer:
    """nanoGPT's recipe as a peer."""
    recipe = replace(RECIPES[arguments.size], peak=peak)
    ids = torch.from_numpy(text.train)
    model = NanoGPT(
        recipe, ids, len(text.vocabulary),
        seed=seed, device=arguments.device, checkout=arguments.nanogpt,
    )  # fmt: skip
    return Peer(
        name, recipe.steps, lambda step: model.update(), lambda: model.tokens, model.model,
        recipe.context,
    )  # fmt: skip


@torch.no_grad()
def exact_loss(peer: Peer, text: Text, device: str) -> float:
    """The mean over all tokens of the validation split, the same for every peer."""
    ids = torch.from_numpy(text.validation)
    starts, lengths = map(torch.from_numpy, tile(text.validation, peer.context))
    peer_model = peer.logits
    peer_model.eval()
    total = 0.0
    for rows in torch.arange(len(starts)).split(128):
        inputs, targets = gather(ids, starts[rows], lengths[rows])
        logits = peer_model(inputs.to(device)).double().flatten(0, 1)
        flat = targets.flatten().to(device)
        total += F.cross_entropy(logits, flat, ignore_index=IGNORED, reduction="sum").item()
    peer_model.train()
    return total / (len(ids) - 1)


def race(peers: list[Peer], text: Text, device: str) -> dict:
    """Train all peers to their ends, in turns."""
    while any(peer.done < peer.steps for peer in peers):
        for peer in peers:
            if peer.done == peer.steps:
                continue
            peer.advance(device)
            if peer.done % max(1, peer.steps // LOOKS) == 0 or peer.done == peer.steps:
                point = {
                    "step": peer.done, "tokens": peer.tokens(), "seconds": peer.seconds,
                    "loss": exact_loss(peer, text, device),
                }  # fmt: skip
                peer.curve.append(point)
                print(f"  {peer.name:20} {point['tokens']:>10,} tokens {point['seconds']:7.1f} s"
                      f"  loss {point['loss']:.4f}", flush=True)  # fmt: skip
    return {peer.name: peer.curve for peer in peers}


def one_seed(arguments: argparse.Namespace, text: Text, seed: int) -> dict:
    """Let all peers run with one seed."""
    if arguments.at_once > 1:
        torch.set_num_threads(1)
    device, recipe, preset = arguments.device, RECIPES[arguments.size], PRESETS[arguments.size]
    steps = recipe.steps * recipe.rows * recipe.context // (preset.rows * preset.context)
    peers = [
        ours("nwp", preset, text, seed, device),
        ours("nwp, equal tokens", replace(preset, steps=steps), text, seed, device),
        theirs("nanoGPT", recipe.peak, text, arguments, seed),
        theirs("nanoGPT, tuned", arguments.tuned, text, arguments, seed),
    ]
    return {"seed": seed, "peers": race(peers, text, device)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=RECIPES, default="cpu", help="nanoGPT's setting (cpu)")
    parser.add_argument("--corpus", default="shakespeare", help="name or file (shakespeare)")
    parser.add_argument("--nanogpt", type=Path, help="a checkout of nanoGPT, to run its own model")
    parser.add_argument("--tuned", type=float, default=4e-3, help="peak rate of the tuned recipe")
    parser.add_argument("--seeds", type=int, default=5, help="how many (5)")
    parser.add_argument("--at-once", type=int, default=1, help="seeds at once, a thread each (1)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    arguments.device = device = "cuda" if arguments.size == "gpu" else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        parser.error("--size gpu needs a CUDA device; PyTorch finds none here")
    preset = PRESETS[arguments.size]
    text = read_text(arguments.corpus, preset)
    result = describe(device, 0, 1 if arguments.at_once > 1 else None) | {
        "corpus": {"sha256": text.sha256, "validation_tokens": len(text.validation) - 1},
        "restated": arguments.nanogpt is None,
        "at_once": arguments.at_once,
        "preset": asdict(preset),
        "recipe": asdict(RECIPES[arguments.size]),
        "tuned_peak": arguments.tuned,
        "left_out": f"evaluation; the first {WARM[device]} steps of each peer",
    }
    if device == "cuda":
        model = preset.model(len(text.vocabulary), boundary=None)
        result |= {"flops_per_token": flops_per_token(model), "peak_flops": PEAK}
    seeds = []
    with ProcessPoolExecutor(arguments.at_once, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(one_seed, arguments, text, seed) for seed in range(arguments.seeds)]
        for done in as_completed(running):
            seeds = sorted([*seeds, done.result()], key=lambda run: run["seed"])
            write(arguments.out, result | {"seeds": seeds})
    for name in seeds[0]["peers"]:
        ends = [run["peers"][name][-1] for run in seeds]
        loss, seconds = (statistics.mean(end[key] for end in ends) for key in ("loss", "seconds"))
        print(f"{name:20} {ends[0]['tokens']:>10,} tokens {seconds:8.1f} s  loss {loss:.4f}")


if __name__ == "__main__":
    main()
