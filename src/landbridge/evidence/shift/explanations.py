"""Which simple change of the source would explain the difference of the features, and how much.

Each change is found on one half of both domains and judged on the other, so that a change with
many numbers is not let off for having been fitted to the very rows that judge it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from landbridge.evidence.shift.two_sample import mmd_test
from landbridge.moments.feature_map import draw_rows, median_distance
from landbridge.moments.matrices import power_psd, shrink_covariance

MAX_ROWS = 2000
LEAST_ROWS = 40
WIDTH_ROWS = 1000
N_PERMUTATIONS = 100

CLASS_SHARES, MEANS, COVARIANCES = "class shares", "means", "means and covariances"
Change = Callable[[NDArray, NDArray], Callable[[NDArray], NDArray]]


def explanations(
    Xs: NDArray,
    Xt: NDArray,
    codes: NDArray | None = None,
    shares: NDArray | None = None,
    *,
    random_state: int = 0,
) -> list[dict[str, Any]]:
    r"""How much of the difference each simple change takes away, on rows kept from it.

    Parameters
    ----------
    Xs, Xt : ndarray of shape (n_s, d) and (n_t, d)
        Rows of both domains; thinned to 2,000 each.
    codes : ndarray of shape (n_s,), optional
        Class of each source row, ``NaN`` where unlabelled.
    shares : ndarray of shape (n_classes,), optional
        The classes' shares in the target, observed or estimated.
    random_state : int
        Seed of the halves and the permutations.

    Returns
    -------
    list of dict
        For ``"class shares"`` (source rows kept as often as the target's shares ask), ``"means"``
        and ``"means and covariances"``: ``explained``, the part of the MMD² between the kept
        halves that is gone after the change, at most 1 and below 0 where it does harm, and the
        ``p_value`` of what is left. Empty below 40 rows of either domain.
    """
    if min(len(Xs), len(Xt)) < LEAST_ROWS:
        return []
    rng = np.random.default_rng(random_state)
    drawn_s = rng.permutation(draw_rows(len(Xs), MAX_ROWS, rng))
    drawn_t = rng.permutation(draw_rows(len(Xt), MAX_ROWS, rng))
    scaler = StandardScaler().fit(np.vstack([Xs[drawn_s], Xt[drawn_t]]).astype(np.float64))
    rows_s, rows_t = (
        scaler.transform(rows.astype(np.float64)) for rows in (Xs[drawn_s], Xt[drawn_t])
    )
    half_s, half_t = len(rows_s) // 2, len(rows_t) // 2
    fit_s, fit_t, kept_s, kept_t = (
        rows_s[:half_s],
        rows_t[:half_t],
        rows_s[half_s:],
        rows_t[half_t:],
    )
    width = median_distance(np.vstack([kept_s[:WIDTH_ROWS], kept_t[:WIDTH_ROWS]]))
    before = _discrepancy(kept_s, kept_t, width, random_state)[0]
    changes = {MEANS: moved_means(fit_s, fit_t), COVARIANCES: moved_covariances(fit_s, fit_t)}
    changed = {name: change(kept_s) for name, change in changes.items()}
    if codes is not None and shares is not None:
        few = kept_by_shares(codes[drawn_s[half_s:]], shares, rng)
        changed = {CLASS_SHARES: kept_s[few], **changed} if len(few) >= LEAST_ROWS // 2 else changed
    found = []
    for name, rows in changed.items():
        left, p_value = _discrepancy(rows, kept_t, width, random_state)
        explained = 1.0 - max(left, 0.0) / before if before > 0 else 0.0
        found.append({"change": name, "explained": float(explained), "p_value": p_value})
    return found


def moved_means(fit_s: NDArray, fit_t: NDArray) -> Callable[[NDArray], NDArray]:
    """Source rows given the target's mean."""
    step = fit_t.mean(axis=0) - fit_s.mean(axis=0)
    return lambda rows: rows + step


def moved_covariances(fit_s: NDArray, fit_t: NDArray) -> Callable[[NDArray], NDArray]:
    """Source rows given the target's mean and shrunk covariance (as CORAL does)."""
    covariances = [
        shrink_covariance(np.cov(rows.T, bias=True).reshape(rows.shape[1], -1), len(rows))[0]
        for rows in (fit_s, fit_t)
    ]
    matrix = power_psd(covariances[0], -0.5) @ power_psd(covariances[1], 0.5)
    mean_s, mean_t = fit_s.mean(axis=0), fit_t.mean(axis=0)
    return lambda rows: (rows - mean_s) @ matrix + mean_t


def kept_by_shares(codes: NDArray, shares: NDArray, rng: np.random.Generator) -> NDArray[np.intp]:
    """Positions of as many labelled rows as there can be with these shares of the classes."""
    members = [rng.permutation(np.flatnonzero(codes == k)) for k in range(len(shares))]
    counts = np.array([len(rows) for rows in members])
    wanted = np.asarray(shares) > 0
    if (counts[wanted] == 0).any() or not wanted.any():
        return np.array([], dtype=np.intp)
    total = (counts[wanted] / np.asarray(shares)[wanted]).min()
    return np.concatenate(
        [rows[: round(total * share)] for rows, share in zip(members, shares, strict=True)]
    )


def _discrepancy(rows: NDArray, kept: NDArray, width: float, seed: int) -> tuple[float, float]:
    test = mmd_test(
        rows,
        kept,
        bandwidth=width,
        standardise=False,
        n_permutations=N_PERMUTATIONS,
        random_state=seed,
    )
    return test.mmd2, test.p_value
