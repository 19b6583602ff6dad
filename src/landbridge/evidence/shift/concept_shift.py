"""Do labels depend on the features in the same way in both domains? A check on target labels.

The source model's mistakes (label less prediction) are laid out against its predictions, in the
source out of fold and in the target: two straight lines. Where labels depend on features alike,
the lines are alike. Both are drawn through rows weighted to where both domains lie (``overlap``):
covariate shift then leaves them alike if either the source model or the weights are right, and
the rows that the source never reached, about which nothing can be known, do not count. The
p-values leave out that model and weights are themselves estimated: read them at the 1% level.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from landbridge.evidence.shift.overlap import overlap_weights, rows_in_common
from landbridge.evidence.shift.probe import Probe
from landbridge.evidence.shift.two_sample import Z_95, permutation_p_value
from landbridge.moments.feature_map import draw_rows
from landbridge.target.label_shift import reweigh_posteriors

LEAST_LABELS = 20
FEW_LABELS = "few labels"
LEAST_IN_COMMON, LEAST_SHARE = 10, 0.1
MAX_ROWS = 2000
MAX_NUMBERS = 10_000
DOMAIN_ROWS = 5000
N_DRAWS = 999
IN_COMMON = 1 + 5 / 4
"""Widens the source's variance for what the models of five folds share (Nadeau & Bengio 2003)."""
CONCEPT_LEVEL = 0.01  # the p-value leaves out the source model's own error

Weights = tuple[NDArray | None, NDArray | None]
"""Of the source's rows and of the target's; None where all weigh the same."""


def class_concept(probe: Probe, target: NDArray, *, random_state: int = 0) -> dict[str, Any] | None:
    """Accuracy in both domains, and whether the mistakes differ; None below 20 target labels.

    ``target`` (n_t,) are positions of the probe's classes, ``NaN`` where unlabelled and -1 for a
    class that the probe does not know. The p-value compares the largest difference over the
    classes with what 999 draws of target labels from the source model's probabilities give; at
    most 2,000 labelled rows are compared. ``n_in_common`` is how many of these
    ``n_compared`` lie where the source does (``rows_in_common``), and ``informed`` whether the
    source model beats guessing.
    """
    rng = np.random.default_rng(random_state)
    known = np.flatnonzero(~np.isnan(target))
    if len(known) < LEAST_LABELS:
        return None
    right = probe.target[known].argmax(axis=1) == target[known]
    right_s = probe.source.argmax(axis=1) == probe.y
    few = known[draw_rows(len(known), MAX_ROWS, rng)]
    codes, weights = target[few].astype(int), _weights(probe, few, random_state)
    return {
        "metric": "accuracy",
        "source": float(right_s.mean()),
        "target": float(right.mean()),
        **_difference(right_s, right),
        "n_target_labelled": len(known),
        "n_compared": len(few),
        "n_in_common": _in_common(weights, len(few)),
        "informed": probe.is_informed,
        "p_value": class_concept_p(probe, probe.target[few], codes, rng, weights),
        "p_value_with_shares": _p_with_shares(probe, codes, few, rng, weights),
    }


def _p_with_shares(
    probe: Probe, codes: NDArray, few: NDArray, rng: np.random.Generator, weights: Weights
) -> float | None:
    """The p-value once the source model knows the target's class shares; None if it lacks one."""
    if (codes < 0).any():
        return None
    n_classes = probe.target.shape[1]
    shares, priors = (np.bincount(y, minlength=n_classes) / len(y) for y in (codes, probe.y))
    predicted = reweigh_posteriors(probe.target[few], priors, shares)
    return class_concept_p(probe, predicted, codes, rng, weights)


def number_concept(
    probe: Probe, target: NDArray, *, random_state: int = 0
) -> dict[str, Any] | None:
    """Mean absolute error in both domains, and whether mistakes or their sizes differ (F tests).

    ``target`` (n_t,) is ``NaN`` where unlabelled; None below 20 target labels. At most 10,000
    labelled rows are compared.
    """
    known = np.flatnonzero(~np.isnan(target))
    if len(known) < LEAST_LABELS:
        return None
    known = known[draw_rows(len(known), MAX_NUMBERS, np.random.default_rng(random_state))]
    wrong_s, wrong_t = probe.y - probe.source, target[known] - probe.target[known]
    weights = _weights(probe, known, random_state)
    return {
        "metric": "mean absolute error",
        "source": float(np.abs(wrong_s).mean()),
        "target": float(np.abs(wrong_t).mean()),
        **_difference(np.abs(wrong_s), np.abs(wrong_t)),
        "n_target_labelled": int((~np.isnan(target)).sum()),
        "n_compared": len(known),
        "n_in_common": _in_common(weights, len(known)),
        "informed": probe.is_informed,
        "p_value": number_concept_p(probe.source, wrong_s, probe.target[known], wrong_t, weights),
        "p_value_with_shares": None,
    }


