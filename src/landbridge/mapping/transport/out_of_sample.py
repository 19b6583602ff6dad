"""From images of the fitted rows to a map of any row."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin

from landbridge.mapping.affine import apply_affine
from landbridge.mapping.paired.kernel_ridge import KernelRidgeMap
from landbridge.mapping.transport.cost import Geometry, scaled_cost
from landbridge.moments import moments_of_rows

CHUNK = 2**22
"""So many entries of a plan for new rows are held at once."""


class Displacement:
    """A mapping that keeps how far, and whither, each fitted row is carried.

    To be mixed into one of the forms of mapping. New rows go along with the nearest fitted row:
    ``T(x) = T(x_k) + (x - x_k) B``, where B is the identity or, between two spaces, the slope of
    the affine map nearest to T. With ``out_of_sample_ == "affine"`` that affine map is all there
    is; with ``"kernel"`` it is ``x + k(x)``, or ``k(x)`` between two spaces, with k by kernel
    ridge regression.
    """

    out_of_sample_: str
    rows_: NDArray
    images_: NDArray
    slope_: NDArray | None
    is_across_: bool
    matrix_: NDArray
    source_mean_: NDArray
    target_mean_: NDArray
    kernel_map_: KernelRidgeMap

    def _keep_images(
        self, X: NDArray, images: NDArray, mass: NDArray, across: bool = False
    ) -> None:
        """Keep the map of rows X (n, d_s) to images (n, d_t), equal rows to their mean image."""
        self.slope_ = None
        if self.out_of_sample_ == "kernel":
            self.is_across_ = across
            steps = images if across else images - X
            self.kernel_map_ = KernelRidgeMap(gamma="median").fit(X, steps, mass)
            return
        if self.out_of_sample_ == "affine" or across:
            pairs = moments_of_rows((X, images), mass, variances_only="y")
            matrix = np.linalg.pinv(pairs.scatter, hermitian=True, rcond=1e-10) @ pairs.scatter_xy
        if self.out_of_sample_ == "affine":
            self.matrix_, self.source_mean_, self.target_mean_ = matrix, pairs.mean, pairs.mean_y
            return
        self.rows_, groups = np.unique(X, axis=0, return_inverse=True)
        self.images_ = _group_means(images, mass, groups.ravel(), len(self.rows_))
        if across:
            self.slope_ = matrix

    def _displace(self, X: NDArray) -> NDArray:
        if self.out_of_sample_ == "affine":
            return apply_affine(X, self.source_mean_, self.matrix_, self.target_mean_)
        if self.out_of_sample_ == "kernel":
            steps = self.kernel_map_.transform(X)
            return steps if self.is_across_ else X + steps
        nearest = pairwise_distances_argmin(X, self.rows_)
        step = X - self.rows_[nearest]
        if self.slope_ is not None:
            step = step @ self.slope_.astype(X.dtype)
        return (self.images_[nearest] + step).astype(X.dtype, copy=False)


def entropic_map(
    X: NDArray, Y: NDArray, potentials: NDArray, parts: NDArray, geometry: Geometry, reg: float
) -> NDArray:
    r"""Each row's mean of target rows :math:`y_j` with weights :math:`\propto e^{(g_j - c(x,
    y_j))/\varepsilon}` (Pooladian & Niles-Weed 2021).

    ``parts`` (n_batches + 1,) are the bounds of target rows that belong to one plan; with several
    plans, a row's image is the mean of its images by each.
    """
    dtype = np.result_type(X)
    moved = np.zeros((len(X), Y.shape[1]), dtype=dtype)
    for begin, end in pairwise(parts):
        rows, g = Y[begin:end], potentials[begin:end].astype(dtype)
        size = max(1, CHUNK // len(rows))
        for i in range(0, len(X), size):
            moved[i : i + size] += _soft_mean(X[i : i + size], rows, g, geometry, reg)
    moved /= dtype.type(len(parts) - 1)
    return moved


def _soft_mean(X: NDArray, Y: NDArray, g: NDArray, geometry: Geometry, reg: float) -> NDArray:
    exponents = g - scaled_cost(X, Y, geometry)
    exponents -= exponents.max(axis=1, keepdims=True)
    exponents *= exponents.dtype.type(1 / reg)
    weights = np.exp(exponents, out=exponents)
    # Means about the origin lose fewer digits than means of rows that lie far from zero.
    origin = geometry.target_origin.astype(Y.dtype)
    means = (weights @ (Y - origin)) / weights.sum(axis=1, keepdims=True)
    return (means + origin).astype(X.dtype, copy=False)


def _group_means(values: NDArray, mass: NDArray, groups: NDArray, n_groups: int) -> NDArray:
    if n_groups == len(values):
        return values[np.argsort(groups)]
    total = np.zeros((n_groups, values.shape[1]))
    np.add.at(total, groups, values * mass[:, None])
    return (total / np.bincount(groups, mass)[:, None]).astype(values.dtype)
