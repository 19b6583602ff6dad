"""How the labels themselves differ: class shares, observed and estimated, or quantiles."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.evidence.shift.probe import Probe
from landbridge.moments.feature_map import draw_rows
from landbridge.moments.priors import bbse_priors, em_priors

MAX_ROWS = 20_000
LEAST_ROWS = 10
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def class_shift(
    classes: NDArray, source: NDArray, target: NDArray, probe: Probe | None
) -> dict[str, Any]:
    """Shares of the classes in the source, among labelled target rows, and in the whole target.

    The whole target's are estimated from the source model's predictions by EM (Saerens, Latinne
    & Decaestecker 2002), over at most 20,000 target rows, and by BBSE (Lipton, Wang & Smola
    2018). Both hold where the class shares have changed and nothing else has.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The classes of both domains.
    source, target : ndarray of shape (n_s,) and (n_t,)
        Positions in ``classes``, ``NaN`` where unlabelled.
    probe : Probe, optional
        The source model, on those of the classes that occur in the source; the estimates are
        None without it, or with fewer than ten target rows.
    """
    known = target[~np.isnan(target)]
    estimates: dict[str, Any] = {"target_estimated": None, "bbse": None, "condition": None}
    if probe is not None and len(target) >= LEAST_ROWS:
        estimates = _estimates(np.unique(source[~np.isnan(source)]), len(classes), probe)
    return {
        "kind": "classification",
        "classes": classes.tolist(),
        "source": _shares(source, len(classes)).tolist(),
        "target_observed": _shares(known, len(classes)).tolist() if len(known) else None,
        "n_target_labelled": len(known),
        "method": "EM",
        **estimates,
    }


def number_shift(source: NDArray, target: NDArray) -> dict[str, Any]:
    """Mean, standard deviation and quantiles of the labels of both domains; NaN is unlabelled."""
    known = target[~np.isnan(target)]
    return {
        "kind": "regression",
        "source": _quantiles(source[~np.isnan(source)]),
        "target_observed": _quantiles(known) if len(known) else None,
        "n_target_labelled": len(known),
    }


def confusion(probe: Probe) -> NDArray[np.float64]:
    """Source rows by true class (row) and class predicted out of fold (column)."""
    n_classes = probe.source.shape[1]
    cells = probe.y * n_classes + probe.source.argmax(axis=1)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes).astype(float)


def _estimates(present: NDArray, n_classes: int, probe: Probe) -> dict[str, Any]:
    priors = np.bincount(probe.y) / len(probe.y)
    few = draw_rows(len(probe.target), MAX_ROWS, np.random.default_rng(0))
    predicted = np.bincount(probe.target.argmax(axis=1), minlength=len(priors))
    bbse, condition = bbse_priors(confusion(probe), predicted)
    return {
        "target_estimated": _placed(em_priors(probe.target[few], priors), present, n_classes),
        "bbse": _placed(bbse, present, n_classes),
        "condition": condition if np.isfinite(condition) else None,
    }


def _placed(shares: NDArray, present: NDArray, n_classes: int) -> list[float]:
    every = np.zeros(n_classes)
    every[present.astype(int)] = shares
    return every.tolist()


def _shares(codes: NDArray, n_classes: int) -> NDArray:
    known = codes[~np.isnan(codes)].astype(int)
    return np.bincount(known, minlength=n_classes) / max(len(known), 1)


def _quantiles(values: NDArray) -> dict[str, float]:
    quantiles = {f"q{round(100 * q):02d}": float(np.quantile(values, q)) for q in QUANTILES}
    return {"mean": float(values.mean()), "std": float(values.std()), **quantiles}
