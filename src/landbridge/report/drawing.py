"""Numbers into coordinates: what the template draws as inline SVG.

Along an axis, positions are percentages of the width, so that a drawing can be as wide as its
place. Plots with two axes have fixed coordinates in a view box.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from landbridge.report.words import is_number, plain

Point = tuple[float, float]


class Limits(NamedTuple):
    """The lowest and the highest value that a drawing has room for."""

    low: float
    high: float

    def percent(self, value: float | None) -> float | None:
        """Where ``value`` lies between the limits, in percent; ``None`` where it is not known."""
        if not is_number(value):
            return None
        return round(100 * (value - self.low) / (self.high - self.low), 2)


def limits(values: Iterable[float | None], *, pad: float = 0.06) -> Limits:
    """Limits around all known values, with ``pad`` of their span left free at either end.

    Examples
    --------
    >>> from landbridge.report.drawing import limits
    >>> limits([2.0, None, 4.0], pad=0.5)
    Limits(low=1.0, high=5.0)
    """
    known = [value for value in values if is_number(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    room = pad * (high - low) or max(abs(low), 1.0) * 0.05
    return Limits(low - room, high + room)


def ticks(scale: Limits, about: int = 5) -> list[float]:
    """Round values within the limits, 1, 2 or 5 times a power of ten apart."""
    rough = (scale.high - scale.low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda step: abs(step - rough))
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    return [round(k * step, 12) for k in range(first, last + 1)]


def axis(scale: Limits, about: int = 5) -> list[dict]:
    """The marks of an axis: where each is, in percent, and what it says."""
    return [{"at": scale.percent(value), "text": plain(value)} for value in ticks(scale, about)]


def whisker(
    scale: Limits, centre: float | None, low: float | None, high: float | None
) -> dict[str, float | None]:
    """A dot and its interval, in percent."""
    return {"centre": scale.percent(centre), "low": scale.percent(low), "high": scale.percent(high)}


def bar(scale: Limits, value: float | None) -> dict[str, float] | None:
    """A bar from zero to ``value``, in percent: where it starts and how wide it is."""
    zero, end = scale.percent(0.0), scale.percent(value)
    if zero is None or end is None:
        return None
    return {"start": min(zero, end), "width": round(abs(end - zero), 2)}


def mirrored_bars(
    up: Sequence[float], down: Sequence[float], width: float, height: float
) -> tuple[str, str]:
    """Two histograms over the same bins as SVG paths, one above the middle line, one below.

    Examples
    --------
    >>> from landbridge.report.drawing import mirrored_bars
    >>> mirrored_bars([1.0], [0.5], 10, 20)
    ('M0.3 10v-10h9.4v10z', 'M0.3 10v5h9.4v-5z')
    """
    tallest = max([*up, *down, 1e-12])
    return (
        _bars(up, -1 / tallest, width, height),
        _bars(down, 1 / tallest, width, height),
    )


def _bars(shares: Sequence[float], unit: float, width: float, height: float) -> str:
    middle, step = height / 2, width / max(len(shares), 1)
    gap = min(0.3, step / 10)
    return "".join(
        f"M{k * step + gap:.4g} {middle:.4g}v{share * unit * middle:.4g}"
        f"h{step - 2 * gap:.4g}v{-share * unit * middle:.4g}z"
        for k, share in enumerate(shares)
        if share
    )


class Plane(NamedTuple):
    """A plot with two axes: ``x`` grows to the right and ``y`` upwards."""

    x: Limits
    y: Limits
    width: float
    height: float

    def place(self, point: Sequence[float]) -> Point:
        """A point's place in the view box."""
        return (
            round(self.width * (point[0] - self.x.low) / (self.x.high - self.x.low), 1),
            round(self.height * (self.y.high - point[1]) / (self.y.high - self.y.low), 1),
        )


def equal_plane(points: Sequence[Sequence[float]], width: float = 400.0) -> Plane:
    """A plane around all points in which a step is as long sideways as upwards.

    The height follows from the points, between half the width and the width.
    """
    x, y = limits([p[0] for p in points]), limits([p[1] for p in points])
    height = width * min(max((y.high - y.low) / (x.high - x.low), 0.5), 1.0)
    unit = max((x.high - x.low) / width, (y.high - y.low) / height)
    return Plane(_widened(x, unit * width), _widened(y, unit * height), width, round(height, 1))


def free_plane(points: Sequence[Sequence[float]], width: float, height: float) -> Plane:
    """A plane around all points whose two axes have scales of their own; zero is always seen."""
    x, y = limits([p[0] for p in points]), limits([0.0, *(p[1] for p in points)])
    return Plane(x, y, width, height)


def _widened(scale: Limits, span: float) -> Limits:
    middle = (scale.low + scale.high) / 2
    return Limits(middle - span / 2, middle + span / 2)


def centre(points: Sequence[Sequence[float]]) -> Point | None:
    """The mean of the points, ``None`` where there are none."""
    if not points:
        return None
    return sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points)
