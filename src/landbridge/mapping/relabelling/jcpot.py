"""Several sources whose classes are shared out otherwise than in the target."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from landbridge.domains import class_names, encode, is_labelled, labelled_rows
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import Carried, check_two_rows
from landbridge.mapping.relabelling.base import LabelledTarget
from landbridge.mapping.sources import MultiSource, Source
from landbridge.mapping.transport.cost import (
    check_plan_memory,
    dense_rows,
    squared_distances,
    typical,
)
from landbridge.mapping.transport.sinkhorn import warn_if_unconverged


class Labelled(NamedTuple):
    """The labelled rows of one source, their labels and weights."""

    X: NDArray
    y: NDArray
    sample_weight: NDArray


class Proportions(NamedTuple):
    """Class shares (C,) of the target, and the log of each source's plan (n_k, n_t)."""

    shares: NDArray[np.float64]
    log_plans: list[NDArray[np.float64]]


def joint_proportions(
    costs: list[NDArray],
    members: list[NDArray],
    weights: NDArray,
    reg: float,
    max_iter: int = 1000,
    tol: float = 1e-7,
) -> Proportions:
    r"""Class shares that several sources need, to be carried to the target at the least cost.

    Minimises :math:`\sum_k \lambda_k\, \varepsilon\, \mathrm{KL}(\gamma_k \| e^{-C_k /
    \varepsilon})` over shares h and plans :math:`\gamma_k` with marginals :math:`D_k h`, the
    shares spread over each class's rows, and 1/n_t on each target row. Bregman projections in
    turn: columns to 1/n_t; :math:`h = \prod_k (\text{mass of each class in } \gamma_k)
    ^{\lambda_k}`; rows to :math:`D_k h` (Redko, Courty, Flamary & Tuia 2019, algorithm 1), all in
    logarithms.

    Parameters
    ----------
    costs : list of ndarray of shape (n_k, n_t)
        For each source.
    members : list of ndarray of shape (n_k, C)
        The share of its class's mass that each row has; each column sums to one.
    weights : ndarray of shape (n_sources,)
        λ, which sums to one.
    reg : float
        ε, in the unit of the costs.
    max_iter : int
        The most rounds; a ``ConvergenceWarning`` says so where they run out.
    tol : float
        Stop once the shares move by no more than this.
    """
    plans = [-cost / reg for cost in costs]
    belongs = [part > 0 for part in members]
    before = np.zeros(members[0].shape[1])
    change = np.inf
    for _ in range(max_iter):
        plans = [P - logsumexp(P, axis=0) - np.log(P.shape[1]) for P in plans]
        masses = [logsumexp(P, axis=1) for P in plans]
        logs = [class_masses(mass, part) for mass, part in zip(masses, belongs)]
        shares = np.exp(np.tensordot(weights, np.array(logs), axes=1))
        plans = [
            P + (log_or_low(D @ shares) - mass)[:, None]
            for P, D, mass in zip(plans, members, masses)
        ]
        change = float(np.abs(shares - before).max())
        before = shares
        if change <= tol:
            break
    warn_if_unconverged(change, tol, max_iter, "JCPOT")
    return Proportions(shares / shares.sum(), plans)


def class_masses(log_mass: NDArray, belongs: NDArray) -> NDArray[np.float64]:
    """The log of the mass (C,) of each class, from those of rows (n,)."""
    return logsumexp(np.where(belongs, log_mass[:, None], -np.inf), axis=0)


def log_or_low(values: NDArray) -> NDArray[np.float64]:
    """Logarithms; of nothing that of the least number."""
    return np.log(np.maximum(values, np.finfo(float).tiny))


