"""Several sources, each with a name and a map of its own."""

from abc import abstractmethod
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls
from sklearn.base import clone
from sklearn.utils import get_tags

from landbridge.domains import is_labelled
from landbridge.domains.parameters import check_choice
from landbridge.mapping.base import Carried, Mapping, UnpairedMapping
from landbridge.moments import FeatureMap
from landbridge.moments.feature_map import stack

ONLY = "source"
"""The name of a source that is the only one."""


class Source(NamedTuple):
    """The checked rows of one source, their labels and weights (or ``None``)."""

    X: Any
    y: NDArray | None
    sample_weight: NDArray | None


class TakesSources:
    """A mapping whose ``fit`` takes the name of each source row's source, as ``sources``."""


class MultiSource(TakesSources, UnpairedMapping):
    """A mapping of several sources; each row says which one it is of.

    Attributes
    ----------
    sources_ : list
        The names of the sources.
    """

    sources_: list[Any]

    def fit(
        self,
        Xs: ArrayLike,
        Xt: ArrayLike,
        *,
        ys: ArrayLike | None = None,
        yt: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        sources: ArrayLike | None = None,
    ) -> Self:
        """Learn a map for each source.

        Parameters
        ----------
        Xs, Xt : array-like of shape (n_s, d_s) and (n_t, d_t)
            Rows of all sources, and of the target.
        ys, yt : array-like of shape (n_s,) and (n_t,), optional
            Labels, blank where unknown.
        sample_weight : array-like of shape (n_s,), optional
            Weights of the source rows.
        sources : array-like of shape (n_s,), optional
            The name of each row's source; by default there is only one.

        Raises
        ------
        ValueError
            If there is not one name a row, or rows or labels do not fit.
        """
        rows, rows_t, labels, labels_t, weights = self._check(Xs, Xt, ys, yt, sample_weight)
        names = check_sources(sources, rows.shape[0])
        self.sources_ = sorted(set(names.tolist()), key=str)
        self._fit_sources(
            {
                name: Source(
                    rows[here := names == name],
                    None if labels is None else labels[here],
                    None if weights is None else weights[here],
                )
                for name in self.sources_
            },
            rows_t,
            labels_t,
        )
        return self

    def transform(self, X: ArrayLike, sources: ArrayLike | None = None) -> Any:
        """Carry source rows (n, d_s) over, each by the map of its source."""
        rows = self._check_source(X)
        names = self._names(sources, rows.shape[0])
        parts = [names == name for name in self.sources_]
        moved = [
            self._map_source(name, rows[here])
            for name, here in zip(self.sources_, parts)
            if here.any()
        ]
        order = np.concatenate([np.flatnonzero(here) for here in parts])
        return stack(moved)[np.argsort(order, kind="stable")]

    def carry(
        self,
        Xs: ArrayLike,
        ys: NDArray,
        sample_weight: NDArray | None = None,
        Xt: ArrayLike | None = None,
        sources: ArrayLike | None = None,
    ) -> Carried:
        """Labelled rows of all sources as the third step wants them."""
        return Carried(self.transform(Xs, sources), ys, sample_weight)

    def _names(self, sources: ArrayLike | None, n_rows: int) -> NDArray:
        """The source of each row, one of those of ``fit``."""
        if sources is None and len(self.sources_) == 1:
            return check_sources([self.sources_[0]] * n_rows, n_rows)
        if sources is None:
            raise ValueError(
                f"{type(self).__name__} has a map for each of {self.sources_}: give the name of "
                "each row's source as sources."
            )
        names = check_sources(sources, n_rows)
        unknown = sorted({str(name) for name in names.tolist() if name not in self.sources_})
        if unknown:
            raise ValueError(f"sources names {unknown}; the sources of fit are {self.sources_}.")
        return names

    def _map(self, X: Any) -> Any:
        return self._map_source(self.sources_[0], X)

    def _fit(self, *arguments: Any) -> None:
        raise NotImplementedError("Sources are fitted by _fit_sources.")

    @abstractmethod
    def _fit_sources(self, parts: dict[Any, Source], Xt: Any, yt: NDArray | None) -> None:
        """Set the fitted attributes from checked rows of each source."""

    @abstractmethod
    def _map_source(self, name: Any, X: Any) -> Any:
        """Checked rows of one source, carried over."""


