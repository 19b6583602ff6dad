"""What a nonlinear map does to each feature, by the linear map nearest to it."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse

from landbridge.domains.folds import content_key
from landbridge.mapping.affine import contributions
from landbridge.moments import moments_of_rows

FEWEST_ROWS, MOST_ROWS = 1000, 2000
MOST_NUMBERS = 2**25
"""What shows the slopes of a map: twice as many rows as there are features, between these two,
and fewer of rows so long that they would hold more numbers than this."""


def n_shown(n_features: int) -> int:
    """How many rows of so many features show the slopes of a map.

    Examples
    --------
    >>> from landbridge.mapping.surrogate import n_shown
    >>> [n_shown(d) for d in (10, 700, 10_000, 3 * 224 * 224)]
    [1000, 1400, 2000, 222]
    """
    wanted = min(max(2 * n_features, FEWEST_ROWS), MOST_ROWS)
    return min(wanted, max(1, MOST_NUMBERS // n_features))


def slopes_across(X: Any, Z: NDArray) -> NDArray[np.float64]:
    """Slopes (d, k) of the smallest linear map of rows ``X`` (n, d) to ``Z``, for n below d."""
    gram = X @ X.T
    gram = np.asarray(gram.toarray() if issparse(gram) else gram, dtype=np.float64)
    centred = gram - gram.mean(axis=0)
    centred -= centred.mean(axis=1)[:, None]
    duals = np.linalg.pinv(centred, hermitian=True) @ (Z - Z.mean(axis=0))
    return np.asarray(X.T @ (duals - duals.mean(axis=0)))


class Surrogate:
    """A nonlinear mapping that explains itself by the slopes of its nearest linear map.

    To be mixed into one of the forms of mapping; ``fit`` ends with ``_set_slopes(Xs)``.
    """

    meets_between: ClassVar[bool]
    slopes_: NDArray[np.float64]
    source_std_: NDArray[np.float64]

    def _set_slopes(self, X: Any) -> None:
        """Regress where source rows are carried on where they were."""
        n, d = X.shape
        order = np.argsort(content_key(X), kind="stable")
        rows = X[order[:: -(-n // n_shown(d))]]
        carried = np.asarray(self._map(rows))
        if rows.shape[0] > d:
            moments = moments_of_rows((rows, carried), variances_only="y")
            inverse = np.linalg.pinv(moments.scatter, hermitian=True)
            self.slopes_ = inverse @ moments.scatter_xy
        else:
            self.slopes_ = slopes_across(rows, carried)
        self.source_std_ = moments_of_rows((X,), variances_only="x").std

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        if self.meets_between:
            target = [f"component {j}" for j in range(self.slopes_.shape[1])]
        return contributions(self.slopes_, self.source_std_, source, target, top)

    def _map(self, X: Any) -> Any:
        raise NotImplementedError
