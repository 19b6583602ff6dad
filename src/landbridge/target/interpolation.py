"""Mix what the source model and a target model predict."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.folds import folds_by_content, smallest_class, stratified_folds
from landbridge.domains.labels import class_names, encode, labelled_rows
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import Carried
from landbridge.source import fit_learner, has_probabilities
from landbridge.target.base import WrappedLearner
from landbridge.target.stacking import predictions_as_features

Folds = list[tuple[NDArray, NDArray]]
HALFWAY = 0.5


def interpolation_weight(source: NDArray, target: NDArray, truth: NDArray) -> float:
    r"""The share of the target's predictions with the least squared error.

    With :math:`s_i, t_i` what both predict and :math:`y_i` the truth,
    :math:`\sum_i \lVert y_i - (1 - \alpha) s_i - \alpha t_i \rVert^2` is least at
    :math:`\alpha = \sum_i \langle t_i - s_i, y_i - s_i \rangle / \sum_i \lVert t_i - s_i \rVert^2`,
    here kept between 0 and 1; a half where both agree everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.target.interpolation import interpolation_weight
    >>> interpolation_weight(np.zeros(2), np.array([4.0, 4.0]), np.array([0.5, 1.5]))
    0.25
    """
    apart = target - source
    size = float((apart**2).sum())
    if size == 0:
        return HALFWAY
    return float(np.clip((apart * (truth - source)).sum() / size, 0.0, 1.0))


def source_model(learner: Any, carried: Carried, model: Any) -> Any:
    """The source model where one is given, else the learner fitted to the carried rows."""
    return fit_learner(learner, *carried) if model is None else model


class LinearInterpolation(WrappedLearner):
    r"""A mixture of the source model and a model of the labelled target rows alone.

    Predicts :math:`(1 - \alpha)\, h_s(x) + \alpha\, h_t(x)`: probabilities of classes, or numbers
    in regression (Daumé 2007, baseline "LinInt"). The one weight needs no tuning: it has the
    least squared error (of probabilities: the Brier score) on labelled target rows, with
    :math:`h_t` out of fold, in closed form.

    Parameters
    ----------
    learner : scikit-learn classifier or regressor
        It is cloned, never changed. One without probabilities has its predicted class count as
        certain.
    source : scikit-learn classifier or regressor, optional
        The source learner, fitted to the carried rows where ``fit`` is given no model; the same
        as ``learner`` by default.
    cv : int, default=5
        Number of folds, at most the labels of the rarest class.

    Attributes
    ----------
    learner_, source_ : fitted classifier or regressor
        Both models of the mixture.
    weight_ : float
        The share α of the target's model, from 0 to 1.
    classes_ : ndarray of shape (n_classes,)
        The classes that either model knows.
    notes_ : list of str

    Raises
    ------
    ValueError
        If no target row is labelled, all are of one class, only one is (regression), or ``cv``
        is below 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target.interpolation import LinearInterpolation
    >>> X = np.arange(20.0)[:, None]
    >>> carried = Carried(X, 3.0 * X.ravel())
    >>> yt = 3.0 * X.ravel() + np.tile([1.0, -1.0], 10)
    >>> learner = LinearInterpolation(LinearRegression()).fit(carried, X, yt)
    >>> round(learner.weight_, 2)
    0.0
    """

    uses_model = True

    def __init__(self, learner: Any, *, source: Any = None, cv: int = 5):
        self.learner = learner
        self.source = source
        self.cv = cv

    def predict(self, X: Any) -> NDArray:
        """The labels (n,) expected for target rows (n, d) in the meeting space."""
        check_is_fitted(self)
        mixed = self._mixed(X)
        return self.classes_[mixed.argmax(axis=1)] if is_classifier(self) else mixed[:, 0]

    @available_if(lambda self: has_probabilities(self.learner))
    def predict_proba(self, X: Any) -> NDArray:
        """The probability (n, n_classes) of each class for target rows (n, d)."""
        check_is_fitted(self)
        return self._mixed(X)

    @property
    def classes_(self) -> NDArray:
        """The classes that either model knows, in the order of the probabilities."""
        return class_names(self.source_.classes_, self.learner_.classes_)

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        check_number("cv", self.cv, least=2, whole=True)
        self._check_labels(yt)
        X, y = labelled_rows(Xt, yt)
        self._check_enough(y)
        learner = self.learner if self.source is None else self.source
        self.source_ = source_model(learner, carried, model)
        self._train(X, y)
        self.weight_ = self._weigh(X, y)

    def _weigh(self, X: Any, y: NDArray) -> float:
        folds = self._folds(X, y)
        if not folds:
            self.notes_.append(
                f"Too few labelled target rows ({len(y)}) to weigh both models: each counts half."
            )
            return HALFWAY
        source = self._ask(self.source_, X)
        target = np.empty_like(source)
        for train, test in folds:
            target[test] = self._ask(fit_learner(self.learner, X[train], y[train]), X[test])
        return interpolation_weight(source, target, self._truth(y))

    def _folds(self, X: Any, y: NDArray) -> Folds:
        """Folds of the labelled rows; none where one would leave too little to learn from."""
        if is_classifier(self):
            n_folds = min(self.cv, smallest_class(y))
            return stratified_folds(X, y, n_folds) if n_folds > 1 else []
        if len(y) <= 2:
            return []
        held_out = folds_by_content(X, y[:, None], min(self.cv, len(y)))
        return [(np.setdiff1d(np.arange(len(y)), test), test) for test in held_out]

    def _truth(self, y: NDArray) -> NDArray[np.float64]:
        if not is_classifier(self):
            return y[:, None]
        return np.eye(len(self.classes_))[encode(y, self.classes_).astype(int)]

    def _mixed(self, X: Any) -> NDArray[np.float64]:
        source, target = (self._ask(model, X) for model in (self.source_, self.learner_))
        return (1 - self.weight_) * source + self.weight_ * target

    def _ask(self, model: Any, X: Any) -> NDArray[np.float64]:
        """What a model predicts, a column for each class that either knows."""
        predicted = predictions_as_features(model, X, is_classifier(self))
        if not is_classifier(self):
            return predicted
        columns = encode(model.classes_, self.classes_).astype(int)
        spread = np.zeros((len(predicted), len(self.classes_)))
        spread[:, columns] = predicted
        return spread
