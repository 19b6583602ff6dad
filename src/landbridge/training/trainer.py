"""Training as a ladder, fit → loop → epoch → step → terms, each rung short and a hook."""

import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landbridge.training.ahead import carried_ahead
from landbridge.training.batches import Batch, Batches
from landbridge.training.checkpoint import (
    check_own,
    read_checkpoint,
    restore,
    state_of,
    write_checkpoint,
)
from landbridge.training.engine import mixed_precision, move, need_torch, reseed
from landbridge.training.options import Training
from landbridge.training.processes import Processes, processes_here
from landbridge.training.progress import logged, told
from landbridge.training.schedule import Ramp, step_size

MOMENTUM = 0.9
LARGEST_SEED = 2**31 - 1


class Player(NamedTuple):
    """One side of a game, in most trainings the only one.

    At every step it moves its own parameters against the gradient of the sum of its terms.
    """

    terms: Callable[[Any, float], dict[str, Any]]
    """What is minimised, by name, from a batch and the share of training that is done.

    The names are the same at every step. Without a gradient, the player sits the step out.
    """
    groups: list[dict[str, Any]]
    """Its parameters, as torch's optimisers take them; ``"pace"`` multiplies the step size."""
    times: int = 1
    """How often it moves a step."""


def parameters_of(*modules: Any, pace: float = 1.0) -> list[dict[str, Any]]:
    """One group of all trainable parameters of the modules."""
    trainable = [p for module in modules for p in module.parameters() if p.requires_grad]
    return [{"params": trainable, "pace": pace}]


def make_optimiser(options: Training, groups: list[dict[str, Any]], device: Any) -> Any:
    """Adam with decoupled weight decay, or stochastic gradient descent with Nesterov momentum."""
    optim = need_torch().optim
    shared = {
        "lr": options.learning_rate,
        "weight_decay": options.weight_decay,
        "fused": device.type in ("cpu", "cuda"),
    }
    groups = [{"pace": 1.0, **group} for group in groups if group["params"]]
    if options.optimiser == "adam":
        optimiser = optim.AdamW(groups, **shared)
    else:
        optimiser = optim.SGD(groups, momentum=MOMENTUM, nesterov=True, **shared)
    optimiser.register_load_state_dict_post_hook(lay_out_as_parameters)
    return optimiser


def forget_gradients(optimiser: Any) -> None:
    """What ``zero_grad`` does, without the profiler's bookkeeping, which small steps feel."""
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def lay_out_as_parameters(optimiser: Any) -> None:
    """Lay an optimiser's state out in memory as its parameters are.

    Fused optimisers go through both memories side by side, and would mix up channels where one of
    them lies channels last, and the other as a checkpoint gives it.
    """
    for parameter, state in optimiser.state.items():
        for key, value in state.items():
            if getattr(value, "shape", None) == parameter.shape:
                state[key] = need_torch().empty_like(parameter).copy_(value)


