"""What is minimised over labels, with class imbalance in mind.

This module imports PyTorch; estimators import it when they are fitted.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional as F

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""From outputs (b, k), labels (b,) or (b, k) and weights (b,), ``None`` of 1 each, to a number."""


FAR_BELOW = -1e9
"""A logit of no probability, in any precision."""


def weighted_mean(each: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    r""":math:`\frac1b \sum_i w_i \ell_i`."""
    return each.mean() if weight is None else (weight * each).mean()


def cross_entropy(
    logits: torch.Tensor, y: torch.Tensor, weight: torch.Tensor | None, smoothing: float = 0.0
) -> torch.Tensor:
    r""":math:`-\frac1b \sum_i w_i \log p_i(y_i)`, smoothed after Szegedy et al. 2016."""
    if weight is None:
        return F.cross_entropy(logits, y, label_smoothing=smoothing)
    each = F.cross_entropy(logits, y, reduction="none", label_smoothing=smoothing)
    return weighted_mean(each, weight)


def focal(
    logits: torch.Tensor, y: torch.Tensor, weight: torch.Tensor | None, gamma: float = 2.0
) -> torch.Tensor:
    r""":math:`-\frac1b \sum_i w_i (1 - p_i(y_i))^\gamma \log p_i(y_i)` (Lin et al. 2017, eq. 4)."""
    log_p = F.log_softmax(logits, dim=1).gather(1, y[:, None])[:, 0]
    return weighted_mean(-((1 - log_p.exp()) ** gamma) * log_p, weight)


def logit_adjusted(
    logits: torch.Tensor,
    y: torch.Tensor,
    weight: torch.Tensor | None,
    shares: torch.Tensor,
    tau: float = 1.0,
) -> torch.Tensor:
    r"""Cross-entropy of :math:`f(x) + \tau \log \pi` (Menon et al. 2021, eq. 10)."""
    return cross_entropy(logits + tau * shares.clamp(min=1e-12).log(), y, weight)


def ldam(
    logits: torch.Tensor,
    y: torch.Tensor,
    weight: torch.Tensor | None,
    shares: torch.Tensor,
    largest: float = 0.5,
) -> torch.Tensor:
    r"""Cross-entropy with margins :math:`\Delta_c \propto n_c^{-1/4}` (Cao et al. 2019, eq. 13).

    The margin of the rarest class is ``largest``, in units of the logits.
    """
    margins = shares.clamp(min=1e-12) ** -0.25
    margins = margins * (largest / margins.max())
    taken = F.one_hot(y, logits.shape[1]) * margins
    return cross_entropy(logits - taken, y, weight)


def squared_error(
    outputs: torch.Tensor, y: torch.Tensor, weight: torch.Tensor | None
) -> torch.Tensor:
    r""":math:`\frac{1}{bk} \sum_i w_i \lVert f(x_i) - y_i \rVert^2`."""
    return weighted_mean((outputs - y.reshape(outputs.shape)).square().mean(dim=1), weight)


def among(loss: Loss, present: torch.Tensor) -> Loss:
    """The loss over classes that are present (k,) only: the others' outputs are not pushed down."""

    def of_present(
        logits: torch.Tensor, y: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        return loss(logits.masked_fill(~present, FAR_BELOW), y, weight)

    return of_present


LOSSES = ("cross-entropy", "focal", "logit-adjusted", "ldam")


def make_loss(name: str, shares: torch.Tensor | None) -> Loss:
    """A loss by name; ``shares`` (k,) of the classes in training, ``None`` in regression."""
    if shares is None:
        return squared_error
    losses: dict[str, Loss] = {
        "cross-entropy": cross_entropy,
        "focal": focal,
        "logit-adjusted": partial(logit_adjusted, shares=shares),
        "ldam": partial(ldam, shares=shares),
    }
    return losses[name]
