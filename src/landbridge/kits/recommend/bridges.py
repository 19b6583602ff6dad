"""The mapping step: from what a user is in the source to what they are in the target."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.folds import folds_by_content
from landbridge.kits.recommend.learning import Learned
from landbridge.mapping import GradientMapping, LeastSquares, Ridge
from landbridge.moments import Moments

MAPPINGS = {
    "none": "no map: everybody new gets what the average user gets",
    "bias": "how generously a user rates, and nothing else",
    "linear": "factors to factors by least squares (EMCDR: Man et al. 2017)",
    "ridge": "the bias, and factors by ridge regression on what it leaves",
    "mlp": "the same by a network with one hidden layer (needs PyTorch)",
    "personal": "the bias, and a linear map for each user by what they like (Zhu et al. 2022)",
    "features": "item features: what users like in the source, told from the target's items",
}
HALF_TRUST = 5.0
"""A pair counts half where the user has so many entries in the target."""
N_COMPONENTS = 5
N_FOLDS = 3
MOST_RATINGS = 200_000
"""The personal map learns from at most so many ratings, drawn at random."""


def mapping_names(is_rated: bool, has_features: bool) -> list[str]:
    """The mappings that can be tried here; the network only where PyTorch is installed."""
    names = [name for name in MAPPINGS if name != "none"]
    left_out = {"bias"} if not is_rated else set()
    left_out |= {"features"} if not has_features else set()
    left_out |= {"mlp"} if find_spec("torch") is None else set()
    return [name for name in names if name not in left_out]


class Bridge:
    """From source rows to target rows, learned from users who are in both.

    Parameters
    ----------
    name : str
        One of ``MAPPINGS``.
    learned : Learned
        Both domains, and the links to learn from.
    seed : int
        Of what is drawn.
    """

    def __init__(self, name: str, learned: Learned, seed: int):
        self.name = name
        self.learned = learned
        self.seed = seed
        rows_s, rows_t = learned.links.T
        self._X = learned.source.rows[rows_s]
        self._Y = learned.target.rows[rows_t]
        counts = learned.target.counts[rows_t]
        self._weights = counts / (counts + HALF_TRUST)
        self._bias_map: Any = None
        self._fit()

    def rows(self, source_rows: NDArray) -> NDArray[np.float64]:
        """Target rows (m, K) for source row numbers (m,)."""
        X = self.learned.source.rows[source_rows]
        if self.name == "none":
            return np.tile(self.learned.target.average, (len(X), 1))
        start = self._start(source_rows)
        if self.name == "bias":
            return start
        if self.name == "personal":
            return start + self._personal_rows(source_rows)
        return start + self._map.transform(X)

    def _fit(self) -> None:
        fit = {
            "none": lambda: None,
            "bias": self._fit_bias,
            "linear": lambda: self._fit_factors(LeastSquares()),
            "ridge": self._fit_ridge,
            "mlp": lambda: self._fit_factors(self._network()),
            "personal": self._fit_personal,
        }
        fit[self.name]()

    def _fit_factors(self, mapping: Any) -> None:
        """``min_f Σ w_u ‖f(x_u) − y_u‖²`` over the users in both (Man et al. 2017, eq. 7)."""
        self._map = mapping.fit(self._X, self._Y, sample_weight=self._weights)

    def _network(self) -> GradientMapping:
        """Their network: one hidden layer of twice as many units as there are factors."""
        units = 2 * self._X.shape[1]
        return GradientMapping((units,), max_epochs=100, random_state=self.seed)

    def _fit_ridge(self) -> None:
        """Ridge regression on what the bias leaves, so that it can be shrunk by itself."""
        if self.learned.target.is_rated:
            self._fit_bias()
        left = self._Y - self._start(self.learned.links[:, 0])
        self._map = wide_ridge(self._X).fit(self._X, left, sample_weight=self._weights)

    # How generously they rate

    def _start(self, source_rows: NDArray) -> NDArray[np.float64]:
        """Target rows by the bias alone, where the mapping starts from it; else zero."""
        if self._bias_map is None:
            return np.zeros((len(source_rows), self._Y.shape[1]))
        along = self._along_bias(self._bias_map.transform(self._biases(source_rows)))
        return self.learned.target.average + along

    def _biases(self, source_rows: NDArray) -> NDArray:
        return self.learned.source.model.rows_[source_rows, :1].astype(np.float64)

    def _along_bias(self, biases: NDArray) -> NDArray[np.float64]:
        """Target rows that differ from zero by a bias (m, 1) alone."""
        plain = np.zeros((len(biases), self._Y.shape[1]))
        plain[:, 0] = biases[:, 0]
        return self.learned.target.in_units(plain)

    def _fit_bias(self) -> None:
        rows_s, rows_t = self.learned.links.T
        target = self.learned.target
        over_average = (
            target.model.rows_[rows_t, 0] - np.linalg.solve(target.root, target.average)[0]
        )
        self._bias_map = Ridge().fit(
            self._biases(rows_s), over_average.astype(np.float64)[:, None], self._weights
        )

    # A map for each user

    def _fit_personal(self) -> None:
        rated = self.learned.target.is_rated
        self._fit_on_ratings() if rated else self._fit_personal_factors()

    def _told(self, source_rows: NDArray) -> NDArray[np.float64]:
        """``(1, x, h ⊗ x)``: on it a linear map is ``W_u x`` with ``W_u`` linear in ``h_u``."""
        X = self.learned.source.rows[source_rows]
        if self.learned.target.is_rated:
            X = (X - self._X.mean(axis=0)) @ self._axes
        traits = self.learned.traits[source_rows]
        crossed = np.einsum("uh,uk->uhk", traits, X).reshape(len(X), -1)
        return np.hstack([np.ones((len(X), 1)), X, crossed])

    def _fit_personal_factors(self) -> None:
        told = self._told(self.learned.links[:, 0])[:, 1:]
        self._map = wide_ridge(told).fit(told, self._Y, sample_weight=self._weights)

    def _fit_on_ratings(self) -> None:
        """``min_W Σ (r_ui − o_ui − z_iᵀ W φ_u)²`` over the ratings of users in both.

        The offset ``o_ui`` is what the item's and the carried bias make of it.
        As the paper's task-oriented loss (Zhu et al. 2022, eq. 9), with a map that is linear in
        its weights, so that it is one ridge regression on ``z_i ⊗ φ_u``.
        """
        self._fit_bias()
        self._axes = _leading_axes(self._X)
        target = self.learned.target
        self._item_axes = _leading_axes(self._Y)
        rows_s, rows_t = self.learned.links.T
        told = self._told(rows_s)
        folds = folds_by_content(self._X, self._Y, min(N_FOLDS, len(told)))
        share = min(1.0, MOST_RATINGS / max(target.counts[rows_t].sum(), 1))
        rng = np.random.default_rng(self.seed)
        parts = [self._moments_of(told, fold, share, rng) for fold in folds]
        parts = [part for part in parts if part.count]
        penalties = wide_penalties(sum(part.squares.sum() for part in parts) / parts[0].n_features)
        self._map = Ridge(penalties=penalties).fit_moments(*parts)

    def _moments_of(self, told: NDArray, fold: NDArray, share: float, rng: Any) -> Moments:
        """Moments of ``z_i ⊗ φ_u`` beside the ratings of one fold's users."""
        target = self.learned.target
        total = Moments()
        start = self._start(self.learned.links[:, 0])
        for some in np.array_split(fold, max(1, len(fold) // 100)):
            entries = target.matrix[self.learned.links[some, 1]].tocoo()
            kept = rng.random(len(entries.data)) < share
            users, items = entries.row[kept], entries.col[kept]
            if len(users):
                Z = self._item_part(items)
                crossed = np.einsum("nz,np->nzp", Z, told[some][users]).reshape(len(users), -1)
                biased = np.einsum("nk,nk->n", start[some][users], target.columns[items])
                aims = entries.data[kept] - target.offsets[items] - biased
                total = total + Moments.of(
                    crossed.astype(np.float32), aims[:, None].astype(np.float32)
                )
        return total

    def _item_part(self, items: NDArray) -> NDArray[np.float64]:
        """``(1, q_i)`` along the directions in which users differ most."""
        within = self.learned.target.columns[items] @ self._item_axes
        return np.hstack([np.ones((len(items), 1)), within])

    def _personal_rows(self, source_rows: NDArray) -> NDArray[np.float64]:
        told = self._told(source_rows)
        if not self.learned.target.is_rated:
            return self._map.transform(told[:, 1:])
        W = self._map.matrix_.reshape(-1, told.shape[1])
        constant = self._map.target_mean_[0] - self._map.source_mean_ @ self._map.matrix_[:, 0]
        along = told @ W.T  # on 1 and on the leading directions of items
        plain = np.zeros((len(told), self._Y.shape[1]))
        plain[:, 0] = along[:, 0] + constant
        return self.learned.target.in_units(plain) + along[:, 1:] @ self._item_axes.T


def wide_penalties(scale: float) -> list[float]:
    """Penalties from hardly any to so much that nothing is left, by the mean eigenvalue."""
    return ((scale or 1.0) * np.logspace(-3, 4, 15)).tolist()


def wide_ridge(X: NDArray) -> Ridge:
    """Ridge regression that may come out as the mean alone."""
    return Ridge(penalties=wide_penalties(((X - X.mean(axis=0)) ** 2).sum() / X.shape[1]))


def _leading_axes(rows: NDArray) -> NDArray[np.float64]:
    """The first principal axes (K, k) of rows."""
    centred = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    kept = values > 1e-9 * values[-1]
    return vectors[:, kept][:, ::-1][:, :N_COMPONENTS]
