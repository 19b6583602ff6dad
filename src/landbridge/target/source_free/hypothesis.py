"""What SHOT minimises before a head that is held, and the labels that it gives rows.

This module imports PyTorch; the estimator imports it when it is fitted.
"""

from typing import Any

import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize, one_hot

from landbridge.domains.labels import BLANK
from landbridge.target.source_free.guarded import Adapting, labels_loss
from landbridge.target.source_free.sharpening import mean_entropy
from landbridge.training import Batch
from landbridge.training.networks import Cut
from landbridge.training.trainer import parameters_of


def negative_diversity(logits: torch.Tensor) -> torch.Tensor:
    r""":math:`\sum_c \bar p_c \log \bar p_c`, the mean over a batch of softmax (eq. 3)."""
    mean = logits.log_softmax(dim=1).exp().mean(dim=0)
    return torch.xlogy(mean, mean).sum()


def class_centres(features: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    r""":math:`c_k = \sum_i s_{ik} x_i / \sum_i s_{ik}`, (k, d), from shares (n, k) (eq. 4)."""
    return shares.T @ features / shares.sum(dim=0)[:, None].clamp(min=1e-12)


def nearest_by_cosine(features: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """The number of the centre nearest to each row (n,), by the angle between them (eq. 5)."""
    return (normalize(features) @ normalize(centres).T).argmax(dim=1)


def centre_labels(features: torch.Tensor, P: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """A class number for each row (n,), its own where it has one, else that of the nearest centre.

    Centres are first weighted by the probabilities P (n, k), then once more by the labels found
    (Liang et al. 2020, eq. 4 to 6). A class that no row was given keeps its first centre.
    """
    n_classes, has_label = P.shape[1], known != BLANK
    shares = torch.where(has_label[:, None], one_hot(known.clamp(min=0), n_classes).to(P), P)
    centres = class_centres(features.to(P), shares)
    found = torch.where(has_label, known, nearest_by_cosine(features.to(P), centres))
    given = one_hot(found, n_classes).to(P)
    is_given = given.any(dim=0)[:, None]
    centres = torch.where(is_given, class_centres(features.to(P), given), centres)
    return torch.where(has_label, known, nearest_by_cosine(features.to(P), centres))


class Hypothesis(Adapting):
    """A network whose body learns to be understood by its head, which is held.

    Parameters
    ----------
    network : Cut
    codes : ndarray of shape (n,)
        Class numbers of rows, blank where unknown.
    information_weight, pseudo_weight : float
    """

    pseudo_labels: torch.Tensor

    def __init__(
        self, network: Cut, codes: NDArray, information_weight: float, pseudo_weight: float
    ):
        super().__init__(network, codes)
        self.information_weight, self.pseudo_weight = information_weight, pseudo_weight
        self.register_buffer("pseudo_labels", self.known.clone())

    def groups(self) -> list[dict[str, Any]]:
        """The body; the head is held."""
        self.network.head.requires_grad_(False)
        return parameters_of(self.network.body)

    def look(self, features: torch.Tensor, P: torch.Tensor) -> None:
        """Label all rows anew."""
        self.pseudo_labels.copy_(centre_labels(features, P, self.known))

    def terms_of(self, logits: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
        """Entropy, its counterweight, and the pseudo-labels of rows without a label."""
        given = torch.where(batch.y == BLANK, self.pseudo_labels[batch.rows], BLANK)
        return {
            "batch entropy": self.information_weight * mean_entropy(logits),
            "batch diversity": self.information_weight * negative_diversity(logits),
            "pseudo-labels": self.pseudo_weight * labels_loss(logits, given),
        }
