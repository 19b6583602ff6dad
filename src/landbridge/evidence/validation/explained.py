"""Whether carried source rows, weighed as a mapping weighs them, lie like the target's.

Both figures compare a weighted sample with another: a two-sample test at several scales, and the
likelihood of the one's rows under the other's density.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import pearson3
from sklearn.metrics.pairwise import euclidean_distances

from landbridge.moments.feature_map import median_distance

SCALES = (1.0, 0.5, 0.25)
"""Widths of the kernel in median distances of the target: wide ones see a place, narrow ones a
form."""
WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Variances of the kernel density to try, in units of Silverman's."""


class Gap(NamedTuple):
    """How far apart two samples are: the largest over the scales, and its p-value."""

    z: float
    p_value: float


def gap(Z: NDArray, weights: NDArray, T: NDArray) -> Gap:
    r"""Maximum mean discrepancy of weighted rows Z (n, d) to rows T (m, d), at several scales.

    With shares w that sum to one, :math:`\hat\Delta = \frac{\sum_{i \ne j} w_i w_j k_{ij}}
    {1 - \sum w^2} - 2 \sum_{ij} \frac{w_i}{m} k_{ij} + \text{mean}_{i \ne j} k_{ij}` is unbiased.
    Were both alike, it would be about :math:`(\sum w^2 + 1/m) \sum_l \lambda_l (\chi^2_l - 1)`
    with the eigenvalues λ of T's centred kernel matrix over m (Gretton, Fukumizu, Harchaoui &
    Sriperumbudur 2009); a Pearson curve of the same variance and skewness gives the p-value,
    times the number of scales (Bonferroni). Weights fitted to T make it a little too large, so
    that a mapping with many parameters is let off more easily.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> apart = gap(X[:150] + 1.0, np.ones(150), X[150:])
    >>> apart.z > 20, apart.p_value < 1e-6
    (True, True)
    >>> gap(X[:150], np.ones(150), X[150:]).p_value > 0.05
    True
    """
    w = weights / weights.sum()
    Z, T = in_units_of(T, Z, T)
    squares = [euclidean_distances(A, B, squared=True) for A, B in ((Z, Z), (Z, T), (T, T))]
    width = median_distance(T)
    found = [_gap_at((width * scale) ** 2, w, *squares) for scale in SCALES]
    return Gap(max(z for z, _ in found), min(1.0, len(SCALES) * min(p for _, p in found)))


def log_likelihood(Z: NDArray, weights: NDArray, T: NDArray) -> float:
    """Mean log density, in nats, of rows T (m, d) under a kernel density of weighted rows Z.

    The rows that make the density are not those that judge it, so the width of the kernel is
    the likeliest of several about Silverman's.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(300, 1))
    >>> near, far = (log_likelihood(X[:150] + s, np.ones(150), X[150:]) for s in (0.0, 2.0))
    >>> near > far + 0.5
    True
    """
    w = weights / weights.sum()
    Z, T = in_units_of(T, Z, T)
    n, d = Z.shape
    squares = euclidean_distances(T, Z, squared=True)
    silverman = n ** (-2 / (d + 4))
    variances = [silverman * width for width in WIDTHS]
    densities = [
        logsumexp(-squares / (2 * v), b=w, axis=1) - 0.5 * d * np.log(2 * np.pi * v)
        for v in variances
    ]
    return max(float(density.mean()) for density in densities)


def in_units_of(T: NDArray, *samples: NDArray) -> tuple[NDArray, ...]:
    """Samples with each feature over the standard deviation of ``T``'s, where it has one."""
    spread = T.std(axis=0)
    return tuple(X / np.where(spread > 0, spread, 1.0) for X in samples)


def _gap_at(
    square: float, w: NDArray, within: NDArray, across: NDArray, target: NDArray
) -> tuple[float, float]:
    """The discrepancy in units of its deviation were both alike, and the p-value."""
    gamma = 1 / (2 * square)
    Kss, Kst, Ktt = (np.exp(-gamma * D) for D in (within, across, target))
    m, unequal = len(Ktt), float(w @ w)
    delta = (w @ Kss @ w - unequal) / max(1 - unequal, np.finfo(float).tiny)
    delta += (Ktt.sum() - m) / (m * (m - 1)) - 2 * float(w @ Kst.mean(axis=1))
    second, third = _eigenvalue_sums(Ktt)
    if second < np.finfo(float).eps ** 2:  # all rows of the target are one
        return (0.0, 1.0) if delta < np.sqrt(np.finfo(float).eps) else (np.inf, 0.0)
    z = delta / ((unequal + 1 / m) * np.sqrt(2 * second))
    skew = np.sqrt(8) * third / second**1.5
    return float(z), float(pearson3.sf(z, skew))


def _eigenvalue_sums(K: NDArray) -> tuple[float, float]:
    """Σλ² and Σλ³ of the centred kernel matrix over its number of rows."""
    H = K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean()
    H /= len(K)
    return float(np.vdot(H, H)), float(np.vdot(H @ H, H))
