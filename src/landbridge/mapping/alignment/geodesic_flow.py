"""The geodesic flow kernel: all the subspaces on the way from source to target."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from landbridge.domains.parameters import check_number
from landbridge.mapping.base import MomentMapping
from landbridge.mapping.shared_space import SharedSpace, components_for
from landbridge.moments import Moments, power_psd
from landbridge.moments.matrices import eigh_psd, rank_tolerance

NO_ANGLE = 1e-10
"""Below this sine, two principal axes are one and the same up to rounding."""
DISAGREEMENT = 0.99
"""Subspaces whose axes disagree by so much count as orthogonal, where the paper asks for 1."""


def principal_angles(Ps: NDArray, Pt: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Angles θ (k,), the source's principal vectors A (d, k), and the way Q (d, k) to turn them.

    ``A cos(tθ) + Q sin(tθ)`` leads from the span of ``Ps`` at t = 0 to that of ``Pt`` at t = 1;
    ``Q`` is zero where the angle is. Sines come from the residual, since the arccosine of a
    number near 1 loses half the digits.
    """
    U, cosines, Vt = np.linalg.svd(Ps.T @ Pt)
    A = Ps @ U
    residual = Pt @ Vt.T - A * cosines
    sines = np.linalg.norm(residual, axis=0)
    apart = sines > NO_ANGLE
    Q = np.divide(residual, sines, out=np.zeros_like(residual), where=apart)
    return np.where(apart, np.arctan2(sines, cosines), 0.0), A, Q


def flow_factor(Ps: NDArray, Pt: NDArray) -> NDArray[np.float64]:
    r"""A factor L (d, 2k) of the kernel ``G = L Lᵀ``, the integral of Φ(t)Φ(t)ᵀ from 0 to 1.

    In the plane of each pair of principal vectors the integral of (cos tθ, sin tθ) and its
    transpose is ``[[λ₁, λ₂], [λ₂, λ₃]]`` with ``λ₁ = ½ + sin 2θ / 4θ``, ``λ₂ = (1 - cos 2θ) / 4θ``
    and ``λ₃ = ½ - sin 2θ / 4θ``; its Cholesky factor is written out.
    """
    angles, A, Q = principal_angles(Ps, Pt)
    half = 0.5 * np.sinc(2 * angles / np.pi)
    first, last = 0.5 + half, 0.5 - half
    middle = 0.5 * np.sin(angles) * np.sinc(angles / np.pi)
    root = np.sqrt(first)
    left = np.sqrt(np.maximum(last - middle**2 / first, 0.0))
    return np.hstack([A * root + Q * (middle / root), Q * left])


def flow_axes(Ps: NDArray, Pt: NDArray) -> NDArray[np.float64]:
    """Orthonormal axes (d, r) of what both subspaces span: the target's, then what is left.

    Up to signs they depend on the subspaces' own axes alone, unlike principal vectors, which
    rounding turns at will where angles are equal.
    """
    rest = Ps - Pt @ (Pt.T @ Ps)
    Q, R, _ = qr(rest, mode="economic", pivoting=True)
    kept = np.abs(np.diag(R)) > NO_ANGLE
    signs = np.where(np.diag(R) < 0, -1.0, 1.0)
    return np.hstack([Pt, (Q * signs)[:, kept]])


def flow_coordinates(Ps: NDArray, Pt: NDArray) -> NDArray[np.float64]:
    """The factor (d, r) of G that is ``G^½`` seen from the axes of ``flow_axes``."""
    axes = flow_axes(Ps, Pt)
    L = axes.T @ flow_factor(Ps, Pt)
    return axes @ power_psd(L @ L.T, 0.5)


def subspace_disagreement(Ps: NDArray, Pt: NDArray, Pst: NDArray) -> float:
    """``D = ½ (sin α + sin β)``: 0 for three spans (d, k) alike, 1 with orthogonal directions.

    α is the largest principal angle between the source's axes and those of both domains
    together, β the target's (Gong 2012, the subspace disagreement measure).
    """
    cosines = np.array([np.linalg.norm(P.T @ Pst, ord=-2) for P in (Ps, Pt)])
    return float(np.sqrt(np.maximum(1.0 - cosines**2, 0.0)).mean())