def concept_found(concept: dict[str, Any] | None) -> bool | None:
    """Whether labels follow another rule; None where that cannot be told.

    It cannot without enough labels, with fewer than ten of them or a tenth where the source lies
    too, and where the source model is no better than guessing and nothing differs.
    """
    if concept is None or _lies_apart(concept):
        return None
    p_values = [concept["p_value"], concept["p_value_with_shares"]]
    if max(p for p in p_values if p is not None) <= CONCEPT_LEVEL:
        return True
    return False if concept.get("informed", True) else None


def why_unknown(facts: dict[str, Any]) -> str:
    """Why it cannot be told whether labels follow another rule; empty where it can."""
    label, concept = facts["label"], facts["concept"]
    if concept_found(concept) is not None:
        return ""
    n = 0 if label is None else label["n_target_labelled"]
    if label is None or n < LEAST_LABELS:
        return FEW_LABELS
    if concept is None:
        return (
            "there is no source model to compare them with: that takes ten labelled source rows "
            "or two classes with two each, and twenty labelled target rows of what it knows"
        )
    if _lies_apart(concept):
        return (
            f"of {concept['n_compared']} labelled target rows, those that lie where the source "
            f"does are worth no more than {concept['n_in_common']:.0f}"
        )
    return "the source model is no better than guessing on the source itself"


def _lies_apart(concept: dict[str, Any]) -> bool:
    n = concept.get("n_compared", 0)
    return bool(n) and concept["n_in_common"] < max(LEAST_IN_COMMON, LEAST_SHARE * n)


def _weights(probe: Probe, compared: NDArray, random_state: int) -> Weights:
    """Overlap weights of the source's rows and of the target's that are compared.

    Unlabelled target rows stand in where few are labelled, to learn better where the target lies.
    """
    if probe.Xs is None or probe.Xt is None:
        return None, None
    others = np.setdiff1d(np.arange(len(probe.Xt)), compared)
    n_more = max(0, DOMAIN_ROWS - len(compared))
    more = others[draw_rows(len(others), n_more, np.random.default_rng(random_state))]
    rows_t = probe.Xt[np.concatenate([compared, more])]
    of_source, of_target = overlap_weights(probe.Xs, rows_t, random_state=random_state)
    return of_source, of_target[: len(compared)]


def _in_common(weights: Weights, n_compared: int) -> float:
    return float(n_compared) if weights[1] is None else rows_in_common(weights[1])


def _difference(source: NDArray, target: NDArray) -> dict[str, float]:
    """95 % interval of the mean in the target less that in the source (Agresti & Caffo 2000).

    One success and one failure more in each, where both are shares, keep it from being empty.
    """
    is_share = source.dtype == bool
    parts = [np.r_[p, 0, 1].astype(float) if is_share else p for p in (source, target)]
    middle = float(parts[1].mean() - parts[0].mean())
    error = Z_95 * float(np.sqrt(sum(p.var() / len(p) for p in parts)))
    return {"difference_low": middle - error, "difference_high": middle + error}


def class_concept_p(
    probe: Probe,
    predicted: NDArray,
    codes: NDArray,
    rng: np.random.Generator,
    weights: Weights = (None, None),
) -> float:
    """P-value that target labels ``codes`` (m,) follow the source model's ``predicted`` (m, C).

    Under the null hypothesis the labels are drawn from the probabilities, and the source's line
    errs by its own covariance. ``weights`` are of the probe's rows and of the target's.
    """
    n_classes = predicted.shape[1]
    drawn = _drawn_labels(predicted, N_DRAWS, rng)
    # In a problem of two classes the second class's mistakes are the first's.
    statistics = [
        _class_distances(probe, k, predicted[:, k], codes == k, drawn == k, rng, weights)
        for k in range(1 if n_classes == 2 else 0, n_classes)
    ]
    return permutation_p_value(np.max(statistics, axis=0))


