"""Chapter 6: time and memory of the large-vocabulary loss, forward and backward, beside its peers.

Every peer runs in a process of its own, on the same numbers; the rounds are interleaved, so that a
busy moment of the machine falls on all of them. Times are medians. Extra peak memory is what a peer
holds at its worst beyond hidden states, weight, targets and the two gradients, in its first call.
The floor is the three bare matrix products, into memory already allocated.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from recording import describe, write

from nwp.vocabulary import linear_cross_entropy


@dataclass(frozen=True)
class Preset:
    contexts: int
    width: int
    words: int
    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None  # None: as many as PyTorch takes
    repeats: int = 7
    peak: float = 0.0  # by how much the right word's score stands out, in standard deviations

    @property
    def all_scores(self) -> int:
        """Bytes of the (contexts, words) array."""
        return self.contexts * self.words * getattr(torch, self.dtype).itemsize


PRESETS = {
    "small": Preset(256, 64, 4096),
    "small-peaked": Preset(256, 64, 4096, peak=13.0),
    "cpu": Preset(2048, 256, 32_768),
    "one-thread": Preset(1024, 128, 50_257, threads=1),
    "large": Preset(1024, 256, 262_144, repeats=3),
    "paper": Preset(8192, 2304, 256_000, device="cuda", dtype="bfloat16", repeats=15),
    # As from a trained model: the right word has a probability of about a half.
    "paper-peaked": Preset(
        8192, 2304, 256_000, device="cuda", dtype="bfloat16", repeats=15, peak=13.0
    ),
}
# For benchmarks/vocabulary.py: one layer, growing vocabularies.
SWEEP = {
    f"sweep-{words}": Preset(1024, 128, words, threads=1, repeats=repeats)
    for words, repeats in ((1024, 15), (4096, 15), (16_384, 15), (65_536, 15), (262_144, 5))
}

Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
Step = Callable[[], torch.Tensor | None]


# --- The peers: each takes the inputs and returns one forward and backward ------------------------


def products(inputs: Inputs) -> Step:
    """The floor, in the layout that is fastest on the device."""
    hidden, weight, _ = (x.detach() for x in inputs)
    memory: list[torch.Tensor] = []

    def step() -> None:
        if not memory:
            scores = hidden.new_empty(len(hidden), len(weight))
            if not hidden.is_cuda:
                scores = scores.view(len(weight), len(hidden)).T
            memory.extend((scores, torch.empty_like(hidden), torch.empty_like(weight)))
        scores, grad_hidden, grad_weight = memory
        torch.mm(hidden, weight.T, out=scores)
        torch.mm(scores, weight, out=grad_hidden)
        torch.mm(scores.T, hidden, out=grad_weight)

    return step


def differentiated(loss: Callable[..., torch.Tensor]) -> Callable[[Inputs], Step]:
    def peer(inputs: Inputs) -> Step:
        hidden, weight, _ = inputs

        def step() -> torch.Tensor:
            hidden.grad = weight.grad = None
            value = loss(*inputs)
            value.backward()
            return value.detach()

        return step

    return peer


def all_scores(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(hidden @ weight.T, targets)


def one_hot(inputs: Inputs) -> Step:
    """The inner product at its fastest: a one-hot array built before, and BLAS's dot."""
    right: list[torch.Tensor] = []

    def loss(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if not right:
            array = hidden.new_zeros(len(hidden), len(weight))
            right.append(array.scatter_(1, targets[:, None], 1).view(-1))
        scores = hidden @ weight.T
        return (scores.logsumexp(1).sum() - torch.dot(right[0], scores.view(-1))) / len(targets)

    return differentiated(loss)(inputs)


def lookup(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """`one_hot` with a lookup in place of the inner product, and nothing else changed."""
    scores = hidden @ weight.T
    return (scores.logsumexp(1).sum() - scores.gather(1, targets[:, None]).sum()) / len(targets)


def torch_chunked(rows: int | None) -> Callable[..., torch.Tensor]:
    """PyTorch's own in pieces of `rows` contexts; None: of as many as PyTorch chooses."""

    def loss(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        options = (
            torch.nn.LinearCrossEntropyOptions()
            if rows is None
            else torch.nn.LinearCrossEntropyOptions(batch_chunk_size=rows, chunking_method=None)
        )
        return F.linear_cross_entropy(hidden, weight, targets, options=options)

    return loss


def liger(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    from liger_kernel.transformers.functional import liger_fused_linear_cross_entropy

    return liger_fused_linear_cross_entropy(hidden, weight, targets)


def cut(filter_eps: str | None) -> Callable[..., torch.Tensor]:
    """Cut-cross-entropy; filtered, it leaves out what is too small for bfloat16's digits."""

    def loss(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        from cut_cross_entropy import linear_cross_entropy as cut_cross_entropy

        return cut_cross_entropy(hidden, weight, targets, filter_eps=filter_eps)

    return loss


def compiled(inputs: Inputs) -> Step:
    """All scores, with the passes over them fused by `torch.compile`."""
    return differentiated(torch.compile(all_scores))(inputs)


# The trials of PyTorch's piece size; its `acc_policy` has little to choose in float32.
CHUNK_ROWS = (64, 128, 256, 512, 1024)

PEERS: dict[str, Callable[[Inputs], Step]] = {
    "three matrix products (floor)": products,
    "nwp.linear_cross_entropy": differentiated(linear_cross_entropy),
    "F.cross_entropy, all scores": differentiated(all_scores),
    "one-hot inner product": one_hot,
    "lookup, else as one-hot": differentiated(lookup),
    "F.linear_cross_entropy": differentiated(lambda h, w, y: F.linear_cross_entropy(h, w, y)),
    "F.linear_cross_entropy, chunked": differentiated(torch_chunked(None)),
    **{
        f"F.linear_cross_entropy, {rows} rows": differentiated(torch_chunked(rows))
        for rows in CHUNK_ROWS
    },
    "Liger-Kernel": differentiated(liger),
    "cut-cross-entropy, exact": differentiated(cut(None)),
    "cut-cross-entropy, filtered": differentiated(cut("high")),
    "F.cross_entropy, compiled": compiled,
}


def reason_to_skip(peer: str, preset: Preset) -> str | None:
    """Why this peer cannot run here, or None."""
    if peer.startswith("F.linear") and not hasattr(F, "linear_cross_entropy"):
        return f"torch {torch.__version__} has no F.linear_cross_entropy"
    if peer.endswith(", compiled") and preset.device != "cuda":
        return "takes minutes to compile, for a CPU"
    for prefix, module in (("Liger", "liger_kernel"), ("cut", "cut_cross_entropy")):
        if peer.startswith(prefix):
            if preset.device != "cuda":
                return "runs on CUDA only"
            if importlib.util.find_spec(module) is None:
                return f"{module} is not installed"
    if peer.endswith("chunked") and preset.all_scores > 1e9 and preset.device == "cpu":
        return "takes many minutes at this size on a CPU, with PyTorch's choice of rows"
    arrays = {"three matrix products (floor)": 1, "F.cross_entropy, all scores": 4,
              "one-hot inner product": 4, "lookup, else as one-hot": 4,
              "F.linear_cross_entropy": 4, "F.cross_entropy, compiled": 4}.get(peer, 0)  # fmt: skip
    if arrays * preset.all_scores > free_memory(preset.device):
        return f"needs about {arrays * preset.all_scores / 1e9:.0f} GB of free memory"
    return None


# --- Measuring one peer, in its process -----------------------------------------------------------


def free_memory(device: str) -> int:
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def resident(field: str) -> int:
    """Bytes from Linux's account of this process: VmRSS now, VmHWM at its highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def extra_peak(step: Step, device: str, expected: int) -> int | None:
    """Bytes that a first call holds at its worst, less the ``expected`` bytes of its gradients."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return torch.cuda.max_memory_allocated() - before - expected
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts again from VmRSS
        before = resident("VmRSS")
    except OSError:  # not Linux
        step()
        return None
    step()
    return max(0, resident("VmHWM") - before - expected)


def make_inputs(preset: Preset, seed: int) -> Inputs:
    generator = torch.Generator().manual_seed(seed)
    dtype = getattr(torch, preset.dtype)
    hidden = torch.randn(preset.contexts, preset.width, generator=generator)
    weight = torch.randn(preset.words, preset.width, generator=generator) * preset.width**-0.5
    targets = torch.randint(preset.words, (preset.contexts,), generator=generator)
    if preset.peak:
        hidden = hidden + preset.peak * weight[targets]
    hidden, weight = (x.to(preset.device, dtype).requires_grad_() for x in (hidden, weight))
    return hidden, weight, targets.to(preset.device)


def work(peer: str, preset: Preset, seed: int) -> None:
    """Answer each line of stdin with one JSON line: first the memory, then a time for each."""
    if preset.threads is not None:
        torch.set_num_threads(preset.threads)
    PEERS[peer](make_inputs(Preset(64, preset.width, 256, preset.device, preset.dtype), seed))()
    inputs = make_inputs(preset, seed)
    step = PEERS[peer](inputs)
    gradients = inputs[0].nbytes + inputs[1].nbytes
    sys.stdin.readline()
    first: dict = {"extra_peak_bytes": extra_peak(step, preset.device, gradients)}
    if preset.device == "cuda" and step() is not None:
        first["gradient_errors"] = gradient_errors(inputs)
        torch.cuda.empty_cache()
    say(first)
    for _ in sys.stdin:
        wait = torch.cuda.synchronize if preset.device == "cuda" else lambda: None
        wait()
        start = time.perf_counter()
        loss = step()
        wait()
        seconds = time.perf_counter() - start
        say({"seconds": seconds, "loss": None if loss is None else loss.item()})
        del loss
        if preset.device == "cuda":
            torch.cuda.empty_cache()  # the peers share one device


@torch.no_grad()
def gradient_errors(inputs: Inputs, rows: int = 512) -> list[float]:
    """How far the gradients that the inputs hold are from those in float32, relative to these."""
    hidden, weight, targets = inputs
    words, exact_weight = weight.float(), torch.zeros_like(weight, dtype=torch.float32)
    exact_hidden = torch.zeros_like(hidden, dtype=torch.float32)
    for block in torch.arange(len(hidden), device=hidden.device).split(rows):
        h = hidden[block].float()
        slopes = torch.softmax(h @ words.T, 1)
        slopes[torch.arange(len(block)), targets[block]] -= 1
        slopes /= len(hidden)
        exact_hidden[block] = slopes @ words
        exact_weight.addmm_(slopes.T, h)
    pairs = (hidden.grad, exact_hidden), (weight.grad, exact_weight)
    return [float((found - exact).norm() / exact.norm()) for found, exact in pairs]


def say(answer: dict) -> None:
    print(json.dumps(answer), flush=True)


# --- All peers, interleaved -----------------------------------------------------------------------


class Worker:
    """The process of one peer; ``failure`` is why it stopped, if it did."""

    def __init__(self, peer: str, preset: str, seed: int) -> None:
        self.peer, self.answers, self.failure = peer, [], None
        command = [sys.executable, __file__, "--preset", preset, "--seed", str(seed)]
        self.process = subprocess.Popen(
            [*command, "--worker", peer],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run_once(self) -> None:
        if self.failure is not None:
            return
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line:
            self.answers.append(json.loads(line))
            return
        errors = self.process.stderr.read().strip().splitlines()
        self.failure = errors[-1][:200] if errors else f"exit status {self.process.wait()}"

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def row(self) -> dict:
        if self.failure is not None:
            return {"peer": self.peer, "failed": self.failure}
        first, *rounds = self.answers
        seconds = [answer["seconds"] for answer in rounds]
        return {
            "peer": self.peer,
            "median_seconds": statistics.median(seconds),
            "seconds": seconds,
            **first,
            "loss": rounds[-1]["loss"],
        }


def measure(
    name: str, preset: Preset, repeats: int, seed: int, peers: Iterable[str] = PEERS
) -> list[dict]:
    skipped = {peer: reason_to_skip(peer, preset) for peer in peers}
    workers = [Worker(peer, name, seed) for peer, reason in skipped.items() if reason is None]
    try:
        for _ in range(repeats + 2):  # the first call shows the memory, the second warms up
            for worker in workers:
                worker.run_once()
    finally:
        for worker in workers:
            worker.close()
    for worker in workers:
        worker.answers[1:2] = []
    rows = {worker.peer: worker.row() for worker in workers}
    return [rows.get(peer) or {"peer": peer, "skipped": reason} for peer, reason in skipped.items()]


def table(result: dict) -> str:
    rows = result["peers"]
    floor = rows[0].get("median_seconds")
    lines = [f"{'':34}{'ms':>10}{'x floor':>10}{'extra MB':>10}{'loss':>10}{'errors':>10}"]
    for row in rows:
        note = row.get("skipped") or row.get("failed")
        if note:
            lines.append(f"{row['peer']:34}  not run: {note}")
            continue
        ratio = f"{row['median_seconds'] / floor:.2f}" if floor else ""
        extra = row["extra_peak_bytes"]
        lines.append(
            f"{row['peer']:34}{row['median_seconds'] * 1e3:10.1f}{ratio:>10}"
            f"{'' if extra is None else format(extra / 1e6, '.1f'):>10}"
            f"{'' if row['loss'] is None else format(row['loss'], '.4f'):>10}"
            + "".join(f"{error:10.1e}" for error in row.get("gradient_errors", []))
        )
    return "\n".join(lines)


def main() -> int:
    presets = "\n".join(
        f"  {name:11} N = {p.contexts:,}, D = {p.width:,}, V = {p.words:,}, {p.dtype}, {p.device}"
        + (f", {p.threads} thread" if p.threads else "")
        for name, p in PRESETS.items()
    )
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"presets:\n{presets}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    choices = PRESETS | SWEEP
    parser.add_argument("--preset", choices=choices, default="small", help="the setting (small)")
    parser.add_argument("--repeats", type=int, help="timed rounds (what the preset says)")
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (0)")
    parser.add_argument("--out", type=Path, help="also write the result to this JSON file")
    parser.add_argument("--worker", choices=PEERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    preset = choices[arguments.preset]
    if preset.device == "cuda" and not torch.cuda.is_available():
        parser.error(f"--preset {arguments.preset} needs a CUDA device; PyTorch finds none here")
    if arguments.worker:
        work(arguments.worker, preset, arguments.seed)
        return 0
    repeats = preset.repeats if arguments.repeats is None else arguments.repeats
    if repeats < 1:
        parser.error(f"--repeats is {repeats}; expected at least 1")
    result = {"preset": arguments.preset, **asdict(preset), "repeats": repeats}
    result |= describe(preset.device, arguments.seed, preset.threads)
    result["peers"] = measure(arguments.preset, preset, repeats, arguments.seed)
    print(
        f"{arguments.preset}: N = {preset.contexts:,}, D = {preset.width:,}, V = {preset.words:,}, "
        f"{preset.dtype}, {result['device_name']}, {result['threads']} thread(s), "
        f"torch {torch.__version__}, median of {repeats}"
    )
    print(table(result))
    if arguments.out:
        write(arguments.out, result)
        print(f"written to {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
