"""The one eigenproblem of all kernel components: much scatter, little difference of means."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, eigh, solve_triangular
from sklearn.exceptions import ConvergenceWarning

Matrix = NDArray[np.float64]

DENSE_FEATURES = 1000
"""Up to so many features a dense solver is as quick as the block iteration."""
OVERSAMPLING = 10
"""The block of the iteration is wider by so much than the components that are wanted."""
MAX_BLOCKS = 6
"""The iteration keeps so many blocks, and the best half of them when there would be more."""
MAX_PASSES = 100
TOLERANCE = 1e-8
"""Residual of the components, relative to the smallest of their eigenvalues."""


class Subspace(NamedTuple):
    """A basis (m, j) and what the scatter makes of it: where an iteration can start."""

    basis: Matrix
    image: Matrix


class Components(NamedTuple):
    """Eigenvalues (k,), largest first, their vectors (m, k), and the subspace of the search."""

    values: NDArray[np.float64]
    matrix: Matrix
    subspace: Subspace | None


class Whitening:
    r"""A root of the inverse of the constraint: ``T`` with ``T.T @ (U @ U.T + P) @ T = I``.

    With :math:`P = R R^\top` and the thin SVD :math:`R^{-1} U = Q \Sigma Z^\top`, it is
    :math:`T = R^{-\top} [I - Q\,\mathrm{diag}(1 - (1 + \sigma^2)^{-1/2})\,Q^\top]` (Woodbury), so
    that nothing larger than ``U`` (m, c) is decomposed.

    Parameters
    ----------
    U : ndarray of shape (m, c)
        Differences of means, as columns.
    penalty : ndarray of shape (m,) or (m, m)
        The diagonal of P, or all of it where it is not diagonal.
    """

    def __init__(self, U: Matrix, penalty: NDArray):
        self.root = np.sqrt(penalty) if penalty.ndim == 1 else cholesky(penalty, lower=True)
        self.directions, sizes, _ = np.linalg.svd(self._divide(U), full_matrices=False)
        self.shrinkage = 1 / np.sqrt(1 + sizes**2) - 1
        self.growth = np.sqrt(1 + sizes**2) - 1

    def apply(self, Z: Matrix) -> Matrix:
        """``T @ Z``."""
        return self._divide(self._turn(Z, self.shrinkage), transposed=True)

    def adjoint(self, B: Matrix) -> Matrix:
        """``T.T @ B``."""
        return self._turn(self._divide(B), self.shrinkage)

    def undo(self, W: Matrix) -> Matrix:
        """``inv(T) @ W``."""
        return self._turn(self._multiply(W, transposed=True), self.growth)

    def undo_adjoint(self, C: Matrix) -> Matrix:
        """``inv(T).T @ C``."""
        return self._multiply(self._turn(C, self.growth))

    def _turn(self, B: Matrix, gains: NDArray) -> Matrix:
        return B + self.directions @ (gains[:, None] * (self.directions.T @ B))

    def _divide(self, B: Matrix, transposed: bool = False) -> Matrix:
        if self.root.ndim == 1:
            return B / self.root[:, None]
        return solve_triangular(self.root, B, lower=True, trans=int(transposed))

    def _multiply(self, B: Matrix, transposed: bool = False) -> Matrix:
        if self.root.ndim == 1:
            return B * self.root[:, None]
        return (self.root.T if transposed else self.root) @ B


def is_small(n_features: int) -> bool:
    """Whether so many features are best left to the dense solver."""
    return n_features <= DENSE_FEATURES


def leading_components(
    scatter: Any,
    U: Matrix,
    penalty: NDArray,
    n_components: int,
    start: Subspace | None = None,
    tol: float = TOLERANCE,
) -> Components:
    r"""Directions of most scatter among those that keep the differences of means small.

    Maximises :math:`\mathrm{tr}\,W^\top S W` subject to :math:`W^\top (U U^\top + P) W = I`:
    with :math:`W = T Z` (``Whitening``) the leading eigenvectors Z of the symmetric
    :math:`T^\top S T`.

    Parameters
    ----------
    scatter : ndarray or LinearOperator of shape (m, m)
        S, or what multiplies by it.
    U : ndarray of shape (m, c)
        Weighted differences of means; the MMD matrix is ``U @ U.T``, which is never formed.
    penalty : ndarray of shape (m,) or (m, m)
        P, or its diagonal; positive.
    n_components : int
    start : Subspace, optional
        Where the block iteration starts; without it a dense solver takes the scatter, which must
        be a matrix then, and should not be large.
    tol : float
        When the block iteration stops; see ``block_eigenpairs``.

    Returns
    -------
    Components
        Vectors beyond the rank of S are zero; the largest entry of each other one is positive.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.components.eigen import leading_components
    >>> S, U = np.diag([4.0, 3.0, 1.0]), np.array([[3.0], [0.0], [0.0]])
    >>> leading_components(S, U, np.ones(3), 2).values  # the first feature differs in mean
    array([3., 1.])
    """
    T = Whitening(U, penalty)
    if start is None:
        values, Z = dense_eigenpairs(T.adjoint(T.adjoint(scatter).T), n_components)
        return Components(values, oriented(T.apply(Z), values), None)
    V, CV = orthonormal_start(T, start)
    values, V, CV = block_eigenpairs(
        lambda Z: T.adjoint(scatter @ T.apply(Z)), V, CV, n_components, tol
    )
    subspace = Subspace(T.apply(V), T.undo_adjoint(CV))
    kept = values[:n_components]
    return Components(kept, oriented(subspace.basis[:, :n_components], kept), subspace)


def dense_eigenpairs(C: Matrix, k: int) -> tuple[NDArray, Matrix]:
    """The k largest eigenvalues of symmetric ``C`` (m, m), largest first, and their vectors."""
    values, Z = eigh((C + C.T) / 2, subset_by_index=(len(C) - k, len(C) - 1))
    return values[::-1], Z[:, ::-1]


def oriented(W: Matrix, values: NDArray) -> Matrix:
    """Vectors with the largest entry positive, and zero where the eigenvalue is mere noise."""
    largest = np.abs(W).argmax(axis=0)
    signs = np.where(W[largest, range(W.shape[1])] < 0, -1.0, 1.0)
    noise = len(W) * np.finfo(np.float64).eps * values.max(initial=0.0)
    return W * np.where(values > noise, signs, 0.0)


def orthonormal_start(T: Whitening, start: Subspace) -> tuple[Matrix, Matrix]:
    """The start, whitened and orthonormal, with its image."""
    V, R = np.linalg.qr(T.undo(start.basis))
    return V, solve_triangular(R, T.adjoint(start.image).T, trans="T").T


def block_eigenpairs(
    multiply: Callable[[Matrix], Matrix], V: Matrix, CV: Matrix, k: int, tol: float
) -> tuple[NDArray, Matrix, Matrix]:
    """Ritz values and vectors of a symmetric operator, the first k of them converged.

    Each pass multiplies a block of residuals, which widens the subspace as a block Krylov method
    does, but from any start (Zhou & Saad 2008). It stops when no residual of the first k exceeds
    ``tol`` times the k-th Ritz value.

    Parameters
    ----------
    multiply : callable
        The operator's product with a block (m, b).
    V, CV : ndarray of shape (m, j)
        Orthonormal start, j ≥ k, and its image.
    k : int
    tol : float

    Returns
    -------
    values, V, CV : ndarrays of shape (j,), (m, j) and (m, j)
        Ritz values, largest first, vectors and their images.
    """
    width = k + OVERSAMPLING
    noise = len(V) * np.finfo(np.float64).eps
    for _ in range(MAX_PASSES):
        values, V, CV = ritz_pairs(V, CV, MAX_BLOCKS * width)
        residuals = CV[:, :width] - V[:, :width] * values[:width]
        sizes = np.linalg.norm(residuals, axis=0)
        bound = tol * max(values[k - 1], 0.0) + noise * values[0]
        if sizes[:k].max() <= bound:
            return values, V, CV
        fresh = fresh_directions(residuals[:, sizes > 0.1 * bound], V)
        V, CV = np.hstack([V, fresh]), np.hstack([CV, multiply(fresh)])
    warnings.warn(
        f"The components have not settled after {MAX_PASSES} passes: their residual is "
        f"{sizes[:k].max() / bound:.1g} times the bound. Ask for another number of components.",
        ConvergenceWarning,
        stacklevel=2,
    )
    return values, V[:, : len(values)], CV[:, : len(values)]


def ritz_pairs(V: Matrix, CV: Matrix, most: int) -> tuple[NDArray, Matrix, Matrix]:
    """Ritz values, vectors and images in the span of ``V``: half of ``most`` if it has more."""
    values, Y = np.linalg.eigh(V.T @ CV)
    n_kept = most // 2 if V.shape[1] > most else V.shape[1]
    best = Y[:, ::-1][:, :n_kept]
    return values[::-1][:n_kept], V @ best, CV @ best


def fresh_directions(R: Matrix, V: Matrix) -> Matrix:
    """Orthonormal basis of what the columns of ``R`` add to those of orthonormal ``V``."""
    R = R / np.maximum(np.linalg.norm(R, axis=0), np.finfo(np.float64).tiny)
    for _ in range(2):  # the second round takes out what the first left by rounding
        Q, triangle = np.linalg.qr(R - V @ (V.T @ R))  # SciPy's threads would wait for NumPy's
        R = Q[:, np.abs(triangle.diagonal()) > 1e-8]
    return R
