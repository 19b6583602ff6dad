"""Density ratios from two densities, each estimated by itself."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from landbridge.domains.parameters import check_number
from landbridge.mapping.affine import apply_affine
from landbridge.mapping.reweighting.base import Reweighting
from landbridge.mapping.reweighting.basis import draw_positions, log_mixture, squared_distances
from landbridge.moments import (
    Moments,
    effective_size,
    moments_of_rows,
    regularised_covariance,
)

BANDWIDTHS = 2.0 ** np.arange(-2.0, 2.5, 0.5)
"""Cross-validation tries these multiples of Scott's bandwidth."""


def whitening_of(moments: Moments, reg: float | str) -> tuple[NDArray, float]:
    """Matrix ``W`` (d, d) with ``W Wᵀ = C⁻¹`` of the regularised covariance, and ``log |W|``."""
    values, vectors = np.linalg.eigh(regularised_covariance(moments, reg))
    values = np.maximum(values, np.finfo(np.float64).eps * max(values[-1], 1e-300))
    return vectors / np.sqrt(values), -0.5 * float(np.log(values).sum())


def whiten(X: Any, mean: NDArray, whitening: NDArray) -> NDArray:
    """``(x − μ) W``: rows of unit covariance."""
    return apply_affine(X, mean, whitening, np.zeros(len(mean)))


def scott_bandwidth(n_rows: float, n_features: int) -> float:
    """``n^(−1/(d + 4))``, in standard deviations (Scott 1992)."""
    return float(n_rows ** (-1 / (n_features + 4)))


def leave_one_out_bandwidth(Z: NDArray, log_shares: NDArray, rule: float) -> float:
    """The multiple of ``rule`` that makes rows Z (m, d) most likely, each by all the others."""
    distances = squared_distances(Z, Z).astype(np.float64)
    np.fill_diagonal(distances, np.inf)
    likelihoods = [
        logsumexp(log_shares - distances / (2 * h**2), axis=1).mean() - Z.shape[1] * np.log(h)
        for h in rule * BANDWIDTHS
    ]
    return float(rule * BANDWIDTHS[int(np.argmax(likelihoods))])


class GaussianRatio(Reweighting):
    r"""Weigh source rows by the ratio of two normal densities.

    .. math:: r(x) = \frac{N(x; μ_t, C_t)}{N(x; μ_s, C_s)}

    with the mean and regularised covariance of each sample (Shimodaira 2000, with this
    family of densities). Computed in logarithms; only moments are kept.

    Parameters
    ----------
    reg : "auto" or float, default="auto"
        What is added to the diagonal of both covariances, in squared units of the features;
        larger values bring the densities nearer to one another. ``"auto"`` shrinks by the
        oracle rule of Chen et al. (2010), the more the fewer rows there are.
    cap : None, "auto" or float, default="auto"
        Truncate weights at so many times their mean; ``"auto"`` at √n_s times (Ionides 2008).

    Attributes
    ----------
    means_ : ndarray of shape (2, d)
        Of source and target.
    whitenings_ : ndarray of shape (2, d, d)
    log_dets_ : ndarray of shape (2,)
        Their log determinants.
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import GaussianRatio
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(0, 1, (5000, 1)), rng.normal(1, 1, (5000, 1))
    >>> w = GaussianRatio().fit(Xs, Xt).weights([[0.5], [1.5]])
    >>> round(float(np.log(w[1] / w[0])), 1)
    1.0
    """

    cost: ClassVar[str] = "n d² + d³"
    when: ClassVar[str] = "Both samples look normal, or rows are too few for anything finer."

    def __init__(self, reg: float | str = "auto", cap: float | str | None = "auto"):
        self.reg = reg
        self.cap = cap

    def _check_parameters(self) -> None:
        check_number("reg", self.reg, words=("auto",))

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> None:
        samples = moments_of_rows((Xs,), shares), moments_of_rows((Xt,))
        self.means_ = np.stack([moments.mean for moments in samples])
        whitenings, log_dets = zip(*(whitening_of(moments, self.reg) for moments in samples))
        self.whitenings_, self.log_dets_ = np.stack(whitenings), np.array(log_dets)

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        source, target = (self._log_density(X, k) for k in (0, 1))
        return target - source

    def _log_density(self, X: Any, k: int) -> NDArray[np.float64]:
        Z = whiten(X, self.means_[k], self.whitenings_[k])
        return self.log_dets_[k] - 0.5 * np.einsum("ij,ij->i", Z, Z, dtype=np.float64)


