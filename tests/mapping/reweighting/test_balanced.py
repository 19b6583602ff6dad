import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from landbridge.mapping.reweighting import BalancedWeighting
from landbridge.target import Pooled


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9])
def test_the_source_holds_its_share_of_the_weight(gamma, shifted):
    yt = shifted.yt.astype(object)
    yt[20:] = None
    mapping = BalancedWeighting(gamma).fit(shifted.Xs, shifted.Xt, yt=yt)
    weights = mapping.weights(shifted.Xs)
    assert weights.sum() / (weights.sum() + 20) == pytest.approx(gamma)
    assert mapping.effective_size_ == pytest.approx(600)


def test_a_pool_with_its_target_weight_minimises_the_balanced_loss(rng):
    Xs, Xt = np.zeros((90, 1)), np.zeros((10, 1))
    ys, yt = np.full(90, 1.0), np.full(10, 5.0)
    mapping = BalancedWeighting(0.25).fit(Xs, Xt, yt=yt)
    pooled = Pooled(LinearRegression(), target_weight=mapping.target_weight_)
    mean = pooled.fit(mapping.carry(Xs, ys), Xt, yt).predict(Xt)[0]
    assert mean == pytest.approx(0.25 * 1.0 + 0.75 * 5.0)


def test_target_labels_are_needed(shifted):
    with pytest.raises(ValueError, match="BalancedWeighting learns from labels of target rows"):
        BalancedWeighting().fit(shifted.Xs, shifted.Xt)


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_a_wrong_share_is_named(gamma, shifted):
    with pytest.raises(ValueError, match="gamma must be a number above 0 and below 1"):
        shifted.fit(BalancedWeighting(gamma))
