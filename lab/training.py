r"""Training: the mean loss of the next word, brought down step by step.

Chapter 8. A text becomes rows of ids; each step reads a batch of rows, teacher-forced, and moves
the weights against the gradient of the batch's mean loss. That mean is over the *counted words of
the whole batch*, also where several processes read parts of it and the parts differ in length.

The matrices of the blocks are moved by Muon (`lab.muon`): the gradient, averaged over steps, is
replaced by the nearest matrix whose singular values are all about 1, so that the directions that
the loss rarely asks for are learned as fast as the frequent ones. Queries', keys' and values'
matrices stand in one weight, and are moved as the three that they are. Embedding, head and the
sharpness of each attention head are moved by AdamW.

Everything that is random is a function of the seed and the step. A run that is resumed therefore
needs no other memory of what was drawn.

Sources: Jordan et al. (2024), "Muon: An optimizer for hidden layers in neural networks";
Loshchilov & Hutter (2019), "Decoupled weight decay regularization"; SLP3, chapter 10 (training).
"""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, distributed, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from lab.muon import Muon
from lab.presets import Preset
from lab.processes import processes, summed
from nwp import checks
from nwp.generalization import BLOCKS, standard_error
from nwp.model import Block, Transformer
from nwp.vocabulary import linear_cross_entropy

IGNORED = -100  # the target of a position that is not counted
BLOCKWISE_FROM = 4096  # words; below, all scores are smaller than what the blocks hold anyway
TOKENS_AT_ONCE = 4_096  # for the validation loss: on a CPU half a second, so that it can be stopped


# ---------------------------------------------------------------- rows of a text


