import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.utils.estimator_checks import parametrize_with_checks

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

from landbridge import Training, load, save
from landbridge.keras import NetworkSource
from landbridge.keras.framework import keras, tf
from landbridge.onnx import export_onnx

QUICK = Training(max_epochs=3, learning_rate=0.01)
layers = keras.layers


@pytest.fixture
def moons():
    return make_moons(300, noise=0.1, random_state=0)


def quick(network=(8,), **parameters):
    return NetworkSource(network, **{"training": QUICK, "random_state": 0, **parameters})


def small(*last):
    first = layers.Dense(8, activation="relu", name="first")
    return keras.Sequential([keras.Input((2,)), first, *last])


def with_chance():
    """A network with dropout and batch normalisation: chance and statistics take part."""
    normal, dropout = layers.BatchNormalization(), layers.Dropout(0.3)
    return small(normal, dropout, layers.Dense(2))


def test_it_learns_what_no_linear_model_does(moons):
    X, y = moons
    words = np.array(["lower", "upper"])[y]
    net = quick((32, 32), training=Training(max_epochs=60, learning_rate=0.01)).fit(X, words)
    assert net.score(X, words) > 0.97
    np.testing.assert_allclose(net.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("given", ["model", "maker"])
def test_a_keras_model_is_copied_and_trained(moons, given):
    X, y = moons
    model = small(layers.Dense(2))
    before = [w.value.numpy().copy() for w in model.weights]
    net = quick(model if given == "model" else lambda: model).fit(X, y)
    for weight, was in zip(model.weights, before):
        np.testing.assert_array_equal(weight.value.numpy(), was)
    assert not np.array_equal(net.weights_["body.0.kernel"], before[0])


def test_a_trained_model_is_taken_as_it_is(moons):
    X, y = moons
    model = small(layers.Dense(2))
    net = quick(model, train=False).fit(X, y)
    np.testing.assert_array_equal(net.predict(X), np.argmax(model(X.astype("f")), axis=1))


def test_a_functional_model_with_a_model_inside_is_cut_before_its_head(moons):
    X, y = moons
    rows = keras.Input((2,))
    inner = keras.Sequential([keras.Input((2,)), layers.Dense(5, activation="tanh")])
    net = quick(keras.Model(rows, layers.Dense(2, name="last")(inner(rows))), head="last").fit(X, y)
    features = net.representation(X)
    assert features.shape == (300, 5)
    logits = features @ net.weights_["head.kernel"] + net.weights_["head.bias"]
    np.testing.assert_array_equal(logits.argmax(axis=1), net.predict(X))


def test_the_representation_may_end_at_a_layer(moons):
    net = quick(small(layers.Dense(4, name="second"), layers.Dense(2))).fit(*moons)
    assert net.representation(moons[0]).shape == (300, 4)
    assert net.representation(moons[0], layer="first").shape == (300, 8)
    with pytest.raises(ValueError, match="no layer 'middle': its layers are"):
        net.representation(moons[0], layer="middle")


@pytest.mark.parametrize(("network", "shape"), [("cnn", (2, 8, 6)), ("gru", (5, 3))])
def test_pictures_and_sequences_go_in_as_they_are_or_flat(network, shape, rng):
    X = rng.normal(size=(40, *shape)).astype(np.float32)
    y = (X.reshape(40, -1)[:, 0] > 0).astype(int)
    shaped = quick(network).fit(X, y)
    flat = quick(network, input_shape=shape).fit(X.reshape(40, -1), y)
    np.testing.assert_array_equal(shaped.predict_proba(X), flat.predict_proba(X.reshape(40, -1)))


def tiny_backbone(weights, include_top, pooling, input_shape):
    """As those of keras.applications, without a network to fetch weights by."""
    if weights is not None:
        raise OSError("no network")
    assert not include_top and pooling == "avg"
    parts = [layers.Conv2D(6, 3), layers.BatchNormalization(), layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input(input_shape), *parts])


def test_a_backbone_of_keras_says_when_its_weights_are_random(rng, monkeypatch):
    monkeypatch.setattr(keras.applications, "TinyNet", tiny_backbone, raising=False)
    X = rng.normal(size=(12, 3, 10, 8)).astype(np.float32)
    net = quick("applications:TinyNet")
    with pytest.warns(UserWarning, match="TinyNet could not be loaded .OSError.: it starts from"):
        net.fit(X, np.arange(12) % 2)
    assert net.representation(X).shape == (12, 6)
    with pytest.raises(ValueError, match="has no model 'ResNet7': it has"):
        quick("applications:ResNet7").fit(X, np.arange(12) % 2)


def test_an_interrupted_run_that_is_resumed_ends_with_the_same_weights(moons, tmp_path):
    def run(**options):
        return quick(with_chance, training=Training(max_epochs=5, **options)).fit(*moons)

    def interrupt(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder=tmp_path, progress=interrupt)
    resumed, whole = run(folder=tmp_path), run()
    for name, value in whole.weights_.items():
        np.testing.assert_array_equal(value, resumed.weights_[name], err_msg=name)
    assert [e["loss"] for e in whole.history_] == [e["loss"] for e in resumed.history_]


