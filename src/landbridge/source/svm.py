"""A support vector classifier with probabilities, however few rows there are."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.svm import SVC
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from landbridge.domains.folds import smallest_class, stratified_folds


class ProbabilisticSVC(ClassifierMixin, BaseEstimator):
    """A support vector classifier whose margins are turned into probabilities.

    Platt's sigmoid (Platt 1999) is fitted to margins out of fold; where a class has a single row
    nothing can be left out, and it is fitted to the margins of the training rows. The class
    predicted is the most probable one.

    Parameters
    ----------
    C : float, default=1.0
        Cost of an error; larger fits the rows more closely.
    kernel : str, default="rbf"
        As in ``sklearn.svm.SVC``.
    gamma : "scale", "auto" or float, default="scale"
        As in ``sklearn.svm.SVC``.
    cv : int, default=5
        Number of folds, at most the rows of the rarest class.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    calibrated_ : CalibratedClassifierCV
        The fitted classifier.

    Examples
    --------
    >>> from landbridge.source import ProbabilisticSVC
    >>> svm = ProbabilisticSVC().fit([[0.0], [1.0], [4.0], [5.0]], ["low", "low", "high", "high"])
    >>> svm.predict([[0.5]]), svm.predict_proba([[0.5]]).shape
    (array(['low'], dtype='<U4'), (1, 2))
    """

    def __init__(
        self, C: float = 1.0, *, kernel: str = "rbf", gamma: float | str = "scale", cv: int = 5
    ):
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.cv = cv

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the machine and its sigmoid to rows (n, d) and their classes (n,)."""
        X, y = validate_data(self, X, y, accept_sparse="csr")
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"ProbabilisticSVC needs rows of two classes: found one class, {self.classes_[0]}."
            )
        svm, rows = SVC(C=self.C, kernel=self.kernel, gamma=self.gamma), np.arange(len(y))
        n_folds = min(self.cv, smallest_class(y))
        if n_folds < 2:
            base, folds = FrozenEstimator(svm.fit(X, y, sample_weight)), [(rows, rows)]
        else:
            base, folds = svm, stratified_folds(X, y, n_folds)
        calibrated = CalibratedClassifierCV(base, cv=folds, ensemble=False)
        self.calibrated_ = calibrated.fit(X, y, sample_weight=sample_weight)
        return self

    def predict(self, X: Any) -> NDArray:
        """The most probable class of each row."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> NDArray:
        """The probability (n, n_classes) of each class."""
        check_is_fitted(self)
        return self.calibrated_.predict_proba(
            validate_data(self, X, accept_sparse="csr", reset=False)
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
