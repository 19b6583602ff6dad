"""Gromov–Wasserstein transport: between feature spaces that have nothing in common."""

from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.memory import check_memory
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.base import UnpairedMapping, check_two_rows
from landbridge.mapping.surrogate import Surrogate
from landbridge.mapping.transport.cost import dense_rows, squared_distances, typical
from landbridge.mapping.transport.optimal_transport import Rows, class_codes, rows_by_content
from landbridge.mapping.transport.out_of_sample import Displacement
from landbridge.mapping.transport.plans import balanced_plan, barycentric, masses, uniform
from landbridge.mapping.transport.regularisers import conditional_gradient


def inner_distances(X: NDArray) -> NDArray:
    """Distances (n, n) between the rows, divided by their median."""
    D = np.sqrt(squared_distances(*[X - X.mean(axis=0)] * 2))
    np.fill_diagonal(D, 0.0)
    return D / D.dtype.type(typical(D[np.triu_indices(len(D), 1)]))


class GromovPenalty(NamedTuple):
    r"""How much distances differ between rows and the rows they are carried to.

    :math:`\sum_{ijkl} (D_{ik} - D'_{jl})^2 P_{ij} P_{kl}`, whose sum over k and l is
    :math:`D^2 a + b^\top D'^2 - 2 D P D'` (Peyré, Cuturi & Solomon 2016, prop. 1).
    """

    Ds: NDArray
    Dt: NDArray
    constant: NDArray

    def __call__(self, P: NDArray) -> tuple[float, NDArray]:
        """Its value and its gradient."""
        tensor = self.Ds @ P @ self.Dt
        tensor *= -2
        tensor += self.constant
        return float(np.vdot(tensor, P)), 2 * tensor


def gromov_penalty(Ds: NDArray, Dt: NDArray, a: NDArray, b: NDArray) -> GromovPenalty:
    """The penalty for distances (n_s, n_s) and (n_t, n_t), and plans with marginals a and b."""
    constant = (Ds**2 @ a)[:, None] + (Dt**2 @ b)[None, :]
    return GromovPenalty(Ds, Dt, constant)


