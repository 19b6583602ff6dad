import sys

import numpy as np
import pytest

from landbridge.kits.text import SentenceEncoder


@pytest.fixture
def folder(tmp_path):
    """A model of model2vec of four words, written to a folder."""
    model2vec = pytest.importorskip("model2vec", reason="model2vec is not installed")
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {"[UNK]": 0, "good": 1, "bad": 2, "plot": 3}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    vectors = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]], np.float32)
    model = model2vec.StaticModel(vectors, tokenizer, normalize=False)
    model.save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def test_a_model_from_a_folder_encodes_texts_and_leaves_empty_ones_zero(folder):
    encoder = SentenceEncoder(folder).fit(["anything"])
    found = encoder.transform(["good plot", "", "bad"])
    assert found.shape == (3, 2) and len(encoder.get_feature_names_out()) == 2
    assert found[0, 0] > found[0, 1] and found[2, 1] > found[2, 0]
    assert not found[1].any()


def test_a_model_that_is_not_there_is_named():
    pytest.importorskip("model2vec", reason="model2vec is not installed")
    with pytest.raises(OSError, match=r"/nowhere.*could not be loaded"):
        SentenceEncoder("/nowhere/at/all").fit(["a"])


@pytest.mark.parametrize("library", ["model2vec", "sentence-transformers"])
def test_without_the_library_the_remedy_is_named(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library.replace("-", "_"), None)
    with pytest.raises(ImportError, match=f"needs {library}: pip install"):
        SentenceEncoder("a-model", library=library).fit(["a"])
