"""What more target labels would be worth: models at growing numbers of labels."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares
from sklearn.base import is_classifier
from sklearn.metrics import get_scorer

from landbridge.domains import as_labels, check_rows, class_names, is_labelled, labelled_rows
from landbridge.domains.parameters import check_number
from landbridge.evidence.verdict.candidates import (
    SOURCE_ONLY,
    TARGET_ONLY,
    baselines,
    check_model,
    make_candidate,
)
from landbridge.evidence.verdict.comparison import (
    check_learner,
    check_scoring,
    default_metric,
    limits,
)
from landbridge.evidence.verdict.corrected_test import corrected_interval
from landbridge.evidence.verdict.durations import as_seconds, in_seconds
from landbridge.evidence.verdict.folds import Data, held_out, keeps_rows, repeated_folds, truth_of
from landbridge.evidence.verdict.trying import OutOfTime, reason_of, score_apart, time_limit

FEWEST_LABELS = 12
FEWEST_SIZES = 4
FEWEST_FOLDS = 3
LEVEL = 0.05
N_BOOTSTRAPS = 200
LEAST_FIT = 0.5
"""A power law that explains less than this share of the spread between sizes is not followed."""
FARTHEST = 10
"""Nothing is said beyond so many times the labels that there are."""


class Extrapolation(NamedTuple):
    """A score, or a gain, to expect at a number of labels; or the ``reason`` why none is told.

    ``low`` to ``high`` is a 95 % interval; all three are ``NaN`` where there is a reason.
    """

    labels: int
    mean: float
    low: float
    high: float
    reason: str = ""


@dataclass(frozen=True)
class LearningCurve:
    """Scores at growing numbers of target labels.

    Attributes
    ----------
    metric : str
        The scikit-learn scorer; larger is better.
    sizes : ndarray of shape (n_sizes,)
        Numbers of labels learned from.
    scores : dict of name to ndarray of shape (n_sizes, J)
        Scores on each fold; ``NaN`` where a model cannot do with so many labels. A model that the
        time was too short for has those of the first folds.
    test_share : float
        Held-out rows over training rows, for the corrected intervals.
    errors : dict of name to dict of number of labels to str
        Why a model has no score there.
    dropped : dict of name to str
        Why a model was not tried on all folds.
    """

    metric: str
    sizes: NDArray[np.intp]
    scores: dict[str, NDArray[np.float64]] = field(repr=False)
    test_share: float
    errors: dict[str, dict[int, str]] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each model and size: ``model``, ``labels``, ``score``, ``low``, ``high``.

        The 95 % interval stays within what the metric can say; ``error`` is why there is none.
        """
        rows = [
            (name, int(size), *self._interval(scores), self._error(name, int(size)))
            for name, found in self.scores.items()
            for size, scores in zip(self.sizes, found)
        ]
        return pd.DataFrame(rows, columns=["model", "labels", "score", "low", "high", "error"])

    def _interval(self, scores: NDArray) -> NDArray[np.float64]:
        if not len(scores):
            return np.full(3, np.nan)
        found = np.array(corrected_interval(scores, self.test_share))
        return np.clip(found, *limits(self.metric))

    def _error(self, name: str, size: int) -> str | None:
        is_untried = not self.scores[name].shape[1]
        return self.errors.get(name, {}).get(size) or (self.dropped[name] if is_untried else None)

    def worth(self, model: str, more: int) -> Extrapolation:
        """The gain that ``more`` target labels would bring, on top of the most learned from here.

        Raises
        ------
        KeyError
            If there is no curve of that model.
        """
        check_number("more", more, least=1, whole=True)
        if model not in self.scores:
            raise KeyError(f"There is no curve of {model!r}, but of {', '.join(self.scores)}.")
        scores = self.scores[model]
        labels = int(self.sizes[-1]) + int(more)
        reason = self._why_not(model, labels)
        if reason:
            return Extrapolation(labels, np.nan, np.nan, np.nan, reason)
        mean = _gain(self.sizes, scores.mean(axis=1), labels)
        rng = np.random.default_rng(0)
        n = scores.shape[1]
        drawn = [
            _gain(self.sizes, scores[:, rng.integers(0, n, n)].mean(axis=1), labels)
            for _ in range(N_BOOTSTRAPS)
        ]
        # Folds overlap: their spread is too small by the factor of the corrected test.
        wider = np.sqrt(1 + n * self.test_share)
        low, high = mean + wider * (np.quantile(drawn, [0.025, 0.975]) - mean)
        least, most = np.array(limits(self.metric)) - scores[-1].mean()
        found = np.clip([mean, min(low, mean), max(high, mean)], least, most)
        return Extrapolation(labels, *found.tolist())

    def _why_not(self, model: str, labels: int) -> str:
        """Why the curve of a model cannot be followed to so many labels, if so."""
        sizes, scores = self.sizes, self.scores[model]
        if len(sizes) < FEWEST_SIZES:
            return f"the curve has {len(sizes)} sizes, and {FEWEST_SIZES} are the least"
        if labels > FARTHEST * sizes[-1]:
            return f"{labels} labels are more than {FARTHEST} times the {sizes[-1]} there are"
        if scores.shape[1] < FEWEST_FOLDS:
            dropped = self.dropped.get(model, f"it was tried on {scores.shape[1]}")
            return f"{FEWEST_FOLDS} folds are the least, and {dropped}"
        mean = scores.mean(axis=1)
        if not np.isfinite(mean).all():
            why = [f": {reason}" for reason in self.errors.get(model, {}).values()]
            return f"the model has no score at some sizes{''.join(why[:1])}"
        if np.ptp(mean) <= 1e-12:
            return "the score is the same at all sizes"
        a, b, c = power_law(sizes.astype(float), mean)
        left = ((a - b * sizes.astype(float) ** -c - mean) ** 2).sum()
        if left > (1 - LEAST_FIT) * ((mean - mean.mean()) ** 2).sum():
            return "the score does not grow with labels as a power law does"
        return ""


