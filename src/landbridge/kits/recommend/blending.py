"""How soon a user's own entries count: the κ that predicts best when there are but a few."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.kits.recommend.bridges import Bridge
from landbridge.kits.recommend.interactions import USER, Interactions
from landbridge.kits.recommend.learning import FEWEST_LINKS, Factorised, Learned, factorise
from landbridge.kits.recommend.ranking import best_items

KAPPAS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0)
USUAL_KAPPA = 8.0
OWN_ENTRIES = (1, 2, 4, 8, 16, 32)
FEWEST_WARM, MOST_WARM = 30, 400


def estimate_kappa(
    mapping: str, learned: Learned, target: Interactions, model: Any, seed: int
) -> float | None:
    """The κ that predicts best what users in both do when few of their own entries are known.

    Of up to 400 users in both, half the entries are held out, and the factors of the target and
    the map are learned without these users. Each keeps 1 to 32 of the other half.
    ``None`` where fewer than 30 would do.
    """
    rng = np.random.default_rng(seed)
    fitting = learned.links[learned.target.counts[learned.links[:, 1]] >= 4]
    if len(fitting) < FEWEST_WARM or len(learned.links) - len(fitting) // 4 < FEWEST_LINKS:
        return None
    warm = rng.permutation(fitting)[: min(MOST_WARM, len(fitting) // 4)]
    names = learned.target.users[warm[:, 1]]
    others = target.keep(~target.frame[USER].isin(names).to_numpy())
    if not len(others):
        return None
    rest = factorise(others, learned.target.users, learned.target.items, model)
    links = learned.links[~np.isin(learned.links[:, 1], warm[:, 1])]
    mapped = Bridge(mapping, Learned(learned.source, rest, links), seed).rows(warm[:, 0])
    known, held = _split_entries(learned.target.matrix[warm[:, 1]], rng)
    own = rest.in_units(rest.model.fold_in(known))
    n_own = np.diff(known.indptr)[:, None]
    losses = [
        _loss(rest, n_own / (n_own + kappa) * own + kappa / (n_own + kappa) * mapped, known, held)
        for kappa in KAPPAS
    ]
    return KAPPAS[int(np.argmin(losses))]


def _split_entries(matrix: Any, rng: Any) -> tuple[Any, Any]:
    """For each user a few known entries (1 to 32) and the half that is held out."""
    known, held = matrix.copy(), matrix.copy()
    for row in range(matrix.shape[0]):
        entries = rng.permutation(np.arange(matrix.indptr[row], matrix.indptr[row + 1]))
        half = len(entries) // 2
        n_known = min(int(rng.choice(OWN_ENTRIES)), len(entries) - half)
        known.data[entries[n_known:]] = np.nan
        held.data[entries[: len(entries) - half]] = np.nan
    return _without_nan(known), _without_nan(held)


def _without_nan(matrix: Any) -> Any:
    """The same without the entries that are NaN."""
    entries = matrix.tocoo()
    kept = ~np.isnan(entries.data)
    where = entries.row[kept], entries.col[kept]
    return type(matrix)((entries.data[kept], where), shape=matrix.shape)


def _loss(target: Factorised, rows: NDArray, known: Any, held: Any) -> float:
    """The mean squared error of ratings, or minus the share of held-out items in the first ten."""
    entries = held.tocoo()
    if target.is_rated:
        columns = target.columns[entries.col]
        predicted = np.einsum("nk,nk->n", rows[entries.row], columns) + target.offsets[entries.col]
        return float(((entries.data - predicted) ** 2).mean())
    scores = rows @ target.columns.T
    shown = known.tocoo()
    scores[shown.row, shown.col] = -np.inf
    best = best_items(scores, min(10, scores.shape[1]))
    hits = np.take_along_axis(held.toarray() > 0, best, axis=1)
    return -float((hits / np.log2(np.arange(2, best.shape[1] + 2))).sum())
