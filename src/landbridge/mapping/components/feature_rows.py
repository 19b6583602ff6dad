"""Features of both samples: sums over them, without all of them in memory at once."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from landbridge.domains.memory import check_memory
from landbridge.mapping.components.eigen import is_small
from landbridge.moments import FeatureMap, Moments
from landbridge.moments.feature_map import stack

Matrix = NDArray[np.float64]

CHUNK_BYTES = 2**24
"""Features are made so many bytes at a time."""
HELD_BYTES = 2**29
"""Features that are needed again are kept if they take no more than this."""


def chunk_rows(n_features: int) -> int:
    """So many rows of so many features fill a chunk."""
    return max(1, CHUNK_BYTES // (8 * n_features))


class FeatureRows:
    """The features φ(x) of the source's and of the target's rows, by number 0 and 1.

    Parameters
    ----------
    feature_map : FeatureMap
        Fitted to both samples.
    samples : pair of arrays or CSR matrices of shape (n_s, d) and (n_t, d)
    weights : ndarray of shape (n_s,), optional
        Weights of the source's rows; those of the target weigh one each.
    are_repeated : bool
        Whether sums will be taken more than once: then features are kept if they fit in
        ``HELD_BYTES``. Those of an exact kernel are always kept: it was asked whether they fit.
    """

    def __init__(
        self,
        feature_map: FeatureMap,
        samples: tuple[Any, Any],
        weights: NDArray | None,
        are_repeated: bool,
    ):
        self.feature_map = feature_map
        self.samples = samples
        n_s, n_t = (rows.shape[0] for rows in samples)
        self.weights = (np.ones(n_s) if weights is None else weights, np.ones(n_t))
        self.n_features = feature_map.n_features_
        self.total_weight = float(self.weights[0].sum() + n_t)
        is_exact = feature_map.kind_ == "exact"
        self.is_dual_or_linear = is_exact or feature_map.kernel == "linear"
        is_kept = is_exact or (are_repeated and 8 * (n_s + n_t) * self.n_features <= HELD_BYTES)
        self._kept: list[Matrix] = []
        self._kernel: Matrix | None = None
        if is_kept and feature_map.kernel != "linear":
            features = np.empty((n_s + n_t, self.n_features))
            self._kept = [features[:n_s], features[n_s:]]
            for k, part in enumerate(self._kept):
                for rows, chunk in self._made(k):
                    part[rows] = chunk
            self._kernel = features if is_exact else None

    def chunks(self, k: int) -> Iterator[tuple[slice, Any]]:
        """Row numbers and float64 features of sample k, some rows at a time."""
        if self._kept:
            yield slice(None), self._kept[k]
            return
        yield from self._made(k)

    def sums(self, k: int, E: Matrix) -> Matrix:
        """``Φ.T @ E`` (m, c) for numbers ``E`` (n, c) to each row of sample k."""
        total = np.zeros((self.n_features, E.shape[1]))
        for rows, features in self.chunks(k):
            total += (E[rows].T @ features).T
        return total

    def quadratic(self, M: Any) -> Matrix:
        """``Φ.T @ M @ Φ`` (m, m) for a sparse ``M`` (n, n) over the rows of both samples."""
        n = len(self.weights[0]) + len(self.weights[1])
        check_memory(
            16.0 * n * self.n_features,
            f"All {self.n_features:,} features of {n:,} rows",
            "Give fewer rows or a smaller n_features.",
        )
        features = stack([chunk for k in (0, 1) for _, chunk in self.chunks(k)])
        product = features.T @ (M @ features)
        return product.toarray() if issparse(product) else product

    def project(self, k: int, W: Matrix) -> Matrix:
        """``Φ @ W`` (n, c) of sample k."""
        if self._kernel is not None:
            n_s = len(self.weights[0])
            return (W.T @ self._kernel[:, slice(n_s) if k == 0 else slice(n_s, None)]).T
        return np.concatenate([features @ W for _, features in self.chunks(k)])

    def scatter_and_means(self) -> tuple[Any, Matrix]:
        """Pooled scatter about the pooled mean, and the two means (m, 2).

        The scatter is a matrix, or a LinearOperator where the features are too many for that
        to pay: of an exact kernel, or of rows with more columns than a dense solver likes.
        """
        if self.is_dual_or_linear and not is_small(self.n_features):
            shares = (w[:, None] / w.sum() for w in self.weights)
            means = np.hstack([self.sums(k, share) for k, share in enumerate(shares)])
            return self._scatter_operator(means), means
        source, target = (self._moments(k) for k in (0, 1))
        means = np.column_stack([source.mean, target.mean])
        return (source + target).scatter, means

    def _scatter_operator(self, means: Matrix) -> LinearOperator:
        mean = means @ np.array([w.sum() for w in self.weights]) / self.total_weight
        multiply = self._multiply
        if self._kernel is not None:
            multiply = partial(self._multiply_by_kernel, self._kernel)

        def product(B: Matrix) -> Matrix:
            return multiply(B.reshape(self.n_features, -1), mean)

        shape = (self.n_features, self.n_features)
        return LinearOperator(shape, matvec=product, matmat=product, dtype=np.float64)

    def _multiply(self, B: Matrix, mean: Matrix) -> Matrix:
        centre = mean @ B
        total = np.zeros(B.shape)
        for k, weights in enumerate(self.weights):
            for rows, features in self.chunks(k):
                total += features.T @ (weights[rows, None] * (features @ B - centre))
        return total

    def _multiply_by_kernel(self, kernel: Matrix, B: Matrix, mean: Matrix) -> Matrix:
        # With the wide factor, which is symmetric, on the right BLAS takes half as long.
        centred = B.T @ kernel - (mean @ B)[:, None]
        return (centred * np.concatenate(self.weights) @ kernel).T

    def _moments(self, k: int) -> Moments:
        total = Moments()
        for rows, features in self.chunks(k):
            total.partial_fit(features, sample_weight=self.weights[k][rows])
        return total

    def _made(self, k: int) -> Iterator[tuple[slice, Any]]:
        n_rows = chunk_rows(self.n_features)
        chunks = self.feature_map.chunks(self.samples[k], n_rows)
        for i, features in enumerate(chunks):
            yield slice(i * n_rows, (i + 1) * n_rows), features.astype(np.float64, copy=False)


def project_rows(feature_map: FeatureMap, X: Any, W: Matrix) -> NDArray:
    """``φ(X) @ W`` in the precision of X, some rows at a time."""
    if feature_map.kernel == "linear":
        return np.asarray(X @ W.astype(X.dtype))
    n_rows = chunk_rows(feature_map.n_features_)
    starts = range(0, X.shape[0], n_rows)
    parts = (X[i : i + n_rows].astype(np.float64, copy=False) for i in starts)
    return np.concatenate([feature_map.project(part, W) for part in parts]).astype(
        X.dtype, copy=False
    )
