"""Targets that lack some of the source's classes, or have others that the source lacks."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from landbridge.mapping.deep.adversaries import (
    discriminator,
    domain_entropy,
    domain_loss,
    reverse_gradient,
)
from landbridge.mapping.deep.base import Alignment, DeepNet, View
from landbridge.mapping.deep.stages import TwoStages
from landbridge.training.batches import TwoBatches
from landbridge.training.schedule import warm_up
from landbridge.training.trainer import Player, parameters_of


class PADA(Alignment):
    r"""Fool a classifier of domains, and forget the classes that the target seems to lack.

    Class k weighs :math:`\gamma_k / \max \gamma`, with :math:`\gamma` the mean prediction on the
    target, in the source's loss and in the classifier's (Cao et al. 2018, section 3). The mean
    follows the target's batches, :math:`\gamma \leftarrow m \gamma + (1 - m) \bar p`, so that it
    needs no pass of its own.

    Parameters
    ----------
    width : int, default=128
        Of the classifier's hidden layers.
    memory : float, default=0.95
        m: larger values follow the predictions more slowly.
    """

    needs_classes = True
    is_ramped = False
    is_game = True
    shares: torch.Tensor

    def __init__(self, width: int = 128, memory: float = 0.95):
        super().__init__()
        self.width = width
        self.memory = memory

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """The classifier of domains, and the mean prediction: at first all classes alike."""
        self.discriminator = discriminator(n_features, self.width)
        self.register_buffer("shares", torch.full((n_outputs,), 1.0 / n_outputs))

    def players(self, net: DeepNet) -> list[Player]:
        """One, who weighs the source's rows."""
        return [Player(lambda *now: self.weighted(net, *now), parameters_of(net))]

    def weighted(self, net: DeepNet, batches: TwoBatches, done: float) -> dict[str, torch.Tensor]:
        """All terms, each source row with the weight of its class."""
        source, target = net.views(batches)
        self.follow(target)
        weight = source.weight * self.class_weights()[source.y]
        source = source._replace(weight=weight)
        return net.labelled_terms(source, target) | net.alignment_terms(source, target, done)

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The classifier's loss, reversed for the body; source rows count as they weigh."""
        strength = warm_up(done)
        of_source, of_target = (
            self.discriminator(reverse_gradient(view.features, strength))
            for view in (source, target)
        )
        return {"domain": domain_loss(of_source, of_target, source.weight)}

    def follow(self, target: View) -> None:
        """Let the mean prediction follow that of a batch."""
        now = target.probabilities.detach().mean(dim=0)
        self.shares.mul_(self.memory).add_((1 - self.memory) * now)

    def class_weights(self) -> torch.Tensor:
        """The weight of each class (k,), at most 1."""
        return self.shares / self.shares.max()


def likeness_weights(logits: torch.Tensor) -> torch.Tensor:
    r"""Weights (b,) of source rows in proportion to :math:`1 - D`, with mean 1.

    D is the probability of being a source row that a classifier's logits (b, 1) give (Zhang et
    al. 2018, section 3).
    """
    weights = torch.sigmoid(-logits.detach()[:, 0])
    return weights / weights.mean().clamp(min=1e-12)


