"""Distances between two batches of features, to be made small."""

import torch

from landbridge.mapping.deep.base import Alignment, View


def multi_kernel_mmd(
    A: torch.Tensor, B: torch.Tensor, widths: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
) -> torch.Tensor:
    r"""Squared distance of the mean features of several Gaussian kernels together.

    :math:`\frac{1}{n_s^2}\sum k(a_i, a_j) + \frac{1}{n_t^2}\sum k(b_i, b_j) -
    \frac{2}{n_s n_t}\sum k(a_i, b_j)` with :math:`k = \frac1m \sum_m e^{-\|x-y\|^2 / w_m h}`,
    and h the mean squared distance of all rows (Long et al. 2015, eq. 1 and section 4.1).
    """
    Z = torch.cat([A, B])
    distances = torch.cdist(Z, Z).square()
    n = len(Z)
    h = distances.detach().sum() / (n * n - n)
    K = torch.stack([torch.exp(-distances / (w * h + 1e-12)) for w in widths]).mean(dim=0)
    n_a = len(A)
    return K[:n_a, :n_a].mean() + K[n_a:, n_a:].mean() - 2 * K[:n_a, n_a:].mean()


def coral_distance(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    r""":math:`\|C_s - C_t\|_F^2 / 4 d^2` (Sun & Saenko 2016, eq. 1)."""
    gap = torch.cov(A.T) - torch.cov(B.T)
    return gap.square().sum() / (4 * A.shape[1] ** 2)


class MMD(Alignment):
    """Bring the means of both domains together in the features of several kernels.

    Parameters
    ----------
    widths : tuple of float
        The kernels' squared widths, in mean squared distances.
    """

    def __init__(self, widths: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)):
        super().__init__()
        self.widths = widths

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The squared distance of both means."""
        return {"mmd": multi_kernel_mmd(source.features, target.features, self.widths)}


class DeepCORAL(Alignment):
    """Bring the covariances of both domains together."""

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The distance of both covariances."""
        return {"coral": coral_distance(source.features, target.features)}
