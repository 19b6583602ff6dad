"""Kernel mean matching."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from landbridge.domains.parameters import check_number
from landbridge.mapping.reweighting.base import log_of_positive
from landbridge.mapping.reweighting.matched import MatchedMeans
from landbridge.mapping.reweighting.mean_matching import Link


def bounded_weights(z: NDArray, offset: float, reg: float, bound: float) -> NDArray[np.float64]:
    """``w = clip(1 + (τ − z) / ρ, 0, B)`` (n,) with τ the offset."""
    return np.clip(1 + (offset - z) / reg, 0.0, bound)


def mean_offset(z: NDArray, shares: NDArray, reg: float, bound: float, slack: float) -> float:
    """The τ nearest to zero that keeps the mean weight within ``slack`` of 1."""
    excess = shares @ bounded_weights(z, 0.0, reg, bound) - 1
    if abs(excess) <= slack:
        return 0.0
    wanted = 1 + slack if excess > 0 else 1 - slack
    return float(
        brentq(
            lambda offset: shares @ bounded_weights(z, offset, reg, bound) - wanted,
            z.min() - reg,
            z.max() + reg * (bound - 1),
            xtol=1e-12 * reg,
        )
    )


def bounded_link(z: NDArray, reg: float, shares: NDArray, bound: float, slack: float) -> Link:
    """Least of ``E[w z] + ρ/2 E(w − 1)²`` over 0 ≤ w ≤ B with mean w within ``slack`` of 1."""
    offset = mean_offset(z, shares, reg, bound, slack)
    w = bounded_weights(z, offset, reg, bound)
    value = shares @ (0.5 * reg * (w - 1) ** 2 + (z - offset) * w) + offset - slack * abs(offset)
    return Link(float(value), w, ((w > 0) & (w < bound)) / reg, offset != 0)


class KMM(MatchedMeans):
    r"""Weigh source rows so that their mean in a kernel's feature space is the target's.

    Minimises, over the weights w of all source rows (Huang, Smola, Gretton, Borgwardt &
    Schölkopf 2007, eq. 12),

    .. math:: \tfrac12 \Big\| \frac1{n_s} \sum_i w_i φ(x_i^s) - μ_t \Big\|^2
              + \frac{ρ}{2 n_s} \sum_i (w_i - 1)^2, \qquad
              0 \le w_i \le B, \quad |\bar w - 1| \le ε

    with features φ of a Gaussian kernel. The second term, which the paper has not, makes the
    solution unique and a function of the row,
    :math:`w(x) = \mathrm{clip}(1 + (τ - φ(x)^\top g) / ρ, 0, B)` with
    :math:`g = E_s[wφ] - μ_t`: found by Newton's method in the m dimensions of g, and stopped on
    the duality gap. Features on different scales want standardising first.

    Parameters
    ----------
    reg : float, default=0.001
        ρ, in units of the kernel, which is at most 1; larger values draw weights towards 1.
    bound : float, default=1000
        B, the largest weight before weights are scaled to mean 1.
    mean_slack : "auto" or float, default="auto"
        ε, from 0 to below 1; ``"auto"`` is the paper's :math:`(\sqrt{n_s} - 1) / \sqrt{n_s}`.
    gamma : "median" or float, default="median"
        The kernel's inverse squared width; ``"median"`` takes 1/2h² with h the median distance
        between rows. Larger values match finer detail.
    kind : {"nystroem", "fourier"}, default="nystroem"
        Features on landmark rows, or random ones: see ``landbridge.moments.FeatureMap``.
    n_features : int, default=300
        How many features; more come nearer the kernel. All rows, for Nyström, is the kernel.
    tol : float, default=0.0001
        Stop when the root mean square error of the weights is surely below this.
    max_iter : int, default=100
        Newton steps at most.
    cap : None, "auto" or float, default="auto"
        Truncate weights at so many times their mean; ``"auto"`` at √n_s times (Ionides 2008).
    random_state : int, default=0
        Seed of landmarks or random features; the order of rows changes nothing.

    Attributes
    ----------
    features_ : FeatureMap
        Its m landmarks are all that is kept of the rows.
    witness_ : ndarray of shape (m,)
        g, which is large where the weighted source still has too much.
    offset_ : float
        τ.
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import KMM
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(0, 1, (500, 1)), rng.normal(1, 0.5, (500, 1))
    >>> weights = KMM().fit(Xs, Xt).weights(Xs)
    >>> bool(abs(np.average(Xs[:, 0], weights=weights) - Xt.mean()) < 0.05)
    True
    """

    cost: ClassVar[str] = "n d m + n m² + m³"
    when: ClassVar[str] = "Rows shift but labels follow the same rule; the classic method."

    def __init__(
        self,
        reg: float = 1e-3,
        bound: float = 1000.0,
        mean_slack: float | str = "auto",
        gamma: float | str = "median",
        kind: str = "nystroem",
        n_features: int = 300,
        tol: float = 1e-4,
        max_iter: int = 100,
        cap: float | str | None = "auto",
        random_state: int = 0,
    ):
        self.reg = reg
        self.bound = bound
        self.mean_slack = mean_slack
        self.gamma = gamma
        self.kind = kind
        self.n_features = n_features
        self.tol = tol
        self.max_iter = max_iter
        self.cap = cap
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("bound", self.bound, least=1.0, above=True)
        check_number("mean_slack", self.mean_slack, words=("auto",), below=1.0)

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> NDArray:
        root = np.sqrt(len(shares))
        slack = float((root - 1) / root if self.mean_slack == "auto" else self.mean_slack)
        link = partial(bounded_link, shares=shares, bound=self.bound, slack=slack)
        z = self._match(Xs, Xt, shares, link)
        self.offset_ = mean_offset(z, shares, self.reg, self.bound, slack)
        return self._log_weights(z)

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        return self._log_weights(self.features_.project(X, self.witness_))

    def _log_weights(self, z: NDArray) -> NDArray[np.float64]:
        return log_of_positive(bounded_weights(z, self.offset_, self.reg, self.bound))
