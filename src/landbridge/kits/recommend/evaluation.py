"""Does it help? Every map and every baseline on users who are new in the target, and in time."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landbridge.domains.parameters import check_choice, check_number
from landbridge.domains.wording import listed
from landbridge.evidence.verdict.corrected_test import Interval
from landbridge.evidence.verdict.guard import Verdict
from landbridge.kits.recommend.bridges import MAPPINGS, mapping_names
from landbridge.kits.recommend.interactions import ITEM, USER
from landbridge.kits.recommend.measures import METRICS, draws_of, gain_interval, metric_name
from landbridge.kits.recommend.pair import FEEDBACK, OVER, as_features, connected, read_pair
from landbridge.kits.recommend.scorers import ABOUT
from landbridge.kits.recommend.studies import Progress, Protocol, Study, cold_study, time_study
from landbridge.kits.recommend.verdict import judge

SHARES = (0.2, 0.5, 0.8, 1.0)


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
    who : {"users", "items"}
        Who was hidden: items, where these connect the domains and stand in the users' place.
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
    who: str = "users"

    def rows(self, study: Study | None = None, share: float = 1.0) -> list[dict[str, Any]]:
        """A row a model, best first, with intervals over users."""
        study = study or self.cold
        if study is None:
            return []
        draws = draws_of(study.n_users, self.seed)
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
        draws = draws_of(self.cold.n_users, self.seed)
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
        return gain_interval(*tallies, metric, draws_of(study.n_users, self.seed))

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
        for title, study in ((f"new {self.who}", self.cold), ("later entries", self.time)):
            if study is None:
                continue
            header = "".join(f"{metric_name(m, self.k):>24}" for m in self.metrics)
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
    check_number("max_users", max_users, least=1, whole=True)
    check_choice("feedback", feedback, FEEDBACK)
    check_choice("over", over, OVER)
    check_number("negatives", negatives, words=("all",), least=1, whole=True)
    for share in shares:
        check_number("Each of shares", share, above=True, most=1.0)
    say = progress or (lambda what, done, total: None)
    columns = {"user": user, "item": item, "rating": rating, "time": time}
    features = as_features(item_features, item)
    source, target, over, kind, prototype = connected(
        *read_pair(source, target, duplicates=duplicates, **columns),
        features is not None,
        over=over,
        feedback=feedback,
        model=model,
        seed=random_state,
    )
    who = "items" if over == "items" else "users"
    features = None if over == "items" else features
    names = _checked(mappings, kind == "ratings", features is not None)
    protocol = Protocol(
        prototype, names, features, tuple(sorted({*shares, 1.0})), negatives, k, random_state
    )
    cold = cold_study(source, target, protocol, n_folds, max_users, say)
    later = time_study(source, target, protocol, later_share, say) if time is not None else None
    metric = "rmse" if kind == "ratings" else "ndcg"
    measured = METRICS if kind == "ratings" else METRICS[2:]
    verdict, best = judge(cold, metric, k, level, random_state, who)
    notes = [f"{one.name}: {note}" for one in (source, target) for note in one.notes]
    return RecommendComparison(
        metric, measured, cold, later, verdict, k, random_state, best, notes, who
    )


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
            "bias": "it needs ratings of more than one value",
            "features": "it needs item features, and users for rows",
            "mlp": "it needs PyTorch: pip install 'landbridge[torch]'",
        }
        raise ValueError(f"The mapping {unfit[0]!r} cannot be tried here: {why[unfit[0]]}.")
    return mappings


def _cell(value: Interval | None) -> str:
    return "–" if value is None else f"{value.mean:.4f} ({value.low:.4f}–{value.high:.4f})"


def about_models(study: Study) -> dict[str, str]:
    """What each model of a study is, in a line."""
    told = ABOUT | MAPPINGS
    return {name: told.get(name, "") for name in study.roles}