class GromovWasserstein(Displacement, Surrogate, UnpairedMapping):
    r"""Carry rows to another feature space, such that near rows stay near and far ones far.

    The plan P minimises :math:`\sum_{ijkl} (D_{ik} - D'_{jl})^2 P_{ij} P_{kl}` with the distances
    D and D' within each domain, in units of their medians (Mémoli 2011; Peyré, Cuturi & Solomon
    2016); row :math:`x_i` goes to :math:`T(x_i) = \sum_j P_{ij} y_j / \sum_j P_{ij}`. Where both
    domains have labels, a plan that joins different classes costs more (Vayer, Chapel, Flamary,
    Tavenard & Courty 2019, with classes for features). The plan found is a local minimum; a cloud
    with symmetries has several that are as good.

    Parameters
    ----------
    solver : {"exact", "sinkhorn"}, default="exact"
        Conditional gradient with POT's network simplex, or with entropy and without POT.
    reg : float, default=0.05
        ε of the entropy for ``"sinkhorn"``; a larger one gives a smoother map.
    label_weight : float, default=1.0
        What it costs, in squared median distances, to join two rows of different classes.
    out_of_sample : {"nearest", "affine", "kernel"}, default="nearest"
        How rows are carried that were not fitted: along with the nearest fitted row, whose
        distance to them goes through the slope of the affine map nearest to T (keeps the fitted
        rows and images), by that affine map, also for fitted rows (keeps d_s · d_t), or by a
        smooth one, kernel ridge regression, also for fitted rows (keeps 512 rows).
    max_rows : int, default=1000
        The plan is found on at most so many rows of each domain, drawn evenly.
    max_iter : int, default=200
        The most rounds.
    tol : float, default=1e-6
        The relative decrease of the objective in a round at which to stop.

    Attributes
    ----------
    out_of_sample_ : str
    rows_, images_ : ndarray of shape (n, d_s) and (n, d_t)
        Fitted rows and where they go, for ``"nearest"``.
    slope_ : ndarray of shape (d_s, d_t)
        For ``"nearest"``; for ``"affine"`` there are ``matrix_``, ``source_mean_`` and
        ``target_mean_``, for ``"kernel"`` a :class:`KernelRidgeMap`, ``kernel_map_``.
    objective_ : float
        What was minimised, at the plan found.
    slopes_, source_std_ : ndarray of shape (d_s, d_t) and (d_s,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.transport import GromovWasserstein
    >>> Xs = np.random.default_rng(0).normal(size=(40, 2)) ** 2
    >>> Xt = Xs[::-1] @ [[0.0, 3.0, 0.0], [3.0, 0.0, 0.0]] + 1.0      # turned, in three dimensions
    >>> GromovWasserstein().fit(Xs, Xt).transform([[1.0, 2.0]])
    array([[7., 4., 1.]])
    """

    same_features = False
    takes_sparse: ClassVar[bool] = True
    cost: ClassVar[str] = "n³ a round, n at most max_rows"
    when: ClassVar[str] = "the feature spaces differ, and no row is known in both"

    def __init__(
        self,
        solver: str = "exact",
        reg: float = 0.05,
        label_weight: float = 1.0,
        out_of_sample: str = "nearest",
        max_rows: int = 1000,
        max_iter: int = 200,
        tol: float = 1e-6,
    ):
        self.solver = solver
        self.reg = reg
        self.label_weight = label_weight
        self.out_of_sample = out_of_sample
        self.max_rows = max_rows
        self.max_iter = max_iter
        self.tol = tol

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        check_two_rows(self, Xs.shape[0], Xt.shape[0])
        self._check_parameters()
        codes_s, codes_t = class_codes(ys, yt)
        mass = masses(sample_weight, Xs.shape[0])
        source = self._drawn(rows_by_content(Xs, mass, codes_s)).in_float64()
        target = self._drawn(rows_by_content(Xt, uniform(Xt.shape[0]), codes_t)).in_float64()
        self.out_of_sample_ = self.out_of_sample
        plan = self._plan(source, target)
        self._keep_images(
            source.X, barycentric(plan, target.X, source.mass), source.mass, across=True
        )
        self._set_slopes(source.X)

    def _map(self, X: Any) -> NDArray:
        return self._displace(dense_rows(X))

    def _drawn(self, rows: Rows) -> Rows:
        n, size = len(rows.X), min(len(rows.X), self.max_rows)
        picked = np.arange(size) * n // size
        mass = rows.mass[picked]
        codes = None if rows.codes is None else rows.codes[picked]
        return Rows(rows.X[picked], mass / mass.sum(), codes)

    def _plan(self, source: Rows, target: Rows) -> NDArray:
        a, b = source.mass, target.mass
        n_s, n_t = len(a), len(b)
        check_memory(
            8.0 * (n_s**2 + n_t**2 + 6 * n_s * n_t),
            f"Distances within {n_s:,} and {n_t:,} rows and plans between them",
            "Set max_rows lower.",
        )
        Ds, Dt = inner_distances(source.X), inner_distances(target.X)
        reg = self.reg if self.solver == "sinkhorn" else 0.0
        plan, objective = conditional_gradient(
            self._label_cost(source, target),
            gromov_penalty(Ds, Dt, a, b),
            partial(balanced_plan, a=a, b=b, reg=reg, warn=False),
            np.outer(a, b),
            reg,
            self.max_iter,
            self.tol,
        )
        self.objective_ = objective[-1]
        return plan

    def _label_cost(self, source: Rows, target: Rows) -> NDArray:
        if source.codes is None or target.codes is None:
            return np.zeros((len(source.X), len(target.X)))
        known = ~np.isnan(source.codes)[:, None] & ~np.isnan(target.codes)
        return self.label_weight * (known & (source.codes[:, None] != target.codes))

    def _check_parameters(self) -> None:
        check_choice("solver", self.solver, ("exact", "sinkhorn"))
        check_choice("out_of_sample", self.out_of_sample, ("nearest", "affine", "kernel"))
        check_number("reg", self.reg, above=True)
        check_number("label_weight", self.label_weight)
        check_number("max_rows", self.max_rows, least=2, whole=True)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("tol", self.tol, above=True)
