"""What a nonlinear map does to each feature, by the linear map nearest to it."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.domains.folds import content_key
from landbridge.mapping.affine import contributions
from landbridge.moments import moments_of_rows

MAX_ROWS = 5000
"""So many rows are enough to see the slopes of a map."""


class Surrogate:
    """A nonlinear mapping that explains itself by the slopes of its nearest linear map.

    To be mixed into one of the forms of mapping; ``fit`` ends with ``_set_slopes(Xs)``.
    """

    meets_between: bool
    slopes_: NDArray[np.float64]
    source_std_: NDArray[np.float64]

    def _set_slopes(self, X: Any) -> None:
        """Regress where source rows are carried on where they were."""
        rows = X[np.argsort(content_key(X), kind="stable")[:: -(-X.shape[0] // MAX_ROWS)]]
        moments = moments_of_rows((rows, np.asarray(self._map(rows))), variances_only="y")
        self.slopes_ = np.linalg.pinv(moments.scatter, hermitian=True) @ moments.scatter_xy
        self.source_std_ = moments.std

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        if self.meets_between:
            target = [f"component {j}" for j in range(self.slopes_.shape[1])]
        return contributions(self.slopes_, self.source_std_, source, target, top)

    def _map(self, X: Any) -> Any:
        raise NotImplementedError
