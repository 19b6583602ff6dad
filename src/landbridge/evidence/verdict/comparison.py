"""Does transfer help? Every model on the same folds of target labels, and the guard's verdict."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone, is_classifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from threadpoolctl import threadpool_limits

from landbridge.domains import as_labels, check_rows, class_names, is_labelled, labelled_rows
from landbridge.evidence.verdict.candidates import (
    SOURCE_ONLY,
    TARGET_ONLY,
    baselines,
    candidate_names,
    make_candidate,
)
from landbridge.evidence.verdict.corrected_test import corrected_interval
from landbridge.evidence.verdict.guard import Verdict, cannot_tell, judge

FEWEST_LABELS = 6
"""With fewer labelled target rows nothing can be compared."""


@dataclass
class Trial:
    """One model of a comparison, and how it did on every fold.

    Attributes
    ----------
    name : str
    role : {"baseline", "candidate"}
    model : estimator
        Unfitted.
    scores : ndarray of shape (J,)
        Its score on each fold, larger is better; empty where it was not scored.
    predicted : ndarray of shape (n_repeats, n_labelled)
        What it predicted out of fold for every labelled target row.
    seconds : float
        Mean time of a fit.
    error : str or None
        Why it could not be scored.
    """

    name: str
    role: str
    model: Any
    scores: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    predicted: NDArray = field(default_factory=lambda: np.empty((0, 0)))
    seconds: float = 0.0
    error: str | None = None


@dataclass
class Comparison:
    """What a comparison found.

    Attributes
    ----------
    metric : str
        The scikit-learn scorer; larger values are better.
    trials : list of Trial
        Every model, baselines first.
    verdict : Verdict
        The guard's decision, and the sentence that says why.
    observed : ndarray of shape (n_labelled,)
        The known target labels, in the order of ``Trial.predicted``.
    n_folds, n_repeats : int
        How they were split; 0 where there were too few.
    warnings : list of str
        What the fits warned of, each once.
    best_ : fitted estimator
        The chosen model, fitted to all rows of both domains.
    """

    metric: str
    trials: list[Trial]
    verdict: Verdict
    observed: NDArray
    n_folds: int
    n_repeats: int
    warnings: list[str]
    best_: Any

    def __getitem__(self, name: str) -> Trial:
        return next(trial for trial in self.trials if trial.name == name)

    def leaderboard(self) -> list[dict[str, Any]]:
        """A row a model, best first: mean score, gain over the baseline, 95 % intervals."""
        rows = [self._row(trial) for trial in self.trials]
        return sorted(rows, key=lambda row: np.inf if row["score"] is None else -row["score"])

    def _row(self, trial: Trial) -> dict[str, Any]:
        names = ("score", "low", "high", "gain", "gain_low", "gain_high")
        figures: tuple[float, ...] = ()
        if len(trial.scores):
            share, best = 1 / (self.n_folds - 1), 0.0 if self.metric.startswith("neg_") else 1.0
            score = corrected_interval(trial.scores, share)
            gains = trial.scores - self[self.verdict.baseline].scores
            figures = (
                score.mean,
                score.low,
                min(score.high, best),
                *corrected_interval(gains, share),
            )
        return {
            "name": trial.name,
            "role": trial.role,
            "mapping": str(trial.model.mapping),
            "learner": type(trial.model.target).__name__,
            **dict.fromkeys(names),
            **dict(zip(names, figures)),
            "p_value": self.verdict.p_values.get(trial.name),
            "seconds": trial.seconds,
            "error": trial.error,
            "chosen": trial.name == self.verdict.chosen,
        }

    def __str__(self) -> str:
        """The leaderboard and the verdict as text."""
        lines = [f"{'model':<22}{self.metric:>22}  {'95 % interval':^16}  {'gain':>7}"]
        for row in self.leaderboard():
            mark = "*" if row["chosen"] else " "
            if row["score"] is None:
                lines.append(f"{mark} {row['name']:<20}{row['error'] or 'not scored':>22}")
                continue
            interval = f"{row['low']:.3f} to {row['high']:.3f}"
            figures = f"{row['score']:>22.3f}  {interval:^16}  {row['gain']:>+7.3f}"
            lines.append(f"{mark} {row['name']:<20}{figures}")
        return "\n".join([*lines, self.verdict.sentence])


def compare(
    Xs: ArrayLike,
    ys: ArrayLike,
    Xt: ArrayLike,
    yt: ArrayLike | None = None,
    *,
    learner: Any,
    candidates: list[str] | dict[str, Any] | None = None,
    metric: str | None = None,
    n_folds: int = 5,
    n_repeats: int = 4,
    level: float = 0.05,
    random_state: int = 0,
    n_jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Fit source only, target only, pooled and every candidate on equal folds, and judge.

    The labelled target rows are split into repeated (stratified) folds. A model learns from the
    source, the labelled target rows outside a fold and the unlabelled ones, and is scored on the
    fold. The guard uses the best model without a mapping unless a candidate beats it beyond the
    noise.

    Parameters
    ----------
    Xs, ys : array-like of shape (n_s, d) and (n_s,)
        Labelled source rows.
    Xt, yt : array-like of shape (n_t, d) and (n_t,)
        Target rows; blank labels are unknown.
    learner : scikit-learn classifier or regressor
        What learns in either domain.
    candidates : list of str or dict of Transfer, optional
        Names for :func:`make_candidate`, or models by name; by default all that suit.
    metric : str, optional
        A scikit-learn scorer; ``"balanced_accuracy"`` or ``"neg_root_mean_squared_error"`` by
        default.
    n_folds, n_repeats : int
        At most as many folds as the rarest class has labelled rows.
    level : float
        One-sided level at which the guard lets a transfer pass.
    random_state : int
        Seed of the folds.
    n_jobs : int, optional
        Processes, as in joblib; each fit has one thread, since fits are many and mostly small.
    progress : callable, optional
        Called with the fits done and their number.

    Raises
    ------
    ValueError
        If a candidate or the metric is unknown, or inputs do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge import compare
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(size=(300, 2)), rng.normal(size=(90, 2))
    >>> ys, yt = Xs[:, 0] > 0, Xt[:, 0] > 0
    >>> found = compare(Xs, ys, Xt + 3, yt, learner=LogisticRegression(), candidates=["coral"])
    >>> found.verdict.baseline
    'target only'
    """
    rows_s, rows_t = check_rows(Xs, "Xs", sparse=True), check_rows(Xt, "Xt", sparse=True)
    labels_s = as_labels(ys, rows_s.shape[0], "ys")
    labels_t = as_labels(
        np.full(rows_t.shape[0], None) if yt is None else yt, rows_t.shape[0], "yt"
    )
    metric = metric or _default_metric(learner)
    scorer = get_scorer(metric)
    known = np.flatnonzero(is_labelled(labels_t))
    observed = labelled_rows(rows_t, labels_t)[1]
    models = _trials(learner, candidates, labels_s, observed)
    reason = _why_not(learner, observed)
    if reason:
        verdict = cannot_tell(reason)
        best = clone(models[0].model).fit(rows_s, labels_s, rows_t, labels_t)
        return Comparison(metric, models, verdict, observed, 0, 0, [], best)

    folds = repeated_folds(observed, is_classifier(learner), n_folds, n_repeats, random_state)
    data = rows_s, labels_s, rows_t, labels_t
    said = _run(models, folds, known, data, scorer, n_jobs, progress)
    scores = {trial.name: trial.scores for trial in models if trial.error is None}
    if SOURCE_ONLY not in scores and TARGET_ONLY not in scores:
        raise ValueError(f"Neither source only nor target only could be fitted: {models[0].error}")
    n_folds = len(folds) // n_repeats
    verdict = judge(scores, 1 / (n_folds - 1), metric, level)
    trial = next(t for t in models if t.name == verdict.chosen)
    best = clone(trial.model).fit(*data)
    return Comparison(metric, models, verdict, observed, n_folds, n_repeats, said, best)


