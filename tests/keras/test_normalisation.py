import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

from landbridge.keras.framework import keras, tf
from landbridge.keras.modules import Cut
from landbridge.keras.normalisation import (
    BatchNormalisation,
    recalibrate,
    set_statistics,
    statistics,
)


def net(*more):
    first = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), BatchNormalisation(name="normal"), *more]
    )
    return Cut(first, keras.layers.Dense(2))


def rows(n=500, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=(n, 3)) * 3 + 1, tf.float32)


def test_recalibrated_statistics_are_those_of_the_rows():
    network, X = net(), rows()
    recalibrate(network, [X])
    seen = network.body.layer.layers[0](X).numpy()
    normal = network.body.layer.get_layer("normal")
    np.testing.assert_allclose(normal.moving_mean.value, seen.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(normal.moving_variance.value, seen.var(axis=0, ddof=1), rtol=1e-4)
    np.testing.assert_allclose(network.body(X).numpy().mean(axis=0), 0, atol=1e-4)


def test_several_batches_count_alike_and_nothing_is_dropped():
    network, parts = net(keras.layers.Dropout(0.5)), [rows(50, seed) for seed in range(4)]
    recalibrate(network, parts)
    means = [network.body.layer.layers[0](part).numpy().mean(axis=0) for part in parts]
    normal = network.body.layer.get_layer("normal")
    np.testing.assert_allclose(
        normal.moving_mean.value, np.mean(means, axis=0), rtol=1e-4, atol=1e-5
    )
    assert float(tf.reduce_min(tf.abs(network.body(parts[0])))) > 0


def test_momentum_and_mode_are_left_as_they_were():
    network = net()
    recalibrate(network, [rows()])
    normal = network.body.layer.get_layer("normal")
    assert normal.momentum == 0.9
    kept = statistics(network)
    network.body(rows(seed=3))
    for name, value in statistics(network).items():
        np.testing.assert_array_equal(value, kept[name])


def test_statistics_can_be_taken_and_put_back():
    network = net()
    before = statistics(network)
    recalibrate(network, [rows()])
    assert set(before) == {"body.4.moving_mean", "body.5.moving_variance"}
    after = statistics(network)
    assert not any(np.array_equal(value, after[name]) for name, value in before.items())
    set_statistics(network, before)
    for name, value in statistics(network).items():
        np.testing.assert_array_equal(value, before[name])


def test_a_frozen_part_keeps_weights_and_statistics_in_training():
    network = net()
    network(rows())
    network.body.freeze()
    network.train()
    before = network.state_dict()
    network(rows())
    recalibrate(network, [rows()])
    assert not network.body.training and network.head.training
    assert len(network.trainable()) == 2  # the head's
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
