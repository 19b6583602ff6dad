"""Feature by feature and class by class, where both domains have labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import class_names, labelled_rows
from landbridge.domains.folds import content_key
from landbridge.mapping.alignment.class_wise import ClassWise, linear_discriminant
from landbridge.mapping.base import check_two_rows
from landbridge.moments import Moments


def spread_within(parts: list[Moments]) -> NDArray[np.float64]:
    """Standard deviations (d,) of the features within classes; zero where no class has two rows."""
    freedom = sum(part.weight * (1 - 1 / part.effective_count) for part in parts)
    squares = np.sum([part.squares for part in parts], axis=0)
    return np.sqrt(squares / freedom) if freedom > 0 else np.zeros(len(squares))


class ClassStandardise(ClassWise):
    r"""Give each class of the source the mean of that class in the target, and its spread.

    A row x of class c becomes :math:`(x - \mu_{s,c}) \cdot \sigma_t / \sigma_s + \mu_{t,c}`,
    feature by feature, with σ the spread within classes, of all classes together, so that a few
    target labels will do. σ_t / σ_s is 1 for a feature that is constant within the classes of
    either domain, and where no class has two labelled target rows. A class without labelled
    target rows moves as the others do on average.

    ``carry`` moves rows by their own class. Rows without label, as in ``transform``, are moved
    by the mean of the classes' maps, weighed by the classes' probabilities in the source under
    Gaussian classes of one covariance.

    Parameters
    ----------
    scale : bool, default=True
        Whether to match the spread too, or the means alone.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        The classes of labelled source rows.
    scale_, shift_ : ndarray of shape (C, d)
        A row of class c is carried to ``scale_[c] * x + shift_[c]``.
    coef_, intercept_ : ndarray of shape (d, C) and (C,)
        Of the classes' log probabilities in the source.
    slopes_ : ndarray of shape (d, d)
        The nearest linear map, for ``explain``.

    Examples
    --------
    >>> from landbridge.mapping import ClassStandardise
    >>> Xs, ys = [[0.0], [2.0], [10.0], [12.0]], ["low", "low", "high", "high"]
    >>> Xt, yt = [[5.0], [9.0], [30.0]], ["low", "low", "high"]
    >>> ClassStandardise().fit(Xs, Xt, ys=ys, yt=yt).carry(Xs, ys).X.ravel()
    array([ 5.,  9., 28., 32.])
    """

    needs_labels = "both"
    cost = "n d² + d³"
    when = "a few target labels of each class, and classes that moved each in a way of its own"

    def __init__(self, scale: bool = True):
        self.scale = scale

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        check_two_rows(self, len(Xs), len(Xt))
        source, target = moments_by_class(Xs, ys, sample_weight), moments_by_class(Xt, yt, None)
        self.classes_ = class_names(np.array(list(source)))
        names = self.classes_.tolist()
        parts = [source[name] for name in names]
        shared = [name for name in names if name in target]
        if not shared:
            raise ValueError(
                f"{type(self).__name__} needs a class that both domains have: ys has {names}, yt "
                f"has {list(target)}. Label target rows of a source class, or use Standardise."
            )
        self.coef_, self.intercept_ = linear_discriminant(parts)
        spreads = [spread_within([of[name] for name in shared]) for of in (source, target)]
        varies = (spreads[0] > 0) & (spreads[1] > 0) & self.scale
        scale = np.divide(spreads[1], spreads[0], out=np.ones(len(varies)), where=varies)
        shift = {name: target[name].mean - scale * source[name].mean for name in shared}
        usual = np.mean(list(shift.values()), axis=0)
        self.scale_ = np.tile(scale, (len(names), 1))
        self.shift_ = np.array([shift.get(name, usual) for name in names])
        self._set_slopes(Xs)


def moments_by_class(X: NDArray, y: NDArray, sample_weight: NDArray | None) -> dict[Any, Moments]:
    """The moments of each class's labelled rows, summed in the order of content."""
    order = np.argsort(content_key(X), kind="stable")
    if sample_weight is not None:
        order = order[sample_weight[order] > 0]
    weights = None if sample_weight is None else labelled_rows(sample_weight[order], y[order])[0]
    rows, labels = labelled_rows(X[order], y[order])
    return Moments.of(rows, labels=labels, sample_weight=weights, dtype=np.float64).classes
