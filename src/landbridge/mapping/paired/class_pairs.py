"""Pairs out of classes: each source row with each target row of its class, and no pair listed."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from landbridge.domains import class_names, common_labels
from landbridge.domains.folds import smallest_class, stratified_folds
from landbridge.domains.parameters import check_choice
from landbridge.mapping.base import PairedMomentMapping, UnpairedMapping, check_folds
from landbridge.mapping.paired.ridge import Ridge
from landbridge.moments import Moments


def class_pair_moments(source: Moments, target: Moments, class_weight: str | None) -> Moments:
    r"""Joint moments of all pairs of one class, out of the moments of each class.

    Class by class as in ``Moments.of_product``, with weights :math:`\omega_c` in proportion to
    :math:`W^s_c W^t_c`, as if all pairs were listed, or the same for all classes, and
    :math:`\sum_c \omega_c` the weight of the source rows. What classes add up to in the sum is
    the cross scatter :math:`\sum_c \omega_c (\mu^s_c - \mu^s)(\mu^t_c - \mu^t)^\top`, at most of
    rank C − 1. There are as many independent pairs as the smaller side has rows.
    """
    both = [(source.classes[c], target.classes[c]) for c in source.classes if c in target.classes]
    sides = np.array([(s.weight, t.weight) for s, t in both])
    shares = np.ones(len(both)) if class_weight == "balanced" else sides.prod(axis=1)
    weights = shares * (sides[:, 0].sum() / shares.sum())
    pairs = Moments.sum([Moments.of_product(*sides, float(w)) for sides, w in zip(both, weights)])
    independent = min(Moments.sum(side).effective_count for side in map(list, zip(*both)))
    pairs.weight_squared = pairs.weight**2 / independent
    return pairs


class Side(NamedTuple):
    """The rows of one domain with a label that both have, and their weights (or ``None``)."""

    X: Any
    y: NDArray
    sample_weight: NDArray | None

    def parts(self, n_parts: int) -> list[Moments]:
        """The moments of each class, in so many parts with a share of every class."""
        folds = [held_out for _, held_out in stratified_folds(self.X, self.y, n_parts)]
        w = self.sample_weight
        return [
            Moments.of(self.X[r], labels=self.y[r], sample_weight=None if w is None else w[r])
            for r in folds
        ]


def side_of(X: Any, y: NDArray, sample_weight: NDArray | None, shared: NDArray) -> Side:
    """The rows of a domain that count, of the classes that are shared."""
    counts = np.isin(y.astype(object), shared.astype(object))
    if sample_weight is not None:
        counts &= sample_weight > 0
    weights = None if sample_weight is None else sample_weight[counts]
    return Side(X if counts.all() else X[counts], np.array(y[counts].tolist()), weights)


class ClassPairs(UnpairedMapping):
    r"""Map between two feature spaces by class: any two rows of one class count as a pair.

    For domains that share neither features nor rows, only classes, with a few labels in the
    target: the setting of several outlooks on one problem (Harel & Mannor 2011; Shi 2010; Zhou
    2014). A paired mapping is fitted to all pairs of a source row and a target row of the same
    class, by their joint moments

    .. math:: S_{xx} = \sum_c \omega_c \left( C^s_c + \delta^s_c {\delta^s_c}^\top \right), \qquad
              S_{xy} = \sum_c \omega_c\, \delta^s_c {\delta^t_c}^\top,

    with the covariance C of each class, the distance δ of its mean from the mean of all, and its
    weight ω: out of the moments of each class, so that no pair is ever listed. With ridge
    regression it is the regression of source rows on the target's class means.

    Parameters
    ----------
    mapping : PairedMomentMapping, optional
        What is fitted to the pairs, such as ``Ridge()``, the default, ``Procrustes()``,
        ``LowRankAffine()``, ``PLS()`` or ``CCA(n_components=C - 1)``. What it leaves to ``"cv"``
        is chosen by leaving out rows of both domains.
    class_weight : {None, "balanced"}, default=None
        ``None`` counts every pair once, ``"balanced"`` every class, whatever its share of the
        rows.

    Attributes
    ----------
    mapping_ : PairedMomentMapping
        The fitted mapping, parameters chosen.
    classes_ : ndarray of shape (C,)
        The classes that both domains have labels of; other rows play no part.

    Notes
    -----
    The cross scatter has rank C − 1 at most: with few classes the map keeps no more than C − 1
    directions, the ones that tell classes apart, and the rest of the target's variety is not
    reached. Numbers as labels of a regression form no classes, and are refused.

    The penalty of ridge regression is on the scale of a sum over source rows.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.paired.class_pairs import ClassPairs
    >>> rng = np.random.default_rng(0)
    >>> ys, yt = np.repeat([0, 1, 2], 50), np.array([0, 0, 1, 1, 2, 2])
    >>> Xs = np.eye(3, 5)[ys] + 0.1 * rng.normal(size=(150, 5))
    >>> Xt = 10 * np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])[yt] + rng.normal(size=(6, 2))
    >>> moved = ClassPairs().fit(Xs, Xt, ys=ys, yt=yt).transform(np.eye(3, 5))
    >>> moved.round(-1) + 0.0
    array([[10.,  0.],
           [ 0., 10.],
           [10., 10.]])
    """

    needs_labels = "both"
    needs_classes = True
    same_features = False
    cost = "n d² + C d², and that of the paired mapping"
    when = "two feature spaces without pairs, three or more classes, a few target labels of each"

    def __init__(
        self, mapping: PairedMomentMapping | None = None, *, class_weight: str | None = None
    ):
        self.mapping = mapping
        self.class_weight = class_weight

    @property
    def meets_between(self) -> bool:  # type: ignore[override]
        """As the paired mapping does."""
        return self._inner().meets_between

    @property
    def is_invertible(self) -> bool:
        """As the paired mapping is."""
        check_is_fitted(self)
        return self.mapping_.is_invertible

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        self._check_parameters()
        ys, yt, _ = common_labels(ys, yt)
        self.classes_ = self._shared(ys, yt, sample_weight)
        source = side_of(Xs, ys, sample_weight, self.classes_)
        target = side_of(Xt, yt, None, self.classes_)
        self.mapping_ = clone(self._inner())
        searched = [k for k, v in self.mapping_.get_params(deep=False).items() if _is_cv(v)]
        if searched:
            self.mapping_.fit_moments(*self._folds(source, target, searched))
            chosen = {name: getattr(self.mapping_, f"{name}_") for name in searched}
            self.mapping_.set_params(**chosen)
        self.mapping_.fit_moments(
            class_pair_moments(source.parts(1)[0], target.parts(1)[0], self.class_weight)
        )

    def _shared(self, ys: NDArray, yt: NDArray, sample_weight: NDArray | None) -> NDArray:
        counted = ys if sample_weight is None else ys[sample_weight > 0]
        shared = np.intersect1d(class_names(counted), class_names(yt))
        if len(shared) < 2:
            raise ValueError(
                "ClassPairs needs rows of two classes or more in both domains: ys has "
                f"{class_names(counted).tolist()}, yt has {class_names(yt).tolist()}. Label target "
                "rows of more classes."
            )
        return shared

    def _folds(self, source: Side, target: Side, searched: Sequence[str]) -> list[Moments]:
        """The pairs within each fold of both domains, or of the source if a target row is alone."""
        n_folds = min(int(self.mapping_.cv), smallest_class(source.y))
        if n_folds < 2:
            raise ValueError(
                f"To choose {' and '.join(searched)} by leaving out rows, ClassPairs needs two "
                "source rows of each class: one class has 1. Give the mapping a number instead."
            )
        rarest = smallest_class(target.y)
        if rarest == 1:
            targets = target.parts(1) * n_folds
        else:
            n_folds = min(n_folds, rarest)
            targets = target.parts(n_folds)
        return [
            class_pair_moments(s, t, self.class_weight)
            for s, t in zip(source.parts(n_folds), targets)
        ]

    def _inner(self) -> PairedMomentMapping:
        return Ridge() if self.mapping is None else self.mapping

    def _check_parameters(self) -> None:
        inner = self._inner()
        if not isinstance(inner, PairedMomentMapping):
            raise TypeError(
                "mapping must be a paired mapping that needs only moments, such as Ridge(), "
                f"Procrustes() or CCA(): found {inner!r}."
            )
        check_choice("class_weight", self.class_weight, (None, "balanced"))
        cv = inner.get_params(deep=False).get("cv", 5)
        if not isinstance(cv, Integral):
            raise ValueError(f"cv of the mapping must be a number of folds: found {cv!r}.")
        check_folds(cv)

    def _map(self, X: Any) -> Any:
        return self.mapping_.transform(X)

    def _map_target(self, X: Any) -> Any:
        return self.mapping_.transform_target(X)

    def _invert(self, X: Any) -> Any:
        return self.mapping_.inverse_transform(X)

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        return self.mapping_._explain(top, source, target)

    @property
    def takes_sparse(self) -> bool:  # type: ignore[override]
        """As the paired mapping does."""
        return get_tags(self._inner()).input_tags.sparse


def _is_cv(value: Any) -> bool:
    return isinstance(value, str) and value == "cv"
