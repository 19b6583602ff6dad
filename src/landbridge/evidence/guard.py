"""The guard against negative transfer: keep the baseline unless transfer is better beyond noise."""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from landbridge.evidence.corrected_test import (
    Interval,
    corrected_error,
    corrected_interval,
)

N_DRAWS = 20_000


@dataclass(frozen=True)
class Verdict:
    """Whether transfer helps, and which model to use.

    Attributes
    ----------
    outcome : {"helps", "no evidence", "hurts", "unknown"}
    sentence : str
        The answer to "did the transfer help, or hurt?".
    details : list of str
        What it rests on.
    baseline, chosen : str
        The better model without transfer, and the one to use.
    gain : Interval or None
        Gain of the best candidate over the baseline, with its 95 % interval.
    p_value : float or None
        One-sided, of the best candidate, adjusted for the number of candidates.
    level : float
        The level at which the guard lets a transfer pass.
    """

    outcome: str
    sentence: str
    details: list[str]
    baseline: str
    chosen: str
    gain: Interval | None = None
    p_value: float | None = None
    level: float = 0.05
    p_values: dict[str, float] = field(default_factory=dict)


def simultaneous_p_values(differences: NDArray, test_share: float) -> NDArray[np.float64]:
    r"""One-sided p-values of "not above zero" for each column, for all columns at once.

    The largest of K correlated t-statistics is compared with what it would be if no candidate
    were better: :math:`P(\max_k T_k \geq t)` under a multivariate t with the correlations of the
    fold differences (single-step max-T; Hothorn, Bretz & Westfall 2008, section 3), each
    t corrected for overlapping folds. Alike candidates cost little, unlike Bonferroni's rule.

    Parameters
    ----------
    differences : ndarray of shape (J, K)
        Gains over the baseline, a row a fold and a column a candidate.
    test_share : float
        Held-out rows over training rows.
    """
    J, K = differences.shape
    errors = np.array([corrected_error(column, test_share) for column in differences.T])
    means = differences.mean(axis=0)
    certain = np.where(means > 0, np.inf, -np.inf)
    t = np.divide(means, errors, out=certain, where=errors > 0)
    centred = differences - means
    scale = np.sqrt((centred**2).sum(axis=0))
    standard = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0)
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((N_DRAWS, J)) @ standard  # correlated as the columns are
    normal[:, scale == 0] = -np.inf  # a column without spread is certain, and not by chance
    chi = np.sqrt(rng.chisquare(J - 1, N_DRAWS) / (J - 1))
    largest = np.sort((normal / chi[:, None]).max(axis=1))
    single = stats.t.sf(t, J - 1)
    simultaneous = (1 + N_DRAWS - np.searchsorted(largest, t)) / (1 + N_DRAWS)
    return np.where(np.isinf(t), single, np.clip(simultaneous, single, K * single)).clip(max=1.0)


def judge(
    scores: MappingOf[str, NDArray],
    baseline_names: list[str],
    test_share: float,
    metric: str,
    level: float = 0.05,
) -> Verdict:
    """Decide between the better baseline and the candidates, from their scores on equal folds.

    Parameters
    ----------
    scores : mapping from name to ndarray of shape (J,)
        Scores on J folds (larger is better) of every model that could be fitted.
    baseline_names : list of str
        Which of them do without a transfer.
    test_share : float
        Held-out rows over training rows, for the corrected test.
    metric : str
        Its name, for the sentence.
    level : float
        One-sided level at which a candidate must beat the baseline.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.guard import judge
    >>> base = np.array([0.70, 0.72, 0.69, 0.71, 0.70])
    >>> verdict = judge({"source only": base, "coral": base + [0.1, 0.12, 0.09, 0.1, 0.11]},
    ...                 ["source only"], test_share=0.25, metric="accuracy")
    >>> verdict.outcome, verdict.chosen
    ('helps', 'coral')
    """
    here = [name for name in baseline_names if name in scores]
    baseline = max(here, key=lambda name: scores[name].mean())
    names = [name for name in scores if name not in baseline_names]
    if not names:
        return Verdict(
            "no evidence", f"No transfer could be tried: use {baseline}.", [], baseline, baseline
        )
    differences = np.column_stack([scores[name] - scores[baseline] for name in names])
    p_values = dict(zip(names, simultaneous_p_values(differences, test_share).tolist()))
    better = [name for name in names if p_values[name] <= level]
    best = max(better or names, key=lambda name: scores[name].mean())
    gain = corrected_interval(scores[best] - scores[baseline], test_share)
    outcome = "helps" if better else "hurts" if gain.high < 0 else "no evidence"
    return Verdict(
        outcome,
        _sentence(outcome, best, baseline, gain, metric),
        [
            f"{best} gains {gain.mean:+.3f} in {metric} over {baseline}, the better of "
            f"{' and '.join(here)}; 95 % interval {gain.low:+.3f} to {gain.high:+.3f}.",
            f"One-sided p = {p_values[best]:.3g}, corrected for overlapping folds (Nadeau & "
            f"Bengio 2003) and for looking at {len(names)} candidate{'s' * (len(names) > 1)}; "
            f"the guard lets a transfer pass at {level:g}.",
        ],
        baseline,
        best if better else baseline,
        gain,
        p_values[best],
        level,
        p_values,
    )


def cannot_tell(reason: str, baseline: str) -> Verdict:
    """The verdict where nothing could be compared: keep what is known to be honest."""
    return Verdict(
        "unknown",
        f"Whether transfer helps cannot be known here: {reason}. Kept: {baseline}.",
        [
            "Without labels in the target no score of any model there can be measured, and "
            "whether labels depend on the features as in the source cannot be seen.",
            "A few dozen labelled target rows, drawn at random, would answer it.",
        ],
        baseline,
        baseline,
    )


def _sentence(outcome: str, best: str, baseline: str, gain: Interval, metric: str) -> str:
    if outcome == "helps":
        return (
            f"Transfer helps: {best} gains {gain.mean:.3f} in {metric} over {baseline} "
            f"(95 % interval {gain.low:+.3f} to {gain.high:+.3f})."
        )
    if outcome == "hurts":
        return (
            f"Transfer hurts: the best of it, {best}, loses {-gain.mean:.3f} in {metric} against "
            f"{baseline}. Keep {baseline}."
        )
    return (
        f"No evidence that transfer helps: the best of it, {best}, is {gain.mean:+.3f} in "
        f"{metric} from {baseline}, within the noise. Keep {baseline}."
    )
