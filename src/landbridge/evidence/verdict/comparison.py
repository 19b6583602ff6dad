"""Does transfer help? Every model on the same folds of target labels, and the guard's verdict."""

import uuid
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import get_scorer, get_scorer_names

from landbridge.domains import (
    as_labels,
    check_rows,
    check_same_columns,
    class_names,
    column_names,
    is_labelled,
    labelled_rows,
)
from landbridge.domains.parameters import check_number
from landbridge.domains.wording import listed, nearest
from landbridge.evidence.validation.choice import Choice, change_of, choose_without_labels
from landbridge.evidence.verdict.blend import (
    Blend,
    RecordedClassifier,
    RecordedRegressor,
    held_out_blend,
)
from landbridge.evidence.verdict.candidates import (
    POOLED,
    SOURCE_ONLY,
    TARGET_ONLY,
    baselines,
    candidate_names,
    make_candidate,
    whole_catalogue,
)
from landbridge.evidence.verdict.corrected_test import corrected_interval
from landbridge.evidence.verdict.durations import as_seconds
from landbridge.evidence.verdict.folds import Data, keeps_rows, repeated_folds
from landbridge.evidence.verdict.guard import BLEND, Verdict, cannot_tell, judge
from landbridge.evidence.verdict.memory import fitted_apart
from landbridge.evidence.verdict.race import Rules, Runner, race
from landbridge.evidence.verdict.trying import Ground, OutOfTime, Tried, chances_of, time_limit
from landbridge.mapping import make_mapping

