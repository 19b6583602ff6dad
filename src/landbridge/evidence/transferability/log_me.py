"""LogME: how likely a linear model on the features makes the labels, its weights averaged out.

With a Gaussian prior of precision α on the weights and noise of precision β, the log evidence of
labels y is that of Bayesian linear regression. Let σ be the eigenvalues of :math:`F F^\\top`,
x the labels along its eigenvectors, ρ² what of ‖y‖² lies outside of them, and t = α/β. Then

    γ = Σ σ/(σ+t),   m² = Σ σx²/(σ+t)²,   r² = ‖y − Fm‖² = ρ² + Σ t²x²/(σ+t)²

and MacKay's fixed point α = γ/m², β = (n − γ)/r² is one equation in t, solved for all columns
of labels at once where the rounds from t = 1 end; the smaller of FᵀF and FFᵀ gives σ and x. Only
x is wanted of the eigenvectors, so these are taken of the tridiagonal matrix that the Gram matrix
is turned into, and the labels are turned instead of them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal, lapack

from landbridge.domains.parameters import check_choice
from landbridge.evidence.transferability.measured import (
    Measured,
    class_rows,
    number_rows,
    one_hot,
)
from landbridge.moments.matrices import rank_tolerance

MAX_ROUNDS = 500
FIRST_LEAP = 0.5
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
    one-hot labels (You, Liu, Wang & Long 2021, eq. 2 and algorithm 1). The maximum is the one
    that the rounds of their algorithm, ``α = γ / ‖m‖²`` and ``β = (n − γ) / ‖y − Fm‖²``, end at
    from α = β = 1; where the evidence has several, another may be higher.

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
        If rows, labels or the task do not fit, or there are fewer than two classes, or numbers
        that differ.

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
    check_choice("task", task, ("classification", "regression"))
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


def _step(s: NDArray, spectrum: Spectrum) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One round of the fixed point in log t, t ← (γ / m²) (r² / (n − γ)): its step and slope.

    The slope is that of where the round ends against where it starts.
    """
    sigma, along, outside, n = spectrum
    t = np.exp(s)
    inverse = 1.0 / (sigma + t)
    kept = sigma * inverse
    part = along * inverse**2
    gamma, gamma_falls = kept.sum(axis=0), t * (kept * inverse).sum(axis=0)
    open_rows = n - len(sigma) + t * inverse.sum(axis=0)  # n − γ
    m2, r2 = sigma.ravel() @ part, outside + t**2 * part.sum(axis=0)
    kept *= part
    m2_falls = 2 * t * kept.sum(axis=0)
    gamma, open_rows, m2, r2 = (np.maximum(v, TINY) for v in (gamma, open_rows, m2, r2))
    end = np.log(gamma) + np.log(r2) - np.log(open_rows) - np.log(m2)
    slope = m2_falls * (t / r2 + 1 / m2) - gamma_falls * (1 / gamma + 1 / open_rows)
    return end - s, slope


def _fixed_points(spectrum: Spectrum, tol: float = 1e-9) -> NDArray[np.float64]:
    """log t of every column: where the rounds from t = 1 end, in far fewer steps.

    A leap longer than a round is taken only where it leads to the same end (``_is_free``), and
    Newton's step only where the rounds contract towards a fixed point nearby (``_contracts``).
    """
    s = np.zeros(len(spectrum.outside))
    if not len(spectrum.sigma):
        return s
    low, high = np.log(spectrum.sigma.mean()) + np.array(RANGE)
    step, slope = _step(s, spectrum)
    leap, moving = np.full(len(s), FIRST_LEAP), np.arange(len(s))
    for _ in range(MAX_ROUNDS):
        old, g, rise, some = s[moving], step[moving], slope[moving], spectrum.columns(moving)
        newton, far = _contracts(g, rise), np.maximum(np.abs(g), leap[moving])
        ahead = np.where(newton, g / np.where(newton, 1.0 - rise, 1.0), np.sign(g) * far)
        new = np.clip(old + ahead, low, high)
        new_g, new_rise = _step(new, some)
        h = np.abs(new - old)
        free = _is_free(h, np.sign(g) * [g, new_g], [rise, new_rise], _bend(old, g, some))
        goes = newton | free | (h <= np.abs(g))
        kept = moving[goes]
        s[kept], step[kept], slope[kept] = new[goes], new_g[goes], new_rise[goes]
        leap[moving] = np.where(goes, 2 * h, h / 2)
        leap = np.minimum(leap, _most_of_the_way(step, slope))
        moving = moving[np.where(goes, h, far) > tol]
        if not len(moving):
            break
    return s


def _contracts(step: NDArray, slope: NDArray) -> NDArray[np.bool_]:
    """Whether the rounds contract to one fixed point from here, and Newton's steps with them.

    With q = |slope| and 2 the most that it changes by a unit of log t, rounds contract within
    (1 − q) / 4 of here, and stay there (Kantorovich 1948 for Newton's).
    """
    return 8 * np.abs(step) <= np.maximum(1.0 - np.abs(slope), 0.0) ** 2


def _is_free(h: NDArray, steps: NDArray, slopes: list[NDArray], bend: NDArray) -> NDArray[np.bool_]:
    """Whether rounds from the one end of a stretch (length h) pass the other without turning back.

    So they do where slopes stay above zero and there is no fixed point: the cubic that has the
    steps and slopes of both ends lies above its four control points, and within
    5 h⁴ / 384 of the truth.
    """
    (here, there), (rise, new_rise) = steps, slopes
    controls = [here, here + h * (rise - 1) / 3, there - h * (new_rise - 1) / 3, there]
    above = np.min(controls, axis=0) > bend * 2.5 * h**4 / 384
    return above & (rise + new_rise >= bend * h)


def _most_of_the_way(step: NDArray, slope: NDArray) -> NDArray[np.float64]:
    """Nine tenths of a Newton step where the steps shrink ahead."""
    fall = 1.0 - slope
    return np.where(fall > 0, 0.9 * np.abs(step) / np.where(fall > 0, fall, 1.0), np.inf)


def _bend(s: NDArray, step: NDArray, spectrum: Spectrum) -> NDArray[np.float64]:
    """What the slope changes by at most a unit of log t, from here on in the step's direction.

    With u = t / (σ + t) the slope is made of means p of u, each of which changes by at most
    2 p (1 − p): 2 altogether, and less where all u ahead are near to one, or to zero.
    """
    sigma, _, outside, n = spectrum
    t = np.exp(s)
    rising = sigma.max() / (sigma.max() + t)
    falling = np.where((outside > 0) | (len(sigma) < n), 1.0, t / (sigma.min() + t))
    return 8.0 * np.minimum(np.where(step > 0, rising, falling), 0.25)
