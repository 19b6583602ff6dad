"""Mappings that move no row."""

from typing import Any

import numpy as np
import pandas as pd

from landbridge.mapping.affine import one_to_one


class InPlace:
    """A mapping that leaves every row where it is.

    To be mixed into one of the forms of mapping.
    """

    @property
    def is_invertible(self) -> bool:
        """Always: rows stay where they are."""
        return True

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        return one_to_one(np.ones(len(source)), source, target)

    def _map(self, X: Any) -> Any:
        return X

    def _invert(self, X: Any) -> Any:
        return X