def power_law(sizes: NDArray, scores: NDArray) -> NDArray[np.float64]:
    r"""The curve :math:`a - b\, m^{-c}` of least squared error: (a, b, c), b and c above zero.

    Scores of learners come near their limit a by a power of the number m of rows (Cortes et al.
    1994; Hestness et al. 2017).

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.verdict.learning_curve import power_law
    >>> m = np.array([10.0, 20.0, 40.0, 80.0, 160.0])
    >>> power_law(m, 0.9 - 0.8 * m**-0.5).round(2)
    array([0.9, 0.8, 0.5])
    """
    first, last = scores[0], scores[-1]
    spread = max(np.ptp(scores), 1e-9)
    unit = sizes / sizes[0]

    def error(p: NDArray) -> NDArray:
        return (p[0] - p[1] * unit ** -p[2] - scores) / spread

    bounds = [-np.inf, 0.0, 0.1], [np.inf, np.inf, 2.0]
    start = [last + 0.3 * spread, max(last - first, 0.0) + 0.3 * spread, 0.5]
    a, b, c = least_squares(error, start, bounds=bounds).x
    return np.array([a, b * sizes[0] ** c, c])


def _gain(sizes: NDArray, scores: NDArray, labels: int) -> float:
    _, b, c = power_law(sizes.astype(float), scores)
    return float(b * (sizes[-1] ** -c - labels**-c))


