"""Batch normalisation that leans on the source's statistics at random, while it is fine-tuned.

This module imports PyTorch; recipes import it when they run.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from landbridge.training.normalisation import normalising_layers


@contextmanager
def stochastic_normalisation(body: nn.Module, chance: float) -> Iterator[int]:
    r"""In training, each channel is normalised by moving statistics with this chance.

    :math:`\hat x = (1 - s) \hat x_\mathrm{batch} + s \hat x_\mathrm{moving}` with s 1 or 0 per
    channel and step (Kou et al. 2020, algorithm 1). In evaluation nothing changes, and nothing
    of it remains afterwards. Gives the number of layers.
    """
    layers = normalising_layers(body).values()
    with ExitStack() as stack:
        for layer in layers:
            for handle in _hooks(layer, chance):
                stack.callback(handle.remove)
        yield len(layers)


def _hooks(layer: Any, chance: float) -> tuple[Any, Any]:
    moving: list[torch.Tensor] = []  # by the statistics from before this batch moved them

    def before(_: Any, given: tuple[torch.Tensor, ...]) -> None:
        if layer.training:
            mean, var = layer.running_mean.clone(), layer.running_var.clone()
            weight, bias = layer.weight, layer.bias
            moving.append(F.batch_norm(given[0], mean, var, weight, bias, eps=layer.eps))

    def after(_: Any, given: tuple[torch.Tensor, ...], by_batch: torch.Tensor) -> Any:
        if not layer.training:
            return None
        by_moving = moving.pop()
        shape = [1, by_batch.shape[1], *[1] * (by_batch.ndim - 2)]
        s = torch.rand(shape, device=by_batch.device) < chance
        return torch.where(s, by_moving, by_batch)

    return layer.register_forward_pre_hook(before), layer.register_forward_hook(after)
