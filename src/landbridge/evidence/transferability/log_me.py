"""LogME: how likely a linear model on the features makes the labels, its weights averaged out.

With a Gaussian prior of precision α on the weights and noise of precision β, the log evidence of
labels y is that of Bayesian linear regression. Let σ be the eigenvalues of :math:`F F^\\top`,
x the labels along its eigenvectors, ρ² what of ‖y‖² lies outside of them, and t = α/β. Then

    γ = Σ σ/(σ+t),   m² = Σ σx²/(σ+t)²,   r² = ‖y − Fm‖² = ρ² + Σ t²x²/(σ+t)²

and MacKay's fixed point α = γ/m², β = (n − γ)/r² is one equation in t, solved for all columns
of labels at once; the smaller of FᵀF and FFᵀ gives σ and x. Only x is wanted of the eigenvectors,
so these are taken of the tridiagonal matrix that the Gram matrix is turned into, and the labels
are turned instead of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal, lapack

from landbridge.evidence.transferability.measured import (
    Measured,
    class_rows,
    number_rows,
    one_hot,
)
from landbridge.moments.matrices import rank_tolerance

MAX_ROUNDS = 200
LEAST_RESIDUAL = 1e-13
"""Of ‖y‖²: less than this outside of the features is rounding, and would make β infinite."""
RANGE = (-46.0, 46.0)
"""Of log t, about that of the mean eigenvalue: beyond 1e±20 the evidence hardly moves."""
TINY = np.finfo(np.float64).tiny


class Spectrum(NamedTuple):
    """Eigenvalues (r, 1), squared labels along them (r, C) and outside of them (C,), and n."""

    sigma: NDArray[np.float64]
    along: NDArray[np.float64]
    outside: NDArray[np.float64]
    n: int

    def columns(self, some: NDArray) -> "Spectrum":
        """The same for some columns of the labels."""
        return self._replace(along=self.along[:, some], outside=self.outside[some])


def log_me(features: ArrayLike, y: ArrayLike, *, task: str = "classification") -> float:
    r"""Log maximum evidence a row: how well features carry labels, whatever head is put on them.

    .. math::
        \tfrac1n \max_{\alpha, \beta} \log p(y | F, \alpha, \beta) = \tfrac{1}{2} \log \beta
        + \tfrac{d}{2n} \log \alpha - \tfrac{1}{2n} \log |\alpha I + \beta F^\top F|
        - \tfrac{\beta}{2n} \lVert F m - y \rVert^2 - \tfrac{\alpha}{2n} m^\top m
        - \tfrac12 \log 2\pi

    with :math:`m = \beta (\alpha I + \beta F^\top F)^{-1} F^\top y`, averaged over the columns of
    one-hot labels (You, Liu, Wang & Long 2021, eq. 2 and algorithm 1: the fixed point of α and
    β from α = β = 1).

    Parameters
    ----------
    features : array-like of shape (n, d)
        What an encoder makes of the target's rows.
    y : array-like of shape (n,)
        Their labels; rows without one are passed over.
    task : "classification" or "regression"
        Whether labels are classes or numbers.

    Returns
    -------
    float
        Larger is better; only scores of the same labels can be compared.

    Raises
    ------
    ValueError
        If rows or labels do not fit, or there are fewer than two classes.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.transferability import log_me
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 300)
    >>> good = np.eye(3)[y] + 0.5 * rng.normal(size=(300, 3))
    >>> round(log_me(good, y), 2), round(log_me(rng.normal(size=(300, 3)), y), 2)
    (-0.5, -0.87)
    """
    if task == "regression":
        F, values = number_rows(features, y)
        return float(evidence_of(F, values[:, None]).mean())
    F, codes = class_rows(features, y)
    return float(evidence_of(F, one_hot(codes)).mean())


def evidence_of(F: NDArray, Y: NDArray) -> NDArray[np.float64]:
    """Log maximum evidence a row of each column of ``Y`` (n, C): (C,)."""
    spectrum = _spectrum(F, Y)
    return _evidence(_fixed_points(spectrum), spectrum)


def measure_log_me(F: NDArray, Y: NDArray) -> Measured:
    r"""The mean log evidence of the columns of ``Y`` (n, C), and each row's influence on it.

    The evidence is at its maximum in α, β and m, so a row's weight moves it by itself alone:
    :math:`\tfrac12 \log \tfrac{\beta}{2\pi} - \tfrac{\beta}{2} f^\top A^{-1} f
    - \tfrac{\beta}{2} (y - m^\top f)^2`.
    """
    sigma, rows = _in_eigenbasis(F)
    spectrum = _spectrum_of(sigma, (rows.T @ Y) ** 2 / sigma[:, None], Y)
    s = _fixed_points(spectrum)
    t = np.exp(s)
    beta = spectrum.n / _penalised(t, spectrum)
    shrunk = 1.0 / (spectrum.sigma + t)
    wrong = Y - rows @ (shrunk * (rows.T @ Y))
    leverage = (rows**2) @ shrunk
    pull = (0.5 * (np.log(beta / (2 * np.pi)) - leverage - beta * wrong**2)).mean(axis=1)
    return Measured(float(_evidence(s, spectrum).mean()), pull - pull.mean())


def _spectrum(F: NDArray, Y: NDArray) -> Spectrum:
    n, d = F.shape
    if d >= n:
        values, parts = eigenvalues_and_parts(F @ F.T, Y)
        kept = _positive(values)
        return _spectrum_of(values[kept], parts[kept] ** 2, Y)
    values, parts = eigenvalues_and_parts(F.T @ F, F.T @ Y)
    kept = _positive(values)
    return _spectrum_of(values[kept], parts[kept] ** 2 / values[kept, None], Y)


def _spectrum_of(sigma: NDArray, along: NDArray, Y: NDArray) -> Spectrum:
    norms = np.einsum("ij,ij->j", Y, Y)
    outside = norms - along.sum(axis=0)
    outside[outside < LEAST_RESIDUAL * norms] = 0.0
    if len(sigma) < len(Y):
        outside = np.maximum(outside, LEAST_RESIDUAL * norms)
    return Spectrum(sigma[:, None], along, outside, len(Y))


def _in_eigenbasis(F: NDArray) -> tuple[NDArray, NDArray]:
    """Eigenvalues above rounding (r,), and the rows along their eigenvectors (n, r)."""
    n, d = F.shape
    values, vectors = np.linalg.eigh(F @ F.T if d >= n else F.T @ F)
    kept = _positive(values)
    V = vectors[:, kept]
    return values[kept], V * np.sqrt(values[kept]) if d >= n else F @ V


def eigenvalues_and_parts(gram: NDArray, B: NDArray) -> tuple[NDArray, NDArray]:
    """Eigenvalues (d,) of a symmetric matrix, and ``V.T @ B`` (d, C), V never being made.

    With gram = QTQᵀ and T = WΛWᵀ, W that of a tridiagonal matrix, it is ``W.T @ (Q.T @ B)``.
    ``gram`` is overwritten.
    """
    if len(gram) == 1:
        return gram[0], B
    work = int(lapack.dsytrd_lwork(len(gram), lower=1)[0])
    reflectors, diagonal, beside, tau, _ = lapack.dsytrd(
        gram.T, lower=1, lwork=work, overwrite_a=True
    )
    # Q leaves the first row alone, and turns the others as the Q of a QR factorisation does.
    turned = np.array(B, dtype=np.float64, order="F")
    work = 64 * B.shape[1]
    turned[1:] = lapack.dormqr("L", "T", reflectors[1:, :-1], tau, turned[1:], work)[0]
    values, vectors = eigh_tridiagonal(diagonal, beside, check_finite=False)
    return values, vectors.T @ turned


def _positive(values: NDArray) -> NDArray[np.bool_]:
    return values > max(rank_tolerance(values), TINY)


def _penalised(t: NDArray, spectrum: Spectrum) -> NDArray[np.float64]:
    """``r² + t m²`` of each column, which is n/β."""
    sigma, along, outside, _ = spectrum
    return np.maximum(outside + (along * (t / (sigma + t))).sum(axis=0), TINY)


def _evidence(s: NDArray, spectrum: Spectrum) -> NDArray[np.float64]:
    """Log evidence a row at t = exp(s), with β at its best."""
    t, n = np.exp(s), spectrum.n
    penalty = np.log1p(spectrum.sigma / t).sum(axis=0)
    return 0.5 * (np.log(n / _penalised(t, spectrum)) - 1.0 - penalty / n - np.log(2 * np.pi))


def _next(s: NDArray, spectrum: Spectrum) -> NDArray[np.float64]:
    """One round of the fixed point, in log t: t ← (γ / m²) (r² / (n − γ))."""
    sigma, along, outside, n = spectrum
    t = np.exp(s)
    inverse = 1.0 / (sigma + t)
    gamma = (sigma * inverse).sum(axis=0)
    open_rows = n - len(sigma) + (t * inverse).sum(axis=0)  # n − γ
    part = along * inverse**2
    m2, r2 = (sigma * part).sum(axis=0), outside + t**2 * part.sum(axis=0)
    return np.log(np.maximum(gamma * r2, TINY)) - np.log(np.maximum(open_rows * m2, TINY))


def _fixed_points(spectrum: Spectrum, tol: float = 1e-9) -> NDArray[np.float64]:
    """log t of every column: from t = 1, two rounds and a step of Aitken's, until both agree."""
    s = np.zeros(len(spectrum.outside))
    if not len(spectrum.sigma):
        return s
    low, high = np.log(spectrum.sigma.mean()) + np.array(RANGE)
    moving = np.arange(len(s))
    for _ in range(MAX_ROUNDS):
        some = spectrum.columns(moving)
        first = np.clip(_next(s[moving], some), low, high)
        second = np.clip(_next(first, some), low, high)
        guess = np.clip(_aitken(s[moving], first, second), low, high)
        better = _evidence(guess, some) >= _evidence(second, some)
        s[moving] = np.where(better, guess, second)
        moving = moving[np.abs(second - first) > tol]
        if not len(moving):
            break
    return s


def _aitken(start: NDArray, first: NDArray, second: NDArray) -> NDArray[np.float64]:
    """Where steps that shrink evenly would end (Aitken 1926)."""
    change = (second - first) - (first - start)
    safe = np.abs(change) > 1e-14
    step = np.where(safe, (second - first) ** 2 / np.where(safe, change, 1.0), 0.0)
    return second - step
