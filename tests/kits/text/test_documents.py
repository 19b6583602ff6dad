import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from landbridge import load, save
from landbridge.kits.text import SIF, USIF, MeanVectors, TfidfVectors, WordVectors

TEXTS = ["good plot, good author", "bad plot", "good unknown", "bad bad author page", ""]
ALL = (MeanVectors, TfidfVectors, SIF, USIF)


@pytest.fixture
def vectors(rng):
    words = ["good", "bad", "plot", "author", "page", "unused"]
    return WordVectors(words, rng.normal(size=(6, 4)))


def shares(texts, vectors):
    counts = np.zeros(len(vectors))
    for text in texts:
        for word in text.replace(",", "").split():
            if word in vectors:
                counts[vectors.index_[word]] += 1
    return counts / counts.sum()


def weighted_means(texts, vectors, weights):
    rows = []
    for text in texts:
        known = [word for word in text.replace(",", "").split() if word in vectors]
        parts = [weights[vectors.index_[word]] * vectors[word] for word in known]
        rows.append(np.sum(parts, axis=0) / len(known) if known else np.zeros(4))
    return np.array(rows)


def test_a_mean_is_that_of_the_known_words(vectors):
    expected = weighted_means(TEXTS, vectors, np.ones(6))
    np.testing.assert_allclose(MeanVectors(vectors).fit_transform(TEXTS), expected)


def test_tfidf_weights_are_those_of_scikit_learn(vectors):
    found = TfidfVectors(vectors).fit(TEXTS)
    peer = TfidfVectorizer(norm="l1", vocabulary=vectors.index_).fit(TEXTS)
    np.testing.assert_allclose(found.transform(TEXTS), peer.transform(TEXTS) @ vectors.matrix_)


def test_sif_is_algorithm_1_of_arora(vectors):
    p = shares(TEXTS, vectors)
    means = weighted_means(TEXTS, vectors, 1e-3 / (1e-3 + p))
    axis = TruncatedSVD(1, algorithm="arpack").fit(means).components_[0]
    expected = means - np.outer(means @ axis, axis)
    np.testing.assert_allclose(SIF(vectors).fit_transform(TEXTS), expected, atol=1e-10)
    bare = SIF(vectors, n_removed=0).fit_transform(TEXTS)
    np.testing.assert_allclose(bare, means)


def test_usif_is_algorithm_1_of_ethayarajh(vectors):
    p = shares(TEXTS, vectors)
    n_words, length = 5, np.mean([4, 2, 2, 4, 0])
    alpha = np.mean(p[p > 0] > 1 - (1 - 1 / n_words) ** length)
    alpha = min(max(alpha, 1 / n_words), 1 - 1 / (n_words + 1))
    a = (1 - alpha) / (alpha * n_words / 2)
    means = weighted_means(TEXTS, vectors, a / (a / 2 + p))
    _, sizes, axes = np.linalg.svd(means, full_matrices=False)
    expected = means.copy()
    for size, axis in zip(sizes, axes):
        expected -= size**2 / np.sum(sizes**2) * np.outer(means @ axis, axis)
    fitted = USIF(vectors).fit(TEXTS)
    assert fitted.a_ == pytest.approx(a)
    np.testing.assert_allclose(fitted.transform(TEXTS), expected, atol=1e-10)


@pytest.mark.parametrize("kind", ALL)
def test_empty_and_unknown_texts_have_finite_rows(kind, vectors):
    fitted = clone(kind(vectors)).fit(TEXTS)
    found = fitted.transform(["", "nothing known", None])
    assert found.shape == (3, 4) and np.isfinite(found).all()
    assert fitted.covered_ == pytest.approx(11 / 12)
    assert len(fitted.get_feature_names_out()) == 4


@pytest.mark.parametrize("kind", ALL)
def test_texts_without_a_known_word_are_refused(kind, vectors):
    with pytest.raises(ValueError, match="has a vector"):
        kind(vectors).fit(["nothing at all"])
    with pytest.raises(TypeError, match="WordVectors"):
        kind({"good": [1.0]}).fit(TEXTS)


@pytest.mark.parametrize("kind", ALL)
def test_they_are_saved_without_pickle(kind, vectors, tmp_path):
    fitted = kind(vectors).fit(TEXTS)
    again = load(save(fitted, tmp_path / "documents.landbridge"))
    np.testing.assert_array_equal(again.transform(TEXTS), fitted.transform(TEXTS))
