"""The form of a kernel component mapping."""

from abc import abstractmethod
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.folds import content_key
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import UnpairedMapping, check_two_rows
from landbridge.mapping.components.eigen import (
    OVERSAMPLING,
    TOLERANCE,
    Components,
    Subspace,
    is_small,
    leading_components,
)
from landbridge.mapping.components.feature_rows import FeatureRows, project_rows
from landbridge.mapping.surrogate import Surrogate
from landbridge.moments import FeatureMap, moments_of_rows

MAX_COMPONENTS = 20
"""So many components, or all there can be, where their number is left open."""


class KernelComponents(Surrogate, UnpairedMapping):
    """Both domains in one space of kernel components, ``φ(x) W`` for either.

    A method says in ``_components`` which W (m, k) it is.
    """

    meets_between = True
    takes_sparse = True
    cost = "n m (d + m); exact kernel: n² (d + k)"
    are_repeated: ClassVar[bool] = False

    kernel: str
    kind: str
    n_features: int
    gamma: float | str
    n_components: int | None
    reg: float
    random_state: int

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        check_two_rows(self, Xs.shape[0], Xt.shape[0])
        check_number("reg", self.reg, above=True)
        self._check_parameters()
        # Components tell features apart that nearly depend on each other: all digits are needed.
        samples = Xs.astype(np.float64, copy=False), Xt.astype(np.float64, copy=False)
        feature_map = self._feature_map().fit(*samples)
        n_rows = Xs.shape[0] + Xt.shape[0]
        self.n_components_ = n_components_for(self.n_components, n_rows, feature_map.n_features_)
        features = FeatureRows(feature_map, samples, sample_weight, self.are_repeated)
        found = self._components(features, ys, yt)
        self.feature_map_ = feature_map
        self.eigenvalues_ = found.values
        self.matrix_ = with_unit_variance(found, features.total_weight)
        self._explain_by_slopes(Xs)

    @abstractmethod
    def _components(self, features: FeatureRows, ys: Any, yt: Any) -> Components:
        """The components of both samples."""

    def _check_parameters(self) -> None:
        """Refuse parameters of one's own that cannot be meant."""

    def _feature_map(self) -> FeatureMap:
        return FeatureMap(self.kernel, self.kind, self.n_features, self.gamma, self.random_state)

    def _solve(
        self,
        features: FeatureRows,
        scatter: Any,
        U: NDArray,
        penalty: NDArray,
        start: Subspace | None = None,
        tol: float = TOLERANCE,
    ) -> Components:
        """The eigenproblem, from the subspace of the last one where there was one."""
        k = self.n_components_
        if start is None and not is_small(scatter.shape[0]):
            basis = start_block(features, k + OVERSAMPLING, self.random_state)
            start = Subspace(basis, scatter @ basis)
        return leading_components(scatter, U, penalty, k, start, tol)

    def _map(self, X: Any) -> NDArray:
        return project_rows(self.feature_map_, X, self.matrix_)

    def _map_target(self, X: Any) -> NDArray:
        return self._map(X)

    def _explain_by_slopes(self, Xs: Any) -> None:
        if self.kernel == "linear":
            self.slopes_ = self.matrix_
            self.source_std_ = moments_of_rows((Xs,), variances_only="x").std
        else:
            self._set_slopes(Xs)


def with_unit_variance(found: Components, total_weight: float) -> NDArray[np.float64]:
    """W times one factor for all, which gives the first component the variance 1."""
    variance = found.values[0] / total_weight
    return found.matrix / np.sqrt(variance) if variance > 0 else found.matrix


def penalty_of(features: FeatureRows, reg: float, scatter: Any) -> NDArray[np.float64]:
    r"""The penalty's diagonal: ``reg``, divided by an eigenvalue of the kernel where φ has none.

    Values f at the n rows cost :math:`f^\top K^{-2} f` as coefficients of the exact kernel, and
    :math:`f^\top K^{-1} f` as those of landmarks or frequencies. The mean eigenvalue
    :math:`\sum \kappa^2 / \sum \kappa` makes up for it, so that one ``reg`` does for both.
    """
    kappa = 1.0
    if not features.is_dual_or_linear:
        kappa = float(np.vdot(scatter, scatter) / max(np.trace(scatter), np.finfo(float).tiny))
    return np.full(features.n_features, reg / max(kappa, np.finfo(float).tiny))


def n_components_for(n_components: int | None, n_rows: int, n_features: int) -> int:
    """The number of components that is asked for, if there can be so many."""
    most = min(n_features, n_rows - 1)
    if n_components is None:
        return min(MAX_COMPONENTS, most)
    if not isinstance(n_components, Integral) or not 1 <= n_components <= most:
        raise ValueError(
            f"n_components must be a whole number from 1 to {most}, or None for up to "
            f"{MAX_COMPONENTS}: found {n_components!r}. There are {n_rows} rows in all, less one "
            f"for their mean, and {n_features} features."
        )
    return int(n_components)


def start_block(features: FeatureRows, width: int, random_state: int) -> NDArray[np.float64]:
    """A random block (m, width); rows of an exact kernel draw theirs in the order of content."""
    rng = np.random.default_rng(random_state)
    block = rng.standard_normal((features.n_features, min(width, features.n_features)))
    if features.feature_map.kind_ != "exact" or features.feature_map.kernel == "linear":
        return block
    placed = np.empty_like(block)
    placed[np.argsort(content_key(features.feature_map.landmarks_), kind="stable")] = block
    return placed
