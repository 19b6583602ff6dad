"""Which entries are hidden from the target, and what every model makes of them.

New users lose all their entries there, each once; later entries are those after a moment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from landbridge.domains.parameters import check_number
from landbridge.kits.recommend.blending import USUAL_KAPPA, estimate_kappa
from landbridge.kits.recommend.bridges import Bridge
from landbridge.kits.recommend.carrying import carried_over
from landbridge.kits.recommend.interactions import ITEM, TIME, USER, Interactions
from landbridge.kits.recommend.item_features import ItemFeatures
from landbridge.kits.recommend.learning import (
    FEWEST_LINKS,
    Factorised,
    Learned,
    factorise,
    links_between,
    names_in,
)
from landbridge.kits.recommend.measures import Tally, interval_of
from landbridge.kits.recommend.ranking import popular_negatives, rank_quality
from landbridge.kits.recommend.scorers import Scorer, cold_baselines, time_baselines

Progress = Callable[[str, int, int], None]


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
                interval_of(tally.value(metric), tally.value(metric, draws)) if known else None
            )
        return row


@dataclass
class Protocol:
    """What all splits share."""

    model: Any
    mappings: list[str]
    features: ItemFeatures | None
    shares: tuple[float, ...]
    negatives: str | int
    k: int
    seed: int


def cold_study(
    source: Interactions,
    target: Interactions,
    protocol: Protocol,
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
    protocol: Protocol,
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
    protocol: Protocol,
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


def time_study(
    source: Interactions,
    target: Interactions,
    protocol: Protocol,
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
    learned: Learned, target: Interactions, users: pd.Index, protocol: Protocol
) -> dict[tuple[str, float], tuple[str, Scorer]]:
    """All models for warm and for new users; maps are blended with what a user did before."""
    part = learned.target
    rows_s, rows_t = (one.users.get_indexer(users) for one in (learned.source, part))
    found: dict[tuple[str, float], tuple[str, Scorer]] = {
        (name, 1.0): ("baseline", scorer)
        for name, scorer in time_baselines(learned, rows_s, rows_t, protocol.features).items()
    }
    for name in protocol.mappings:
        kappa = None
        if name != "features":
            if len(learned.links) < FEWEST_LINKS:
                continue
            kappa = estimate_kappa(name, learned, target, protocol.model, protocol.seed)
        predictor = carried_over(
            name, learned, kappa or USUAL_KAPPA, protocol.seed, protocol.features
        )
        rows = predictor.rows[predictor.users.get_indexer(users)]
        scorer = Scorer(rows, predictor.columns, predictor.offsets, part.is_rated)
        found[name, 1.0] = "candidate", scorer
    return found
