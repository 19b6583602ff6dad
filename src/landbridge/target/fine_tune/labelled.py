"""Labelled rows on their way through a recipe."""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from landbridge.training.rows import outputs


class Labelled(NamedTuple):
    """Rows in the network's shape (n, ...), class numbers or values (n,), and weights (n,)."""

    X: NDArray
    y: NDArray
    weight: NDArray

    def taken(self, rows: NDArray) -> "Labelled":
        """The rows of these numbers."""
        return Labelled(self.X[rows], self.y[rows], self.weight[rows])

    def seen_by(self, body: Any, device: Any) -> "Labelled":
        """The same rows as a body in evaluation mode represents them."""
        return self._replace(X=outputs(body, self.X, device)) if len(self.y) else self
