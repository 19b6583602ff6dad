import json
import zipfile

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from landbridge import CORAL, load, save
from landbridge import saving as saving_module


@pytest.fixture
def coral():
    return CORAL().fit(np.eye(3), 2 * np.eye(3))


def test_a_model_comes_back_as_it_was(coral, tmp_path):
    again = load(save(coral, tmp_path / "deep" / "coral.landbridge"))
    np.testing.assert_array_equal(again.matrix_, coral.matrix_)
    assert again.get_params() == coral.get_params()


def test_the_header_says_what_the_file_is(coral, tmp_path):
    path = save(coral, tmp_path / "coral.landbridge")
    with zipfile.ZipFile(path) as file:
        header = json.loads(file.read("header.json"))
        assert header["model"] == "CORAL"
        assert {"landbridge", "numpy", "scikit-learn", "python"} <= set(header["versions"])
        assert not any(name.endswith((".pkl", ".pickle")) for name in file.namelist())


def test_an_interrupted_write_leaves_the_earlier_file_and_nothing_else(
    coral, tmp_path, monkeypatch
):
    path = save(coral, tmp_path / "coral.landbridge")
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving_module.zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="No space left"):
        save(coral, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["coral.landbridge"]


def test_a_function_cannot_be_saved_and_leaves_no_file(tmp_path):
    model = FunctionTransformer(lambda X: X)
    with pytest.raises(TypeError, match="FunctionTransformer cannot be saved"):
        save(model, tmp_path / "model.landbridge")
    assert not list(tmp_path.iterdir())


def test_other_files_are_refused(coral, tmp_path):
    with pytest.raises(FileNotFoundError, match="no model at"):
        load(tmp_path / "nothing.landbridge")
    text = tmp_path / "text.landbridge"
    text.write_text("hello")
    with pytest.raises(ValueError, match="is not a model of Landbridge"):
        load(text)
    cut = save(coral, tmp_path / "cut.landbridge")
    cut.write_bytes(cut.read_bytes()[:200])
    with pytest.raises(ValueError, match="is not a model of Landbridge, or is damaged"):
        load(cut)


def test_no_damaged_byte_leads_to_another_model_or_error(coral, tmp_path):
    path = save(coral, tmp_path / "coral.landbridge")
    whole, n_noticed = path.read_bytes(), 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            again = load(path)
        except ValueError:
            n_noticed += 1
        else:  # a byte that nobody reads, such as that of a date
            np.testing.assert_array_equal(again.matrix_, coral.matrix_)
    assert n_noticed > len(whole) / 7 / 2


def rewritten(path, header=None, data=None):
    """The same file with another header or content."""
    with zipfile.ZipFile(path) as file:
        old, model = json.loads(file.read("header.json")), file.read("model.skops")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.json", json.dumps(old | (header or {})))
        file.writestr("model.skops", model if data is None else data)
    return path


def test_a_changed_content_is_noticed(coral, tmp_path):
    path = rewritten(save(coral, tmp_path / "coral.landbridge"), data=b"something else")
    with pytest.raises(ValueError, match="checksum"):
        load(path)


def test_another_format_names_the_version_to_use(coral, tmp_path):
    path = save(coral, tmp_path / "coral.landbridge")
    with pytest.raises(ValueError, match=r"has the format 'landbridge\.model/9'"):
        load(rewritten(path, header={"format": "landbridge.model/9"}))


def test_types_of_other_packages_are_not_read(tmp_path, monkeypatch):
    import collections

    path = tmp_path / "foreign.landbridge"
    monkeypatch.setattr(saving_module, "_foreign_types", lambda data: [])
    save(LogisticRegression().set_params(C=collections.Counter()), path)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"types that are not read: collections\.Counter"):
        load(path)


def test_another_scikit_learn_is_warned_of(coral, tmp_path):
    path = save(coral, tmp_path / "coral.landbridge")
    with pytest.warns(UserWarning, match=r"written with scikit-learn 0\.1"):
        load(rewritten(path, header={"versions": {"scikit-learn": "0.1.0"}}))
