"""From two files to a model, an account of whether transfer helped, and examples to look at."""

import time as clock
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from landbridge.evidence.verdict.corrected_test import Interval
from landbridge.job import Outcome
from landbridge.kits.recommend.evaluation import (
    RecommendComparison,
    about_models,
    evaluate_recommenders,
)
from landbridge.kits.recommend.interactions import ITEM, RATING, USER, Interactions
from landbridge.kits.recommend.item_features import ItemFeatures
from landbridge.kits.recommend.measures import metric_name
from landbridge.kits.recommend.pair import as_features, read_pair
from landbridge.kits.recommend.recommender import CrossDomainRecommender
from landbridge.kits.recommend.studies import Study
from landbridge.results import frame, plain, verdict_block

N_EXAMPLES, N_LIKED, N_SHOWN = 6, 5, 5
SPOKEN = {"rmse": "root mean squared error", "ndcg": "how good lists of {k} are (NDCG)"}
LATER = "Later entries"
SAME_LIST = " No tastes are carried over: all who are new here get the same list."
Progress = Callable[[str, int, int], None]


def run_recommend(
    source: Any,
    target: Any,
    *,
    user: str,
    item: str,
    rating: str | None = None,
    time: str | None = None,
    item_features: Any = None,
    mappings: list[str] | None = None,
    feedback: str = "auto",
    duplicates: str = "mean",
    n_folds: int = 5,
    max_users: int = 2000,
    negatives: str | int = "all",
    k: int = 10,
    seed: int = 0,
    command: str = "",
    progress: Progress | None = None,
) -> Outcome:
    """Evaluate all maps on users who are new in the target, and fit the one to use.

    The model is the map that the guard lets pass, or none: then new users get what the average
    user likes, or without ratings what most users have.

    Parameters
    ----------
    source, target, user, item, rating, time, item_features
        As in :meth:`CrossDomainRecommender.fit`.
    mappings, feedback, duplicates, n_folds, max_users, negatives, k
        As in :func:`evaluate_recommenders`.
    seed : int
        Of all that is drawn.
    command : str
        How to do it again, for the report.
    progress : callable, optional
        Called with what is being done, the steps done and their number.

    Returns
    -------
    Outcome
        ``results`` as plain data and the fitted ``model``; ``save(folder)`` writes model, report
        and results, all or nothing.

    Examples
    --------
    >>> from landbridge.kits.recommend import make_shops, run_recommend
    >>> books, music = make_shops(random_state=0)
    >>> outcome = run_recommend(
    ...     books, music, user="user", item="item", rating="rating", mappings=["ridge"], n_folds=2)
    >>> outcome.results["verdict"]["outcome"], outcome.model.mapping
    ('helps', 'ridge')
    """
    start = clock.perf_counter()
    say = progress or (lambda what, done, total: None)
    columns = {"user": user, "item": item, "rating": rating, "time": time}
    say("Reading", 0, 0)
    pair = read_pair(source, target, duplicates=duplicates, **columns)
    features = as_features(item_features, item)
    compared = evaluate_recommenders(
        *pair,
        item=item,
        time=time,
        item_features=features,
        mappings=mappings,
        feedback=feedback,
        n_folds=n_folds,
        max_users=max_users,
        negatives=negatives,
        k=k,
        random_state=seed,
        progress=say,
    )
    say("Fitting the model", 0, 0)
    model = CrossDomainRecommender(mapping_to_use(compared), feedback=feedback, random_state=seed)
    model.fit_pair(*pair, features)
    settings = {
        **columns,
        "feedback": model.feedback_,
        "over": model.over_,
        "mappings": [n for n, r in _roles(compared).items() if r == "candidate"],
        "folds": n_folds,
        "held-out users, at most": max_users,
        "lists rank": _ranked(negatives),
        "duplicates": duplicates,
        "seed": seed,
    }
    results = {
        **frame(_data(pair, features, model), settings, command, seed),
        "verdict": verdict_block(compared),  # type: ignore[arg-type]
        "leaderboard": leaderboard(compared),
        "tables": [*example_tables(model, pair, features), *tables(compared, negatives)],
        "seconds": clock.perf_counter() - start,
    }
    return Outcome(plain(results), model)