class IWAN(TwoStages):
    r"""A body for the target that is drawn to those source rows that look like target rows.

    First body and head learn the source. Then a copy of the body is trained for the target. One
    classifier of domains only weighs: source rows count as :math:`1 - D(h)`, which is little for
    classes that the target lacks. A second one sees these weights, and the target's body plays
    against it, and for sure predictions (Zhang et al. 2018, section 3).

    Parameters
    ----------
    width : int, default=128
        Of the classifiers' hidden layers.
    certainty : float, default=0.1
        Weight of the entropy of predictions on the target; larger values make them surer.
    source_share : float, default=0.5
        Share of training that is the first stage.
    pace : float, default=0.3
        Step size of the target's body, in step sizes of all else.
    """

    needs_classes = True

    def __init__(
        self,
        width: int = 128,
        certainty: float = 0.1,
        source_share: float = 0.5,
        pace: float = 0.3,
    ):
        super().__init__(source_share)
        self.width = width
        self.certainty = certainty
        self.pace = pace

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """Both classifiers of domains."""
        self.weigher, self.opponent = (discriminator(n_features, self.width) for _ in range(2))

    def game(self, net: DeepNet) -> list[Player]:
        """The classifiers against the target's body."""
        return [
            Player(
                self.staged(net, "domain", self.told), parameters_of(self.weigher, self.opponent)
            ),
            Player(
                self.staged(net, "fooling", self.fooled),
                parameters_of(net.network.body, pace=self.pace),
            ),
        ]

    def told(self, net: DeepNet, batches: TwoBatches) -> torch.Tensor:
        """The loss of both classifiers, the second with the first's weights."""
        with torch.no_grad():
            source, target = (view.features for view in net.views(batches))
        judged = self.weigher(source)
        weighed = domain_loss(
            self.opponent(source), self.opponent(target), likeness_weights(judged)
        )
        return domain_loss(judged, self.weigher(target)) + weighed

    def fooled(self, net: DeepNet, batches: TwoBatches) -> torch.Tensor:
        """The loss of the target's body: taken for the source, and sure of its classes."""
        target = net.view(batches.target)
        fooling = domain_entropy(self.opponent(target.features), 1.0)
        unsure = torch.special.entr(target.probabilities).sum(dim=1).mean()
        known = sum(net.target_terms(target).values())
        return net.trade_off * fooling + self.certainty * unsure + known


class OSBP(Alignment):
    r"""Open set: target rows of no class of the source get a class of their own, "unknown".

    The head has one output more. It draws the boundary of the unknown at probability t,
    minimising :math:`-t \log p_u(x_t) - (1 - t) \log(1 - p_u(x_t))`, and the body, whose gradient
    is reversed, takes every target row to either side of it (Saito et al. 2018b, section 3).
    ``DeepTransfer`` then predicts the label ``unknown``, which is one of its ``classes_``.

    A learner of the third step in ``Transfer`` knows the source's classes alone: ask the fitted
    ``mapping_`` itself which rows are unknown.

    Parameters
    ----------
    unknown : str or number, optional
        The label of what the source knows not; by default ``"unknown"`` where labels are text,
        and -1 where they are numbers. It must be given where that is one of the labels.
    boundary : float, default=0.5
        t: larger values call fewer rows known.
    """

    needs_classes = True
    is_game = True

    def __init__(self, unknown: Any = None, boundary: float = 0.5):
        super().__init__()
        self.unknown = unknown
        self.boundary = boundary

    def classes(self, found: NDArray) -> NDArray:
        """The classes found, and the unknown, sorted.

        Raises
        ------
        ValueError
            If the unknown has no label of its own, or one of another type.
        """
        is_text = found.dtype.kind == "U"
        default = "unknown" if is_text else -1
        label = default if self.unknown is None else self.unknown
        if isinstance(label, str) != is_text or (self.unknown is None and label in found.tolist()):
            raise ValueError(
                f"OSBP needs a label for unknown rows, of the type of the others: found {label!r} "
                f"with the classes {found.tolist()}. Give another as OSBP(unknown=...)."
            )
        every = np.union1d(found, [label])
        self.place = int(np.searchsorted(every, label))
        return every

    def players(self, net: DeepNet) -> list[Player]:
        """One, who knows the head."""
        return [Player(lambda batches, done: self.bounded(net, batches), parameters_of(net))]

    def bounded(self, net: DeepNet, batches: TwoBatches) -> dict[str, torch.Tensor]:
        """The loss over labels, and the boundary's, reversed for the body."""
        source, target = net.views(batches)
        logits = net.network.head(reverse_gradient(target.features, 1.0))
        edge = net.trade_off * boundary_loss(logits, self.place, self.boundary)
        return net.labelled_terms(source, target) | {"boundary": edge}


def boundary_loss(logits: torch.Tensor, place: int, boundary: float) -> torch.Tensor:
    """Binary cross-entropy of the probability of one class with ``boundary``."""
    others = torch.cat([logits[:, :place], logits[:, place + 1 :]], dim=1).logsumexp(dim=1)
    odds = logits[:, place] - others
    return F.binary_cross_entropy_with_logits(odds, torch.full_like(odds, boundary))
