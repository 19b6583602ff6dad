"""Validators that read the target's accuracy off source rows that look like the target's."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import r2_score

from landbridge.evidence.validation.label_free import importance_weighted_score
from landbridge.evidence.validation.seen import Seen


def source_score(seen: Seen) -> float:
    """Mean recall of the classes on source rows, carried over; R² in regression."""
    return labelled_score(seen, seen.ys, seen.predicted_source)


def weighted_score(seen: Seen) -> float:
    r"""Importance-weighted accuracy on source rows, less the squared error in regression.

    :math:`\sum_i w_i s_i / \sum_i w_i` with the density ratio :math:`w = p_t(x) / p_s(x)` of the
    rows as they came (Sugiyama, Krauledat & Müller 2007): cross-validated where the rows are held
    out. It is the target's where labels depend on rows alike in both domains, and the target is
    where the source is.
    """
    if seen.classifies:
        scores = (seen.predicted_source == seen.ys).astype(np.float64)
    else:
        scores = -seen.losses
    return importance_weighted_score(scores, seen.input_ratios * seen.sample_weight)


def embedded_score(seen: Seen) -> float:
    """Less the loss of deep embedded validation, with ratios of rows where both domains meet."""
    return -embedded_risk(seen.losses, seen.met_ratios)


def embedded_risk(losses: ArrayLike, ratios: ArrayLike) -> float:
    r"""The target's mean loss from source losses (n,) and density ratios w (n,), variance reduced.

    :math:`\text{mean}(w\ell) + \eta\,\text{mean}(w) - \eta` with
    :math:`\eta = -\text{cov}(w\ell, w) / \text{var}(w)`: the mean of w is one, so its error is a
    control variate (You et al. 2019, algorithm 1). The loss is the cross-entropy, the squared
    error in regression.

    Examples
    --------
    >>> round(embedded_risk([2.0, 2.0, 2.0], [0.4, 1.0, 1.9]), 6)
    2.0
    """
    losses, w = np.asarray(losses, np.float64), np.asarray(ratios, np.float64)
    if losses.shape != w.shape or losses.ndim != 1 or len(w) < 2:
        raise ValueError(
            f"losses and ratios must have one value a row, of 2 rows at least: found "
            f"{losses.shape} and {w.shape}."
        )
    weighted = w * losses
    variance = w.var(ddof=1)
    eta = 0.0 if variance == 0 else -float(np.cov(weighted, w, ddof=1)[0, 1] / variance)
    return float(weighted.mean() + eta * w.mean() - eta)


def labelled_score(seen: Seen, truth: NDArray, predicted: NDArray) -> float:
    """Mean recall of the classes that occur; R² in regression."""
    if not seen.classifies:
        numbers = (np.asarray(y, dtype=np.float64) for y in (truth, predicted))
        return float(r2_score(*numbers))
    there = [truth == label for label in sorted(set(truth.tolist()))]
    return float(np.mean([np.mean(predicted[rows] == truth[rows]) for rows in there]))
