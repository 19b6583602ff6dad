"""The guard against negative transfer: a mapping must be better beyond the noise to be used."""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from landbridge.evidence.verdict.candidates import POOLED, SOURCE_ONLY, TARGET_ONLY
from landbridge.evidence.verdict.corrected_test import (
    Interval,
    corrected_error,
    corrected_interval,
    corrected_p_value,
)

BLEND = "blend"
"""The mean of all models, weighed by held-out labels: what is used where nothing is proved."""
N_DRAWS = 20_000
TOO_MANY = 100
"""Who has some labels will not get so many times as many."""
COUNTED = ("accuracy", "balanced_accuracy")
"""Scores that are shares of rows."""
NO_GAIN = 1e-6
"""A gain smaller than this share of the score is rounding."""
POWER = 0.8
USUAL_GAIN, USUAL_SPREAD = 0.1, 0.55
"""Where nothing could be measured: ten points, between models that differ on three rows of ten."""


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
    baseline : str
        The better model without any transfer: source only or target only.
    chosen : str
        The model to use.
    gain : Interval or None
        Gain over the baseline, with its 95 % interval, of the best that transfers.
    p_value : float or None
        One-sided, of that gain being above zero by more than chance.
    level : float
        The level at which the guard lets a candidate pass.
    p_values : dict
        Of each candidate against the best model without a mapping, adjusted for their number.
    labels_needed : int or None
        How many labelled target rows would likely do for a claim; ``None`` where one is made, or
        where no number would.
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
    labels_needed: int | None = None


def labels_needed(gain: float, spread: float, level: float = 0.05) -> int:
    r"""How many labelled rows show a gain at ``level`` in four of five cases.

    :math:`n = (z_{1-\alpha} + z_{0.8})^2\, \sigma^2 / \delta^2`, the sample size of a one-sided
    test of paired differences with mean :math:`\delta` = ``gain`` and standard deviation
    :math:`\sigma` = ``spread``.

    Examples
    --------
    >>> from landbridge.evidence.verdict.guard import labels_needed
    >>> labels_needed(gain=0.1, spread=0.5)
    155
    """
    reach = stats.norm.ppf(1 - level) + stats.norm.ppf(POWER)
    return int(np.ceil((reach * spread / gain) ** 2))


def simultaneous_p_values(
    differences: NDArray, test_share: float, n_more: int = 0
) -> NDArray[np.float64]:
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
    n_more : int
        Candidates that were tried too but left early. What they have in common with the others
        is not known, so they count as independent, which costs most.
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
    if n_more:  # the largest of so many independent ones, by inversion
        top = rng.random(N_DRAWS) ** (1 / n_more)
        normal = np.column_stack([normal, stats.norm.ppf(top)])
    chi = np.sqrt(rng.chisquare(J - 1, N_DRAWS) / (J - 1))
    largest = np.sort((normal / chi[:, None]).max(axis=1))
    single = stats.t.sf(t, J - 1)
    simultaneous = (1 + N_DRAWS - np.searchsorted(largest, t)) / (1 + N_DRAWS)
    return np.where(np.isinf(t), single, np.clip(simultaneous, single, (K + n_more) * single)).clip(
        max=1.0
    )


