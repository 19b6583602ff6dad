"""Do labels depend on the features in the same way in both domains? A check on target labels.

The source model's mistakes (label less prediction) are laid out against its predictions, in the
source out of fold and in the target: two straight lines. Where labels depend on features alike,
the lines are alike. Covariate shift by itself leaves them alone as long as the source model is
right where the target lies, so a difference says: either the labels follow other rules, or the
model does not reach that far. Either way it cannot be carried over as it is. The p-values leave
out that the source model is itself estimated, and take a number's noise to be even: read them
at the 1% level.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_distribution

from landbridge.evidence.shift.probe import Probe
from landbridge.evidence.shift.two_sample import Z_95, permutation_p_value
from landbridge.moments.feature_map import draw_rows
from landbridge.target.label_shift import reweigh_posteriors

LEAST_LABELS = 20
MAX_ROWS = 2000
N_DRAWS = 999


def class_concept(probe: Probe, target: NDArray, *, random_state: int = 0) -> dict[str, Any] | None:
    """Accuracy in both domains, and whether the mistakes differ; None below 20 target labels.

    ``target`` (n_t,) are positions of the probe's classes, ``NaN`` where unlabelled and -1 for a
    class that the probe does not know. The p-value compares the largest difference over the
    classes with what 999 draws of target labels from the source model's probabilities give; at
    most 2,000 labelled rows are compared.
    """
    rng = np.random.default_rng(random_state)
    known = np.flatnonzero(~np.isnan(target))
    if len(known) < LEAST_LABELS:
        return None
    right = probe.target[known].argmax(axis=1) == target[known]
    right_s = probe.source.argmax(axis=1) == probe.y
    few = known[draw_rows(len(known), MAX_ROWS, rng)]
    return {
        "metric": "accuracy",
        "source": float(right_s.mean()),
        "target": float(right.mean()),
        **_difference(right_s, right),
        "n_target_labelled": len(known),
        "p_value": class_concept_p(probe, probe.target[few], target[few].astype(int), rng),
        "p_value_with_shares": _p_with_shares(probe, target[few].astype(int), few, rng),
    }


def _p_with_shares(
    probe: Probe, codes: NDArray, few: NDArray, rng: np.random.Generator
) -> float | None:
    """The p-value once the source model knows the target's class shares; None if it lacks one."""
    if (codes < 0).any():
        return None
    n_classes = probe.target.shape[1]
    shares, priors = (np.bincount(y, minlength=n_classes) / len(y) for y in (codes, probe.y))
    predicted = reweigh_posteriors(probe.target[few], priors, shares)
    return class_concept_p(probe, predicted, codes, rng)


def number_concept(probe: Probe, target: NDArray) -> dict[str, Any] | None:
    """Mean absolute error in both domains, and whether mistakes or their sizes differ (F tests).

    ``target`` (n_t,) is ``NaN`` where unlabelled; None below 20 target labels.
    """
    known = ~np.isnan(target)
    if known.sum() < LEAST_LABELS:
        return None
    wrong_s, wrong_t = probe.y - probe.source, target[known] - probe.target[known]
    return {
        "metric": "mean absolute error",
        "source": float(np.abs(wrong_s).mean()),
        "target": float(np.abs(wrong_t).mean()),
        **_difference(np.abs(wrong_s), np.abs(wrong_t)),
        "n_target_labelled": int(known.sum()),
        "p_value": number_concept_p(probe.source, wrong_s, probe.target[known], wrong_t),
        "p_value_with_shares": None,
    }


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
    probe: Probe, predicted: NDArray, codes: NDArray, rng: np.random.Generator
) -> float:
    """P-value that target labels ``codes`` (m,) follow the source model's ``predicted`` (m, C).

    Under the null hypothesis the labels are drawn from the probabilities, and the source's line
    errs by its own covariance.
    """
    n_classes = predicted.shape[1]
    drawn = _drawn_labels(predicted, N_DRAWS, rng)
    # In a problem of two classes the second class's mistakes are the first's.
    statistics = [
        _class_distances(probe, k, predicted[:, k], codes == k, drawn == k, rng)
        for k in range(1 if n_classes == 2 else 0, n_classes)
    ]
    return permutation_p_value(np.max(statistics, axis=0))


