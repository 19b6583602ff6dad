"""Does it help? Every map and every baseline on users who are new in the target, and in time."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from landbridge.domains.parameters import check_number
from landbridge.domains.wording import listed
from landbridge.evidence.verdict.corrected_test import Interval
from landbridge.evidence.verdict.guard import Verdict, gain_words, simultaneous_p_values
from landbridge.kits.recommend.bridges import MAPPINGS, Bridge, mapping_names
from landbridge.kits.recommend.interactions import (
    ITEM,
    TIME,
    USER,
    Interactions,
    ItemFeatures,
)
from landbridge.kits.recommend.learning import (
    Factorised,
    Learned,
    factorise,
    links_between,
    names_in,
    way_over,
)
from landbridge.kits.recommend.ranking import popular_negatives, rank_quality
from landbridge.kits.recommend.recommender import (
    FEWEST_LINKS,
    as_features,
    carried_over,
    estimate_kappa,
    feedback_of,
    model_for,
    read_pair,
)
from landbridge.kits.recommend.scorers import (
    ABOUT,
    ITEM_MEAN,
    OWN_BIAS,
    POPULARITY,
    TARGET_ONLY,
    Scorer,
    cold_baselines,
    flat,
    item_means,
    own_biases,
)

SHARES = (0.2, 0.5, 0.8, 1.0)
METRICS = ("rmse", "mae", "ndcg", "recall")
N_DRAWS = 1000
Progress = Callable[[str, int, int], None]


@dataclass
class Tally:
    """What one model did for each user: sums of errors, and the quality of their list."""

    squared: NDArray[np.float64]
    absolute: NDArray[np.float64]
    entries: NDArray[np.float64]
    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]

    @classmethod
    def empty(cls, n_users: int) -> "Tally":
        """Nothing known of any user."""
        return cls(*(np.full(n_users, np.nan) for _ in range(5)))

    def value(self, metric: str, counts: NDArray | None = None) -> Any:
        """The metric over all users, or over each draw of them (draws, n_users)."""
        counts = np.ones(len(self.entries)) if counts is None else counts
        if metric in ("ndcg", "recall"):
            values = getattr(self, metric)
            known = ~np.isnan(values)
            return counts[..., known] @ values[known] / counts[..., known].sum(axis=-1)
        sums = self.squared if metric == "rmse" else self.absolute
        known = ~np.isnan(sums)
        mean = counts[..., known] @ sums[known] / (counts[..., known] @ self.entries[known])
        return np.sqrt(mean) if metric == "rmse" else mean

    def has(self, metric: str) -> bool:
        """Whether the metric is known of any user."""
        values = {"rmse": self.squared, "mae": self.absolute}.get(metric, self.ndcg)
        return bool((~np.isnan(values)).any())


@dataclass
class Study:
    """One way of splitting, and what every model did for the users that it held out.

    Attributes
    ----------
    split : {"cold users", "time"}
    tallies : dict
        By model, and by share of the users in both that maps could learn from:
        ``tallies[name, share]``; baselines have the share 1.
    roles : dict
        "baseline" or "candidate", by model.
    n_users, n_entries : int
        Held out.
    """

    split: str
    tallies: dict[tuple[str, float], Tally]
    roles: dict[str, str]
    n_users: int
    n_entries: int

    def row(self, name: str, share: float, metrics: tuple[str, ...], draws: NDArray) -> dict:
        """The metrics of one model, each with a 95 % bootstrap interval over users."""
        tally = self.tallies[name, share]
        row: dict[str, Any] = {"name": name, "role": self.roles[name], "share": share}
        for metric in metrics:
            known = tally.has(metric)
            row[metric] = (
                _interval(tally.value(metric), tally.value(metric, draws)) if known else None
            )
        return row


@dataclass
class RecommendComparison:
    """What the evaluation found.

    Attributes
    ----------
    metric : str
        What the verdict is by: "rmse" for ratings, "ndcg" without.
    metrics : tuple of str
        All that were measured, lists over all items of the target.
    cold : Study or None
        Users in both domains whose target entries were hidden.
    time : Study or None
        Entries after a moment, learned from those before.
    verdict : Verdict
    k : int
        The length of lists.
    seed : int
    best : str
        The best map, whether or not it passed.
    notes : list of str
    """

    metric: str
    metrics: tuple[str, ...]
    cold: Study | None
    time: Study | None
    verdict: Verdict
    k: int
    seed: int
    best: str
    notes: list[str] = field(default_factory=list)

    def rows(self, study: Study | None = None, share: float = 1.0) -> list[dict[str, Any]]:
        """A row a model, best first, with intervals over users."""
        study = study or self.cold
        if study is None:
            return []
        draws = _draws(study.n_users, self.seed)
        names = [name for name, role in study.roles.items() if self._has(study, name, share)]
        rows = [
            study.row(name, 1.0 if study.roles[name] == "baseline" else share, self.metrics, draws)
            for name in names
        ]
        return sorted(rows, key=lambda row: self._order(row))

    def by_share(self) -> list[dict[str, Any]]:
        """The gain of every map over the verdict's baseline, by share of the users in both."""
        if self.cold is None:
            return []
        draws = _draws(self.cold.n_users, self.seed)
        base = self.cold.tallies.get((self.verdict.baseline, 1.0))
        found = []
        for (name, share), tally in self.cold.tallies.items():
            if self.cold.roles[name] == "candidate" and base is not None:
                gain = gain_interval(tally, base, self.metric, draws)
                found.append({"name": name, "share": share, "gain": gain})
        return sorted(found, key=lambda row: (row["name"], row["share"]))

    def gain(
        self, name: str, baseline: str, metric: str, *, share: float = 1.0, time: bool = False
    ) -> Interval:
        """How much better one model is than another, with its interval over users."""
        study = self.time if time else self.cold
        if study is None:
            raise ValueError("Nothing was held out this way.")
        tallies = (study.tallies[name, share], study.tallies[baseline, 1.0])
        return gain_interval(*tallies, metric, _draws(study.n_users, self.seed))

    def _has(self, study: Study, name: str, share: float) -> bool:
        return (name, 1.0 if study.roles[name] == "baseline" else share) in study.tallies

    def _order(self, row: dict[str, Any]) -> float:
        value = row[self.metric]
        if value is None:
            return np.inf
        return value.mean if self.metric in ("rmse", "mae") else -value.mean

    def __str__(self) -> str:
        """The tables and the verdict as text."""
        lines = []
        for title, study in (("new users", self.cold), ("later entries", self.time)):
            if study is None:
                continue
            header = "".join(f"{_short(m, self.k):>24}" for m in self.metrics)
            lines.append(f"{f'{title} ({study.n_users:,})':<18}{header}")
            for row in self.rows(study):
                cells = "".join(f"{_cell(row[m]):>24}" for m in self.metrics)
                mark = "*" if row["name"] == self.verdict.chosen else " "
                lines.append(f"{mark} {row['name']:<16}{cells}")
        return "\n".join([*lines, self.verdict.sentence, *self.verdict.details])


