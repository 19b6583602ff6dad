"""Density ratios by least squares: unconstrained, and relative."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from landbridge.domains.parameters import check_number
from landbridge.mapping.reweighting.base import Reweighting, log_of_positive
from landbridge.mapping.reweighting.basis import (
    basis_moments,
    draw_positions,
    gamma_grid,
    gaussian_basis,
    split_centres,
)

REGS = 10.0 ** np.arange(-4, 2)
"""Cross-validation tries these penalties."""
LEFT_OUT = 2000
"""At most so many pairs of rows are left out in turn."""


class LeftOutOf(NamedTuple):
    """What leaving out rows starts from: the moments of all rows, and how many there are."""

    Hs: NDArray[np.float64]
    """``E_s φφᵀ`` (m, m)."""
    Ht: NDArray[np.float64]
    """``E_t φφᵀ`` (m, m)."""
    ht: NDArray[np.float64]
    """``E_t φ`` (m,)."""
    n_source: int
    n_target: int


def lsif_coefficients(H: NDArray, h: NDArray, reg: float) -> NDArray[np.float64]:
    """``θ = (H + λI)⁻¹ h`` (m,), for H (m, m) and h (m,)."""
    return cho_solve(cho_factor(H + reg * np.eye(len(H))), h)


def leave_one_out_scores(
    whole: LeftOutOf, phi_s: NDArray, phi_t: NDArray, shares: NDArray, alpha: float, regs: NDArray
) -> NDArray[np.float64]:
    r"""Mean error on pair i, a row of each sample, of the fit to all rows but those two.

    From the moments of all rows, leaving out pair i takes :math:`V A V^\top` with
    :math:`V = (φ(x_i^t), φ(x_i^s))` and :math:`A = \mathrm{diag}(a_t, a_s)` from
    :math:`B = \frac{α n_t}{n_t - 1} H_t + \frac{(1 - α) n_s}{n_s - 1} H_s + λI`, so that the
    ratio at both rows is

    .. math:: V^\top θ_i = (I - V^\top B^{-1} V A)^{-1} V^\top B^{-1} h_i

    (Kanamori et al. 2009, section 4, is α = 0). One eigendecomposition serves every penalty λ;
    ``shares`` (p,) are those of the p source rows left out, and the result is exact where all
    source rows weigh the same.
    """
    Hs, Ht, ht, n_s, n_t = whole
    values, Q = np.linalg.eigh(alpha * n_t / (n_t - 1) * Ht + (1 - alpha) * n_s / (n_s - 1) * Hs)
    inverse = 1 / (np.maximum(values, 0.0)[:, None] + regs)  # (m, penalties)
    S, T, h = phi_s @ Q, phi_t @ Q, Q.T @ ht
    ss, st, tt = (S * S) @ inverse, (S * T) @ inverse, (T * T) @ inverse
    c_s, c_t = (
        (n_t * (Z @ (inverse * h[:, None])) - own) / (n_t - 1) for Z, own in ((S, st), (T, tt))
    )
    a_s, a_t = ((1 - alpha) * n_s / (n_s - 1) * shares)[:, None], alpha / (n_t - 1)
    determinant = (1 - a_t * tt) * (1 - a_s * ss) - a_s * a_t * st**2
    r_t = np.maximum(((1 - a_s * ss) * c_t + a_s * st * c_s) / determinant, 0.0)
    r_s = np.maximum(((1 - a_t * tt) * c_s + a_t * st * c_t) / determinant, 0.0)
    there = np.average(r_s**2, axis=0, weights=shares)
    here = np.mean(0.5 * alpha * r_t**2 - r_t, axis=0)
    return 0.5 * (1 - alpha) * there + here


class LeastSquaresRatio(Reweighting):
    """What ULSIF and RULSIF have in common: ``alpha`` is the target's share in the denominator."""

    alpha: float
    gamma: float | str
    reg: float | str
    n_centres: int
    random_state: int

    def _check_parameters(self) -> None:
        check_number("alpha", self.alpha, below=1.0)
        check_number("gamma", self.gamma, words=("cv", "median"), above=True)
        check_number("reg", self.reg, words=("cv",), above=True)
        check_number("n_centres", self.n_centres, least=1, whole=True)

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> None:
        centres, rest = split_centres(Xt, self.n_centres, self.random_state)
        self.centres_ = Xt[centres]
        gammas = gamma_grid(self.gamma, Xs, Xt, self.random_state)
        regs = REGS if self.reg == "cv" else np.array([float(self.reg)])
        Hs = basis_moments(Xs, shares, self.centres_, gammas)[1]
        evenly = np.full(Xt.shape[0], 1 / Xt.shape[0])
        ht, Ht = basis_moments(Xt, evenly, self.centres_, gammas, products=self.alpha > 0)
        whole = [LeftOutOf(*sums, Xs.shape[0], Xt.shape[0]) for sums in zip(Hs, Ht, ht)]
        k, self.reg_ = 0, float(regs[0])
        if len(gammas) * len(regs) > 1:
            k, self.reg_ = self._choose(Xs, Xt[rest], shares, gammas, regs, whole)
        self.gamma_ = float(gammas[k])
        H = self.alpha * Ht[k] + (1 - self.alpha) * Hs[k]
        self.coef_ = lsif_coefficients(H, ht[k], self.reg_)

    def _choose(
        self,
        Xs: Any,
        rest: Any,
        shares: NDArray,
        gammas: list,
        regs: NDArray,
        whole: list[LeftOutOf],
    ) -> tuple[int, float]:
        """The gamma, by number, and the penalty that err least on the rows left out."""
        n_pairs = min(max(Xs.shape[0], rest.shape[0]), LEFT_OUT)
        out_s, out_t = self._left_out(Xs, n_pairs), self._left_out(rest, n_pairs)
        scores = []
        for gamma, sums in zip(gammas, whole):
            phi_s, phi_t = (
                gaussian_basis(X, self.centres_, gamma) for X in (Xs[out_s], rest[out_t])
            )
            scores.append(leave_one_out_scores(sums, phi_s, phi_t, shares[out_s], self.alpha, regs))
        best = np.unravel_index(np.argmin(scores), np.shape(scores))
        return int(best[0]), float(regs[best[1]])

    def _left_out(self, X: Any, n_pairs: int) -> NDArray:
        """Row numbers to leave out, in no order, so that pairs are of no kin; all, then again."""
        drawn = draw_positions(X, n_pairs, self.random_state)
        return np.resize(np.random.default_rng(self.random_state).permutation(drawn), n_pairs)

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        return log_of_positive(gaussian_basis(X, self.centres_, self.gamma_) @ self.coef_)


