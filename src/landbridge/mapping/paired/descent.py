"""Gradient descent on the squared error of a network over pairs: loop, epoch, step, error."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

OnEpoch = Callable[[int, float, float | None], Any]
ROWS_AT_ONCE = 8192
MOMENTUM = 0.9
NOTABLE = 0.01


def squared_error(predicted: Any, Y: Any, weight: Any) -> Any:
    """``Σ wᵢ ‖f(xᵢ) − yᵢ‖²`` over the rows of a batch, as a tensor."""
    return (weight * (predicted - Y).square().sum(dim=1)).sum()


def step_size(schedule: str, learning_rate: float, done: float) -> float:
    """The step with the share ``done`` of training behind: η, or ``η (1 + cos π done) / 2``."""
    if schedule == "constant":
        return learning_rate
    return learning_rate * (1 + math.cos(math.pi * done)) / 2


def is_still_falling(curve: Sequence[float], spread: float) -> bool:
    """Whether the last quarter of the epochs lowered the loss by over 1 % of the spread."""
    tail = max(1, len(curve) // 4)
    return min(curve[:-tail], default=spread) - min(curve[-tail:]) > NOTABLE * spread


def need_torch() -> Any:
    """PyTorch, imported when first needed.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "GradientMapping trains with PyTorch: pip install 'landbridge[torch]'."
        ) from error
    return torch


def usable_device(name: str) -> Any:
    """The torch device of that name; ``"auto"`` is the GPU where CUDA sees one, else the CPU.

    Raises
    ------
    ValueError
        If there is no such device here.
    """
    torch = need_torch()
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f'device must be "auto", "cpu", "cuda" or another device that PyTorch can use on '
            f"this machine: found {name!r} ({str(error).splitlines()[0]})."
        ) from error
    return torch.device(name)


@contextmanager
def own_chance(seed: int, device: Any) -> Iterator[None]:
    """Seed what torch draws inside (first weights, dropout); its global state is put back after."""
    torch = need_torch()
    gpus = range(torch.cuda.device_count()) if device.type == "cuda" else ()
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)
        if gpus:
            torch.cuda.manual_seed_all(seed)
        yield


@contextmanager
def told(progress: bool | OnEpoch, max_epochs: int) -> Iterator[OnEpoch]:
    """What to call after each epoch: the caller's own function, a bar's advance, or nothing."""
    if callable(progress):
        yield progress
    elif progress:
        with _bar(max_epochs) as advance:
            yield advance
    else:
        yield lambda epoch, train_loss, valid_loss: None


@contextmanager
def _bar(max_epochs: int) -> Iterator[OnEpoch]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("Gradient descent", total=max_epochs)

        def advance(epoch: int, train_loss: float, valid_loss: float | None) -> None:
            loss = train_loss if valid_loss is None else valid_loss
            bar.update(task, advance=1, description=f"Gradient descent, loss {loss:.4g}")

        yield advance


def make_optimiser(name: str, module: Any, weight_decay: float, device: Any) -> Any:
    """Adam with decoupled weight decay, or stochastic gradient descent with Nesterov momentum."""
    optim = need_torch().optim
    parameters = [p for p in module.parameters() if p.requires_grad]
    shared = {"weight_decay": weight_decay, "fused": device.type in ("cpu", "cuda")}
    if name == "adam":
        return optim.AdamW(parameters, **shared)
    return optim.SGD(parameters, lr=1.0, momentum=MOMENTUM, nesterov=True, **shared)


class Pairs(NamedTuple):
    """Rows of both sides and their weights, as tensors on one device."""

    X: Any
    Y: Any
    weight: Any

    def rows(self, chosen: Any) -> "Pairs":
        """The pairs with these row numbers."""
        return Pairs(self.X[chosen], self.Y[chosen], self.weight[chosen])


class Ramp(NamedTuple):
    """How far training has come, from ``done_at_start`` at epoch ``start`` to 1 at ``end``."""

    end: int
    start: int = 0
    done_at_start: float = 0.0

    def done(self, epochs: float) -> float:
        """The share of training that is done after so many epochs."""
        share = (epochs - self.start) / (self.end - self.start)
        return self.done_at_start + share * (1 - self.done_at_start)

    def shortened(self, epochs: int, rest: int) -> "Ramp":
        """Steeper from here on, to end within ``rest`` epochs."""
        return Ramp(min(self.end, epochs + rest), epochs, self.done(epochs))


