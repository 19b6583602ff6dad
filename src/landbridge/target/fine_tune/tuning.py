"""What a recipe works with: a network on its way, its start, the rows, and stages of training.

This module imports PyTorch; the estimator imports it when it is fitted.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch import nn

from landbridge.target.fine_tune.labelled import Labelled
from landbridge.target.fine_tune.penalties import l2_sp
from landbridge.training import ArrayBatches, Batch, Player, Trainer, Training
from landbridge.training.losses import Loss
from landbridge.training.networks import Cut
from landbridge.training.rows import outputs
from landbridge.training.trainer import parameters_of


class View(NamedTuple):
    """What the network makes of a batch."""

    features: torch.Tensor
    """The body's representation (b, d)."""
    logits: torch.Tensor
    """The head's outputs (b, k)."""
    batch: Batch


Penalty = Callable[[View], dict[str, torch.Tensor]]
"""From a view of a batch to terms by name."""


class Tuned(nn.Module):
    """A network that is being tuned, and whatever is trained beside it.

    What is ``frozen`` stays in evaluation mode, so that its normalising statistics do too.
    """

    def __init__(self, network: Cut, loss: Loss, penalty: Penalty | None, beside: nn.Module | None):
        super().__init__()
        self.network, self.beside = network, beside
        self.loss, self.penalty = loss, penalty
        self.frozen: Sequence[nn.Module] = ()

    def terms(self, batch: Batch, done: float) -> dict[str, torch.Tensor]:
        """The loss over labels, and what the recipe adds."""
        features = self.network.body(batch.X)
        logits = self.network.head(features)
        found = {"loss": self.loss(logits, batch.y, batch.weight)}
        return (
            found if self.penalty is None else found | self.penalty(View(features, logits, batch))
        )

    def train(self, mode: bool = True) -> "Tuned":
        """Put all that is not frozen into training mode, or all into evaluation mode."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self


@dataclass
class Tuning:
    """A network on its way from the source to the target, and what a recipe may do with it.

    Attributes
    ----------
    history : list of dict
        The figures of every epoch of every stage.
    notes : list of str
        What the recipe decided.
    """

    network: Cut
    """Body and head; to be trained in place."""
    source: Cut
    """A copy of the network as the source left it, with the source's own head."""
    is_new: NDArray[np.bool_]
    """Which rows of the head begin anew (k,)."""
    rows: Labelled
    held_out: Labelled
    loss: Loss
    plain_loss: Loss
    """The loss that judges: without what is for rare classes."""
    options: Training
    seed: int
    device: Any
    head_pace: float = 10.0
    is_balanced: bool = False
    classifies: bool = True
    history: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_stages: int = 0
    trainer: Trainer | None = None

    def __post_init__(self) -> None:
        self.network.to(self.device)
        self.source.to(self.device).eval()

    @property
    def has_learned(self) -> bool:
        """Whether there is something to keep: a whole stage, or an epoch of the first."""
        return len(self.history) > 0

    @property
    def body(self) -> nn.Module:
        """What makes the representation."""
        return self.network.body

    @property
    def head(self) -> nn.Linear:
        """What predicts from it."""
        return self.network.head  # type: ignore[return-value]

    @property
    def pace(self) -> float:
        """How much larger the head's steps are: larger while it has new rows."""
        return self.head_pace if self.is_new.any() else 1.0

    def probe(self, strength: float = 0.0) -> None:
        """Train the head alone, on the representation as it is: computed once, in evaluation mode.

        ``strength`` draws the rows of the head that the source knows to where they were.
        """
        rows, held_out = (part.seen_by(self.body, self.device) for part in self.all_rows)
        kept = torch.from_numpy(~self.is_new).to(self.device)
        starts = [value.detach()[kept].clone() for value in self.head.parameters()]

        def pull(_: View) -> dict[str, torch.Tensor]:
            now = [value[kept] for value in self.head.parameters()]
            return {"pull": strength * l2_sp(now, starts)}

        head = Cut(nn.Identity(), self.head)
        tuned = Tuned(head, self.loss, pull if strength else None, None)
        self._stage("probe", tuned, rows, held_out, parameters_of(self.head, pace=self.pace))
        self.is_new = np.zeros_like(self.is_new)

    def train(
        self,
        penalty: Penalty | None = None,
        *,
        groups: list[dict[str, Any]] | None = None,
        beside: nn.Module | None = None,
        frozen: Sequence[nn.Module] = (),
        decay: bool = True,
        trainer: type[Trainer] = Trainer,
        learning_rate: float | None = None,
    ) -> None:
        """Train body and head.

        Parameters
        ----------
        penalty : callable, optional
            Gives terms to add to the loss.
        groups : list of dict, optional
            Parameters of the body and their pace; by default all of them, at pace 1.
        beside : nn.Module, optional
            What is trained along, at the head's pace.
        frozen : sequence of nn.Module
            What stays in evaluation mode.
        decay : bool
            Whether weights are drawn to zero, as the options say.
        trainer : type
            The trainer, or one of its kind.
        learning_rate : float, optional
            In place of the options' own.
        """
        tuned = Tuned(self.network, self.loss, penalty, beside)
        tuned.frozen = frozen
        quick = [self.head] if beside is None else [self.head, beside]
        of_body = parameters_of(self.body) if groups is None else groups
        groups = [*of_body, *parameters_of(*quick, pace=self.pace)]
        if not decay:
            groups = [{**group, "weight_decay": 0.0} for group in groups]
        self._stage("tune", tuned, *self.all_rows, groups, trainer, learning_rate)

    def starts(self, head: bool = False) -> torch.Tensor:
        """The source network's features (n, d), or its outputs, for the rows learned from."""
        module = self.source if head else self.source.body
        return torch.from_numpy(outputs(module, self.rows.X, self.device)).to(self.device)

    def held_out_loss(self) -> float:
        """Of the network as it is now."""
        return float(self.losses(self.held_out) @ self.held_out.weight / len(self.held_out.y))

    def losses(self, rows: Labelled) -> NDArray[np.float64]:
        """The plain loss of each row (n,), as the network is now, all weights 1."""
        found = torch.from_numpy(outputs(self.network, rows.X, self.device)).to(self.device)
        y, one = torch.from_numpy(rows.y).to(self.device), torch.ones(1, device=self.device)
        each = [self.plain_loss(found[i : i + 1], y[i : i + 1], one) for i in range(len(y))]
        return torch.stack(each).double().cpu().numpy()

    def state(self) -> dict[str, torch.Tensor]:
        """A copy of the network's weights and statistics as they are now."""
        return copy.deepcopy(self.network.state_dict())

    def put(self, state: dict[str, torch.Tensor]) -> None:
        """Put weights and statistics into the network."""
        self.network.load_state_dict(state)

    @property
    def all_rows(self) -> tuple[Labelled, Labelled]:
        """The rows to learn from, and those held out."""
        return self.rows, self.held_out

    def _stage(
        self,
        name: str,
        tuned: Tuned,
        rows: Labelled,
        held_out: Labelled,
        groups: list[dict[str, Any]],
        trainer: type[Trainer] = Trainer,
        learning_rate: float | None = None,
    ) -> None:
        self.n_stages += 1
        has_judge = len(held_out.y) > 0
        self.trainer = trainer(
            tuned,
            [Player(tuned.terms, groups)],
            self._batches(rows),
            self._options(name, learning_rate),
            self.seed,
            self.device,
            judge=(lambda: self._mean_loss(tuned.network, held_out)) if has_judge else None,
            keeps_best=has_judge,
            rest=self.options.patience or 0,
            title=f"Fine-tuning, {name}",
        )
        with self._written_down(name):
            self.trainer.fit()

    @contextmanager
    def _written_down(self, name: str) -> Iterator[None]:
        """Keep a stage's figures, even where it is interrupted."""
        assert self.trainer is not None
        try:
            yield
        finally:
            self.history += [{"stage": name, **figures} for figures in self.trainer.history]

    def _mean_loss(self, network: nn.Module, rows: Labelled) -> float:
        found = torch.from_numpy(outputs(network, rows.X, self.device))
        y, weight = torch.from_numpy(rows.y), torch.from_numpy(rows.weight)
        return float(self.plain_loss(*(part.to(self.device) for part in (found, y, weight))))

    def _batches(self, rows: Labelled) -> ArrayBatches:
        balanced = self.is_balanced and self.classifies
        return ArrayBatches(*rows, batch_size=self.options.batch_size, is_balanced=balanced)

    def _options(self, name: str, learning_rate: float | None) -> Training:
        """The stage's options: a folder of its own, where there is one."""
        options = clone(self.options)
        if options.folder is not None:
            options.folder = Path(options.folder) / f"{self.n_stages}-{name}"
        if learning_rate is not None:
            options.learning_rate = learning_rate
        return options

    @staticmethod
    def copied(module: nn.Module) -> nn.Module:
        """A copy of a module that is trained by itself."""
        return copy.deepcopy(module).requires_grad_(True)