def number_concept_p(
    score_s: NDArray, wrong_s: NDArray, score_t: NDArray, wrong_t: NDArray
) -> float:
    """P-value that the target's mistakes lie on the source's line, and their sizes too."""
    of_mistakes = _line_p(score_s, wrong_s, score_t, wrong_t)
    of_sizes = _line_p(score_s, np.abs(wrong_s), score_t, np.abs(wrong_t))
    return min(1.0, 2 * min(of_mistakes, of_sizes))


def _line_p(score_s: NDArray, wrong_s: NDArray, score_t: NDArray, wrong_t: NDArray) -> float:
    centre, scale = score_s.mean(), score_s.std() or 1.0
    line_s, cov_s = _line_and_noise((score_s - centre) / scale, wrong_s)
    line_t, cov_t = _line_and_noise((score_t - centre) / scale, wrong_t)
    distance = _distances((line_t - line_s)[:, None], cov_s + cov_t)[0]
    return float(f_distribution.sf(distance / 2, 2, len(wrong_t) - 2))


def _class_distances(
    probe: Probe, k: int, p_t: NDArray, is_k: NDArray, drawn_k: NDArray, rng: np.random.Generator
) -> NDArray:
    """Distance of both domains' lines for class k, as observed and as drawn: (1 + draws,)."""
    p_s = probe.source[:, k]
    wrong_s = (probe.y == k) - p_s
    centre, scale = p_s.mean(), p_s.std() or 1.0
    noise = p_s * (1 - p_s)
    # A model less calibrated than its probabilities claim is given a wider margin.
    excess = max(1.0, float(np.mean(wrong_s**2) / max(noise.mean(), 1e-12)))
    line_s, cov_s = _lines((p_s - centre) / scale, wrong_s[:, None], noise)
    wrong_t = np.column_stack([is_k, drawn_k]) - p_t[:, None]
    line_t, cov_t = _lines((p_t - centre) / scale, wrong_t, p_t * (1 - p_t))
    erred = rng.multivariate_normal(np.zeros(2), cov_s, size=drawn_k.shape[1], method="svd").T
    distances = _distances(line_t - np.hstack([line_s, erred]), cov_s + cov_t)
    return distances / np.r_[excess, np.ones(drawn_k.shape[1])]


def _lines(score: NDArray, wrong: NDArray, noise: NDArray) -> tuple[NDArray, NDArray]:
    """Intercept and slope (2, B) of each column of ``wrong``, and their covariance (2, 2)."""
    design = np.column_stack([np.ones_like(score), score])
    inverse = np.linalg.pinv(design.T @ design)
    return inverse @ (design.T @ wrong), inverse @ (design.T * noise) @ design @ inverse


def _line_and_noise(score: NDArray, wrong: NDArray) -> tuple[NDArray, NDArray]:
    """A line and its covariance where the noise is even along it."""
    line, unit = _lines(score, wrong[:, None], np.ones_like(score))
    off = wrong - line[0] - line[1] * score
    return line[:, 0], unit * (off @ off) / (len(wrong) - 2)


def _distances(difference: NDArray, covariance: NDArray) -> NDArray:
    """Squared Mahalanobis length of each column."""
    inverse = np.linalg.pinv(covariance, hermitian=True)
    return (difference * (inverse @ difference)).sum(axis=0)


def _drawn_labels(probabilities: NDArray, n_draws: int, rng: np.random.Generator) -> NDArray:
    """Classes drawn by each row's probabilities: (m, n_draws)."""
    bounds = np.cumsum(probabilities[:, :-1], axis=1)
    chance = rng.random((len(probabilities), n_draws))
    return sum((chance > bounds[:, [k]] for k in range(bounds.shape[1])), np.zeros(chance.shape))
