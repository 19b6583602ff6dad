"""How many target rows lie where the source has none: what no reweighting can mend."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import betabinom
from sklearn.neighbors import NearestNeighbors

from landbridge.moments.feature_map import draw_rows

MAX_ROWS = 2000
LEAST_ROWS = 10
LEVEL = 0.01
N_NEIGHBOURS = 5
N_DRAWS = 10_000


def support_gap(Xs: NDArray, Xt: NDArray, *, random_state: int = 0) -> dict[str, Any] | None:
    r"""The share of target rows outside of the source's support; None below ten source rows.

    Half of the source is laid out; a row's strangeness is its mean distance to the five nearest of
    these. The bound is the strangeness that about 1 % of the other half pass (with few rows: none
    does). Were both domains alike, the number of target rows beyond it would follow a
    beta-binomial law whatever the data's (as in conformal prediction, Vovk et al. 2005), which
    gives an exact p-value. With q the share of the target beyond and u that of the source,
    the share outside is :math:`(q - u) / (1 - u)`; its interval takes q and u from their beta
    laws.

    Each feature is in units of its spread in the half laid out: that of all the source would know
    the other half's rows but not the target's, and call the latter strange. Domains are thinned to
    4,000 source and 2,000 target rows. In many dimensions a few strange features are hard to see
    among the others.

    Returns
    -------
    dict or None
        ``share_outside`` with its 95 % interval ``low`` and ``high``, ``p_value``, and
        ``n_used`` target rows.
    """
    rng = np.random.default_rng(random_state)
    if len(Xs) < LEAST_ROWS or not len(Xt):
        return None
    rows_s = Xs[rng.permutation(draw_rows(len(Xs), 2 * MAX_ROWS, rng))].astype(np.float64)
    rows_t = Xt[draw_rows(len(Xt), MAX_ROWS, rng)].astype(np.float64)
    half = len(rows_s) // 2
    rest_s = rows_s[half:]
    scale = _scale(rows_s[:half], np.vstack([rest_s, rows_t]))
    near = NearestNeighbors(n_neighbors=min(N_NEIGHBOURS, half)).fit(rows_s[:half] / scale)
    own, strange = (near.kneighbors(rows / scale)[0].mean(axis=1) for rows in (rest_s, rows_t))
    beyond_own = int(LEVEL * len(own))
    bound = np.sort(own)[-1 - beyond_own]
    beyond = int((strange > bound).sum())
    m, n = len(own), len(strange)
    # The bound is the (beyond_own + 1)-th largest of m: what lies above it is Beta distributed.
    above = (beyond_own + 1, m - beyond_own)
    q = rng.beta(beyond + 0.5, n - beyond + 0.5, N_DRAWS)
    u = rng.beta(*above, N_DRAWS)
    low, high = np.quantile(np.clip((q - u) / (1 - u), 0, 1), [0.025, 0.975])
    expected = above[0] / (m + 1)
    share = max(0.0, (beyond / n - expected) / (1 - expected))
    return {
        "share_outside": float(share),
        "low": float(min(low, share)),
        "high": float(max(high, share)),
        "p_value": _tail(beyond, n, above),
        "n_used": n,
    }


def _tail(beyond: int, n: int, above: tuple[int, int]) -> float:
    """Chance of so many or more; summed up, since 1 less the rest would round to nothing."""
    return min(1.0, float(np.exp(logsumexp(betabinom.logpmf(np.arange(beyond, n + 1), n, *above)))))


def _scale(laid_out: NDArray, others: NDArray) -> NDArray:
    """Each feature's deviation where the source is laid out, or among all others if it has none."""
    spread, other = laid_out.std(axis=0), others.std(axis=0)
    noise = 1e-12 * np.maximum(np.abs(laid_out).max(axis=0), np.abs(others).max(axis=0))
    return np.where(spread > noise, spread, np.where(other > noise, other, 1.0))
