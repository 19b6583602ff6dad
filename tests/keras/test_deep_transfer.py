import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

from landbridge import Training, Transfer, load, save
from landbridge.keras import DeepTransfer
from landbridge.keras.alignments import (
    ALIGNMENTS,
    MMD,
    certainty_weights,
    covariance,
    gaussian_kernels,
    reverse_gradient,
    warm_up,
)
from landbridge.keras.framework import tf
from landbridge.training import schedule

QUICK = Training(max_epochs=3, learning_rate=0.01)
CENTRES = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])


@pytest.fixture
def blobs():
    """Three classes, and the same moved by more than half of their distance; labels of both."""
    Xs, ys = make_blobs(300, centers=CENTRES, cluster_std=0.7, random_state=0)
    Xt, yt = make_blobs(
        300, centers=CENTRES + np.array([2.6, 2.0]), cluster_std=0.7, random_state=1
    )
    return Xs, ys, Xt, yt


def quick(network=(8,), **parameters):
    return DeepTransfer(
        network, **{"alignment": "mmd", "training": QUICK, "random_state": 0, **parameters}
    )


def test_an_alignment_beats_the_source_network_alone(blobs):
    """The adversaries are compared with their PyTorch twins, which are tried over ten seeds."""
    Xs, ys, Xt, yt = blobs
    training = Training(max_epochs=60, learning_rate=3e-3)
    aligned, alone = (
        [
            DeepTransfer((32, 32), alignment=a, training=training, random_state=seed)
            .fit(Xs, Xt, ys=ys)
            .score(Xt, yt)
            for seed in range(3)
        ]
        for a in ("mmd", "none")
    )
    assert sum(aligned) > sum(alone) + 0.2


def test_the_head_predicts_from_carried_rows_and_transfer_goes_on_from_them(blobs):
    Xs, ys, Xt, _ = blobs
    net = quick().fit(Xs, Xt, ys=ys)
    carried = net.transform_target(Xt)
    np.testing.assert_array_equal(net.predictor.predict(carried), net.predict(Xt))
    model = Transfer(LogisticRegression(), quick()).fit(Xs, ys, Xt)
    assert model.predict_proba(Xt[:5]).shape == (5, 3)


@pytest.mark.parametrize("alignment", sorted(ALIGNMENTS))
def test_an_interrupted_run_that_is_resumed_ends_with_the_same_weights(blobs, tmp_path, alignment):
    Xs, ys, Xt, _ = blobs

    def run(**options):
        training = Training(max_epochs=4, learning_rate=0.01, **options)
        return quick(alignment=alignment, training=training).fit(Xs, Xt, ys=ys)

    def interrupt(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder=tmp_path, progress=interrupt)
    resumed, whole = run(folder=tmp_path), run()
    for name, value in whole.weights_.items():
        np.testing.assert_array_equal(value, resumed.weights_[name], err_msg=name)


def test_a_copy_from_disk_carries_the_same_and_a_clone_too(blobs, tmp_path):
    Xs, ys, Xt, _ = blobs
    net = quick(alignment=MMD(widths=(0.5, 1.0))).fit(Xs, Xt, ys=ys)
    again = clone(net).fit(Xs, Xt, ys=ys)
    np.testing.assert_array_equal(again.predict_proba(Xt), net.predict_proba(Xt))
    named = quick().fit(Xs, Xt, ys=ys)
    again = load(save(named, tmp_path / "net.landbridge"))
    np.testing.assert_array_equal(again.transform(Xs), named.transform(Xs))


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"alignment": "magic"}, 'alignment must be "none", "mmd"'),
        ({"alignment": "cdan", "task": "regression"}, "CDAN aligns classes, and task is"),
        ({"validator": "target"}, 'validator must be "last", "source", "entropy"'),
        ({"input_shape": (3,)}, r"input_shape=\(3,\) takes 3 numbers a row: Xs has 2"),
    ],
)
def test_what_does_not_fit_is_named(blobs, parameters, match):
    Xs, ys, Xt, _ = blobs
    with pytest.raises(ValueError, match=match):
        quick(**parameters).fit(Xs, Xt, ys=ys)


def test_several_sources_are_refused(blobs):
    Xs, ys, Xt, _ = blobs
    with pytest.raises(ValueError, match="takes one source: sources names 2"):
        quick().fit(Xs, Xt, ys=ys, sources=np.arange(300) % 2)


def test_the_ramp_is_that_of_pytorch():
    for done in (0.0, 0.1, 0.5, 1.0):
        assert float(warm_up(tf.constant(done))) == pytest.approx(schedule.warm_up(done), abs=1e-6)


def test_a_reversed_gradient_is_turned_round_and_multiplied():
    X = tf.constant([1.0, -2.0])
    with tf.GradientTape() as tape:
        tape.watch(X)
        found = tf.reduce_sum(reverse_gradient(X, 0.5) ** 2)
    assert float(found) == 5.0
    np.testing.assert_allclose(tape.gradient(found, X), [-1.0, 2.0])


def test_kernels_covariances_and_certainties_are_those_of_numpy(rng):
    Z = rng.normal(size=(12, 3)).astype(np.float32)
    distances = ((Z[:, None] - Z[None]) ** 2).sum(axis=2)
    h = distances.sum() / (12 * 11)
    expected = np.mean([np.exp(-distances / (w * h)) for w in (0.5, 2.0)], axis=0)
    np.testing.assert_allclose(gaussian_kernels(Z, (0.5, 2.0)), expected, atol=1e-5)
    np.testing.assert_allclose(covariance(tf.constant(Z)), np.cov(Z.T), rtol=1e-4)
    p = np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)
    weights = np.array([2.0, 1 + np.exp(-np.log(2))])
    np.testing.assert_allclose(certainty_weights(p), weights / weights.mean(), rtol=1e-6)
