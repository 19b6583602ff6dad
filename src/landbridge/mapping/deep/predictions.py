"""What the target's predictions should look like, and how large features should be."""

import torch

from landbridge.domains.parameters import check_choice
from landbridge.mapping.deep.adversaries import DANN
from landbridge.mapping.deep.base import Alignment, View


def certainty_weights(P: torch.Tensor) -> torch.Tensor:
    r"""Weights (b,) of mean 1 for rows of probabilities: more for a surer one.

    :math:`w_i = b\,(1 + e^{-H_i}) / \sum_j (1 + e^{-H_j})` with the entropy
    :math:`H_i = -\sum_c p_{ic} \log p_{ic}` (Jin et al. 2020, section 3).
    """
    sure = 1 + torch.exp(-torch.special.entr(P).sum(dim=1))
    return sure / sure.mean()


def class_confusion(P: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    r"""How far each class is confused with all others, on average.

    :math:`\frac1C \sum_c \sum_{c' \ne c} |\tilde C_{cc'}|` with
    :math:`C_{cc'} = \sum_i w_i\, p_{ic}\, p_{ic'}`, each row divided by its sum (Jin et al. 2020,
    section 3).
    """
    C = P.T @ (weight[:, None] * P)
    shares = C / C.sum(dim=1, keepdim=True).clamp(min=1e-12)
    return 1 - shares.diagonal().mean()


def nuclear_norm(P: torch.Tensor) -> torch.Tensor:
    r"""The sum of the singular values, in the largest that b rows of k probabilities can have.

    That is :math:`\sqrt{b \min(b, k)}`: the norm is large where rows are sure and their classes
    many (Cui et al. 2020, section 3).
    """
    return torch.linalg.svdvals(P).sum() / (len(P) * min(P.shape)) ** 0.5


def hard_norm_loss(X: torch.Tensor, radius: float) -> torch.Tensor:
    r""":math:`(\frac1b \sum_i \|x_i\| - R)^2` (HAFN, Xu et al. 2019)."""
    return (torch.linalg.vector_norm(X, dim=1).mean() - radius).square()


def stepwise_norm_loss(X: torch.Tensor, step: float) -> torch.Tensor:
    r""":math:`\frac1b \sum_i (\|x_i\|_{held} + \Delta r - \|x_i\|)^2` (SAFN, Xu et al. 2019).

    The held length is the present one as a constant: the loss is always :math:`\Delta r^2`, its
    gradient lengthens every row alike.
    """
    lengths = torch.linalg.vector_norm(X, dim=1)
    return (lengths.detach() + step - lengths).square().mean()


def largest_singular_values(X: torch.Tensor, n_largest: int) -> torch.Tensor:
    r""":math:`\sum_{i \le k} \sigma_i^2` of a batch of features (Chen et al. 2019)."""
    return torch.linalg.svdvals(X)[:n_largest].square().sum()


class MCC(Alignment):
    """Make the target's predictions confuse the classes as little as they can.

    Jin et al. 2020. The weights of rows are held constant.

    Parameters
    ----------
    temperature : float, default=2.5
        What logits are divided by first: larger ones keep a sure row from deciding alone.
    """

    needs_classes = True

    def __init__(self, temperature: float = 2.5):
        super().__init__()
        self.temperature = temperature

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The confusion of the target's batch."""
        P = (target.logits / self.temperature).softmax(dim=1)
        return {"confusion": class_confusion(P, certainty_weights(P.detach()))}


class BNM(Alignment):
    """Make the target's predictions sure and of many classes: their nuclear norm large.

    Cui et al. 2020. The paper divides the norm by the rows of a batch, which makes it the weaker
    the larger the batch; here it is counted in its largest possible value.
    """

    needs_classes = True

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """What the norm lacks of its largest value."""
        return {"nuclear norm": 1 - nuclear_norm(target.probabilities)}


class AFN(Alignment):
    """Lengthen the features of both domains: those of the target are too short to be told apart.

    Xu et al. 2019. It is for a target that looks fainter than the source; where the target lies
    elsewhere it does not help, and may harm.

    Parameters
    ----------
    variant : {"stepwise", "hard"}, default="stepwise"
        ``"stepwise"`` (SAFN) lengthens every row by a step; ``"hard"`` (HAFN) brings the mean
        length of each domain to one radius.
    step : float, default=1.0
        Δr, of the stepwise variant.
    radius : float, default=25.0
        R, of the hard variant.
    strength : float, default=0.05
        The paper's weight of this loss beside that of the labels.
    """

    def __init__(
        self,
        variant: str = "stepwise",
        step: float = 1.0,
        radius: float = 25.0,
        strength: float = 0.05,
    ):
        super().__init__()
        self.variant, self.step, self.radius = variant, step, radius
        self.strength = strength

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """Nothing but the check of the variant."""
        check_choice("variant", self.variant, ("stepwise", "hard"))

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The loss of both domains' lengths."""
        A, B = source.features, target.features
        if self.variant == "hard":
            loss = hard_norm_loss(A, self.radius) + hard_norm_loss(B, self.radius)
        else:
            loss = stepwise_norm_loss(torch.cat([A, B]), self.step)
        return {"norms": self.strength * loss}


class BSP(DANN):
    """Fool a classifier of domains, and keep the first direction of the features from ruling.

    Chen et al. 2019: to ``DANN`` is added the square of each domain's largest singular values.

    Parameters
    ----------
    width : int, default=128
        Of the classifier's hidden layers.
    n_largest : int, default=1
        How many singular values of a batch are penalised.
    penalty : float, default=1e-4
        β, the weight of their squares.
    """

    def __init__(self, width: int = 128, n_largest: int = 1, penalty: float = 1e-4):
        super().__init__(width)
        self.n_largest, self.penalty = n_largest, penalty

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The classifier's loss, and the singular values."""
        first, second = (
            largest_singular_values(view.features, self.n_largest) for view in (source, target)
        )
        terms = super().forward(source, target, done)
        return terms | {"singular values": self.penalty * (first + second)}
