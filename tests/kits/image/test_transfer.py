import numpy as np
import pytest
from sklearn.base import clone

from landbridge import load
from landbridge.kits.image import HandmadeFeatures, ImageTransfer, make_encoder, read_pictures

WAYS = [
    {"target": "pooled"},
    {"target": "probe"},
    {"target": "prototype"},
    {"target": "stacking"},
    {"mapping": "coral"},
    {"features": "hog+colour"},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_way_tells_the_shapes_of_the_target(folders, pictures, way, tmp_path):
    model = ImageTransfer(**{"features": "hog", "size": 32} | way).fit(*folders)
    arrays, truth = pictures("target", 10)
    assert model.score(arrays, truth) > 0.8
    assert model.classes_.tolist() == ["across", "disc", "upright"]
    np.testing.assert_allclose(model.predict_proba(arrays).sum(axis=1), 1, rtol=1e-6)
    again = load(model.save(tmp_path / "model.landbridge"))
    np.testing.assert_array_equal(again.predict(arrays), model.predict(arrays))


def test_folders_score_by_the_labels_of_their_folders(folders):
    model = ImageTransfer("hog", size=32).fit(*folders)
    assert model.score(folders[1]) > 0.9
    assert model.predict(folders[1]).shape == (42,)


def test_rows_are_kept_in_the_cache(folders, tmp_path):
    model = ImageTransfer("hog", size=32, cache=tmp_path / "rows").fit(*folders)
    assert list((tmp_path / "rows").rglob("*.npz"))
    np.testing.assert_array_equal(
        model.predict(folders[1]), ImageTransfer("hog", size=32).fit(*folders).predict(folders[1])
    )


def test_a_saved_model_knows_no_folder_of_this_machine(folders, tmp_path):
    model = ImageTransfer("hog", size=32, cache=tmp_path / "rows").fit(*folders)
    again = load(model.save(tmp_path / "model.landbridge"))
    assert again.cache is None and model.cache == tmp_path / "rows"


def test_no_target_label_is_needed(pictures):
    arrays, truth = pictures("target", 12)
    for way in ({"target": "pooled"}, {"target": "prototype"}, {"mapping": "coral"}):
        model = ImageTransfer("hog", size=32, **way).fit(pictures("source", 12), arrays)
        assert model.score(arrays, truth) > 0.8, way


def test_a_class_that_only_the_target_has_is_learned_and_told(pictures):
    source, ys = pictures("source", 10, kinds=("across", "upright"))
    target, yt = pictures("target", 6)
    model = ImageTransfer("hog", size=32).fit((source, ys), (target, yt))
    assert any("never saw the classes 'disc'" in note for note in model.notes_)
    arrays, truth = pictures("target", 6)
    assert model.score(arrays, truth) > 0.8


def test_damaged_files_are_noted_in_fit_and_refused_in_predict(folders):
    (folders[1] / "disc" / "cut.png").write_bytes(b"P")
    model = ImageTransfer("hog", size=32).fit(*folders)
    assert any(note.startswith("Target: 1 of 43 pictures cannot be read") for note in model.notes_)
    with pytest.raises(ValueError, match=r"cut.png' cannot be read"):
        model.predict(folders[1])
    assert len(model.predict(read_pictures(folders[1]))) == 42


def test_parameters_are_scikit_learns():
    model = ImageTransfer(HandmadeFeatures("hog"), target="probe", size=16)
    assert clone(model).get_params()["features__kinds"] == "hog"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"features": "sift"}, "Unknown features 'sift': give 'hog'"),
        ({"target": "magic"}, "Unknown target 'magic': the names are 'probe'"),
        ({"target": "lp-ft"}, "target='lp-ft' trains a network, and features='hog' has none"),
        ({"mapping": "deep:dann"}, "mapping='deep:dann' trains a network"),
        ({"features": "cnn", "mapping": "deep:dann", "target": "lora"}, "both train the backbone"),
    ],
)
def test_what_does_not_go_together_is_refused_before_any_picture_is_read(how, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        ImageTransfer(**{"features": "hog"} | how).fit(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"features": "cnn"}, "Without a source, features must be pretrained"),
        ({"features": "hog"}, "Without a source there is nothing to carry to target='pooled'"),
    ],
)
def test_without_a_source_something_must_be_pretrained(how, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        ImageTransfer(**how).fit(None, tmp_path)


def test_one_class_is_refused(pictures):
    source, ys = pictures("source", 4, kinds=("disc",))
    with pytest.raises(ValueError, match="The pictures of the source have one class only, 'disc'"):
        ImageTransfer("hog").fit((source, ys), source)


def test_a_size_is_given_to_any_encoder():
    assert make_encoder(HandmadeFeatures("colour"), 16).size == 16
    assert make_encoder("timm:resnet18").size == 224 and make_encoder("keras:VGG16").size == 224
