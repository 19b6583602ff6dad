"""How the labels themselves differ: class shares, observed and estimated, or quantiles."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, ttest_ind
from sklearn.exceptions import ConvergenceWarning

from landbridge.evidence.shift.feature_shift import chi_square_p, kolmogorov_smirnov
from landbridge.evidence.shift.probe import Probe
from landbridge.evidence.shift.two_sample import Z_95
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
    2018). Both hold where the class shares have changed and nothing else has. The interval of
    the former, ``estimated_low`` to ``estimated_high``, takes the source model as it is. That of
    the observed shares, ``observed_low`` to ``observed_high``, is Wilson's; ``p_value`` is a
    chi-square test of source and target labels.

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
    estimates: dict[str, Any] = {
        "target_estimated": None,
        "estimated_low": None,
        "estimated_high": None,
        "bbse": None,
        "condition": None,
    }
    if probe is not None and len(target) >= LEAST_ROWS:
        present = np.unique(source[~np.isnan(source)])
        learned = present if probe.classes is None else present[probe.classes]
        estimates = _estimates(learned, len(classes), probe)
    return {
        "kind": "classification",
        "classes": classes.tolist(),
        "source": _shares(source, len(classes)).tolist(),
        "target_observed": _shares(known, len(classes)).tolist() if len(known) else None,
        **_observed(source, known, len(classes)),
        "n_target_labelled": len(known),
        "method": "EM",
        **estimates,
    }


def number_shift(source: NDArray, target: NDArray) -> dict[str, Any]:
    """Mean, standard deviation and quantiles of the labels of both domains; NaN is unlabelled.

    ``difference`` is the target's mean less the source's in the source's standard deviations, with
    Welch's 95 % interval ``low`` to ``high``, and ``p_value`` the Kolmogorov–Smirnov test's.
    """
    known = target[~np.isnan(target)]
    return {
        "kind": "regression",
        "source": _quantiles(source[~np.isnan(source)]),
        "target_observed": _quantiles(known) if len(known) else None,
        "n_target_labelled": len(known),
        **_difference(source[~np.isnan(source)], known),
    }


def confusion(probe: Probe) -> NDArray[np.float64]:
    """Source rows by true class (row) and class predicted out of fold (column)."""
    n_classes = probe.source.shape[1]
    cells = probe.y * n_classes + probe.source.argmax(axis=1)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes).astype(float)


def _observed(source: NDArray, known: NDArray, n_classes: int) -> dict[str, Any]:
    if not len(known):
        return {"observed_low": None, "observed_high": None, "p_value": None}
    counts = [
        np.bincount(codes[~np.isnan(codes)].astype(int), minlength=n_classes)
        for codes in (source, known)
    ]
    ranges = [binomtest(int(k), len(known)).proportion_ci(method="wilson") for k in counts[1]]
    return {
        "observed_low": [float(one.low) for one in ranges],
        "observed_high": [float(one.high) for one in ranges],
        "p_value": chi_square_p(np.stack(counts)),
    }


def _difference(source: NDArray, known: NDArray) -> dict[str, Any]:
    nothing: dict[str, Any] = {"difference": None, "low": None, "high": None, "p_value": None}
    if not len(known):
        return nothing
    p_value = kolmogorov_smirnov(source, known)[1]
    if min(len(source), len(known)) < 2 or source.std() == 0:
        return nothing | {"p_value": p_value}
    range_ = ttest_ind(known, source, equal_var=False).confidence_interval()
    scale = float(source.std())
    return {
        "difference": float(known.mean() - source.mean()) / scale,
        "low": float(range_.low) / scale,
        "high": float(range_.high) / scale,
        "p_value": p_value,
    }


def share_errors(probabilities: NDArray, priors: NDArray, shares: NDArray) -> NDArray[np.float64]:
    r"""Standard errors of shares estimated by EM, from the curvature of their likelihood.

    With :math:`g_{ik} = p_s(k | x_i) / \pi^s_k`, the information of shares that sum to one is
    :math:`\sum_i g_i g_i^\top / (g_i^\top \pi)^2`, taken along the directions that keep the sum.
    """
    ratio = probabilities / priors
    scaled = ratio / np.maximum(ratio @ shares, np.finfo(float).tiny)[:, None]
    centre = np.eye(len(shares)) - 1 / len(shares)
    covariance = np.linalg.pinv(centre @ (scaled.T @ scaled) @ centre, hermitian=True)
    return np.sqrt(np.maximum(np.diag(covariance), 0.0))


def _estimates(present: NDArray, n_classes: int, probe: Probe) -> dict[str, Any]:
    priors = np.bincount(probe.y) / len(probe.y)
    few = draw_rows(len(probe.target), MAX_ROWS, np.random.default_rng(0))
    predicted = np.bincount(probe.target.argmax(axis=1), minlength=len(priors))
    bbse, condition = bbse_priors(confusion(probe), predicted)
    with warnings.catch_warnings():
        # Where the model hardly tells classes apart EM crawls, and the interval is wide.
        warnings.simplefilter("ignore", ConvergenceWarning)
        shares = em_priors(probe.target[few], priors)
    error = Z_95 * share_errors(probe.target[few], priors, shares)
    return {
        "target_estimated": _placed(shares, present, n_classes),
        "estimated_low": _placed(np.maximum(shares - error, 0.0), present, n_classes),
        "estimated_high": _placed(np.minimum(shares + error, 1.0), present, n_classes),
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
