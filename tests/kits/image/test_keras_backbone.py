import sys
from types import ModuleType

import numpy as np
import pytest

from landbridge import load, save
from landbridge.kits.image import KerasBackbone, run_images


class Net:
    """What a network of Keras is to us: weights, and a mean over the picture."""

    def __init__(self, weights):
        self.kernel = np.full((3, 2), 2.0) if weights else np.random.default_rng(1).random((3, 2))

    def get_weights(self):
        return [self.kernel]

    def set_weights(self, weights):
        (self.kernel,) = weights

    def __call__(self, rows, training):
        assert not training
        return rows.mean(axis=(1, 2)) @ self.kernel


@pytest.fixture
def keras(monkeypatch):
    """A stand-in for keras.applications, with a hub that may be out of reach."""
    module = ModuleType("keras")
    module.applications, own = ModuleType("applications"), ModuleType("applications.tiny")
    own.reachable, own.fetched = True, 0

    def Tiny(include_top, weights, input_shape, pooling):
        assert not include_top and pooling == "avg" and input_shape == (32, 32, 3)
        if weights and not own.reachable:
            raise Exception("URL fetch failure on https://hub: no route")
        own.fetched += bool(weights)
        return Net(weights)

    Tiny.__module__ = "applications.tiny"
    own.preprocess_input = lambda rows: rows / 127.5 - 1
    module.applications.Tiny = Tiny
    for name, part in (("keras", module), ("applications.tiny", own)):
        monkeypatch.setitem(sys.modules, name, part)
    return own


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def test_keras_brings_its_weights_and_its_scale(keras, pixels):
    net = KerasBackbone("Tiny", 32).fit()
    expected = (pixels / 127.5 - 1).mean(axis=(1, 2)) @ np.full((3, 2), 2.0)
    np.testing.assert_allclose(net.transform(pixels), expected, atol=1e-5)
    assert net.is_trained_ and net.notes_ == ["The weights of Tiny come from Keras's hub."]


def test_without_a_network_the_weights_are_random_and_are_kept(keras, pixels, tmp_path):
    keras.reachable = False
    net = KerasBackbone("Tiny", 32).fit()
    assert not net.is_trained_ and "its weights are random" in net.notes_[0]
    again = load(save(net, tmp_path / "net.landbridge"))
    np.testing.assert_array_equal(again.transform(pixels), net.transform(pixels))
    assert keras.fetched == 0


def test_an_unknown_name_is_named(keras):
    with pytest.raises(ValueError, match=r"keras.applications has no 'Tny': it has 'Tiny'"):
        KerasBackbone("Tny", 32).fit()


def test_a_backbone_that_loses_to_gradients_is_still_told_of(keras, folders):
    """That its weights are random must not be lost with it."""
    keras.reachable = False
    outcome = run_images(None, folders[1], features="keras:Tiny", size=32, n_folds=2)
    results = outcome.results
    assert results["verdict"]["chosen"] == "target only"
    notes = " ".join(results["data"]["notes"])
    assert "weights of Tiny could not be fetched: its weights are random" in notes
    assert "The model written is without the backbone: it rests on HandmadeFeatures" in notes
    assert results["data"]["source"]["name"] == "keras:Tiny"
    assert results["settings"]["size"] == 32 and results["data"]["features"]["made"] == 2
    assert outcome.model.score(folders[1]) > 0.8
