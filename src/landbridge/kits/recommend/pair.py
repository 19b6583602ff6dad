"""Both shops' tables beside each other: names alike, what the entries are, what connects them."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from landbridge.domains.wording import listed
from landbridge.kits.recommend.biased_mf import BiasedMF
from landbridge.kits.recommend.implicit_als import ImplicitALS
from landbridge.kits.recommend.interactions import (
    ITEM,
    RATING,
    USER,
    Interactions,
    read_interactions,
)
from landbridge.kits.recommend.item_features import ItemFeatures, read_item_features

FEEDBACK = ("auto", "ratings", "implicit")
OVER = ("auto", "users", "items", "features")


def read_pair(source: Any, target: Any, **columns: Any) -> tuple[Interactions, Interactions]:
    """Both domains' interactions, users and items named alike; see ``read_interactions``."""
    pair = [
        one if isinstance(one, Interactions) else read_interactions(one, name=name, **columns)
        for one, name in ((source, "source"), (target, "target"))
    ]
    for side in (USER, ITEM):
        named = _same_names(*(one.frame[side] for one in pair))
        for one, names in zip(pair, named):
            one.frame = one.frame.assign(**{side: names})
    return pair[0], pair[1]


def as_features(item_features: Any, item: str) -> ItemFeatures | None:
    """Item features, read where there are some that have not been."""
    if item_features is None or isinstance(item_features, ItemFeatures):
        return item_features
    return read_item_features(item_features, item=item)


class Connected(NamedTuple):
    """Two shops of one kind of entries, their common side as users, and what factorises them."""

    source: Interactions
    target: Interactions
    over: str
    feedback: str
    model: Any


def connected(
    source: Interactions,
    target: Interactions,
    has_features: bool,
    *,
    over: str,
    feedback: str,
    model: Any,
    seed: int,
) -> Connected:
    """Both shops ready for the source step; where items connect them these become the users."""
    over = way_over(source, target, has_features, over)
    if over == "items":
        source, target = source.swapped(), target.swapped()
    feedback = feedback_of(source, target, feedback)
    return Connected(source, target, over, feedback, model_for(feedback, model, seed))


def feedback_of(source: Interactions, target: Interactions, feedback: str) -> str:
    """Whether the entries are "ratings" or "implicit".

    Raises
    ------
    ValueError
        If interactions are wanted, but an entry is not above zero.
    """
    values = [one.frame[RATING] for one in (source, target)]
    if feedback == "auto":
        feedback = "ratings" if max(one.nunique() for one in values) > 1 else "implicit"
        is_counted = all((one % 1 == 0).all() and one.min() >= 1 for one in values)
        summed = any("strength" in note for d in (source, target) for note in d.notes)
        if feedback == "ratings" and summed and is_counted:
            feedback = "implicit"
    if feedback == "implicit" and min(one.min() for one in values) <= 0:
        raise ValueError(
            'feedback="implicit" takes each row as something that happened: found a value that '
            'is not above zero. Leave out such rows, or use feedback="ratings".'
        )
    return feedback


def model_for(feedback: str, model: Any, seed: int) -> Any:
    """The source step for this feedback.

    Raises
    ------
    TypeError
        If the model that was given is for the other kind.
    """
    kind = BiasedMF if feedback == "ratings" else ImplicitALS
    if model is None:
        return kind(random_state=seed)
    if not isinstance(model, kind):
        raise TypeError(
            f"model must be a {kind.__name__} for {feedback}: found {type(model).__name__}."
        )
    return model


def _same_names(*columns: pd.Series) -> list[pd.Series]:
    """Columns of names of one kind: whole numbers if all are, else text."""
    if all(pd.api.types.is_integer_dtype(column) for column in columns):
        return list(columns)
    return [column.astype(str).astype(object) for column in columns]


def way_over(source: Interactions, target: Interactions, has_features: bool, over: str) -> str:
    """What connects the domains: "users", "items" or "features", the first that does.

    Raises
    ------
    ValueError
        If nothing does, or not what was asked for.
    """
    shared = {
        "users": np.intersect1d(source.frame[USER].unique(), target.frame[USER].unique()),
        "items": np.intersect1d(source.frame[ITEM].unique(), target.frame[ITEM].unique()),
    }
    found = [side for side, names in shared.items() if len(names) > 1]
    if has_features:
        found.append("features")
    if over in found:
        return over
    some = [listed(one.frame[USER].unique()[:3].tolist()) for one in (source, target)]
    examples = f"users such as {some[0]} and {some[1]}"
    if over != "auto":
        raise ValueError(
            f"Source and target cannot be connected over {over}: found "
            f"{listed(found) if found else 'nothing in common'}, with {examples}."
        )
    if not found:
        raise ValueError(
            f"Source and target have no user and no item in common: {examples}. Give both the "
            "same names, or item features (such as genres) of both domains."
        )
    return found[0]
