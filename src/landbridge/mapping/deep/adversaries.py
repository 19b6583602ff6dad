"""Adversaries that tell the domains apart, and bodies that learn to fool them."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from landbridge.mapping.deep.base import Alignment, View
from landbridge.training.schedule import warm_up


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, X: torch.Tensor, strength: float) -> torch.Tensor:
        context.strength = strength
        return X.view_as(X)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return -context.strength * gradient, None


def reverse_gradient(X: torch.Tensor, strength: float) -> torch.Tensor:
    """The identity, whose gradient is turned round and multiplied (Ganin et al. 2016, eq. 16)."""
    return _Reversal.apply(X, strength)


def discriminator(n_inputs: int, width: int) -> nn.Module:
    """Two hidden layers, and a logit that is positive for the source."""
    return nn.Sequential(
        nn.Linear(n_inputs, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 1),
    )


def domain_loss(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the logits of both domains: the source is 1, the target 0; both alike."""
    ones, zeros = torch.ones_like(source), torch.zeros_like(target)
    both = F.binary_cross_entropy_with_logits
    return 0.5 * (both(source, ones) + both(target, zeros))


class DANN(Alignment):
    """Fool a classifier of domains: its gradient is reversed where it enters the body.

    Ganin et al. 2016, algorithm 1: the reversal's strength follows ``warm_up``.

    Parameters
    ----------
    width : int, default=128
        Of the classifier's hidden layers.
    """

    is_ramped = False

    def __init__(self, width: int = 128):
        super().__init__()
        self.width = width

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """The classifier of domains."""
        self.discriminator = discriminator(n_features, self.width)

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The classifier's loss, reversed for the body."""
        strength = warm_up(done)
        logits = (
            self.discriminator(reverse_gradient(view.features, strength))
            for view in (source, target)
        )
        return {"domain": domain_loss(*logits)}
