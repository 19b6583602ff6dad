"""Batch normalisation between domains: whose means and variances it uses.

This module imports PyTorch; estimators import it when they are fitted.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

BUFFERS = ("running_mean", "running_var")


def normalising_layers(module: nn.Module) -> dict[str, _BatchNorm]:
    """The batch-normalising layers that keep statistics, by name."""
    return {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, _BatchNorm) and layer.track_running_stats
    }


def statistics(module: nn.Module) -> dict[str, torch.Tensor]:
    """The running means and variances, as the module's state names them."""
    return {
        f"{name}.{buffer}": getattr(layer, buffer).detach().clone()
        for name, layer in normalising_layers(module).items()
        for buffer in BUFFERS
    }


def set_statistics(module: nn.Module, values: dict[str, Any]) -> None:
    """Put running means and variances in place."""
    for name, layer in normalising_layers(module).items():
        for buffer in BUFFERS:
            getattr(layer, buffer).copy_(torch.as_tensor(values[f"{name}.{buffer}"]))


def recalibrate(module: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Replace the running statistics by those of these rows, as AdaBN does (Li et al. 2018).

    Every layer gets the mean over the batches of what it sees, each batch normalised by its own
    statistics, as in training; all else stays in evaluation mode.
    """
    layers = normalising_layers(module)
    if not layers:
        return
    was_training = {m: m.training for m in module.modules()}
    momenta = {layer: layer.momentum for layer in layers.values()}
    module.eval()
    for layer in layers.values():
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over the batches
        layer.train()
    try:
        with torch.no_grad():
            for rows in batches:
                module(rows)
    finally:
        for layer, momentum in momenta.items():
            layer.momentum = momentum
        for part, mode in was_training.items():
            part.training = mode


def freeze(module: nn.Module) -> None:
    """Train neither weights nor statistics of a module, whatever mode its parent is put into."""
    module.requires_grad_(False)
    module.eval()
    module.train = lambda mode=True: module  # type: ignore[method-assign]