@dataclass
class Trainer:
    """Moves the weights of a module until the epochs are over, and knows what it has reached.

    A subclass may replace any rung; the rungs from ``prepare`` on are all that know PyTorch, and
    another framework gives its own. Whatever a method remembers from step to step, besides
    weights, must be a buffer of the module: then a resumed run goes on exactly.

    Attributes
    ----------
    history : list of dict
        The figures of every epoch: ``epoch``, ``seconds``, ``learning_rate``, ``loss``, each
        term, and ``judged`` where there is a judge.
    best_epoch : int
        The epoch (from 1) whose weights are kept; 0 before the first.
    """

    module: Any
    """All that is trained, and all that has statistics of its own."""
    players: list[Player]
    batches: Batches
    options: Training
    seed: int
    device: Any
    judge: Callable[[], float] | None = None
    """After every epoch, the smaller the better; without one the training loss judges."""
    keeps_best: bool = True
    """Whether the weights of the best epoch are kept, or those of the last."""
    rest: int = 0
    """Epochs that a patience that is spent still leaves, for the gain of small steps."""
    title: str = "Training"
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_state: dict[str, Any] = field(default_factory=dict)
    optimisers: list[Any] = field(default_factory=list)
    ramp: Ramp = field(default_factory=lambda: Ramp(1))
    processes: Processes = field(default_factory=Processes)

    def fit(self) -> "Trainer":
        """Train from the start, or from this run's checkpoint, and keep the best weights.

        Raises
        ------
        ValueError
            If training diverges, or the folder holds the checkpoint of another run.
        MemoryError
            If the device has too little memory for a step.
        KeyboardInterrupt
            If it is interrupted: the best weights so far are in the module, and the checkpoint
            of the last whole epoch in the folder.
        """
        self.begin()
        heard = self.processes.heard(self.options)
        try:
            with (
                told(heard.progress, heard.max_epochs, self.title) as self._tell,
                logged(heard) as self._log,
            ):
                self.loop()
        finally:
            if self.best_state:
                self.module.load_state_dict(self.best_state)
            self.module.eval()
        return self

    def begin(self) -> None:
        """Optimisers, and the state of an interrupted run where the folder holds one."""
        self.prepare()
        self.ramp = Ramp(self.options.max_epochs)
        if self.folder is not None and (found := self.read(self.folder)) is not None:
            self.resume(self.folder, *found)
        self.processes.check_alike(lambda: self.fingerprint() | {"epochs done": self.n_epochs})

    def resume(self, folder: Path, tensors: dict[str, Any], facts: dict[str, Any]) -> None:
        """Go on where a checkpoint of this run stopped."""
        check_own(folder, facts["run"], self.fingerprint())
        self.best_state = restore(tensors, self.module, self.optimisers)
        self.history, self.best_epoch = facts["history"], facts["best_epoch"]
        self.ramp = Ramp(*facts["ramp"])

    def loop(self) -> None:
        """Epoch after epoch, until the schedule is through."""
        while self.n_epochs < self.ramp.end:
            self.epoch()
            if self.ramp.start == 0 and self.is_patience_spent():
                self.ramp = self.ramp.shortened(self.n_epochs, self.rest)
            self.write_checkpoint()

    def epoch(self) -> None:
        """Once over all rows in a new order, then take stock."""
        start, number = perf_counter(), self.n_epochs
        seed = (self.seed + 1_000_003 * number) % LARGEST_SEED
        # So that a resumed run draws what an uninterrupted one would.
        self.reseed(seed + self.processes.number)
        self.module.train()
        seen, n_rows = [], []
        for k, part in enumerate(self.dealt(seed)):
            done = self.ramp.done(number + k / len(self.batches))
            self.resize(done)
            seen.append(self.step(part, done))
            n_rows.append(n_rows_in(part))
        self.processes.average_statistics(self.module)
        terms, n_rows = self.processes.joined(self.numbers(seen), n_rows)
        self.check_finite(terms)
        shares = np.array(n_rows) / sum(n_rows)
        self.take_stock({name: float(values @ shares) for name, values in terms.items()}, start)

    def resize(self, done: float) -> None:
        """Set the step sizes for the share of training that is done."""
        size = step_size(self.options.schedule, self.options.learning_rate, done)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = size * group["pace"]

    def check_finite(self, terms: dict[str, NDArray]) -> None:
        """Stop where a loss is no number, and name the batch and the term."""
        if np.isfinite(sum(terms.values())).all():
            return
        for batch, values in enumerate(zip(*terms.values()), start=1):
            for name, value in zip(terms, values):
                if not math.isfinite(value):
                    self._diverged(float(value), f" (the term {name!r}, first in batch {batch})")

    def _diverged(self, loss: float, where: str) -> None:
        kept = f" The checkpoint of epoch {self.n_epochs} is kept." if self.folder else ""
        raise ValueError(
            f"Training diverged in epoch {self.n_epochs + 1}: the loss is {loss}{where}. Lower "
            f"learning_rate (the last step was {self.optimisers[0].param_groups[0]['lr']:.3g}), "
            f"set clip, or bring the rows to a common scale.{kept}"
        )

    def take_stock(self, terms: dict[str, float], start: float) -> None:
        """Write the figures down, keep the weights if they are the best so far, and tell."""
        loss = sum(terms.values())
        figures = {
            "epoch": self.n_epochs + 1,
            "seconds": perf_counter() - start,
            "learning_rate": self.optimisers[0].param_groups[0]["lr"],
            "loss": loss,
            **terms,
        }
        judged = None if self.judge is None else self._judged()
        if judged is not None:
            figures["judged"] = judged
            if not math.isfinite(judged):
                self._diverged(judged, " on held-out rows")
        watched = loss if judged is None else judged
        if not self.keeps_best or watched < min(self.watched, default=math.inf):
            self.best_epoch = self.n_epochs + 1
            self.best_state = self.snapshot()
        self.history.append(figures)
        self._log(figures)
        self._tell(self.n_epochs, loss, judged)

    def _judged(self) -> float:
        assert self.judge is not None
        self.module.eval()
        return self.processes.of_first(self.undisturbed(self.judge))

    @property
    def n_epochs(self) -> int:
        """Epochs that are over."""
        return len(self.history)

    @property
    def watched(self) -> list[float]:
        """The figure of every epoch that decides which one is the best."""
        return self.curve("loss" if self.judge is None else "judged")

    def curve(self, name: str) -> list[float]:
        """One of the figures, epoch by epoch."""
        return [figures[name] for figures in self.history]

    def is_patience_spent(self) -> bool:
        """Whether held-out rows have shown no gain for too long."""
        if self.judge is None or self.options.patience is None:
            return False
        return self.n_epochs - self.best_epoch >= self.options.patience

    @property
    def folder(self) -> Path | None:
        """Where checkpoints go, if anywhere."""
        return None if self.options.folder is None else Path(self.options.folder)

    def fingerprint(self) -> dict[str, Any]:
        """What tells this run from others."""
        shapes = [(name, list(v.shape)) for name, v in self.module.state_dict().items()]
        return {
            "options": self.options.decisive(),
            "seed": self.seed,
            "network": zlib.crc32(repr(shapes).encode()),
            "rows": self.batches.fingerprint(),
        }

    def write_checkpoint(self) -> None:
        """Keep the state after a whole epoch."""
        if self.folder is None or not self.processes.is_first:
            return
        facts = {
            "run": self.fingerprint(),
            "history": self.history,
            "best_epoch": self.best_epoch,
            "ramp": list(self.ramp),
        }
        self.write(self.folder, state_of(self.module, self.best_state, self.optimisers), facts)

    def prepare(self) -> None:
        """Put the module on its device, and give every player an optimiser."""
        self.module.to(self.device)
        self.processes = processes_here(self.device)
        self.processes.share_start(self.module)
        self.optimisers = [
            make_optimiser(self.options, player.groups, self.device) for player in self.players
        ]

    def reseed(self, seed: int) -> None:
        """Seed whatever the module draws."""
        reseed(seed)

    def dealt(self, seed: int) -> Iterator[Any]:
        """The batches of an epoch on the device, or this process's part of each.

        Where several processes train together each waits for its part: the share of the batch
        that it is must be that of the step. A loader makes batches ahead by its own workers.
        """
        parts = map(self.processes.part, self.batches.epoch(seed))
        if self.device.type == "cpu":
            return parts
        if self.device.type == "cuda" and self.processes.count == 1 and self.batches.own_order:
            return carried_ahead(parts, self.device)
        return (move(part, self.device) for part in parts)

    def step(self, batch: Any, done: float) -> dict[str, Any]:
        """Every player's move; the terms that each minimised, before its last."""
        terms: dict[str, Any] = {}
        with advice_on_memory(self.options.batch_size):
            for player, optimiser in zip(self.players, self.optimisers):
                for _ in range(player.times):
                    forget_gradients(optimiser)
                    found = self.terms(player, batch, done)
                    self.move(optimiser, total(found))
                terms |= {name: value.detach() for name, value in found.items()}
        return terms

    def move(self, optimiser: Any, loss: Any) -> None:
        """One move against the gradient of the loss; one without a gradient moves nothing."""
        if loss.requires_grad:
            loss.backward()
        if self.processes.average_gradients(optimiser, loss.requires_grad):
            self.clip(optimiser)
            optimiser.step()

    def terms(self, player: Player, batch: Any, done: float) -> dict[str, Any]:
        """What a player minimises, by name."""
        with mixed_precision(self.options.precision, self.device):
            return player.terms(batch, done)

    def clip(self, optimiser: Any) -> None:
        """Shorten a gradient that is too long."""
        if self.options.clip is not None:
            moved = [p for group in optimiser.param_groups for p in group["params"]]
            need_torch().nn.utils.clip_grad_norm_(moved, self.options.clip)

    def numbers(self, seen: list[dict[str, Any]]) -> dict[str, NDArray[np.float64]]:
        """What each term was at every step (n_steps,), brought home once an epoch."""
        stack = need_torch().stack
        return {
            name: stack([terms[name] for terms in seen]).cpu().double().numpy() for name in seen[0]
        }

    def snapshot(self) -> dict[str, Any]:
        """The module's state as it is now."""
        state = self.module.state_dict()
        return {name: value.detach().clone() for name, value in state.items()}

    def undisturbed(self, judge: Callable[[], float]) -> float:
        """What the judge says, without gradients."""
        with need_torch().no_grad():
            return float(judge())

    def read(self, folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The tensors and facts of the folder's checkpoint, ``None`` where it has none."""
        return read_checkpoint(folder)

    def write(self, folder: Path, tensors: dict[str, Any], facts: dict[str, Any]) -> None:
        """Put tensors and facts into the folder's checkpoint."""
        write_checkpoint(folder, tensors, facts)


def total(terms: dict[str, Any]) -> Any:
    """The sum of the terms, without a needless addition to zero."""
    first, *others = terms.values()
    return sum(others, start=first)


def n_rows_in(batch: Any) -> int:
    """The rows of a batch; those of the source in batches of two domains."""
    return len(batch.X) if isinstance(batch, Batch) else n_rows_in(batch[0])


@contextmanager
def advice_on_memory(batch_size: int) -> Any:
    """Say what to do where the device's memory does not hold a step."""
    try:
        yield
    except RuntimeError as error:
        if "out of memory" not in str(error) and "not enough memory" not in str(error):
            raise
        raise MemoryError(memory_advice(batch_size)) from error


def memory_advice(batch_size: int) -> str:
    """What to do where a step needs too much memory."""
    return (
        f"The device has too little memory for a step with batch_size={batch_size}: halve it, "
        'or set precision="bfloat16". The checkpoint of the last whole epoch is kept where '
        "a folder is set."
    )
