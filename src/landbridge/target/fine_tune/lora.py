"""Low-rank updates: each weight W learns as W + B A, and is one plain weight again in the end.

This module imports PyTorch; recipes import it when they run.
"""

import math
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    r""":math:`W + \frac{\alpha}{r} B A` of a weight W (Hu et al. 2022, section 4.1).

    B (o, r) starts at zero and A (r, i) at random, so that nothing has changed at first. A
    convolution's weight (o, i, h, w) is taken as the matrix (o, i h w).
    """

    def __init__(self, weight: torch.Tensor, rank: int, scale: float):
        super().__init__()
        n_outputs, n_inputs = weight.shape[0], weight[0].numel()
        self.scale = scale / rank
        self.A = nn.Parameter(weight.new_empty(rank, n_inputs))
        self.B = nn.Parameter(weight.new_zeros(n_outputs, rank))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight with its update."""
        update = self.scale * (self.B @ self.A).reshape(weight.shape)
        return weight.clone().add_(update)  # a clone keeps the layout, hence the same kernels


def adapted_layers(body: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The linear layers and two-dimensional convolutions of a body."""
    return [layer for layer in body.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]


def add_updates(body: nn.Module, rank: int, scale: float) -> list[nn.Parameter]:
    """Freeze a body, and give its layers updates; the parameters of these."""
    body.requires_grad_(False)
    layers = adapted_layers(body)
    for layer in layers:
        update = LowRank(layer.weight.detach(), rank, scale)
        parametrize.register_parametrization(layer, "weight", update)
    return [p for p in body.parameters() if p.requires_grad]


def merge_updates(body: nn.Module) -> None:
    """Make plain weights of weights and their updates, and let all learn again."""
    for layer in adapted_layers(body):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
    body.requires_grad_(True)


def add_peft(body: nn.Module, config: Any) -> nn.Module:
    """The body as the library ``peft`` adapts it by one of its configurations.

    Raises
    ------
    ImportError
        If peft is not installed.
    """
    try:
        from peft import get_peft_model
    except ImportError as error:
        raise ImportError(
            "config is one of the library peft: pip install peft, or give rank instead."
        ) from error
    return get_peft_model(body, config)
