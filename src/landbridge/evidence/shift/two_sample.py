"""Do both domains come from one distribution? Two tests with permutation p-values.

Every permutation of the domain labels shares one factorisation or one kernel matrix, so that two
hundred of them cost a few matrix products. A test is exact whatever the sample size: its p-value
is ``(1 + #{as large or larger}) / (1 + n_permutations)``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve
from scipy.stats import rankdata
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler

from landbridge.domains import check_rows
from landbridge.moments.feature_map import (
    MEDIAN_ROWS,
    cosines_and_sines,
    draw_frequencies,
    draw_rows,
    median_distance,
)

N_FOLDS = 5
FOURIER_ROWS = 20_000
Z_95 = 1.959964


@dataclass(frozen=True)
class ClassifierTest:
    """How well a classifier tells the domains apart, out of fold."""

    auc: float
    low: float
    high: float
    p_value: float
    proxy_a_distance: float
    n_permutations: int
    n_used: int


@dataclass(frozen=True)
class MMDTest:
    """How far apart the domains' mean embeddings are."""

    mmd2: float
    low: float
    high: float
    p_value: float
    bandwidth: float
    n_permutations: int
    n_used: int


def classifier_two_sample_test(
    Xs: ArrayLike,
    Xt: ArrayLike,
    *,
    squares: bool = True,
    n_permutations: int = 200,
    max_rows: int = 5000,
    random_state: int = 0,
) -> ClassifierTest:
    r"""Whether a linear classifier can tell target rows from source rows.

    A ridge discriminant on the standardised features is fitted in five folds; the statistic is
    the area under its ROC curve over the rows held out (Lopez-Paz & Oquab 2017, with the area in
    place of the accuracy: it does not depend on the domains' sizes). The penalty is the number
    of features, against a Gram matrix whose diagonal is the number of rows. Domain labels are
    permuted within the folds.

    Parameters
    ----------
    Xs, Xt : array-like of shape (n_s, d) and (n_t, d)
        Rows of both domains, at least two of each.
    squares : bool
        Whether the squares of the features are features too, so that a change of spread is seen
        as well as one of place.
    n_permutations : int
        Permutations behind the p-value, which cannot fall below ``1 / (1 + n_permutations)``.
    max_rows : int
        Larger domains are thinned to this many rows, drawn by ``random_state``.
    random_state : int
        Seed of the folds, the permutations and the thinning.

    Returns
    -------
    ClassifierTest
        ``auc`` (0.5: cannot tell, 1: always can) with its 95 % interval ``low`` to ``high``
        (DeLong, DeLong & Clarke-Pearson 1988), ``p_value``, ``proxy_a_distance``
        ``max(0, 2 (1 - 2 error))`` with the mean of both domains' error rates (Ben-David et al.
        2007; 0: the same, 2: apart), ``n_permutations`` and ``n_used`` rows.

    Raises
    ------
    ValueError
        If a domain has fewer than two rows, or the two differ in their number of features.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.shift.two_sample import classifier_two_sample_test
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> test = classifier_two_sample_test(X[:100], X[100:] + [1, 0, 0])
    >>> round(test.auc, 1), round(test.p_value, 3)
    (0.8, 0.005)
    """
    _check_permutations(n_permutations)
    rng = np.random.default_rng(random_state)
    rows_s, rows_t = _thinned(Xs, Xt, max_rows, rng)
    domain, fold = _domains_in_folds(len(rows_s), len(rows_t), rng)
    labels = permuted_domains(domain, fold, n_permutations, rng)
    features = _standardised(np.vstack([rows_s, rows_t]), squares)
    scores = fold_scores(_design(features), labels, fold, penalty=features.shape[1])
    areas = fold_auc(scores, labels, fold)
    error = Z_95 * area_error(scores[:, 0], domain, fold)
    return ClassifierTest(
        auc=float(areas[0]),
        low=max(0.0, float(areas[0] - error)),
        high=min(1.0, float(areas[0] + error)),
        p_value=permutation_p_value(areas),
        proxy_a_distance=_proxy_a_distance(scores[:, 0], domain),
        n_permutations=n_permutations,
        n_used=len(domain),
    )


