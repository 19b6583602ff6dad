"""Density ratios by maximum likelihood."""

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls
from sklearn.exceptions import ConvergenceWarning

from landbridge.domains.parameters import check_number
from landbridge.mapping.reweighting.base import Reweighting, log_of_positive
from landbridge.mapping.reweighting.basis import (
    draw_positions,
    gamma_grid,
    log_means,
    log_mixture,
    log_sum_exp,
    split_centres,
    squared_distances,
)
from landbridge.mapping.reweighting.held import HeldFeatures

VALIDATED = 1000
"""At most so many target rows are held out in turn."""
ROUGH_GAP = 1e-2
"""Near enough to the highest likelihood to compare gammas by: chance makes larger differences."""
HALVINGS = 40


def likelihood_shares(
    features: HeldFeatures, tol: float, max_iter: int
) -> tuple[NDArray[np.float64], float]:
    """The β (m,) from 0 up, of sum 1, with the highest mean of ``log Φ β``, and its gap.

    Newton's method on ``Σ β − mean log Φβ``, whose least β sum to 1; each step is a
    non-negative least-squares problem. No β has a mean higher by more than the gap,
    ``max_l mean(Φ_l / Φβ) − 1`` (Lindsay 1983).
    """
    beta = np.full(features.n_features, 1 / features.n_features)
    for _ in range(max_iter):
        slope, curvature = _derivatives(features, beta)
        gap = float(slope.max()) - 1
        if gap <= tol:
            return beta, gap
        beta = _search(features, beta, _newton_point(slope, curvature))
    return beta, float(_derivatives(features, beta)[0].max()) - 1


def scaled_rows(logs: NDArray) -> NDArray:
    """``exp(logs)`` (n, m), each row scaled to a largest entry of 1, which changes no β."""
    return np.exp(logs - logs.max(axis=1, keepdims=True))


def held_out_likelihoods(logs: NDArray, out: NDArray, max_iter: int) -> NDArray[np.float64]:
    """``log Φβ`` of the rows that are held out, by the shares β of the others; logs of Φ (n, m)."""
    features = HeldFeatures(scaled_rows, logs[~out], logs.shape[1])
    beta, _ = likelihood_shares(features, ROUGH_GAP, max_iter)
    return log_sum_exp(logs[out] + log_of_positive(beta), axis=1)


def may_be_best(likelihoods: NDArray) -> NDArray[np.bool_]:
    """Which columns of ``likelihoods`` (n, g) are within three standard errors of the best."""
    gaps = likelihoods[:, [likelihoods.mean(axis=0).argmax()]] - likelihoods
    return gaps.mean(axis=0) <= 3 * gaps.std(axis=0) / np.sqrt(len(gaps))


def _derivatives(features: HeldFeatures, beta: NDArray) -> tuple[NDArray, NDArray]:
    """Means of ``Φ_l / Φβ`` (m,) and of their products (m, m)."""
    n, m = features.n_rows, features.n_features
    slope, curvature = np.zeros(m), np.zeros((m, m))
    for _, F in features:
        relative = F / (F @ beta.astype(F.dtype))[:, None]
        slope += relative.sum(axis=0, dtype=np.float64)
        curvature += relative.T @ relative
    return slope / n, curvature / n


def _newton_point(slope: NDArray, curvature: NDArray) -> NDArray[np.float64]:
    """The β from 0 up that minimises the second-order model of ``Σ β − mean log Φβ``."""
    damped = curvature + 1e-9 * np.trace(curvature) * np.eye(len(slope))
    root = cholesky(damped, lower=True)
    return nnls(root.T, solve_triangular(root, 2 * slope - 1, lower=True))[0]


def _search(features: HeldFeatures, beta: NDArray, towards: NDArray) -> NDArray[np.float64]:
    """The first point back from ``towards`` whose likelihood is higher, scaled to sum 1."""
    here, there = features.dot(beta), features.dot(towards)
    lowest = beta.sum() - log_of_positive(here).mean()
    length = 1.0
    for _ in range(HALVINGS):
        values = log_of_positive((1 - length) * here + length * there)
        moved = (1 - length) * beta + length * towards
        if moved.sum() - values.mean() < lowest:
            return moved / moved.sum()
        length /= 2
    return beta


