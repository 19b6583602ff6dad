"""Heads that disagree where the source says nothing, and bodies that make them agree."""

import torch
from torch import nn
from torch.nn import functional as F

from landbridge.mapping.deep.adversaries import reverse_gradient
from landbridge.mapping.deep.base import Alignment, DeepNet, View
from landbridge.training.batches import TwoBatches
from landbridge.training.schedule import warm_up
from landbridge.training.trainer import Player, parameters_of


def bent_head(n_features: int, n_outputs: int, width: int) -> nn.Module:
    """A head with a hidden layer, so that two of them can part where features lie apart.

    Linear heads cannot: where the source's features lie in two heaps, all that separate them
    say the same of most of the space.
    """
    return nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, n_outputs))


def discrepancy(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of two tables of probabilities (Saito et al. 2018, eq. 3)."""
    return (first - second).abs().mean()


class MCD(Alignment):
    """Two heads part on the target as far as the source lets them, then the body unites them.

    Saito et al. 2018, section 3.3, steps A, B and C at every batch. The two heads have a hidden
    layer; the network's own head learns from the source along with them, and predicts. The game
    begins when the heads have learned the source: before, their disagreement says nothing of the
    target.

    Parameters
    ----------
    n_body_steps : int, default=4
        Moves of the body to unite the heads, at each batch.
    width : int, default=64
        Of the two heads' hidden layer.
    source_share : float, default=0.3
        Share of training that is over when the game begins.
    """

    needs_classes = True
    is_game = True

    def __init__(self, n_body_steps: int = 4, width: int = 64, source_share: float = 0.3):
        super().__init__()
        self.n_body_steps = n_body_steps
        self.width = width
        self.source_share = source_share

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """The two heads."""
        self.first, self.second = (bent_head(n_features, n_outputs, self.width) for _ in range(2))

    def players(self, net: DeepNet) -> list[Player]:
        """All learn the source; the two heads part; the body unites them."""
        heads = parameters_of(self.first, self.second)
        body = parameters_of(net.network.body)
        return [
            Player(lambda batches, done: self.learned(net, batches), parameters_of(net)),
            Player(lambda *now: self.parted(net, *now), heads),
            Player(lambda *now: self.united(net, *now), body, self.n_body_steps),
        ]

    def learned(self, net: DeepNet, batches: TwoBatches) -> dict[str, torch.Tensor]:
        """Step A: the loss over labels, of the network's head and of both others."""
        source, target = net.views(batches)
        return net.labelled_terms(source, target) | {"two heads": self.both(net, source)}

    def parted(self, net: DeepNet, batches: TwoBatches, done: float) -> dict[str, torch.Tensor]:
        """Step B: disagreement on the target, as large as the source's labels allow."""
        with torch.no_grad():
            source, target = net.views(batches)
        with torch.set_grad_enabled(done >= self.source_share):
            apart = -net.trade_off * self.apart(target)
            return {"two heads": self.both(net, source), "parting": apart}

    def united(self, net: DeepNet, batches: TwoBatches, done: float) -> dict[str, torch.Tensor]:
        """Step C: disagreement on the target, to be made small."""
        with torch.set_grad_enabled(done >= self.source_share):
            return {"disagreement": net.trade_off * self.apart(net.view(batches.target))}

    def both(self, net: DeepNet, source: View) -> torch.Tensor:
        """Both heads' loss over the source's labels."""
        first, second = (
            net.loss(head(source.features), source.y, source.weight)
            for head in (self.first, self.second)
        )
        return first + second

    def apart(self, target: View) -> torch.Tensor:
        """How far the two heads disagree on the target."""
        return discrepancy(
            self.first(target.features).softmax(dim=1), self.second(target.features).softmax(dim=1)
        )


def log_of_the_others(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    r""":math:`\log(1 - p_i(y_i))` (b,), from logits (b, k) without loss of figures."""
    chosen = F.one_hot(y, logits.shape[1]).bool()
    others = logits.masked_fill(chosen, -torch.inf).logsumexp(dim=1)
    return others - logits.logsumexp(dim=1)


class MDD(Alignment):
    r"""A second head agrees with the head on the source and not on the target; the body hinders it.

    With h(x) the class that the head predicts and p' the probabilities of the second head, the
    adversary, that one makes :math:`-\gamma\, \overline{\log p'_h(x_s)} - \overline{\log(1 -
    p'_h(x_t))}` small, and the body large: the margin disparity discrepancy by cross-entropies,
    with margin :math:`\log\gamma` (Zhang et al. 2019, section 4.2).

    Parameters
    ----------
    gamma : float, default=4.0
        γ, e to the margin: larger values give a margin that bounds the target's error more
        tightly, and gradients that are harder to follow.
    width : int, default=64
        Of the adversarial head's hidden layer.
    """

    needs_classes = True
    is_ramped = False

    def __init__(self, gamma: float = 4.0, width: int = 64):
        super().__init__()
        self.gamma = gamma
        self.width = width

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """The adversarial head."""
        self.adversary = bent_head(n_features, n_outputs, self.width)

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The adversarial head's loss, reversed for the body."""
        strength = warm_up(done)
        on_source, on_target = (
            self.adversary(reverse_gradient(view.features, strength)) for view in (source, target)
        )
        with_head = F.cross_entropy(on_source, source.logits.argmax(dim=1))
        against_head = -log_of_the_others(on_target, target.logits.argmax(dim=1)).mean()
        return {"margin": self.gamma * with_head + against_head}
