"""What recipes add to the loss over target labels: one small function each.

This module imports PyTorch; recipes import it when they run.
"""

from collections.abc import Iterable

import torch
from torch.nn import functional as F


def l2_sp(weights: Iterable[torch.Tensor], starts: Iterable[torch.Tensor]) -> torch.Tensor:
    r""":math:`\frac12 \sum_j \lVert w_j - w_j^0 \rVert^2` (Li, Grandvalet & Davoine 2018)."""
    gaps = [(w - w0).square().sum() for w, w0 in zip(weights, starts)]
    return torch.stack(gaps).sum() / 2


def delta(features: torch.Tensor, starts: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    r""":math:`\frac1b \sum_i \sum_j a_j (z_{ij} - z_{ij}^0)^2` (Li et al. 2019).

    z are the features of a batch (b, d), z⁰ those of the start, a (d,) the attention.
    """
    return ((features - starts).square() @ attention).mean()


def channel_attention(
    features: torch.Tensor, head: torch.nn.Linear, y: torch.Tensor
) -> torch.Tensor:
    r"""How much each feature matters: :math:`a = \mathrm{softmax}_j(\ell_{-j} - \ell)`.

    :math:`\ell_{-j}` is the loss over rows (n, d) and their classes or values when feature j is
    put to zero (Li et al. 2019): of a linear head, the logits less :math:`z_j w_j`.
    """
    logits = head(features)

    def loss(found: torch.Tensor) -> torch.Tensor:
        if y.is_floating_point():
            return (found[:, 0] - y).square().mean()
        return F.cross_entropy(found, y)

    without = [
        loss(logits - features[:, j, None] * head.weight[:, j]) for j in range(features.shape[1])
    ]
    return (torch.stack(without) - loss(logits)).softmax(dim=0)


def bss(features: torch.Tensor, n_smallest: int = 1) -> torch.Tensor:
    r""":math:`\sum_{i=1}^k \sigma_{-i}^2`, of the smallest singular values (Chen et al. 2019)."""
    return torch.linalg.svdvals(features)[-n_smallest:].square().sum()


def soft_cross_entropy(logits: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    r""":math:`-\frac1b \sum_i \sum_c q_{ic} \log p_{ic}`, for target distributions q (b, k)."""
    return -(shares * logits.log_softmax(dim=1)).sum(dim=1).mean()


def distillation(
    logits: torch.Tensor, starts: torch.Tensor, temperature: float = 2.0
) -> torch.Tensor:
    r"""Cross-entropy to the start's predictions, both at temperature T (Li & Hoiem 2016, eq. 2)."""
    return soft_cross_entropy(logits / temperature, (starts / temperature).softmax(dim=1))


def contrastive_cross_entropy(
    features: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, temperature: float = 0.07
) -> torch.Tensor:
    r"""Each row's class weight picks the rows of its class out of the batch (Zhong et al. 2020).

    :math:`-\frac1b \sum_i \frac1{|P_i|} \sum_{p \in P_i}
    \log \frac{\exp(w_{y_i} \cdot h_p / \tau)}{\sum_j \exp(w_{y_i} \cdot h_j / \tau)}`, with h of
    length 1 and :math:`P_i` the rows of class :math:`y_i`, itself among them.
    """
    across = weight[y] @ F.normalize(features, dim=1).T / temperature
    return _picked(across, y[:, None] == y)


def class_contrastive(
    projected: torch.Tensor, y: torch.Tensor, temperature: float = 0.07
) -> torch.Tensor:
    r"""Rows of a class are drawn together, all others apart (Zhong et al. 2020).

    As above with :math:`z_i \cdot z_p` between projections of length 1, without a row itself;
    rows alone in their class say nothing.
    """
    z = F.normalize(projected, dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    across = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    return _picked(across, (y[:, None] == y) & ~itself)


def _picked(across: torch.Tensor, is_partner: torch.Tensor) -> torch.Tensor:
    """Mean over rows of the mean of -log softmax over each row's partners."""
    log_p = across.log_softmax(dim=1).masked_fill(~is_partner, 0.0)
    n_partners = is_partner.sum(dim=1)
    each = -log_p.sum(dim=1) / n_partners.clamp(min=1)
    return each.sum() / (n_partners > 0).sum().clamp(min=1)
