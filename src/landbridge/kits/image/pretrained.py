"""Evidence where a pretrained backbone is the source: its features against handmade ones."""

import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from landbridge.evidence import Comparison, Trial
from landbridge.evidence.verdict.candidates import TARGET_ONLY
from landbridge.evidence.verdict.comparison import FEWEST_LABELS
from landbridge.evidence.verdict.folds import repeated_folds
from landbridge.evidence.verdict.guard import judge
from landbridge.kits.image.transfer import PROBE, PROTOTYPE, target_learner
from landbridge.mapping import Carried

METRIC = "balanced_accuracy"
ROLES = {TARGET_ONLY: "baseline", PROBE: "candidate", PROTOTYPE: "candidate"}


def fit_alone(name: str, learner: Any, X: NDArray, y: NDArray) -> Any:
    """A target learner that has no source rows."""
    way = PROBE if name == TARGET_ONLY else name
    known = np.array([label for label in y.tolist() if label is not None and label == label])
    return target_learner(way, learner).fit(Carried(X[:0], known[:0]), X, y)


def compare_features(
    rows: dict[str, NDArray],
    y: NDArray,
    learner: Any,
    n_folds: int = 5,
    n_repeats: int = 1,
    level: float = 0.05,
    random_state: int = 0,
) -> Comparison | None:
    """Judge the backbone's rows, by probe and prototypes, against a probe on handmade rows.

    Parameters
    ----------
    rows : dict of str to ndarray of shape (n, d)
        Of the same target pictures: ``"target only"``, which no other domain has had a part in,
        ``"probe"`` and ``"prototype"``.
    y : ndarray of shape (n,)
        Labels, blank where unknown; fold by fold the held-out ones are blank too.
    learner : scikit-learn classifier
    n_folds, n_repeats, level, random_state
        As of :func:`landbridge.compare`.

    Returns
    -------
    Comparison or None
        ``None`` where there are too few labels to tell.
    """
    known = np.flatnonzero([label is not None and label == label for label in y.tolist()])
    observed = np.array(y[known].tolist())
    counts = np.unique(observed, return_counts=True)[1]
    if len(known) < FEWEST_LABELS or len(counts) < 2 or (counts > 1).sum() < 2:
        return None
    folds = repeated_folds(observed, True, n_folds, n_repeats, random_state)
    predicted = {name: np.empty((n_repeats, len(known)), dtype=observed.dtype) for name in ROLES}
    scores: dict[str, list[float]] = {name: [] for name in ROLES}
    seconds = dict.fromkeys(ROLES, 0.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
        for k, (_, held_out) in enumerate(folds):
            labels = y.astype(object)
            labels[known[held_out]] = None
            for name in ROLES:
                start = time.perf_counter()
                X = rows[name]
                found = fit_alone(name, learner, X, labels).predict(X[known[held_out]])
                seconds[name] += (time.perf_counter() - start) / len(folds)
                predicted[name][k * n_repeats // len(folds), held_out] = found
                scores[name].append(balanced_accuracy_score(observed[held_out], found))
    per_repeat = len(folds) // n_repeats
    arrays = {name: np.array(values) for name, values in scores.items()}
    verdict = judge(arrays, 1 / (per_repeat - 1), METRIC, level, n_labelled=len(known))
    trials = [
        Trial(name, role, None, arrays[name], predicted[name], seconds[name])
        for name, role in ROLES.items()
    ]
    best = fit_alone(verdict.chosen, learner, rows[verdict.chosen], y)
    return Comparison(METRIC, trials, verdict, observed, per_repeat, n_repeats, [], best)
