"""When predictions without labels have run into few classes: surer, and less diverse than before.

To minimise the entropy of predictions is easiest by giving all rows one class.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr


class Spread(NamedTuple):
    """How sure predictions are, and over how many classes they are spread, in nats."""

    entropy: float
    r"""Mean entropy of the rows, :math:`\frac1n \sum_i H(p_i)`: 0 is sure."""
    diversity: float
    r"""Entropy of the mean prediction, :math:`H(\frac1n \sum_i p_i)`: 0 is one class."""

    @property
    def information(self) -> float:
        """Diversity less entropy, of rows and classes (Krause, Perona & Gomes 2010, eq. 3)."""
        return self.diversity - self.entropy

    @property
    def n_classes(self) -> float:
        """As many equally common classes have that diversity: its exponential."""
        return float(np.exp(self.diversity))


def spread(P: NDArray) -> Spread:
    """The spread of probabilities (n, k).

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.target.source_free.collapse import spread
    >>> found = spread(np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> found.entropy, round(found.diversity, 3), round(found.n_classes, 3)
    (0.0, 0.693, 2.0)
    """
    return Spread(float(entr(P).sum(axis=1).mean()), float(entr(P.mean(axis=0)).sum()))


def has_collapsed(start: Spread, now: Spread, least_diversity: float) -> bool:
    r"""Whether entropy has fallen, and diversity below a share of what it was at the start.

    :math:`H_e < H_0` and :math:`D_e < c\, D_0`, with c ``least_diversity``. Entropy alone falls
    in all adaptation, and diversity a little where predictions were unsure.

    Examples
    --------
    >>> from landbridge.target.source_free.collapse import Spread, has_collapsed
    >>> start = Spread(entropy=0.4, diversity=0.69)
    >>> [has_collapsed(start, Spread(0.1, now), 0.5) for now in (0.6, 0.3)]
    [False, True]
    """
    return now.entropy < start.entropy and now.diversity < least_diversity * start.diversity


def told_of(start: Spread, now: Spread, least_diversity: float) -> str:
    """What the figures of a collapse say."""
    return (
        f"entropy fell from {start.entropy:.3g} to {now.entropy:.3g} nats, diversity from "
        f"{start.diversity:.3g} to {now.diversity:.3g}, below {least_diversity:g} of the start's: "
        f"as of {now.n_classes:.2g} equally common classes, where it was {start.n_classes:.2g}"
    )
