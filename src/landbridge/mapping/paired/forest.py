"""A forest of regression trees as the map between pairs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from landbridge.domains.folds import folds_by_content
from landbridge.domains.memory import check_memory
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import PairedMapping
from landbridge.mapping.surrogate import Surrogate


def forest_bytes(n_rows: int, n_outputs: int, n_estimators: int, min_samples_leaf: int) -> float:
    """What the trees may take: fewer than 2 n / leaf nodes each, 8 numbers and a target row a node.

    A leaf takes ``min_samples_leaf`` rows at least, and a tree has twice as many nodes as leaves.
    """
    nodes = 2.0 * max(1.0, n_rows / min_samples_leaf)
    return n_estimators * nodes * 8 * (8 + n_outputs)


class ForestMap(Surrogate, PairedMapping):
    r"""Average many regression trees: a map with steps and thresholds, and any mix of units.

    :math:`f(x) = \frac1T \sum_t \bar y_t(x)`, the mean over T trees of the mean target row in
    the leaf where x falls; each tree is grown on a bootstrap sample of the pairs (Breiman 2001,
    by scikit-learn). What comes out lies between target rows seen in training: a forest never
    carries beyond them.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees T; more are smoother, slower and larger.
    max_features : float, int, {"sqrt", "log2"} or None, default=1/3
        Source features (their share, or number) that each split looks at; fewer make trees
        that differ more.
    max_depth : int or None, default=None
        The most splits in a row; no limit by default.
    min_samples_leaf : int, default=3
        The fewest pairs in a leaf; more are smoother and make the model smaller.
    n_jobs : int or None, default=None
        Trees grown at once, as scikit-learn counts them.
    random_state : int, default=0
        Seed of bootstrap samples and features; the order of the pairs does not matter.

    Attributes
    ----------
    forest_ : RandomForestRegressor
        The trees: up to 2 n / min_samples_leaf nodes each, with a target row in each node.
    slopes_ : ndarray of shape (d_s, d_t)
        The linear map nearest to f, which ``explain`` reads.
    source_std_ : ndarray of shape (d_s,)

    Notes
    -----
    Trees compare source features in single precision. A pair's weight is its chance to be drawn
    (before scikit-learn 1.8 its share in means and splits), so that a weight of 2 is not quite
    the same as two such pairs.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.paired.forest import ForestMap
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> map_ = ForestMap().fit(X, np.c_[X > 0, X < 0.5].astype(float))
    >>> map_.transform([[-0.5], [0.2], [0.9]]).round(2)
    array([[0., 1.],
           [1., 1.],
           [1., 0.]])
    """

    takes_sparse = True
    cost = "T n d log² n, with T trees"
    when = "the map has steps, thresholds or interactions, and pairs are in the thousands"

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        max_features: float | int | str | None = 1 / 3,
        max_depth: int | None = None,
        min_samples_leaf: int = 3,
        n_jobs: int | None = None,
        random_state: int = 0,
    ):
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _fit(self, X: Any, Y: NDArray, sample_weight: NDArray | None) -> None:
        self._check_parameters(len(Y), Y.shape[1])
        order = folds_by_content(X, Y, 1)[0]  # bootstrap samples go by row numbers
        weights = np.ones(len(Y)) if sample_weight is None else sample_weight
        order = order[weights[order] > 0]
        outputs = Y[order, 0] if Y.shape[1] == 1 else Y[order]
        self.forest_ = RandomForestRegressor(**self.get_params())
        self.forest_.fit(X[order], outputs, weights[order])
        self._set_slopes(X)

    def _map(self, X: Any) -> NDArray:
        moved = np.asarray(self.forest_.predict(X), dtype=X.dtype)
        return moved.reshape(X.shape[0], -1)

    def _check_parameters(self, n_rows: int, n_outputs: int) -> None:
        for name in ("n_estimators", "min_samples_leaf"):
            check_number(name, getattr(self, name), least=1, whole=True)
        check_memory(
            forest_bytes(n_rows, n_outputs, self.n_estimators, self.min_samples_leaf),
            f"A forest of {self.n_estimators:,} trees with {n_outputs:,} features in each leaf",
            "Raise min_samples_leaf, grow fewer trees, or use KernelRidgeMap.",
        )