def tile(
    ids: NDArray[np.int64], context: int, boundary: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut a text so that every id after the first is the target of exactly one row.

    Parameters
    ----------
    ids : (n,) the text, n at least 2
    context : the longest row
    boundary : if given, a row ends after the last of these that it can reach, and so the next
        begins with it; a longer stretch without any is cut at `context`

    Returns
    -------
    starts, lengths : (rows,) arrays: row i reads ``ids[s : s + k]`` and predicts
        ``ids[s + 1 : s + k + 1]``

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and what was expected.
    """
    ids = _text(ids, np.iinfo(np.int64).max)
    context = checks.integer("context", context, at_least=1)
    if boundary is not None:
        boundary = checks.integer("boundary", boundary)
    last = len(ids) - 1  # no row reads the last id: it is only predicted
    if boundary is None:
        starts = np.arange(0, last, context)
        return starts, np.minimum(context, last - starts)
    ends = np.append(0, np.flatnonzero(ids == boundary))  # 0: where none is reached
    begun, at = [], 0
    while at < last:
        begun.append(at)
        reach = min(at + context, last)
        end = ends[np.searchsorted(ends, reach, side="right") - 1]
        at = int(end) if end > at else reach
    return np.array(begun), np.diff([*begun, last])


def _text(ids: ArrayLike, vocabulary_size: int) -> NDArray[np.int64]:
    array = checks.word_ids("ids", ids, vocabulary_size)
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(f"ids must have the shape (n,), n at least 2, got {array.shape}")
    return array


def gather(ids: Tensor, starts: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the inputs and targets (rows, longest) of rows; beyond a row's end `IGNORED`.

    Raises
    ------
    TypeError, ValueError
        Where these are not tensors (n,) and (rows,) of int64, or a row is empty or not in the text.
    """
    for name, tensor in (("ids", ids), ("starts", starts), ("lengths", lengths)):
        checks.instance(name, tensor, Tensor)
        if tensor.dtype != torch.int64:
            raise TypeError(f"{name} must be int64, got {tensor.dtype}")
        if tensor.ndim != 1 or not len(tensor):
            raise ValueError(f"{name} must be (n,), n at least 1, got {tuple(tensor.shape)}")
    if len(starts) != len(lengths):
        raise ValueError(f"lengths must be as many as starts, {len(starts)}, got {len(lengths)}")
    if int(starts.min()) < 0 or int(starts.max()) >= len(ids):
        raise ValueError(f"starts must be in [0, {len(ids)}), got {starts.aminmax()}")
    if int(lengths.min()) < 1 or int((starts + lengths).max()) >= len(ids):
        raise ValueError(
            f"lengths must be at least 1 and end before the last of {len(ids)} ids, got"
            f" {int(lengths.min())} to {int(lengths.max())}"
        )
    steps = torch.arange(int(lengths.max()))
    at = starts[:, None] + steps
    inside = steps < lengths[:, None]
    inputs = ids[at.clamp(max=len(ids) - 1)]
    return inputs, ids[(at + 1).clamp(max=len(ids) - 1)].where(inside, IGNORED)


class Rows:
    """The rows of a training text in the order in which they are read.

    Each epoch reads the rows once, in a new order. Without a boundary the text is also cut anew,
    from a start that is drawn, too; the words before it and after the last whole row, fewer than
    two rows, wait for another epoch. Order and start depend on the seed and the epoch alone.

    Raises
    ------
    TypeError, ValueError
        As `tile`; also for a seed below 0.
    """

    def __init__(
        self, ids: NDArray[np.int64], context: int, *, boundary: int | None = None, seed: int = 0
    ) -> None:
        text = _text(ids, np.iinfo(np.int64).max)  # a copy: `ids` may be read-only
        self.ids = torch.from_numpy(text)
        self.starts, self.lengths = tile(text, context, boundary)
        self.room = 1  # how many starts there are
        if boundary is None and len(text) >= 2 * context:
            count = (len(text) - context) // context
            self.starts, self.lengths = self.starts[:count], self.lengths[:count]
            self.room = len(text) - count * context
        self.seed = checks.seed(seed)
        self._epoch: tuple[int, NDArray[np.int64], NDArray[np.int64]]
        self._epoch = (-1, self.starts, self.lengths)

    def __len__(self) -> int:
        """Return the number of rows of an epoch."""
        return len(self.starts)

    def epoch(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the starts and lengths of an epoch, in its order."""
        number = checks.integer("number", number, at_least=0)
        if self._epoch[0] != number:
            generator = np.random.default_rng([self.seed, number])
            order = generator.permutation(len(self))
            starts = self.starts[order] + generator.integers(self.room)
            self._epoch = number, starts, self.lengths[order]
        return self._epoch[1:]

    def batch(self, step: int, rows: int) -> tuple[Tensor, Tensor]:
        """Return inputs and targets of batch number `step`: rows [step·rows, (step+1)·rows)."""
        step = checks.integer("step", step, at_least=0)
        rows = checks.integer("rows", rows, at_least=1)
        first, after, size = step * rows, (step + 1) * rows, len(self)
        parts = []
        for number in range(first // size, -(-after // size)):
            begin = max(first - number * size, 0)
            parts.append([part[begin : after - number * size] for part in self.epoch(number)])
        starts, lengths = (
            torch.from_numpy(np.concatenate(part)) for part in zip(*parts, strict=True)
        )
        return gather(self.ids, starts, lengths)


# ---------------------------------------------------------------- the objective


class Objective(nn.Module):
    """Inputs and targets → the loss of each counted target, or their sum, in nats.

    For `BLOCKWISE_FROM` words and more the scores are never held all at once. A batch without a
    counted target costs 0 and moves nothing.

    Raises
    ------
    TypeError, ValueError
        Naming the argument; `inputs` are called `tokens`, as the model calls them.
    """

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        checks.instance("model", model, Transformer)
        self.model = model

    def forward(self, inputs: Tensor, targets: Tensor, reduction: str = "sum") -> Tensor:
        """Map (B, T) ids and targets to a scalar, or to (B * T,) losses for "none"."""
        checks.choice("reduction", reduction, ("sum", "none"))
        hidden = self.model.hidden(inputs).flatten(0, 1)
        self._check_targets(targets, inputs.shape)
        targets = targets.flatten()
        weight, softcap = self.model.head.weight, self.model.softcap
        if len(weight) >= BLOCKWISE_FROM:
            return linear_cross_entropy(
                hidden, weight, targets, softcap=softcap, reduction=reduction
            )
        logits = self.model.logits(hidden).to(torch.promote_types(weight.dtype, torch.float32))
        targets = targets.to(logits.device, non_blocking=True)
        return F.cross_entropy(logits, targets, ignore_index=IGNORED, reduction=reduction)

    def _check_targets(self, targets: Tensor, shape: torch.Size) -> None:
        checks.instance("targets", targets, Tensor)
        if targets.dtype != torch.int64:
            raise TypeError(f"targets must be int64, got {targets.dtype}")
        if targets.shape != shape:
            raise ValueError(
                f"targets must have the shape {tuple(shape)} of inputs, got {tuple(targets.shape)}"
            )
        if torch.compiler.is_compiling() or targets.is_cuda:  # there it would wait
            return
        counted, size = targets[targets != IGNORED], len(self.model.head.weight)
        if len(counted) and not 0 <= int(counted.min()) <= int(counted.max()) < size:
            raise ValueError(
                f"targets must be word ids in [0, {size}) or {IGNORED}, got"
                f" {[int(bound) for bound in counted.aminmax()]}"
            )


@contextlib.contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    """Multiply float32 matrices so for the body, as `torch.set_float32_matmul_precision` says.

    "highest" is float32 itself; "high" may round the factors to TF32, 10 bits after the point.
    """
    try:
        before = torch.get_float32_matmul_precision()
    except RuntimeError:  # set under PyTorch's newer names, with which the older do not mix
        backends: Any = torch.backends  # PyTorch does not declare all of them
        places = backends.cuda.matmul, backends.mkldnn.matmul
        given = [place.fp32_precision for place in places]
        try:
            for place in places:
                place.fp32_precision = {"highest": "ieee", "high": "tf32"}[name]
            yield
        finally:
            for place, own in zip(places, given, strict=True):
                place.fp32_precision = own
        return
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


Watch = Callable[[int, int], None]  # called with the words read, and how many there are


class Evaluation(NamedTuple):
    """The mean loss over a text or a part of it, in nats per token, and how sure it is."""

    loss: float
    #: Of the mean, by `nwp.generalization.standard_error`; None below `BLOCKS` times the context.
    standard_error: float | None
    tokens: int  #: how many were predicted

    @property
    def perplexity(self) -> float:
        """The exponential of the mean token loss."""
        return math.exp(self.loss)


@torch.no_grad()
def token_losses(
    model: Transformer,
    ids: ArrayLike,
    *,
    at_most: int | None = None,
    as_trained: bool = False,
    shared: bool = False,
    watch: Watch = lambda read, whole: None,
) -> NDArray[np.float64]:
    """Return the losses of `model` on a text, in its order: every id after the first once.

    The text is read in rows of the model's context, so that the first word of a row is predicted
    from one word, and the last from `context` words. Matrices are multiplied as precisely as their
    type allows: no TF32, whatever the process has set, and no autocast; unless `as_trained`.

    Parameters
    ----------
    model : ids → logits; where it has a boundary, rows are cut there
    ids : (n,) the text, n at least 2
    at_most : about how many tokens to predict, in rows spread evenly over the text, at least one;
        None: all of them
    as_trained : whether to multiply as a training step does on this device (on a CPU, the same)
    shared : whether the processes that train together each read a part. All must call this, and
        each gets the losses of all
    watch : is called now and then with the tokens predicted so far and those there will be; an
        exception from it ends the evaluation

    Raises
    ------
    TypeError, ValueError
        Where `ids` are not such integers, `at_most` is not at least 1, or `watch` no function.
    """
    checks.instance("model", model, Transformer)
    checks.boolean("as_trained", as_trained)
    checks.boolean("shared", shared)
    checks.function("watch", watch)
    array = _text(ids, model.embedding.num_embeddings)
    starts, lengths = map(torch.from_numpy, tile(array, model.context, model.boundary))
    if at_most is not None:
        asked = checks.integer("at_most", at_most, at_least=1)
        some = max(1, asked * len(starts) // int(lengths.sum()))
        if some < len(starts):
            chosen = torch.arange(some) * len(starts) // some
            starts, lengths = starts[chosen], lengths[chosen]
    objective, tokens = Objective(model), torch.from_numpy(array)
    at_once = max(1, TOKENS_AT_ONCE // model.context)
    ends = lengths.cumsum(0).tolist()
    losses = np.zeros(ends[-1])  # those that this process reads; added up, those of all
    device = model.head.weight.device
    together, own = processes() if shared else (1, 0)
    parts = torch.arange(len(starts)).split(at_once)
    fast = as_trained and device.type == "cuda"
    with (
        matmul_precision("high" if fast else "highest"),
        torch.autocast(device.type, torch.bfloat16, enabled=fast),
    ):
        for turn in range(0, len(parts), together):
            if turn + own < len(parts):
                rows = parts[turn + own]
                inputs, targets = gather(tokens, starts[rows], lengths[rows])
                found = objective(inputs.to(device), targets, "none").double().cpu()
                end = ends[rows[-1]]
                found = found[targets.flatten() != IGNORED].numpy()
                losses[end - len(found) : end] = found
            last = parts[min(turn + together, len(parts)) - 1][-1]
            watch(ends[last], ends[-1])  # as often in every process
    return summed(losses) if shared else losses


def evaluate(
    model: Transformer,
    ids: ArrayLike,
    *,
    at_most: int | None = None,
    as_trained: bool = False,
    shared: bool = False,
    watch: Watch = lambda read, whole: None,
) -> Evaluation:
    """Return the mean of `token_losses`, whose arguments and errors these are, and how sure it is.

    The error is that of `standard_error`. A block holds `context` tokens at least: those that are
    read together depend on each other most. With `at_most` the mean is an estimate, of which
    `Evaluation.tokens` tells the size; a block is then what was read of one part of the text.
    """
    losses = token_losses(
        model, ids, at_most=at_most, as_trained=as_trained, shared=shared, watch=watch
    )
    mean = float(losses.mean())
    known = len(losses) >= BLOCKS * model.context and math.isfinite(mean)  # else it has diverged
    return Evaluation(mean, standard_error(losses) if known else None, len(losses))


def flops_per_token(model: Transformer) -> int:
    """Return the operations of a training step per token: forward, and twice that backward.

    Each weight of a matrix takes a multiplication and an addition. So do the attention scores and
    the sums that they weight, over half of the context on average: a word sees what stands before
    it. Norms, rotations and the lookup of the embedding are not counted.
    """
    checks.instance("model", model, Transformer)
    matrices = sum(p.numel() for p in model.blocks.parameters() if p.ndim == 2)
    width = model.embedding.embedding_dim
    attention = len(model.blocks) * 2 * width * (model.context + 1) // 2
    return 6 * (matrices + model.head.weight.numel() + attention)


# ---------------------------------------------------------------- the optimizer


def rate_share(progress: float, warmup: float, decay: float) -> float:
    """Return the share of the full learning rate at `progress`: up, level, down to 0 at 1."""
    checks.number("progress", progress, at_least=0)
    for name, value in (("warmup", warmup), ("decay", decay)):
        checks.number(name, value, at_least=0, at_most=1)
    up = progress / warmup if warmup else 1.0
    down = (1 - progress) / decay if decay else 1.0
    return max(0.0, min(1.0, up, down))


def _device(device: str | torch.device) -> torch.device:
    try:
        return torch.device(device)
    except (RuntimeError, TypeError, AttributeError) as error:  # no such device, no name of one
        kind = ValueError if isinstance(device, str) else TypeError
        raise kind(f"device must be one of PyTorch's, such as 'cpu', got {device!r}") from error


class Replay:
    """Steps on CUDA that are recorded once and then played again, with other numbers.

    To start a kernel takes the host longer than a small kernel takes the device. A recorded step
    starts all of its kernels by one call. The first `WARM` steps are taken as usual: they compile,
    and allocate what is allocated once. Inputs lie in the same memory at every step, for a record
    holds addresses; so does what is returned, which is copied.

    Parameters
    ----------
    step : takes tensors on the device, and returns one; it may not wait for the device
    device : where
    """

    WARM = 3

    def __init__(self, step: Callable[..., Tensor], device: torch.device) -> None:
        self.step, self.device, self.taken = step, device, 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.given: list[Tensor] = []
        self.result = torch.empty(0)
        self.aside = torch.cuda.Stream(device)

    def __call__(self, *given: Tensor | float) -> Tensor:
        """Take the step with these inputs, in the same order, shapes and types each time."""
        if not self.given:
            self.given = [
                torch.empty_like(x, device=self.device)
                if isinstance(x, Tensor)
                else torch.empty((), device=self.device)
                for x in given
            ]
        for place, x in zip(self.given, given, strict=True):
            if isinstance(x, Tensor):
                place.copy_(x.pin_memory(), non_blocking=True)
            else:
                place.fill_(x)
        self.taken += 1
        if self.taken <= self.WARM:
            # What a record needs must have been made on a stream of its own.
            usual = torch.cuda.current_stream(self.device)
            self.aside.wait_stream(usual)
            with torch.cuda.stream(self.aside):
                result = self.step(*self.given)
            usual.wait_stream(self.aside)
            return result
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.result = self.step(*self.given)
        self.graph.replay()
        return self.result.clone()

    def forget(self) -> None:
        """Record anew at the next step, because what it moves lies elsewhere now."""
        self.graph, self.taken = None, 0


class Trainer:
    """A model, its optimizers and its place in the text.

    Under `torch.distributed` each process reads its part of every batch, and all take the same
    step. On CUDA the model is compiled, and a step multiplies in bfloat16, and what stays in
    float32 in TF32; this ends with the step: nothing is set for the process. A single process that
    reads rows of one length tells the device a whole step only once (`Replay`): a small model's
    kernels are done sooner than the host can ask for them.

    Parameters
    ----------
    preset : sizes and rates
    ids : (n,) the text to train on
    vocabulary_size : V
    boundary : the id after which a text of its own begins, or None
    seed : fixes the initial weights and the order of the rows
    device : where the model lives

    Raises
    ------
    TypeError, ValueError
        Where the text is shorter than 2, an id is not in [0, V), or the batch has fewer rows than
        there are processes.
    """

    def __init__(
        self,
        preset: Preset,
        ids: ArrayLike,
        vocabulary_size: int,
        *,
        boundary: int | None = None,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        checks.instance("preset", preset, Preset)
        size = checks.integer("vocabulary_size", vocabulary_size, at_least=1)
        array = _text(ids, size)
        self.preset, self.device = preset, _device(device)
        self.cuda = self.device.type == "cuda"
        self.step = self.tokens = 0  # taken; counted, padding left out
        self.processes, self.rank = processes()
        if preset.rows < self.processes:
            raise ValueError(
                f"rows must be at least the number of processes, {self.processes},"
                f" got {preset.rows}"
            )
        self.rows = Rows(array, preset.context, boundary=boundary, seed=seed)
        self.model = preset.model(size, boundary=boundary, seed=seed).to(self.device)
        blocks = list(cast(Iterable[Block], self.model.blocks))
        stacked = [block.attention.qkv.weight for block in blocks]
        layers_of = [(block.attention.out, block.up, block.down) for block in blocks]
        matrices = [layer.weight for layers in layers_of for layer in layers]
        moved = {*stacked, *matrices}
        self.learn(
            Objective(self.model),
            matrices,
            stacked,
            [p for p in self.model.parameters() if p not in moved],
        )

    def learn(
        self,
        objective: nn.Module,
        matrices: Iterable[Tensor],
        stacked: Iterable[Tensor],
        others: Iterable[Tensor],
    ) -> None:
        """Minimize `objective`, a sum of losses: Muon moves the matrices, AdamW the others."""
        preset = self.preset
        self._prepared = 0  # steps since the model was compiled anew
        self._left_out = torch.zeros((), dtype=torch.int64, device=self.device)
        self.muon = Muon(
            matrices,
            stacked,
            lr=preset.muon_rate,
            momentum=preset.momentum,
            weight_decay=preset.weight_decay,
        )
        self.adamw = torch.optim.AdamW(
            others,
            lr=preset.adam_rate,
            betas=preset.betas,
            weight_decay=0.0,
            fused=True,
            capturable=self.cuda,
        )
        self.objective = objective
        if self.cuda:
            self.objective = cast(nn.Module, torch.compile(objective))
        if self.processes > 1:
            # Its buffers, the rotary angles, are alike in all processes.
            self.objective = DistributedDataParallel(
                self.objective, broadcast_buffers=False, gradient_as_bucket_view=True
            )
        alone = self.processes == 1 and self.preset.rows_at_once is None
        self._replay = Replay(self._move, self.device) if self.cuda and alone else None

    @property
    def preparing(self) -> bool:
        """Whether the last step did more than train: on CUDA the first compile and record."""
        return self.cuda and self._prepared <= (Replay.WARM + 1 if self._replay else 1)

    @property
    def broken(self) -> int | None:
        """The first step whose loss or gradient was no finite number, or None; the device is asked.

        That step was not taken, nor any after it: the weights and the optimizers' means are those
        before it. Steps count from 1.
        """
        left_out = int(self._left_out)
        return self.step - left_out + 1 if left_out else None

    def update(self, progress: float) -> Tensor:
        """Take one step; return this process's part of the batch's mean loss, before the step.

        Where the loss or the norm of the gradient is not finite, the weights stay what they are,
        from then on: see `broken`. Nothing is read back from the device: the host may run ahead of
        it. Only the first steps on CUDA wait, where they compile, and where a large vocabulary's
        targets are checked there.

        Parameters
        ----------
        progress : how much of the training is done, in [0, 1]; the learning rates depend on it
        """
        preset = self.preset
        share = rate_share(progress, preset.warmup, preset.decay)
        inputs, targets = self.rows.batch(self.step, preset.rows)
        counted = int((targets != IGNORED).sum())  # of all processes: each knows the whole batch
        mine = slice(self.rank, None, self.processes)
        inputs, targets = inputs[mine], targets[mine]
        numbers = preset.muon_rate * share, preset.adam_rate * share, self.processes / counted
        with matmul_precision("high") if self.cuda else contextlib.nullcontext():
            if self._replay is not None and inputs.shape == (preset.rows, preset.context):
                total = self._replay(inputs, targets, *numbers)
            else:
                total = self._move(inputs, targets, *numbers)
        self.step += 1
        self._prepared += 1
        self.tokens += counted
        return total / self.processes

    def _move(
        self,
        inputs: Tensor,
        targets: Tensor,
        muon_rate: float | Tensor,
        adam_rate: float | Tensor,
        weight: float | Tensor,
    ) -> Tensor:
        """Move the weights at these rates; `weight` is what the loss of a word counts."""
        for optimizer, rate in ((self.muon, muon_rate), (self.adamw, adam_rate)):
            for group in optimizer.param_groups:
                group["lr"] = rate
        at_once = self.preset.rows_at_once or self.preset.rows
        parts = list(zip(inputs.split(at_once), targets.split(at_once), strict=True))
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        self.model.zero_grad()
        for number, (read, predict) in enumerate(parts, start=1):
            if self.cuda and not read.is_cuda:
                read, predict = read.pin_memory(), predict.pin_memory()
            # Gradients are averaged over the processes once, after the last part.
            waiting: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
            objective = self.objective
            if isinstance(objective, DistributedDataParallel) and number < len(parts):
                waiting = objective.no_sync()
            with waiting:
                with torch.autocast(
                    self.device.type, torch.bfloat16, enabled=self.cuda, cache_enabled=False
                ):
                    loss = objective(read.to(self.device, non_blocking=True), predict)
                (loss * weight).backward()
            total += loss.detach() * weight
        self._leave_out(total)
        self.muon.step()
        self.adamw.step()
        return total

    def _leave_out(self, loss: Tensor) -> None:
        """Have the optimizers take no step where the loss or the gradient is not finite, or was."""
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        wrong = ~(loss.isfinite() & nn.utils.get_total_norm(gradients).isfinite())
        wrong = (wrong | (self._left_out > 0)).to(self._left_out)
        if self.processes > 1:  # the gradient is that of all, the loss is not
            distributed.all_reduce(wrong, distributed.ReduceOp.MAX)
        self._left_out += wrong
        # On a CPU the host knows already, and a step is then the same to the last bit.
        found = wrong.float() if self.cuda or wrong else None
        for optimizer in cast(Iterable[Any], (self.muon, self.adamw)):
            optimizer.found_inf = found

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint needs to go on from here."""
        return {
            "step": self.step,
            "tokens": self.tokens,
            "model": self.model.state_dict(),
            "muon": self.muon.state_dict(),
            "adamw": self.adamw.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken; RuntimeError, KeyError or ValueError if another's."""
        checks.instance("state", state, dict)
        self.model.load_state_dict(state["model"])
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])
        for group in self.adamw.param_groups:  # saved on another kind of device, it may differ
            group["capturable"] = self.cuda
        if self._replay is not None:
            self._replay.forget()
            self._prepared = 0
        self._left_out.zero_()
        self.step, self.tokens = state["step"], state["tokens"]
