"""Matrix functions of covariances."""

import numpy as np
from numpy.typing import NDArray

from landbridge.moments.moments import Moments

Matrix = NDArray[np.float64]


def eigh_psd(C: Matrix) -> tuple[NDArray, Matrix]:
    """Eigenvalues, largest first and none negative, and eigenvectors as columns, of ``C`` (d, d).

    The sign of each vector is fixed (its largest entry is positive), so that the same matrix
    gives the same vectors on every machine.
    """
    values, vectors = np.linalg.eigh(C)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    return values, vectors * np.where(vectors[largest, range(len(values))] < 0, -1.0, 1.0)


def power_psd(C: Matrix, exponent: float) -> Matrix:
    """``C ** exponent`` of a symmetric positive semi-definite ``C`` (d, d).

    Directions without variance stay without, also for a negative exponent (pseudo-inverse):
    eigenvalues below d · eps times the largest count as zero.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.moments import power_psd
    >>> power_psd(np.diag([4.0, 9.0, 0.0]), -0.5)
    array([[0.5  , 0.  , 0.  ],
           [0.   , 0.333, 0.  ],
           [0.   , 0.   , 0.  ]])
    """
    values, vectors = np.linalg.eigh(C)
    powers = np.zeros_like(values)
    kept = values > rank_tolerance(values)
    powers[kept] = values[kept] ** exponent
    vectors *= np.sqrt(powers)
    return vectors @ vectors.T


def rank_tolerance(values: NDArray) -> float:
    """Below this an eigenvalue or singular value is rounding noise."""
    return len(values) * np.finfo(np.float64).eps * float(np.abs(values).max(initial=0.0))


def without_noise(A: Matrix) -> Matrix:
    """``A`` with entries below 1e-12 times the largest, which are rounding noise, set to zero.

    So that a feature which never varies is not carried to one that varies by 1e-17, which a
    scaler would blow up.
    """
    size = np.abs(A)
    return np.where(size > 1e-12 * size.max(), A, 0.0)


def shrink_covariance(C: Matrix, n: float) -> tuple[Matrix, float]:
    """``(1 - ρ) C + ρ μ I`` with ``μ = tr(C) / d``, and its shrinkage ``ρ`` in [0, 1].

    Oracle-approximating shrinkage (Chen, Wiesel, Eldar & Hero 2010, eq. 23), which needs no
    rows: only ``C`` (d, d), normalised by n, and the number ``n`` of rows behind it.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.moments import shrink_covariance
    >>> shrunk, rho = shrink_covariance(np.diag([1.0, 3.0]), n=50)
    >>> round(rho, 4), np.diag(shrunk).round(4)
    (0.2549, array([1.2549, 2.7451]))
    """
    d = len(C)
    mean = np.trace(C) / d
    spread = np.vdot(C, C) / d**2  # tr(C²) / d²
    top = spread + mean**2
    bottom = (n + 1) * (spread - mean**2 / d)
    rho = 1.0 if bottom <= 0 else min(1.0, float(top / bottom))
    shrunk = (1 - rho) * C
    shrunk.flat[:: d + 1] += rho * mean
    return shrunk, rho


def regularised_covariance(moments: Moments, reg: float | str) -> Matrix:
    """Covariance (d, d) plus ``reg`` on the diagonal, or shrunk for ``reg="auto"``.

    Raises
    ------
    ValueError
        If ``reg`` is neither ``"auto"`` nor a number from 0 up.
    """
    if reg == "auto":
        return shrink_covariance(moments.scatter / moments.weight, moments.effective_count)[0]
    if isinstance(reg, str) or not reg >= 0:
        raise ValueError(f'reg must be "auto" or a number from 0 up: found {reg!r}.')
    C = moments.cov
    C.flat[:: len(C) + 1] += reg
    return C