def check_sources(sources: ArrayLike | None, n_rows: int) -> NDArray:
    """The name of each row's source (n,), all the same where none are given.

    Raises
    ------
    ValueError
        If there is not one name a row.
    """
    names = np.full(n_rows, ONLY, dtype=object)
    if sources is None:
        return names
    given = np.asarray(sources, dtype=object)
    if given.shape != (n_rows,) or not is_labelled(given).all():
        raise ValueError(
            f"sources must name the source of each of {n_rows} rows: found shape {given.shape}, "
            f"{int((~is_labelled(given)).sum())} blank."
        )
    names[:] = given.tolist()
    return names


def by_source(tables: dict[Any, pd.DataFrame]) -> pd.DataFrame:
    """The tables of ``explain`` of each source in one; the source's name is left out if alone."""
    if len(tables) == 1:
        return next(iter(tables.values()))
    return pd.concat(tables, names=["source"]).reset_index("source").reset_index(drop=True)


def mixture_weights(means: NDArray, target_mean: NDArray) -> NDArray[np.float64]:
    r"""Shares :math:`\beta \ge 0`, :math:`\sum_k \beta_k = 1`, of the mixture nearest the target.

    Minimises :math:`\|\sum_k \beta_k \mu_k - \mu_t\|^2`; with mean embeddings of a kernel this is
    the MMD of the weighted mixture of sources to the target.

    Parameters
    ----------
    means : ndarray of shape (n_sources, m)
        Mean features of each source.
    target_mean : ndarray of shape (m,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.sources import mixture_weights
    >>> mixture_weights(np.array([[0.0, 1.0], [4.0, 1.0]]), np.array([1.0, 1.0]))
    array([0.75, 0.25])
    """
    # One heavy row stands for the sum; what it leaves open, the division closes.
    scale = 1e4 * max(float(np.abs(means).max()), float(np.abs(target_mean).max()), 1e-12)
    A = np.vstack([means.T, np.full(len(means), scale)])
    shares = nnls(A, np.append(target_mean, scale))[0]
    return shares / shares.sum()


