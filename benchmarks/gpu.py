"""Chapter 8 on a GPU: all that the chapter says of one, in one call of less than ten minutes.

The parts: the tests that need CUDA; the loss beside its peers, on random scores and on peaked ones;
nanoGPT's model and training for Shakespeare beside the book's; Machado's words. A part is written
as soon as it is done. Called again with the same file, the command goes on with what is missing;
a part is not begun when its usual time is more than what is left of ``--seconds``.

Times are of training alone: neither of compiling, nor of looking at the loss.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nanogpt import RECIPES, Recipe, Restated, TheirTraining
from recording import describe, write
from torch.profiler import ProfilerActivity, profile
from training import exact_loss

from lab import training
from lab.beside import told
from lab.presets import PRESETS, Preset
from lab.reading import Text, read_text
from lab.training import Trainer, flops_per_token

HERE = Path(__file__).parent
LOOK_EVERY = 100  # steps between looks at the validation loss
PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # bfloat16, dense, by the data sheets


def wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


# ---------------------------------------------------------------- the tests and the loss


def tests(arguments: argparse.Namespace) -> dict:
    """Run what is skipped where there is no GPU."""
    files = [f"tests/test_{name}.py" for name in ("vocabulary", "training", "muon", "kernels")]
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    # PyTorch's own modules warn at import of what PyTorch will drop.
    command += ["-W", "ignore::DeprecationWarning", "-k", "cuda or gpu", *files]
    answer = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
    print(answer.stdout[-2000:])
    return {"command": " ".join(["python", *command[1:]]), "last_line": last_line(answer.stdout)}


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else ""


def loss(preset: str) -> Callable[[argparse.Namespace], dict]:
    def part(arguments: argparse.Namespace) -> dict:
        name = preset if arguments.device == "cuda" else preset.replace("paper", "small")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "loss.json"
            subprocess.run(
                [sys.executable, HERE / "loss.py", "--preset", name, "--out", out], check=True
            )
            return json.loads(out.read_text())

    return part


# ---------------------------------------------------------------- training


def shakespeare(arguments: argparse.Namespace) -> Text:
    return read_text(arguments.corpus, PRESETS["gpu"])


def curve(
    update: Callable[[int], torch.Tensor | None],
    steps: int,
    look: Callable[[], dict],
    look_every: int = LOOK_EVERY,
) -> list[dict]:
    """Train, and look at the loss now and then; the clock stands meanwhile, and at the first steps.

    `update` is called with the number of the step. The first five compile and record.
    """
    points, seconds, start = [], 0.0, time.perf_counter()
    for step in range(steps):
        update(step)
        if step == min(4, steps - 1):
            wait()
            start = time.perf_counter()
        if (step + 1) % look_every == 0 or step + 1 == steps:
            wait()
            seconds += time.perf_counter() - start
            points.append({"steps": step + 1, "seconds": seconds} | look())
            start = time.perf_counter()
    return points


def milliseconds(update: Callable[[int], object], repeats: int) -> dict:
    """Return the time of a step, and that of the host, which may be ahead of the device."""
    for step in range(6):
        update(step)
    wait()
    start = time.perf_counter()
    for step in range(repeats):
        update(step)
    host = time.perf_counter() - start
    wait()
    whole = time.perf_counter() - start
    return {"milliseconds": 1e3 * whole / repeats, "host_milliseconds": 1e3 * host / repeats}


def launches(update: Callable[[int], object]) -> dict:
    """Return how many kernels a step runs, and by how many calls of the host."""
    update(0)
    wait()
    cuda = [ProfilerActivity.CUDA] if torch.cuda.is_available() else []
    with profile(activities=[ProfilerActivity.CPU, *cuda]) as seen:
        update(1)
        wait()
    calls = ("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch", "cudaLaunchKernelExC")
    events = seen.key_averages()
    return {
        "kernels": sum(e.count for e in events if e.device_type.name == "CUDA"),
        "host_calls": sum(e.count for e in events if e.key.startswith(calls)),
    }


def utilization(trainer: Trainer, step: dict) -> dict:
    """Return the share of the chip's limit that a step's operations take."""
    preset = trainer.preset
    flops = flops_per_token(trainer.model) * preset.rows * preset.context
    name = torch.cuda.get_device_name() if trainer.cuda else ""
    limit = next((value for key, value in PEAK_FLOPS.items() if key in name), None)
    rate = flops / (step["milliseconds"] / 1e3)
    return {"flops_per_step": flops, "share_of_limit": limit and rate / limit}


def our_step(arguments: argparse.Namespace) -> dict:
    """Time a step of the book's training, recorded and not, and of nanoGPT's."""
    text, preset = shakespeare(arguments), shrunk(PRESETS["gpu"], arguments)
    trainer = Trainer(preset, text.train, len(text.vocabulary), device=arguments.device)
    ours = milliseconds(lambda step: trainer.update(0.5), arguments.repeats)
    result = {"the book": ours | launches(lambda step: trainer.update(0.5))}
    result["the book"] |= utilization(trainer, ours)
    trainer._replay = None
    plain = milliseconds(lambda step: trainer.update(0.5), arguments.repeats)
    result["the book, not recorded"] = plain | launches(lambda step: trainer.update(0.5))
    theirs = their_training(text, shrunk(RECIPES["gpu"], arguments), 0, arguments.device)
    result["nanoGPT"] = milliseconds(lambda step: theirs.update(), arguments.repeats)
    result["nanoGPT"] |= launches(lambda step: theirs.update())
    return result


def shrunk(thing: Any, arguments: argparse.Namespace) -> Any:
    """Return it as it is, or so small that a test can run it on a CPU."""
    if arguments.device == "cuda":
        return thing
    return replace(thing, layers=1, heads=2, width=16, context=16, rows=2, steps=6)


def their_training(text: Text, recipe: Recipe, seed: int, device: str) -> TheirTraining:
    model = Restated(recipe, len(text.vocabulary), seed)
    return TheirTraining(recipe, torch.from_numpy(text.train), model, seed=seed, device=device)


def halves(ids: np.ndarray, model: torch.nn.Module, context: int, device: str) -> dict:
    """Return the exact loss of the whole validation text and of its second half."""
    middle = len(ids) // 2
    parts = {"first": ids[: middle + 1], "second": ids[middle:]}
    losses = {name: exact_loss(model, part, context, device) for name, part in parts.items()}
    whole = sum(losses[name] * (len(part) - 1) for name, part in parts.items()) / (len(ids) - 1)
    return {"loss": whole, "second_half": losses["second"]}


def one_of_ours(preset: Preset, text: Text, seed: int, device: str) -> dict:
    """Train the book's model from one seed, and look at its losses."""
    trainer = Trainer(preset, text.train, len(text.vocabulary), seed=seed, device=device)
    points = curve(
        lambda step: trainer.update((step + 0.5) / preset.steps),
        preset.steps,
        lambda: halves(text.validation, trainer.model, preset.context, device),
    )
    print("the book", seed, points[-1], flush=True)
    return {"seed": seed, "points": points}


