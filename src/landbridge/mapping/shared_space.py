"""Mappings that take both domains to a space between them."""

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.mapping.affine import apply_affine, contributions


class SharedSpace:
    """A mapping of both domains: ``(x - μ_s) A_s`` and ``(x - μ_t) A_t``, each to (n, k).

    To be mixed into one of the forms of mapping.
    """

    meets_between: ClassVar[bool] = True

    source_matrix_: NDArray[np.float64]
    target_matrix_: NDArray[np.float64]
    source_mean_: NDArray[np.float64]
    target_mean_: NDArray[np.float64]
    source_std_: NDArray[np.float64]

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        components = [f"component {j}" for j in range(self.source_matrix_.shape[1])]
        return contributions(self.source_matrix_, self.source_std_, source, components, top)

    def _map(self, X: Any) -> NDArray:
        zero = np.zeros(self.source_matrix_.shape[1])
        return apply_affine(X, self.source_mean_, self.source_matrix_, zero)

    def _map_target(self, X: Any) -> NDArray:
        zero = np.zeros(self.target_matrix_.shape[1])
        return apply_affine(X, self.target_mean_, self.target_matrix_, zero)


def components_for(variances: NDArray, n_components: float | None) -> int:
    """A number of components as it is, or the fewest that keep a share of the variance."""
    if n_components is None:
        return len(variances)
    if isinstance(n_components, Integral) and n_components >= 1:
        return min(int(n_components), len(variances))
    if not isinstance(n_components, Integral) and 0 < n_components < 1:
        kept = variances.cumsum() / max(variances.sum(), np.finfo(float).tiny)
        return min(int(np.searchsorted(kept, n_components) + 1), len(variances))
    raise ValueError(
        "n_components must be a whole number from 1 up, a share of the variance between 0 and "
        f"1, or None for all: found {n_components!r}."
    )
