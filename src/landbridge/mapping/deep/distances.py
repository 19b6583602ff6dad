"""Distances between two batches, of features or of features and predictions, to be made small."""

from functools import reduce

import torch
from torch.nn import functional as F

from landbridge.mapping.deep.base import Alignment, View
from landbridge.mapping.transport.plans import exact_plan, load_pot, uniform

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Squared widths of Gaussian kernels, in mean squared distances."""


def gaussian_kernels(Z: torch.Tensor, widths: tuple[float, ...] = WIDTHS) -> torch.Tensor:
    r"""Mean of several Gaussian kernels (n, n): :math:`\frac1m \sum_m e^{-\|x-y\|^2 / w_m h}`.

    h, the mean squared distance of all rows, is held constant (Long et al. 2015, section 4.1).
    """
    distances = torch.cdist(Z, Z).square()
    n = len(Z)
    h = distances.detach().sum() / (n * n - n)
    return torch.stack([torch.exp(-distances / (w * h + 1e-12)) for w in widths]).mean(dim=0)


def gap_of_means(K: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    r""":math:`\sum_c \|\sum_i v_{ic}\, \varphi(z_i)\|^2` in the features φ of a kernel K (n, n).

    v (n, c) are signed shares: those of the source sum to 1, those of the target to -1.
    """
    return (shares * (K @ shares)).sum()


def signed_shares(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    """1 / n_s for rows of the source and -1 / n_t for rows of the target: (n_s + n_t, 1)."""
    parts = A.new_full((len(A), 1), 1 / len(A)), B.new_full((len(B), 1), -1 / len(B))
    return torch.cat(parts)


def multi_kernel_mmd(
    A: torch.Tensor, B: torch.Tensor, widths: tuple[float, ...] = WIDTHS
) -> torch.Tensor:
    r"""Squared distance of the mean features of several Gaussian kernels together.

    :math:`\frac{1}{n_s^2}\sum k(a_i, a_j) + \frac{1}{n_t^2}\sum k(b_i, b_j) -
    \frac{2}{n_s n_t}\sum k(a_i, b_j)`, k as in ``gaussian_kernels`` (Long et al. 2015, eq. 1).
    """
    return gap_of_means(gaussian_kernels(torch.cat([A, B]), widths), signed_shares(A, B))


def joint_mmd(
    A: tuple[torch.Tensor, ...],
    B: tuple[torch.Tensor, ...],
    widths: tuple[tuple[float, ...], ...],
) -> torch.Tensor:
    r"""``multi_kernel_mmd`` of several layers' joint distribution: the product of their kernels.

    :math:`k(i, j) = \prod_\ell k^\ell(z^\ell_i, z^\ell_j)` over the layers :math:`\ell`, each
    with kernels of its own (Long et al. 2017, section 4.1).
    """
    kernels = [gaussian_kernels(torch.cat(layers), w) for *layers, w in zip(A, B, widths)]
    return gap_of_means(reduce(torch.mul, kernels), signed_shares(A[0], B[0]))


def local_mmd(
    A: torch.Tensor,
    B: torch.Tensor,
    members_a: torch.Tensor,
    members_b: torch.Tensor,
    widths: tuple[float, ...] = WIDTHS,
) -> torch.Tensor:
    r"""Mean over classes of the squared distance of both domains' means of a class.

    :math:`\frac1C \sum_c \|\sum_i w^s_{ic} \varphi(a_i) - \sum_j w^t_{jc} \varphi(b_j)\|^2` with
    :math:`w_{ic} = y_{ic} / \sum_j y_{jc}`, and y (n, C) how far a row is of a class (Zhu et al.
    2020, section III-B). A class that either batch has nothing of is left out.
    """
    totals = members_a.sum(dim=0), members_b.sum(dim=0)
    present = (totals[0] > 0) & (totals[1] > 0)
    parts = [y / n.clamp(min=1e-12) for y, n in zip((members_a, members_b), totals)]
    shares = torch.cat([parts[0], -parts[1]]) * present
    K = gaussian_kernels(torch.cat([A, B]), widths)
    return gap_of_means(K, shares) / present.sum().clamp(min=1)


def covariance(A: torch.Tensor) -> torch.Tensor:
    """Covariance (d, d) of rows; ``torch.cov`` has Python wait for a GPU."""
    centred = A - A.mean(dim=0)
    return centred.T @ centred / (len(A) - 1)


def coral_distance(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    r""":math:`\|C_s - C_t\|_F^2 / 4 d^2` (Sun & Saenko 2016, eq. 1)."""
    gap = covariance(A) - covariance(B)
    return gap.square().sum() / (4 * A.shape[1] ** 2)


def central_moment_discrepancy(
    A: torch.Tensor, B: torch.Tensor, n_moments: int = 5, extent: torch.Tensor | float = 1.0
) -> torch.Tensor:
    r"""Gaps of means and of central moments, of each feature by itself.

    :math:`\frac{1}{|b-a|} \|E A - E B\| + \sum_{k=2}^{K} \frac{1}{|b-a|^k} \|c_k(A) - c_k(B)\|`,
    :math:`c_k(A) = E (A - E A)^k`, for features in [a, b] of that extent (Zellinger et al. 2017,
    definition 2).
    """
    means = A.mean(dim=0), B.mean(dim=0)
    gaps = [means[0] - means[1]]
    for k in range(2, n_moments + 1):
        moments = [((X - mean) ** k).mean(dim=0) for X, mean in zip((A, B), means)]
        gaps.append(moments[0] - moments[1])
    lengths = [torch.linalg.vector_norm(gap) / extent**k for k, gap in enumerate(gaps, start=1)]
    return torch.stack(lengths).sum()


def random_directions(n_features: int, n_directions: int, like: torch.Tensor) -> torch.Tensor:
    """Directions (d, m), uniform on the sphere, from torch's own random numbers."""
    drawn = torch.randn(n_features, n_directions, device=like.device, dtype=like.dtype)
    return F.normalize(drawn, dim=0)