def our_training(arguments: argparse.Namespace) -> dict:
    text, preset = shakespeare(arguments), shrunk(PRESETS["gpu"], arguments)
    seeds = range(arguments.seeds)
    runs = [one_of_ours(preset, text, seed, arguments.device) for seed in seeds]
    return {"preset": asdict(preset), "runs": runs}


def one_of_theirs(recipe: Recipe, text: Text, seed: int, device: str, look_every: int) -> dict:
    """Train nanoGPT's model by its recipe from one seed, and look at its losses."""
    training = their_training(text, recipe, seed, device)
    points = curve(
        lambda step: training.update(),
        recipe.steps,
        lambda: halves(text.validation, training.model, recipe.context, device),
        look_every,
    )
    print("nanoGPT", seed, points[-1], flush=True)
    return {"seed": seed, "points": points}


def their_training_equal_tokens(arguments: argparse.Namespace) -> dict:
    """nanoGPT's training with as many steps, and so tokens, as the book's."""
    text, steps = shakespeare(arguments), shrunk(PRESETS["gpu"], arguments).steps
    recipe = replace(shrunk(RECIPES["gpu"], arguments), steps=steps)
    runs = [one_of_theirs(recipe, text, seed, arguments.device, LOOK_EVERY) for seed in range(2)]
    return {"recipe": asdict(recipe), "runs": runs}


def their_whole_training(arguments: argparse.Namespace) -> dict:
    text, recipe = shakespeare(arguments), shrunk(RECIPES["gpu"], arguments)
    runs = [one_of_theirs(recipe, text, 0, arguments.device, look_every=250)]
    return {"recipe": asdict(recipe), "runs": runs}


