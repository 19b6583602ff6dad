"""The cost of carrying each source row to each target row."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from landbridge.domains.memory import check_memory
from landbridge.moments.feature_map import draw_landmarks

MEDIAN_ROWS = 1000
"""So many rows, half of each sample, tell the median cost to about two digits."""
IN_PARTS = "Set batch_size, to carry parts of the rows at a time."
INSTEAD = f"{IN_PARTS[:-1]}, or rank, for a plan of low rank."


class Geometry(NamedTuple):
    """Where rows are seen from, ``x - source_origin`` and ``y - target_origin``, and in which unit
    their squared distances are counted."""

    source_origin: NDArray
    target_origin: NDArray
    unit: float


def dense_rows(X: Any) -> NDArray:
    """Rows as they are; sparse ones dense, as their images are anyway."""
    if not issparse(X):
        return X
    check_memory(
        X.shape[0] * X.shape[1] * X.dtype.itemsize,
        f"The images of {X.shape[0]:,} sparse rows of {X.shape[1]:,} features, which are dense,",
        "Reduce the features first, by TruncatedSVD for instance.",
    )
    return X.toarray()


def check_plan_memory(
    n_source: int, n_target: int, dtype: Any, n_arrays: int = 2, instead: str = INSTEAD
) -> None:
    """Refuse a plan of that many rows, held ``n_arrays`` times over, before it is allocated."""
    check_memory(
        float(n_source) * n_target * np.dtype(dtype).itemsize * n_arrays,
        f"The transport of {n_source:,} to {n_target:,} rows",
        instead,
    )


def squared_distances(X: NDArray, Y: NDArray) -> NDArray:
    r""":math:`\|x\|^2 - 2 x^\top y + \|y\|^2` (n_s, n_t) by one matrix product, none negative."""
    # The norms ride along as two more features, for no pass over (n_s, n_t) but the product's.
    ones = np.ones((len(X), 1), X.dtype), np.ones((len(Y), 1), Y.dtype)
    norms = (np.einsum("ij,ij->i", rows, rows)[:, None] for rows in (X, Y))
    D = np.hstack([-2 * X, next(norms), ones[0]]) @ np.hstack([Y, ones[1], next(norms)]).T
    return np.maximum(D, 0, out=D)


def scaled_rows(X: NDArray, origin: NDArray, unit: float) -> NDArray:
    """Rows seen from an origin, such that their squared distances count in that unit."""
    return (X - origin.astype(X.dtype)) * X.dtype.type(unit**-0.5)


def scaled_cost(Xs: NDArray, Xt: NDArray, geometry: Geometry) -> NDArray:
    """Squared distances (n_s, n_t) in the geometry's unit and the rows' precision."""
    return squared_distances(
        scaled_rows(Xs, geometry.source_origin, geometry.unit),
        scaled_rows(Xt, geometry.target_origin, geometry.unit),
    )


def transport_geometry(
    Xs: NDArray, Xt: NDArray, sample_weight: NDArray | None, centred: bool
) -> Geometry:
    """Both domains seen from their own means, or both from the target's; unit: the median cost.

    A shift of a whole domain adds to the cost of each pair a part that belongs to its source row
    and a part that belongs to its target row, so it changes no plan with given marginals: seen
    from the means, the unit tells the spread of the domains and not how far apart they are.
    """
    target = np.asarray(np.mean(Xt, axis=0, dtype=np.float64))
    source = np.average(Xs, axis=0, weights=sample_weight) if centred else target
    unscaled = Geometry(np.asarray(source, dtype=np.float64), target, 1.0)
    rows_s, rows_t = draw_landmarks((Xs, Xt), MEDIAN_ROWS, np.random.default_rng(0))
    return unscaled._replace(unit=typical(scaled_cost(rows_s, rows_t, unscaled)))


def typical(cost: NDArray) -> float:
    """The median of costs, or else their mean, or else 1: a unit that is never zero."""
    median = float(np.median(cost))
    return median or float(np.mean(cost, dtype=np.float64)) or 1.0