class ULSIF(LeastSquaresRatio):
    r"""Weigh source rows by the ratio that fits best by least squares, in closed form.

    The ratio is :math:`r(x) = \max(θ^\top φ(x), 0)` with Gaussian basis functions
    :math:`φ_l(x) = e^{-γ \|x - c_l\|^2}` about target rows :math:`c_l`, and

    .. math:: θ = (H + λI)^{-1} h, \qquad H = E_s φφ^\top, \quad h = E_t φ,

    which minimises :math:`\tfrac12 E_s (θ^\top φ - p_t/p_s)^2 + \tfrac{λ}{2}\|θ\|^2` (Kanamori,
    Hido & Sugiyama 2009, section 4, who set negative coefficients to zero; setting the ratio to
    zero where it is negative comes much nearer to known ratios). Rows are read in blocks, so
    millions will do; features on different scales want standardising first.

    Parameters
    ----------
    gamma : "cv", "median" or float, default="cv"
        The basis functions' inverse squared width, in one over squared units of the features;
        larger values follow finer detail. ``"median"`` takes 1/2h² with h the median distance
        between rows; ``"cv"`` tries multiples of it from 1/16 to 64.
    reg : "cv" or float, default="cv"
        Penalty λ; larger values give flatter ratios. ``"cv"`` tries powers of ten from 10⁻⁴ to
        10, with every gamma, by the closed-form leave-one-out error on up to 2,000 rows.
    n_centres : int, default=100
        Basis functions, drawn from the target rows, at most half of which get one; more follow
        finer detail. The other rows are those left out.
    cap : None, "auto" or float, default="auto"
        Truncate weights at so many times their mean; ``"auto"`` at √n_s times (Ionides 2008).
    random_state : int, default=0
        Seed of the drawn rows; their order changes nothing.

    Attributes
    ----------
    centres_ : array or CSR matrix of shape (m, d)
    coef_ : ndarray of shape (m,)
    gamma_, reg_ : float
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import ULSIF
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(0, 1, (500, 1)), rng.normal(1, 0.5, (500, 1))
    >>> ulsif = ULSIF().fit(Xs, Xt)
    >>> bool(ulsif.weights([[1.0]])[0] > 10 * ulsif.weights([[-1.0]])[0])
    True
    """

    cost: ClassVar[str] = "n d m + n m² + m³"
    when: ClassVar[str] = "Rows shift but labels follow the same rule; quick, also for many rows."
    alpha = 0.0

    def __init__(
        self,
        gamma: float | str = "cv",
        reg: float | str = "cv",
        n_centres: int = 100,
        cap: float | str | None = "auto",
        random_state: int = 0,
    ):
        self.gamma = gamma
        self.reg = reg
        self.n_centres = n_centres
        self.cap = cap
        self.random_state = random_state


class RULSIF(LeastSquaresRatio):
    r"""Weigh source rows by the ratio of the target to a mixture of both, which is bounded.

    The relative ratio :math:`r_α(x) = p_t / (α p_t + (1 - α) p_s)` never exceeds 1/α. It is
    fitted as :math:`r(x) = \max(θ^\top φ(x), 0)`, φ the basis functions of ULSIF, by

    .. math:: θ = (H + λI)^{-1} h, \qquad
              H = α E_t φφ^\top + (1 - α) E_s φφ^\top, \quad h = E_t φ

    (Yamada, Suzuki, Kanamori, Hachiya & Sugiyama 2013, section 2.2).

    Parameters
    ----------
    alpha : float, default=0.1
        The target's share in the denominator, from 0 (ULSIF) to below 1; larger values give
        flatter, steadier weights.
    gamma, reg, n_centres, cap, random_state
        As in :class:`ULSIF`.

    Attributes
    ----------
    centres_ : array or CSR matrix of shape (m, d)
    coef_ : ndarray of shape (m,)
    gamma_, reg_ : float
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import RULSIF
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(0, 1, (500, 1)), rng.normal(1, 0.5, (500, 1))
    >>> sharp, flat = (RULSIF(alpha).fit(Xs, Xt).effective_size_ for alpha in (0.0, 0.5))
    >>> sharp < flat
    True
    """

    cost: ClassVar[str] = "n d m + n m² + m³"
    when: ClassVar[str] = "Domains overlap little: the weights stay bounded."

    def __init__(
        self,
        alpha: float = 0.1,
        gamma: float | str = "cv",
        reg: float | str = "cv",
        n_centres: int = 100,
        cap: float | str | None = "auto",
        random_state: int = 0,
    ):
        self.alpha = alpha
        self.gamma = gamma
        self.reg = reg
        self.n_centres = n_centres
        self.cap = cap
        self.random_state = random_state
