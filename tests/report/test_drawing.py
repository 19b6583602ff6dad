import re

import numpy as np
import pytest

from landbridge.report import drawing


def test_limits_leave_room_and_pass_over_what_is_not_known():
    assert drawing.limits([1.0, None, float("nan"), 3.0], pad=0.1) == (0.8, 3.2)
    assert drawing.limits([]).low < 0 < 1 < drawing.limits([]).high


@pytest.mark.parametrize("value", [0.0, 5.0, -2e6])
def test_limits_of_a_single_value_have_a_span(value):
    scale = drawing.limits([value, value])
    assert scale.low < value < scale.high


@pytest.mark.parametrize("low, high", [(0.61, 0.87), (-3e-4, 2e-4), (-120.0, 4e5), (0, 1)])
def test_ticks_are_round_evenly_spaced_and_inside(low, high):
    found = drawing.ticks(drawing.Limits(low, high))
    steps = np.diff(found)
    assert 3 <= len(found) <= 7
    assert low <= found[0] and found[-1] <= high
    np.testing.assert_allclose(steps, steps[0])
    assert f"{steps[0]:.0e}"[0] in "125"


def test_a_position_is_a_percentage_of_the_way():
    scale = drawing.Limits(10.0, 20.0)
    assert [scale.percent(v) for v in (10, 12.5, 20, None)] == [0.0, 25.0, 100.0, None]


def test_a_bar_runs_from_zero_to_either_side():
    scale = drawing.Limits(-1.0, 3.0)
    assert drawing.bar(scale, 2.0) == {"start": 25.0, "width": 50.0}
    assert drawing.bar(scale, -0.5) == {"start": 12.5, "width": 12.5}
    assert drawing.bar(scale, None) is None


def test_mirrored_bars_share_one_scale_and_skip_empty_bins():
    up, down = drawing.mirrored_bars([0.5, 0.0, 0.5], [1.0, 0.0, 0.0], 30, 20)
    assert [float(h) for h in re.findall(r"v(-?[\d.]+)h", up)] == [-5.0, -5.0]
    assert [float(h) for h in re.findall(r"v(-?[\d.]+)h", down)] == [10.0]


def test_a_plane_with_equal_axes_keeps_distances():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 2)) * (3.0, 1.0)
    plane = drawing.equal_plane(points.tolist())
    placed = np.array([plane.place(p) for p in points.tolist()])
    apart = np.linalg.norm(points[0] - points[1:], axis=1)
    drawn = np.linalg.norm(placed[0] - placed[1:], axis=1)
    np.testing.assert_allclose(drawn / apart, (drawn / apart).mean(), rtol=0.05)
    assert (placed >= 0).all() and (placed <= (plane.width, plane.height)).all()


def test_up_is_up():
    plane = drawing.free_plane([(0, -1), (1, 1)], 100, 50)
    assert plane.place((0, 1))[1] < plane.place((0, -1))[1]


def test_the_centre_is_the_mean_point():
    assert drawing.centre([(0.0, 2.0), (4.0, 4.0)]) == (2.0, 3.0)
    assert drawing.centre([]) is None
