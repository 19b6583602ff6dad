"""Choose the decision threshold for a stated metric."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import get_scorer
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.folds import smallest_class, stratified_folds
from landbridge.domains.labels import class_names, encode, is_labelled
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import Carried
from landbridge.source import has_probabilities
from landbridge.target.base import TargetLearner

N_THRESHOLDS = 200
FEWEST_LABELS = 5

Scorer = Callable[..., float]


class Decisions(ClassifierMixin, BaseEstimator):
    """A classifier whose rows are its predictions: what a scorer sees of a threshold."""

    def __init__(self, classes: NDArray):
        self.classes_ = classes

    def predict(self, X: NDArray) -> NDArray:
        """The rows themselves."""
        return X


def candidate_thresholds(probabilities: NDArray) -> NDArray[np.float64]:
    """A half, and the middles between neighbouring probabilities: at most 200, evenly spread."""
    values = np.unique(probabilities)
    middles = (values[1:] + values[:-1]) / 2
    if len(middles) > N_THRESHOLDS:
        middles = np.quantile(middles, np.linspace(0, 1, N_THRESHOLDS))
    return np.append(0.5, middles)


def best_threshold(
    probabilities: NDArray,
    y: NDArray,
    scorer: Scorer,
    sample_weight: NDArray | None = None,
) -> tuple[float, float]:
    """The threshold with the highest score, and that score; of equals the one nearest a half.

    Parameters
    ----------
    probabilities : ndarray of shape (n,)
        Out-of-fold probabilities of the second of the two classes.
    y : ndarray of shape (n,)
        The classes.
    scorer : scikit-learn scorer
        Of predicted classes; higher is better.
    sample_weight : ndarray of shape (n,), optional
        Row weights, passed to the scorer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import get_scorer
    >>> from landbridge.target import best_threshold
    >>> p, y = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 1])
    >>> threshold, score = best_threshold(p, y, get_scorer("accuracy"))
    >>> round(threshold, 3), round(score, 3)
    (0.25, 1.0)
    """
    classes = np.unique(y)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    decisions = Decisions(classes)
    thresholds = candidate_thresholds(probabilities)
    scores = np.array(
        [
            scorer(decisions, classes[(probabilities >= cut).astype(int)], y, **weights)
            for cut in thresholds
        ]
    )
    best = np.flatnonzero(scores == scores.max())
    nearest = best[np.abs(thresholds[best] - 0.5).argmin()]
    return float(thresholds[nearest]), float(scores[nearest])


class Thresholded(ClassifierMixin, TargetLearner):
    """A target learner for two classes that decides at the threshold best for a stated metric.

    The second class (in sorted order) is predicted where its probability reaches the threshold.
    The threshold is chosen on out-of-fold probabilities of labelled target rows where each class
    has five of them, otherwise on those of carried rows, and never on rows trained on.

    Parameters
    ----------
    inner : TargetLearner
        With ``predict_proba``. It is cloned, never changed.
    metric : str or scorer, default="balanced_accuracy"
        Any scikit-learn scorer of predicted classes, by its name; for text labels and "f1",
        ``make_scorer(f1_score, pos_label=...)``.
    cv : int, default=5
        Number of folds.

    Attributes
    ----------
    inner_ : fitted TargetLearner
    classes_ : ndarray of shape (2,)
    threshold_ : float
    score_ : float
        The metric out of fold at that threshold; flattering by the choice of it.
    notes_ : list of str
        Those of ``inner_``, and on which rows the threshold was chosen.

    Raises
    ------
    ValueError
        If there are not two classes, ``inner`` has no probabilities, a class has too few rows,
        ``cv`` is below 2, or the metric does not judge predicted classes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import Refit, Thresholded
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["ill", "well"], [20, 380])
    >>> carried = Carried(rng.normal(size=(400, 1)) + 2.0 * (y == "well")[:, None], y)
    >>> learner = Thresholded(Refit(LogisticRegression()))
    >>> learner.fit(carried, carried.X, np.full(400, None)).threshold_ > 0.9
    True
    """

    def __init__(
        self, inner: TargetLearner, *, metric: str | Scorer = "balanced_accuracy", cv: int = 5
    ):
        self.inner = inner
        self.metric = metric
        self.cv = cv

    @property
    def uses_model(self) -> bool:  # type: ignore[override]
        """Whether the inner learner looks at the source model."""
        return self.inner.uses_model

    def predict(self, X: Any) -> NDArray:
        """The class (n,) of target rows (n, d) in the meeting space."""
        probabilities = self.predict_proba(X)
        return self.classes_[(probabilities[:, 1] >= self.threshold_).astype(int)]

    @available_if(lambda self: has_probabilities(self.inner))
    def predict_proba(self, X: Any) -> NDArray:
        """The probability (n, 2) of each class, as the inner learner has it."""
        check_is_fitted(self)
        return self.inner_.predict_proba(X)

    @property
    def classes_(self) -> NDArray:
        """Both classes; the second is predicted from the threshold up."""
        return self.inner_.classes_

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check(carried.y, yt)
        self.inner_ = clone(self.inner).fit(carried, Xt, yt, model)
        self.notes_.extend(self.inner_.notes_)
        self.threshold_, self.score_ = self._choose(*self._held_out(carried, Xt, yt, model))

    def _held_out(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> tuple:
        """Out-of-fold probabilities of the second class, the classes, and the rows' weights."""
        n_target, n_carried = (_fewest(y, self.classes_) for y in (yt, carried.y))
        if n_target >= FEWEST_LABELS:
            return self._on_target(carried, Xt, yt, model)
        if n_carried >= 2:
            return self._on_carried(carried, Xt, yt)
        raise ValueError(
            f"Thresholded needs {FEWEST_LABELS} labelled target rows of each class, or two "
            f"carried rows: found {n_target} and {n_carried} of the rarer class. Give it more "
            "rows, or leave the threshold at a half."
        )

    def _on_target(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> tuple:
        rows = np.flatnonzero(is_labelled(yt))
        y = np.array(yt[rows].tolist())
        probabilities = np.empty(len(rows))
        for _, test in stratified_folds(Xt[rows], y, self.cv):
            hidden = yt.copy()
            hidden[rows[test]] = None
            part = clone(self.inner).fit(carried, Xt, hidden, model)
            probabilities[test] = part.predict_proba(Xt[rows[test]])[:, 1]
        self.notes_.append(f"The threshold was chosen on {len(rows)} labelled target rows.")
        return probabilities, y, None

    def _on_carried(self, carried: Carried, Xt: Any, yt: NDArray) -> tuple:
        # Without the source model: it was trained on the very rows that are held out here.
        probabilities = np.empty(len(carried.y))
        n_folds = min(self.cv, smallest_class(carried.y))
        for train, test in stratified_folds(carried.X, carried.y, n_folds):
            part = clone(self.inner).fit(_take(carried, train), Xt, yt)
            probabilities[test] = part.predict_proba(carried.X[test])[:, 1]
        self.notes_.append(
            f"Fewer than {FEWEST_LABELS} labelled target rows in a class: the threshold was "
            f"chosen on {len(carried.y)} carried rows."
        )
        return probabilities, carried.y, carried.sample_weight

    def _choose(
        self, probabilities: NDArray, y: NDArray, weights: NDArray | None
    ) -> tuple[float, float]:
        try:
            return best_threshold(probabilities, y, get_scorer(self.metric), weights)
        except AttributeError as error:
            raise ValueError(
                f"metric must judge predicted classes: {self.metric!r} judges probabilities, "
                "which no threshold changes. Choose one such as balanced_accuracy or f1."
            ) from error

    def _check(self, ys: NDArray, yt: NDArray) -> None:
        if not has_probabilities(self.inner):
            raise ValueError(
                f"Thresholded needs probabilities: {type(self.inner).__name__} has no "
                "predict_proba with this learner. Use LogisticRegression or a forest."
            )
        check_number("cv", self.cv, least=2, whole=True)
        get_scorer(self.metric)  # an unknown name fails before any work starts
        if len(classes := class_names(ys, yt)) != 2:
            raise ValueError(
                f"Thresholded is for two classes: found {len(classes)}, {classes.tolist()}. "
                'Against imbalance of more use class_weight="auto".'
            )


def _fewest(y: NDArray, classes: NDArray) -> int:
    """The number of rows of the rarer class, zero where it does not occur."""
    return int(np.bincount(encode(y, classes)[is_labelled(y)].astype(int), minlength=2).min())


def _take(carried: Carried, rows: NDArray) -> Carried:
    weights = None if carried.sample_weight is None else carried.sample_weight[rows]
    return Carried(carried.X[rows], carried.y[rows], weights)
