"""The plain learner of texts: logistic regression, as strong as the rows themselves ask for."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.folds import smallest_class, stratified_folds
from landbridge.domains.parameters import check_number

DENSE_SHARE, MOST_DENSE = 0.25, 2**27
ROUGHLY = 1e-3
"""Fits that only tell strengths apart need not be exact."""


def workable(X: Any) -> Any:
    """Sparse rows that are hardly sparse as dense ones, if they fit: products are quicker."""
    if not issparse(X):
        return X
    size = X.shape[0] * X.shape[1]
    return X.toarray() if X.nnz > DENSE_SHARE * size and size <= MOST_DENSE else X


class TextLogistic(ClassifierMixin, BaseEstimator):
    """Logistic regression whose penalty is chosen by cross-validation on the rows it learns from.

    In a transfer these are rows of the source, and labelled ones of the target: no other label
    is looked at.

    Parameters
    ----------
    strengths : sequence of float, default=(0.1, 1, 10)
        The values of C to try, by held-out log loss; larger fits closer.
    cv : int, default=3
        Folds; where a class has fewer rows than two, C is the second of ``strengths``.
    class_weight : None, "balanced" or dict
        As of scikit-learn's ``LogisticRegression``.

    Attributes
    ----------
    C_ : float
    classes_ : ndarray of shape (n_classes,)
    coef_, intercept_ : ndarray of shape (n_classes, d) and (n_classes,)
        One row where there are two classes.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.text import TextLogistic
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> TextLogistic().fit(X, X[:, 0] > 0).score(X, X[:, 0] > 0)
    1.0
    """

    def __init__(
        self,
        strengths: Any = (0.1, 1.0, 10.0),
        *,
        cv: int = 3,
        class_weight: Any = None,
    ):
        self.strengths = strengths
        self.cv = cv
        self.class_weight = class_weight

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Choose C, then fit on all rows."""
        check_number("cv", self.cv, least=2, whole=True)
        X, y = workable(X), np.asarray(y)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        self.C_ = self._chosen(X, y, weights)
        self.model_ = self._model(self.C_).fit(X, y, sample_weight=weights)
        self.classes_, self.n_features_in_ = self.model_.classes_, X.shape[1]
        return self

    def predict(self, X: Any) -> NDArray:
        """The class of each row."""
        check_is_fitted(self)
        return self.model_.predict(X)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each class."""
        check_is_fitted(self)
        return self.model_.predict_proba(X)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Logits: (n,) where there are two classes."""
        check_is_fitted(self)
        return self.model_.decision_function(X)

    @property
    def coef_(self) -> NDArray[np.float64]:
        """Weights of the features."""
        return self.model_.coef_

    @property
    def intercept_(self) -> NDArray[np.float64]:
        """Intercepts."""
        return self.model_.intercept_

    def _model(self, C: float, tol: float = 1e-4) -> LogisticRegression:
        return LogisticRegression(C=C, tol=tol, max_iter=1000, class_weight=self.class_weight)

    def _chosen(self, X: Any, y: NDArray, weights: NDArray | None) -> float:
        strengths = [float(C) for C in self.strengths]
        n_folds = min(self.cv, smallest_class(y))
        if n_folds < 2 or len(strengths) == 1:
            return strengths[min(1, len(strengths) - 1)]
        losses = np.zeros(len(strengths))
        for rest, held_out in stratified_folds(X, y, n_folds):
            for k, C in enumerate(strengths):
                part = None if weights is None else weights[rest]
                fitted = self._model(C, ROUGHLY).fit(X[rest], y[rest], sample_weight=part)
                shares = None if weights is None else weights[held_out]
                losses[k] += log_loss(
                    y[held_out],
                    fitted.predict_proba(X[held_out]),
                    labels=fitted.classes_,
                    sample_weight=shares,
                )
        return strengths[int(losses.argmin())]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