def repeated_folds(
    y: NDArray, stratified: bool, n_folds: int, n_repeats: int, random_state: int
) -> list[tuple[NDArray, NDArray]]:
    """Training and held-out positions, as many folds as the rarest class allows."""
    if not stratified:
        folds = RepeatedKFold(
            n_splits=min(n_folds, len(y)), n_repeats=n_repeats, random_state=random_state
        )
        return list(folds.split(y))
    counts = np.unique(y, return_counts=True)[1]
    k = int(np.clip(counts[counts > 1].min(initial=n_folds), 2, n_folds))
    splitter = RepeatedStratifiedKFold(n_splits=k, n_repeats=n_repeats, random_state=random_state)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # its row is never held in
        return list(splitter.split(np.zeros(len(y)), y))


def _default_metric(learner: Any) -> str:
    return "balanced_accuracy" if is_classifier(learner) else "neg_root_mean_squared_error"


def _trials(learner: Any, candidates: Any, ys: NDArray, observed: NDArray) -> list[Trial]:
    if candidates is None:
        task = "classification" if is_classifier(learner) else "regression"
        n_classes = len(class_names(ys, observed)) if task == "classification" else 0
        candidates = candidate_names(task, n_classes, len(observed) > 0)
    if not isinstance(candidates, dict):
        candidates = {name: make_candidate(name, learner) for name in candidates}
    plain = baselines(learner, len(observed) > 0)
    return [
        *(Trial(name, "baseline", model) for name, model in plain.items()),
        *(Trial(name, "candidate", model) for name, model in candidates.items()),
    ]