FEWEST_LABELS = 6
"""With fewer labelled target rows nothing can be compared."""
NO_NUMBERS = "its predictions are not all finite numbers"
FEW_ROWS = 50
"""So many target rows show whether a model predicts anything at all."""
EXPLAINS = "explains the target:"
"""How the choice without labels begins where the shift is explained."""
ALL = "all"
"""The name of the whole catalogue."""
USUAL_METRICS = (
    "balanced_accuracy",
    "roc_auc",
    "neg_log_loss",
    "neg_root_mean_squared_error",
    "r2",
)
SHARES = (
    *("accuracy", "balanced_accuracy", "top_k", "average_precision", "roc_auc"),
    *("f1", "precision", "recall", "jaccard"),
)
"""How the names of scorers begin that are never below nought."""


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
        Its score on each fold, larger is better; empty where it was not scored. One that left
        early has those of the first folds.
    predicted : ndarray of shape (n_repeats, n_labelled)
        What it predicted out of fold for every labelled target row.
    seconds : float
        Mean time of a fit.
    error : str or None
        Why it could not be scored.
    dropped : str or None
        Why it was not tried on all folds.
    """

    name: str
    role: str
    model: Any
    scores: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    predicted: NDArray = field(default_factory=lambda: np.empty((0, 0)))
    seconds: float = 0.0
    error: str | None = None
    dropped: str | None = None


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
        for trial in self.trials:
            if trial.name == name:
                return trial
        raise KeyError(f"{name!r} was not compared: {', '.join(t.name for t in self.trials)} were.")

    def leaderboard(self) -> list[dict[str, Any]]:
        """A row a model, best first: mean score, gain over the baseline, 95 % intervals."""
        rows = [self._row(trial) for trial in self.trials]
        return sorted(rows, key=lambda row: np.inf if row["score"] is None else -row["score"])

    def _row(self, trial: Trial) -> dict[str, Any]:
        names = ("score", "low", "high", "gain", "gain_low", "gain_high")
        figures: tuple[float, ...] = ()
        if len(trial.scores):
            share = 1 / (self.n_folds - 1)
            score, (least, most) = corrected_interval(trial.scores, share), limits(self.metric)
            gains = trial.scores - self[self.verdict.baseline].scores[: len(trial.scores)]
            figures = (
                score.mean,
                max(score.low, least),
                min(score.high, most),
                *corrected_interval(gains, share),
            )
        return {
            "name": trial.name,
            "role": trial.role,
            "mapping": str(getattr(trial.model, "mapping", "several")),
            "learner": type(getattr(trial.model, "target", trial.model)).__name__,
            **dict.fromkeys(names),
            **dict(zip(names, figures)),
            "p_value": self.verdict.p_values.get(trial.name),
            "seconds": trial.seconds,
            "folds": len(trial.scores),
            "error": trial.error,
            "dropped": trial.dropped,
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
            lines.append(f"{mark} {row['name']:<20}{figures}{_left(row)}")
        return "\n".join([*lines, self.verdict.sentence])


def _left(row: dict[str, Any]) -> str:
    return f"  {row['dropped']}" if row["dropped"] else ""


def compare(
    Xs: ArrayLike,
    ys: ArrayLike,
    Xt: ArrayLike,
    yt: ArrayLike | None = None,
    *,
    learner: Any,
    candidates: list[str] | dict[str, Any] | str | None = None,
    metric: str | None = None,
    n_folds: int = 5,
    n_repeats: int = 4,
    level: float = 0.05,
    budget: float | str | None = None,
    time_limit: float | str | None = None,
    guard: bool = True,
    blend: bool = False,
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
    candidates : list of str, "all" or dict of Transfer, optional
        Names for :func:`make_candidate`, or models by name; ``"all"`` is the whole catalogue
        without networks. By default a few to try first, and all with a ``budget``.
    metric : str, optional
        A scikit-learn scorer; ``"balanced_accuracy"`` or ``"neg_root_mean_squared_error"`` by
        default.
    n_folds, n_repeats : int
        At most as many folds as the rarest class has labelled rows.
    level : float
        One-sided level at which the guard lets a transfer pass.
    budget : float or str, optional
        Time for the comparison: seconds, or text such as ``"5m"``. With one, all candidates get
        a cheap first look, and those that are worse than the leader beyond chance leave early
        (successive halving by the corrected test). Without, all run all folds.
    time_limit : float or str, optional
        Time that one candidate may take in all; one that takes longer is stopped, and the table
        says so. Threads, such as Dask's, and Windows are only stopped between two folds.
    guard : bool
        Use a candidate only if it beats the best without a mapping beyond the noise; without
        target labels, which nothing can be proved by, source only, and with too few, pooled.
        Without the guard the best score decides, or, without labels, the change that explains
        the target's rows.
    blend : bool
        Add the mean of all models, weighed by held-out labels; it is used where no candidate
        passes the guard, since it is seldom far from the best.
    random_state : int
        Seed of the folds.
    n_jobs : int, optional
        Processes, as in joblib, whose backends (``joblib.parallel_config("dask")``) serve too;
        each fit has one thread, since fits are many and mostly small. With two or more, a
        candidate that crashes its process costs only itself.
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
    check_learner(learner)
    check_scoring(metric, level, n_folds, n_repeats)
    for name, value in (("guard", guard), ("blend", blend)):
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name} must be True or False: found {value!r}.")
    _check_candidates(candidates)
    check_same_columns(column_names(Xs), column_names(Xt))
    rows_s, rows_t = check_rows(Xs, "Xs", sparse=True), check_rows(Xt, "Xt", sparse=True)
    labels_s = as_labels(ys, rows_s.shape[0], "ys")
    labels_t = as_labels(
        np.full(rows_t.shape[0], None) if yt is None else yt, rows_t.shape[0], "yt"
    )
    metric = metric or default_metric(learner)
    scorer = get_scorer(metric)
    known = is_labelled(labels_t)
    observed = labelled_rows(rows_t, labels_t)[1]
    seconds = as_seconds("budget", budget)
    limit = as_seconds("time_limit", time_limit)
    candidates = ALL if candidates is None and seconds is not None else candidates
    models = _models(learner, candidates, labels_s, observed)
    data = Data(rows_s, labels_s, rows_t, labels_t)
    reason = _why_not(learner, observed)
    if reason:
        rest = metric, level, random_state, limit, guard, blend
        return _unproved(reason, models, data, observed, *rest)

    classifies = is_classifier(learner)
    folds = repeated_folds(observed, classifies, n_folds, n_repeats, random_state)
    n_folds = len(folds) // n_repeats
    ground = Ground(
        data,
        [held for _, held in folds],
        class_names(labels_s, observed) if classifies else np.empty(0),
        scorer,
        keeps_rows(data, int(known.sum()), n_folds),
        uuid.uuid4().hex,
    )
    rules = Rules(n_folds, seconds is not None, seconds, limit, level, n_jobs)
    done, said = race(ground, models, rules, progress)
    for runner in models:
        if not all(np.isfinite(tried.chances).all() for tried in runner.tried.values()):
            runner.error = NO_NUMBERS
    if not any(r.is_running for r in models if r.name in (SOURCE_ONLY, TARGET_ONLY)):
        raise ValueError(
            f'Neither source only nor target only could be fitted and scored by "{metric}": '
            f"{models[0].error}. Check rows, labels and learner, or choose another metric."
        )
    if blend:
        models.append(_blend(models, ground, done, n_folds, metric, observed))
    scores = {r.name: r.scores(done) for r in models if r.is_running}
    n_left, n_known = sum(r.dropped is not None for r in models), len(observed)
    verdict = judge(scores, 1 / (n_folds - 1), metric, level, n_left, n_known, guard)
    best = fitted_apart(next(r.model for r in models if r.name == verdict.chosen), data)
    trials = [_trial(runner, ground.folds, n_folds) for runner in models]
    return Comparison(metric, trials, verdict, observed, n_folds, len(done) // n_folds, said, best)


def _unproved(
    reason: str,
    models: list[Runner],
    data: Data,
    observed: NDArray,
    metric: str,
    level: float,
    random_state: int,
    limit: float | None,
    guard: bool,
    blend: bool,
) -> Comparison:
    """What can be had where target labels are too few to score anything.

    The guard learns from all labels there are, without a mapping: the source's only, and it says
    which transfer would explain the target's rows, or, where the target has a few, those of both.
    Without the guard that transfer is used; where nothing explains them, or a few labels are
    there that no rule could weigh, it is with ``blend`` the plain mean of all models.
    """
    trials = [_trial(runner) for runner in models]
    plain = next(r for r in models if r.name == (POOLED if len(observed) else SOURCE_ONLY))
    why = "which learns from the labels of both domains" if len(observed) else ""
    choice = None
    if not len(observed) and is_classifier(models[0].model):
        choice = _explanation(models, trials, data, level, random_state)
    if choice and not guard:
        verdict = cannot_tell(reason, choice.name, choice.reason, FEWEST_LABELS)
        best = choice.model
    elif blend and not guard:
        able = [trial for trial in trials if trial.error is None and _can_fit(trial, data, limit)]
        whole = Blend([trial.model for trial in able], np.ones(len(able)))
        trials.append(Trial(BLEND, "candidate", whole))
        why = f"the plain mean of {len(able)} models, which hedges between them"
        verdict = cannot_tell(reason, BLEND, why, FEWEST_LABELS)
        best = fitted_apart(whole, data)
    else:
        hint = f"{choice.name}, {choice.reason}" if choice and choice.name != SOURCE_ONLY else ""
        verdict = cannot_tell(reason, plain.name, why, FEWEST_LABELS, hint)
        best = fitted_apart(plain.model, data)
    return Comparison(metric, trials, verdict, observed, 0, 0, [], best)


def _explanation(
    models: list[Runner], trials: list[Trial], data: Data, level: float, random_state: int
) -> Choice | None:
    """The simplest change of the source that explains the target's rows, if one does."""
    choice = choose_without_labels(
        {r.name: r.model for r in models if change_of(_mapping(r.model))},
        data.Xs,
        data.ys,
        data.Xt,
        level=level,
        random_state=random_state,
    )
    for trial in trials:
        found = choice.table["error"].get(trial.name)
        trial.error = found if isinstance(found, str) else None
    return choice if EXPLAINS in choice.reason else None