def words(arguments: argparse.Namespace) -> dict:
    """Train on words; then take steps with all scores in memory, and without."""
    preset, device = PRESETS["words"], arguments.device
    text = read_text(arguments.words_corpus, preset)
    preset = shrunk(preset, arguments)
    return {
        "preset": asdict(preset),
        "vocabulary_size": len(text.vocabulary),
        "validation_tokens": len(text.validation) - 1,
        "runs": [one_of_ours(preset, text, seed, device) for seed in range(3)],
        "block by block": step_of_words(preset, text, 0, arguments),
        "all scores": step_of_words(preset, text, sys.maxsize, arguments),
    }


def step_of_words(
    preset: Preset, text: Text, from_words: int, arguments: argparse.Namespace
) -> dict:
    """Time a step, and see what it allocates, where vocabularies from this size go by blocks."""
    before, training.BLOCKWISE_FROM = training.BLOCKWISE_FROM, from_words
    trainer = Trainer(preset, text.train, len(text.vocabulary), device=arguments.device)
    peak = None
    if trainer.cuda:
        trainer.update(0.5)
        wait()
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        trainer.update(0.5)  # not recorded yet: what it allocates is seen
        peak = torch.cuda.max_memory_allocated() - held
    step = milliseconds(lambda step: trainer.update(0.5), arguments.repeats)
    training.BLOCKWISE_FROM = before
    return step | {"peak_bytes": peak} | utilization(trainer, step)


# ---------------------------------------------------------------- beside the book's


def print_beside(result: dict) -> None:
    """Print the results beside those that the book shows."""
    book = json.loads((HERE / "results" / "gpu.json").read_text())
    ours, theirs = told(book["parts"]), told(result["parts"])
    print(f"{'':<60}{book['device_name']:>14}{result['device_name'][:30]:>32}")
    for line in ours | theirs:
        print(f"{line:<60}{ours.get(line, ''):>14}{theirs.get(line, ''):>32}")


# ---------------------------------------------------------------- one call

PARTS: dict[str, tuple[int, Callable[[argparse.Namespace], dict]]] = {  # and its usual seconds
    "tests": (30, tests),
    "loss": (45, loss("paper")),
    "our_training": (60, our_training),
    "step": (40, our_step),
    "words": (50, words),
    "loss_peaked": (40, loss("paper-peaked")),
    "their_training_equal_tokens": (30, their_training_equal_tokens),
    "their_training": (85, their_whole_training),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda", help="(cuda)")
    parser.add_argument("--seconds", type=float, default=550, help="that this call may take (550)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=5, help="of the book's training (5)")
    parser.add_argument("--repeats", type=int, default=60, help="timed steps (60)")
    parser.add_argument("--corpus", default="shakespeare", help="name or file (shakespeare)")
    parser.add_argument("--words-corpus", default="machado", help="name or file (machado)")
    parser.add_argument(
        "--out", type=Path, required=True, help="JSON file to write, or to go on with"
    )
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda needs a CUDA device; PyTorch finds none here")
    begun = time.monotonic()
    result = describe(arguments.device, 0, None) | {"parts": {}}
    if arguments.out.exists():
        before = json.loads(arguments.out.read_text())
        if any(before[key] != result[key] for key in ("device_name", "versions", "commit")):
            parser.error(f"{arguments.out} was made elsewhere, or by another version: move it away")
        result["parts"] = before["parts"]
    for name in arguments.parts:
        usual, part = PARTS[name]
        left = arguments.seconds - (time.monotonic() - begun)
        if name in result["parts"]:
            continue
        if left < usual:
            print(f"{name}: not begun, {left:.0f} s are left; call again", flush=True)
            continue
        print(f"{name}: begun, {left:.0f} s are left", flush=True)
        try:
            result["parts"][name] = part(arguments)
        except Exception:  # the other parts do not depend on it
            traceback.print_exc()
            continue
        write(arguments.out, result)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    print_beside(result)
    missing = [name for name in PARTS if name not in result["parts"]]
    print(f"written to {arguments.out}; missing: {', '.join(missing) or 'nothing'}")
    print("`make notebooks` opens chapter 8 with these numbers beside the book's")


if __name__ == "__main__":
    main()