class PerSource(MultiSource):
    r"""A map of its own for each source, and weights by how near it comes to the target.

    Each source is carried by its own copy of a mapping. Then the sources are weighed by the
    shares of the mixture of them whose mean embedding is nearest to the target's, as
    ``mixture_weights`` finds them: a distribution-weighted combination by kernel means
    (Mansour, Mohri & Rostamizadeh 2009).

    Parameters
    ----------
    mapping : Mapping, optional
        What is copied for each source; ``CORAL()`` by default. One that carries both domains to
        a space of its own cannot be used: the sources would not meet.
    weighting : {"mmd", "equal", None}, default="mmd"
        ``"mmd"``: shares as above; ``"equal"``: each source weighs the same in all; ``None``:
        each row weighs as it did.
    random_state : int, default=0
        Seed of the kernel's landmarks.

    Attributes
    ----------
    mappings_ : dict
        The fitted mapping of each source.
    shares_ : dict
        The share of each source in the weight of all.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import PerSource, Recentre
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> Xs = np.vstack([X[:200] + 5.0, 3.0 * X[200:] - 9.0])
    >>> mapping = PerSource(Recentre()).fit(Xs, X, sources=["near"] * 200 + ["far"] * 200)
    >>> {name: round(share, 2) for name, share in mapping.shares_.items()}
    {'far': 0.0, 'near': 1.0}
    """

    cost = "that of the mapping, for each source"
    when = "several labelled sources, each shifted in a way of its own"

    def __init__(
        self,
        mapping: Mapping | None = None,
        weighting: str | None = "mmd",
        random_state: int = 0,
    ):
        self.mapping = mapping
        self.weighting = weighting
        self.random_state = random_state

    def carry(
        self,
        Xs: ArrayLike,
        ys: NDArray,
        sample_weight: NDArray | None = None,
        Xt: ArrayLike | None = None,
        sources: ArrayLike | None = None,
    ) -> Carried:
        """Rows of all sources, each carried by its map and weighed by its source's share."""
        rows = self._check_source(Xs)
        names = self._names(sources, rows.shape[0])
        carried = []
        for name in self.sources_:
            here = names == name
            weights = None if sample_weight is None else sample_weight[here]
            carried.append(self.mappings_[name].carry(rows[here], ys[here], weights, Xt))
        order = np.argsort(np.concatenate([np.flatnonzero(names == n) for n in self.sources_]))
        X = stack([part.X for part in carried])[order]
        y = np.concatenate([part.y for part in carried])[order]
        return Carried(X, y, self._weights(carried, order))

    @property
    def how(self) -> str:  # type: ignore[override]
        """As the mapping of each source does."""
        return self._inner().how

    def _weights(self, carried: list[Carried], order: NDArray) -> NDArray | None:
        weights = [
            np.ones(len(part.y)) if part.sample_weight is None else part.sample_weight
            for part in carried
        ]
        if self.weighting is not None and len(carried) > 1:
            n = sum(len(part) for part in weights)
            weights = [
                part * (self.shares_[name] * n / part.sum())
                for name, part in zip(self.sources_, weights)
            ]
        elif all(part.sample_weight is None for part in carried):
            return None
        return np.concatenate(weights)[order]

    def _fit_sources(self, parts: dict[Any, Source], Xt: Any, yt: NDArray | None) -> None:
        self._check_parameters()
        self.mappings_ = {
            name: clone(self._inner()).fit(
                part.X, Xt, ys=part.y, yt=yt, sample_weight=part.sample_weight
            )
            for name, part in parts.items()
        }
        weights = {name: part.sample_weight for name, part in parts.items()}
        self.shares_ = self._shares(
            {n: self._map_source(n, p.X) for n, p in parts.items()}, Xt, weights
        )

    def _shares(
        self, moved: dict[Any, Any], Xt: Any, weights: dict[Any, NDArray | None]
    ) -> dict[Any, float]:
        if self.weighting is None:
            total = sum(rows.shape[0] for rows in moved.values())
            return {name: rows.shape[0] / total for name, rows in moved.items()}
        if self.weighting == "equal" or len(moved) == 1:
            return dict.fromkeys(moved, 1.0 / len(moved))
        phi = FeatureMap(kind="nystroem", random_state=self.random_state).fit(*moved.values(), Xt)
        means = [phi.mean(rows, weights[name]) for name, rows in moved.items()]
        shares = mixture_weights(np.array(means), phi.mean(Xt))
        return dict(zip(moved, shares.tolist()))

    def _check_parameters(self) -> None:
        check_choice("weighting", self.weighting, ("mmd", "equal", None))
        inner = self._inner()
        if inner.is_paired or inner.meets_between or inner.how == "relabel":
            raise ValueError(
                f"PerSource cannot copy {type(inner).__name__}: the mapping of a source must move "
                "or reweigh rows without pairs and leave the target where it is, as CORAL does. "
                "Fit it to all sources as one."
            )

    def _inner(self) -> Any:
        if self.mapping is None:
            from landbridge.mapping.alignment.coral import CORAL

            return CORAL()
        return self.mapping

    def _map_source(self, name: Any, X: Any) -> Any:
        return self.mappings_[name].transform(X)

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        return by_source(
            {name: m._explain(top, source, target) for name, m in self.mappings_.items()}
        )

    @property
    def takes_sparse(self) -> bool:  # type: ignore[override]
        """As the mapping of each source does."""
        return get_tags(self._inner()).input_tags.sparse