def _can_fit(trial: Trial, data: Data, limit: float | None) -> bool:
    """Whether a model can be fitted to these rows in time; if not, its trial says why."""
    try:
        with warnings.catch_warnings(), time_limit(limit):
            warnings.simplefilter("ignore")
            fitted, some = fitted_apart(trial.model, data), data.Xt[:FEW_ROWS]
            if not np.isfinite(chances_of(fitted, some, class_names(data.ys, data.yt))).all():
                trial.error = NO_NUMBERS
    except OutOfTime:
        trial.error = f"stopped after {limit:.3g} s, the time that one candidate has"
    except (Exception, SystemExit) as problem:  # whatever a candidate does, the others go on
        trial.error = str(problem) or type(problem).__name__
    return trial.error is None


def _mapping(model: Any) -> Any:
    mapping = getattr(model, "mapping", None)
    return make_mapping(mapping) if isinstance(mapping, str) else mapping


def _blend(
    models: list[Runner],
    ground: Ground,
    done: list[int],
    n_folds: int,
    metric: str,
    observed: NDArray,
) -> Runner:
    """The blend of all who ran to the end, tried on the same folds as they were."""
    members = [runner for runner in models if runner.is_running]
    tried: dict[int, Tried] = {}
    weights = []
    for start in range(0, len(done), n_folds):
        repeat = done[start : start + n_folds]
        folds = [ground.folds[fold] for fold in repeat]
        rows = np.concatenate(folds)
        chances = np.stack([np.concatenate([m.tried[f].chances for f in repeat]) for m in members])
        chances = chances[:, np.argsort(rows)]
        balance = metric == "balanced_accuracy"
        mixed, share = held_out_blend(chances, observed, folds, ground.classes, balance)
        weights.append(share)
        for fold, held in zip(repeat, folds):
            tried[fold] = _recorded(ground, mixed[held], held, observed[held])
            seconds = sum(member.tried[fold].seconds for member in members)
            tried[fold] = tried[fold]._replace(seconds=seconds)
    model = Blend([member.model for member in members], np.mean(weights, axis=0))
    return Runner(BLEND, "candidate", model, tried)


