"""Adversaries that tell the domains apart, and bodies that learn to fool them."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from landbridge.mapping.deep.base import Alignment, DeepNet, View
from landbridge.mapping.deep.stages import TwoStages
from landbridge.training.batches import TwoBatches
from landbridge.training.schedule import warm_up
from landbridge.training.trainer import Player, parameters_of


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


def domain_loss(
    source: torch.Tensor,
    target: torch.Tensor,
    source_weight: torch.Tensor | None = None,
    target_weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy of the logits (b, 1) of both domains: the source is 1, the target 0.

    Both count alike; the rows of either as their weights (b,) say, which have mean 1.
    """
    return 0.5 * (
        domain_entropy(source, 1.0, source_weight) + domain_entropy(target, 0.0, target_weight)
    )


def domain_entropy(
    logits: torch.Tensor, label: float, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Cross-entropy of logits (b, 1) that all should say ``label``, with weights (b,)."""
    each = F.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, label), reduction="none"
    )
    return each.mean() if weight is None else (weight * each[:, 0]).mean()


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


def certainty_weights(probabilities: torch.Tensor) -> torch.Tensor:
    r"""Weights (b,) of mean 1, in proportion to :math:`1 + e^{-H(p)}` (Long et al. 2018, eq. 8)."""
    weights = 1 + torch.exp(-torch.special.entr(probabilities.detach()).sum(dim=1))
    return weights / weights.mean()


class CDAN(Alignment):
    r"""Fool a classifier of domains that sees features and predictions together.

    It sees :math:`f \otimes p`, every feature times every class's probability, so that domains
    are drawn together class by class. Where that is more than ``largest_product`` numbers, it is
    the product :math:`\frac{1}{\sqrt d} (R_f f) \odot (R_p p)` of random maps to d numbers, whose
    inner products are those of :math:`f \otimes p` in expectation (Long et al. 2018, eq. 5 and 6).

    Parameters
    ----------
    entropy : bool, default=False
        Whether rows count more the surer their prediction is, as :math:`1 + e^{-H(p)}` (CDAN+E,
        eq. 8).
    width : int, default=128
        Of the classifier's hidden layers.
    largest_product : int, default=4096
        The most numbers of which all products are taken.
    n_random : int, default=1024
        Numbers, d, of the random maps.
    """

    needs_classes = True
    is_ramped = False
    of_features: torch.Tensor
    of_classes: torch.Tensor

    def __init__(
        self,
        entropy: bool = False,
        width: int = 128,
        largest_product: int = 4096,
        n_random: int = 1024,
    ):
        super().__init__()
        self.entropy = entropy
        self.width = width
        self.largest_product = largest_product
        self.n_random = n_random

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """The classifier of domains, and the random maps where they are needed."""
        n_inputs = n_features * n_outputs
        self.is_random = n_inputs > self.largest_product
        if self.is_random:
            n_inputs = self.n_random
            self.register_buffer("of_features", torch.randn(n_features, n_inputs))
            self.register_buffer("of_classes", torch.randn(n_outputs, n_inputs))
        self.discriminator = discriminator(n_inputs, self.width)

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The classifier's loss, reversed for body and head."""
        strength, views = warm_up(done), (source, target)
        logits = (
            self.discriminator(reverse_gradient(self.joint(view), strength)) for view in views
        )
        weights = (certainty_weights(view.probabilities) for view in views if self.entropy)
        return {"domain": domain_loss(*logits, *weights)}

    def joint(self, view: View) -> torch.Tensor:
        """Features and probabilities multiplied (b, n_inputs)."""
        f, p = view.features, view.probabilities
        if self.is_random:
            return (f @ self.of_features) * (p @ self.of_classes) / self.n_random**0.5
        return (f[:, :, None] * p[:, None, :]).flatten(1)


class ADDA(TwoStages):
    """First learn the source, then train a body for the target until no adversary tells them apart.

    In the first stage body and head learn the source's labels. In the second they stay as they
    are; a copy of the body becomes the target's own, and is trained to have its rows taken for
    source rows by a classifier of domains (Tzeng et al. 2017, eq. 9, with inverted labels).

    Parameters
    ----------
    width : int, default=128
        Of the classifier's hidden layers.
    source_share : float, default=0.5
        Share of training that is the first stage.
    pace : float, default=0.3
        Step size of the target's body, in step sizes of all else: a body that no labels hold can
        swap classes if it moves fast.
    """

    def __init__(self, width: int = 128, source_share: float = 0.5, pace: float = 0.3):
        super().__init__(source_share)
        self.width = width
        self.pace = pace

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """The classifier of domains."""
        self.discriminator = discriminator(n_features, self.width)

    def game(self, net: DeepNet) -> list[Player]:
        """The classifier of domains against the target's body."""
        return [
            Player(self.staged(net, "domain", self.told), parameters_of(self.discriminator)),
            Player(
                self.staged(net, "fooling", self.fooled),
                parameters_of(net.network.body, pace=self.pace),
            ),
        ]

    def told(self, net: DeepNet, batches: TwoBatches) -> torch.Tensor:
        """The classifier's loss."""
        with torch.no_grad():
            source, target = net.views(batches)
        return domain_loss(*(self.discriminator(view.features) for view in (source, target)))

    def fooled(self, net: DeepNet, batches: TwoBatches) -> torch.Tensor:
        """The loss of the target's body: its rows should be taken for the source's."""
        target = net.view(batches.target)
        fooling = domain_entropy(self.discriminator(target.features), 1.0)
        return net.trade_off * fooling + sum(net.target_terms(target).values())


def gradient_penalty(critic: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    r"""Mean of :math:`(\|\nabla_h f(h)\| - 1)^2` over rows h (b, d) (Shen et al. 2018, eq. 4)."""
    rows = rows.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(critic(rows).sum(), rows, create_graph=True)
    return (slopes.norm(dim=1) - 1).square().mean()


def between(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    """A point at random between row i of A and row i of B, for as many as both have."""
    n = min(len(A), len(B))
    share = torch.rand(n, 1, device=A.device)
    return share * A[:n] + (1 - share) * B[:n]


class WDGRL(Alignment):
    r"""Make the Wasserstein distance of both domains small, as a critic estimates it.

    The critic f maximises :math:`\overline{f(h_s)} - \overline{f(h_t)} - \gamma\,
    \overline{(\|\nabla f(h)\| - 1)^2}`, the last over both domains' rows and points between them;
    body and head then make the loss over labels and the first difference small (Shen et al. 2018,
    algorithm 1).

    Parameters
    ----------
    width : int, default=128
        Of the critic's hidden layers.
    penalty : float, default=10.0
        γ: larger values keep the critic's slopes nearer to 1.
    n_critic_steps : int, default=5
        The critic's moves for each one of body and head.
    """

    is_game = True

    def __init__(self, width: int = 128, penalty: float = 10.0, n_critic_steps: int = 5):
        super().__init__()
        self.width = width
        self.penalty = penalty
        self.n_critic_steps = n_critic_steps

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """The critic."""
        self.critic = discriminator(n_features, self.width)

    def players(self, net: DeepNet) -> list[Player]:
        """The critic, then body and head."""
        return [
            Player(
                lambda batches, done: self.criticised(net, batches),
                parameters_of(self.critic),
                self.n_critic_steps,
            ),
            Player(net.terms, parameters_of(net.network)),
        ]

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The distance as the critic sees it."""
        return {"wasserstein": self.distance(source.features, target.features)}

    def criticised(self, net: DeepNet, batches: TwoBatches) -> dict[str, torch.Tensor]:
        """What the critic makes small."""
        with torch.no_grad():
            source, target = (view.features for view in net.views(batches))
        rows = torch.cat([source, target, between(source, target)])
        return {
            "critic": -self.distance(source, target),
            "slopes": self.penalty * gradient_penalty(self.critic, rows),
        }

    def distance(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Difference of the critic's means."""
        return self.critic(source).mean() - self.critic(target).mean()
