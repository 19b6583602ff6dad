"""Feature by feature: give the source the mean, or mean and spread, of the target."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from landbridge.mapping.affine import one_to_one
from landbridge.mapping.base import MomentMapping
from landbridge.moments import Moments


class FeatureWise(MomentMapping):
    """A map ``f(x) = (x - μ_s) · scale + μ_t`` of each feature by itself."""

    scale_: NDArray[np.float64]
    source_mean_: NDArray[np.float64]
    target_mean_: NDArray[np.float64]

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        return one_to_one(self.scale_, source, target)

    @property
    def is_invertible(self) -> bool:
        """Whether no feature is flattened."""
        check_is_fitted(self)
        return bool((self.scale_ != 0).all())

    def _map(self, X: Any) -> NDArray:
        return self._shift(X, self.source_mean_, self.scale_, self.target_mean_)

    def _invert(self, X: Any) -> NDArray:
        return self._shift(X, self.target_mean_, 1 / self.scale_, self.source_mean_)

    @staticmethod
    def _shift(X: Any, source_mean: NDArray, scale: NDArray, target_mean: NDArray) -> NDArray:
        moved = (X.toarray() if issparse(X) else X) - source_mean.astype(X.dtype)
        moved *= scale.astype(X.dtype)
        moved += target_mean.astype(X.dtype)
        return moved


class Recentre(FeatureWise):
    """Move the source's mean onto the target's: ``f(x) = x - μ_s + μ_t``.

    Examples
    --------
    >>> from landbridge.mapping import Recentre
    >>> Recentre().fit([[0.0], [2.0]], [[9.0], [11.0]]).transform([[0.0], [2.0]])
    array([[ 9.],
           [11.]])
    """

    cost = "n d"
    when = "a shift of level, such as another instrument's offset"

    def _fit_moments(self, source: Moments, target: Moments) -> None:
        self.source_mean_, self.target_mean_ = source.mean, target.mean
        self.scale_ = np.ones(source.n_features)


class Standardise(FeatureWise):
    """Give each source feature the mean and spread of the target's.

    ``f(x) = (x - μ_s) · σ_t / σ_s + μ_t``, feature by feature; σ is 1 for a feature that is
    constant in either domain, so that such a feature is moved but not scaled.

    Examples
    --------
    >>> from landbridge.mapping import Standardise
    >>> Standardise().fit([[0.0], [2.0]], [[10.0], [30.0]]).transform([[0.0], [2.0]])
    array([[10.],
           [30.]])
    """

    cost = "n d"
    when = "other units or scales, feature by feature"

    def _fit_moments(self, source: Moments, target: Moments) -> None:
        self.source_mean_, self.target_mean_ = source.mean, target.mean
        spreads = source.std, target.std
        varies = (spreads[0] > 0) & (spreads[1] > 0)
        self.scale_ = np.divide(spreads[1], spreads[0], out=np.ones(len(varies)), where=varies)
