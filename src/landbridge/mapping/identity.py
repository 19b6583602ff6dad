"""The map that leaves every row where it is."""

from typing import Any

import numpy as np
import pandas as pd

from landbridge.mapping.affine import one_to_one
from landbridge.mapping.base import UnpairedMapping


class Identity(UnpairedMapping):
    """Carry source rows over as they are: the plainest transfer, and the one to beat.

    Examples
    --------
    >>> from landbridge.mapping import Identity
    >>> Identity().fit([[0.0], [1.0]], [[5.0]]).transform([[2.0]])
    array([[2.]])
    """

    cost = "none"
    when = "the baseline: domains that are alike"

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        return one_to_one(np.ones(len(source)), source, target)

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        """Nothing is learned but the number of features."""

    @property
    def is_invertible(self) -> bool:
        """Always."""
        return True

    def _map(self, X: Any) -> Any:
        return X

    def _invert(self, X: Any) -> Any:
        return X

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
