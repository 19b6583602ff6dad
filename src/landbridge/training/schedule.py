"""How training goes on over time: the size of a step, and where the end is."""

import math
from collections.abc import Sequence
from typing import NamedTuple

NOTABLE = 0.01
SCHEDULES = ("cosine", "constant")


def step_size(schedule: str, learning_rate: float, done: float) -> float:
    """The step with the share ``done`` of training behind: η, or ``η (1 + cos π done) / 2``."""
    if schedule == "constant":
        return learning_rate
    return learning_rate * (1 + math.cos(math.pi * done)) / 2


def warm_up(done: float, steepness: float = 10.0) -> float:
    """From 0 up to nearly 1 along half a logistic curve (Ganin et al. 2016, section 5.2.2).

    Examples
    --------
    >>> from landbridge.training.schedule import warm_up
    >>> warm_up(0.0), round(warm_up(0.1), 2), round(warm_up(1.0), 4)
    (0.0, 0.46, 0.9999)
    """
    return 2 / (1 + math.exp(-steepness * done)) - 1


def is_still_falling(curve: Sequence[float], spread: float) -> bool:
    """Whether the last quarter of the epochs lowered the loss by over 1 % of the spread."""
    tail = max(1, len(curve) // 4)
    return min(curve[:-tail], default=spread) - min(curve[-tail:]) > NOTABLE * spread


class Ramp(NamedTuple):
    """How far training has come, from ``done_at_start`` at epoch ``start`` to 1 at ``end``."""

    end: int
    start: int = 0
    done_at_start: float = 0.0

    def done(self, epochs: float) -> float:
        """The share of training that is done after so many epochs."""
        share = (epochs - self.start) / (self.end - self.start)
        return self.done_at_start + share * (1 - self.done_at_start)

    def shortened(self, epochs: int, rest: int) -> "Ramp":
        """Steeper from here on, to end within ``rest`` epochs."""
        return Ramp(min(self.end, epochs + rest), epochs, self.done(epochs))
