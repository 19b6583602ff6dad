import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

from landbridge import Training, Transfer, load, save
from landbridge.keras import DeepTransfer, FineTune, NetworkSource
from landbridge.keras.framework import keras
from landbridge.keras.recipes import L2SP, RECIPES, LoRA

QUICK = Training(max_epochs=4, batch_size=16, learning_rate=0.01)


@pytest.fixture
def turned(rng):
    """Two domains whose lines between two classes differ; a source network, and target rows."""
    Xs, Xt = rng.normal(size=(300, 2)), rng.normal(size=(300, 2))
    ys, yt = np.where(Xs[:, 0] > 0, "yes", "no"), np.where(Xt.sum(axis=1) > 0, "yes", "no")
    training = Training(max_epochs=10, learning_rate=0.02)
    net = NetworkSource((16,), training=training, random_state=0).fit(Xs, ys)
    return net, Xs, ys, Xt, yt


def quick(network=None, **parameters):
    return FineTune(network, **{"training": QUICK, "random_state": 0, **parameters})


def body_of(model):
    return {name: v for name, v in model.weights_.items() if name.startswith("body")}


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_every_recipe_gains_over_the_source_network(turned, recipe):
    net, _, _, Xt, yt = turned
    training = Training(max_epochs=40, batch_size=16, learning_rate=0.01)
    tuned = quick(net, recipe=recipe, training=training).fit(Xt[:60], yt[:60])
    assert tuned.score(Xt[60:], yt[60:]) > net.score(Xt[60:], yt[60:]) + 0.02


def test_a_probe_leaves_the_body_as_it_was_and_the_source_network_too(turned):
    net, _, _, Xt, yt = turned
    before = {name: value.copy() for name, value in net.network_.state_dict().items()}
    tuned = quick(net, recipe="linear-probe").fit(Xt[:60], yt[:60])
    for name, value in body_of(tuned).items():
        np.testing.assert_array_equal(value, before[name])
    quick(net, recipe="full").fit(Xt[:60], yt[:60])
    for name, value in net.network_.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_stronger_pull_keeps_the_body_nearer_to_its_start(turned):
    net, _, _, Xt, yt = turned
    gaps = []
    for strength in (0.0, 10.0):
        tuned = quick(net, recipe=L2SP(strength=strength)).fit(Xt[:60], yt[:60])
        gaps.append(sum(np.abs(v - net.weights_[k]).sum() for k, v in body_of(tuned).items()))
    assert gaps[1] < 0.3 * gaps[0]


def test_low_rank_updates_change_kernels_by_low_rank_and_nothing_else(rng):
    X = rng.normal(size=(40, 2, 6, 6)).astype(np.float32)
    y = (X[:, 0, 0, 0] > 0).astype(int)
    net = NetworkSource("cnn", training=QUICK, random_state=0).fit(X, y)
    tuned = quick(net, recipe=LoRA(rank=2)).fit(X, y)
    assert body_of(tuned).keys() == body_of(net).keys()
    for name, value in body_of(tuned).items():
        change = value - net.weights_[name]
        if name.endswith("kernel"):
            flat = change.reshape(-1, change.shape[-1])
            assert 1 <= np.linalg.matrix_rank(flat, tol=1e-4 * np.linalg.norm(flat)) <= 2
        else:  # batch normalisation: weights and statistics are frozen
            np.testing.assert_array_equal(change, 0.0, err_msg=name)


def test_new_classes_begin_anew_and_known_ones_go_on(turned):
    net, _, _, Xt, yt = turned
    words = np.where(Xt[:, 0] > 1, "maybe", yt)
    tuned = quick(net, recipe="linear-probe").fit(Xt, words)
    assert tuned.classes_.tolist() == ["maybe", "no", "yes"]
    assert "begins anew for 1 of 3 classes: 'maybe'" in tuned.notes_[0]


def test_it_is_the_third_step_of_transfer(turned):
    net, Xs, ys, Xt, yt = turned
    few = np.where(np.arange(300) < 40, yt, None)
    model = Transfer(clone(net), target=quick(recipe="full")).fit(Xs, ys, Xt, few)
    assert model.predict(Xt).shape == (300,)
    deep = DeepTransfer((8,), alignment="mmd", training=QUICK, random_state=0)
    model = Transfer(clone(net), deep, quick(recipe="full")).fit(Xs, ys, Xt, few)
    assert sorted(model.target_.weights_) == ["head.bias", "head.kernel"]
    assert model.predict(Xt).shape == (300,)


def test_a_keras_model_is_a_start_with_a_new_head(turned):
    *_, Xt, yt = turned
    first = keras.layers.Dense(6, activation="relu")
    model = keras.Sequential([keras.Input((2,)), first, keras.layers.Dense(1000)])
    tuned = quick(model, recipe="linear-probe").fit(Xt, yt)
    np.testing.assert_array_equal(tuned.weights_["body.0.kernel"], first.kernel.value.numpy())
    assert tuned.weights_["head.kernel"].shape == (6, 2)


def test_auto_tells_what_it_tried(turned):
    net, _, _, Xt, yt = turned
    tuned = quick(net, training=Training(max_epochs=2, batch_size=16)).fit(Xt[:40], yt[:40])
    tried = {row["recipe"] for row in tuned.choice_}
    assert tried == {"linear-probe (strength=10.0)", "linear-probe", "lp-ft", "l2-sp", "full"}
    assert tuned.recipe_ in tuned.notes_[-1]


def test_a_copy_from_disk_predicts_the_same(turned, tmp_path):
    net, _, _, Xt, yt = turned
    tuned = quick(FrozenEstimator(net), recipe="full").fit(Xt[:60], yt[:60])
    again = load(save(tuned, tmp_path / "tuned.landbridge"))
    np.testing.assert_array_equal(again.predict_proba(Xt), tuned.predict_proba(Xt))


def test_an_interrupted_run_that_is_resumed_ends_with_the_same_weights(turned, tmp_path):
    net, _, _, Xt, yt = turned

    def run(**options):
        training = Training(max_epochs=4, batch_size=16, **options)
        return quick(net, recipe="lp-ft", training=training).fit(Xt[:60], yt[:60])

    calls = []

    def interrupt(*_):
        calls.append(1)
        if len(calls) == 6:  # in the second stage
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder=tmp_path, progress=interrupt)
    resumed, whole = run(folder=tmp_path), run()
    for name, value in whole.weights_.items():
        np.testing.assert_array_equal(value, resumed.weights_[name], err_msg=name)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"recipe": "wise-ft"}, 'recipe must be "auto", "linear-probe", "lp-ft", "l2-sp"'),
        ({"recipe": L2SP(strength=-1.0)}, "strength must be"),
        ({"recipe": LoRA(config=object())}, "config is of the library peft"),
        ({"recipe": "full", "network": None}, "FineTune goes on from a network: found no source"),
    ],
)
def test_what_does_not_fit_is_named(turned, parameters, match):
    net, _, _, Xt, yt = turned
    with pytest.raises(ValueError, match=match):
        quick(**{"network": net, **parameters}).fit(Xt[:40], yt[:40])


def test_a_network_in_pytorch_is_no_start(turned):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from landbridge import NetworkSource as InTorch

    *_, Xt, yt = turned
    source = InTorch((4,), training=QUICK, random_state=0).fit(Xt, yt)
    with pytest.raises(ValueError, match="of its own framework: found landbridge"):
        quick(source, recipe="full").fit(Xt, yt)
