import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge import FineTune, Training, load  # noqa: E402
from landbridge.kits.image import (  # noqa: E402
    Backbone,
    HandmadeFeatures,
    ImageTransfer,
    export_pictures,
)

QUICK = Training(max_epochs=6, learning_rate=3e-3)
LONG = Training(max_epochs=40)
SIZE = 16


@pytest.fixture
def domains(pictures):
    source, (target, yt) = pictures("source", 20), pictures("target", 12)
    few = np.where(np.arange(len(yt)) % 12 < 6, yt.astype(object), None)
    return source, (target, few), pictures("target", 10)


def fitted(domains, **how):
    options = {"features": "cnn", "size": SIZE, "training": QUICK}
    return ImageTransfer(**options | how).fit(*domains[:2])


@pytest.mark.parametrize(
    "how",
    [
        {"target": "prototype"},
        {"target": FineTune(recipe="lp-ft", training=LONG, random_state=0)},
        {"mapping": "deep:deep-coral"},
    ],
    ids=str,
)
def test_every_way_to_use_a_network_learns_saves_and_exports(domains, how, tmp_path):
    model = fitted(domains, **how)
    arrays, truth = domains[2]
    assert model.score(arrays, truth) > 0.55  # by chance it were a third
    again = load(model.save(tmp_path / "model.landbridge"))
    np.testing.assert_allclose(
        again.predict_proba(arrays), model.predict_proba(arrays), rtol=1e-5, atol=1e-6
    )
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    file = runtime.InferenceSession(str(export_pictures(model, tmp_path / "model.onnx")))
    pixels = np.ascontiguousarray(arrays[:, 4:20, 4:20])
    found = file.run(None, {"pictures": pixels})[-1]
    np.testing.assert_allclose(found, model.predict_proba(pixels), atol=1e-5)
    assert file.get_modelmeta().custom_metadata_map["size"] == str(SIZE)


def test_few_weights_of_low_rank_are_enough_to_tune(domains):
    model = fitted(domains, target=FineTune(recipe="lora", training=LONG, random_state=0))
    assert model.model_.recipe_ == "lora" and model.score(*domains[2]) > 0.55


def test_a_tuned_network_starts_from_the_source(domains):
    model = fitted(domains, target="full")
    assert "was trained here on 60" in model.notes_[0]
    start = model.features_.model_.weights_
    moved = {k for k, v in model.model_.weights_.items() if not np.array_equal(v, start[k])}
    assert moved and start.keys() == model.model_.weights_.keys()


def test_a_module_with_weights_needs_no_source(domains):
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, stride=2),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * 6 * 6, 2),
    )
    arrays, truth = domains[2]
    for target in ("probe", "prototype", "lp-ft"):
        model = ImageTransfer(Backbone(module, SIZE), target=target, training=QUICK)
        model.fit(None, domains[1])
        assert model.score(arrays, truth) > 0.45, target


def test_tuning_without_labels_is_refused(domains):
    with pytest.raises(ValueError, match="'lora' tunes the network on labelled target pictures"):
        ImageTransfer("cnn", target="lora", size=SIZE).fit(domains[0], domains[1][0])


def test_features_without_a_network_cannot_be_exported(domains, tmp_path):
    model = ImageTransfer(HandmadeFeatures("hog", 16)).fit(*domains[:2])
    with pytest.raises(TypeError, match=r"HandmadeFeatures.* cannot be exported"):
        export_pictures(model, tmp_path / "model.onnx")
    assert not list(tmp_path.glob("*.onnx"))
