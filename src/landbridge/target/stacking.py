"""Learn in the target with the source model's predictions as further features."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from landbridge.domains.labels import labelled_rows
from landbridge.mapping.base import Carried
from landbridge.source import fit_learner, has_probabilities
from landbridge.target.base import WrappedLearner
from landbridge.target.blocks import stack_columns


def predictions_as_features(model: Any, X: Any, is_classification: bool) -> NDArray:
    """What a model predicts, as columns: probabilities, else one column a class, else numbers."""
    if not is_classification:
        return model.predict(X)[:, None]
    if has_probabilities(model):
        return model.predict_proba(X)
    return (model.predict(X)[:, None] == model.classes_).astype(float)


class Stacking(WrappedLearner):
    """A learner trained on labelled target rows that also sees what the source model predicts.

    A target row x becomes [x, h(x)], with h the source model's probabilities (predictions, in
    regression): the feature "Pred" of Daumé & Marcu (2006).

    Parameters
    ----------
    learner : scikit-learn classifier or regressor
        It is cloned, never changed.
    source : scikit-learn classifier or regressor, optional
        The source learner, fitted to the carried rows where ``fit`` is given no model; the same
        as ``learner`` by default.

    Attributes
    ----------
    learner_ : fitted classifier or regressor
    source_ : fitted classifier or regressor
        The source model used.
    notes_ : list of str

    Raises
    ------
    ValueError
        If no target row is labelled, all are of one class, or only one is (regression).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import Stacking
    >>> carried = Carried(np.array([[0.0], [1.0]]), np.array([0.0, 2.0]))
    >>> Xt, yt = np.array([[1.0], [2.0], [3.0]]), np.array([3.0, 5.0, np.nan])
    >>> Stacking(LinearRegression()).fit(carried, Xt, yt).predict(Xt)
    array([3., 5., 7.])
    """

    uses_model = True

    def __init__(self, learner: Any, *, source: Any = None):
        self.learner = learner
        self.source = source

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_labels(yt)
        X, y = labelled_rows(Xt, yt)
        self._check_enough(y)
        self.source_ = self._fit_source(carried) if model is None else model
        self._train(self._view(X), y)

    def _fit_source(self, carried: Carried) -> Any:
        learner = self.learner if self.source is None else self.source
        return fit_learner(learner, carried.X, carried.y, carried.sample_weight)

    def _view(self, X: Any) -> Any:
        predicted = predictions_as_features(self.source_, X, is_classifier(self))
        return stack_columns(X, np.asarray(predicted, dtype=X.dtype))
