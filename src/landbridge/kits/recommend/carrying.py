"""The mapping and the target step: everybody's rows in the target, mapped, own, or a blend."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.kits.recommend.bridges import Bridge
from landbridge.kits.recommend.item_features import ItemFeatures
from landbridge.kits.recommend.learning import FEWEST_LINKS, Learned
from landbridge.mapping import Ridge


@dataclass
class Predictor:
    """Users as rows and items as columns, whose product plus an offset is the prediction."""

    users: pd.Index
    rows: NDArray[np.float64]
    average: NDArray[np.float64]
    columns: NDArray[np.float64]
    offsets: NDArray[np.float64]
    own: NDArray[np.float64]  # entries of each user in the target
    target_rows: NDArray[np.intp]  # each user's row there, -1 for none


def carried_over(
    mapping: str, learned: Learned, kappa: float, seed: int, features: ItemFeatures | None = None
) -> Predictor:
    """Everybody's rows in the target: mapped, their own, or the blend of both.

    Raises
    ------
    ValueError
        If too few are in both, or ``"features"`` is asked for without any.
    """
    if mapping == "features" or not len(learned.links):
        return _over_features(learned, kappa, features)
    if len(learned.links) < FEWEST_LINKS and mapping != "none":
        raise ValueError(
            f"A map is learned from users in both domains: found {len(learned.links)}, and "
            f'{FEWEST_LINKS} are the least. Give more, or use mapping="none" or "features".'
        )
    source_rows = np.arange(len(learned.source.users))
    mapped = Bridge(mapping, learned, seed).rows(source_rows)
    mapped[learned.source.counts == 0] = learned.target.average
    if mapping == "none" and not learned.target.is_rated:
        return _popular(learned, kappa)
    return _blended(learned, mapped, learned.target.average, kappa)


def _blended(learned: Learned, mapped: NDArray, average: NDArray, kappa: float) -> Predictor:
    """``w y + (1 − w) f(x)`` for those in both, ``f(x)`` or ``y`` for the others."""
    source, target = learned.source, learned.target
    users = source.users.union(target.users)
    places_s, places_t = (one.users.get_indexer(users) for one in (source, target))
    start = np.where((places_s >= 0)[:, None], mapped[places_s], average)
    own = np.where(places_t >= 0, target.counts[places_t], 0.0)
    weight = (own / (own + kappa))[:, None]
    weight = np.where((places_s < 0)[:, None], (own > 0)[:, None], weight)
    rows = (1 - weight) * start
    n_own = target.rows.shape[1]
    rows[:, :n_own] += weight * np.where((places_t >= 0)[:, None], target.rows[places_t], 0.0)
    columns = target.columns
    return Predictor(users, rows, average, columns, target.offsets, own, places_t)


def _popular(learned: Learned, kappa: float) -> Predictor:
    """New users get what most have, on the scale of the average user's scores."""
    target = learned.target
    scores, popularity = target.columns @ target.average, target.popularity
    scale = (scores @ popularity) / (popularity @ popularity)
    average = np.append(np.zeros(target.columns.shape[1]), 1.0)
    mapped = np.tile(average, (len(learned.source.users), 1))
    predictor = _blended(learned, mapped, average, kappa)
    predictor.columns = np.column_stack([target.columns, scale * popularity])
    return predictor


def _over_features(learned: Learned, kappa: float, features: ItemFeatures | None) -> Predictor:
    r"""What users like in the source, told of the target's items by their features.

    A ridge regression from features to the source items' factors gives each target item
    :math:`g(f_i)`; a source user's prediction is the average user's plus
    :math:`(x_u - \bar x)^\top g(f_i)`.
    """
    if features is None:
        raise ValueError(
            "Nobody is in both domains, so that only item features could connect them: give "
            "item_features (such as genres) of both domains' items."
        )
    source, target = learned.source, learned.target
    known = features.rows(source.items)
    told = Ridge().fit(known, source.columns, source.popularity)
    guessed = told.transform(features.rows(target.items))
    deviations = source.rows - source.average
    deviations[source.counts == 0] = 0
    mapped = np.hstack([np.tile(target.average, (len(deviations), 1)), deviations])
    average = np.concatenate([target.average, np.zeros(deviations.shape[1])])
    predictor = _blended(learned, mapped, average, kappa)
    predictor.columns = np.hstack([target.columns, guessed])
    return predictor
