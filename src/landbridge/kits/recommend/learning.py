"""Both domains factorised, and who is in both: what every way over starts from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.base import clone

from landbridge.kits.recommend.biased_mf import BiasedMF
from landbridge.kits.recommend.interactions import ITEM, USER, Interactions

FEWEST_LINKS = 10
"""Fewer users in both domains tell nothing of a map."""
N_TRAITS = 2
"""Principal components of what a user likes that the personal map depends on."""


@dataclass
class Factorised:
    """One domain after the source step.

    ``rows`` (n, K) and ``columns`` (m, K) are in units of the prediction: those of users such
    that ``‖Δ‖²`` is the mean squared change of the prediction over the domain's entries.
    """

    model: Any
    users: pd.Index
    items: pd.Index
    matrix: csr_array

    @property
    def is_rated(self) -> bool:
        """Whether the entries are ratings."""
        return isinstance(self.model, BiasedMF)

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """Entries of each user."""
        return np.diff(self.matrix.indptr).astype(np.float64)

    @cached_property
    def popularity(self) -> NDArray[np.float64]:
        """Entries of each item."""
        return np.bincount(self.matrix.indices, minlength=len(self.items)).astype(np.float64)

    @cached_property
    def root(self) -> NDArray[np.float64]:
        """``M^{1/2}`` (K, K) of the items' second moments ``M``, items weighted by entries."""
        Z = self._plain_columns
        weights = self.popularity if self.is_rated else np.ones(len(Z))
        M = (Z * weights[:, None]).T @ Z / weights.sum()
        values, vectors = np.linalg.eigh(M)
        root = np.sqrt(np.maximum(values, 1e-8 * values[-1]))
        return np.asarray((vectors * root) @ vectors.T)

    @cached_property
    def rows(self) -> NDArray[np.float64]:
        """Users (n, K) in units of the prediction."""
        return self.in_units(self.model.rows_)

    @cached_property
    def columns(self) -> NDArray[np.float64]:
        """Items (m, K) such that ``rows @ columns.T`` is the user's part of the prediction."""
        return np.asarray(np.linalg.solve(self.root, self._plain_columns.T).T, dtype=np.float64)

    @cached_property
    def offsets(self) -> NDArray[np.float64]:
        """What is predicted of each item (m,) whoever the user is."""
        if self.is_rated:
            return self.model.mean_ + self.model.columns_[:, 0].astype(np.float64)
        return np.zeros(len(self.items))

    @cached_property
    def average(self) -> NDArray[np.float64]:
        """The mean user (K,), each as often as they occur in the ratings, or once."""
        known = self.counts > 0
        weights = self._user_weights[known]
        return np.asarray(weights @ self.rows[known] / weights.sum(), dtype=np.float64)

    def in_units(self, rows: NDArray) -> NDArray[np.float64]:
        """Rows of the model in units of the prediction."""
        return rows.astype(np.float64) @ self.root

    @property
    def _user_weights(self) -> NDArray:
        return self.counts if self.is_rated else np.ones(len(self.users))

    @property
    def _plain_columns(self) -> NDArray[np.float64]:
        """``(1, q_i)``, or ``y_i``."""
        Z = self.model.columns_.astype(np.float64)
        if self.is_rated:
            Z[:, 0] = 1
        return Z

    def tastes(self) -> NDArray[np.float64]:
        r"""What each user likes: the items' factors under the attention that the user pays.

        :math:`h_u = \sum_j a_{uj} q_j`, with :math:`a_{uj} \propto \exp(e_{uj} / \sigma_e)`
        over the user's items, where :math:`e_{uj}` is how far the rating lies above its biases:
        what a user likes more than expected counts more. Without ratings, all count alike.
        """
        entries = self.matrix.tocoo()
        heed = np.ones(len(entries.data))
        if self.is_rated:
            biases = self.model.rows_[entries.row, 0]
            above = entries.data - biases - self.offsets[entries.col]
            heed = np.exp(above / above.std()) if above.std() > 0 else heed
        attention = csr_array((heed, (entries.row, entries.col)), shape=self.matrix.shape)
        factors = self.columns if not self.is_rated else self._plain_columns[:, 1:]
        total = np.maximum(attention.sum(axis=1), 1e-12)
        return (attention @ factors) / total[:, None]


@dataclass
class Learned:
    """Source and target after the source step, and which rows of both are one user."""

    source: Factorised
    target: Factorised
    links: NDArray[np.intp]  # (n, 2): a row of the source, and its row of the target

    @cached_property
    def traits(self) -> NDArray[np.float64]:
        """The first principal components of the source users' tastes, standardised (n, H)."""
        tastes = self.source.tastes()
        seen = self.source.counts > 0
        centred = tastes - tastes[seen].mean(axis=0)
        _, _, axes = np.linalg.svd(centred[seen], full_matrices=False)
        scores = centred @ axes[:N_TRAITS].T
        scale = scores[seen].std(axis=0)
        return scores / np.where(scale > 1e-9 * max(scale.max(initial=0.0), 1e-12), scale, np.inf)


def factorise(
    interactions: Interactions, users: pd.Index, items: pd.Index, model: Any
) -> Factorised:
    """The source step on one domain."""
    matrix = interactions.matrix(users, items)
    return Factorised(clone(model).fit(matrix), users, items, matrix)


def names_in(interactions: Interactions) -> tuple[pd.Index, pd.Index]:
    """Users and items, each once and sorted."""
    frame = interactions.frame
    users, items = (pd.Index(np.sort(frame[side].unique())) for side in (USER, ITEM))
    return users, items


def links_between(source: pd.Index, target: pd.Index) -> NDArray[np.intp]:
    """The row numbers (n, 2) in both of all that are in both."""
    places = target.get_indexer(source)
    both = np.flatnonzero(places >= 0)
    return np.column_stack([both, places[both]])


def learn(source: Interactions, target: Interactions, model: Any, over: str) -> Learned:
    """The source step in both domains, and who is in both."""
    parts = [factorise(one, *names_in(one), model) for one in (source, target)]
    return linked(parts[0], parts[1], over)


def linked(source: Factorised, target: Factorised, over: str) -> Learned:
    """Both domains with the links between them, none where features connect them."""
    links = links_between(source.users, target.users)
    known = (source.counts[links[:, 0]] > 0) & (target.counts[links[:, 1]] > 0)
    return Learned(source, target, links[known] if over != "features" else links[:0])
