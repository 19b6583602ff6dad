"""What one would do without transfer: every baseline as users' rows times items' columns."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from landbridge.kits.recommend.biased_mf import BiasedMF
from landbridge.kits.recommend.item_features import ItemFeatures
from landbridge.kits.recommend.learning import Factorised, Learned

ITEM_MEAN, TARGET_ONLY, POPULARITY = "item mean", "target only", "popularity"
GLOBAL_MEAN, USER_MEAN, CONTENT, OWN_BIAS = "global mean", "user mean", "content", "own bias"
SHRINKAGES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 25.0, 50.0)
ABOUT = {
    GLOBAL_MEAN: "the mean of all ratings",
    ITEM_MEAN: "the item's mean, shrunk by how many rated it, as leaving ratings out asks for",
    USER_MEAN: "the user's mean in the source, shrunk and moved to the target's level",
    POPULARITY: "the items that most users have",
    TARGET_ONLY: "factors of the target alone: someone new gets the average user's",
    OWN_BIAS: "the item's mean and the user's own bias in the target",
    CONTENT: "the items most like, by their features, what the user has liked so far",
}


class Scorer(NamedTuple):
    """Scores ``rows @ columns.T + offsets`` of some users (m, K) for all items (n, K)."""

    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    offsets: NDArray[np.float64]
    predicts: bool = True  # ratings, and not only an order
    ranks: bool = True  # items, and not all alike

    def predict(self, users: NDArray, items: NDArray) -> NDArray[np.float64]:
        """The score of each pair of row numbers."""
        within = np.einsum("nk,nk->n", self.rows[users], self.columns[items])
        return within + self.offsets[items]


def flat(n_users: int, offsets: NDArray, predicts: bool = True, ranks: bool = True) -> Scorer:
    """The same for every user."""
    rows, columns = np.zeros((n_users, 1)), np.zeros((len(offsets), 1))
    return Scorer(rows, columns, offsets.astype(np.float64), predicts, ranks)


def item_means(target: Factorised) -> NDArray[np.float64]:
    r"""The mean rating of each item (n,), shrunk towards that of all.

    :math:`\mu + \sum_u (r_{ui} - \mu) / (n_i + \kappa)`, with the κ that predicts best each
    rating from the item's others.
    """
    entries, counts = target.matrix.tocoo(), target.popularity
    above = entries.data - target.model.mean_
    sums = np.bincount(entries.col, above, minlength=len(counts))
    others, n_others = sums[entries.col] - above, counts[entries.col] - 1
    losses = [((above - others / (n_others + kappa)) ** 2).sum() for kappa in SHRINKAGES]
    return target.model.mean_ + sums / (counts + SHRINKAGES[int(np.argmin(losses))])


def own_biases(target: Factorised) -> BiasedMF:
    """Biases of users and items alone, by ridge regression."""
    prototype = clone(target.model).set_params(n_factors=0)
    return prototype.fit(target.matrix)


def cold_baselines(
    learned: Learned, source_rows: NDArray, features: ItemFeatures | None
) -> dict[str, Scorer]:
    """Every baseline for users known in the source alone, given by their row numbers there."""
    target, n_users = learned.target, len(source_rows)
    found = {}
    average = np.tile(target.average, (n_users, 1))
    if target.is_rated:
        means = np.full(len(target.items), target.model.mean_)
        found[GLOBAL_MEAN] = flat(n_users, means, ranks=False)
        found[ITEM_MEAN] = flat(n_users, item_means(target))
        found[USER_MEAN] = _user_means(learned, source_rows)
    found[TARGET_ONLY] = Scorer(average, target.columns, target.offsets, target.is_rated)
    found[POPULARITY] = flat(n_users, target.popularity, predicts=False)
    if features is not None:
        found[CONTENT] = _content([(learned.source, source_rows)], target, features)
    return found


def time_baselines(
    learned: Learned, source_rows: NDArray, target_rows: NDArray, features: ItemFeatures | None
) -> dict[str, Scorer]:
    """Every baseline for users by their row numbers in both domains, -1 for one not known there."""
    target, n_users = learned.target, len(target_rows)
    is_warm = (target_rows >= 0)[:, None]
    own = np.where(is_warm, target.rows[target_rows], target.average)
    found = {
        TARGET_ONLY: Scorer(own, target.columns, target.offsets, target.is_rated),
        POPULARITY: flat(n_users, target.popularity, predicts=False),
    }
    if target.is_rated:
        biases = own_biases(target)
        means = biases.mean_ + biases.columns_[:, 0].astype(np.float64)
        generous = np.where(is_warm, biases.rows_[target_rows], 0).astype(np.float64)
        found[ITEM_MEAN] = flat(n_users, item_means(target))
        found[USER_MEAN] = _user_means(learned, source_rows)
        found[OWN_BIAS] = Scorer(generous, np.ones((len(means), 1)), means)
    if features is not None:
        had = [(learned.source, source_rows), (target, target_rows)]
        found[CONTENT] = _content(had, target, features)
    return found


def _user_means(learned: Learned, source_rows: NDArray) -> Scorer:
    """The target's mean, plus how far the user's mean lies above the source's, shrunk."""
    source = learned.source
    sums = source.matrix[source_rows].sum(axis=1) - source.counts[source_rows] * source.model.mean_
    shrunk = sums / (source.counts[source_rows] + source.model.reg_user)
    shrunk = np.where(source_rows >= 0, shrunk, 0.0)
    n_items, mean = len(learned.target.items), learned.target.model.mean_
    return Scorer(shrunk[:, None], np.ones((n_items, 1)), np.full(n_items, mean), ranks=False)


def _content(
    had: list[tuple[Factorised, NDArray]], target: Factorised, features: ItemFeatures
) -> Scorer:
    """Cosine between items and the user's profile: the features of what they had, liked more.

    ``had`` gives domains, each with the users' row numbers there. A rating above the item's mean
    counts for its features, one below against them; without ratings, each counts as 1.
    """
    profiles = sum(_profiles(domain, rows, features) for domain, rows in had)
    columns = _of_length_one(features.rows(target.items))
    nothing = np.zeros(len(columns))
    return Scorer(_of_length_one(np.asarray(profiles)), columns, nothing, predicts=False)


def _profiles(domain: Factorised, rows: NDArray, features: ItemFeatures) -> NDArray[np.float64]:
    """What users by their row numbers (-1: not known) liked in one domain, by its features."""
    entries = domain.matrix[rows].tocoo()
    liking = np.ones(len(entries.data))
    if domain.is_rated:
        liking = entries.data - domain.offsets[entries.col]
    known = _of_length_one(features.rows(domain.items))
    profiles = np.zeros((len(rows), known.shape[1]))
    np.add.at(profiles, entries.row, liking[:, None] * known[entries.col])
    profiles[rows < 0] = 0.0
    return profiles


def _of_length_one(rows: NDArray) -> NDArray[np.float64]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