def _recorded(ground: Ground, mixed: NDArray, held: NDArray, y: NDArray) -> Tried:
    kind = RecordedClassifier if len(ground.classes) else RecordedRegressor
    model = kind(mixed, ground.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the members' scorers have said it
        score = float(ground.scorer(model, np.zeros((len(held), 1)), y))
    return Tried(score, model.predict(held), mixed, 0.0)


def _trial(runner: Runner, folds: Sequence[NDArray] = (), n_folds: int = 1) -> Trial:
    """The account of a runner; what it predicted is kept for whole repeats."""
    trial = Trial(
        runner.name, runner.role, runner.model, error=runner.error, dropped=runner.dropped
    )
    if runner.error or not runner.tried:
        return trial
    done = sorted(runner.tried)
    trial.scores = runner.scores(done)
    trial.seconds = float(np.mean([runner.tried[fold].seconds for fold in done]))
    positions = np.concatenate([folds[fold] for fold in done])
    in_order = np.concatenate([runner.tried[fold].predicted for fold in done])
    n_repeats = len(done) // n_folds
    repeat = np.repeat(np.arange(n_repeats), len(positions) // n_repeats)
    trial.predicted = np.empty((n_repeats, len(positions) // n_repeats), dtype=in_order.dtype)
    trial.predicted[repeat, positions] = in_order
    return trial


def default_metric(learner: Any) -> str:
    """What models are compared by where nothing is said."""
    return "balanced_accuracy" if is_classifier(learner) else "neg_root_mean_squared_error"


def limits(metric: str) -> tuple[float, float]:
    """The least and the most that a scorer can say."""
    if metric.startswith("neg_"):
        return -np.inf, 0.0
    return 0.0 if metric.startswith(SHARES) else -np.inf, 1.0


def _models(learner: Any, candidates: Any, ys: NDArray, observed: NDArray) -> list[Runner]:
    if candidates is None or candidates == ALL:
        task = "classification" if is_classifier(learner) else "regression"
        n_classes = len(class_names(ys, observed)) if task == "classification" else 0
        names = candidate_names if candidates is None else whole_catalogue
        candidates = names(task, n_classes, len(observed) > 0)
    if not isinstance(candidates, dict):
        candidates = {name: make_candidate(name, learner) for name in candidates}
    plain = baselines(learner, len(observed) > 0)
    return [
        *(Runner(name, "baseline", model) for name, model in plain.items()),
        *(Runner(name, "candidate", model) for name, model in candidates.items()),
    ]


def check_learner(learner: Any) -> None:
    """Refuse what is neither a classifier nor a regressor.

    Raises
    ------
    TypeError
        If it is not.
    """
    if not (hasattr(learner, "fit") and (is_classifier(learner) or is_regressor(learner))):
        raise TypeError(
            "learner must be a scikit-learn classifier or regressor, such as "
            f"LogisticRegression(): found {learner!r}."
        )


def check_scoring(metric: Any, level: Any, n_folds: Any, n_repeats: Any) -> None:
    """Refuse a metric, a level or numbers of folds that nothing can be scored by.

    Raises
    ------
    ValueError
        Naming the argument, what was found and what was expected.
    """
    check_metric(metric)
    check_number("level", level, above=True, below=1.0)
    check_number("n_folds", n_folds, least=2, whole=True)
    check_number("n_repeats", n_repeats, least=1, whole=True)


def check_metric(metric: Any) -> None:
    """Refuse a metric that scikit-learn does not have.

    Raises
    ------
    ValueError
        With the names that are most like it.
    """
    known = get_scorer_names()
    if metric is None or metric in known:
        return
    like = nearest(metric, known) if isinstance(metric, str) else []
    meant = f" the nearest are {listed(like)}; others are" if like else " choose one such as"
    raise ValueError(
        f"Unknown metric {metric!r}:{meant} {listed(USUAL_METRICS)}. Any scorer of scikit-learn "
        "will do, by its name."
    )


def _check_candidates(candidates: Any) -> None:
    if candidates is None or candidates == ALL:
        return
    if isinstance(candidates, str):
        raise ValueError(f"candidates must be a list of names: found the text {candidates!r}.")
    if not isinstance(candidates, Iterable):
        raise TypeError(
            'candidates must be "all", a list of names or a dict of names and models: found '
            f"{candidates!r}."
        )
    odd = [name for name in candidates if not isinstance(name, str)]
    if odd:
        raise TypeError(f"candidates must be named by text: found {odd[0]!r}.")
    taken = [name for name in candidates if name in (SOURCE_ONLY, TARGET_ONLY, POOLED, BLEND)]
    if taken:
        raise ValueError(
            f"{taken[0]!r} is the name of a model that every comparison has: give the candidate "
            "another."
        )


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