@dataclass
class Descent:
    """Gradient descent as a ladder, loop → epoch → step → error, and what it has reached."""

    module: Any
    train: Pairs
    held_out: Pairs | None
    optimiser: Any
    size_at: Callable[[float], float]
    batch_size: int
    ramp: Ramp
    patience: int
    rest: int
    generator: Any
    on_epoch: OnEpoch
    loss_curve: list[float] = field(default_factory=list)
    validation_curve: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_state: dict[str, Any] = field(default_factory=dict)

    @property
    def watched(self) -> list[float]:
        """The loss that decides which weights are the best."""
        return self.loss_curve if self.held_out is None else self.validation_curve

    def loop(self) -> None:
        """Epoch after epoch, until the schedule is through."""
        while self.n_epochs < self.ramp.end:
            self.epoch()
            if self.ramp.start == 0 and self.is_patience_spent():
                self.ramp = self.ramp.shortened(self.n_epochs, self.rest)

    def is_patience_spent(self) -> bool:
        """Whether the held-out pairs have shown no gain for too long."""
        stalled = self.n_epochs - self.best_epoch
        return self.held_out is not None and stalled >= self.patience

    def epoch(self) -> None:
        """Once over all pairs in a new order, then take stock."""
        self.module.train()
        batches = self.batches()
        total = 0.0
        for k, rows in enumerate(batches):
            self.resize(self.ramp.done(self.n_epochs + k / len(batches)))
            total += self.step(self.train.rows(rows))
        self.take_stock(self.n_epochs + 1, self.mean(total, self.train))

    @property
    def n_epochs(self) -> int:
        """Epochs that are over."""
        return len(self.loss_curve)

    def batches(self) -> Sequence[Any]:
        """Row numbers in a new order, in parts that differ by one row at most."""
        n_rows = len(self.train.X)
        order = need_torch().randperm(n_rows, generator=self.generator)
        return order.to(self.train.X.device).tensor_split(math.ceil(n_rows / self.batch_size))

    def resize(self, done: float) -> None:
        """Set the step size for the share of training that is done."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.size_at(done)

    def step(self, batch: Pairs) -> Any:
        """One step against the gradient of a batch; its summed error before the step."""
        self.optimiser.zero_grad()
        error = self.error(batch)
        (error / len(batch.X)).backward()
        self.optimiser.step()
        return error.detach()

    def error(self, batch: Pairs) -> Any:
        """The weighted squared error, summed over a batch."""
        return squared_error(self.module(batch.X), batch.Y, batch.weight)

    def held_out_loss(self, pairs: Pairs) -> float:
        """The mean error on the held-out pairs."""
        self.module.eval()
        with need_torch().no_grad():
            parts = zip(*(tensor.split(ROWS_AT_ONCE) for tensor in pairs))
            return self.mean(sum(self.error(Pairs(*part)) for part in parts), pairs)

    @staticmethod
    def mean(total: Any, pairs: Pairs) -> float:
        """A summed error, for each unit of weight and each output."""
        return float(total / pairs.weight.sum()) / pairs.Y.shape[1]

    def take_stock(self, epoch: int, train_loss: float) -> None:
        """Write down the losses, keep the weights if they are the best so far, and tell."""
        loss = train_loss if self.held_out is None else self.held_out_loss(self.held_out)
        if not math.isfinite(train_loss + loss):
            raise ValueError(
                f"Training diverged in epoch {epoch}: the loss is {loss}. Lower learning_rate "
                f"(the last step was {self.optimiser.param_groups[0]['lr']:.3g}), and leave "
                "standardise=True unless the rows are on a common scale already."
            )
        if loss < min(self.watched, default=math.inf):
            self.best_epoch = epoch
            self.best_state = {k: v.detach().clone() for k, v in self.module.state_dict().items()}
        self.loss_curve.append(train_loss)
        if self.held_out is not None:
            self.validation_curve.append(loss)
        self.on_epoch(epoch, train_loss, None if self.held_out is None else loss)