def mmd_test(
    Xs: ArrayLike,
    Xt: ArrayLike,
    *,
    bandwidth: float | None = None,
    standardise: bool = True,
    n_permutations: int = 200,
    max_rows: int = 2000,
    n_frequencies: int = 256,
    random_state: int = 0,
) -> MMDTest:
    r"""Whether the maximum mean discrepancy of the domains is more than chance.

    The unbiased estimate of :math:`\mathrm{MMD}^2` (Gretton et al. 2012, eq. 3) with the kernel
    :math:`k(x, y) = \exp(-\|x - y\|^2 / 2h^2)`. Up to ``max_rows`` rows a domain the kernel
    matrix is computed, ``8 (n_s + n_t)²`` bytes and as much again in passing (128 MB each at the
    default bound). Where a domain is larger, all rows, thinned to 20,000 a domain, go through
    ``n_frequencies`` random Fourier features (Rahimi & Recht 2007), and the same estimate is
    taken of :math:`\|\mu_s - \mu_t\|^2`.

    Parameters
    ----------
    Xs, Xt : array-like of shape (n_s, d) and (n_t, d)
        Rows of both domains, at least two of each.
    bandwidth : float, optional
        The kernel's h; the median distance between two rows of either domain if not given
        (taken over at most 1,000 rows).
    standardise : bool
        Whether each feature is first divided by its standard deviation over both domains.
    n_permutations : int
        Permutations behind the p-value, which cannot fall below ``1 / (1 + n_permutations)``.
    max_rows : int
        The most rows a domain for which the kernel matrix is computed.
    n_frequencies : int
        Random frequencies beyond that; more are closer to the kernel and slower.
    random_state : int
        Seed of the permutations, the frequencies and the thinning.

    Returns
    -------
    MMDTest
        ``mmd2`` (about zero, below it too, where the domains are alike) with its 95 % interval
        ``low`` to ``high``, ``p_value``, ``bandwidth``, ``n_permutations`` and ``n_used`` rows.

    Raises
    ------
    ValueError
        If a domain has fewer than two rows, the two differ in their number of features, or
        ``bandwidth`` is not above zero.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.shift.two_sample import mmd_test
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> test = mmd_test(X[:100], 2 * X[100:])
    >>> round(test.mmd2, 2), round(test.p_value, 3)
    (0.07, 0.005)
    """
    if bandwidth is not None and not bandwidth > 0:
        raise ValueError(f"bandwidth must be above zero, or None: found {bandwidth}.")
    _check_permutations(n_permutations)
    rng = np.random.default_rng(random_state)
    rows_s, rows_t = _thinned(Xs, Xt, max(max_rows, FOURIER_ROWS), rng)
    rows = np.vstack([rows_s, rows_t])
    rows = StandardScaler().fit_transform(rows) if standardise else rows - rows.mean(axis=0)
    width = bandwidth
    if width is None:
        width = median_distance(rows[draw_rows(len(rows), MEDIAN_ROWS, rng)])
    domain = np.repeat([0.0, 1.0], [len(rows_s), len(rows_t)])
    labels = permuted_domains(domain, np.zeros(len(rows), dtype=int), n_permutations, rng)
    if max(len(rows_s), len(rows_t)) <= max_rows:
        sums, witness = _kernel_sums(rows, labels, width)
    else:
        frequencies = draw_frequencies(rows.shape[1], width, n_frequencies, rng)
        sums, witness = _fourier_sums(cosines_and_sines(rows, frequencies), labels)
    statistics = unbiased_mmd2(*sums, len(rows_s), len(rows_t))
    # Apart, the witness's spread is what the estimate errs by; alike, that of the permutations.
    spread = sum(4 * part.var() / len(part) for part in np.split(witness, [len(rows_s)]))
    error = Z_95 * float(np.sqrt(spread + statistics[1:].var()))
    return MMDTest(
        mmd2=float(statistics[0]),
        low=float(statistics[0] - error),
        high=float(statistics[0] + error),
        p_value=permutation_p_value(statistics),
        bandwidth=float(width),
        n_permutations=n_permutations,
        n_used=len(rows),
    )