def judge(
    scores: MappingOf[str, NDArray],
    test_share: float,
    metric: str,
    level: float = 0.05,
    n_left: int = 0,
    n_labelled: int = 0,
    guard: bool = True,
) -> Verdict:
    """Decide which model to use, and whether transfer helps, from scores on equal folds.

    Without a mapping there are source only, target only and both pooled; the best of these by
    its mean score is used (or, where there is one, the blend of all models, which hedges between
    them), unless a candidate beats it at ``level``. Transfer is said to help if
    a candidate does, or if pooling beats each domain alone at that level.

    Parameters
    ----------
    scores : mapping from name to ndarray of shape (J,)
        Scores on J folds (larger is better) of every model that could be fitted.
    test_share : float
        Held-out rows over training rows, for the corrected test.
    metric : str
        The scorer's name, for the sentences.
    level : float
        One-sided level of the tests.
    n_left : int
        Candidates that left before the end.
    n_labelled : int
        Labelled target rows, to say how many more would do; 0 where that is not known.
    guard : bool
        Whether a candidate must beat the best without a mapping to be used.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.verdict.guard import judge
    >>> base = np.array([0.70, 0.72, 0.69, 0.71, 0.70])
    >>> verdict = judge({"source only": base, "coral": base + [0.1, 0.12, 0.09, 0.1, 0.11]},
    ...                 test_share=0.25, metric="accuracy")
    >>> verdict.outcome, verdict.chosen
    ('helps', 'coral')
    """
    alone = [name for name in (SOURCE_ONLY, TARGET_ONLY) if name in scores]
    plain = [*alone, POOLED] if POOLED in scores else alone
    candidates = [name for name in scores if name not in plain]

    def best(names: list[str]) -> str:
        return max(names, key=lambda name: scores[name].mean())

    def hedge() -> list[str]:
        """The blend, unless it is plainly worse than the best without a mapping."""
        if BLEND not in scores:
            return plain
        lead = corrected_interval(scores[BLEND] - scores[fallback], test_share)
        return plain if lead.high < 0 else [BLEND]

    baseline, fallback = best(alone), best(plain)
    p_values: dict[str, float] = {}
    if candidates:
        gains = np.column_stack([scores[name] - scores[fallback] for name in candidates])
        least = [least_p_value(gain, metric, n_labelled) for gain in gains.mean(axis=0).tolist()]
        found = np.maximum(simultaneous_p_values(gains, test_share, n_left), least)
        p_values = dict(zip(candidates, found.tolist()))
    passed = [name for name in candidates if p_values[name] <= level]
    chosen = best(passed or hedge()) if guard else best([*plain, *candidates])
    # The blend hedges, and may come to one domain alone: by itself it says nothing of transfer.
    tried = [name for name in scores if name not in (*alone, BLEND)]
    shown = chosen if chosen in (*tried, *passed) else best(tried) if tried else baseline
    difference = scores[shown] - scores[baseline]
    gain = corrected_interval(difference, test_share)
    alone_p = corrected_p_value(difference, test_share)
    p_value = max(p_values.get(shown, 0.0), alone_p, least_p_value(gain.mean, metric, n_labelled))
    helps = chosen == shown != baseline and p_value <= level
    outcome = "helps" if helps else "hurts" if gain.high < 0 else "no evidence"
    needed = None
    has_gain = gain.mean > NO_GAIN * abs(scores[baseline].mean())
    if outcome == "no evidence" and has_gain and n_labelled:
        spread = corrected_error(difference, test_share) * np.sqrt(n_labelled)
        each = level / max(1, len(candidates) + n_left)  # the test allows for their number
        needed = max(labels_needed(gain.mean, spread, each), n_labelled + 1)
    details = [
        f"{shown} {gain_words(gain.mean, metric)} against {baseline}, the better of "
        f"{' and '.join(alone)}; 95 % interval of the gain {signed(gain.low)} to "
        f"{signed(gain.high)}.",
        f"One-sided p = {p_value:.3g}, corrected for overlapping folds (Nadeau & Bengio 2003); "
        f"a candidate passes the guard if it beats {fallback}, the best without a mapping, at "
        f"{level:g}, allowing for the number of candidates ({len(candidates) + n_left}).",
    ]
    if needed is not None:
        details.append(_needed_words(needed, n_labelled))
    claim = corrected_interval(difference, test_share, 1 - 2 * level)
    sentence = _sentence(outcome, shown, baseline, chosen, gain, claim, metric, level)
    return Verdict(
        outcome, sentence, details, baseline, chosen, gain, p_value, level, p_values, needed
    )


