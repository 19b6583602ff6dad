"""Mean matching by positive weights that keep the most entropy."""

from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from landbridge.mapping.reweighting.matched import MatchedMeans
from landbridge.mapping.reweighting.mean_matching import Link


def exponential_link(z: NDArray, reg: float, shares: NDArray) -> Link:
    """Least of ``E[w z] + ρ E[w log w]`` over weights of mean 1, at ``w ∝ exp(−z / ρ)``."""
    logs = -z / reg
    counted = shares > 0
    log_mean = float(logsumexp(logs[counted], b=shares[counted]))
    w = np.where(counted, np.exp(np.where(counted, logs - log_mean, 0.0)), 0.0)
    return Link(-reg * log_mean, w, w / reg, True)


class EntropyBalancing(MatchedMeans):
    r"""Weigh source rows by a smooth positive function that brings their mean to the target's.

    Minimises, over weights of mean 1,

    .. math:: \tfrac12 \big\| E_s[w φ] - μ_t \big\|^2 + ρ\, E_s[w \log w]

    with features φ of a kernel, whose solution is :math:`w(x) \propto e^{-g^\top φ(x) / ρ}` with
    :math:`g = E_s[wφ] - μ_t` (Hainmueller 2012, section 3, with a tolerance in place of exact
    balance; ``kernel="linear"`` balances the means of the features themselves). It is the
    convex form of the importance weighting network (de Mathelin, Deheeger, Mougeot & Vayatis
    2022), which minimises the same distance over positive functions: here the function is
    log-linear in kernel features rather than a neural network, it has no step size or batches,
    and its optimum is unique. Features on different scales want standardising first.

    Parameters
    ----------
    reg : float, default=0.01
        ρ, in units of the kernel, which is at most 1 for ``"rbf"``; larger values draw weights
        towards 1.
    kernel : {"rbf", "laplacian", "linear"}, default="rbf"
        What is balanced: all of the distribution, or the means of features alone.
    gamma : "median" or float, default="median"
        The kernel's inverse width; larger values match finer detail.
    kind : {"nystroem", "fourier"}, default="nystroem"
        Features on landmark rows, or random ones: see ``landbridge.moments.FeatureMap``.
    n_features : int, default=300
        How many kernel features; more come nearer the kernel.
    tol : float, default=0.0001
        Stop when the mean absolute error of the weights is surely below this.
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
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import EntropyBalancing
    >>> Xs, Xt = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [2.0]])
    >>> weights = EntropyBalancing(reg=1e-6, kernel="linear", cap=None).fit(Xs, Xt).weights(Xs)
    >>> weights.round(3), round(float(weights @ Xs[:, 0] / 3), 3)
    (array([0.349, 0.803, 1.849]), 1.5)
    """

    cost: ClassVar[str] = "n d m + n m² + m³"
    when: ClassVar[str] = "Every source row should keep some weight; smooth, positive weights."

    def __init__(
        self,
        reg: float = 1e-2,
        kernel: str = "rbf",
        gamma: float | str = "median",
        kind: str = "nystroem",
        n_features: int = 300,
        tol: float = 1e-4,
        max_iter: int = 100,
        cap: float | str | None = "auto",
        random_state: int = 0,
    ):
        self.reg = reg
        self.kernel = kernel
        self.gamma = gamma
        self.kind = kind
        self.n_features = n_features
        self.tol = tol
        self.max_iter = max_iter
        self.cap = cap
        self.random_state = random_state

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> NDArray:
        return self._match(Xs, Xt, shares, partial(exponential_link, shares=shares)) / -self.reg

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        return self.features_.project(X, self.witness_) / -self.reg
