"""Procrustes analysis of covariance matrices: recentre, stretch and rotate them."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from landbridge.domains import common_labels
from landbridge.mapping.base import UnpairedMapping, check_two_rows
from landbridge.mapping.surrogate import Surrogate

Matrices = NDArray[np.float64]
"""Symmetric matrices (n, p, p)."""

MAX_TURNS = 2000
"""Turning matrices onto others takes a few hundred steps at most."""
SQUARES = 0.1
"""The mean squares of a class count so much beside its mean."""


def unfold(rows: NDArray, scale: float = 1.0) -> Matrices:
    """Symmetric matrices (n, p, p) of rows (n, p(p + 1)/2), their upper triangles row by row.

    Entries off the diagonal are multiplied by ``scale``.
    """
    p = matrix_size(rows.shape[1])
    i, j = np.triu_indices(p)
    values = rows * np.where(i == j, 1.0, scale)
    matrices = np.empty((len(rows), p, p))
    matrices[:, i, j] = matrices[:, j, i] = values
    return matrices


def fold(matrices: Matrices, scale: float = 1.0) -> NDArray[np.float64]:
    """The inverse of ``unfold`` for the inverse scale."""
    i, j = np.triu_indices(matrices.shape[1])
    return matrices[:, i, j] * np.where(i == j, 1.0, scale)


def matrix_size(n_features: int) -> int:
    """The size p of a symmetric matrix with so many entries in its upper triangle.

    Raises
    ------
    ValueError
        If there is none.
    """
    p = int((np.sqrt(8 * n_features + 1) - 1) / 2)
    if p * (p + 1) // 2 != n_features:
        raise ValueError(
            "RiemannianAlignment takes each row for the upper triangle of a covariance matrix, "
            f"p(p + 1)/2 entries for p signals (3, 6, 10, …): found {n_features} features. Give "
            "C[np.triu_indices(p)] of each matrix C, or choose CORAL for ordinary features."
        )
    return p


def of_eigenvalues(matrices: Matrices, function: Callable[[NDArray], NDArray]) -> Matrices:
    """``V f(Λ) Vᵀ`` of each symmetric matrix ``V Λ Vᵀ``, or of a single one."""
    values, vectors = np.linalg.eigh(matrices)
    return (vectors * function(values)[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def inverse_root(matrix: NDArray) -> NDArray[np.float64]:
    """``C^-½`` of a positive definite matrix."""
    return of_eigenvalues(matrix, lambda values: 1 / np.sqrt(values))


def riemannian_mean(
    matrices: Matrices, weights: NDArray, max_iter: int = 100, tol: float = 1e-10
) -> tuple[NDArray[np.float64], float]:
    r"""The matrix M nearest to all in the affine-invariant metric, and the last step's length.

    It solves :math:`\sum_i w_i \log(M^{-1/2} C_i M^{-1/2}) = 0` by steps along that mean, from
    the arithmetic mean on (Moakher 2005; Pennec, Fillard & Ayache 2006).
    """
    shares = weights / weights.sum()
    M = np.tensordot(shares, matrices, axes=1)
    length = np.inf
    for _ in range(max_iter):
        root, back = of_eigenvalues(M, np.sqrt), inverse_root(M)
        step = np.tensordot(shares, of_eigenvalues(back @ matrices @ back, np.log), axes=1)
        M = root @ of_eigenvalues(step, np.exp) @ root
        M = (M + M.T) / 2
        length = float(np.linalg.norm(step))
        if length <= tol:
            break
    return M, length


def common_rotation(sources: Matrices, targets: Matrices) -> NDArray[np.float64]:
    r"""The orthogonal U (p, p) that brings :math:`U S_c U^\top` nearest to :math:`T_c` for all c.

    It maximises :math:`\sum_c \mathrm{tr}(T_c U S_c U^\top)`, which is convex in U once all are
    shifted to be positive: then the orthogonal factor of the gradient climbs. Started from the
    identity, and from the axes of each pair with the signs that suit all; the best is taken.
    """
    shift_s, shift_t = (max(0.0, -float(np.linalg.eigvalsh(C).min())) for C in (sources, targets))
    eye = np.eye(sources.shape[1])
    S, T = sources + shift_s * eye, targets + shift_t * eye
    best = _climb(S, T, eye)
    for start in _axis_rotations(sources, targets):
        other = _climb(S, T, start)
        # By more than rounding, so that equally good rotations do not take turns.
        if _overlap(S, T, other) > _overlap(S, T, best) * (1 + 1e-9):
            best = other
    return best


def _overlap(S: Matrices, T: Matrices, U: NDArray) -> float:
    return float(np.vdot(T, U @ S @ U.T))


def _climb(S: Matrices, T: Matrices, U: NDArray) -> NDArray[np.float64]:
    for _ in range(MAX_TURNS):
        left, _, right = np.linalg.svd((T @ U @ S).sum(axis=0))
        before, U = U, left @ right
        if np.abs(U - before).max() < 1e-12:
            break
    return U


def _axis_rotations(sources: Matrices, targets: Matrices) -> list[NDArray[np.float64]]:
    """For each pair the rotation of the one's axes onto the other's."""
    rotations = []
    for S, T in zip(sources, targets):
        Vs, Vt = np.linalg.eigh(S)[1], np.linalg.eigh(T)[1]
        agreement = ((Vt.T @ targets @ Vt) * (Vs.T @ sources @ Vs)).sum(axis=0)
        signs = np.where(np.linalg.eigh(agreement)[1][:, -1] < 0, -1.0, 1.0)
        rotations.append((Vt * signs) @ Vs.T)
    return rotations


class RiemannianAlignment(Surrogate, UnpairedMapping):
    r"""Bring covariance matrices of two domains to one centre, spread and orientation.

    Each row holds the upper triangle of a covariance matrix C of p signals, row by row, as
    ``C[np.triu_indices(p)]`` gives it. Both domains are recentred at the identity by their
    Riemannian means M, and seen from there, :math:`\log(M^{-1/2} C M^{-1/2})`; the source is
    stretched by the ratio s of the domains' dispersions about their means, and rotated so that
    the means of the classes agree best, where rows of both domains have labels:

    .. math:: s\, U \log(M_s^{-1/2} C M_s^{-1/2}) U^\top \quad\text{and}\quad
              \log(M_t^{-1/2} C M_t^{-1/2})

    (Rodrigues, Jutten & Congedo 2019: Riemannian Procrustes analysis; class means
    and their distances are taken in the tangent space at the identity; the means of the classes'
    squares, at a tenth of the weight, settle signs that the means leave open). Rows come out as the
    upper triangles of these, entries off the diagonal times √2, so that their Euclidean
    distances are those of the matrices: any learner will do. Mixing the source's signals by any
    invertible matrix changes the result by a rotation, which the labels, where given, undo.

    Parameters
    ----------
    stretch : bool, default=True
        Whether to give the source the dispersion of the target.
    rotate : bool, default=True
        Whether to rotate the source by the class means, where both domains have labels.
    max_iter : int, default=100
        The most steps to a mean; a ``ConvergenceWarning`` says where they run out.
    tol : float, default=1e-10
        Stop once a step to the mean is no longer than this.

    Attributes
    ----------
    source_centre_, target_centre_ : ndarray of shape (p, p)
        The Riemannian means.
    scale_ : float
        The stretch s.
    rotation_ : ndarray of shape (p, p)
        The rotation U, the identity without labels.
    slopes_ : ndarray of shape (d, d)
        The nearest linear map, for ``explain``.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.alignment.riemannian import RiemannianAlignment
    >>> signals = np.random.default_rng(0).normal(size=(50, 2, 20))
    >>> Xs = np.array([np.cov(x)[np.triu_indices(2)] for x in signals])
    >>> Xt = 81.0 * Xs                               # another amplifier
    >>> alignment = RiemannianAlignment().fit(Xs, Xt)
    >>> np.allclose(alignment.transform(Xs), alignment.transform_target(Xt))
    True
    """

    meets_between = True
    cost = "steps · n p³, with p signals and d = p(p + 1)/2"
    when = "covariance matrices of signals, such as EEG recordings of two people"

    source_centre_: NDArray[np.float64]
    target_centre_: NDArray[np.float64]
    rotation_: NDArray[np.float64]
    scale_: float

    def __init__(
        self, stretch: bool = True, rotate: bool = True, max_iter: int = 100, tol: float = 1e-10
    ):
        self.stretch = stretch
        self.rotate = rotate
        self.max_iter = max_iter
        self.tol = tol

    @property
    def is_invertible(self) -> bool:
        """Always: no step loses anything."""
        return True

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        check_two_rows(self, len(Xs), len(Xt))
        source, target = covariances(Xs, "Xs"), covariances(Xt, "Xt")
        ws = np.ones(len(source)) if sample_weight is None else sample_weight
        wt = np.ones(len(target))
        self.source_centre_ = self._mean(source, ws, "source")
        self.target_centre_ = self._mean(target, wt, "target")
        logs = [
            _logs(C, M) for C, M in ((source, self.source_centre_), (target, self.target_centre_))
        ]
        self.scale_ = self._scale(logs, [ws, wt])
        self.rotation_ = self._rotation(self.scale_ * logs[0], ys, ws, logs[1], yt)
        self._set_slopes(Xs)

    def _mean(self, matrices: Matrices, weights: NDArray, domain: str) -> NDArray:
        M, length = riemannian_mean(matrices, weights, self.max_iter, self.tol)
        if length > self.tol:
            warnings.warn(
                f"The last of {self.max_iter} steps to the mean of the {domain} was "
                f"{length:.2g} long, above tol={self.tol:.2g}. Raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return M

    def _scale(self, logs: list[Matrices], weights: list[NDArray]) -> float:
        """The ratio of the root mean squared distances to the mean; 1 where there is no spread."""
        squares = [np.average((L**2).sum(axis=(1, 2)), weights=w) for L, w in zip(logs, weights)]
        return float(np.sqrt(squares[1] / squares[0])) if self.stretch and min(squares) > 0 else 1.0

    def _rotation(
        self, source: Matrices, ys: NDArray | None, weights: NDArray, target: Matrices, yt: Any
    ) -> NDArray:
        eye = np.eye(source.shape[1])
        if not self.rotate or ys is None or yt is None:
            return eye
        ys, yt, classes = common_labels(ys, yt)
        both = [name for name in classes.tolist() if (ys == name).any() and (yt == name).any()]
        if not both:
            return eye
        ours = [_landmarks(source[ys == c], weights[ys == c]) for c in both]
        theirs = [_landmarks(target[yt == c], np.ones(int((yt == c).sum()))) for c in both]
        return common_rotation(np.concatenate(ours), np.concatenate(theirs))

    def _map(self, X: Any) -> NDArray:
        turned = self.rotation_ @ _logs(covariances(X, "X"), self.source_centre_) @ self.rotation_.T
        return fold(self.scale_ * turned, np.sqrt(2)).astype(X.dtype)

    def _map_target(self, X: Any) -> NDArray:
        return fold(_logs(covariances(X, "X"), self.target_centre_), np.sqrt(2)).astype(X.dtype)

    def _invert(self, X: Any) -> NDArray:
        logs = self.rotation_.T @ unfold(X, np.sqrt(0.5)) @ self.rotation_ / self.scale_
        root = of_eigenvalues(self.source_centre_, np.sqrt)
        return fold(root @ of_eigenvalues(logs, np.exp) @ root).astype(X.dtype)


def covariances(rows: NDArray, name: str) -> Matrices:
    """The covariance matrices (n, p, p) in rows, checked to be positive definite.

    Raises
    ------
    ValueError
        If a row is no covariance matrix, or a singular one.
    """
    matrices = unfold(rows)
    least = np.linalg.eigvalsh(matrices)[:, 0]
    # float32 entries are known to seven digits, whatever is computed with them.
    bad = least <= np.finfo(rows.dtype).eps * np.abs(rows).max(axis=1)
    if bad.any():
        first = int(bad.argmax())
        raise ValueError(
            f"{name} must hold positive definite matrices: {int(bad.sum())} rows do not, the "
            f"first is row {first}, whose least eigenvalue is {least[first]:.3g}. Shrink the "
            "covariances, or leave out signals that are sums of others."
        )
    return matrices


def _landmarks(logs: Matrices, weights: NDArray) -> Matrices:
    """What a class is turned by: its mean, and with little weight the mean of its squares.

    The means alone leave signs open, as with two classes of equal size, which are opposites.
    """
    mean = np.tensordot(weights, logs, axes=1)
    squares = np.tensordot(weights, logs @ logs, axes=1)
    return np.array([mean, SQUARES * squares]) / max(weights.sum(), np.finfo(float).tiny)


def _logs(matrices: Matrices, centre: NDArray) -> Matrices:
    """Matrices as seen from a centre: ``log(M^-½ C M^-½)``."""
    back = inverse_root(centre)
    return of_eigenvalues(back @ matrices @ back, np.log)
