"""Plans with a say in which rows go together, by conditional gradient."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import xlogy
from sklearn.neighbors import kneighbors_graph

from landbridge.mapping.transport.sinkhorn import warn_if_unconverged

MAX_ROUNDS = 100
ROUND_TOL = 1e-4
"""The relative decrease of the objective in a round at which to stop."""
SUFFICIENT = 1e-4
"""The share of the decrease promised by the gradient that a step has to bring (Armijo)."""
EMPTY = 1e-3
"""Added to a class's share of a target row, since the slope of a square root is infinite at 0."""


class Penalty(Protocol):
    """A differentiable function of the plan."""

    def __call__(self, P: NDArray) -> tuple[float, NDArray]:
        """Its value and its gradient (n_s, n_t)."""


class GroupPenalty(NamedTuple):
    r"""Source rows of different classes should not go to the same target row.

    ``"lp-l1"``: :math:`\sum_j b_j \sum_c (\sum_{i \in c} P_{ij} / b_j)^{1/2}` (Courty, Flamary &
    Tuia 2014, with shares in place of masses, so that the weight means the same for any
    number of rows); ``"l1-l2"``: :math:`\sum_j \sum_c \| P_{cj} \|_2` (Courty, Flamary, Tuia &
    Rakotomamonjy 2017).
    """

    weight: float
    kind: str
    codes: NDArray  # (n_s,), the class of each row, NaN for none
    b: NDArray

    def __call__(self, P: NDArray) -> tuple[float, NDArray]:
        """Its value and its gradient."""
        value, gradient = 0.0, np.zeros_like(P)
        for code in np.unique(self.codes[~np.isnan(self.codes)]):
            rows = self.codes == code
            part, slope = (self._shares if self.kind == "lp-l1" else self._norms)(P[rows])
            value += part
            gradient[rows] = self.weight * slope
        return self.weight * value, gradient

    def _shares(self, P: NDArray) -> tuple[float, NDArray]:
        shares = P.sum(axis=0) / self.b + EMPTY
        slope = np.broadcast_to(0.5 / np.sqrt(shares), P.shape)
        return float(self.b @ np.sqrt(shares)), slope

    def _norms(self, P: NDArray) -> tuple[float, NDArray]:
        norms = np.sqrt(np.einsum("ij,ij->j", P, P))
        return float(norms.sum()), P / np.maximum(norms, np.finfo(float).tiny)


class LaplacePenalty(NamedTuple):
    r"""Neighbours in the source should be carried alike.

    :math:`\frac12 \sum_{ij} S_{ij} \| V_i - V_j \|^2 = \mathrm{tr}\, V^\top L V` of the
    displacements :math:`V = T - X` by the barycentric map T, where S joins nearest neighbours of
    one class and sums to 1 (Ferradans, Papadakis, Peyré & Aujol 2014; Courty et al. 2017
    have T in place of V, which draws neighbours together).
    """

    weight: float
    laplacian: csr_array
    X: NDArray
    Y: NDArray
    a: NDArray

    def __call__(self, P: NDArray) -> tuple[float, NDArray]:
        """Its value and its gradient."""
        a = self.a[:, None]
        V = (P @ self.Y) / a - self.X
        LV = self.laplacian @ V
        return self.weight * float(np.vdot(V, LV)), (LV * (2 * self.weight / a)) @ self.Y.T


class Sum(NamedTuple):
    """Penalties together."""

    parts: tuple[Penalty, ...]

    def __call__(self, P: NDArray) -> tuple[float, NDArray]:
        """The sum of the values and of the gradients."""
        values, gradients = zip(*(part(P) for part in self.parts))
        return sum(values), np.sum(gradients, axis=0)


def neighbour_laplacian(X: NDArray, codes: NDArray | None, n_neighbors: int) -> csr_array:
    """``diag(S 1) - S`` of the graph S of nearest neighbours, those of different classes apart."""
    S = kneighbors_graph(X, min(n_neighbors, len(X) - 1))
    S = csr_array(S.maximum(S.T)).tocoo()
    if codes is not None:
        same = ~(codes[S.row] != codes[S.col]) | np.isnan(codes[S.row]) | np.isnan(codes[S.col])
        S.data *= same
    S = S.tocsr() / max(S.data.sum(), 1.0)
    degrees = csr_array((S.sum(axis=1), (range(len(X)), range(len(X)))))
    return csr_array(degrees - S).astype(X.dtype)


def conditional_gradient(
    C: NDArray,
    penalty: Penalty,
    oracle: Callable[[NDArray], NDArray],
    plan: NDArray,
    reg: float = 0.0,
    max_rounds: int = MAX_ROUNDS,
    tol: float = ROUND_TOL,
    warn: bool = True,
) -> tuple[NDArray, list[float]]:
    r"""The plan of least :math:`\langle C, P\rangle + \Omega(P) + \varepsilon \sum P (\log P - 1)`.

    Each round replaces the penalty Ω by its slope at P, lets ``oracle`` find the best plan for
    costs :math:`C + \nabla\Omega(P)`, with the entropy if there is one, and goes as far towards it
    as the objective falls (Bredies, Lorenz & Maass 2009; Courty et al. 2017).

    Returns
    -------
    ndarray of shape (n_s, n_t), list of float
        The plan, and the objective from the first plan to the last.
    """
    value, slope = penalty(plan)
    values, decrease = [value + _linear_and_entropy(C, plan, reg)], np.inf
    for _ in range(max_rounds):
        step = oracle(C + slope) - plan
        towards = float(np.vdot(C + slope, step)) + _entropy_slope(plan, step, reg)
        length = 1.0
        while True:
            ahead = plan + length * step
            value, slope_ahead = penalty(ahead)
            value += _linear_and_entropy(C, ahead, reg)
            if value <= values[-1] + SUFFICIENT * length * min(towards, 0.0) or length < 1e-6:
                break
            length = _shorter(value - values[-1], towards, length)
        if value > values[-1]:
            decrease = 0.0
            break
        decrease = (values[-1] - value) / max(abs(value), np.finfo(float).tiny)
        plan, slope = ahead, slope_ahead
        values.append(value)
        if decrease <= tol:
            break
    if warn:
        warn_if_unconverged(
            decrease,
            tol,
            max_rounds,
            "Conditional gradient",
            "relative decrease",
            "Give the penalties a smaller weight, or raise reg.",
        )
    return plan, values


def _shorter(rise: float, towards: float, length: float) -> float:
    """The lowest point of the parabola through both ends with that slope, a tenth at least."""
    bend = rise - towards * length
    best = -towards * length / (2 * bend) if bend > 0 else 0.5
    return length * min(0.5, max(0.1, best))


def _linear_and_entropy(C: NDArray, P: NDArray, reg: float) -> float:
    linear = float(np.vdot(C, P))
    return linear + reg * float((xlogy(P, P) - P).sum(dtype=np.float64)) if reg else linear


def _entropy_slope(P: NDArray, step: NDArray, reg: float) -> float:
    return reg * float(np.vdot(np.log(np.maximum(P, np.finfo(float).tiny)), step)) if reg else 0.0
