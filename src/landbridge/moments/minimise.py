"""Minima of smooth functions, for what has no closed form."""

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning


def minimise(
    objective: Callable[[NDArray], tuple[float, NDArray]],
    start: NDArray,
    max_iter: int,
    caller: str,
    tol: float = 1e-7,
    instead: str = "Raise max_iter or tol.",
) -> NDArray[np.float64]:
    """Where ``objective``, which gives value and gradient, is least, by L-BFGS; shaped as start.

    It ends once no entry of the gradient exceeds ``tol``, or the value stands still. A
    ``ConvergenceWarning`` in the caller's name says where ``max_iter`` steps were too few, and
    ``instead`` what to do then.
    """

    def flat(x: NDArray) -> tuple[float, NDArray]:
        value, slope = objective(x.reshape(start.shape))
        return value, slope.ravel()

    options = {"maxiter": max_iter, "maxfun": 4 * max_iter, "ftol": 1e-14, "gtol": tol}
    found = minimize(flat, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    if found.status == 1:
        warnings.warn(
            f"{caller} stopped after {found.nit} steps with a gradient of "
            f"{np.abs(found.jac).max():.2g}, above tol={tol:.2g}. {instead}",
            ConvergenceWarning,
            stacklevel=2,
        )
    return found.x.reshape(start.shape)