class KernelDensityRatio(Reweighting):
    r"""Weigh source rows by the ratio of two kernel density estimates.

    .. math:: r(x) = \frac{\hat p_t(x)}{\hat p_s(x)}, \qquad
              \hat p(x) = \frac1m \sum_l N(x; c_l, h^2 C)

    with the covariance C of each sample and m of its rows :math:`c_l` (Sugiyama & Müller 2005,
    with densities estimated so). Computed in logarithms, so that no density
    underflows; for a few features, as kernel densities always are.

    Parameters
    ----------
    bandwidth : "scott", "cv" or float, default="scott"
        h, in standard deviations of each sample; larger values are smoother. ``"scott"`` takes
        :math:`m^{-1/(d+4)}`, ``"cv"`` the multiple of it, from 1/4 to 4, that makes each row
        :math:`c_l` most likely by all the others.
    n_centres : int, default=2000
        Rows of each sample to keep at most; more follow finer detail.
    cap : None, "auto" or float, default="auto"
        Truncate weights at so many times their mean; ``"auto"`` at √n_s times (Ionides 2008).
    random_state : int, default=0
        Seed of the drawn rows; their order changes nothing.

    Attributes
    ----------
    source_centres_, target_centres_ : ndarray of shape (m, d)
        Whitened rows.
    source_log_shares_, target_log_shares_ : ndarray of shape (m,)
        Logarithms of what each counts for.
    bandwidths_ : ndarray of shape (2,)
        h of source and target.
    means_, whitenings_, log_dets_
        As in :class:`GaussianRatio`.
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import KernelDensityRatio
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(0, 1, (500, 1)), rng.normal(1, 0.5, (500, 1))
    >>> ratio = KernelDensityRatio().fit(Xs, Xt)
    >>> bool(ratio.weights([[1.0]])[0] > 10 * ratio.weights([[-1.0]])[0])
    True
    """

    cost: ClassVar[str] = "n d m"
    when: ClassVar[str] = "Up to about five features, of any distribution."

    def __init__(
        self,
        bandwidth: float | str = "scott",
        n_centres: int = 2000,
        cap: float | str | None = "auto",
        random_state: int = 0,
    ):
        self.bandwidth = bandwidth
        self.n_centres = n_centres
        self.cap = cap
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_number("bandwidth", self.bandwidth, words=("scott", "cv"), above=True)
        check_number("n_centres", self.n_centres, least=2, whole=True)

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> None:
        evenly = np.full(Xt.shape[0], 1 / Xt.shape[0])
        source, target = self._density(Xs, shares), self._density(Xt, evenly)
        self.source_centres_, self.source_log_shares_ = source[:2]
        self.target_centres_, self.target_log_shares_ = target[:2]
        rest = [np.array(pair) for pair in zip(source[2:], target[2:])]
        self.means_, self.whitenings_, self.log_dets_, self.bandwidths_ = rest

    def _density(self, X: Any, shares: NDArray) -> tuple[Any, ...]:
        """Centres, their log shares, mean, whitening, its log determinant, and bandwidth."""
        moments = moments_of_rows((X,), shares)
        whitening, log_det = whitening_of(moments, "auto")
        counted = np.flatnonzero(shares > 0)
        drawn = counted[draw_positions(X[counted], self.n_centres, self.random_state)]
        centres = whiten(X[drawn], moments.mean, whitening)
        log_shares = np.log(shares[drawn] / shares[drawn].sum())
        h = self._bandwidth(centres, log_shares)
        return centres, log_shares, moments.mean, whitening, log_det, h

    def _bandwidth(self, centres: NDArray, log_shares: NDArray) -> float:
        if not isinstance(self.bandwidth, str):
            return float(self.bandwidth)
        rule = scott_bandwidth(effective_size(np.exp(log_shares)), centres.shape[1])
        if self.bandwidth == "scott":
            return rule
        return leave_one_out_bandwidth(centres, log_shares, rule)

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        source = self._log_density(X, 0, self.source_centres_, self.source_log_shares_)
        return self._log_density(X, 1, self.target_centres_, self.target_log_shares_) - source

    def _log_density(
        self, X: Any, k: int, centres: NDArray, log_shares: NDArray
    ) -> NDArray[np.float64]:
        h = self.bandwidths_[k]
        Z = whiten(X, self.means_[k], self.whitenings_[k])
        volume = self.log_dets_[k] - Z.shape[1] * np.log(h)
        return volume + log_mixture(Z, centres, 1 / (2 * h**2), log_shares)