def agreeing_components(Ps: NDArray, Pt: NDArray, Pst: NDArray) -> int:
    """The first number of leading axes at which the domains disagree; all, if they never do."""
    most = Pst.shape[1]
    leading = ((k, (P[:, :k] for P in (Ps, Pt, Pst))) for k in range(1, most))
    return next((k for k, P in leading if subspace_disagreement(*P) >= DISAGREEMENT), most)


class GeodesicFlow(SharedSpace, MomentMapping):
    r"""Compare rows in all the subspaces on the way from the source's axes to the target's.

    With :math:`\Phi(t)` the subspace at t on the geodesic from the source's k principal axes
    :math:`\Phi(0) = P_s` to the target's :math:`\Phi(1) = P_t`, the kernel
    :math:`x^\top G x'`, :math:`G = \int_0^1 \Phi(t) \Phi(t)^\top dt`, has a closed form in the
    principal angles (Gong, Shi, Sha & Grauman 2012, eq. 6–8, up to a factor of 2).
    Rows become :math:`(x - \mu) L` with their own domain's mean and :math:`L L^\top = G`, in as
    many dimensions as G has rank, at most 2k: the symmetric root of G, seen from the target's
    axes. Features on different scales want standardising first.

    Parameters
    ----------
    n_components : int, float, None or "auto", default="auto"
        How many axes k of each domain; more keep more of the variance and less of the
        agreement. A float takes the fewest that keep that share of the variance in both
        domains, ``None`` all, which leaves both domains as they are but centred and turned.
        ``"auto"`` takes the fewest at which the domains' subspaces have orthogonal directions,
        by the paper's subspace disagreement measure, and at most half of the features.

    Attributes
    ----------
    source_matrix_, target_matrix_ : ndarray of shape (d, r)
        The same matrix L for both domains.
    n_components_ : int
        The number k of axes.
    source_mean_, target_mean_, source_std_ : ndarray of shape (d,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.alignment.geodesic_flow import GeodesicFlow
    >>> rng = np.random.default_rng(0)
    >>> Xs = rng.normal(size=(100, 3)) * [5.0, 1.0, 0.1]
    >>> flow = GeodesicFlow(n_components=1).fit(Xs, Xs[:, [1, 0, 2]])
    >>> G = flow.target_matrix_ @ flow.target_matrix_.T
    >>> G.round(2)                                   # a quarter turn: half of each axis
    array([[0.5 , 0.32, 0.  ],
           [0.32, 0.5 , 0.  ],
           [0.  , 0.  , 0.  ]])
    """

    cost = "n d² + d³"
    when = "rows of high dimension whose main directions differ between the domains"

    n_components_: int

    def __init__(self, n_components: float | str | None = "auto"):
        self.n_components = n_components

    def _fit_moments(self, source: Moments, target: Moments) -> None:
        (vs, Ps), (vt, Pt) = eigh_psd(source.cov), eigh_psd(target.cov)
        k = self._components(vs, Ps, vt, Pt, source, target)
        L = flow_coordinates(Ps[:, :k], Pt[:, :k])
        self.n_components_ = k
        self.source_matrix_ = self.target_matrix_ = L
        self.source_mean_, self.target_mean_ = source.mean, target.mean
        self.source_std_ = source.std

    def _components(
        self, vs: NDArray, Ps: NDArray, vt: NDArray, Pt: NDArray, source: Moments, target: Moments
    ) -> int:
        check_number("n_components", self.n_components, words=(None, "auto"), above=True)
        if not isinstance(self.n_components, str):
            return max(components_for(v, self.n_components) for v in (vs, vt))
        ranks = [int((v > rank_tolerance(v)).sum()) for v in (vs, vt)]
        most = max(1, min(-(-len(vs) // 2), *ranks))
        Pst = eigh_psd((source + target).cov)[1]
        return agreeing_components(Ps[:, :most], Pt[:, :most], Pst[:, :most])
