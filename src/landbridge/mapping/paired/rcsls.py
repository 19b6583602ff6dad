"""Relaxed CSLS: a linear map learned for retrieval."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize

from landbridge.domains.folds import folds_by_content
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.affine import Affine
from landbridge.mapping.base import PairedMapping
from landbridge.mapping.paired.procrustes import procrustes_rotation
from landbridge.moments import moments_of_rows

BLOCK_NUMBERS = 2**22
"""Similarities are made so many at a time: 32 MB."""
FASTER, SLOWER = 1.5, 0.5
"""What the step grows by after a gain, and shrinks to after none."""
FIRST_STEP, LAST_STEP = 0.1, 1e-4
"""The first step and the least, relative to the size of the map."""


def nearest(queries: NDArray, keys: NDArray, k: int) -> csr_array:
    """A matrix (n, m) that takes the mean over the k keys of largest inner product.

    Never more than a block of the inner products is held.
    """
    n, m = len(queries), len(keys)
    k, step = min(k, m), max(1, BLOCK_NUMBERS // m)
    top = [
        np.argpartition(queries[i : i + step] @ keys.T, m - k, axis=1)[:, m - k :]
        for i in range(0, n, step)
    ]
    shares = np.full(n * k, 1 / k, dtype=keys.dtype)
    return csr_array((shares, np.concatenate(top).ravel(), np.arange(n + 1) * k), shape=(n, m))


def rcsls_gradient(A: NDArray, X: Any, Y: NDArray, weights: NDArray, k: int) -> NDArray:
    r"""A subgradient G (d, e) of the loss at A, which itself is :math:`\langle A, G \rangle`.

    :math:`G = \sum_i w_i [\, x_i (\bar y_i - y_i)^\top + (\bar x_i - x_i)\, y_i^\top]` with the
    mean :math:`\bar y_i` of the k targets nearest to :math:`x_i^\top A`, and :math:`\bar x_i` of
    the k sources that come nearest to :math:`y_i`.
    """
    Z, share = X @ A.astype(X.dtype), weights[:, None]
    from_targets = nearest(Z, Y, k) @ Y - Y
    from_sources = nearest(Y, Z, k) @ X - X
    return np.asarray(X.T @ (share * from_targets) + from_sources.T @ (share * Y))


def onto_edge(A: NDArray, constraint: str) -> NDArray[np.float64]:
    """The map nearest to A in the ball of the constraint, stretched to reach its edge."""
    if constraint == "frobenius":
        return A * (np.sqrt(min(A.shape)) / np.linalg.norm(A))
    U, sizes, Vt = linalg.svd(A, full_matrices=False)
    sizes = np.minimum(sizes, 1.0)
    return (U * (sizes / sizes[0])) @ Vt


class RCSLS(Affine, PairedMapping):
    r"""Learn a linear map for retrieval: pairs come near one another, and hubs are pushed away.

    Over unit rows x and y, minimises the relaxed cross-domain similarity local scaling (Joulin,
    Bojanowski, Mikolov, Jégou & Grave 2018, eq. 4)

    .. math:: \frac1n \sum_i -2\, x_i^\top A y_i
              + \frac1k \sum_{y_j \in N(x_i^\top A)} x_i^\top A y_j
              + \frac1k \sum_{x_j^\top A \in N(y_i)} x_j^\top A y_i

    with N the k nearest of the other side: convex in A, as the mean over the nearest is the
    largest of all means over k. Starts from the rotation of :class:`Procrustes` and goes on by
    projected subgradients, where only steps that lower the loss are taken. The loss grows in
    proportion to A, so that its minimum, where it is below zero, lies on the edge of whatever
    ball A is kept in, and only the direction counts; the scale is then that of least squares.

    Parameters
    ----------
    n_neighbors : int, default=10
        How many neighbours k push away; more smooth the loss.
    constraint : {"spectral", "frobenius"}, default="spectral"
        The ball that A is kept in: all singular values at most 1, which stays nearer to a
        rotation, or only their squares' sum bounded by that of a rotation, which is the method
        without constraint, made to have a minimum.
    centre : bool, default=False
        Whether to move both means to the origin first, which needs dense rows, and map mean onto
        mean; otherwise the origin stays put, as is usual for unit vectors.
    max_iter : int, default=200
        The most steps to try.
    tol : float, default=1e-3
        Stop when a step lowers the loss by less than this share of what all steps did, or no step
        of over a 10,000th of the map's size lowers it; smaller is closer, slower, and no better
        on new pairs where there are few to learn from.

    Attributes
    ----------
    matrix_ : ndarray of shape (d_s, d_t)
        The map A, times the scale.
    scale_ : float
    loss_curve_ : ndarray of shape (n_steps + 1,)
        The loss at the start and after each step taken.
    n_iter_ : int
        Steps tried.
    source_mean_, source_std_ : ndarray of shape (d_s,)
    target_mean_ : ndarray of shape (d_t,)

    Warns
    -----
    ConvergenceWarning
        If ``max_iter`` steps were not enough.

    Notes
    -----
    It serves look-ups by plain nearest neighbours. Where look-ups correct for hubs themselves, by
    CSLS, or pairs are few, a rotation does as well. A step costs n² (d_s + d_t): beyond some
    20,000 pairs take a sample of them. Similarities are made a block at a time.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.paired.rcsls import RCSLS
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 10))
    >>> Y = X @ np.linalg.qr(rng.normal(size=(10, 10)))[0] + 0.5 * rng.normal(size=(200, 10))
    >>> map_ = RCSLS().fit(X, Y)
    >>> bool(map_.loss_curve_[-1] < map_.loss_curve_[0])
    True
    """

    cost = "n² d a step"
    when = "pairs of embeddings, where rows are looked up by their nearest neighbours after"

    def __init__(
        self,
        n_neighbors: int = 10,
        *,
        constraint: str = "spectral",
        centre: bool = False,
        max_iter: int = 200,
        tol: float = 1e-3,
    ):
        self.n_neighbors = n_neighbors
        self.constraint = constraint
        self.centre = centre
        self.max_iter = max_iter
        self.tol = tol

    def _fit(self, X: Any, Y: NDArray, sample_weight: NDArray | None) -> None:
        self._check_parameters()
        weights = np.ones(len(Y)) if sample_weight is None else sample_weight
        order = folds_by_content(X, Y, 1)[0]
        order = order[weights[order] > 0]  # a pair without weight is nobody's neighbour
        weights = weights[order] / weights.sum()
        pairs = moments_of_rows((X, Y), sample_weight, variances_only="xy")
        self.source_mean_ = pairs.mean if self.centre else np.zeros_like(pairs.mean)
        self.target_mean_ = pairs.mean_y if self.centre else np.zeros_like(pairs.mean_y)
        self.source_std_ = pairs.std
        P, Q = X[order], Y[order]
        if self.centre:
            P = P - self.source_mean_.astype(X.dtype)
            Q = Q - self.target_mean_.astype(Y.dtype)
        A = self._descend(normalize(P), normalize(Q), weights)
        moved = P @ A
        size = float(weights @ np.einsum("ij,ij->i", moved, moved))
        self.scale_ = float(weights @ np.einsum("ij,ij->i", moved, Q)) / size if size else 1.0
        self.matrix_ = A * self.scale_

    def _check_parameters(self) -> None:
        for name in ("n_neighbors", "max_iter"):
            check_number(name, getattr(self, name), least=1, whole=True)
        check_choice("constraint", self.constraint, ("spectral", "frobenius"))
        check_number("tol", self.tol, above=True, below=1.0)

    def _descend(self, X: Any, Y: NDArray, weights: NDArray) -> NDArray[np.float64]:
        """Steps against the subgradient, each projected and kept if it lowers the loss."""
        A = onto_edge(procrustes_rotation(X.T @ (weights[:, None] * Y))[0], self.constraint)
        G = rcsls_gradient(A, X, Y, weights, self.n_neighbors)
        losses, step = [float(np.vdot(A, G))], FIRST_STEP
        for n_tried in range(1, self.max_iter + 1):
            self.n_iter_ = n_tried
            size = np.linalg.norm(A) / max(float(np.linalg.norm(G)), np.finfo(float).tiny)
            trial = onto_edge(A - step * size * G, self.constraint)
            ahead = rcsls_gradient(trial, X, Y, weights, self.n_neighbors)
            gain = losses[-1] - float(np.vdot(trial, ahead))
            if gain > 0:
                A, G, step = trial, ahead, step * FASTER
                losses.append(losses[-1] - gain)
            else:
                step *= SLOWER
            if step < LAST_STEP or 0 < gain < self.tol * (losses[0] - losses[-1]):
                break
        else:
            self._warn(losses)
        self.loss_curve_ = np.array(losses)
        return A

    def _warn(self, losses: list[float]) -> None:
        gain = losses[-2] - losses[-1] if len(losses) > 1 else 0.0
        warnings.warn(
            f"RCSLS lowered the loss by {gain:.2g} to {losses[-1]:.4g} in the last of "
            f"max_iter={self.max_iter} steps that did. Raise max_iter or tol.",
            ConvergenceWarning,
            stacklevel=5,
        )

    @property
    def takes_sparse(self) -> bool:  # type: ignore[override]
        """Where rows are not centred."""
        return not self.centre

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # it is after neighbours, not squares
        return tags
