"""What a judge sees of a network after an epoch, whatever the framework."""

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray


class Epoch(NamedTuple):
    """A network as it is now, source rows with labels and bare target rows to judge it by.

    ``features`` and ``outputs`` take rows (n, d) and whether they are of the source. The features
    are those where both domains meet; the outputs are probabilities (n, n_classes) or numbers (n,).
    """

    Xs: NDArray
    """Source rows (n_s, d), flat: those held out, where some are."""
    ys: NDArray
    """Their labels (n_s,)."""
    sample_weight: NDArray
    """Their weights (n_s,)."""
    Xt: NDArray
    """Target rows (n_t, d), flat."""
    classes: Any
    """The classes, in the order of the outputs; ``None`` in regression."""
    features: Callable[[NDArray, bool], NDArray]
    outputs: Callable[[NDArray, bool], NDArray]
