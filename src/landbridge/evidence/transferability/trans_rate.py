"""TransRate: how many more nats the features of all rows take to tell than those of each class."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landbridge.evidence.transferability.measured import Measured, class_means, class_rows
from landbridge.moments.matrices import eigh_psd, rank_tolerance


def trans_rate(features: ArrayLike, y: ArrayLike, *, distortion: float = 1e-4) -> float:
    r"""The rate at which features tell classes, by coding rates.

    With centred features Z and :math:`R(Z) = \tfrac12 \log \det (I + Z^\top Z / n \epsilon)`,

    .. math:: R(Z) - \sum_c \tfrac{n_c}{n} R(Z^c)

    (Huang et al. 2022, eq. 3–5). So that features of any scale can be compared, ε is
    ``distortion`` times their total variance.

    Parameters
    ----------
    features : array-like of shape (n, d)
        What an encoder makes of the target's rows.
    y : array-like of shape (n,)
        Their classes; rows without one are passed over.
    distortion : float, default=1e-4
        The part of the total variance that may be lost; larger looks at fewer directions.

    Returns
    -------
    float
        Zero or more nats; larger is better.

    Raises
    ------
    ValueError
        If rows or labels do not fit, there are fewer than two classes, or ``distortion`` is not
        above zero.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.transferability import trans_rate
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 300)
    >>> good = np.eye(3)[y] + 0.5 * rng.normal(size=(300, 3))
    >>> round(trans_rate(good, y), 2), round(trans_rate(rng.normal(size=(300, 3)), y), 2)
    (0.24, 0.01)
    """
    if not distortion > 0:
        raise ValueError(f"distortion must be above zero: found {distortion!r}.")
    return measure_trans_rate(*class_rows(features, y), distortion=distortion).score


def measure_trans_rate(F: NDArray, codes: NDArray, *, distortion: float = 1e-4) -> Measured:
    """TransRate, and each row's influence on it."""
    V = F - F.mean(axis=0)
    lengths = (V**2).sum(axis=1)
    epsilon = distortion * float(lengths.mean())
    if epsilon <= 0:
        return Measured(0.0, np.zeros(len(V)))
    shares, g = class_means(V, codes)
    whole = _coding(V, epsilon, g[0])
    rate, slope, influence = whole.rate, whole.slope, whole.influence.copy()
    for c, share in enumerate(shares):
        own = codes == c
        part = _coding(V[own], epsilon, g[c])
        rate -= share * part.rate
        slope -= share * part.slope
        influence[own] -= part.rate + part.influence
        influence += share * (V @ part.toward)  # a row moves the centre, and with it every class
    influence += slope * distortion * lengths  # and the total variance
    return Measured(float(rate), influence - influence.mean(), (0.0, np.inf))


class Coding(NamedTuple):
    """½ log det(I + S/ε) with S = VᵀV/n, its slope in ε, each row's influence, (S + εI)⁻¹ g."""

    rate: float
    slope: float
    influence: NDArray[np.float64]
    toward: NDArray[np.float64]


def _coding(V: NDArray, epsilon: float, g: NDArray) -> Coding:
    values, vectors = _principal_axes(V)
    along, inside = V @ vectors, vectors.T @ g
    pulls = 0.5 * (along**2) @ (1.0 / (values + epsilon))
    return Coding(
        rate=0.5 * float(np.log1p(values / epsilon).sum()),
        slope=-0.5 * float((values / (values + epsilon)).sum()) / epsilon,
        influence=pulls - pulls.mean(),
        toward=vectors @ (inside / (values + epsilon)) + (g - vectors @ inside) / epsilon,
    )


def _principal_axes(V: NDArray) -> tuple[NDArray, NDArray]:
    """Eigenvalues (r,) and axes (d, r) of VᵀV/n, of the smaller of VᵀV and VVᵀ."""
    n, d = V.shape
    if d <= n:
        return eigh_psd(V.T @ V / n)
    values, rows = eigh_psd(V @ V.T / n)
    kept = values > max(rank_tolerance(values), np.finfo(float).tiny)
    return values[kept], V.T @ (rows[:, kept] / np.sqrt(n * values[kept]))