def learning_curve(
    Xs: ArrayLike,
    ys: ArrayLike,
    Xt: ArrayLike,
    yt: ArrayLike,
    *,
    learner: Any,
    models: list[str] | Mapping[str, Any] | None = None,
    n_sizes: int = 5,
    metric: str | None = None,
    n_folds: int = 5,
    n_repeats: int = 2,
    budget: float | str | None = None,
    random_state: int = 0,
) -> LearningCurve:
    """Score models at growing numbers of target labels: what would k more be worth?

    Of the labelled target rows outside a fold, so many keep their labels, drawn evenly from the
    classes and each size holding the smaller ones; the others are as if unlabelled. ``worth``
    follows the curve further by a power law.

    Parameters
    ----------
    Xs, ys, Xt, yt : array-like
        As in :func:`landbridge.compare`.
    learner : scikit-learn classifier or regressor
        What learns in either domain.
    models : list of str or dict of Transfer, optional
        Names of baselines or for :func:`landbridge.make_candidate`, or models by name; by default
        source only and target only.
    n_sizes : int
        Numbers of labels, spaced evenly on a log scale up to all that are not held out.
    metric, n_folds, n_repeats, random_state
        As in :func:`landbridge.compare`.
    budget : float or str, optional
        Time to spend: seconds, or text such as ``"5m"``. The models take it in their order, fold
        by fold; when it is over ``dropped`` says who was not tried on all folds.

    Raises
    ------
    ValueError
        If there are too few labels, a model or the metric is unknown, or none could be fitted.
    TypeError
        If a model does not learn from two domains.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge import learning_curve
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(size=(100, 5)), rng.normal(size=(80, 5))
    >>> ys, yt = Xs[:, 0] > 0, Xt[:, 0] > 1
    >>> curve = learning_curve(Xs, ys, Xt, yt, learner=LogisticRegression(), n_repeats=1)
    >>> curve.sizes.tolist()
    [4, 8, 16, 32, 64]
    """
    check_number("n_sizes", n_sizes, least=2, whole=True)
    check_learner(learner)
    check_scoring(metric, LEVEL, n_folds, n_repeats)
    seconds = as_seconds("budget", budget)
    end = None if seconds is None else time.time() + seconds
    tried = _models(models, learner)
    rows_s, rows_t = check_rows(Xs, "Xs", sparse=True), check_rows(Xt, "Xt", sparse=True)
    labels_t = as_labels(yt, rows_t.shape[0], "yt")
    data = Data(rows_s, as_labels(ys, rows_s.shape[0], "ys"), rows_t, labels_t)
    known, observed = np.flatnonzero(is_labelled(labels_t)), labelled_rows(rows_t, labels_t)[1]
    if len(known) < FEWEST_LABELS:
        raise ValueError(
            f"A learning curve needs {FEWEST_LABELS} labelled target rows or more: yt has "
            f"{len(known)}."
        )
    metric, classifies = metric or default_metric(learner), is_classifier(learner)
    scorer = get_scorer(metric)
    folds = repeated_folds(observed, classifies, n_folds, n_repeats, random_state)
    n_folds = len(folds) // n_repeats
    stays = keeps_rows(data, len(known), n_folds)
    least = 2 * len(class_names(observed)) if classifies else 4
    most = min(len(train) for train, _ in folds)
    sizes = np.unique(np.geomspace(min(least, most // 2), most, n_sizes).round().astype(int))
    rng = np.random.default_rng(random_state)
    orders = [known[train[_evenly(observed[train], classifies, rng)]] for train, _ in folds]

    def score(model: Any, fold: int, size: int) -> float:
        test = known[folds[fold][1]]
        seen = _with_labels(held_out(data, test, True), orders[fold][:size])
        rows = seen if stays else _without(seen, test)
        return score_apart(model, rows, scorer, *truth_of(data, test))

    curve = LearningCurve(metric, sizes, {}, 1 / (n_folds - 1))
    for name, model in tried.items():
        done, curve.errors[name] = _in_time(partial(score, model), len(folds), sizes, end)
        curve.scores[name] = np.reshape(done, (len(done), len(sizes))).T
        if seconds and len(done) < len(folds):
            over = f"the {in_seconds(seconds)} for the curve were over"
            curve.dropped[name] = f"{over} after {len(done)} of {len(folds)} folds"
    if all(len(errors) == len(sizes) for errors in curve.errors.values()):
        raise ValueError(f"No model could be fitted and scored: {_first(curve.errors)}")
    return curve


def _models(models: Any, learner: Any) -> dict[str, Any]:
    plain = baselines(learner, True)
    if isinstance(models, Mapping) and models:
        for name, model in models.items():
            check_model(f"models[{name!r}]", model)
        return dict(models)
    if isinstance(models, str) or not isinstance(models, Iterable | None):
        raise TypeError(
            f"models must be a list of names or a dict of names and models: found {models!r}."
        )
    names = [SOURCE_ONLY, TARGET_ONLY] if models is None else list(dict.fromkeys(models))
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise TypeError(f"models must be named by text: found {odd[0]!r}.")
    if not names:
        raise ValueError("models is empty: give a name, or leave it out.")
    return {name: plain.get(name) or make_candidate(name, learner) for name in names}


def _in_time(
    score: Callable[[int, int], float], n_folds: int, sizes: NDArray, end: float | None
) -> tuple[list[list[float]], dict[int, str]]:
    """The scores at all sizes on the folds that time allows, and why there is none at a size.

    Where a model fails at a size it is not tried there again.
    """
    done: list[list[float]] = []
    errors: dict[int, str] = {}

    def tried(fold: int, size: int) -> float:
        if end is not None and time.time() >= end:
            raise OutOfTime
        if size in errors:
            return np.nan
        try:
            return score(fold, size)
        except (Exception, SystemExit) as problem:  # whatever a model does, the others go on
            errors[size] = reason_of(problem)
            return np.nan

    with suppress(OutOfTime), time_limit(None if end is None else end - time.time()):
        for fold in range(n_folds):
            done.append([tried(fold, size) for size in sizes.tolist()])
    return done, errors


def _first(errors: dict[str, dict[int, str]]) -> str:
    return next(reason for found in errors.values() for reason in found.values())


def _evenly(y: NDArray, classifies: bool, rng: np.random.Generator) -> NDArray[np.intp]:
    """An order of rows in which every beginning has the classes in their shares, nearly."""
    order = rng.permutation(len(y))
    if not classifies:
        return order
    place = np.empty(len(y))
    for name in np.unique(y):
        rows = order[y[order] == name]
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return order[np.argsort(place[order], kind="stable")]


def _with_labels(data: Data, kept: NDArray) -> Data:
    """The same with no target labels but those of these rows."""
    labels = np.full(len(data.yt), None, dtype=object)
    labels[kept] = data.yt[kept]
    return data._replace(yt=labels)


def _without(data: Data, rows: NDArray) -> Data:
    rest = np.setdiff1d(np.arange(len(data.yt)), rows)
    return data._replace(Xt=data.Xt[rest], yt=data.yt[rest])
