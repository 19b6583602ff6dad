import sys
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge import Training, load, save  # noqa: E402
from landbridge.kits.image import (  # noqa: E402
    Backbone,
    HandmadeFeatures,
    ImageTransfer,
    run_images,
)
from landbridge.kits.image.backbones import PatientNetwork  # noqa: E402
from landbridge.source import NetworkSource  # noqa: E402

QUICK = Training(max_epochs=2)


@pytest.fixture
def data(pictures):
    arrays, labels = pictures("source", 12)
    return np.ascontiguousarray(arrays[:, 4:20, 4:20]), labels


@pytest.fixture
def timm(monkeypatch):
    """A stand-in for timm, with a hub that may be out of reach."""
    module = ModuleType("timm")
    module.fetched, module.reachable = 0, True

    def create_model(name, pretrained, num_classes, in_chans):
        if pretrained and not module.reachable:
            raise OSError("no route to the hub")
        module.fetched += pretrained
        with torch.random.fork_rng():
            torch.manual_seed(7 if pretrained else 8)
            net = torch.nn.Sequential(
                torch.nn.Conv2d(in_chans, 4, 3, stride=2),
                torch.nn.ReLU(),
                torch.nn.Flatten(),
                torch.nn.Linear(4 * 7 * 7, num_classes),
            )
        net.pretrained_cfg = {"mean": (0.5, 0.4, 0.3), "std": (0.25, 0.25, 0.5)}
        return net

    module.create_model = create_model
    module.is_model = lambda name: name == "tiny"
    module.list_models = lambda pattern: ["tiny"]
    monkeypatch.setitem(sys.modules, "timm", module)
    return module


def test_a_network_is_trained_on_the_source_and_says_so(data):
    X, y = data
    net = Backbone("cnn", 16, training=QUICK).fit(X, y)
    assert net.learns and net.is_trained_
    assert net.notes_ == ["The backbone was trained here on 36 labelled pictures of the source."]
    rows = HandmadeFeatures("pixels", 16).fit().transform(X)
    expected = net.model_.representation(rows)
    np.testing.assert_array_equal(net.transform(X), expected)


def test_timm_brings_its_weights_and_its_scale(data, timm):
    X, _ = data
    net = Backbone("timm:tiny", 16).fit()
    assert not net.learns and net.is_trained_ and net.notes_[0].endswith("come from timm's hub.")
    scaled = (X / 255 - [0.5, 0.4, 0.3]) / [0.25, 0.25, 0.5]
    module = timm.create_model("tiny", True, 2, 3)[:3].eval()
    expected = module(torch.tensor(scaled.transpose(0, 3, 1, 2), dtype=torch.float32))
    np.testing.assert_allclose(net.transform(X), expected.detach().numpy(), atol=1e-5)


def test_without_a_network_the_weights_are_random_and_it_says_so(data, timm):
    timm.reachable = False
    net = Backbone("timm:tiny", 16).fit()
    assert not net.is_trained_ and "could not be fetched: its weights are random" in net.notes_[0]
    trained = Backbone("timm:tiny", 16, train=True, training=QUICK).fit(*data)
    assert trained.is_trained_ and "was trained here on 36" in trained.notes_[-1]


@pytest.mark.filterwarnings("ignore:The weights of tiny could not be loaded:UserWarning")
def test_models_that_train_a_backbone_say_where_its_weights_came_from(data, timm):
    """Of weights that are random because the hub is out of reach, the note must not be lost."""
    X, y = data
    asked = {"features": "timm:tiny", "size": 16, "training": QUICK}
    timm.reachable = False
    lost = "The weights of timm:tiny could not be fetched: its weights are random"
    deep = ImageTransfer(mapping="deep:dann", **asked).fit((X, y), X)
    assert deep.notes_[0].startswith(lost) and deep.notes_[1].endswith("on both domains at once.")
    names = {"candidates": ["linear-probe"], "n_folds": 2}
    told = run_images((X, y), (X[::-1] // 2, y[::-1]), most_bits=0, **asked, **names)
    notes = told.results["data"]["notes"]
    assert notes[-2].startswith(lost) and notes[-1].endswith("by each model for itself.")
    net = Backbone("cnn", 16).start("It is trained later.")
    assert net.notes_ == ["It is trained later."]


def test_a_saved_backbone_asks_no_hub(data, timm, tmp_path):
    X, _ = data
    net = Backbone("timm:tiny", 16).fit()
    expected, before = net.transform(X), timm.fetched
    again = load(save(net, tmp_path / "net.landbridge"))
    timm.reachable = False
    np.testing.assert_array_equal(again.transform(X), expected)
    assert timm.fetched == before


def test_a_fitted_network_and_a_module_are_taken_as_they_are(data):
    X, y = data
    rows = HandmadeFeatures("pixels", 16).fit().transform(X)
    fitted = NetworkSource("cnn", input_shape=(3, 16, 16), training=QUICK, random_state=0)
    fitted.fit(rows, y)
    net = Backbone(fitted, 16).fit()
    assert not net.learns
    np.testing.assert_array_equal(net.transform(X), fitted.representation(rows))
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(768, 5), torch.nn.Linear(5, 2))
    net = Backbone(module, 16).fit()
    assert net.is_trained_ and net.transform(X).shape == (36, 5)


def test_the_fingerprint_is_that_of_the_weights(data):
    X, y = data
    one = Backbone("cnn", 16, training=QUICK).fit(X, y)
    same = Backbone("cnn", 16, training=Training(max_epochs=2, progress=False)).fit(X, y)
    other = Backbone("cnn", 16, training=QUICK, random_state=1).fit(X, y)
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()


def test_a_network_that_is_to_be_trained_needs_labels():
    with pytest.raises(ValueError, match="'cnn' is trained on labelled pictures of the source"):
        Backbone("cnn", 16).fit()


def test_few_labels_are_learned_by_as_many_steps_as_fine_tuning_takes(data):
    rows = HandmadeFeatures("pixels", 16).fit().transform(data[0])
    net = PatientNetwork((), input_shape=(3, 16, 16), random_state=0)
    assert net.fit(rows, data[1]).n_epochs_ == 300  # one batch each
    assert net.set_params(training=QUICK).fit(rows, data[1]).n_epochs_ == 2


def test_an_unknown_name_of_timm_is_named(timm):
    with pytest.raises(ValueError, match=r"timm has no model 'tinny'. Names near it: tiny"):
        Backbone("timm:tinny", 16).fit()
