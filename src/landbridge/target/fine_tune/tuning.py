"""What a recipe works with: a network on its way, its start, the rows, and stages of training.

This module imports PyTorch; the estimator imports it when it is fitted.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from landbridge.target.fine_tune.labelled import Labelled
from landbridge.target.fine_tune.penalties import l2_sp
from landbridge.target.fine_tune.stages import Stages
from landbridge.training import Batch, Trainer
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


@dataclass(kw_only=True)
class Tuning(Stages):
    """A network on its way from the source to the target, and what a recipe may do with it."""

    source: Cut
    """A copy of the network as the source left it, with the source's own head."""

    def __post_init__(self) -> None:
        self.network.to(self.device)
        self.source.to(self.device).eval()

    @property
    def body(self) -> nn.Module:
        """What makes the representation."""
        return self.network.body

    @property
    def head(self) -> nn.Linear:
        """What predicts from it."""
        return self.network.head

    def probe(self, strength: float = 0.0) -> None:
        """Train the head alone, on the representation as it is: computed once, in evaluation mode.

        ``strength`` draws the rows of the head that the source knows to where they were.
        """
        rows, held_out = (part.seen_by(self.body, self.device) for part in self.all_rows)
        known = torch.from_numpy(np.flatnonzero(~self.is_new)).to(self.device)
        starts = [value.detach().index_select(0, known) for value in self.head.parameters()]

        def pull(_: View) -> dict[str, torch.Tensor]:
            now = [value.index_select(0, known) for value in self.head.parameters()]
            return {"pull": strength * l2_sp(now, starts)}

        head = Cut(nn.Identity(), self.head)
        tuned = Tuned(head, self.loss, pull if strength else None, None)
        self.stage("probe", tuned, rows, held_out, parameters_of(self.head, pace=self.pace))
        self.is_new = np.zeros_like(self.is_new)

    def train(
        self,
        penalty: Penalty | None = None,
        *,
        groups: list[dict[str, Any]] | None = None,
        beside: nn.Module | None = None,
        frozen: Sequence[nn.Module] = (),
        decay: bool = True,
        trainer: type[Trainer] | None = None,
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
        trainer : type, optional
            A trainer of another kind.
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
        self.stage("tune", tuned, *self.all_rows, groups, trainer, learning_rate)

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

    def _mean_loss(self, network: nn.Module, rows: Labelled) -> float:
        found = torch.from_numpy(outputs(network, rows.X, self.device))
        y, weight = torch.from_numpy(rows.y), torch.from_numpy(rows.weight)
        return float(self.plain_loss(*(part.to(self.device) for part in (found, y, weight))))

    @staticmethod
    def copied(module: nn.Module) -> nn.Module:
        """A copy of a module that is trained by itself."""
        return copy.deepcopy(module).requires_grad_(True)