def evaluate_recommenders(
    source: Any,
    target: Any,
    *,
    user: str = USER,
    item: str = ITEM,
    rating: str | None = None,
    time: str | None = None,
    item_features: Any = None,
    mappings: list[str] | None = None,
    feedback: str = "auto",
    over: str = "auto",
    model: Any = None,
    shares: tuple[float, ...] = SHARES,
    n_folds: int = 5,
    max_users: int = 2000,
    negatives: str | int = "all",
    k: int = 10,
    later_share: float = 0.2,
    level: float = 0.05,
    duplicates: str = "mean",
    random_state: int = 0,
    progress: Progress | None = None,
) -> RecommendComparison:
    """Every map beside every baseline: on users new in the target, and on what came later.

    *New users*: those in both domains are split into folds; a fold's entries in the target are
    hidden, all is learned without them, and predicted from what those users did in the source.
    Maps learn from a share of the other users in both, the rest staying in each domain without
    being known to be the same. *Later*: with times, the last entries of the target are predicted
    from all that came before them in either domain; those users may be warm or new.

    Parameters
    ----------
    source, target, user, item, rating, time, item_features
        As in :meth:`CrossDomainRecommender.fit`.
    mappings : list of str, optional
        Of ``landbridge.kits.recommend.MAPPINGS``; all that can be tried by default.
    feedback, over, model, duplicates
        As in :class:`CrossDomainRecommender`.
    shares : tuple of float
        Shares of the users in both to learn from; 1 is always among them.
    n_folds : int
        Folds of the users in both.
    max_users : int
        At most so many of them are held out, drawn at random.
    negatives : "all" or int
        Lists rank all items, or what a user took and so many others, drawn by popularity.
    k : int
        The length of the lists.
    later_share : float
        Share of the target's entries that count as later.
    level : float
        Level at which a map passes the guard.
    random_state : int
        Seed of all that is drawn.
    progress : callable, optional
        Called with what is being done, the steps done and their number.

    Raises
    ------
    ValueError
        If the tables cannot be read or connected, or a mapping is unknown.

    Examples
    --------
    >>> from landbridge.kits.recommend import evaluate_recommenders, make_shops
    >>> books, music = make_shops(random_state=0)
    >>> found = evaluate_recommenders(
    ...     books, music, rating="rating", mappings=["ridge"], shares=(1.0,), n_folds=2)
    >>> found.verdict.outcome, found.verdict.chosen
    ('helps', 'ridge')
    """
    check_number("n_folds", n_folds, least=2, whole=True)
    check_number("k", k, least=1, whole=True)
    check_number("negatives", negatives, words=("all",), least=1, whole=True)
    for share in shares:
        check_number("Each of shares", share, above=True, most=1.0)
    say = progress or (lambda what, done, total: None)
    columns = {"user": user, "item": item, "rating": rating, "time": time}
    pair = read_pair(source, target, duplicates=duplicates, **columns)
    features = None if item_features is None else as_features(item_features, item)
    over = way_over(*pair, features is not None, over)
    if over == "items":
        pair = pair[0].swapped(), pair[1].swapped()
        features = None
    kind = feedback_of(*pair, feedback)
    prototype = model_for(kind, model, random_state)
    names = _checked(mappings, kind == "ratings", features is not None)
    protocol = _Protocol(
        prototype, names, features, tuple(sorted({*shares, 1.0})), negatives, k, random_state
    )
    cold = _cold_study(*pair, protocol, n_folds, max_users, say)
    later = _time_study(*pair, protocol, later_share, say) if time is not None else None
    metric = "rmse" if kind == "ratings" else "ndcg"
    measured = METRICS if kind == "ratings" else METRICS[2:]
    verdict, best = _judge(cold, metric, k, level, random_state)
    notes = [f"{one.name}: {note}" for one in pair for note in one.notes]
    return RecommendComparison(metric, measured, cold, later, verdict, k, random_state, best, notes)


