"""Transport plans by POT's solvers, and what a plan does to rows."""

import warnings
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from landbridge.mapping.transport.sinkhorn import (
    gibbs_kernel,
    sinkhorn,
    unbalanced_sinkhorn,
    warn_if_unconverged,
)

SIMPLEX_STEPS = 10_000_000
"""The network simplex ends by itself; POT's own bound stops it short from some 2,000 rows on."""


def load_pot() -> ModuleType:
    """POT, which takes seconds to import, and is an extra.

    Raises
    ------
    ImportError
        If it is not installed, naming what to install.
    """
    try:
        import ot  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise ImportError(
            "This transport is solved by POT, which is not installed: pip install "
            "'landbridge[transport]', or choose solver=\"sinkhorn\"."
        ) from error
    return ot


def uniform(n_rows: int) -> NDArray[np.float64]:
    """Equal masses (n,) of sum 1."""
    return np.full(n_rows, 1 / n_rows)


def masses(sample_weight: NDArray | None, n_rows: int) -> NDArray[np.float64]:
    """Weights (n,) as masses of sum 1."""
    return uniform(n_rows) if sample_weight is None else sample_weight / sample_weight.sum()


def exact_plan(C: NDArray, a: NDArray, b: NDArray) -> NDArray:
    """The plan (n_s, n_t) of least cost between masses a and b, by the network simplex."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said below, with the figure
        # A copy in float64, as the solver wants it; masses must agree to its last digit.
        plan = load_pot().emd(a, b * (a.sum() / b.sum()), C.astype(np.float64), SIMPLEX_STEPS)
    warn_if_unconverged(marginal_error(plan, a, b), 1e-6, SIMPLEX_STEPS, "The network simplex")
    return plan.astype(C.dtype, copy=False)


def balanced_plan(
    C: NDArray,
    a: NDArray,
    b: NDArray,
    reg: float = 0.0,
    max_iter: int = 1000,
    tol: float = 1e-4,
    warn: bool = True,
) -> NDArray:
    """The plan (n_s, n_t) between masses a and b, with entropy if ``reg`` is above zero."""
    if not reg:
        return exact_plan(C, a, b)
    plan = np.empty_like(C)
    found = sinkhorn(C, a, b, reg, max_iter, tol, plan, warn)
    return gibbs_kernel(C, found.f, found.g, reg, plan)


def unbalanced_plan(
    C: NDArray, a: NDArray, b: NDArray, reg: float, reg_marginal: float, max_iter: int, tol: float
) -> NDArray:
    """The plan that may miss its marginals at a price of ``reg_marginal`` times KL each.

    With ``reg`` the entropy relative to ``a bᵀ`` is added (Chizat 2018), without it the
    plan is found by majorisation-minimisation (Chapel 2021).
    """
    costs = C.astype(np.float64)
    if reg:
        f, g, *_ = unbalanced_sinkhorn(costs, a, b, reg, reg_marginal, max_iter, tol)
        plan = gibbs_kernel(costs, f + reg * np.log(a), g + reg * np.log(b), reg, costs)
    else:
        solver, small = load_pot().unbalanced.mm_unbalanced, tol / np.sqrt(C.size)
        plan = solver(a, b, costs, reg_marginal, numItermax=max_iter, stopThr=small)
        again = solver(a, b, costs, reg_marginal, numItermax=1, G0=plan)
        change = float(np.linalg.norm(again - plan))
        warn_if_unconverged(change, small, max_iter, "Unbalanced transport", "last change")
    return plan.astype(C.dtype, copy=False)


def partial_plan(C: NDArray, a: NDArray, b: NDArray, mass: float) -> NDArray:
    """The plan of least cost that carries a share ``mass`` of all (Caffarelli & McCann 2010)."""
    solver = load_pot().partial.partial_wasserstein
    plan = solver(a, b, C.astype(np.float64), m=mass, numItermax=SIMPLEX_STEPS)
    return plan.astype(C.dtype, copy=False)


def low_rank_plan(
    X: NDArray, Y: NDArray, a: NDArray, b: NDArray, reg: float, rank: int, tol: float, seed: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Factors of the plan ``Q diag(1/g) R.T`` of a low rank (Scetbon, Cuturi & Peyré 2021)."""
    solver = load_pot().lowrank.lowrank_sinkhorn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said below, with the figure
        Q, R, g = solver(X, Y, a, b, reg=reg, rank=rank, rescale_cost=False, seed_init=seed)
    error = float(np.abs(Q.sum(axis=1) - a).sum() + np.abs(R.sum(axis=1) - b).sum())
    warn_if_unconverged(error, max(tol, 1e-3), 100, "Low-rank Sinkhorn")
    return Q, R, g


def marginal_error(plan: NDArray, a: NDArray, b: NDArray) -> float:
    """The mass of a plan that is not where its marginals want it: the sum of absolute errors."""
    rows, columns = (plan.sum(axis=k, dtype=np.float64) for k in (1, 0))
    return float(np.abs(rows - a).sum() + np.abs(columns - b).sum())


def barycentric(plan: NDArray, Y: NDArray, mass: NDArray) -> NDArray:
    r""":math:`T(x_i) = \sum_j P_{ij} y_j / \sum_j P_{ij}`, the mean of what row i is carried to.

    ``mass`` (n_s,) is the sum of each row of the plan.
    """
    return (plan @ Y) / mass.astype(plan.dtype)[:, None]
