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


def test_a_text_is_encoded_once_and_an_interrupted_run_goes_on(folder, tmp_path, monkeypatch):
    from landbridge.kits.text import encoders

    monkeypatch.setattr(encoders, "AT_ONCE", 2)
    texts = ["good plot", "bad", "", "plot", "good", "bad plot"]
    plain = SentenceEncoder(folder).fit(texts).transform(texts)
    encoder = SentenceEncoder(folder, cache=tmp_path / "rows").fit(texts)
    asked, encoded = [], encoder._encoded

    def counted(some):
        if len(asked) == 2 and "stop" not in asked:
            asked.append("stop")
            raise KeyboardInterrupt
        asked.extend(some)
        return encoded(some)

    monkeypatch.setattr(encoder, "_encoded", counted)
    with pytest.raises(KeyboardInterrupt):
        encoder.transform(texts)
    np.testing.assert_array_equal(encoder.transform(texts), plain)
    assert asked == ["good plot", "bad", "stop", "plot", "good", "bad plot"]
    np.testing.assert_array_equal(encoder.transform(texts[::-1]), plain[::-1])
    assert len(asked) == 6


def test_other_weights_under_the_same_name_have_vectors_of_their_own(folder, tmp_path):
    one = SentenceEncoder(folder, cache=tmp_path / "rows").fit(["a"])
    two = SentenceEncoder(folder, cache=tmp_path / "rows")
    two._loaded().embedding[:] += 1.0
    assert one.fingerprint_ != two.fit(["a"]).fingerprint_
    assert not np.allclose(one.transform(["good"]), two.transform(["good"]))
    assert len(list((tmp_path / "rows").iterdir())) == 2


def test_a_model_that_is_not_there_is_named():
    pytest.importorskip("model2vec", reason="model2vec is not installed")
    with pytest.raises(OSError, match=r"/nowhere.*could not be loaded"):
        SentenceEncoder("/nowhere/at/all").fit(["a"])


@pytest.mark.parametrize("library", ["model2vec", "sentence-transformers"])
def test_without_the_library_the_remedy_is_named(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library.replace("-", "_"), None)
    with pytest.raises(ImportError, match=f"needs {library}: pip install"):
        SentenceEncoder("a-model", library=library).fit(["a"])