@dataclass
class _Protocol:
    """What all splits share."""

    model: Any
    mappings: list[str]
    features: ItemFeatures | None
    shares: tuple[float, ...]
    negatives: str | int
    k: int
    seed: int


def _checked(mappings: list[str] | None, is_rated: bool, has_features: bool) -> list[str]:
    possible = mapping_names(is_rated, has_features)
    if mappings is None:
        return possible
    unknown = [name for name in mappings if name not in MAPPINGS or name == "none"]
    if unknown:
        known = [name for name in MAPPINGS if name != "none"]
        raise ValueError(f"Unknown mapping {unknown[0]!r}: there are {listed(known)}.")
    unfit = [name for name in mappings if name not in possible]
    if unfit:
        why = {
            "bias": "it needs ratings",
            "features": "it needs item features, and users for rows",
            "mlp": "it needs PyTorch: pip install 'landbridge[torch]'",
        }
        raise ValueError(f"The mapping {unfit[0]!r} cannot be tried here: {why[unfit[0]]}.")
    return mappings


# New users


def _cold_study(
    source: Interactions,
    target: Interactions,
    protocol: _Protocol,
    n_folds: int,
    max_users: int,
    say: Progress,
) -> Study | None:
    """Users in both, each hidden from the target once; ``None`` where they are too few."""
    names_s, names_t = names_in(source), names_in(target)
    both = names_s[0].intersection(names_t[0])
    if len(both) < 2 * FEWEST_LINKS:
        return None
    rng = np.random.default_rng(protocol.seed)
    shuffled = both[rng.permutation(len(both))]
    held_out = shuffled[:max_users]
    learned_s = factorise(source, *names_s, protocol.model)
    folds = np.array_split(np.arange(len(held_out)), n_folds)
    tallies: dict[tuple[str, float], Tally] = {}
    roles: dict[str, str] = {}
    for done, fold in enumerate(folds):
        say("Hiding users", done, n_folds)
        hidden = held_out[fold]
        rest = target.keep(~target.frame[USER].isin(hidden).to_numpy())
        learned_t = factorise(rest, *names_t, protocol.model)
        scorers = _cold_scorers(learned_s, learned_t, hidden, shuffled, protocol)
        truth = target.matrix(hidden, names_t[1])
        _score(scorers, truth, fold, len(held_out), tallies, learned_t, protocol)
        roles |= {name: role for (name, _), (role, _) in scorers.items()}
    say("Hiding users", n_folds, n_folds)
    entries = tallies[next(iter(tallies))].entries
    return Study("cold users", tallies, roles, len(held_out), int(entries.sum()))


