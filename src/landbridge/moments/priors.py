"""The target's class shares from a source classifier, where only the shares have changed."""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
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
    counts, predicted = (
        _confusion(confusion),
        _shares(predicted_share, "predicted_share", zero=True),
    )
    if len(predicted) != len(counts):
        raise ValueError(
            f"predicted_share has {len(predicted)} classes, confusion has {len(counts)}: "
            "give both for the same classes in the same order."
        )
    source = counts.sum(axis=1) / counts.sum()
    rates = counts / counts.sum(axis=1, keepdims=True)
    change = np.linalg.pinv(rates.T, rcond=1e-10) @ (predicted - rates.T @ source)
    kept = np.clip(source + change - change.mean(), 0.0, None)
    return kept / kept.sum(), _condition(rates)


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