def _why_not(learner: Any, observed: NDArray) -> str | None:
    """Why nothing can be compared, if so."""
    if not len(observed):
        return "the target has no labels"
    if len(observed) < FEWEST_LABELS:
        return f"the target has {len(observed)} labelled rows, and {FEWEST_LABELS} are the least"
    if is_classifier(learner) and np.unique(observed, return_counts=True)[1].size < 2:
        return f"all labelled target rows are of one class, {observed.tolist()[0]!r}"
    if is_classifier(learner) and np.unique(observed, return_counts=True)[1].max() < 2:
        return "no class has two labelled target rows"
    return None


def _run(
    trials: list[Trial],
    folds: list[tuple[NDArray, NDArray]],
    known: NDArray,
    data: tuple[Any, NDArray, Any, NDArray],
    scorer: Any,
    n_jobs: int | None,
    progress: Callable[[int, int], None] | None,
) -> list[str]:
    """Fit every model on every fold, write the outcome into its trial, return the warnings."""
    jobs = [(t, f) for t in range(len(trials)) for f in range(len(folds))]
    outcomes = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_fit_and_score)(trials[t].model, known[folds[f][1]], data, scorer) for t, f in jobs
    )
    results: list[list[Any]] = [[] for _ in trials]
    for done, ((t, _), outcome) in enumerate(zip(jobs, outcomes), start=1):
        results[t].append(outcome)
        if progress is not None:
            progress(done, len(jobs))
    for trial, outcome in zip(trials, results):
        _write(trial, outcome, folds, len(known))
    return sorted({message for outcome in results for fold in outcome for message in fold[4]})


def _fit_and_score(
    model: Any, held_out: NDArray, data: tuple[Any, NDArray, Any, NDArray], scorer: Any
) -> tuple[float, NDArray | None, float, str | None, list[str]]:
    """Score, predictions, seconds, error and warnings of one model on one fold."""
    Xs, ys, Xt, yt = data
    rest = np.setdiff1d(np.arange(len(yt)), held_out)
    X, y = Xt[held_out], labelled_rows(Xt[held_out], yt[held_out])[1]
    start = time.perf_counter()
    with threadpool_limits(limits=1), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            fitted = clone(model).fit(Xs, ys, Xt[rest], yt[rest])
            seconds = time.perf_counter() - start
            score, predicted, error = float(scorer(fitted, X, y)), fitted.predict(X), None
        except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as problem:
            seconds, score, predicted, error = 0.0, np.nan, None, str(problem)
    return score, predicted, seconds, error, [str(w.message) for w in said]


def _write(
    trial: Trial, outcome: list[Any], folds: list[tuple[NDArray, NDArray]], n_known: int
) -> None:
    errors = [error for _, _, _, error, _ in outcome if error]
    if errors:
        trial.error = errors[0]
        return
    trial.scores = np.array([score for score, *_ in outcome])
    if not np.isfinite(trial.scores).all():
        trial.scores, trial.error = np.empty(0), "the metric is not defined on every fold"
        return
    trial.seconds = float(np.mean([seconds for _, _, seconds, _, _ in outcome]))
    in_order = np.concatenate([predicted for _, predicted, *_ in outcome])
    positions = np.concatenate([held_out for _, held_out in folds])
    n_repeats = len(positions) // n_known
    repeat = np.repeat(np.arange(n_repeats), n_known)
    trial.predicted = np.empty((n_repeats, n_known), dtype=in_order.dtype)
    trial.predicted[repeat, positions] = in_order
