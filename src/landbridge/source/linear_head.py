"""The head of a network as a linear model of the body's representation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import ClassifierTags, RegressorTags
from sklearn.utils.extmath import softmax
from sklearn.utils.metaestimators import available_if


class LinearHead(BaseEstimator):
    """A network's last layer by itself: it predicts from representations (n, k).

    Parameters
    ----------
    weight : ndarray of shape (n_outputs, k)
    bias : ndarray of shape (n_outputs,)
    classes : ndarray of shape (n_outputs,) or None
        ``None`` makes it a regressor.

    Attributes
    ----------
    coef_, intercept_ : ndarray of shape (n_classes, k) and (n_classes,)
        As scikit-learn's linear models have them: for two classes one row, the difference.
    classes_ : ndarray

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.source import LinearHead
    >>> head = LinearHead(np.eye(2), np.zeros(2), np.array(["a", "b"]))
    >>> head.predict(np.array([[2.0, 1.0]])), head.decision_function(np.array([[2.0, 1.0]]))
    (array(['a'], dtype='<U1'), array([-1.]))
    """

    def __init__(self, weight: NDArray, bias: NDArray, classes: NDArray | None):
        self.weight = weight
        self.bias = bias
        self.classes = classes

    def predict(self, X: NDArray) -> NDArray:
        """Labels (n,), or values in regression."""
        found = self._outputs(X)
        if self.classes is None:
            return found[:, 0]
        return self.classes[found.argmax(axis=1)]

    @available_if(lambda self: self.classes is not None)
    def predict_proba(self, X: NDArray) -> NDArray[np.float64]:
        """Probabilities (n, n_classes)."""
        return softmax(self._outputs(X))

    @available_if(lambda self: self.classes is not None)
    def decision_function(self, X: NDArray) -> NDArray[np.float64]:
        """Logits (n, n_classes); for two classes their difference (n,)."""
        found = X @ self.coef_.T + self.intercept_
        return found[:, 0] if len(self.coef_) == 1 else found

    @property
    def coef_(self) -> NDArray[np.float64]:
        """Weights, a row for each class, or one for two."""
        return self._parameters()[0]

    @property
    def intercept_(self) -> NDArray[np.float64]:
        """Intercepts, one for each row of ``coef_``."""
        return self._parameters()[1]

    @property
    def classes_(self) -> NDArray | None:
        """The classes, in the order of the probabilities."""
        return self.classes

    def _parameters(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        weight, bias = self.weight.astype(np.float64), self.bias.astype(np.float64)
        if self.classes is not None and len(self.classes) == 2:
            return weight[1:] - weight[:1], bias[1:] - bias[:1]
        return weight, bias

    def _outputs(self, X: NDArray) -> NDArray[np.float64]:
        return np.asarray(X @ self.weight.T.astype(np.float64) + self.bias, dtype=np.float64)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.classes is None:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        else:
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        return tags
