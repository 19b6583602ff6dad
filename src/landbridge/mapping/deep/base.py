"""What an alignment is, and the network that it and the source's labels train together."""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from numpy.typing import NDArray
from torch import nn

from landbridge.training.batches import Batch, TwoBatches
from landbridge.training.losses import Loss
from landbridge.training.networks import Cut
from landbridge.training.schedule import warm_up
from landbridge.training.trainer import Player, parameters_of


class View(NamedTuple):
    """What the network makes of a batch of one domain."""

    features: torch.Tensor
    """The body's representation (b, d)."""
    logits: torch.Tensor
    """The head's outputs (b, k)."""
    y: torch.Tensor
    """Class numbers (b,) or values; -1 or NaN for a target row without a label."""
    weight: torch.Tensor
    """Weights (b,)."""
    rows: torch.Tensor | None
    """Row numbers (b,)."""
    X: torch.Tensor
    """The rows themselves (b, ...)."""

    @property
    def probabilities(self) -> torch.Tensor:
        """Softmax of the logits (b, k)."""
        return self.logits.softmax(dim=1)


class Alignment(nn.Module):
    """What draws two domains together while the source's labels are learned; by itself, nothing.

    A method gives ``forward``, from a view of either batch and the share of training that is
    done to terms by name. One that needs modules of its own makes them in ``build``; a game of
    several players gives ``players``. Whatever it remembers from step to step must be a buffer.

    Attributes
    ----------
    needs_classes : bool
        Whether it is for classification only.
    is_ramped : bool
        Whether its terms grow along ``warm_up``, while features are still forming.
    is_game : bool
        Whether it gives several players, or one of its own: then several sources are one to it.
    has_two_bodies : bool
        Whether the target gets a body of its own: then the network is a ``TwoBodies``.
    compares_samples : bool
        Whether its terms are a distance of two samples, of whatever domains: then several
        sources are brought together with one another too.
    """

    needs_classes = False
    is_ramped = True
    is_game = False
    has_two_bodies = False
    compares_samples = False

    def classes(self, found: NDArray) -> NDArray:
        """The classes that the head tells apart, sorted: those found in the labels."""
        return found

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """Make modules and buffers, for the widths of features and outputs.

        ``n_rows`` are the rows of source and target, for what is kept of each row.
        """

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """What is to be made small, by name."""
        return {}

    def players(self, net: "DeepNet") -> list[Player]:
        """Who moves what; by default one player moves all."""
        return [Player(net.terms, parameters_of(net))]


class DeepNet(nn.Module):
    """Body, head and alignment, and what they minimise together over two batches.

    Parameters
    ----------
    network : Cut
        Body and head.
    alignment : Alignment
    loss : callable
        Of outputs, labels and weights of the source.
    trade_off : float
        Weight of the alignment's terms.
    """

    def __init__(self, network: Cut, alignment: Alignment, loss: Loss, trade_off: float):
        super().__init__()
        self.network, self.alignment = network, alignment
        self.loss, self.trade_off = loss, trade_off

    def players(self) -> list[Player]:
        """Who moves what: the alignment says."""
        return self.alignment.players(self)

    def terms(self, batches: TwoBatches, done: float) -> dict[str, torch.Tensor]:
        """The loss over labels, and the alignment's terms."""
        source, target = self.views(batches)
        return self.labelled_terms(source, target) | self.alignment_terms(source, target, done)

    def labelled_terms(self, source: View, target: View) -> dict[str, torch.Tensor]:
        """The loss over the labels of either domain."""
        return self.source_terms(source) | self.target_terms(target)

    def views(self, batches: TwoBatches) -> tuple[View, View]:
        """Either batch by itself, so that each is normalised by its own statistics."""
        return self.view_source(batches.source), self.view(batches.target)

    def view(self, batch: Batch) -> View:
        """What the network makes of a batch of the target."""
        return view_by(self.network, batch)

    def view_source(self, batch: Batch) -> View:
        """What the network makes of a batch of the source."""
        return view_by(self.network.of_source, batch)

    def source_terms(self, source: View) -> dict[str, torch.Tensor]:
        """The loss over the source's labels."""
        return {"source": self.loss(source.logits, source.y, source.weight)}

    def target_terms(self, target: View) -> dict[str, torch.Tensor]:
        """The loss over the labels of the target, 0 where the batch has none.

        Rows without a label weigh nothing: to pick the others would have a GPU wait for Python.
        """
        known = target.y.isfinite() if target.y.is_floating_point() else target.y >= 0
        y, weight = (values.where(known, 0) for values in (target.y, target.weight))
        share = known.float().mean().clamp(min=1 / len(known))
        return {"target": self.loss(target.logits, y, weight / share)}

    def alignment_terms(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """What the alignment adds, weighed."""
        ramp = warm_up(done) if self.alignment.is_ramped else 1.0
        with full_precision(source.features.device):
            found = self.alignment(lengthened(source), lengthened(target), done)
        return {name: self.trade_off * ramp * value for name, value in found.items()}


def view_by(network: Cut, batch: Batch) -> View:
    """What a network's body and head make of a batch."""
    features = network.body(batch.X)
    weight = torch.ones(len(batch.X), device=features.device)
    given = weight if batch.weight is None else batch.weight
    return View(features, network.head(features), batch.y, given, batch.rows, batch.X)


def full_precision(device: torch.device) -> AbstractContextManager:
    """Where nothing is shortened to bfloat16: what two batches differ in would be lost in it."""
    if not torch.is_autocast_enabled(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def lengthened(view: View) -> View:
    """The view with features and logits in float32 at least."""
    features, logits = (X.float() if X.dtype == torch.bfloat16 else X for X in view[:2])
    return view._replace(features=features, logits=logits)
