"""A mean picture a class: the plainest learner of few labels, which looks at bare pictures too."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin

from landbridge.domains.labels import class_names, is_labelled, labelled_rows
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import Carried
from landbridge.target import TargetLearner


def prototypes(
    X: NDArray, codes: NDArray, n_classes: int, prior: NDArray, weight: float
) -> NDArray[np.float64]:
    r"""Means (C, d) of the classes, each with a source mean that counts as ``weight`` rows.

    :math:`p_c = \frac{w\, s_c + \sum_{i: y_i = c} x_i}{w + n_c}`; a class without a source mean
    (a row of NaN) has that of its own rows (Snell et al. 2017, eq. 1, where w is 0).
    """
    sums, counts = np.zeros((n_classes, X.shape[1])), np.bincount(codes, minlength=n_classes)
    np.add.at(sums, codes, X)
    known = np.isfinite(prior).all(axis=1)
    share = np.where(known & ((weight > 0) | (counts == 0)), max(weight, 1e-12), 0.0)
    return (sums + share[:, None] * np.where(known[:, None], prior, 0.0)) / (counts + share)[
        :, None
    ]


def typical_variance(residuals: NDArray, free: int) -> float:
    r"""The variance :math:`\mathrm{tr}\,W^2 / \mathrm{tr}\,W` of rows along where they vary.

    W is the covariance of the residuals (n, d), with so many free ones; the chance part of
    :math:`\mathrm{tr}\,W^2`, :math:`(\mathrm{tr}\,W)^2 / \mathrm{free}`, is taken off. Where all
    features vary alike and alone it is their variance, the least it can be; where they go
    together, as those of pictures do, the mean variance of a feature would make distances, and
    so probabilities, far too sure.
    """
    if free < 1:
        return 0.0
    trace = (residuals**2).sum() / free
    n, d = residuals.shape
    product = residuals @ residuals.T if n < d else residuals.T @ residuals
    square = (product**2).sum() / free**2 - trace**2 / free
    return float(max(square, trace**2 / d) / trace) if trace > 0 else 0.0


class Prototypes(ClassifierMixin, TargetLearner):
    r"""Tell pictures by the nearest class mean, refined by those without a label.

    With means :math:`p_c` and the variance :math:`\sigma^2` within classes, along where rows vary
    (:func:`typical_variance`), a row has class c with probability
    :math:`\propto \exp(-\lVert x - p_c\rVert^2 / 2\sigma^2)` (Snell, Swersky & Zemel 2017,
    eq. 2). Unlabelled rows then join the means by these probabilities, so
    often as ``refine`` says: :math:`p_c \leftarrow \frac{w s_c + \sum_i x_i + \sum_j z_{jc} x_j}
    {w + n_c + \sum_j z_{jc}}` (soft k-means; Ren et al. 2018, eq. 3). It needs no target label of
    a class that the source has.

    Parameters
    ----------
    prior : float, default=1.0
        How many target rows the source's mean of a class counts for.
    refine : int, default=1
        How often unlabelled rows refine the means; 0 leaves them out.

    Attributes
    ----------
    means_ : ndarray of shape (n_classes, d)
    variance_ : float
    classes_ : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If there are not two classes, or rows have no spread.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.image import Prototypes
    >>> from landbridge.mapping import Carried
    >>> source = Carried(np.array([[0.0], [1.0], [8.0], [9.0]]), np.array(["a", "a", "b", "b"]))
    >>> model = Prototypes().fit(source, np.array([[2.0], [12.0]]), np.array(["a", "b"]))
    >>> model.means_.ravel(), model.predict(np.array([[5.0], [9.0]]))
    (array([ 1.25, 10.25]), array(['a', 'b'], dtype='<U1'))
    """

    def __init__(self, prior: float = 1.0, refine: int = 1):
        self.prior = prior
        self.refine = refine

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        check_number("prior", self.prior)
        check_number("refine", self.refine, whole=True)
        rows, labels = labelled_rows(Xt, yt)
        self.classes_ = class_names(carried.y, labels)
        if len(self.classes_) < 2:
            raise ValueError(
                f"Prototypes need two classes: found {self.classes_.tolist()}. Label pictures of "
                "another class."
            )
        codes = np.searchsorted(self.classes_, labels)
        source = self._source_means(carried)
        self.means_ = prototypes(rows, codes, len(self.classes_), source, self.prior)
        self.variance_ = self._variance(carried, source, rows, codes)
        bare = Xt[~is_labelled(yt)]
        for _ in range(self.refine if len(bare) else 0):
            self._join(rows, codes, bare, source)

    def _source_means(self, carried: Carried) -> NDArray[np.float64]:
        """The mean of each class, NaN where the source has none."""
        weights = (
            np.ones(len(carried.y)) if carried.sample_weight is None else carried.sample_weight
        )
        means = np.full((len(self.classes_), carried.X.shape[1]), np.nan)
        for k, name in enumerate(self.classes_):
            mine = np.flatnonzero((carried.y == name) & (weights > 0))
            if len(mine):
                means[k] = np.average(carried.X[mine], axis=0, weights=weights[mine])
        return means

    def _variance(self, carried: Carried, source: NDArray, rows: NDArray, codes: NDArray) -> float:
        """The variance within classes, over both domains with means of their own."""
        own = prototypes(rows, codes, len(self.classes_), self.means_, 0.0)
        numbers = np.searchsorted(self.classes_, carried.y)
        rest = np.concatenate([rows - own[codes], carried.X - source[numbers]])
        n_means = len(np.unique(codes)) + len(np.unique(numbers))
        found = typical_variance(rest.astype(np.float64), len(rest) - n_means)
        if found > 0:
            return found
        gaps = ((self.means_[:, None] - self.means_[None]) ** 2).sum(axis=2)
        if not gaps.any():
            raise ValueError(
                "All classes have the same mean: these features cannot tell them apart."
            )
        return float(gaps[gaps > 0].min() / 4)  # of a single row a class: half way to the next

    def _join(self, rows: NDArray, codes: NDArray, bare: NDArray, source: NDArray) -> None:
        """One step of soft k-means."""
        shares = self._shares(bare)
        known = np.isfinite(source).all(axis=1)
        counts = np.bincount(codes, minlength=len(self.classes_)) + self.prior * known
        counts = np.where(counts > 0, counts, 1.0)
        start = prototypes(rows, codes, len(self.classes_), source, self.prior)
        total = counts + shares.sum(axis=0)
        self.means_ = (counts[:, None] * start + shares.T @ bare) / total[:, None]

    def _shares(self, X: NDArray) -> NDArray[np.float64]:
        far = (self.means_**2).sum(axis=1) - 2 * np.asarray(X, dtype=np.float64) @ self.means_.T
        return softmax(-far / (2 * self.variance_), axis=1)

    @property
    def coef_(self) -> NDArray[np.float64]:
        """As scikit-learn's linear models have it: a row a class, the difference of two."""
        rows = self._apart() / self.variance_
        return rows[1:] - rows[:1] if len(rows) == 2 else rows

    @property
    def intercept_(self) -> NDArray[np.float64]:
        """One for each row of ``coef_``."""
        apart, middle = self._apart(), self.means_.mean(axis=0)
        found = -(apart @ middle + (apart**2).sum(axis=1) / 2) / self.variance_
        return found[1:] - found[:1] if len(found) == 2 else found

    def _apart(self) -> NDArray[np.float64]:
        """Means less their middle, so that logits are small: all classes have the rest alike."""
        return self.means_ - self.means_.mean(axis=0)

    def decision_function(self, X: NDArray) -> NDArray[np.float64]:
        """Logits (n, n_classes), of two classes their difference (n,): they are linear in rows."""
        found = np.asarray(X, dtype=np.float64) @ self.coef_.T + self.intercept_
        return found[:, 0] if found.shape[1] == 1 else found

    def predict(self, X: NDArray) -> NDArray:
        """The class of the nearest mean for rows (n, d)."""
        return self.classes_[self._shares(X).argmax(axis=1)]

    def predict_proba(self, X: NDArray) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) for rows (n, d)."""
        return self._shares(X)