def cannot_tell(
    reason: str,
    chosen: str = SOURCE_ONLY,
    why: str = "",
    fewest: int | None = None,
    hint: str = "",
) -> Verdict:
    """The verdict where nothing could be compared: claim nothing, and say what would do."""
    hints = [f"Unproved, and so not used by the guard: {hint}."] if hint else []
    needed = labels_needed(USUAL_GAIN, USUAL_SPREAD)
    least = f" {fewest} are the fewest for any comparison." if fewest else ""
    return Verdict(
        "unknown",
        f"Whether transfer helps cannot be known here: {reason}. Used: {chosen}"
        f"{f', {why}' if why else ''}.",
        [
            "Without enough target labels no score of any model there can be measured, and "
            "whether labels depend on the features as in the source cannot be seen.",
            f"About {needed} labelled target rows, drawn at random, would show a gain of ten "
            f"points.{least}",
            *hints,
        ],
        SOURCE_ONLY,
        chosen,
        labels_needed=needed,
    )


def least_p_value(gain: float, metric: str, n_labelled: int) -> float:
    """The least p-value that so few labelled rows can give to a gain in shares of them.

    Who is right on k rows more, at best on k where the other errs: the sign test says 2^-k.
    Folds that all show the same gain would have no spread, and be certain of it.

    Examples
    --------
    >>> from landbridge.evidence.verdict.guard import least_p_value
    >>> least_p_value(0.5, "accuracy", 6)
    0.125
    """
    if not metric.startswith(COUNTED) or gain <= 0 or not n_labelled:
        return 0.0
    return float(0.5 ** (gain * n_labelled))


def signed(value: float) -> str:
    """A gain with its sign, to three decimals, or to one digit where these are all nought."""
    return f"{value:+.3f}" if abs(value) >= 5e-4 or value == 0 else f"{value:+.0e}"


def gain_words(gain: float, metric: str) -> str:
    """A gain in a scorer's terms: "gains 0.05 in accuracy", "lowers the max error by 0.05"."""
    name = metric.removeprefix("neg_").replace("_", " ")
    if metric.startswith("neg_"):
        return f"{'lowers' if gain >= 0 else 'raises'} the {name} by {abs(gain):.3g}"
    return f"{'gains' if gain >= 0 else 'loses'} {abs(gain):.3f} in {name}"


def points(low: float, high: float, metric: str) -> str:
    """A range of gains in words, such as " by 2.1 to 8.4 points of accuracy"."""
    name = metric.removeprefix("neg_").replace("_", " ")
    if metric.startswith("neg_"):
        return f", it lowers the {name} by {low:.3g} to {high:.3g}"
    return f" by {100 * low:.1f} to {100 * high:.1f} points of {name}"


def _needed_words(needed: int, n_labelled: int) -> str:
    if needed > TOO_MANY * n_labelled:
        return (
            f"A gain as small as this seems matters little: to show it, over {TOO_MANY} times as "
            f"many labelled target rows would be needed as there are, {n_labelled}."
        )
    return (
        f"If the gain is what it seems, about {needed} labelled target rows would show it; "
        f"there are {n_labelled}."
    )


def _sentence(
    outcome: str,
    shown: str,
    baseline: str,
    chosen: str,
    gain: Interval,
    claim: Interval,
    metric: str,
    level: float,
) -> str:
    said = gain_words(gain.mean, metric)
    if outcome == "helps":
        return (
            f"Transfer helps{points(claim.low, claim.high, metric)}: {shown} against {baseline} "
            f"({100 * (1 - 2 * level):g} % interval)."
        )
    best = f"the best alternative, {shown}, {said} against {baseline}"
    if outcome == "hurts":
        return f"Transfer hurts: {best}. Use {chosen}."
    hedges = {BLEND: "blend, the weighted mean of all models,", POOLED: "pooled"}
    if chosen in hedges:
        used = f" ({hedges[chosen]} is used, which hedges between both domains)"
    else:
        used = f" ({chosen} is used, without a guard)" if chosen != baseline else ""
    return (
        f"No evidence that transfer helps, keep the baseline, {baseline}{used}: {best}, within the "
        "noise."
    )
