"""The verdict on new users: whether a map beats every baseline, and whether popularity wins."""

import numpy as np
from numpy.typing import NDArray

from landbridge.evidence.verdict.corrected_test import Interval
from landbridge.evidence.verdict.guard import Verdict, simultaneous_p_values
from landbridge.kits.recommend.learning import FEWEST_LINKS
from landbridge.kits.recommend.measures import (
    Tally,
    draws_of,
    gain_interval,
    metric_name,
    per_user,
)
from landbridge.kits.recommend.scorers import POPULARITY
from landbridge.kits.recommend.studies import Study

ADVICE = {
    "users": "Show new users what most people have",
    "items": "Show new items to those who take most",
}


def judge(
    study: Study | None, metric: str, k: int, level: float, seed: int, who: str = "users"
) -> tuple[Verdict, str]:
    """Which model to use for new users (or items), and whether transfer helps; and the best map."""
    if study is None:
        sentence = (
            f"Whether transfer helps cannot be known here: fewer than {2 * FEWEST_LINKS} are in "
            "both domains, so that nobody's target entries can be hidden and predicted."
        )
        return Verdict("unknown", sentence, [], POPULARITY, "features"), "features"
    whole = {name: tally for (name, share), tally in study.tallies.items() if share == 1}
    tallies = {name: tally for name, tally in whole.items() if tally.has(metric)}
    sign = -1 if metric == "rmse" else 1
    roles = study.roles

    def best(names: list[str], by: str = metric) -> str:
        way = -1 if by == "rmse" else 1
        return max(names, key=lambda name: way * tallies[name].value(by))

    baselines = [name for name in tallies if roles[name] == "baseline"]
    candidates = [name for name in tallies if roles[name] == "candidate"]
    baseline, shown = best(baselines), best(candidates)
    differences = np.column_stack(
        [sign * per_user(tallies[c], tallies[baseline], metric) for c in candidates]
    )
    p_values = dict(zip(candidates, simultaneous_p_values(differences, 0.0).tolist()))
    draws = draws_of(study.n_users, seed)
    passed = [
        name
        for name in candidates
        if p_values[name] <= level
        and gain_interval(tallies[name], tallies[baseline], metric, draws).low > 0
    ]
    chosen = best(passed) if passed else baseline
    shown = chosen if passed else shown
    gain = gain_interval(tallies[shown], tallies[baseline], metric, draws)
    outcome = "helps" if passed else "hurts" if gain.high < 0 else "no evidence"
    n = len(candidates)
    allowing = f", allowing for the {n} maps that were tried" if n > 1 else ""
    said = _gain_words(gain.mean, metric_name(metric, k))
    details = [
        f"{shown} {said} against {baseline}, the best "
        f"baseline; 95 % interval over {study.n_users:,} new {who} {gain.low:+.4f} to "
        f"{gain.high:+.4f}; one-sided p = {p_values[shown]:.3g}{allowing}.",
        *_simplest(tallies, candidates, shown, metric, draws),
        *_on_lists(whole, roles, k, draws, metric == "rmse", who),
    ]
    sentence = _sentence(outcome, shown, baseline, chosen, gain, said, who)
    verdict = Verdict(
        outcome, sentence, details, baseline, chosen, gain, p_values[shown], level, p_values
    )
    return verdict, shown


def _simplest(
    tallies: dict[str, Tally], candidates: list[str], shown: str, metric: str, draws: NDArray
) -> list[str]:
    """Whether factors carry anything that how generously a user rates does not."""
    if metric != "rmse" or "bias" not in candidates or shown == "bias":
        return []
    gain = gain_interval(tallies[shown], tallies["bias"], metric, draws)
    told = f"{gain.mean:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f}"
    if gain.low > 0:
        return [f"Tastes go over too: {shown} gains over carrying the user's bias alone ({told})."]
    return [
        f"That is no more than carrying over how generously a user rates: {shown} against the "
        f"bias alone gains {told}."
    ]


def _on_lists(
    tallies: dict[str, Tally],
    roles: dict[str, str],
    k: int,
    draws: NDArray,
    is_rated: bool,
    who: str,
) -> list[str]:
    """Whether popularity wins where lists count."""
    listing = {name: t.value("ndcg") for name, t in tallies.items() if t.has("ndcg")}
    maps = [name for name in listing if roles[name] == "candidate"]
    if POPULARITY not in listing or not maps:
        return []
    best = max(maps, key=lambda name: listing[name])
    gain = gain_interval(tallies[best], tallies[POPULARITY], "ndcg", draws)
    told = (
        f"NDCG@{k} {listing[best]:.4f} of {best} against {listing[POPULARITY]:.4f}, difference "
        f"{gain.mean:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f}"
    )
    if gain.high < 0:
        instead = (
            ", or try implicit feedback, which learns who takes what "
            '(feedback="implicit", --feedback implicit)'
            if is_rated
            else ""
        )
        return [f"For lists popularity wins: {told}. {ADVICE[who]}{instead}."]
    if gain.low > 0:
        return [f"For lists the map beats popularity: {told}."]
    return [f"For lists the map and popularity cannot be told apart: {told}."]


def _gain_words(gain: float, metric: str) -> str:
    """In four decimals, as the tables: the measures of lists are small."""
    if metric in ("RMSE", "MAE"):
        return f"{'lowers' if gain >= 0 else 'raises'} the {metric} by {abs(gain):.4f}"
    return f"{'gains' if gain >= 0 else 'loses'} {abs(gain):.4f} in {metric}"


def _sentence(
    outcome: str, shown: str, baseline: str, chosen: str, gain: Interval, said: str, who: str
) -> str:
    wins = " Popularity wins." if baseline == POPULARITY else ""
    if outcome == "helps":
        return (
            f"Transfer helps: for new {who} {shown} {said} against {baseline} (95 % interval of "
            f"the gain {gain.low:+.4f} to {gain.high:+.4f})."
        )
    if outcome == "hurts":
        return (
            f"Transfer hurts: for new {who} the best map, {shown}, {said} against {baseline}."
            f"{wins} Use {chosen}."
        )
    return (
        f"No evidence that transfer helps: for new {who} the best map, {shown}, {said} against "
        f"{baseline}, within the noise. Use {chosen}."
    )