class JCPOT(LabelledTarget, MultiSource):
    r"""Label target rows from several sources whose classes have other shares than the target's.

    The target's class shares are those for which all sources, their classes weighed so, are
    carried to the target at the least total cost (``joint_proportions``). Then every target row
    takes the class from which most of its mass has come:
    :math:`\sum_k \lambda_k D_k^\top \gamma_k` (Redko, Courty, Flamary & Tuia 2019).

    Parameters
    ----------
    reg : float, default=0.05
        The entropy ε, as a share of the median cost; larger spreads each row over more.
    max_iter : int, default=1000
        The most rounds of projections.
    tol : float, default=1e-7
        Stop once no class share moves by more than this.

    Attributes
    ----------
    labels_ : ndarray of shape (n_t,)
    confidence_ : ndarray of shape (n_t,)
        The share of a row's mass that came from its class.
    classes_ : ndarray of shape (n_classes,)
    shares_ : ndarray of shape (n_classes,)
        The class shares found for the target.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.relabelling.jcpot import JCPOT
    >>> rng = np.random.default_rng(0)
    >>> ys, truth = np.repeat([0, 1, 0, 1], [90, 10, 20, 80]), np.repeat([0, 1], [60, 40])
    >>> Xs, Xt = (rng.normal(size=(len(y), 1)) + 8.0 * y[:, None] for y in (ys, truth))
    >>> mapping = JCPOT().fit(Xs, Xt, ys=ys, sources=np.repeat(["one", "two"], 100))
    >>> mapping.shares_.round(1), float((mapping.labels_ == truth).mean())
    (array([0.6, 0.4]), 1.0)
    """

    needs_classes = True
    takes_sparse = True
    cost = "n_s n_t (d + R) for R rounds of projections"
    when = "several labelled sources, and class shares that differ from the target's"

    def __init__(self, reg: float = 0.05, max_iter: int = 1000, tol: float = 1e-7):
        self.reg = reg
        self.max_iter = max_iter
        self.tol = tol

    def transform(self, X: ArrayLike, sources: ArrayLike | None = None) -> Any:
        """Source rows as they are: rows of no source are moved."""
        return self._map(self._check_source(X))

    def carry(
        self,
        Xs: ArrayLike,
        ys: NDArray,
        sample_weight: NDArray | None = None,
        Xt: ArrayLike | None = None,
        sources: ArrayLike | None = None,
    ) -> Carried:
        """The target rows of ``fit``, with the labels they got and the confidence as weights."""
        return super().carry(Xs, ys, sample_weight, Xt)

    def _fit_sources(self, parts: dict[Any, Source], Xt: Any, yt: NDArray | None) -> None:
        self._check_parameters()
        n_source, n_target = sum(part.X.shape[0] for part in parts.values()), Xt.shape[0]
        check_two_rows(self, n_source, n_target)
        check_plan_memory(n_source, n_target, np.float64, 3, "Give fewer rows.")
        known = [without_blanks(name, part) for name, part in parts.items()]
        self.classes_ = self._check_classes(parts, known)
        members = [class_members(part, self.classes_) for part in known]
        target = dense_rows(Xt).astype(np.float64)
        costs = [squared_distances(dense_rows(part.X).astype(np.float64), target) for part in known]
        unit = typical(np.concatenate([cost.ravel() for cost in costs]))
        weights = np.full(len(known), 1.0 / len(known))
        found = joint_proportions(costs, members, weights, self.reg * unit, self.max_iter, self.tol)
        self.shares_ = found.shares
        votes = [D.T > 0 for D in members]
        mass = sum(w * (V @ np.exp(P)) for w, V, P in zip(weights, votes, found.log_plans))
        confidence = mass.max(axis=0) / mass.sum(axis=0)
        self._keep(self.classes_[mass.argmax(axis=0)], confidence, yt)

    def _check_classes(self, parts: dict[Any, Source], known: list[Labelled]) -> NDArray:
        """The classes, of which every source must have all."""
        found = [class_names(part.y) for part in known]
        every = class_names(*found)
        for name, classes in zip(parts, found):
            missing = np.setdiff1d(every, classes).tolist()
            if missing:
                raise ValueError(
                    f"JCPOT weighs the classes of each source anew, so each must have all: source "
                    f"{name!r} has no rows of {missing}. Leave those classes out, or this source."
                )
        return every

    def _check_parameters(self) -> None:
        check_number("reg", self.reg, above=True)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("tol", self.tol, above=True)

    def _map_source(self, name: Any, X: Any) -> Any:
        return X


def without_blanks(name: Any, part: Source) -> Labelled:
    """The labelled rows of a source; equal weights where it has none."""
    if part.y is None or not (known := is_labelled(part.y)).any():
        raise ValueError(f"JCPOT learns from labels: source {name!r} has none. Leave it out.")
    X, y = labelled_rows(part.X, part.y)
    weights = np.ones(len(known)) if part.sample_weight is None else part.sample_weight
    return Labelled(X, y, weights[known])


def class_members(part: Labelled, classes: NDArray) -> NDArray[np.float64]:
    """The share (n, C) of its class's weight that each row of a source has."""
    codes = encode(part.y, classes).astype(int)
    members = np.eye(len(classes))[codes] * part.sample_weight[:, None]
    return members / np.maximum(members.sum(axis=0), np.finfo(float).tiny)
