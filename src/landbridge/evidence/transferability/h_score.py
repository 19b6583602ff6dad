"""H-score: how far class means lie apart, in units of the features' own spread."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landbridge.evidence.transferability.measured import Measured, class_means, class_rows
from landbridge.moments.matrices import power_psd


def h_score(features: ArrayLike, y: ArrayLike, *, regularised: bool = True) -> float:
    r"""The part of the features' whitened variance that lies between classes.

    .. math:: \mathrm{tr}(\Sigma^{-1} \Sigma_z), \qquad \Sigma_z = \mathrm{cov}(E[f | y])

    (Bao et al. 2019, definition 2). Where there are many features for the rows, Σ is badly known
    and the score is inflated; regularised, it is
    :math:`\mathrm{tr}(\Sigma_\alpha^{-1} (1 - \alpha) \Sigma_z)` with
    :math:`\Sigma_\alpha = (1 - \alpha) \Sigma + \alpha \frac{\mathrm{tr} \Sigma}{d} I` and α by
    Ledoit & Wolf (Ibrahim, Ponomareva & Mazumder 2022, eq. 5).

    Parameters
    ----------
    features : array-like of shape (n, d)
        What an encoder makes of the target's rows.
    y : array-like of shape (n,)
        Their classes; rows without one are passed over.
    regularised : bool
        Whether Σ is shrunk. Without, it is inverted on the directions that vary.

    Returns
    -------
    float
        From 0 to the number of classes less one; larger is better.

    Raises
    ------
    ValueError
        If rows or labels do not fit, or there are fewer than two classes.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.transferability import h_score
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 300)
    >>> good = np.eye(3)[y] + 0.5 * rng.normal(size=(300, 3))
    >>> round(h_score(good, y), 2), round(h_score(rng.normal(size=(300, 3)), y), 2)
    (1.1, 0.02)
    """
    return measure_h_score(*class_rows(features, y), regularised=regularised).score


def measure_h_score(F: NDArray, codes: NDArray, *, regularised: bool = True) -> Measured:
    r"""The H-score, and each row's influence on it, by way of the shrinkage too.

    With v a row's deviation from the mean and g that of its class's mean, mixing in the row moves
    :math:`\Sigma_z` by :math:`v g^\top + g v^\top - g g^\top - \Sigma_z` and Σ by
    :math:`v v^\top - \Sigma`.
    """
    V = F - F.mean(axis=0)
    n, d = V.shape
    shares, g = class_means(V, codes)
    bounds = 0.0, len(g) - 1.0
    mean_variance = float(np.vdot(V, V)) / (n * d)
    if mean_variance == 0:
        return Measured(0.0, np.zeros(n), bounds)
    gram = (V.T @ V if d <= n else V @ V.T) / n
    noise, rho_influence = _ledoit_wolf(V, gram, mean_variance) if regularised else (0.0, 0.0)
    rho = min(noise, 1.0)
    keep = 1.0 - rho
    inverse_g = _inverse_times(V, gram, keep, rho * mean_variance, g)
    within = np.einsum("cd,dc->c", g, inverse_g)
    across = V @ inverse_g  # (n, C): vᵀ Σ⁻¹ g of every class
    lengths = float(shares @ (inverse_g**2).sum(axis=0))
    spread = float((across**2).mean(axis=0) @ shares)
    trace = float(shares @ within)
    influence = 2 * across[np.arange(n), codes] - within[codes] - keep * (across**2) @ shares
    influence -= rho * lengths * (V**2).sum(axis=1) / d
    by_rho = -trace - keep * (mean_variance * lengths - spread)
    influence = keep * (influence - influence.mean()) + by_rho * rho_influence
    # Shrunk to nothing, a draw may yet be shrunk by less.
    return Measured(keep * trace, influence, bounds, free=(1.0 - noise) * trace)


def _ledoit_wolf(V: NDArray, gram: NDArray, mean_variance: float) -> tuple[float, NDArray]:
    """The shrinkage of Ledoit & Wolf (2004) of centred rows, and each row's influence on it.

    It is the noise of S, ``(E‖v‖⁴ − ‖S‖²) / n``, over its spread ``‖S − μI‖²``; more than one
    counts as one.
    """
    n, d = V.shape
    lengths = (V**2).sum(axis=1)
    along = ((V @ gram) * V).sum(axis=1) if d <= n else n * (gram**2).sum(axis=1)  # vᵀ S v
    square = float(np.vdot(gram, gram))
    noise, spread = (np.mean(lengths**2) - square) / n, square - d * mean_variance**2
    if spread <= np.finfo(float).eps * square:
        return 1.0, np.zeros(n)
    centre = V @ (4 * lengths @ V / n)  # a row also moves the centre that lengths are taken from
    moves_noise = (lengths**2 - centre - 2 * along) / n
    moves_spread = 2 * (along - mean_variance * lengths)
    rho = noise / spread
    moves = (moves_noise - rho * moves_spread) / spread
    return float(rho), moves - moves.mean()


def _inverse_times(V: NDArray, gram: NDArray, keep: float, ridge: float, g: NDArray) -> NDArray:
    """``(keep S + ridge I)⁻¹ gᵀ`` (d, C), by rows where features outnumber them."""
    n, d = V.shape
    if ridge == 0:
        return (power_psd(gram, -1.0) if d <= n else np.linalg.pinv(V.T @ V / n)) @ g.T
    K = keep * gram
    K.flat[:: len(K) + 1] += ridge
    if d <= n:
        return np.linalg.solve(K, g.T)
    return (g.T - V.T @ np.linalg.solve(K, V @ g.T) * (keep / n)) / ridge