def _cold_scorers(
    source: Factorised,
    target: Factorised,
    hidden: pd.Index,
    in_both: pd.Index,
    protocol: _Protocol,
) -> dict[tuple[str, float], tuple[str, Scorer]]:
    """All models for the hidden users, by name and share."""
    rows = source.users.get_indexer(hidden)
    bridges = in_both[~in_both.isin(hidden)]
    links = np.column_stack([one.users.get_indexer(bridges) for one in (source, target)])
    whole = Learned(source, target, links)
    found: dict[tuple[str, float], tuple[str, Scorer]] = {
        (name, 1.0): ("baseline", scorer)
        for name, scorer in cold_baselines(whole, rows, protocol.features).items()
    }
    if "features" in protocol.mappings:
        unlinked = Learned(source, target, links[:0])
        predictor = carried_over("features", unlinked, 1.0, protocol.seed, protocol.features)
        places = predictor.users.get_indexer(hidden)
        scorer = Scorer(
            predictor.rows[places], predictor.columns, predictor.offsets, target.is_rated
        )
        found["features", 1.0] = "candidate", scorer
    for share in protocol.shares:
        n_links = round(share * len(links))
        if n_links < FEWEST_LINKS:
            continue
        learned = Learned(source, target, links[:n_links])
        for name in protocol.mappings:
            if name != "features":
                mapped = Bridge(name, learned, protocol.seed).rows(rows)
                scorer = Scorer(mapped, target.columns, target.offsets, target.is_rated)
                found[name, share] = "candidate", scorer
    return found


def _score(
    scorers: dict[tuple[str, float], tuple[str, Scorer]],
    truth: csr_array,
    places: NDArray,
    n_users: int,
    tallies: dict[tuple[str, float], Tally],
    target: Factorised,
    protocol: _Protocol,
    seen: csr_array | None = None,
) -> None:
    """Write into the tallies what every model does for the users at these places."""
    entries = truth.tocoo()
    liked = _liked(truth, target)
    negatives = None
    if protocol.negatives != "all":
        rng = np.random.default_rng(protocol.seed)
        n_drawn = int(protocol.negatives)
        negatives = popular_negatives(truth, target.popularity, n_drawn, rng)
    for key, (_, scorer) in scorers.items():
        tally = tallies.setdefault(key, Tally.empty(n_users))
        counts = np.bincount(entries.row, minlength=len(places)).astype(float)
        tally.entries[places] = counts
        if target.is_rated and scorer.predicts:
            errors = entries.data - scorer.predict(entries.row, entries.col)
            for sums, values in ((tally.squared, errors**2), (tally.absolute, np.abs(errors))):
                totals = np.bincount(entries.row, values, minlength=len(places))
                sums[places] = np.where(counts > 0, totals, np.nan)
        if scorer.ranks:
            quality = rank_quality(
                scorer.rows, scorer.columns, scorer.offsets, liked, seen, protocol.k, negatives
            )
            tally.ndcg[places], tally.recall[places] = quality


