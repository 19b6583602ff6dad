"""How many numbers it takes to say where a row lies among its neighbours."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.neighbors import NearestNeighbors

from landbridge.evidence.transferability.measured import feature_rows
from landbridge.moments.feature_map import draw_rows

MAX_ROWS = 5000
SAME = 1e-9
"""Mean log ratio of distances: less is rounding."""


def intrinsic_dimension(
    features: ArrayLike,
    *,
    method: str = "two_nn",
    n_neighbors: int = 20,
    random_state: int = 0,
) -> float:
    r"""The dimension of what the rows lie on, from distances to nearest neighbours alone.

    ``"two_nn"`` is the maximum-likelihood estimate from the ratios
    :math:`\mu_i = r_{i2} / r_{i1}`, a Pareto law of exponent d:
    :math:`\hat d = (n - 1) / \sum_i \ln \mu_i` (Facco et al. 2017, with the likelihood's root in
    place of their line, free of bias). ``"mle"`` is
    :math:`\hat d_i^{-1} = \frac{1}{k-1} \sum_{j<k} \ln (r_{ik} / r_{ij})`, the inverses averaged
    over the rows (Levina & Bickel 2005, as MacKay & Ghahramani amended it). Good representations
    of a task tend to have few dimensions in their last layers (Ansuini et al. 2019).

    Parameters
    ----------
    features : array-like of shape (n, d)
        The rows; doubles are dropped. More than 5,000 are thinned.
    method : {"two_nn", "mle"}
        Two neighbours see the finest scale, more a coarser one with less noise.
    n_neighbors : int
        The k of ``"mle"``.
    random_state : int
        Seed of the thinning.

    Raises
    ------
    ValueError
        If there are too few different rows, they lie on a grid, or the method is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.transferability import intrinsic_dimension
    >>> rng = np.random.default_rng(0)
    >>> plane = rng.normal(size=(1000, 2)) @ rng.normal(size=(2, 10))
    >>> round(intrinsic_dimension(plane), 1), round(intrinsic_dimension(plane, method="mle"), 1)
    (2.0, 2.0)
    """
    if method not in ("two_nn", "mle"):
        raise ValueError(f"method must be 'two_nn' or 'mle': found {method!r}.")
    rows = feature_rows(features, "features")
    rows = rows[draw_rows(len(rows), MAX_ROWS, np.random.default_rng(random_state))]
    rows = np.unique(rows, axis=0)
    k = 2 if method == "two_nn" else n_neighbors
    if len(rows) < k + 2 or k < 2:
        raise ValueError(
            f"features must have at least {max(k, 2) + 2} different rows for {max(k, 2)} "
            f"neighbours: found {len(rows)}. Give more rows, or fewer n_neighbors (at least 2)."
        )
    near = NearestNeighbors(n_neighbors=k).fit(rows)
    distances = np.maximum(near.kneighbors()[0], np.finfo(rows.dtype).tiny)
    logs = np.log(distances[:, -1:] / distances[:, :-1])
    if logs.mean() < SAME:
        raise ValueError(
            f"features must not lie on a grid: the nearest {k} neighbours are all equally far, "
            "which tells no dimension. Give method='mle' more n_neighbors."
        )
    if method == "two_nn":
        return float((len(rows) - 1) / logs.sum())
    return float((k - 1) / logs.sum(axis=1).mean())
