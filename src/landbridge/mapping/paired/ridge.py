"""Least squares and ridge from pairs, in closed form; the penalty out of the same moments."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landbridge.domains.parameters import check_number
from landbridge.mapping.affine import Affine
from landbridge.mapping.base import PairedMomentMapping, check_folds, fold_rows
from landbridge.moments import Moments, moments_of_rows
from landbridge.moments.matrices import eigh_psd, rank_tolerance

N_PENALTIES = 20
LOO_BLOCK_ROWS = 4096


def ridge_matrix(S_xx: NDArray, S_xy: NDArray, reg: float) -> NDArray[np.float64]:
    """``B = (S_xx + reg I)⁻¹ S_xy`` (d, e); of least norm where that is singular."""
    if reg > len(S_xx) * np.finfo(float).eps * max(np.trace(S_xx), 0.0):
        shifted = S_xx.copy(order="F")  # LAPACK would copy it once more
        np.einsum("ii->i", shifted)[:] += reg
        return linalg.cho_solve(linalg.cho_factor(shifted, overwrite_a=True), S_xy)
    values, vectors = eigh_psd(S_xx)  # Cholesky would stumble over directions without spread
    return (vectors * inverse_spectrum(values, reg)) @ vectors.T @ S_xy


def inverse_spectrum(values: NDArray, reg: float | NDArray) -> NDArray[np.float64]:
    """``1 / (values + reg)``, a row for each ``reg``; zero where the rows do not vary."""
    shifted = np.add.outer(reg, values)
    varies = values > rank_tolerance(values)
    return np.divide(1.0, shifted, out=np.zeros_like(shifted), where=varies)


def default_penalties(moments: Moments) -> NDArray[np.float64]:
    """Twenty penalties, from 1e-8 to 30 times the mean eigenvalue of the scatter matrix."""
    scale = np.trace(moments.scatter) / moments.n_features
    return (scale or 1.0) * np.logspace(-8.0, 1.5, N_PENALTIES)


def penalty_path_errors(train: Moments, fold: Moments, penalties: NDArray) -> NDArray[np.float64]:
    r"""Squared error on a fold, summed over its rows and outputs, of every penalty's ridge fit.

    From the moments of both parts alone. With :math:`S_{xx} = V \Lambda V^\top` and
    :math:`C = V^\top S_{xy}` of the training part, :math:`B = V D C` for
    :math:`D = (\Lambda + \lambda)^{-1}`, and the fold's error

    .. math:: \mathrm{tr}\, S_{yy} - 2 \langle B, S_{xy} \rangle + \langle B, S_{xx} B \rangle
              + W \lVert \delta_y - B^\top \delta_x \rVert^2

    (δ: the fold's mean less the training mean) comes down to three inner products with
    :math:`C C^\top`, so that a penalty costs d² and no product of matrices.
    """
    values, vectors = eigh_psd(train.scatter)
    C = vectors.T @ train.scatter_xy
    dx, dy = vectors.T @ (fold.mean - train.mean), fold.mean_y - train.mean_y
    second = vectors.T @ fold.scatter @ vectors + fold.weight * np.outer(dx, dx)
    quadratic = second * (C @ C.T)
    linear = ((vectors.T @ fold.scatter_xy) * C).sum(axis=1) + fold.weight * dx * (C @ dy)
    constant = fold.squares_y.sum() + fold.weight * dy @ dy
    D = inverse_spectrum(values, penalties)
    return constant - 2 * D @ linear + (D @ quadratic * D).sum(axis=1)


def loo_path_errors(
    X: Any, Y: NDArray, weights: NDArray | None, moments: Moments, penalties: NDArray
) -> NDArray[np.float64]:
    r"""Squared error, summed over rows and outputs, when each row is left out in turn.

    Each residual is divided by :math:`1 - h_{ii}`, the leverage with the intercept's share
    (Allen 1974; Golub, Heath & Wahba 1979, eq. 1.3), so that nothing is refitted.
    """
    values, vectors = eigh_psd(moments.scatter)
    C = vectors.T @ moments.scatter_xy
    w = np.ones(len(Y)) if weights is None else weights
    errors = np.zeros(len(penalties))
    for start in range(0, len(Y), LOO_BLOCK_ROWS):
        rows = slice(start, start + LOO_BLOCK_ROWS)
        Z = (X[rows] - moments.mean) @ vectors
        R = Y[rows] - moments.mean_y
        for k, reg in enumerate(penalties):
            D = inverse_spectrum(values, reg)
            leverage = w[rows] * (1 / moments.weight + (Z**2) @ D)
            residual = (R - (Z * D) @ C) / np.maximum(1 - leverage, 1e-12)[:, None]
            errors[k] += w[rows] @ (residual**2).sum(axis=1)
    return errors


class LeastSquares(Affine, PairedMomentMapping):
    r"""The affine map with the least squared error over the pairs: ``min_f Σ‖f(xᵢ) − yᵢ‖²``.

    :math:`A = S_{xx}^{-1} S_{xy}`, of least norm where it is not unique (Gauss 1809). Through
    the normal equations, hence to about half the digits that the conditioning of X leaves.

    Attributes
    ----------
    matrix_ : ndarray of shape (d_s, d_t)
    source_mean_, source_std_ : ndarray of shape (d_s,)
    target_mean_ : ndarray of shape (d_t,)

    Examples
    --------
    >>> from landbridge.mapping import LeastSquares
    >>> map_ = LeastSquares().fit([[0.0], [1.0], [2.0]], [[1.0], [3.0], [5.0]])
    >>> map_.transform([[10.0]])
    array([[21.]])
    """

    cost = "n d² + d³"
    when = "many more pairs than features"

    def _fit_folds(self, folds: list[Moments]) -> None:
        pairs = Moments.sum(folds)
        self._set_affine(ridge_matrix(pairs.scatter, pairs.scatter_xy, 0.0), pairs)


class Ridge(Affine, PairedMomentMapping):
    r"""Ridge regression from source rows to target rows, its penalty by cross-validation.

    :math:`A = (S_{xx} + \lambda I)^{-1} S_{xy}` (Hoerl & Kennard 1970), intercept unpenalised.
    Each fold's error is read off the fold's moments, so that all penalties and folds together
    cost hardly more than one fit.

    Parameters
    ----------
    reg : "cv", "loo" or float, default="cv"
        The penalty λ, on the scale of a sum over rows. ``"cv"`` chooses it by ``cv``-fold
        cross-validation out of the moments; ``"loo"`` by leaving each row out, which needs
        dense rows and a product with them for each penalty.
    penalties : sequence of float, optional
        The penalties to choose from; by default twenty, spaced evenly in the logarithm, from
        1e-8 to 30 times the mean eigenvalue of :math:`S_{xx}`.
    cv : int or splitter, default=5
        Number of folds, at most one a row, or a scikit-learn splitter that leaves out every row
        once.

    Attributes
    ----------
    matrix_ : ndarray of shape (d_s, d_t)
    source_mean_, source_std_ : ndarray of shape (d_s,)
    target_mean_ : ndarray of shape (d_t,)
    reg_ : float
        The penalty used.
    penalties_, errors_ : ndarray
        The penalties tried and the mean squared error (a row, all outputs) of each, where the
        penalty was chosen.

    Raises
    ------
    ValueError
        If ``reg`` is negative or an unknown word, or ``cv`` is below 2.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import Ridge
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> Y = X @ [[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]] + 0.1 * rng.normal(size=(200, 2))
    >>> Ridge().fit(X, Y).matrix_.round(1)
    array([[ 1.,  0.],
           [ 0.,  2.],
           [-0.,  0.]])
    """

    cost = "n d² + d³"
    when = "the plainest map from pairs; first to try"

    def __init__(
        self,
        reg: float | str = "cv",
        *,
        penalties: Sequence[float] | None = None,
        cv: Any = 5,
    ):
        self.reg = reg
        self.penalties = penalties
        self.cv = cv

    def _fit(self, X: Any, Y: Any, sample_weight: Any) -> None:
        self._check_parameters()
        if self.reg != "loo":
            super()._fit(X, Y, sample_weight)
            return
        pairs = moments_of_rows((X, Y), sample_weight, variances_only="y")
        penalties = self._penalties(pairs)
        self._choose(pairs, penalties, loo_path_errors(X, Y, sample_weight, pairs, penalties))

    def _folds(self, X: Any, Y: NDArray) -> Sequence[NDArray | None]:
        return fold_rows(self.cv, X, Y) if self.reg == "cv" else [None]

    def _unused_covariances(self, X: Any, Y: NDArray) -> str:
        return "y"

    def _fit_folds(self, folds: list[Moments]) -> None:
        self._check_parameters()
        pairs = Moments.sum(folds)
        if self.reg == "cv":
            if len(folds) < 2:
                raise ValueError(
                    'reg="cv" leaves out one part in turn: found 1 part. Give the moments of at '
                    "least two parts of the pairs, or a number as reg."
                )
            penalties = self._penalties(pairs)
            parts = [penalty_path_errors(pairs - fold, fold, penalties) for fold in folds]
            self._choose(pairs, penalties, np.sum(parts, axis=0))
        elif self.reg == "loo":
            raise ValueError('reg="loo" needs the rows: fit them, or use reg="cv".')
        else:
            self._solve(pairs, float(self.reg))

    def _penalties(self, pairs: Moments) -> NDArray:
        chosen = default_penalties(pairs) if self.penalties is None else self.penalties
        return np.asarray(chosen, dtype=float)

    def _choose(self, pairs: Moments, penalties: NDArray, errors: NDArray) -> None:
        self.penalties_, self.errors_ = penalties, errors / pairs.weight
        self._solve(pairs, float(penalties[errors.argmin()]))

    def _solve(self, pairs: Moments, reg: float) -> None:
        self.reg_ = reg
        self._set_affine(ridge_matrix(pairs.scatter, pairs.scatter_xy, reg), pairs)

    def _check_parameters(self) -> None:
        check_number("reg", self.reg, words=("cv", "loo"))
        check_folds(self.cv)
        for penalty in [] if self.penalties is None else self.penalties:
            check_number("Each of penalties", penalty)

    @property
    def takes_sparse(self) -> bool:  # type: ignore[override]
        """Unless rows are left out in turn, one by one."""
        return self.reg != "loo"
