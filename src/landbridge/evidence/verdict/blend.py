r"""A weighted mean of several models' predictions, which hedges where few labels tell them apart.

With :math:`\ell_{mi}` the loss of model m on labelled row i, held out, the weights are

.. math:: w_m \propto \exp\left(-\eta \sum_i \ell_{mi}\right),

pseudo-Bayesian model averaging (Geisser & Eddy 1979; Yao, Vehtari, Simpson & Gelman 2018, eq. 8)
with the learning rate :math:`\eta` of a posterior that does not trust its models (Grünwald 2012).
Sums of losses are uncertain themselves, so the weights are averaged over the Bayesian bootstrap of
the rows (Yao et al. 2018, section 3.4), which keeps a model from winning by one row.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains import as_labels, class_names, encode
from landbridge.evidence.verdict.memory import Memory
from landbridge.evidence.verdict.trying import chances_of

RATE = 0.5
N_BOOTSTRAPS = 200
LEAST_CHANCE = 0.01
"""A class is never taken to be less likely than this: a sure model errs, too."""
LEAST_SHARE = 0.25
"""Members that weigh less than this share of an equal part are left out."""


def class_losses(chances: NDArray, codes: NDArray) -> NDArray[np.float64]:
    """Minus the log-probability (n,) of the class that each row has."""
    right = np.take_along_axis(chances, codes[:, None], axis=1)[:, 0]
    return -np.log((1 - LEAST_CHANCE) * right + LEAST_CHANCE / chances.shape[1])


def number_losses(predicted: NDArray, observed: NDArray, scale: float) -> NDArray[np.float64]:
    """Minus the log-density (n,), but for a constant, of numbers with errors of that scale."""
    return 0.5 * ((predicted - observed) / scale) ** 2


def blend_weights(losses: NDArray) -> NDArray[np.float64]:
    """Weights (M,) of models from their losses (M, n) on held-out rows.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.verdict.blend import blend_weights
    >>> blend_weights(np.zeros((2, 8)))
    array([0.5, 0.5])
    >>> blend_weights(np.array([[0.1] * 20, [1.5] * 20])).round(2)
    array([1., 0.])
    """
    n_rows = losses.shape[1]
    shares = n_rows * np.random.default_rng(0).dirichlet(np.ones(n_rows), N_BOOTSTRAPS)
    return softmax(-RATE * (losses @ shares.T), axis=0).mean(axis=1)


def held_out_blend(
    chances: NDArray, observed: NDArray, folds: list[NDArray], classes: NDArray, balance: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions (n, C) of the blend for rows outside of which it was weighed, and its weights.

    Parameters
    ----------
    chances : ndarray of shape (M, n, C)
        What each model predicts out of fold: probabilities, or numbers as one column.
    observed : ndarray of shape (n,)
        The labels.
    folds : list of ndarray
        The rows of each fold of one repeat.
    classes : ndarray
        All classes; empty in regression.
    balance : bool
        Whether all classes count the same, however rare.
    """
    losses = _losses(chances, observed, classes, balance)
    predicted = np.empty(chances.shape[1:])
    for rows in folds:
        rest = np.setdiff1d(np.arange(len(observed)), rows)
        weights = blend_weights(losses[:, rest])
        predicted[rows] = np.tensordot(weights, chances[:, rows], axes=1)
    return predicted, blend_weights(losses)


def _losses(
    chances: NDArray, observed: NDArray, classes: NDArray, balance: bool
) -> NDArray[np.float64]:
    if not len(classes):
        errors = ((chances[..., 0] - observed) ** 2).mean(axis=1)
        scale = float(np.sqrt(max(errors.min(), 1e-24)))
        return number_losses(chances[..., 0], observed, scale)
    codes = encode(observed, classes).astype(int)
    losses = np.array([class_losses(one, codes) for one in chances])
    if balance:
        counts = np.bincount(codes, minlength=len(classes))[codes]
        losses = losses * (len(codes) / (counts * len(np.unique(codes))))
    return losses


