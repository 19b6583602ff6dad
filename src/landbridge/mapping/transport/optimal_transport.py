"""Optimal transport: each source row goes to the mean of the target rows its mass is carried to."""

from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import class_names, encode, is_labelled
from landbridge.domains.folds import content_key
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.base import UnpairedMapping, are_measurements, check_two_rows
from landbridge.mapping.surrogate import Surrogate
from landbridge.mapping.transport.cost import (
    IN_PARTS,
    INSTEAD,
    Geometry,
    check_plan_memory,
    dense_rows,
    scaled_cost,
    scaled_rows,
    transport_geometry,
)
from landbridge.mapping.transport.out_of_sample import Displacement, entropic_map
from landbridge.mapping.transport.plans import (
    balanced_plan,
    barycentric,
    low_rank_plan,
    marginal_error,
    masses,
    partial_plan,
    unbalanced_plan,
    uniform,
)
from landbridge.mapping.transport.regularisers import (
    GroupPenalty,
    LaplacePenalty,
    Penalty,
    Sum,
    conditional_gradient,
    neighbour_laplacian,
)
from landbridge.mapping.transport.sinkhorn import sinkhorn, warn_if_unconverged

SOLVERS = ("sinkhorn", "exact", "unbalanced", "partial")
WAYS = ("auto", "entropic", "nearest", "affine", "kernel")
BALANCED = ("sinkhorn", "exact")
FORBIDDEN = 2.0
"""What carrying mass between two classes costs, in units of the largest cost of any pair."""
CARRIED = 1e-3
"""A row of which a smaller share is carried counts as not carried at all."""
SLOPE_ROWS = 500
"""So many rows, carried once more, tell the slopes of the map."""


class Rows(NamedTuple):
    """Rows of one domain in the order of their content, their masses, and classes as numbers."""

    X: NDArray
    mass: NDArray
    codes: NDArray | None

    def part(self, k: int, n_parts: int) -> "Rows":
        """Every ``n_parts``-th row from row k on, of mass 1 together."""
        mass = self.mass[k::n_parts]
        codes = None if self.codes is None else self.codes[k::n_parts]
        return Rows(self.X[k::n_parts], mass / mass.sum(), codes)

    def in_float64(self) -> "Rows":
        """The rows for methods whose steps add up more errors than float32 bears."""
        return self._replace(X=self.X.astype(np.float64, copy=False))


def rows_by_content(X: Any, mass: NDArray, codes: NDArray | None) -> Rows:
    """Rows with any mass, in an order that does not depend on the one they came in."""
    order = np.argsort(content_key(X), kind="stable")
    order = order[mass[order] > 0]
    return Rows(dense_rows(X)[order], mass[order], None if codes is None else codes[order])


def class_codes(ys: NDArray | None, yt: NDArray | None) -> tuple[NDArray | None, NDArray | None]:
    """Labels of both domains as numbers of their classes, NaN for a blank.

    ``None`` for a domain without labels, and for both where labels are measurements.
    """
    known = [y if y is not None and is_labelled(y).any() else None for y in (ys, yt)]
    if any(y is not None and are_measurements(y) for y in known):
        return None, None
    classes = class_names(*(y for y in known if y is not None))
    codes = [None if y is None else encode(y, classes) for y in known]
    return codes[0], codes[1]


def forbid_other_classes(C: NDArray, source: NDArray, target: NDArray) -> None:
    """Make it costly, in place, to carry a row to a target row known to be of another class."""
    known = np.flatnonzero(~np.isnan(target))
    differ = (source[:, None] != target[known]) & ~np.isnan(source)[:, None]
    C[:, known] += differ.astype(C.dtype) * C.dtype.type(FORBIDDEN * C.max(initial=0.0))