def sliced_wasserstein(A: torch.Tensor, B: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    r"""Mean over directions θ of the squared Wasserstein distance of both batches along θ.

    :math:`\frac1m \sum_\theta \int_0^1 (F^{-1}_{A\theta}(u) - F^{-1}_{B\theta}(u))^2 du` with the
    quantile functions of the projected rows (Rabin et al. 2011, section 3; Lee et al. 2019).
    Where the batches are of two sizes, the integral goes over the steps of both, exactly.
    """
    a, b = ((X @ directions).sort(dim=0).values for X in (A, B))
    n_a, n_b = len(a), len(b)
    # Row i of a holds the levels from i / n_a to (i + 1) / n_a: counted in 1 / (n_a n_b).
    rows_a, rows_b = (torch.arange(1, n + 1, device=a.device) for n in (n_a, n_b))
    upto = torch.cat([n_b * rows_a, n_a * rows_b]).sort().values
    lengths = upto.diff(prepend=upto.new_zeros(1)) / (n_a * n_b)
    gaps = a[(upto - 1) // n_b] - b[(upto - 1) // n_a]
    return (lengths[:, None] * gaps.square()).sum(dim=0).mean()


def label_costs(y: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor:
    """What each source label (n_s,) would lose by each target output (n_t, k): (n_s, n_t).

    Cross-entropy of class numbers, the squared error of other numbers.
    """
    if y.is_floating_point():
        return (y.reshape(len(y), 1, -1) - outputs).square().mean(dim=2)
    return -F.log_softmax(outputs, dim=1)[:, y].T


def transport_loss(costs: torch.Tensor) -> torch.Tensor:
    r""":math:`\min_\gamma \sum_{ij} \gamma_{ij} C_{ij}` over plans between all rows, equally heavy.

    The best plan is found exactly and held constant, as the gradient of the minimum wants it
    (Damodaran et al. 2018, algorithm 1).
    """
    C = costs.detach().double().cpu().numpy()
    plan = exact_plan(C, uniform(len(C)), uniform(C.shape[1]))
    return (torch.from_numpy(plan).to(costs) * costs).sum()


def predictions(view: View) -> torch.Tensor:
    """Probabilities (b, k), or values in regression."""
    return view.logits if view.y.is_floating_point() else view.probabilities


def memberships(view: View) -> torch.Tensor:
    """How far each row is of each class (b, k): by its label, or else by its prediction."""
    given = F.one_hot(view.y.clamp(min=0), view.logits.shape[1])
    return torch.where(view.y[:, None] >= 0, given, view.probabilities.detach())


class MMD(Alignment):
    """Bring the means of both domains together in the features of several kernels.

    Long et al. 2015.

    Parameters
    ----------
    widths : tuple of float
        The kernels' squared widths, in mean squared distances.
    """

    compares_samples = True

    def __init__(self, widths: tuple[float, ...] = WIDTHS):
        super().__init__()
        self.widths = widths

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The squared distance of both means."""
        return {"mmd": multi_kernel_mmd(source.features, target.features, self.widths)}


class JAN(Alignment):
    """Bring the joint distributions of features and predictions together, in a kernel's features.

    Long et al. 2017, section 4.1, with the representation and the predictions as layers.

    Parameters
    ----------
    widths : tuple of float
        The squared widths of the features' kernels, in mean squared distances.
    prediction_widths : tuple of float, default=(1.0,)
        Those of the predictions' kernels.
    """

    compares_samples = True

    def __init__(
        self,
        widths: tuple[float, ...] = WIDTHS,
        prediction_widths: tuple[float, ...] = (1.0,),
    ):
        super().__init__()
        self.widths, self.prediction_widths = widths, prediction_widths

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The squared distance of both joint means."""
        A, B = ((view.features, predictions(view)) for view in (source, target))
        return {"joint mmd": joint_mmd(A, B, (self.widths, self.prediction_widths))}


class DSAN(Alignment):
    """Bring the means of each class together, in the features of several kernels.

    Zhu et al. 2020: a target row counts for each class as much as the head now believes.

    Parameters
    ----------
    widths : tuple of float
        The kernels' squared widths, in mean squared distances.
    """

    compares_samples = True
    needs_classes = True

    def __init__(self, widths: tuple[float, ...] = WIDTHS):
        super().__init__()
        self.widths = widths

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The mean squared distance of the classes' means."""
        members = memberships(source), memberships(target)
        return {"local mmd": local_mmd(source.features, target.features, *members, self.widths)}


class DeepCORAL(Alignment):
    """Bring the covariances of both domains together.

    Sun & Saenko 2016. The paper seeks for each network the weight at which this loss and that of
    the labels end alike; here the distance is counted in the squared size of the mean covariance,
    held constant, so that one weight serves features of any width and size.
    """

    compares_samples = True

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The distance of both covariances."""
        A, B = source.features, target.features
        mean = 0.5 * (covariance(A) + covariance(B)).detach()
        size = mean.square().sum() / (4 * len(mean) ** 2)  # as the distance counts
        return {"coral": coral_distance(A, B) / size.clamp(min=1e-12)}


class CMD(Alignment):
    """Bring means and central moments together, each feature by itself.

    Zellinger et al. 2017. The paper's features lie in an interval; those of any network do not,
    so the interval is that of the entries of both batches, held constant.

    Parameters
    ----------
    n_moments : int, default=5
        How many moments. Higher ones see the tails, and are noisier.
    """

    compares_samples = True

    def __init__(self, n_moments: int = 5):
        super().__init__()
        self.n_moments = n_moments

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The gaps of all moments."""
        both = torch.cat([source.features, target.features]).detach()
        extent = (both.max() - both.min()).clamp(min=1e-12)
        gap = central_moment_discrepancy(source.features, target.features, self.n_moments, extent)
        return {"moments": gap}


class SlicedWasserstein(Alignment):
    """Bring both domains together along random directions, where transport is sorting.

    Rabin et al. 2011; Lee et al. 2019. Directions are drawn anew at every step. The distance is
    counted in mean variances along a direction of both batches, held constant, so that features
    of any width and size weigh alike.

    Parameters
    ----------
    n_directions : int, default=64
        More are less noisy, and take longer.
    """

    compares_samples = True

    def __init__(self, n_directions: int = 64):
        super().__init__()
        self.n_directions = n_directions

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The distance, along directions drawn anew."""
        A, B = source.features, target.features
        directions = random_directions(A.shape[1], self.n_directions, A)
        unit = torch.cat([A, B]).detach().var(dim=0, correction=0).mean().clamp(min=1e-12)
        return {"sliced Wasserstein": sliced_wasserstein(A, B, directions) / unit}


class DeepJDOT(Alignment):
    """Send the source's features and labels to the target together, by the cheapest plan.

    Damodaran et al. 2018: the cost of a pair is the squared distance of its features, in
    mean squared distances of the batch (held constant), and the loss of the source row's label
    by the target row's output. Needs ``pip install 'landbridge[transport]'``.

    Parameters
    ----------
    feature_cost : float, default=1.0
        α: what a mean squared distance costs.
    label_cost : float, default=1.0
        λ_t: what a unit of the labels' loss costs.
    """

    def __init__(self, feature_cost: float = 1.0, label_cost: float = 1.0):
        super().__init__()
        self.feature_cost, self.label_cost = feature_cost, label_cost

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """Nothing but the check that plans can be found.

        Raises
        ------
        ImportError
            If POT is not installed.
        """
        try:
            load_pot()
        except ImportError as error:
            raise ImportError(
                "DeepJDOT's plans are found by POT, which is not installed: pip install "
                "'landbridge[transport]', or choose an alignment without plans, such as \"mmd\"."
            ) from error

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The cost of the cheapest plan."""
        distances = torch.cdist(source.features, target.features).square()
        far = distances / distances.detach().mean().clamp(min=1e-12)
        costs = self.feature_cost * far + self.label_cost * label_costs(source.y, target.logits)
        return {"joint transport": transport_loss(costs)}
