"""GBC: how much the classes overlap, each taken as a Gaussian."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landbridge.evidence.transferability.measured import Measured, class_means, class_rows, one_hot
from landbridge.moments.matrices import eigh_psd

N_COMPONENTS = 64
BOUNDS = -np.inf, 0.0
FLOOR = 1e-6
"""Of the mean variance: a class that never varies along an axis is given this much."""


def gbc(features: ArrayLike, y: ArrayLike, *, covariance: str = "spherical") -> float:
    r"""Gaussian Bhattacharyya coefficient: minus the overlap of all pairs of classes.

    .. math::
        -\sum_{k \ne l} e^{-D_{kl}}, \qquad D_{kl} = \tfrac18 (\mu_k - \mu_l)^\top \Sigma^{-1}
        (\mu_k - \mu_l) + \tfrac12 \ln \frac{|\Sigma|}{\sqrt{|\Sigma_k| |\Sigma_l|}},
        \qquad \Sigma = \tfrac12 (\Sigma_k + \Sigma_l)

    on the first 64 principal components (Pándy et al. 2022, eq. 2–4).

    Parameters
    ----------
    features : array-like of shape (n, d)
        What an encoder makes of the target's rows.
    y : array-like of shape (n,)
        Their classes; rows without one are passed over.
    covariance : {"spherical", "diagonal"}
        Whether a class has one variance, as the paper recommends, or one along each axis.

    Returns
    -------
    float
        At most zero, where no two classes overlap; larger is better.

    Raises
    ------
    ValueError
        If rows or labels do not fit, there are fewer than two classes, or ``covariance`` is none
        of these.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.transferability import gbc
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 300)
    >>> good = 3 * np.eye(3)[y] + 0.5 * rng.normal(size=(300, 3))
    >>> round(gbc(good, y), 2), round(gbc(rng.normal(size=(300, 3)), y), 2)
    (-0.0, -5.94)
    """
    return measure_gbc(*class_rows(features, y), covariance=covariance).score


def measure_gbc(F: NDArray, codes: NDArray, *, covariance: str = "spherical") -> Measured:
    """The coefficient, and each row's influence on it, the principal axes taken as given."""
    if covariance not in ("spherical", "diagonal"):
        raise ValueError(f"covariance must be 'spherical' or 'diagonal': found {covariance!r}.")
    Z = _principal_scores(F)
    n, d = Z.shape
    shares, means = class_means(Z, codes)
    if not Z.any():  # every class is one and the same point
        return Measured(-float(len(means) * (len(means) - 1)), np.zeros(n), BOUNDS)
    off = (Z - means[codes]) ** 2
    if covariance == "spherical":
        off = np.repeat(off.mean(axis=1, keepdims=True), d, axis=1)
    floor = FLOOR * max(float((Z**2).mean()), np.finfo(float).tiny)
    own = (one_hot(codes).T @ off) / (n * shares[:, None])
    variances = np.maximum(own, floor)
    score, by_mean, by_variance = 0.0, np.zeros_like(means), np.zeros_like(means)
    for k in range(len(means)):
        apart, middle = means[k] - means, (variances[k] + variances) / 2
        distance = (apart**2 / middle).sum(axis=1) / 8 + 0.5 * (
            np.log(middle) - 0.5 * np.log(variances[k]) - 0.5 * np.log(variances)
        ).sum(axis=1)
        overlap = np.exp(-distance)
        overlap[k] = 0.0
        score -= overlap.sum()
        # Each pair is met twice; a class's own side of both is twice its side of one.
        by_mean[k] = 2 * (overlap[:, None] * apart / (4 * middle)).sum(axis=0)
        steep = -(apart**2) / (16 * middle**2) + 1 / (4 * middle) - 1 / (4 * variances[k])
        by_variance[k] = 2 * (overlap[:, None] * steep).sum(axis=0)
    by_variance[own < floor] = 0.0
    influence = by_mean[codes] * (Z - means[codes]) + by_variance[codes] * (off - own[codes])
    return Measured(float(score), influence.sum(axis=1) / shares[codes], BOUNDS)


def _principal_scores(F: NDArray) -> NDArray:
    V = F - F.mean(axis=0)
    n, d = V.shape
    if d <= N_COMPONENTS:
        return V
    if d <= n:
        return V @ eigh_psd(V.T @ V)[1][:, :N_COMPONENTS]
    values, vectors = eigh_psd(V @ V.T)
    return vectors[:, :N_COMPONENTS] * np.sqrt(values[:N_COMPONENTS])