class Recorded(BaseEstimator):
    """Stands in for a model whose predictions are there already, so that a scorer can ask it."""

    def __init__(self, chances: NDArray, classes: NDArray):
        self.chances = chances
        self.classes = classes

    @property
    def classes_(self) -> NDArray:
        """The classes."""
        return self.classes

    def fit(self, X: Any, y: Any) -> Self:
        """Nothing."""
        return self

    def predict_proba(self, X: Any) -> NDArray:
        """What was recorded, whatever the rows."""
        return self.chances

    def predict(self, X: Any) -> NDArray:
        """The likeliest class, or the number."""
        return decided(self.chances, self.classes)


class RecordedClassifier(ClassifierMixin, Recorded):
    """Recorded probabilities."""


class RecordedRegressor(RegressorMixin, Recorded):
    """Recorded numbers."""


def decided(chances: NDArray, classes: NDArray) -> NDArray:
    """The likeliest class of each row; without classes the numbers themselves."""
    return classes[chances.argmax(axis=1)] if len(classes) else chances[:, 0]


class Blend(BaseEstimator):
    """The weighted mean of what several transfers predict.

    Parameters
    ----------
    models : list of Transfer
        They are cloned.
    weights : array-like of shape (M,)
        One a model; members of little weight are left out.

    Attributes
    ----------
    models_ : list of fitted Transfer
    weights_ : ndarray
        Of those kept; their sum is one.
    classes_ : ndarray
        The classes of either domain, in classification.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from landbridge import Transfer
    >>> from landbridge.evidence.verdict.blend import Blend
    >>> X = np.arange(6.0)[:, None]
    >>> models = [Transfer(LinearRegression()), Transfer(LinearRegression(), "recentre")]
    >>> blend = Blend(models, [0.5, 0.5]).fit(X, X.ravel(), X + 10.0)
    >>> blend.predict(np.array([[12.0]]))
    array([7.])
    """

    def __init__(self, models: list[Any], weights: Any):
        self.models = models
        self.weights = weights

    def fit(self, Xs: ArrayLike, ys: ArrayLike, Xt: ArrayLike, yt: ArrayLike | None = None) -> Self:
        """Fit every member that counts; rows and labels as in :meth:`Transfer.fit`.

        Steps that several have in common are fitted once.
        """
        weights = np.asarray(self.weights, dtype=float)
        kept = np.flatnonzero(weights >= LEAST_SHARE * weights.sum() / len(weights))
        memory, data = Memory("blend"), (Xs, ys, Xt, yt)
        self.models_ = [memory.fit(self.models[k], data, "all", "all") for k in kept]
        self.weights_ = weights[kept] / weights[kept].sum()
        self.classes_ = np.empty(0)
        if is_classifier(self):
            labels = [] if yt is None else [as_labels(yt, name="yt")]
            self.classes_ = class_names(as_labels(ys, name="ys"), *labels)
        return self

    def predict(self, X: ArrayLike) -> NDArray:
        """Labels of target rows (n, d)."""
        return decided(self._mixed(X), self.classes_)

    @available_if(lambda self: is_classifier(self))
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Probabilities (n, n_classes) of target rows."""
        return self._mixed(X)

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Accuracy, or R² in regression, on target rows."""
        kind = RecordedClassifier if is_classifier(self) else RecordedRegressor
        return float(kind(self._mixed(X), self.classes_).score(X, as_labels(y, name="y")))

    def _mixed(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self)
        rows: Any = X
        asked = [chances_of(model, rows, self.classes_) for model in self.models_]
        return np.tensordot(self.weights_, np.array(asked), axes=1)

    def __sklearn_tags__(self) -> Any:
        tags, ours = super().__sklearn_tags__(), get_tags(self.models[0])
        tags.estimator_type = ours.estimator_type
        tags.classifier_tags, tags.regressor_tags = ours.classifier_tags, ours.regressor_tags
        return tags
