"""The target's class shares from a source classifier, where only the shares have changed."""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from sklearn.exceptions import ConvergenceWarning


def em_priors(
    probabilities: ArrayLike,
    source_priors: ArrayLike,
    tol: float = 1e-6,
    max_iter: int = 1000,
) -> NDArray[np.float64]:
    r"""Class shares of the target by expectation maximisation on a classifier's probabilities.

    With :math:`p_s(k|x)` the source classifier's probabilities on target rows, iterate
    :math:`\pi_k \leftarrow \frac1n \sum_i q_{ik}`, where
    :math:`q_{ik} \propto p_s(k|x_i)\, \pi_k / \pi^s_k` sums to one in each row
    (Saerens, Latinne & Decaestecker 2002, eq. 2.9). The probabilities must be calibrated.

    Parameters
    ----------
    probabilities : array-like of shape (n, n_classes)
        The source classifier's probabilities on the target rows.
    source_priors : array-like of shape (n_classes,)
        The class shares that the classifier was trained with.
    tol : float
        Stop once no share moves by more than this; smaller is closer and slower.
    max_iter : int
        The most passes; a ``ConvergenceWarning`` says so where they run out.

    Returns
    -------
    ndarray of shape (n_classes,)
        The target's class shares; they sum to one.

    Raises
    ------
    ValueError
        If the shapes do not match, a value is not a probability, or a source share is zero.

    Examples
    --------
    >>> from landbridge.moments.priors import em_priors
    >>> em_priors([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]], [0.5, 0.5]).round(3)
    array([0.678, 0.322])
    """
    source = _shares(source_priors, "source_priors")
    ratio = _probabilities(probabilities, len(source)) / source
    priors = source
    for _ in range(max_iter):
        before, priors = priors, _em_step(ratio, priors)
        change = np.abs(priors - before).max()
        if change <= tol:
            return priors
    warnings.warn(
        f"em_priors still moved by {change:.2g} after max_iter={max_iter} passes, more than "
        f"tol={tol:.2g}. Raise max_iter or tol.",
        ConvergenceWarning,
        stacklevel=2,
    )
    return priors


def _em_step(ratio: NDArray, priors: NDArray) -> NDArray:
    # The mean over rows of ratio * priors / (ratio @ priors), as one product.
    return priors * ((1.0 / (ratio @ priors)) @ ratio) / len(ratio)


def bbse_priors(
    confusion: ArrayLike, predicted_share: ArrayLike
) -> tuple[NDArray[np.float64], float]:
    r"""Class shares of the target from a source classifier's confusions and its predictions.

    With :math:`C_{jk}` the share of class j's source rows that are predicted as k and
    :math:`q_k` the share of target rows predicted as k, solve :math:`C^\top \pi = q`
    (Lipton, Wang & Smola 2018, section 4). Negative shares are set to zero and the rest scaled
    to sum to one. What the confusions cannot tell apart keeps its proportions in the source.

    Parameters
    ----------
    confusion : array-like of shape (n_classes, n_classes)
        Source rows by true class (row) and predicted class (column), as counts or shares, the way
        ``sklearn.metrics.confusion_matrix`` gives them; best out of fold.
    predicted_share : array-like of shape (n_classes,)
        The share, or the number, of target rows predicted as each class.

    Returns
    -------
    priors : ndarray of shape (n_classes,)
        The target's class shares.
    condition : float
        The condition number of C: 1 is a faultless classifier, above about 100 the shares rest
        on very little, infinite where classes are never told apart.

    Raises
    ------
    ValueError
        If the shapes do not match, a value is negative, or a class has no source rows.

    Examples
    --------
    >>> from landbridge.moments.priors import bbse_priors
    >>> priors, condition = bbse_priors([[8, 2], [1, 9]], [0.45, 0.55])
    >>> priors.round(3), round(condition, 3)
    (array([0.5, 0.5]), 1.456)
    """
    source, rates, change = _change(confusion, predicted_share)
    step = np.linalg.pinv(rates.T, rcond=1e-10) @ change
    return _kept(source + step - step.mean()), _condition(rates)


def rlls_priors(
    confusion: ArrayLike, predicted_share: ArrayLike, reg: float | str = "auto"
) -> tuple[NDArray[np.float64], float]:
    r"""Class shares of the target from confusions and predictions, drawn towards the source's.

    With :math:`C_{kj}` the share of source rows of class j that are predicted as k,
    :math:`q` the shares of target rows predicted as each class and :math:`p` those of source
    rows, the ratio :math:`w = \pi / \pi^s` is :math:`1 + \theta`, where

    .. math:: \min_\theta \lVert C \theta - (q - p) \rVert + \Delta \lVert \theta \rVert

    (Azizzadenesheli et al. 2019, algorithm 1, with their γ = 1). A penalty below what the
    confusions tell apart changes nothing: ``bbse_priors``; above it the source's shares are kept
    the more. In small samples this errs less. Negative shares are set to zero and the
    rest scaled to sum to one.

    Parameters
    ----------
    confusion : array-like of shape (n_classes, n_classes)
        Source rows by true class (row) and predicted class (column), as counts.
    predicted_share : array-like of shape (n_classes,)
        The share, or the number, of target rows predicted as each class.
    reg : "auto" or float
        The penalty Δ; larger keeps the source's shares. ``"auto"`` is ``rlls_penalty`` of the
        number of source rows counted.

    Returns
    -------
    priors : ndarray of shape (n_classes,)
        The target's class shares.
    condition : float
        The condition number of the confusions: see ``bbse_priors``.

    Raises
    ------
    ValueError
        If the shapes do not match, a value is negative, a class has no source rows, or ``reg``
        is negative.

    Examples
    --------
    >>> from landbridge.moments.priors import rlls_priors
    >>> for reg in (0.01, 0.5):
    ...     rlls_priors([[6, 5], [4, 5]], [0.6, 0.4], reg=reg)[0].round(3)
    array([1., 0.])
    array([0.55, 0.45])
    """
    source, rates, change = _change(confusion, predicted_share)
    if reg == "auto":
        penalty = rlls_penalty(len(source), float(np.asarray(confusion, dtype=float).sum()))
    else:
        penalty = float(reg)
    if not 0 <= penalty < np.inf:
        raise ValueError(f'reg must be "auto" or a number from 0 up: found {reg!r}.')
    theta = least_norms(rates.T * source, change, penalty)
    return _kept(source * (1 + theta)), _condition(rates)


