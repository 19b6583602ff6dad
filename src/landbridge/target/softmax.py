"""The softmax likelihood and its gradient, and its minimum by L-BFGS."""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning


def cross_entropy(
    scores: NDArray, codes: NDArray, weights: NDArray | None = None
) -> tuple[float, NDArray[np.float64]]:
    r"""``-Σᵢ wᵢ log softmax(scoresᵢ)[codesᵢ]`` and its gradient (n, k) in the scores."""
    log_p = log_softmax(scores, axis=1)
    w = np.ones(len(codes)) if weights is None else weights
    rows = np.arange(len(codes))
    slope = np.exp(log_p)
    slope[rows, codes] -= 1.0
    return float(-w @ log_p[rows, codes]), w[:, None] * slope


def minimise(
    objective: Callable[[NDArray], tuple[float, NDArray]],
    start: NDArray,
    max_iter: int,
    caller: str,
) -> NDArray[np.float64]:
    """The minimum of ``objective``, which gives value and gradient, by L-BFGS.

    A ``ConvergenceWarning`` in the caller's name says where ``max_iter`` steps were too few.
    """
    options = {"maxiter": max_iter, "maxfun": 2 * max_iter, "ftol": 1e-14, "gtol": 1e-7}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    if found.status == 1:
        warnings.warn(
            f"{caller} stopped after {found.nit} steps with a gradient of "
            f"{np.abs(found.jac).max():.2g}. Scale the features, or raise max_iter or reg.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return found.x