def mapping_to_use(compared: RecommendComparison) -> str:
    """The mapping that the guard chose, "none" where it chose a baseline."""
    roles, chosen = _roles(compared), compared.verdict.chosen
    is_map = roles.get(chosen, "candidate") == "candidate"
    return chosen if is_map else "none"


def leaderboard(compared: RecommendComparison) -> dict[str, Any] | None:
    """Every model on new users, by the metric of the verdict."""
    if compared.cold is None:
        return None
    about = about_models(compared.cold)
    rows = []
    for row in compared.rows():
        value = row[compared.metric]
        if value is None:
            continue
        gain = compared.gain(row["name"], compared.verdict.baseline, compared.metric)
        rows.append(
            {
                "name": row["name"],
                "role": row["role"],
                "mapping": about[row["name"]].partition(" (")[0],
                "learner": None,
                **dict(zip(("score", "low", "high"), value)),
                **dict(zip(("gain", "gain_low", "gain_high"), gain)),
                "p_value": compared.verdict.p_values.get(row["name"]),
                "seconds": None,
                "error": None,
                "chosen": row["name"] == compared.verdict.chosen,
            }
        )
    return {
        "metric": SPOKEN[compared.metric].format(k=compared.k),
        "greater_is_better": compared.metric not in ("rmse", "mae"),
        "folds": None,
        "repeats": None,
        "n_labelled": None,
        "rows": rows,
    }


def tables(compared: RecommendComparison, negatives: str | int = "all") -> list[dict[str, Any]]:
    """All metrics on new users and on later entries, and the gain by share of users in both."""
    lists = f"Lists rank {_ranked(negatives)}."
    found = []
    for study, title, about in (
        (
            compared.cold,
            f"New {compared.who}",
            f"{compared.who.capitalize()} in both domains, their entries in the target hidden: "
            f"what all models make of those in the source. {lists}",
        ),
        (
            compared.time,
            LATER,
            "The last entries of the target, learned from those before: users with entries of "
            f"their own count, and new ones. {lists}",
        ),
    ):
        if study is not None:
            found.append(_metrics_table(compared, study, title, about))
    shares = compared.by_share()
    if shares:
        found.append(_share_table(compared, shares))
    return found


def _ranked(negatives: str | int) -> str:
    """What lists are made of."""
    if negatives == "all":
        return "all items of the target"
    return f"what a user took and {negatives} other items, drawn by their popularity"


def _metrics_table(
    compared: RecommendComparison, study: Study, title: str, about: str
) -> dict[str, Any]:
    names = [metric_name(metric, compared.k) for metric in compared.metrics]
    rows = [
        [row["name"], *(_told(row[metric]) for metric in compared.metrics)]
        for row in compared.rows(study)
    ]
    who = compared.who
    sizes = f" {study.n_users:,} {who}, {study.n_entries:,} entries; 95 % intervals over {who}."
    columns = ["Model", *names]
    return {"title": title, "about": about + sizes, "columns": columns, "rows": rows}


def _share_table(compared: RecommendComparison, shares: list[dict[str, Any]]) -> dict[str, Any]:
    steps = sorted({row["share"] for row in shares})
    names = dict.fromkeys(row["name"] for row in shares)
    gains = {(row["name"], row["share"]): row["gain"] for row in shares}
    metric = metric_name(compared.metric, compared.k)
    return {
        "title": f"How many {compared.who} in both it takes",
        "about": f"Gain in {metric} over {compared.verdict.baseline}, above zero where the map "
        f"is better, when maps learn from a share of the {compared.who} in both.",
        "columns": ["Map", *(f"{step:.0%}" for step in steps)],
        "rows": [
            [name, *(_told(gains.get((name, s)), sign=True) for s in steps)] for name in names
        ],
    }