class KLIEP(Reweighting):
    r"""Weigh source rows by the ratio that makes the target rows most likely.

    The ratio is :math:`r(x) = \sum_l a_l φ_l(x)` with Gaussian basis functions
    :math:`φ_l(x) = e^{-γ \|x - c_l\|^2}` about target rows :math:`c_l`, and

    .. math:: a = \arg\max_{a \ge 0} E_t \log r(x)
              \quad \text{subject to} \quad E_s r(x) = 1

    (Sugiyama, Nakajima, Kashima, von Bünau & Kawanabe 2008, section 2): the Kullback–Leibler
    divergence from the weighted source to the target is least. With :math:`β_l = a_l E_s φ_l`
    these are the shares of a mixture of known densities; all is computed in logarithms, so
    that no kernel underflows. Features on different scales want standardising first.

    Parameters
    ----------
    gamma : "cv", "median" or float, default="cv"
        The basis functions' inverse squared width, in one over squared units of the features;
        larger values follow finer detail. ``"median"`` takes 1/2h² with h the median distance
        between rows; ``"cv"`` takes the multiple of it, from 1/16 to 64, that gives up to
        1,000 target rows the highest likelihood when they are held out; multiples that fall
        behind by three standard errors are not tried on further folds.
    n_centres : int, default=100
        Basis functions, drawn from the target rows, at most half of which get one; more follow
        finer detail. The other rows are those held out.
    cv : int, default=5
        Folds of ``gamma="cv"``.
    tol : float, default=1e-6
        Stop when the mean log ratio is surely within this of its maximum.
    max_iter : int, default=100
        Newton steps at most.
    cap : None, "auto" or float, default="auto"
        Truncate weights at so many times their mean; ``"auto"`` at √n_s times (Ionides 2008).
    random_state : int, default=0
        Seed of the drawn rows; their order changes nothing.

    Attributes
    ----------
    centres_ : array or CSR matrix of shape (m, d)
    log_coef_ : ndarray of shape (m,)
        Logarithms of a; minus infinity for basis functions that are not needed.
    gamma_ : float
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import KLIEP
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(0, 1, (500, 1)), rng.normal(1, 0.5, (500, 1))
    >>> kliep = KLIEP().fit(Xs, Xt)
    >>> bool(kliep.weights([[1.0]])[0] > 10 * kliep.weights([[-1.0]])[0])
    True
    """

    cost: ClassVar[str] = "n d m + n m² + m³"
    when: ClassVar[str] = "A few features; the density of the target is what matters."

    def __init__(
        self,
        gamma: float | str = "cv",
        n_centres: int = 100,
        cv: int = 5,
        tol: float = 1e-6,
        max_iter: int = 100,
        cap: float | str | None = "auto",
        random_state: int = 0,
    ):
        self.gamma = gamma
        self.n_centres = n_centres
        self.cv = cv
        self.tol = tol
        self.max_iter = max_iter
        self.cap = cap
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_number("gamma", self.gamma, words=("cv", "median"), above=True)
        check_number("n_centres", self.n_centres, least=1, whole=True)
        check_number("cv", self.cv, least=2, whole=True)
        check_number("tol", self.tol, above=True)
        check_number("max_iter", self.max_iter, least=1, whole=True)

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> None:
        centres, rest = split_centres(Xt, self.n_centres, self.random_state)
        self.centres_ = Xt[centres]
        gammas = gamma_grid(self.gamma, Xs, Xt, self.random_state)
        log_source = log_means(Xs, shares, self.centres_, gammas)
        k = 0 if len(gammas) == 1 else self._choose(Xt[rest], gammas, log_source)
        self.gamma_ = float(gammas[k])
        beta, gap = self._best_shares(Xt, log_source[k])
        self.log_coef_ = log_of_positive(beta) - log_source[k]
        if gap > self.tol:
            warnings.warn(
                f"KLIEP stopped after max_iter={self.max_iter} steps: the mean log ratio may be "
                f"{gap:.2g} below its maximum, more than tol={self.tol:g}. Raise max_iter.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _choose(self, rest: Any, gammas: list, log_source: NDArray) -> int:
        """The gamma, by number, under which held-out target rows are most likely.

        After each fold those that are surely behind fall out (Maron & Moore 1994).
        """
        rows = rest[draw_positions(rest, VALIDATED, self.random_state)]
        n_folds = min(self.cv, rows.shape[0])
        if n_folds < 2:
            return 0
        fold = np.arange(rows.shape[0]) % n_folds
        distances = squared_distances(rows, self.centres_).astype(np.float64)
        likelihoods = np.full((rows.shape[0], len(gammas)), -np.inf)
        left = np.arange(len(gammas))
        for k in range(n_folds):
            for j in left:
                logs = -gammas[j] * distances - log_source[j]
                likelihoods[fold == k, j] = held_out_likelihoods(logs, fold == k, self.max_iter)
            left = left[may_be_best(likelihoods[fold <= k][:, left])]
        return int(np.argmax(likelihoods.mean(axis=0)))

    def _best_shares(self, Xt: Any, log_source: NDArray) -> tuple[NDArray, float]:
        def densities(X: Any) -> NDArray:
            return scaled_rows(-self.gamma_ * squared_distances(X, self.centres_) - log_source)

        features = HeldFeatures(densities, Xt, self.centres_.shape[0])
        return likelihood_shares(features, self.tol, self.max_iter)

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        return log_mixture(X, self.centres_, self.gamma_, self.log_coef_)