class OptimalTransport(Displacement, Surrogate, UnpairedMapping):
    r"""Carry the source's mass to the target at the least cost, and each row along with its mass.

    The plan :math:`P \geq 0` with the masses of both domains as marginals minimises
    :math:`\sum_{ij} P_{ij} \|x_i - y_j\|^2 / \sigma` with the median squared distance
    :math:`\sigma`, both domains seen from their means. Row :math:`x_i` goes to
    :math:`T(x_i) = \sum_j P_{ij} y_j / \sum_j P_{ij}` (Courty, Flamary, Tuia & Rakotomamonjy
    2017).

    Parameters
    ----------
    solver : {"sinkhorn", "exact", "unbalanced", "partial"}, default="sinkhorn"
        ``"sinkhorn"`` adds :math:`\varepsilon \sum P \log P` (Cuturi 2013). ``"exact"`` adds
        nothing. ``"unbalanced"`` lets marginals be missed at a price, so that outliers stay
        uncarried (Chizat, Peyré, Schmitzer & Vialard 2018). ``"partial"`` carries only the
        cheapest share of the mass. ``"exact"`` and ``"partial"`` want POT.
    reg : float, default=0.05
        ε, in units of the median cost; a larger one gives a smoother map, faster, that draws
        rows to the target's mean. For ``"sinkhorn"`` and ``"unbalanced"``, which takes 0 too.
    reg_marginal : float, default=1.0
        For ``"unbalanced"``: the price of missing a marginal by one unit of Kullback-Leibler
        divergence, in median costs; a larger one carries more of the mass.
    mass : float, default=0.9
        For ``"partial"``: the share of the mass to carry, up to 1.
    class_reg : float, default=0.0
        How much it costs, in median costs, that source rows of different classes go to one
        target row. It needs labels; a row with a blank label counts for no class.
    class_penalty : {"lp-l1", "l1-l2"}, default="lp-l1"
        The form of that cost: square roots of each class's share of a target row, or Euclidean
        norms of its masses.
    laplace_reg : float, default=0.0
        How much it costs, in median costs, that neighbours are carried apart (Ferradans,
        Papadakis, Peyré & Aujol 2014).
    n_neighbors : int, default=5
        Neighbours in that sense: so many rows, of the same class where classes are known.
    match_labels : bool, default=True
        Whether target rows with a known class take mass only from rows of that class, as far as
        the masses allow. Labels with fractions are never taken for classes.
    out_of_sample : {"auto", "entropic", "nearest", "affine", "kernel"}, default="auto"
        How a row is carried that was not fitted: ``"entropic"`` by the plan's potentials
        (Pooladian & Niles-Weed 2021; keeps n_t rows), ``"nearest"`` along with the nearest fitted
        row (keeps 2 n_s rows; rows that were not carried go along with those that were),
        ``"affine"`` by the affine map nearest to T, also for fitted rows (keeps d²), ``"kernel"``
        by a smooth one, kernel ridge regression of T(x) - x with its penalty by cross-validation,
        also for fitted rows (keeps 512 rows). ``"auto"`` is ``"entropic"`` for Sinkhorn's plan
        without penalties or matched labels.
    batch_size : int, optional
        Carry so many rows of both domains at a time, dealt out evenly, where a whole plan does
        not fit (Fatras, Zine, Majewski, Flamary, Gribonval & Courty 2021).
    rank : int, optional
        Look for a plan of this rank, in memory linear in the rows (Scetbon, Cuturi & Peyré 2021;
        for ``"sinkhorn"``).
    max_iter : int, default=1000
        The most steps of Sinkhorn's algorithm.
    tol : float, default=1e-4
        The share of the mass that may be misplaced, to stop at; 4e-6 at least for float32.
    random_state : int, default=0
        Seed of the plan of low rank.

    Attributes
    ----------
    out_of_sample_ : str
        How rows are carried.
    target_rows_, potentials_ : ndarray of shape (n_t, d) and (n_t,)
        What the entropic map needs, with ``bounds_`` of the batches.
    rows_, images_ : ndarray of shape (n_s, d)
        Fitted rows and where they go, for ``"nearest"``.
    matrix_, source_mean_, target_mean_ : ndarray of shape (d, d) and (d,)
        For ``"affine"``.
    kernel_map_ : KernelRidgeMap
        For ``"kernel"``.
    unit_ : float
        The median cost σ.
    source_origin_, target_origin_ : ndarray of shape (d,)
        Where the domains are seen from.
    slopes_, source_std_ : ndarray of shape (d, d) and (d,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.transport import OptimalTransport
    >>> Xs = np.random.default_rng(0).normal(size=(300, 2))
    >>> Xt = Xs[::-1] * [2.0, 1.0] + 10.0
    >>> moved = OptimalTransport(reg=0.01).fit(Xs, Xt).transform(Xs)
    >>> bool(np.abs(moved - (Xs * [2.0, 1.0] + 10.0)).mean() < 0.15)
    True
    """

    takes_sparse: ClassVar[bool] = True
    cost: ClassVar[str] = "n² d, n² a step; exact n³"
    when: ClassVar[str] = "the domains differ by more than an affine map; up to 10,000 rows"

    target_rows_: NDArray
    potentials_: NDArray
    bounds_: NDArray

    def __init__(
        self,
        solver: str = "sinkhorn",
        reg: float = 0.05,
        reg_marginal: float = 1.0,
        mass: float = 0.9,
        class_reg: float = 0.0,
        class_penalty: str = "lp-l1",
        laplace_reg: float = 0.0,
        n_neighbors: int = 5,
        match_labels: bool = True,
        out_of_sample: str = "auto",
        batch_size: int | None = None,
        rank: int | None = None,
        max_iter: int = 1000,
        tol: float = 1e-4,
        random_state: int = 0,
    ):
        self.solver = solver
        self.reg = reg
        self.reg_marginal = reg_marginal
        self.mass = mass
        self.class_reg = class_reg
        self.class_penalty = class_penalty
        self.laplace_reg = laplace_reg
        self.n_neighbors = n_neighbors
        self.match_labels = match_labels
        self.out_of_sample = out_of_sample
        self.batch_size = batch_size
        self.rank = rank
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        check_two_rows(self, Xs.shape[0], Xt.shape[0])
        codes_s, codes_t = class_codes(ys, yt)
        self._check_parameters(codes_s)
        matched = self.match_labels and codes_s is not None and codes_t is not None
        self.out_of_sample_ = self._out_of_sample(matched)
        source = rows_by_content(Xs, masses(sample_weight, Xs.shape[0]), codes_s)
        target = rows_by_content(Xt, uniform(Xt.shape[0]), codes_t if matched else None)
        n_parts = self._n_parts(len(source.X), len(target.X))
        self._check_memory(source, target, n_parts)
        self._set_geometry(source, target)
        pairs = [(source.part(k, n_parts), target.part(k, n_parts)) for k in range(n_parts)]
        if self.out_of_sample_ == "entropic":
            self._keep_potentials(pairs)
        else:
            X, images, mass = zip(*(self._images(*pair) for pair in pairs))
            self._keep_images(np.concatenate(X), np.concatenate(images), np.concatenate(mass))
        self._set_slopes(source.X[:: -(-len(source.X) // SLOPE_ROWS)])

    def _map(self, X: Any) -> NDArray:
        rows = dense_rows(X)
        if self.out_of_sample_ != "entropic":
            return self._displace(rows)
        return entropic_map(
            rows, self.target_rows_, self.potentials_, self.bounds_, self._geometry, self.reg
        )

    @property
    def _geometry(self) -> Geometry:
        return Geometry(self.source_origin_, self.target_origin_, self.unit_)

    def _set_geometry(self, source: Rows, target: Rows) -> None:
        self.source_origin_, self.target_origin_, self.unit_ = transport_geometry(
            source.X, target.X, source.mass, centred=self.solver in BALANCED
        )

    def _keep_potentials(self, pairs: list[tuple[Rows, Rows]]) -> None:
        """Only the target's potentials: the entropic map finds the source's for any row."""
        found = []
        for source, target in pairs:
            C = scaled_cost(source.X, target.X, self._geometry)
            found.append(sinkhorn(C, source.mass, target.mass, *self._settings()).g)
        self.potentials_ = np.concatenate(found)
        self.target_rows_ = np.concatenate([target.X for _, target in pairs])
        self.bounds_ = np.cumsum([0, *map(len, found)])

    def _settings(self) -> tuple[float, int, float]:
        return self.reg, self.max_iter, self.tol

    def _images(self, source: Rows, target: Rows) -> tuple[NDArray, NDArray, NDArray]:
        """The rows that are carried, where to, and their masses."""
        if self.rank is not None:
            images, mass = self._low_rank_images(source, target, self.rank), source.mass
        else:
            plan = self._plan(source, target)
            mass = plan.sum(axis=1, dtype=np.float64)
            images = barycentric(plan, target.X, np.where(mass > 0, mass, 1.0))
        kept = mass > CARRIED * source.mass
        if not kept.any():
            raise ValueError(
                f"{type(self).__name__} carried no row: the marginals are too cheap to miss. "
                f"Raise reg_marginal (found {self.reg_marginal:g})."
            )
        return source.X[kept], images[kept].astype(source.X.dtype, copy=False), mass[kept]

    def _low_rank_images(self, source: Rows, target: Rows, rank: int) -> NDArray:
        a, b, seed = source.mass, target.mass, self.random_state
        Q, R, g = low_rank_plan(
            *self._scaled(source, target), a, b, self.reg, rank=rank, tol=self.tol, seed=seed
        )
        return Q @ ((R.T @ target.X) / g[:, None]) / a[:, None]

    def _scaled(self, source: Rows, target: Rows) -> tuple[NDArray, NDArray]:
        """Rows of both domains whose squared distances are the costs."""
        X = scaled_rows(source.X, self.source_origin_, self.unit_)
        return X, scaled_rows(target.X, self.target_origin_, self.unit_)

    def _plan(self, source: Rows, target: Rows) -> NDArray:
        if self.class_reg or self.laplace_reg:
            source, target = source.in_float64(), target.in_float64()
        C = scaled_cost(source.X, target.X, self._geometry)
        if source.codes is not None and target.codes is not None:
            forbid_other_classes(C, source.codes, target.codes)
        a, b = source.mass, target.mass
        if self.solver == "unbalanced":
            return unbalanced_plan(C, a, b, self.reg, self.reg_marginal, self.max_iter, self.tol)
        if self.solver == "partial":
            return partial_plan(C, a, b, self.mass)
        reg = self.reg if self.solver == "sinkhorn" else 0.0
        best = partial(balanced_plan, a=a, b=b, reg=reg, max_iter=self.max_iter, tol=self.tol)
        penalty = self._penalty(source, target)
        if penalty is None:
            return best(C)
        # Steps go towards plans that need not be exact; what matters is the one arrived at.
        towards = partial(best, warn=False)
        plan = conditional_gradient(C, penalty, towards, towards(C), reg)[0]
        error = marginal_error(plan, a, b)
        warn_if_unconverged(error, 10 * self.tol, self.max_iter, "Regularised transport")
        return plan

    def _penalty(self, source: Rows, target: Rows) -> Penalty | None:
        parts: list[Penalty] = []
        if self.class_reg and source.codes is not None:
            parts.append(
                GroupPenalty(self.class_reg, self.class_penalty, source.codes, target.mass)
            )
        if self.laplace_reg:
            X, Y = self._scaled(source, target)
            L = neighbour_laplacian(X, source.codes, self.n_neighbors)
            parts.append(LaplacePenalty(self.laplace_reg, L, X, Y, source.mass))
        return Sum(tuple(parts)) if parts else None

    def _n_parts(self, n_source: int, n_target: int) -> int:
        if self.batch_size is None:
            return 1
        return min(-(-max(n_source, n_target) // self.batch_size), n_source, n_target)

    def _check_memory(self, source: Rows, target: Rows, n_parts: int) -> None:
        if self.rank is not None:
            return
        plain = self.out_of_sample_ == "entropic"
        dtype = np.result_type(source.X, target.X) if plain else np.float64
        n_source, n_target = (-(-len(rows.X) // n_parts) for rows in (source, target))
        has_rank = self.solver == "sinkhorn" and not self.class_reg and not self.laplace_reg
        instead = INSTEAD if has_rank else IN_PARTS
        check_plan_memory(n_source, n_target, dtype, 2 if plain else 4, instead)

    def _out_of_sample(self, matched: bool) -> str:
        plain = self.solver == "sinkhorn" and self.rank is None and not matched
        plain = plain and not self.class_reg and not self.laplace_reg
        if self.out_of_sample == "auto":
            return "entropic" if plain else "nearest"
        if self.out_of_sample == "entropic" and not plain:
            raise ValueError(
                'out_of_sample="entropic" needs the potentials of solver="sinkhorn" without rank, '
                "class_reg, laplace_reg or matched labels: found others. Choose "
                'out_of_sample="nearest", or match_labels=False.'
            )
        return self.out_of_sample

    def _check_parameters(self, codes: NDArray | None) -> None:
        check_choice("solver", self.solver, SOLVERS)
        check_choice("class_penalty", self.class_penalty, ("lp-l1", "l1-l2"))
        check_choice("out_of_sample", self.out_of_sample, WAYS)
        check_number("reg", self.reg, above=self.solver == "sinkhorn")
        check_number("reg_marginal", self.reg_marginal, above=True)
        check_number("mass", self.mass, above=True, most=1)
        check_number("tol", self.tol, above=True)
        for name in ("class_reg", "laplace_reg"):
            check_number(name, getattr(self, name))
        for name in ("max_iter", "n_neighbors"):
            check_number(name, getattr(self, name), least=1, whole=True)
        for name in ("batch_size", "rank"):
            check_number(name, getattr(self, name), words=(None,), least=1, whole=True)
        self._check_combination(codes)

    def _check_combination(self, codes: NDArray | None) -> None:
        if self.class_reg and codes is None:
            raise ValueError(
                "class_reg needs classes of the source rows: ys has none. Give ys, or set "
                "class_reg=0."
            )
        penalised = bool(self.class_reg or self.laplace_reg)
        if penalised and (self.solver not in BALANCED or self.rank is not None):
            raise ValueError(
                'class_reg and laplace_reg are for solver="sinkhorn" or "exact" without rank: '
                f"found solver={self.solver!r}, rank={self.rank!r}."
            )
        if self.rank is not None and self.solver != "sinkhorn":
            raise ValueError(f'rank is for solver="sinkhorn": found solver={self.solver!r}.')