def rlls_penalty(n_classes: int, n_rows: float) -> float:
    r"""A hundredth of the bound on the error of confusions that were counted on so many rows.

    The bound is :math:`3 (2 \ell / 3n + \sqrt{2 \ell / n})` with :math:`\ell = \ln 2k/\delta` and
    :math:`\delta = 0.05` (Azizzadenesheli et al. 2019). It is loose: as it stands it would keep
    the source's shares for all but very many rows, so it is scaled down, as is customary.
    """
    length = 2.0 * np.log(2.0 * n_classes / 0.05) / n_rows
    return float(0.01 * 3.0 * (length / 3.0 + np.sqrt(length)))


def least_norms(A: NDArray, b: NDArray, reg: float) -> NDArray[np.float64]:
    r"""The x with the least ``‖A x − b‖ + reg ‖x‖``: neither norm is squared.

    Where x is not zero, it is the ridge solution
    :math:`x = (A^\top A + \lambda I)^{-1} A^\top b` of the λ with
    :math:`\lambda \lVert x \rVert = \mathrm{reg} \lVert A x - b \rVert`; x is zero where
    :math:`\lVert A^\top b \rVert \le \mathrm{reg} \lVert b \rVert`.
    """
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    along, largest = U.T @ b, float(s.max(initial=0.0))
    aside = float(np.linalg.norm(b - U @ along))
    if np.linalg.norm(s * along) <= reg * np.linalg.norm(b):
        return np.zeros(A.shape[1])
    known = s > 1e-10 * largest

    def excess(log_penalty: float) -> float:
        penalty = np.exp(log_penalty)
        shrunk = s / (s**2 + penalty) * along
        left = penalty / (s**2 + penalty) * along
        return float(penalty * np.linalg.norm(shrunk) - reg * np.hypot(np.linalg.norm(left), aside))

    # Of tiny penalties the least is as good as none; that of a consistent system is just that.
    low, high = (2 * np.log(largest) + shift for shift in (-40.0, 60.0))
    penalty = 0.0 if excess(low) >= 0 else np.exp(brentq(excess, low, high, xtol=1e-12))
    shrunk = np.divide(s * along, s**2 + penalty, out=np.zeros(len(s)), where=known)
    return Vt.T @ shrunk


def _change(
    confusion: ArrayLike, predicted_share: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the source's classes, their confusion rates, and how predictions have changed."""
    counts = _confusion(confusion)
    predicted = _shares(predicted_share, "predicted_share", zero=True)
    if len(predicted) != len(counts):
        raise ValueError(
            f"predicted_share has {len(predicted)} classes, confusion has {len(counts)}: "
            "give both for the same classes in the same order."
        )
    source = counts.sum(axis=1) / counts.sum()
    rates = counts / counts.sum(axis=1, keepdims=True)
    return source, rates, predicted - rates.T @ source


def _kept(shares: NDArray) -> NDArray[np.float64]:
    """Shares that are not negative and sum to one."""
    kept = np.clip(shares, 0.0, None)
    return kept / kept.sum()


def _condition(matrix: NDArray) -> float:
    spectrum = np.linalg.svd(matrix, compute_uv=False)
    return float(spectrum[0] / spectrum[-1]) if spectrum[-1] > 1e-10 * spectrum[0] else np.inf


def _shares(values: ArrayLike, name: str, zero: bool = False) -> NDArray[np.float64]:
    shares = np.asarray(values, dtype=np.float64)
    least = "not negative" if zero else "above zero"
    if shares.ndim != 1 or not len(shares):
        raise ValueError(f"{name} must have one share a class: found shape {shares.shape}.")
    bad = ~np.isfinite(shares) | (shares < 0 if zero else shares <= 0)
    if bad.any():
        raise ValueError(
            f"{name} must be finite and {least} for every class: class number "
            f"{int(bad.argmax())} has {shares[bad.argmax()]}. Leave out classes without rows."
        )
    if not shares.any():
        raise ValueError(f"{name} is zero for every class: at least one class must occur.")
    return shares / shares.sum()


def _probabilities(values: ArrayLike, n_classes: int) -> NDArray[np.float64]:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != n_classes or not len(table):
        raise ValueError(
            f"probabilities must have at least one row and a column for each of the {n_classes} "
            f"classes in source_priors: found shape {table.shape}."
        )
    if not (table >= 0).all() or not np.allclose(table.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(
            "probabilities must not be negative and each row must sum to one: "
            f"lowest is {table.min()}, row sums reach from {table.sum(axis=1).min():.4g} to "
            f"{table.sum(axis=1).max():.4g}. Give predict_proba's output."
        )
    return table


def _confusion(values: ArrayLike) -> NDArray[np.float64]:
    counts = np.asarray(values, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"confusion must be square, true by predicted: found {counts.shape}.")
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(f"confusion must be finite and not negative: lowest is {counts.min()}.")
    if not counts.sum(axis=1).all():
        raise ValueError(
            f"confusion has no source rows of class number {int(counts.sum(axis=1).argmin())}: "
            "leave that class out."
        )
    return counts