def example_tables(
    model: CrossDomainRecommender,
    pair: tuple[Interactions, Interactions],
    features: ItemFeatures | None,
) -> list[dict[str, Any]]:
    """Some users: what they like best in the source, and what is recommended to them."""
    if model.over_ == "items":
        return []
    source, target = (one.frame for one in pair)
    titles = {} if features is None else features.titles
    counts = source[USER].value_counts()
    new = counts[~counts.index.isin(target[USER])]
    chosen = [*_spread(new, N_EXAMPLES // 2)]
    chosen += [*_spread(counts[counts.index.isin(target[USER])], N_EXAMPLES - len(chosen))]
    rows = []
    for user in chosen:
        known = target[target[USER] == user]
        shown = model.recommend(user, min(N_SHOWN, len(model.items_)))["item"]
        own = f"{len(known)} ({model.own_weight(user):.0%})" if len(known) else "none: new here"
        liked = _best_liked(source, user)
        rows.append([str(user), _list(liked, titles), own, _list(shown, titles)])
    return [
        {
            "title": "Some users",
            "about": "What they like best in the source, how many entries of their own they have "
            "in the target and how much these count, and what is recommended there."
            f"{SAME_LIST if model.mapping in ('bias', 'none') else ''}",
            "columns": ["User", "Liked in the source", "Own entries", "Recommended"],
            "rows": rows,
        }
    ]


def _spread(counts: pd.Series, n: int) -> list[Any]:
    """Some users, from those with many entries to those with few."""
    if counts.empty or n < 1:
        return []
    places = np.unique(np.linspace(0.1, 0.9, n) * (len(counts) - 1)).astype(int)
    return counts.index[np.unique(places)].tolist()


def _best_liked(source: pd.DataFrame, user: Any) -> pd.Series:
    """The items rated highest beyond their means, or had most often."""
    own = source[source[USER] == user]
    means = source.groupby(ITEM)[RATING].mean().reindex(own[ITEM]).to_numpy()
    above = own[RATING] + 1e-3 * (own[RATING] - means)
    return own.loc[above.sort_values(ascending=False, kind="stable").index[:N_LIKED], ITEM]


def _list(items: Any, titles: dict[Any, str]) -> str:
    return "; ".join(str(titles.get(item, item)) for item in items)


def _data(
    pair: tuple[Interactions, Interactions],
    features: ItemFeatures | None,
    model: CrossDomainRecommender,
) -> dict[str, Any]:
    notes = [f"{model.n_links_:,} {_both(model)} are in both domains."]
    if model.over_ == "items":
        notes.append(
            "Items connect the domains and stand in the users' place: a model's user is an item "
            "here, and a list the users to show it to."
        )
    notes += _twice_note(*pair)
    if features is not None:
        notes += [f"Items have {len(features.names)} features.", *features.notes]
    sides = {side: _table(one) for side, one in zip(("source", "target"), pair)}
    return {**sides, "label": None, "task": None, "classes": [], "notes": notes}


def _twice_note(source: Interactions, target: Interactions) -> list[str]:
    """Entries in both tables: of these, hiding them from the target hides nothing."""
    entries = [pd.MultiIndex.from_frame(one.frame[[USER, ITEM]]) for one in (source, target)]
    n_twice = int(entries[1].isin(entries[0]).sum())
    if not n_twice:
        return []
    return [
        f"{n_twice:,} of {len(target):,} target entries are in the source too, the same user with "
        "the same item: what is hidden there is known here, and scores flatter the maps."
    ]


def _both(model: CrossDomainRecommender) -> str:
    return "items" if model.over_ == "items" else "users"


def _table(interactions: Interactions) -> dict[str, Any]:
    frame, table = interactions.frame, interactions.table
    sizes = (
        f"{frame[USER].nunique():,} users, {frame[ITEM].nunique():,} items, {len(frame):,} entries."
    )
    return {
        "name": Path(table.path).name if table and table.path else interactions.name,
        "path": table.path if table else None,
        "rows": len(table.frame) if table else len(frame),
        "labelled": len(frame),
        "sha256": table.sha256 if table else None,
        "notes": [sizes, *interactions.notes, *(table.notes if table else ())],
    }


def _roles(compared: RecommendComparison) -> dict[str, str]:
    return {} if compared.cold is None else compared.cold.roles


def _told(value: Interval | None, sign: bool = False) -> str:
    if value is None:
        return "–"
    form = "+.3f" if sign else ".3f"
    low, high = format(value.low, form), format(value.high, form)
    return f"{format(value.mean, form)} ({low} to {high})".replace("-", "−")