def _liked(truth: csr_array, target: Factorised) -> csr_array:
    """What counts as taken: every interaction, and of ratings those at or above the mean."""
    if not target.is_rated:
        return truth
    entries = truth.tocoo()
    kept = entries.data >= target.model.mean_
    where = entries.row[kept], entries.col[kept]
    return csr_array((np.ones(int(kept.sum())), where), shape=truth.shape)


# Later entries


def _time_study(
    source: Interactions,
    target: Interactions,
    protocol: _Protocol,
    later_share: float,
    say: Progress,
) -> Study | None:
    """The target's last entries, learned from all that came before; ``None`` if too few did."""
    check_number("later_share", later_share, above=True, below=1.0)
    say("Looking ahead", 0, 1)
    moment = target.frame[TIME].quantile(1 - later_share)
    before = [one.keep((one.frame[TIME] <= moment).to_numpy()) for one in (source, target)]
    later = target.keep((target.frame[TIME] > moment).to_numpy())
    if min(map(len, (*before, later))) == 0:
        return None
    names = [names_in(one) for one in before]
    later = later.keep(later.frame[ITEM].isin(names[1][1]).to_numpy())
    known = names[0][0].union(names[1][0])
    users = pd.Index(later.frame[USER].unique()).intersection(known)
    if len(users) < FEWEST_LINKS:
        return None
    parts = [factorise(one, *name, protocol.model) for one, name in zip(before, names)]
    learned = Learned(parts[0], parts[1], links_between(parts[0].users, parts[1].users))
    truth = later.matrix(users, names[1][1])
    seen = before[1].matrix(users, names[1][1])
    scorers = _time_scorers(learned, before[1], users, protocol)
    tallies: dict[tuple[str, float], Tally] = {}
    places = np.arange(len(users))
    _score(scorers, truth, places, len(users), tallies, parts[1], protocol, seen)
    roles = {name: role for (name, _), (role, _) in scorers.items()}
    say("Looking ahead", 1, 1)
    return Study("time", tallies, roles, len(users), truth.nnz)


def _time_scorers(
    learned: Learned, target: Interactions, users: pd.Index, protocol: _Protocol
) -> dict[tuple[str, float], tuple[str, Scorer]]:
    """All models for warm and for new users; maps are blended with what a user did before."""
    part = learned.target
    places = part.users.get_indexer(users)
    found: dict[tuple[str, float], tuple[str, Scorer]] = {}
    own = np.where((places >= 0)[:, None], part.rows[places], part.average)
    found[TARGET_ONLY, 1.0] = "baseline", Scorer(own, part.columns, part.offsets, part.is_rated)
    popular = flat(len(users), part.popularity, predicts=False)
    found[POPULARITY, 1.0] = "baseline", popular
    if part.is_rated:
        biases = own_biases(part)
        means = biases.mean_ + biases.columns_[:, 0].astype(np.float64)
        found[ITEM_MEAN, 1.0] = "baseline", flat(len(users), item_means(part))
        generous = np.where((places >= 0)[:, None], biases.rows_[places], 0).astype(np.float64)
        found[OWN_BIAS, 1.0] = "baseline", Scorer(generous, np.ones((len(means), 1)), means)
    for name in protocol.mappings:
        if name == "features" or len(learned.links) < FEWEST_LINKS:
            continue
        kappa = estimate_kappa(name, learned, target, protocol.model, protocol.seed) or 8.0
        predictor = carried_over(name, learned, kappa, protocol.seed)
        rows = predictor.rows[predictor.users.get_indexer(users)]
        scorer = Scorer(rows, predictor.columns, predictor.offsets, part.is_rated)
        found[name, 1.0] = "candidate", scorer
    return found


# The verdict


def gain_interval(better: Tally, base: Tally, metric: str, draws: NDArray) -> Interval:
    """How much better one model is, larger is better, with its interval over users."""
    sign = -1 if metric in ("rmse", "mae") else 1
    gains = sign * (better.value(metric, draws) - base.value(metric, draws))
    return _interval(sign * (better.value(metric) - base.value(metric)), gains)


def _draws(n_users: int, seed: int) -> NDArray[np.float64]:
    """How often each user is in each bootstrap sample (draws, n_users)."""
    rng = np.random.default_rng(seed)
    chance = np.full(n_users, 1 / n_users)
    return rng.multinomial(n_users, chance, size=N_DRAWS).astype(np.float64)


