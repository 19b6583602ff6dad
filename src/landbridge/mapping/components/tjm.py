"""Transfer joint matching."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from landbridge.domains.memory import check_memory
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.components.base import (
    KernelComponents,
    penalty_of,
)
from landbridge.mapping.components.eigen import Components
from landbridge.mapping.components.feature_rows import FeatureRows
from landbridge.moments import FeatureMap

SMOOTHING = 1e-3
"""Rows this much shorter than the mean one count as zero, so that the penalty stays finite."""


def smooth_lengths(A: NDArray, smoothing: float) -> NDArray[np.float64]:
    r"""The length of each row, :math:`\sqrt{\|a_i\|^2 + \epsilon^2}`, which is never zero."""
    return np.sqrt((A**2).sum(axis=1) + smoothing**2)


def joint_objective(A: NDArray, U: NDArray, source_lengths: NDArray, reg: float) -> float:
    r"""Squared MMD of the components plus :math:`\lambda(\|A_s\|_{2,1} + \|A_t\|_F^2)`."""
    target = A[len(source_lengths) :]
    return float(((U.T @ A) ** 2).sum() + reg * (source_lengths.sum() + (target**2).sum()))


def unit_scatter(found: Components) -> NDArray[np.float64]:
    """The components with ``A.T @ S @ A = I``; those without scatter stay zero."""
    return found.matrix / np.sqrt(np.maximum(found.values, np.finfo(np.float64).tiny))


class TJM(KernelComponents):
    r"""Find shared features while leaving out source rows that are unlike the target.

    As :class:`TCA` with the exact kernel, whose coefficients A (n, k) belong to rows; those of
    source rows are penalised by their lengths and not by their squares, so that many become
    zero: minimises :math:`\mathrm{tr}\,A^\top K L K A + \lambda (\|A_s\|_{2,1} + \|A_t\|_F^2)`
    subject to :math:`A^\top K H K A = I` (Long, Wang, Ding, Sun & Yu 2014, algorithm 1). Each
    round solves the problem of TCA with the penalty
    :math:`\lambda\,\mathrm{diag}(1 / 2\|a_i\|)` on source rows and λ on target rows.

    Parameters
    ----------
    n_components : int, optional
        How many features; up to 20 by default.
    reg : float, default=1.0
        λ: larger values leave out more source rows and let the means differ more.
    max_iter : int, default=50
        The most rounds.
    tol : float, default=1e-3
        It is over when a round lowers the objective by less than this part of it.
    kernel : {"rbf", "laplacian"}, default="rbf"
    gamma : "median" or float, default="median"
        As in ``landbridge.moments.FeatureMap``.
    random_state : int, default=0
        Seed of the rows whose distances give the median.

    Attributes
    ----------
    matrix_ : ndarray of shape (n_s + n_t, k)
        The coefficients.
    source_lengths_ : ndarray of shape (n_s,)
        The length of each source row's coefficients, the longest being 1: how much it counts.
    n_components_ : int
        k.
    eigenvalues_ : ndarray of shape (k,)
        Scatter by penalty, largest first.
    feature_map_ : FeatureMap
        It holds all rows of both domains.
    slopes_ : ndarray of shape (d, k)
        Slopes of the nearest linear map.
    objectives_ : ndarray of shape (n_iter_,)
        The objective after each round.
    n_iter_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.components import TJM
    >>> rng = np.random.default_rng(0)
    >>> Xt = rng.normal(0, 1, (100, 2))
    >>> Xs = np.vstack([rng.normal(0, 1, (80, 2)), rng.normal(6, 1, (20, 2))])
    >>> lengths = TJM(n_components=2, reg=10.0).fit(Xs, Xt).source_lengths_
    >>> bool(np.median(lengths[:80]) > np.median(lengths[80:]))
    True
    """

    cost = "n² d + n² k a round, and n² memory"
    when = "some source rows are unlike any target row and had better be left out"

    def __init__(
        self,
        n_components: int | None = None,
        reg: float = 1.0,
        max_iter: int = 50,
        tol: float = 1e-3,
        kernel: str = "rbf",
        gamma: float | str = "median",
        random_state: int = 0,
    ):
        self.n_components = n_components
        self.reg = reg
        self.max_iter = max_iter
        self.tol = tol
        self.kernel = kernel
        self.gamma = gamma
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("tol", self.tol, above=True)
        instead = "TJM leaves out rows, not features: for a linear map choose TCA."
        check_choice("kernel", self.kernel, ("rbf", "laplacian"), instead)

    def _feature_map(self) -> FeatureMap:
        return FeatureMap(self.kernel, "exact", gamma=self.gamma, random_state=self.random_state)

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        n = Xs.shape[0] + Xt.shape[0]
        check_memory(
            8.0 * n**2,
            f"TJM's kernel of {n:,} rows",
            "Give fewer rows, or choose TCA, whose memory grows with n_features.",
        )
        super()._fit(Xs, Xt, ys, yt, sample_weight)

    def _components(self, features: FeatureRows, ys: Any, yt: Any) -> Components:
        scatter, means = features.scatter_and_means()
        U = means @ np.array([[1.0], [-1.0]])
        n_s = len(features.weights[0])
        penalty, start, smoothing = penalty_of(features, self.reg, scatter), None, None
        objectives = [np.inf]
        for _ in range(self.max_iter):
            found = self._solve(features, scatter, U, penalty, start)
            A, start = unit_scatter(found), found.subspace
            if smoothing is None:
                mean_length = float(np.linalg.norm(A[:n_s], axis=1).mean())
                smoothing = SMOOTHING * (mean_length or 1.0)  # rows that are all the same have none
            lengths = smooth_lengths(A[:n_s], smoothing)
            penalty[:n_s] = self.reg / (2 * lengths)
            objectives.append(joint_objective(A, U, lengths, self.reg))
            if objectives[-2] - objectives[-1] <= self.tol * objectives[-1]:
                break
        else:
            self._warn(objectives)
        self.objectives_, self.n_iter_ = np.array(objectives[1:]), len(objectives) - 1
        self.source_lengths_ = np.linalg.norm(A[:n_s], axis=1)
        self.source_lengths_ /= max(self.source_lengths_.max(), np.finfo(np.float64).tiny)
        return found

    def _warn(self, objectives: list[float]) -> None:
        fall = 1 - objectives[-1] / objectives[-2]
        warnings.warn(
            f"TJM's objective still fell by {fall:.1g} of itself in the last of {self.max_iter} "
            f"rounds; tol is {self.tol}. Give a larger max_iter or tol.",
            ConvergenceWarning,
            stacklevel=2,
        )
