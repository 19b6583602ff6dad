"""Two heads that disagree where the source says nothing, and a body that makes them agree."""

import copy

import torch
from torch import nn

from landbridge.mapping.deep.base import Alignment, DeepNet, View
from landbridge.training.batches import TwoBatches
from landbridge.training.trainer import Player, parameters_of


def redrawn(head: nn.Module) -> nn.Module:
    """A head like this one with first weights of its own."""
    other = copy.deepcopy(head)
    for layer in other.modules():
        reset = getattr(layer, "reset_parameters", None)
        if reset is not None:
            reset()
    return other


def discrepancy(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of two tables of probabilities (Saito et al. 2018, eq. 3)."""
    return (first - second).abs().mean()


class MCD(Alignment):
    """Two heads part on the target as far as the source lets them, then the body unites them.

    Saito et al. 2018, section 3.3, steps A, B and C at every batch.

    Parameters
    ----------
    n_body_steps : int, default=4
        Moves of the body for each of the heads.
    """

    needs_classes = True

    def __init__(self, n_body_steps: int = 4):
        super().__init__()
        self.n_body_steps = n_body_steps

    def players(self, net: DeepNet) -> list[Player]:
        """All learn the source; the heads part; the body unites them."""
        self.other = redrawn(net.network.head)
        heads = parameters_of(net.network.head, self.other)
        body = parameters_of(net.network.body)
        return [
            Player(lambda batches, done: self.learned(net, batches), body + heads),
            Player(lambda batches, done: self.parted(net, batches), heads),
            Player(lambda batches, done: self.united(net, batches), body, self.n_body_steps),
        ]

    def learned(self, net: DeepNet, batches: TwoBatches) -> dict[str, torch.Tensor]:
        """Step A: both heads' loss over the source's labels."""
        source = net.view(batches.source)
        other = net.loss(self.other(source.features), source.y, source.weight)
        return net.source_terms(source) | {"source of the other head": other}

    def parted(self, net: DeepNet, batches: TwoBatches) -> dict[str, torch.Tensor]:
        """Step B: disagreement on the target, as large as the source's labels allow."""
        apart = -net.trade_off * self.apart(net.view(batches.target))
        return self.learned(net, batches) | {"parting": apart}

    def united(self, net: DeepNet, batches: TwoBatches) -> dict[str, torch.Tensor]:
        """Step C: disagreement on the target, to be made small."""
        return {"disagreement": net.trade_off * self.apart(net.view(batches.target))}

    def apart(self, target: View) -> torch.Tensor:
        """How far the heads disagree on the target."""
        return discrepancy(target.probabilities, self.other(target.features).softmax(dim=1))