def number_concept_p(
    score_s: NDArray,
    wrong_s: NDArray,
    score_t: NDArray,
    wrong_t: NDArray,
    weights: Weights = (None, None),
) -> float:
    """P-value that the target's mistakes lie on the source's line, and their sizes too."""
    of_mistakes = _line_p(score_s, wrong_s, score_t, wrong_t, weights)
    of_sizes = _line_p(score_s, np.abs(wrong_s), score_t, np.abs(wrong_t), weights)
    return min(1.0, 2 * min(of_mistakes, of_sizes))


def _line_p(
    score_s: NDArray, wrong_s: NDArray, score_t: NDArray, wrong_t: NDArray, weights: Weights
) -> float:
    centre, scale = score_s.mean(), score_s.std() or 1.0
    line_s, cov_s = _line_and_noise((score_s - centre) / scale, wrong_s, weights[0])
    line_t, cov_t = _line_and_noise((score_t - centre) / scale, wrong_t, weights[1])
    distance = _distances((line_t - line_s)[:, None], IN_COMMON * cov_s + cov_t)[0]
    return float(f_distribution.sf(distance / 2, 2, len(wrong_t) - 2))


def _class_distances(
    probe: Probe,
    k: int,
    p_t: NDArray,
    is_k: NDArray,
    drawn_k: NDArray,
    rng: np.random.Generator,
    weights: Weights,
) -> NDArray:
    """Distance of both domains' lines for class k, as observed and as drawn: (1 + draws,)."""
    p_s = probe.source[:, k]
    wrong_s = (probe.y == k) - p_s
    centre, scale = p_s.mean(), p_s.std() or 1.0
    noise = p_s * (1 - p_s)
    # A model less calibrated than its probabilities claim is given a wider margin.
    claimed = max(float(np.average(noise, weights=weights[0])), 1e-12)
    excess = max(1.0, float(np.average(wrong_s**2, weights=weights[0])) / claimed)
    line_s, cov_s = _lines((p_s - centre) / scale, wrong_s[:, None], noise, weights[0])
    wrong_t = np.column_stack([is_k, drawn_k]) - p_t[:, None]
    line_t, cov_t = _lines((p_t - centre) / scale, wrong_t, p_t * (1 - p_t), weights[1])
    erred = rng.multivariate_normal(np.zeros(2), cov_s, size=drawn_k.shape[1], method="svd").T
    distances = _distances(line_t - np.hstack([line_s, erred]), cov_s + cov_t)
    return distances / np.r_[excess, np.ones(drawn_k.shape[1])]


def _lines(
    score: NDArray, wrong: NDArray, noise: NDArray, weights: NDArray | None
) -> tuple[NDArray, NDArray]:
    """Intercept and slope (2, B) of each column of ``wrong``, and their covariance (2, 2)."""
    design = np.column_stack([np.ones_like(score), score])
    weighted = design if weights is None else design * weights[:, None]
    inverse = np.linalg.pinv(design.T @ weighted)
    return inverse @ (weighted.T @ wrong), inverse @ (weighted.T * noise) @ weighted @ inverse


def _line_and_noise(
    score: NDArray, wrong: NDArray, weights: NDArray | None
) -> tuple[NDArray, NDArray]:
    """A line and its covariance where noise is uneven: HC3 (MacKinnon & White 1985)."""
    w = np.ones_like(score) if weights is None else weights
    design = np.column_stack([np.ones_like(score), score])
    inverse = np.linalg.pinv((design.T * w) @ design)
    line = inverse @ (design.T @ (w * wrong))
    leverage = w * np.einsum("ij,jk,ik->i", design, inverse, design)
    off = w * (wrong - design @ line) / np.maximum(1 - leverage, 1e-3)
    return line, inverse @ (design.T * off**2) @ design @ inverse


def _distances(difference: NDArray, covariance: NDArray) -> NDArray:
    """Squared Mahalanobis length of each column."""
    inverse = np.linalg.pinv(covariance, hermitian=True)
    return (difference * (inverse @ difference)).sum(axis=0)


def _drawn_labels(probabilities: NDArray, n_draws: int, rng: np.random.Generator) -> NDArray:
    """Classes drawn by each row's probabilities: (m, n_draws)."""
    bounds = np.cumsum(probabilities[:, :-1], axis=1)
    chance = rng.random((len(probabilities), n_draws))
    return sum((chance > bounds[:, [k]] for k in range(bounds.shape[1])), np.zeros(chance.shape))