def domain_scores(
    Xs: ArrayLike, Xt: ArrayLike, *, squares: bool = True, random_state: int = 0
) -> NDArray[np.float64]:
    """Scores (n_s + n_t,) of all rows by the test's classifier, out of fold: above zero, target.

    Raises
    ------
    ValueError
        If a domain has fewer than two rows, or the two differ in their number of features.
    """
    rng = np.random.default_rng(random_state)
    rows_s, rows_t = _thinned(Xs, Xt, max(len(Xs), len(Xt)), rng)  # type: ignore[arg-type]
    domain, fold = _domains_in_folds(len(rows_s), len(rows_t), rng)
    features = _standardised(np.vstack([rows_s, rows_t]), squares)
    return fold_scores(_design(features), domain[:, None], fold, features.shape[1])[:, 0]


def permutation_p_value(statistics: NDArray) -> float:
    """``(1 + #{as large or larger}) / (1 + B)``: the observed statistic first, then B permuted."""
    observed, permuted = statistics[0], statistics[1:]
    slack = 1e-12 * max(1.0, abs(observed))  # ties that rounding has parted are still ties
    return float((1 + np.sum(permuted >= observed - slack)) / (1 + len(permuted)))


def permuted_domains(
    domain: NDArray, fold: NDArray, n_permutations: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """``domain`` (n,) and its permutations within each fold, as columns (n, 1 + B)."""
    labels = np.repeat(domain[:, None], 1 + n_permutations, axis=1)
    for k in np.unique(fold):
        held = fold == k
        labels[held, 1:] = rng.permuted(labels[held, 1:], axis=0)
    return labels


def fold_scores(Z: NDArray, labels: NDArray, fold: NDArray, penalty: float) -> NDArray[np.float64]:
    """Ridge discriminants of each column of ``labels`` (n, B), scored on the rows held out.

    ``Z`` (n, p) starts with a column of ones, which carries no penalty. A score above zero lies
    nearer to the mean score of the rows labelled 1.
    """
    ridge = penalty * np.diag(np.arange(Z.shape[1]) > 0)
    gram, moment = Z.T @ Z, Z.T @ labels
    scores = np.empty(labels.shape)
    for k in np.unique(fold):
        held = fold == k
        gram_in, moment_in = gram - Z[held].T @ Z[held], moment - Z[held].T @ labels[held]
        weights = solve(gram_in + ridge, moment_in, assume_a="pos")
        scores[held] = Z[held] @ weights - _midpoints(gram_in[:, :1], moment_in, weights)
    return scores


def _midpoints(total: NDArray, ones: NDArray, weights: NDArray) -> NDArray:
    # The sums' first rows are counts, since Z's first column is ones.
    means = (ones / ones[0] + (total - ones) / (total - ones)[0]) / 2
    return (means * weights).sum(axis=0)


def fold_auc(scores: NDArray, labels: NDArray, fold: NDArray) -> NDArray[np.float64]:
    """Area under the ROC curve of each column: pairs ranked rightly, among those of one fold."""
    won, pairs = np.zeros(scores.shape[1]), 0.0
    for k in np.unique(fold):
        held = fold == k
        ones = labels[held, 0].sum()
        ranks = rankdata(scores[held], axis=0)
        won += (ranks * labels[held]).sum(axis=0) - ones * (ones + 1) / 2
        pairs += ones * (held.sum() - ones)
    return won / pairs


def area_error(scores: NDArray, domain: NDArray, fold: NDArray) -> float:
    """Standard error of the area of one column of scores (DeLong et al. 1988).

    A row's part is the share of the other domain's rows in its fold on the right side of it. The
    variance of their mean is widened for what the folds' classifiers have in common, by
    ``1 + k / (k - 1)`` for k folds (Nadeau & Bengio 2003).
    """
    part = np.empty(len(scores))
    for k in np.unique(fold):
        held = fold == k
        ranks, ones = rankdata(scores[held]), domain[held] == 1
        own = np.where(ones, _ranks_within(scores[held], ones), _ranks_within(scores[held], ~ones))
        n_other = np.where(ones, (~ones).sum(), ones.sum())
        below = (ranks - own) / n_other
        part[held] = np.where(ones, below, 1 - below)
    parts = part[domain == 0], part[domain == 1]
    n_folds = len(np.unique(fold))
    variance = sum(one.var(ddof=1) / len(one) for one in parts)
    return float(np.sqrt(variance * (1 + n_folds / (n_folds - 1))))


def _ranks_within(scores: NDArray, members: NDArray) -> NDArray[np.float64]:
    ranks = np.zeros(len(scores))
    ranks[members] = rankdata(scores[members])
    return ranks


def unbiased_mmd2(within: NDArray, across: NDArray, total: float, n: int, m: int) -> NDArray:
    r"""Unbiased :math:`\mathrm{MMD}^2` of a kernel with ``k(x, x) = 1``, for many labellings.

    ``within`` is :math:`a^\top K a`, ``across`` :math:`a^\top K 1` and ``total``
    :math:`1^\top K 1`, with a = 1 on the ``m`` rows of the second sample, 0 on the ``n`` others.
    """
    second = (within - m) / (m * (m - 1))
    first = (total - 2 * across + within - n) / (n * (n - 1))
    return first + second - 2 * (across - within) / (n * m)


Sums = tuple[tuple[NDArray, NDArray, float], NDArray]
"""What ``unbiased_mmd2`` takes, and the witness of each row: its mean kernel with the target less
that with the source."""


def _kernel_sums(rows: NDArray, labels: NDArray, width: float) -> Sums:
    kernel = rbf_kernel(rows, gamma=1 / (2 * width**2))
    by_row, to_ones = kernel.sum(axis=1), kernel @ labels
    m = labels[:, 0].sum()
    witness = to_ones[:, 0] / m - (by_row - to_ones[:, 0]) / (len(rows) - m)
    return ((labels * to_ones).sum(axis=0), by_row @ labels, float(by_row.sum())), witness


def _fourier_sums(features: NDArray, labels: NDArray) -> Sums:
    ones, total = features.T @ labels, features.sum(axis=0)
    m = labels[:, 0].sum()
    witness = features @ (ones[:, 0] / m - (total - ones[:, 0]) / (len(features) - m))
    return ((ones**2).sum(axis=0), total @ ones, float(total @ total)), witness


def _check_permutations(n_permutations: int) -> None:
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1: found {n_permutations}.")


def _thinned(
    Xs: ArrayLike, Xt: ArrayLike, max_rows: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Both domains, checked and thinned, in float64."""
    rows_s, rows_t = check_rows(Xs, "Xs", min_rows=2), check_rows(Xt, "Xt", min_rows=2)
    check_same_features(rows_s, rows_t)
    few_s = rows_s[draw_rows(len(rows_s), max_rows, rng)]
    few_t = rows_t[draw_rows(len(rows_t), max_rows, rng)]
    return few_s.astype(np.float64), few_t.astype(np.float64)


def check_same_features(rows_s: NDArray, rows_t: NDArray) -> None:
    """Refuse domains of unlike width.

    Raises
    ------
    ValueError
        If they differ in their number of features.
    """
    if rows_s.shape[1] != rows_t.shape[1]:
        raise ValueError(
            f"Source and target must have the same features to be compared: Xs has "
            f"{rows_s.shape[1]}, Xt has {rows_t.shape[1]}. Give the features that both have."
        )


def _domains_in_folds(
    n_source: int, n_target: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Domain (0 source, 1 target) and fold of each row; every fold has its share of both."""
    n_folds = min(N_FOLDS, n_source, n_target)
    fold = [rng.permutation(np.arange(n) % n_folds) for n in (n_source, n_target)]
    return np.repeat([0.0, 1.0], [n_source, n_target]), np.concatenate(fold)


def _standardised(rows: NDArray, squares: bool) -> NDArray:
    Z = StandardScaler().fit_transform(rows)
    return StandardScaler().fit_transform(np.hstack([Z, Z**2])) if squares else Z


def _design(features: NDArray) -> NDArray:
    """Ones and the features, or their principal scores where there are more features than rows."""
    if features.shape[1] > len(features):
        U, s, _ = np.linalg.svd(features, full_matrices=False)
        features = U * s
    return np.hstack([np.ones((len(features), 1)), features])


def _proxy_a_distance(scores: NDArray, domain: NDArray) -> float:
    wrong = (np.mean(scores[domain == 1] <= 0) + np.mean(scores[domain == 0] > 0)) / 2
    return float(max(0.0, 2 * (1 - 2 * wrong)))
