"""A model of the source: what it predicts, out of fold there and on the target.

Linear, unless kernel features predict the source clearly better out of fold. The checks of label
shift and of concept shift, and the label-free figures, all read this model.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.moments.feature_map import FeatureMap, draw_rows

MAX_ROWS = 10_000
KERNEL_ROWS = 2000
N_LANDMARKS = 200
STRENGTHS = (3.0, 30.0)
"""Inverse penalties of the logistic regression on kernel features, whose rows have length 1."""
PENALTIES = tuple(10.0 ** np.arange(-3, 5))
BETTER, INFORMED = 1.0, 2.0
"""Standard errors by which kernel features must beat the linear model, and a model guessing."""
REACH = 10.0
"""A value further out than ten times the source's span, 1st to 99th percentile, is drawn in."""


@dataclass(frozen=True)
class Probe:
    """Predictions of a source model: probabilities of classes, or numbers.

    ``rows`` (m,) are the source rows it learned from, ``y`` (m,) their labels (in classification
    the position among ``classes``), ``source`` what it predicts for them out of fold, ``target``
    what it predicts for every target row. ``classes`` are the positions that it was given and
    could learn; None where all. ``Xs`` (m, d) and ``Xt`` (n_t, d) are the rows themselves;
    without them all rows weigh the same where mistakes are compared.
    """

    rows: NDArray
    y: NDArray
    source: NDArray
    target: NDArray
    classes: NDArray | None = None
    Xs: NDArray | None = None
    Xt: NDArray | None = None

    @property
    def is_informed(self) -> bool:
        """Whether it predicts its own rows better than guessing, by two standard errors.

        By the covariance, out of fold, of what is so and what it predicts: of class membership
        and probability, summed over the classes, or of two numbers.
        """
        if self.source.ndim == 1:
            gain = (self.y - self.y.mean()) * (self.source - self.source.mean())
        else:
            shares = np.bincount(self.y, minlength=self.source.shape[1]) / len(self.y)
            gain = self.source[np.arange(len(self.y)), self.y] - self.source @ shares
        return _exceeds(gain, INFORMED)


def probe_classes(
    Xs: NDArray, codes: NDArray, Xt: NDArray, *, random_state: int = 0
) -> Probe | None:
    """Logistic regression on labelled source rows; None unless two classes have two rows each.

    ``codes`` (n_s,) are positions of classes, 0 to n_classes - 1, ``NaN`` where unlabelled. A
    class with a single row is left out. At most 10,000 rows are learned from, 2,000 with kernel
    features.
    """
    rows = _labelled(codes, random_state)
    counts = np.bincount(codes[rows].astype(int))
    classes = np.flatnonzero(counts >= 2)
    if len(classes) < 2:
        return None
    rows = rows[counts[codes[rows].astype(int)] >= 2]
    y = np.searchsorted(classes, codes[rows].astype(int))
    linear = LogisticRegression(max_iter=1000)
    kernels = [LogisticRegression(C=C, max_iter=1000) for C in STRENGTHS]
    predicted = _best(linear, kernels, Xs, rows, y, Xt, random_state)
    few, held_out, on_target = predicted
    return Probe(rows[few], y[few], held_out, on_target, classes, Xs[rows[few]], Xt)


def probe_numbers(
    Xs: NDArray, values: NDArray, Xt: NDArray, *, random_state: int = 0
) -> Probe | None:
    """Ridge regression on labelled source rows, at most 10,000; None with fewer than ten.

    With kernel features at most 2,000 are learned from.
    """
    rows = _labelled(values, random_state)
    y = values[rows]
    if len(y) < 10:
        return None
    model = RidgeCV(PENALTIES)
    few, held_out, on_target = _best(model, [model], Xs, rows, y, Xt, random_state)
    return Probe(rows[few], y[few], held_out, on_target, None, Xs[rows[few]], Xt)


def _best(
    linear: Any, kernels: list[Any], Xs: NDArray, rows: NDArray, y: NDArray, Xt: NDArray, seed: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Positions learned from, predictions for them out of fold, and for the target's rows.

    A model on kernel features is taken where its loss is less than the linear one's by more than
    one standard error of their difference, row by row.
    """
    tame_s, tame_t = _drawn_in(Xs[rows], Xt)
    scaled = make_pipeline(StandardScaler(), linear)
    held_out = _held_out(scaled, tame_s, y, seed)
    few = draw_rows(len(rows), KERNEL_ROWS, np.random.default_rng(seed))
    if y.dtype.kind == "i":  # every class keeps two rows at least, as the folds ask
        few = few if np.bincount(y[few], minlength=y.max() + 1).min() >= 2 else np.arange(len(y))
    scaler = StandardScaler().fit(tame_s[few])
    features = FeatureMap(kind="nystroem", n_features=min(N_LANDMARKS, len(few)), random_state=seed)
    Z = scaler.transform(tame_s[few])
    features.fit(Z)
    phi = features.transform(Z)
    guesses = [_held_out(model, phi, y[few], seed) for model in kernels]
    best = int(np.argmin([_losses(guess, y[few]).mean() for guess in guesses]))
    gain = _losses(held_out[few], y[few]) - _losses(guesses[best], y[few])
    if not _exceeds(gain, BETTER):
        return np.arange(len(rows)), held_out, _predict(scaled.fit(tame_s, y), tame_t)
    model = kernels[best].fit(phi, y[few])
    on_target = [
        _predict(model, features.transform(scaler.transform(part)))
        for part in np.array_split(tame_t, max(1, len(tame_t) // MAX_ROWS))
    ]
    return few, guesses[best], np.concatenate(on_target)


def _held_out(model: Any, X: NDArray, y: NDArray, seed: int) -> NDArray:
    if y.dtype.kind != "i":
        return cross_val_predict(model, X, y, cv=KFold(5, shuffle=True, random_state=seed))
    folds = StratifiedKFold(min(5, np.bincount(y).min()), shuffle=True, random_state=seed)
    return cross_val_predict(model, X, y, cv=folds, method="predict_proba")


def _predict(model: Any, X: NDArray) -> NDArray:
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def _losses(predicted: NDArray, y: NDArray) -> NDArray:
    """Each row's squared error, or less the logarithm of its class's probability."""
    if predicted.ndim == 1:
        return (y - predicted) ** 2
    return -np.log(np.maximum(predicted[np.arange(len(y)), y], 1e-12))


def _exceeds(gain: NDArray, n_errors: float) -> bool:
    """Whether the mean is above zero by so many standard errors."""
    return bool(gain.mean() > n_errors * gain.std() / np.sqrt(len(gain)))


def _drawn_in(Xs: NDArray, Xt: NDArray) -> tuple[NDArray, NDArray]:
    """Rows without what lies so far out that it would set the scale for all the others."""
    low, high = np.percentile(Xs, [1, 99], axis=0)
    far = np.where(high > low, REACH * (high - low), np.inf)
    return np.clip(Xs, low - far, high + far), np.clip(Xt, low - far, high + far)


def _labelled(values: NDArray, random_state: int) -> NDArray:
    known = np.flatnonzero(~np.isnan(values))
    return known[draw_rows(len(known), MAX_ROWS, np.random.default_rng(random_state))]
