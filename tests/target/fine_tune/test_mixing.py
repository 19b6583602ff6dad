import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge.target.fine_tune.mixing import (  # noqa: E402
    greedy_soup,
    interpolated,
    mixed,
    uniform_soup,
)


def state(value, count=0):
    return {"w": torch.full((2,), float(value)), "count": torch.tensor(count)}


def test_the_end_points_are_the_networks_themselves():
    start, tuned = state(0.1), state(0.7)
    assert torch.equal(interpolated(start, tuned, 0.0)["w"], start["w"])
    assert torch.equal(interpolated(start, tuned, 1.0)["w"], tuned["w"])


def test_weights_are_averaged_and_counts_are_those_of_the_last():
    found = mixed([state(1, 3), state(5, 7)], [0.25, 0.75])
    assert found["w"].tolist() == [4, 4] and found["count"] == 7


def test_a_uniform_soup_is_the_mean():
    assert uniform_soup([state(1), state(2), state(6)])["w"].tolist() == [3, 3]


def distance_from(best):
    return lambda state: abs(float(state["w"][0]) - best)


def test_a_greedy_soup_takes_in_what_helps_and_nothing_else():
    soup, chosen = greedy_soup([state(8), state(4), state(-50)], distance_from(5.9))
    assert chosen == [1, 0] and soup["w"].tolist() == [6, 6]
    soup, chosen = greedy_soup([state(8), state(4)], distance_from(4.0))
    assert chosen == [1] and soup["w"].tolist() == [4, 4]
