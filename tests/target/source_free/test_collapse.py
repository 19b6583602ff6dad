import numpy as np
import pytest

from landbridge.evidence.validation.label_free import (
    diversity,
    information_maximisation,
    mean_entropy,
)
from landbridge.target.source_free.collapse import Spread, has_collapsed, spread, told_of


def test_the_spread_is_what_the_evidence_knows_as_entropy_and_diversity(rng):
    P = rng.dirichlet(np.ones(4), size=50)
    P[0] = [1.0, 0.0, 0.0, 0.0]
    found = spread(P)
    expected = mean_entropy(P), diversity(P)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(found.information, information_maximisation(P), rtol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_equally_common_classes_are_counted_by_diversity(k):
    assert spread(np.eye(10)[np.arange(60) % k]).n_classes == pytest.approx(k)


@pytest.mark.parametrize(
    ("entropy", "diversity", "expected"),
    [
        (0.1, 0.64, True),
        (0.1, 0.66, False),  # not far enough below the start
        (0.4, 0.10, False),  # no surer than at the start: not by a loss that sharpens
    ],
)
def test_a_collapse_is_a_fall_of_entropy_and_of_diversity(entropy, diversity, expected):
    assert has_collapsed(Spread(0.4, 1.0), Spread(entropy, diversity), 0.65) is expected


def test_a_share_of_zero_never_calls_it_a_collapse():
    assert not has_collapsed(Spread(0.4, 1.0), Spread(0.0, 0.0), 0.0)


def test_one_class_lost_of_three_and_a_rare_one_of_two_are_a_collapse():
    for left, all_of_them in (([0.5, 0.5], 3), ([0.85, 0.15], 2)):
        now = Spread(0.0, spread(np.array([left])).entropy)
        assert has_collapsed(Spread(0.1, np.log(all_of_them)), now, 0.65)
    now = Spread(0.0, spread(np.array([[0.8, 0.2]])).entropy)
    assert not has_collapsed(Spread(0.1, np.log(2)), now, 0.65)


def test_the_figures_are_told():
    text = told_of(Spread(0.4, np.log(3)), Spread(0.1, 0.0), 0.65)
    for part in ("from 0.4 to 0.1 nats", "from 1.1 to 0", "below 0.65", "as of 1 equally", "was 3"):
        assert part in text
