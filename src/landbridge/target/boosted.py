"""Go on boosting, on target rows, where the source model stopped."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.labels import class_names, labelled_rows
from landbridge.mapping.base import Carried
from landbridge.moments.feature_map import stack
from landbridge.source import fit_learner, has_probabilities
from landbridge.target.base import WrappedLearner
from landbridge.target.interpolation import source_model
from landbridge.target.stacking import predictions_as_features

CONTINUED_BY = {"xgboost": "xgb_model", "lightgbm": "init_model"}
"""The argument of ``fit`` by which another package goes on from a fitted model."""


CERTAIN, VOTED = 1e-3, 0.1
"""What is mixed into the start from all classes alike: with probabilities, and without."""


class StartingPoint(BaseEstimator):
    """A fitted model as the start of boosting: its probabilities, never quite zero, or numbers.

    Parameters
    ----------
    model : fitted classifier or regressor
        Where its predictions come from.
    """

    def __init__(self, model: Any):
        self.model = model

    def fit(self, X: Any, y: Any) -> Self:
        """Nothing: the model is fitted."""
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The model's probabilities (n, n_classes), mixed with a little of every class."""
        known = predictions_as_features(self.model, X, True)
        floor = CERTAIN if has_probabilities(self.model) else VOTED
        return (1 - floor) * known + floor / known.shape[1]

    def predict(self, X: Any) -> NDArray:
        """What the model predicts (n,): the start in regression."""
        return self.model.predict(X)

    @property
    def classes_(self) -> NDArray:
        """The model's classes."""
        return self.model.classes_

    def __sklearn_is_fitted__(self) -> bool:
        return True


def package_of(learner: Any) -> str:
    """The package that a learner comes from, such as "sklearn" or "xgboost"."""
    return type(learner).__module__.partition(".")[0]


def with_all_classes(
    X: Any, y: NDArray, carried: Carried, classes: NDArray
) -> tuple[Any, NDArray, NDArray | None]:
    """Rows, labels and weights with a carried row of no weight for each class that y lacks."""
    missing = [k for k in classes.tolist() if k not in y.tolist()]
    if not missing:
        return X, y, None
    rows = np.array([np.flatnonzero(carried.y == k)[0] for k in missing])
    weights = np.concatenate([np.ones(len(y)), np.zeros(len(rows))])
    return stack((X, carried.X[rows])), np.concatenate([y, carried.y[rows]]), weights


class BoostedContinuation(WrappedLearner):
    r"""Gradient boosting on labelled target rows that starts from the source model.

    Boosting adds trees to a first guess, :math:`F(x) = F_0(x) + \eta \sum_m t_m(x)` (Friedman
    2001, algorithm 1). Here :math:`F_0` is the source model: its log-odds, or its predictions in
    regression. The trees are fitted to labelled target rows alone, and learn only what the source
    has wrong. A booster of XGBoost or LightGBM goes on with trees of its own kind and parameters.

    Parameters
    ----------
    learner : classifier or regressor
        The source learner, fitted to the carried rows where ``fit`` is given no model. Any of
        scikit-learn's, boosted trees or not; or a booster of XGBoost or LightGBM.
    n_estimators : int, default=50
        The trees to add; more follow the target's labels more closely. XGBoost and LightGBM add
        as many as the learner says.
    learning_rate : float, default=0.1
        The step η of each tree; likewise.
    max_depth : int, default=3
        The depth of each tree; likewise.
    random_state : int, default=0
        Seed of the trees, where splits are equally good.

    Attributes
    ----------
    learner_ : fitted classifier or regressor
        Source and added trees together.
    source_ : fitted classifier or regressor
        What it started from.
    notes_ : list of str

    Raises
    ------
    ValueError
        If no target row is labelled, all are of one class, or one is of a class that the source
        does not have.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target.boosted import BoostedContinuation
    >>> X = np.arange(20.0)[:, None]
    >>> carried = Carried(X, 3.0 * X.ravel())
    >>> yt = 3.0 * X.ravel() + np.where(X.ravel() < 10, 0.0, 7.0)
    >>> learner = BoostedContinuation(LinearRegression()).fit(carried, X, yt)
    >>> learner.predict(X[[2, 15]]).round(1)
    array([ 6., 52.])
    """

    uses_model = True

    def __init__(
        self,
        learner: Any,
        *,
        n_estimators: int = 50,
        learning_rate: float = 0.1,
        max_depth: int = 3,
        random_state: int = 0,
    ):
        self.learner = learner
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.random_state = random_state

    @available_if(lambda self: is_classifier(self))
    def predict_proba(self, X: Any) -> NDArray:
        """The probability (n, n_classes) of each class for target rows (n, d)."""
        check_is_fitted(self)
        return self.learner_.predict_proba(X)

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_labels(yt)
        X, y = labelled_rows(Xt, yt)
        self._check_enough(y)
        same = package_of(model) == package_of(self.learner)
        goes_on = package_of(self.learner) in CONTINUED_BY
        self.source_ = source_model(self.learner, carried, model if same or not goes_on else None)
        weights = None
        if is_classifier(self):
            self._check_classes(y)
            X, y, weights = with_all_classes(X, y, carried, self.source_.classes_)
        self.learner_ = self._go_on(X, y, weights) if goes_on else self._add(X, y, weights)

    def _add(self, X: Any, y: NDArray, weights: NDArray | None) -> Any:
        """Trees of scikit-learn's on top of any model.

        Its histogram boosters do not serve: with ``warm_start`` they compare the bins of new rows
        with thresholds that were set in the bins of the rows before.
        """
        kind = GradientBoostingClassifier if is_classifier(self) else GradientBoostingRegressor
        booster = kind(
            init=FrozenEstimator(StartingPoint(self.source_)),
            n_estimators=self.n_estimators,
            learning_rate=self.learning_rate,
            max_depth=self.max_depth,
            random_state=self.random_state,
        )
        return fit_learner(booster, X, y, weights)

    def _go_on(self, X: Any, y: NDArray, weights: NDArray | None) -> Any:
        """Trees of the learner's own package, on top of its model."""
        earlier = {CONTINUED_BY[package_of(self.learner)]: self.source_}
        return clone(self.learner).fit(X, y, sample_weight=weights, **earlier)

    def _check_classes(self, y: NDArray) -> None:
        known = self.source_.classes_.tolist()
        new = [k for k in class_names(y).tolist() if k not in known]
        if new:
            raise ValueError(
                f"BoostedContinuation goes on with the source's classes, {known}: yt has {new} "
                "besides. Use Pooled or TrAdaBoost, which learn new classes."
            )