def test_dropout_draws_anew_in_every_step_and_the_same_for_the_same_seed(moons):
    first, again, other = (quick(with_chance, random_state=s).fit(*moons) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.predict_proba(moons[0]), again.predict_proba(moons[0]))
    assert first.history_[0]["loss"] != other.history_[0]["loss"]


def test_the_checkpoint_of_a_network_in_pytorch_is_refused(moons, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from landbridge import NetworkSource as InTorch

    training = Training(max_epochs=2, folder=tmp_path)
    InTorch((8,), training=training, random_state=0).fit(*moons)
    with pytest.raises(ValueError, match="belongs to another run: it differs in network"):
        NetworkSource((8,), training=training, random_state=0).fit(*moons)


def test_a_copy_from_disk_or_pickle_predicts_the_same(moons, tmp_path):
    X, y = moons
    net = quick("mlp").fit(X, y)
    for again in (load(save(net, tmp_path / "net.landbridge")), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    np.testing.assert_array_equal(clone(net).fit(X, y).predict_proba(X), net.predict_proba(X))


def test_training_that_diverges_names_batch_and_term(moons):
    X, y = moons
    net = quick(task="regression", training=Training(optimiser="sgd", learning_rate=1e12))
    with pytest.raises(ValueError, match=r"Training diverged .*\(the term 'loss', first in batch"):
        net.fit(X * 1e6, y * 1e6)


def test_too_little_memory_says_what_to_do(moons, monkeypatch):
    from landbridge.keras import trainer

    def too_much(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    monkeypatch.setattr(trainer.Trainer, "compiled", lambda *_: too_much)
    with pytest.raises(MemoryError, match="batch_size=64: halve it"):
        quick().fit(*moons)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"network": "transformer"}, "Unknown network 'transformer': the names are mlp"),
        ({"network": "cnn"}, r"takes rows of shape \(channels, height, width\)"),
        ({"network": small(layers.Dense(5))}, "gives 5 numbers a row, and 2 are needed"),
        ({"network": small(layers.Dense(2, activation="softmax"))}, "the activation softmax"),
        ({"network": small(layers.Dense(2), layers.Softmax())}, "goes on after its layer"),
        ({"network": small(layers.Dense(2)), "head": "x"}, "last dense layer: found 'x'"),
        ({"network": small(layers.Dense(2)), "input_shape": (2, 1)}, "does not take rows"),
        ({"training": Training(precision="bfloat16")}, 'precision must be "float32"'),
        ({"training": Training(device="cuda")}, "another device that TensorFlow sees"),
    ],
)
def test_what_does_not_fit_is_named(moons, parameters, match):
    with pytest.raises(ValueError, match=match):
        quick(**parameters).fit(*moons)


def test_what_is_no_keras_model_is_refused(moons):
    with pytest.raises(TypeError, match="a Keras model or a function"):
        quick(7).fit(*moons)


def in_a_new_process(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_importing_the_estimators_loads_neither_keras_nor_pytorch():
    code = (
        "import sys, landbridge.keras as k; k.NetworkSource();"
        "assert not {'keras', 'tensorflow', 'torch'} & set(sys.modules)"
    )
    assert in_a_new_process(code).returncode == 0


def test_another_backend_of_keras_is_refused():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    code = "from landbridge.keras.engine import need_keras; need_keras()"
    done = in_a_new_process(code, KERAS_BACKEND="torch")
    assert "in this process Keras runs on torch" in done.stderr


@parametrize_with_checks(
    [
        NetworkSource((8,), training=Training(max_epochs=20, learning_rate=0.05), random_state=0),
    ],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": "batches are drawn from fewer rows",
    },
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_all_four_work_where_pytorch_is_not_installed():
    code = """
import sys
class Missing:
    def find_spec(self, name, *_):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'")
sys.meta_path.insert(0, Missing())
import numpy as np
from landbridge.keras import DeepTransfer, FineTune, GradientMapping, NetworkSource
from landbridge.training import Training
X, training = np.random.default_rng(0).normal(size=(60, 2)), Training(max_epochs=1)
y = X[:, 0] > 0
net = NetworkSource((4,), training=training, balanced_batches=True).fit(X, y)
FineTune(net, recipe="l2-sp", training=training).fit(X, y).predict(X)
DeepTransfer((4,), training=training).fit(X, X, ys=y).transform(X)
GradientMapping((4,), max_epochs=30).fit(X, X).transform(X)
"""
    done = in_a_new_process(code)
    assert done.returncode == 0, done.stderr


def test_it_is_not_written_as_an_onnx_file_of_ours(moons, tmp_path):
    for package in ("torch", "onnx", "onnxscript"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    with pytest.raises(TypeError, match="NetworkSource holds a network that is not PyTorch's"):
        export_onnx(quick().fit(*moons), tmp_path / "net.onnx")
