"""Lists of recommendations: the best items, and how much of what users took they hold."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

USERS_AT_ONCE = 256


def best_items(scores: NDArray, k: int) -> NDArray[np.intp]:
    """The columns (m, k) of the k largest scores of each row (m, n), largest first.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.recommend.ranking import best_items
    >>> best_items(np.array([[0.1, 0.9, 0.5]]), 2)
    array([[1, 2]])
    """
    k = min(k, scores.shape[1])
    some = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def list_quality(hits: NDArray, n_relevant: NDArray, k: int) -> tuple[NDArray, NDArray]:
    """NDCG@k and Recall@k of each user (m,), from which of the k places hold something taken.

    ``NDCG = Σ_p hit_p / log₂(p + 1)`` by the most it could be (Järvelin & Kekäläinen 2002,
    binary gains); ``Recall`` is the share of what was taken that the list holds.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.recommend.ranking import list_quality
    >>> ndcg, recall = list_quality(np.array([[False, True]]), np.array([1]), 2)
    >>> round(float(ndcg[0]), 3), float(recall[0])
    (0.631, 1.0)
    """
    gains = 1 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(gains)[np.clip(n_relevant, 1, k).astype(int) - 1]
    padded = np.pad(hits.astype(float), ((0, 0), (0, k - hits.shape[1])))
    return padded @ gains / best, padded.sum(axis=1) / n_relevant


def rank_quality(
    rows: NDArray,
    columns: NDArray,
    offsets: NDArray,
    relevant: csr_array,
    seen: csr_array | None = None,
    k: int = 10,
    candidates: list[NDArray] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """NDCG@k and Recall@k (m,) of users whose scores are ``rows @ columns.T + offsets``.

    Parameters
    ----------
    rows, columns, offsets : ndarray of shape (m, K), (n, K) and (n,)
    relevant : sparse matrix of shape (m, n)
        What each user took; NaN for users who took nothing.
    seen : sparse matrix of shape (m, n), optional
        What is not to be recommended any more.
    k : int
        Length of the lists.
    candidates : list of m arrays, optional
        The items to rank for each user beside what they took; by default all.
    """
    ndcg, recall = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    n_relevant = np.diff(relevant.indptr)
    for start in range(0, len(rows), USERS_AT_ONCE):
        some = np.arange(start, min(start + USERS_AT_ONCE, len(rows)))
        some = some[n_relevant[some] > 0]
        if not len(some):
            continue
        scores = rows[some] @ columns.T + offsets
        taken = relevant[some].toarray() != 0
        if seen is not None:
            scores[seen[some].toarray() != 0] = -np.inf
        if candidates is not None:
            allowed = taken.copy()
            for place, user in enumerate(some):
                allowed[place, candidates[user]] = True
            scores[~allowed] = -np.inf
        hits = np.take_along_axis(taken, best_items(scores, k), axis=1)
        ndcg[some], recall[some] = list_quality(hits, n_relevant[some], k)
    return ndcg, recall


def popular_negatives(
    relevant: csr_array, popularity: NDArray, n_negatives: int, rng: Any
) -> list[NDArray[np.intp]]:
    """For each user, items that they did not take, drawn as often as others take them.

    Against these, that an item is popular is no merit; among all items it is much of one.
    """
    share = popularity / popularity.sum()
    drawn = []
    for user in range(relevant.shape[0]):
        taken = relevant.indices[relevant.indptr[user] : relevant.indptr[user + 1]]
        free = share.copy()
        free[taken] = 0
        n_drawn = min(n_negatives, int((free > 0).sum()))
        drawn.append(rng.choice(len(free), n_drawn, replace=False, p=free / free.sum()))
    return drawn
