"""Optimal transport between Gaussians, for several sources that meet at their barycentre."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.affine import apply_affine, contributions
from landbridge.mapping.alignment.monge import monge_matrix
from landbridge.mapping.base import check_two_rows
from landbridge.mapping.sources import MultiSource, Source, by_source
from landbridge.moments import Moments, moments_of_rows, regularised_covariance
from landbridge.moments.matrices import without_noise


def barycentre_covariance(
    covariances: Sequence[NDArray], shares: NDArray, max_iter: int = 100, tol: float = 1e-10
) -> tuple[NDArray[np.float64], float]:
    r"""Covariance S (d, d) of the Wasserstein barycentre of Gaussians, and its last relative step.

    :math:`S \leftarrow T S T` with the mean Monge map :math:`T = \sum_k \beta_k A_k` from S to each
    covariance, which is :math:`S^{-1/2} (\sum_k \beta_k (S^{1/2} C_k S^{1/2})^{1/2})^2 S^{-1/2}`,
    until T is the identity (Álvarez-Esteban, del Barrio, Cuesta-Albertos & Matrán 2016,
    theorem 4.2).
    """
    S = np.tensordot(shares, np.asarray(covariances), axes=1)
    step = np.inf
    for _ in range(max_iter):
        T = sum(share * monge_matrix(S, C) for share, C in zip(shares, covariances))
        after = T @ S @ T
        after = (after + after.T) / 2
        step = float(np.linalg.norm(after - S) / max(np.linalg.norm(S), np.finfo(float).tiny))
        S = after
        if step <= tol:
            break
    return S, step


class MultiLinearMonge(MultiSource):
    r"""Carry several sources by linear optimal transport to their barycentre, then to the target.

    Rows of source k become :math:`(x - \mu_k) A_k B + \mu_t`: :math:`A_k` is the Monge map from
    the source's covariance to that of the sources' Wasserstein barycentre, B the Monge map from
    there to the target's covariance (Montesuma & Mboula 2021, with Gaussians in place of
    samples). Afterwards each source has the mean and covariance of the target, and all sources
    agreed before they left for it.

    Parameters
    ----------
    reg : "auto" or float, default="auto"
        As in :class:`CORAL`.
    shares : {"equal", "rows"}, default="equal"
        How much each source weighs in the barycentre: the same, or by the weight of its rows.
    max_iter : int, default=100
        The most steps to the barycentre; a ``ConvergenceWarning`` says where they run out.
    tol : float, default=1e-10
        Stop once a step changes the barycentre's covariance by this share of it.

    Attributes
    ----------
    sources_ : list
        The names of the sources.
    matrices_, source_means_, source_stds_ : dict
        For each source its matrix (d, d), its mean and its standard deviations (d,).
    barycentre_ : ndarray of shape (d, d)
        The covariance at which the sources meet.
    target_mean_ : ndarray of shape (d,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.alignment.multi_monge import MultiLinearMonge
    >>> X = np.random.default_rng(0).normal(size=(400, 2))
    >>> Xs = np.vstack([X, 3.0 * X - 9.0])
    >>> names = ["near"] * 400 + ["far"] * 400
    >>> monge = MultiLinearMonge(reg=0.0).fit(Xs, 5.0 * X + 1.0, sources=names)
    >>> (monge.barycentre_ / np.cov(X.T)).round(3)   # of spreads 1 and 3
    array([[4., 4.],
           [4., 4.]])
    >>> moved = monge.transform(Xs, sources=names)
    >>> np.allclose(moved[:400], 5.0 * X + 1.0), np.allclose(moved[400:], 5.0 * X + 1.0)
    (True, True)
    """

    takes_sparse = True
    cost = "n d² + sources · steps · d³"
    when = "several sources that differ from the target and from each other in mean and spread"

    matrices_: dict[Any, NDArray[np.float64]]
    source_means_: dict[Any, NDArray[np.float64]]
    source_stds_: dict[Any, NDArray[np.float64]]
    barycentre_: NDArray[np.float64]
    target_mean_: NDArray[np.float64]

    def __init__(
        self,
        reg: float | str = "auto",
        shares: str = "equal",
        max_iter: int = 100,
        tol: float = 1e-10,
    ):
        self.reg = reg
        self.shares = shares
        self.max_iter = max_iter
        self.tol = tol

    def fit_moments(self, sources: dict[Any, Moments], target: Moments) -> "MultiLinearMonge":
        """Learn the maps from the moments of each source, by name, and of the target."""
        self._check_parameters()
        for part in sources.values():
            self._check_features(part.n_features, target.n_features)
            check_two_rows(self, part.count, target.count)
        self.sources_ = list(sources)
        covariances = [regularised_covariance(part, self.reg) for part in sources.values()]
        self.barycentre_ = self._barycentre(covariances, sources)
        B = monge_matrix(self.barycentre_, regularised_covariance(target, self.reg))
        self.matrices_ = {
            name: without_noise(monge_matrix(C, self.barycentre_) @ B)
            for name, C in zip(sources, covariances)
        }
        self.source_means_ = {name: part.mean for name, part in sources.items()}
        self.source_stds_ = {name: part.std for name, part in sources.items()}
        self.target_mean_ = target.mean
        return self

    @property
    def is_invertible(self) -> bool:
        """Whether there is one source, and its matrix keeps every direction."""
        check_is_fitted(self)
        matrices = list(self.matrices_.values())
        return len(matrices) == 1 and bool(
            np.linalg.matrix_rank(matrices[0]) == len(self.target_mean_)
        )

    def _fit_sources(self, parts: dict[Any, Source], Xt: Any, yt: NDArray | None) -> None:
        sources = {
            name: moments_of_rows((part.X,), part.sample_weight) for name, part in parts.items()
        }
        self.fit_moments(sources, moments_of_rows((Xt,)))

    def _barycentre(self, covariances: list[NDArray], sources: dict[Any, Moments]) -> NDArray:
        weights = [1.0 if self.shares == "equal" else part.weight for part in sources.values()]
        shares = np.array(weights) / sum(weights)
        S, step = barycentre_covariance(covariances, shares, self.max_iter, self.tol)
        if step > self.tol:
            warnings.warn(
                f"MultiLinearMonge stopped after {self.max_iter} steps to the barycentre, the last "
                f"of {step:.2g} of it. Raise max_iter, tol or reg.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return S

    def _check_parameters(self) -> None:
        check_choice("shares", self.shares, ("equal", "rows"))
        check_number("max_iter", self.max_iter, least=1, whole=True)

    def _map_source(self, name: Any, X: Any) -> NDArray:
        return apply_affine(X, self.source_means_[name], self.matrices_[name], self.target_mean_)

    def _invert(self, X: Any) -> NDArray:
        (name,) = self.sources_
        back = np.linalg.pinv(self.matrices_[name])
        return apply_affine(X, self.target_mean_, back, self.source_means_[name])

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        return by_source(
            {
                name: contributions(A, self.source_stds_[name], source, target, top)
                for name, A in self.matrices_.items()
            }
        )
