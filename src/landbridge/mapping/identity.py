"""The map that leaves every row where it is."""

from typing import Any

from landbridge.mapping.base import UnpairedMapping
from landbridge.mapping.in_place import InPlace


class Identity(InPlace, UnpairedMapping):
    """Carry source rows over as they are: the plainest transfer, and the one to beat.

    Examples
    --------
    >>> from landbridge.mapping import Identity
    >>> Identity().fit([[0.0], [1.0]], [[5.0]]).transform([[2.0]])
    array([[2.]])
    """

    takes_sparse = True
    cost = "none"
    when = "the baseline: domains that are alike"

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        """Nothing is learned but the number of features."""
