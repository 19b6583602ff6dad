"""Optimal transport between Gaussians."""

import numpy as np
from numpy.typing import NDArray

from landbridge.mapping.affine import Affine
from landbridge.mapping.base import MomentMapping
from landbridge.moments import Moments, power_psd, regularised_covariance
from landbridge.moments.matrices import eigh_psd, rank_tolerance, without_noise


def monge_matrix(Cs: NDArray, Ct: NDArray) -> NDArray[np.float64]:
    """The symmetric ``A`` (d, d) with ``A @ Cs @ A = Ct``, least in transport cost.

    ``A = G (Fᵀ Ct F)^½ Gᵀ`` with ``F = V Λ^½`` and ``G = V Λ^-½`` of ``Cs = V Λ Vᵀ``: the same as
    with the symmetric roots of ``Cs``, by one decomposition less.
    """
    values, vectors = eigh_psd(Cs)
    kept = values > rank_tolerance(values)
    F, G = vectors[:, kept] * np.sqrt(values[kept]), vectors[:, kept] / np.sqrt(values[kept])
    return G @ power_psd(F.T @ Ct @ F, 0.5) @ G.T


class Monge(Affine, MomentMapping):
    r"""Linear optimal transport: the cheapest map that gives the source the target's moments.

    Source rows become :math:`(x - \mu_s) A + \mu_t` with
    :math:`A = C_s^{-1/2} (C_s^{1/2} C_t C_s^{1/2})^{1/2} C_s^{-1/2}`, the Monge map between
    Gaussians of these moments (Peyré & Cuturi 2019, remark 2.31; Flamary, Lounici & Ferrari
    2019, eq. 5). Unlike CORAL it turns the axes no further than it must.

    Parameters
    ----------
    reg : "auto" or float, default="auto"
        As in :class:`CORAL`.
    move_mean : bool, default=True
        As in :class:`CORAL`.

    Attributes
    ----------
    matrix_ : ndarray of shape (d, d)
    source_mean_, target_mean_, source_std_ : ndarray of shape (d,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import Monge
    >>> rng = np.random.default_rng(0)
    >>> Xs = rng.normal(0, 1, (500, 2))
    >>> map_ = Monge(reg=0.0).fit(Xs, Xs * [2.0, 3.0] + 1.0)
    >>> map_.matrix_.round(6)
    array([[2., 0.],
           [0., 3.]])
    """

    cost = "n d² + d³"
    when = "as CORAL, but moving rows as little as possible"

    def __init__(self, reg: float | str = "auto", move_mean: bool = True):
        self.reg = reg
        self.move_mean = move_mean

    def _fit_moments(self, source: Moments, target: Moments) -> None:
        Cs, Ct = (regularised_covariance(m, self.reg) for m in (source, target))
        self._set_between(without_noise(monge_matrix(Cs, Ct)), source, target, self.move_mean)
