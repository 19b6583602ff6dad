"""Folds of labelled target rows, and what a model sees of each."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

from landbridge.domains import labelled_rows
from landbridge.moments.feature_map import draw_rows


class Data(NamedTuple):
    """Both domains, checked: rows, and labels that are blank where unknown."""

    Xs: Any
    ys: NDArray
    Xt: Any
    yt: NDArray


def repeated_folds(
    y: NDArray, stratified: bool, n_folds: int, n_repeats: int, random_state: int
) -> list[tuple[NDArray, NDArray]]:
    """Training and held-out positions, as many folds as the rarest class allows.

    Where every class has a single row, folds are drawn without regard to classes.
    """
    counts = np.unique(y, return_counts=True)[1] if stratified else np.empty(0)
    if not stratified or counts.max() < 2:
        folds = RepeatedKFold(
            n_splits=min(n_folds, len(y)), n_repeats=n_repeats, random_state=random_state
        )
        return list(folds.split(y))
    k = int(np.clip(counts[counts > 1].min(initial=n_folds), 2, n_folds))
    splitter = RepeatedStratifiedKFold(n_splits=k, n_repeats=n_repeats, random_state=random_state)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # its row is never held in
        return list(splitter.split(np.zeros(len(y)), y))


def held_out(data: Data, rows: NDArray, keeps_rows: bool) -> Data:
    """What is left to learn from when target ``rows`` are held out.

    With ``keeps_rows`` they stay as unlabelled rows, as the rows to predict do in the end;
    otherwise they are gone.
    """
    if keeps_rows:
        labels = data.yt.astype(object)
        labels[rows] = None
        return data._replace(yt=labels)
    rest = np.setdiff1d(np.arange(len(data.yt)), rows)
    return data._replace(Xt=data.Xt[rest], yt=data.yt[rest])


def keeps_rows(data: Data, n_labelled: int, n_folds: int) -> bool:
    """Whether held-out rows may stay unlabelled: where a fold is few beside the unlabelled rows.

    Rows to predict are then like those that a mapping has seen. Where all rows have labels, the
    rows to predict are still to come, and so must a fold be.
    """
    return len(data.yt) - n_labelled >= n_labelled / n_folds


def thinned(data: Data, most: int, random_state: int = 0) -> Data:
    """At most so many source rows, and so many unlabelled target rows, drawn evenly."""
    rng = np.random.default_rng(random_state)
    some = np.sort(draw_rows(len(data.ys), most, rng))
    known = np.array([label is not None and label == label for label in data.yt.tolist()])
    blank = np.flatnonzero(~known)
    drawn = blank[draw_rows(len(blank), most, rng)]
    kept = np.sort(np.concatenate([np.flatnonzero(known), drawn]))
    return Data(data.Xs[some], data.ys[some], data.Xt[kept], data.yt[kept])


def truth_of(data: Data, rows: NDArray) -> tuple[Any, NDArray]:
    """Held-out rows and their labels in a plain type."""
    return data.Xt[rows], labelled_rows(data.Xt[rows], data.yt[rows])[1]
