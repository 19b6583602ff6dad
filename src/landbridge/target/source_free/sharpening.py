"""What TENT minimises, and over which weights.

This module imports PyTorch; the estimator imports it when it is fitted.
"""

from typing import Any

import torch
from torch import nn

from landbridge.target.fine_tune.parts import NORMS
from landbridge.target.source_free.guarded import Adapting
from landbridge.training import Batch


def mean_entropy(logits: torch.Tensor) -> torch.Tensor:
    r""":math:`-\frac1b \sum_i \sum_c p_{ic} \log p_{ic}`, p the softmax of logits (b, k)."""
    log_p = logits.log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1).mean()


def scales_and_shifts(network: nn.Module) -> list[nn.Parameter]:
    """γ and β of batch, layer, group and instance normalisation."""
    layers = (layer for layer in network.modules() if isinstance(layer, NORMS))
    return [weight for layer in layers for weight in layer.parameters(recurse=False)]


class Sharpening(Adapting):
    """A network whose normalising layers alone learn, to make predictions surer."""

    def groups(self) -> list[dict[str, Any]]:
        """Scales and shifts, which are not drawn to zero; all else is held."""
        self.network.requires_grad_(False)
        learned = scales_and_shifts(self.network)
        for weight in learned:
            weight.requires_grad_(True)
        return [{"params": learned, "weight_decay": 0.0}]

    def terms_of(self, logits: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
        """The entropy of the batch's predictions."""
        return {"batch entropy": mean_entropy(logits)}

    def train(self, mode: bool = True) -> "Sharpening":
        """Put normalising layers into training mode, all others never."""
        super().train(False)
        for layer in self.modules():
            if isinstance(layer, NORMS):
                layer.train(mode)
        return self