def _interval(value: float, draws: NDArray) -> Interval:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a draw without any user who took one
        low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))


def _judge(
    study: Study | None, metric: str, k: int, level: float, seed: int
) -> tuple[Verdict, str]:
    """Which model to use for new users, and whether transfer helps; and the best map."""
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
        [sign * _per_user(tallies[c], tallies[baseline], metric) for c in candidates]
    )
    p_values = dict(zip(candidates, simultaneous_p_values(differences, 0.0).tolist()))
    draws = _draws(study.n_users, seed)
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
    details = [
        f"{shown} {gain_words(gain.mean, _scorer_name(metric, k))} against {baseline}, the best "
        f"baseline; 95 % interval over {study.n_users:,} new users {gain.low:+.4f} to "
        f"{gain.high:+.4f}; one-sided p = {p_values[shown]:.3g}, allowing for the "
        f"{len(candidates)} maps that were tried.",
        *_simplest(tallies, candidates, shown, metric, draws),
        *_on_lists(whole, roles, k, draws, metric == "rmse"),
    ]
    sentence = _sentence(outcome, shown, baseline, chosen, gain, _short(metric, k))
    verdict = Verdict(
        outcome, sentence, details, baseline, chosen, gain, p_values[shown], level, p_values
    )
    return verdict, shown


def _per_user(better: Tally, base: Tally, metric: str) -> NDArray[np.float64]:
    """Each user's part in the difference of two models."""
    if metric == "ndcg":
        both = ~np.isnan(better.ndcg) & ~np.isnan(base.ndcg)
        return better.ndcg[both] - base.ndcg[both]
    both = ~np.isnan(better.squared) & ~np.isnan(base.squared)
    return (better.squared - base.squared)[both] / better.entries[both].mean()


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
    tallies: dict[str, Tally], roles: dict[str, str], k: int, draws: NDArray, is_rated: bool
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
        instead = ', or try feedback="implicit", which learns who takes what' if is_rated else ""
        return [
            f"For lists popularity wins: {told}. Show new users what most people have{instead}."
        ]
    if gain.low > 0:
        return [f"For lists the map beats popularity: {told}."]
    return [f"For lists the map and popularity cannot be told apart: {told}."]


def _sentence(
    outcome: str, shown: str, baseline: str, chosen: str, gain: Interval, metric: str
) -> str:
    lowers = metric in ("RMSE", "MAE")
    words = {True: "lowers" if lowers else "gains", False: "raises" if lowers else "loses"}
    way = words[gain.mean >= 0]
    said = (
        f"{way} the {metric} by {abs(gain.mean):.4f}"
        if lowers
        else f"{way} {abs(gain.mean):.4f} in {metric}"
    )
    wins = " Popularity wins." if baseline == POPULARITY else ""
    if outcome == "helps":
        return (
            f"Transfer helps: for new users {shown} {said} against {baseline} (95 % interval of "
            f"the gain {gain.low:+.4f} to {gain.high:+.4f})."
        )
    if outcome == "hurts":
        return (
            f"Transfer hurts: for new users the best map, {shown}, {said} against {baseline}."
            f"{wins} Use {chosen}."
        )
    return (
        f"No evidence that transfer helps: for new users the best map, {shown}, {said} against "
        f"{baseline}, within the noise. Use {chosen}."
    )


def _short(metric: str, k: int) -> str:
    return {"rmse": "RMSE", "mae": "MAE", "ndcg": f"NDCG@{k}", "recall": f"Recall@{k}"}[metric]


def _scorer_name(metric: str, k: int) -> str:
    return f"neg_{_short(metric, k)}" if metric in ("rmse", "mae") else _short(metric, k)


def _cell(value: Interval | None) -> str:
    return "–" if value is None else f"{value.mean:.4f} ({value.low:.4f}–{value.high:.4f})"


def about_models(study: Study) -> dict[str, str]:
    """What each model of a study is, in a line."""
    told = ABOUT | MAPPINGS
    return {name: told.get(name, "") for name in study.roles}


__all__ = [
    "RecommendComparison",
    "Study",
    "Tally",
    "about_models",
    "evaluate_recommenders",
    "gain_interval",
]
