"""Optimal transport and a map that follows it, learned together."""

from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

from landbridge.domains.parameters import check_number
from landbridge.mapping.base import UnpairedMapping, check_two_rows
from landbridge.mapping.surrogate import Surrogate
from landbridge.mapping.transport.cost import (
    check_plan_memory,
    dense_rows,
    scaled_rows,
    squared_distances,
    transport_geometry,
)
from landbridge.mapping.transport.optimal_transport import rows_by_content
from landbridge.mapping.transport.plans import balanced_plan, barycentric, masses, uniform
from landbridge.mapping.transport.regularisers import conditional_gradient
from landbridge.mapping.transport.sinkhorn import warn_if_unconverged
from landbridge.moments import FeatureMap

INNER_ROUNDS = 10
"""Rounds of conditional gradient for the plan, between two fits of the map."""


def ridge_weights(Phi: NDArray, V: NDArray, mass: NDArray, reg: float) -> NDArray[np.float64]:
    r"""The W (m, d) that minimises :math:`\sum_i a_i \|\varphi_i W - v_i\|^2 + \lambda \|W\|^2`."""
    weighted = Phi * mass[:, None]
    H = weighted.T @ Phi
    H.flat[:: len(H) + 1] += reg
    return solve(H, weighted.T @ V, assume_a="pos")


class FitPenalty(NamedTuple):
    r"""How far the plan's images are from the map's, :math:`\sum_i a_i \|T(x_i) - f(x_i)\|^2`."""

    images: NDArray
    Y: NDArray
    a: NDArray

    def __call__(self, P: NDArray) -> tuple[float, NDArray]:
        """Its value and its gradient."""
        a = self.a[:, None]
        miss = (P @ self.Y) / a - self.images
        return float(np.vdot(a * miss, miss)), (2 * miss) @ self.Y.T


class KernelTransport(Surrogate, UnpairedMapping):
    r"""Learn a plan and a smooth map that agree, so that new rows are carried by the map.

    Plan P and map :math:`f(x) = x + W^\top \varphi(x)` minimise together
    :math:`\sum_i a_i \|f(x_i) - T(x_i)\|^2 + \lambda_P \langle C, P\rangle + \lambda_f \|W\|^2`
    where :math:`T(x_i) = \sum_j P_{ij} y_j / a_i` and rows are seen from the means of their
    domains, in units of the median distance (Perrot, Courty, Flamary & Habrard 2016, with
    the map's distance from the identity as its regulariser). Plan and map are improved in turn.

    Parameters
    ----------
    kernel : {"rbf", "laplacian", "linear"}, default="rbf"
        The kernel of the features φ; ``"linear"`` gives an affine map.
    n_features : int, default=512
        Landmarks of the kernel; all source rows, if they are no more.
    gamma : "median" or float, default="median"
        The kernel's inverse width, as of ``FeatureMap``, for the rows in those units.
    plan_weight : float, default=1.0
        λ_P: a larger one keeps the plan nearer to that of least cost.
    map_reg : float, default=1e-3
        λ_f: a larger one keeps the map smoother, and nearer to a shift.
    reg : float, default=0.0
        Entropy of the plan, in median costs; 0 finds plans by POT's network simplex.
    max_iter : int, default=50
        The most rounds of plan and map.
    tol : float, default=1e-4
        The relative decrease of the objective in a round at which to stop.
    random_state : int, default=0
        Seed of the landmarks.

    Attributes
    ----------
    feature_map_ : FeatureMap
    weights_ : ndarray of shape (m, d)
        W.
    source_origin_, target_origin_ : ndarray of shape (d,)
    unit_ : float
        The median squared distance.
    objective_ : ndarray
        The objective after each round.
    slopes_, source_std_ : ndarray of shape (d, d) and (d,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.transport import KernelTransport
    >>> Xs = np.random.default_rng(0).normal(size=(100, 2))
    >>> mapping = KernelTransport("linear", map_reg=1e-6).fit(Xs, Xs[::-1] * [2.0, 1.0] + 10.0)
    >>> mapping.transform([[1.0, 1.0]]).round(2)
    array([[12., 11.]])
    """

    takes_sparse: ClassVar[bool] = True
    cost: ClassVar[str] = "n³ a round; n² with entropy"
    when: ClassVar[str] = "many new rows are to be carried by a smooth map"

    def __init__(
        self,
        kernel: str = "rbf",
        n_features: int = 512,
        gamma: float | str = "median",
        plan_weight: float = 1.0,
        map_reg: float = 1e-3,
        reg: float = 0.0,
        max_iter: int = 50,
        tol: float = 1e-4,
        random_state: int = 0,
    ):
        self.kernel = kernel
        self.n_features = n_features
        self.gamma = gamma
        self.plan_weight = plan_weight
        self.map_reg = map_reg
        self.reg = reg
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        check_two_rows(self, Xs.shape[0], Xt.shape[0])
        self._check_parameters()
        source = rows_by_content(Xs, masses(sample_weight, Xs.shape[0]), None).in_float64()
        target = rows_by_content(Xt, uniform(Xt.shape[0]), None).in_float64()
        check_plan_memory(
            len(source.X),
            len(target.X),
            np.float64,
            5,
            "Fit it to fewer rows: new ones are mapped.",
        )
        self.source_origin_, self.target_origin_, self.unit_ = transport_geometry(
            source.X, target.X, source.mass, centred=True
        )
        X = scaled_rows(source.X, self.source_origin_, self.unit_)
        Y = scaled_rows(target.X, self.target_origin_, self.unit_)
        self.feature_map_ = FeatureMap(
            self.kernel, "nystroem", self.n_features, self.gamma, self.random_state
        ).fit(X)
        self._alternate(X, Y, source.mass, target.mass)
        self._set_slopes(source.X)

    def _alternate(self, X: NDArray, Y: NDArray, a: NDArray, b: NDArray) -> None:
        """Improve map and plan in turn until neither gains."""
        Phi, C = self.feature_map_.transform(X), squared_distances(X, Y)
        C *= self.plan_weight
        reg = float(self.plan_weight * self.reg)
        best = partial(balanced_plan, a=a, b=b, reg=reg, warn=False)
        plan, objective, gain = best(C), [np.inf], np.inf
        while gain > self.tol and len(objective) <= self.max_iter:
            self.weights_ = ridge_weights(Phi, barycentric(plan, Y, a) - X, a, self.map_reg)
            penalty = FitPenalty(X + Phi @ self.weights_, Y, a)
            plan, values = conditional_gradient(
                C, penalty, best, plan, reg, INNER_ROUNDS, warn=False
            )
            objective.append(
                values[-1] + self.map_reg * float(np.vdot(self.weights_, self.weights_))
            )
            gain = (objective[-2] - objective[-1]) / max(abs(objective[-1]), np.finfo(float).tiny)
        self.objective_ = np.array(objective[1:])
        warn_if_unconverged(gain, self.tol, self.max_iter, type(self).__name__, "relative decrease")

    def _map(self, X: Any) -> NDArray:
        rows = scaled_rows(dense_rows(X), self.source_origin_, self.unit_)
        features = self.feature_map_.transform(rows).astype(rows.dtype, copy=False)
        moved = rows + features @ self.weights_.astype(rows.dtype)
        moved *= rows.dtype.type(self.unit_**0.5)
        moved += self.target_origin_.astype(rows.dtype)
        return moved

    def _check_parameters(self) -> None:
        check_number("plan_weight", self.plan_weight, above=True)
        check_number("map_reg", self.map_reg, above=True)
        check_number("reg", self.reg)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("tol", self.tol, above=True)
