"""A plain linear model of the source: what it predicts, out of fold there and on the target.

The checks of label shift and of concept shift, and the label-free figures, all read this model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.moments.feature_map import draw_rows

MAX_ROWS = 10_000
PENALTIES = tuple(10.0 ** np.arange(-3, 5))


@dataclass(frozen=True)
class Probe:
    """Predictions of a source model: probabilities of classes, or numbers.

    ``rows`` (m,) are the source rows it learned from, ``y`` (m,) their labels (a class's
    position, in classification), ``source`` what it predicts for them out of fold, ``target``
    what it predicts for every target row.
    """

    rows: NDArray
    y: NDArray
    source: NDArray
    target: NDArray


def probe_classes(
    Xs: NDArray, codes: NDArray, Xt: NDArray, *, random_state: int = 0
) -> Probe | None:
    """Logistic regression on labelled source rows; None unless two classes have two rows each.

    ``codes`` (n_s,) are positions of classes, 0 to n_classes - 1, ``NaN`` where unlabelled. At
    most 10,000 rows are learned from.
    """
    rows = _labelled(codes, random_state)
    y = codes[rows].astype(int)
    counts = np.bincount(y)
    if len(counts) < 2 or counts.min() < 2:
        return None
    folds = StratifiedKFold(min(5, counts.min()), shuffle=True, random_state=random_state)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    held_out = cross_val_predict(model, Xs[rows], y, cv=folds, method="predict_proba")
    return Probe(rows, y, held_out, model.fit(Xs[rows], y).predict_proba(Xt))


def probe_numbers(
    Xs: NDArray, values: NDArray, Xt: NDArray, *, random_state: int = 0
) -> Probe | None:
    """Ridge regression on labelled source rows, at most 10,000; None with fewer than ten."""
    rows = _labelled(values, random_state)
    y = values[rows]
    if len(y) < 10:
        return None
    folds = KFold(5, shuffle=True, random_state=random_state)
    model = make_pipeline(StandardScaler(), RidgeCV(PENALTIES))
    held_out = cross_val_predict(model, Xs[rows], y, cv=folds)
    return Probe(rows, y, held_out, model.fit(Xs[rows], y).predict(Xt))


def _labelled(values: NDArray, random_state: int) -> NDArray:
    known = np.flatnonzero(~np.isnan(values))
    return known[draw_rows(len(known), MAX_ROWS, np.random.default_rng(random_state))]
