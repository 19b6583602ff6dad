import sys

import numpy as np
import pytest

from landbridge.kits.text import CountVectors, SkipGramVectors
from landbridge.kits.text.counted import cooccurrences, positive_information

TOKENS = [["a", "b", "c", "a"], ["b", "x", "a"], ["c"]]


def counted_slowly(tokens, words, window):
    total = np.zeros((len(words), len(words)))
    for text in tokens:
        for i, first in enumerate(text):
            for j, second in enumerate(text):
                if i != j and abs(i - j) <= window and first in words and second in words:
                    total[words.index(first), words.index(second)] += 1
    return total


@pytest.mark.parametrize("window", [1, 2, 5])
def test_words_are_counted_within_the_window_and_not_across_texts(window):
    words = ["a", "b", "c"]
    found = cooccurrences(TOKENS, words, window).toarray()
    np.testing.assert_array_equal(found, counted_slowly(TOKENS, words, window))


def test_information_is_that_of_the_formula(rng):
    from scipy.sparse import csr_matrix

    counts = rng.poisson(1.0, (6, 6)).astype(float)
    counts += counts.T
    of_contexts = counts.sum(axis=0) ** 0.75
    with np.errstate(divide="ignore"):
        expected = np.log(counts * of_contexts.sum() / np.outer(counts.sum(axis=1), of_contexts))
    found = positive_information(csr_matrix(counts)).toarray()
    np.testing.assert_allclose(found, np.maximum(expected, 0.0))


def test_vectors_are_the_scaled_singular_vectors(reviews):
    texts, _ = reviews("books", 200)
    fitted = CountVectors(n_dimensions=4, window=3).fit(texts)
    from landbridge.kits.text.words import tokens_of

    words = fitted.vectors_.words.tolist()
    information = positive_information(cooccurrences(tokens_of(texts), words, 3)).toarray()
    U, sizes, _ = np.linalg.svd(information)
    products = (U[:, :4] * sizes[:4]) @ U[:, :4].T
    found = fitted.vectors_.matrix_
    np.testing.assert_allclose(found @ found.T, products, atol=1e-2)


def test_words_of_like_company_are_near_one_another(rng):
    verbs, nouns = ["eats", "sees", "wants", "has"], ["cat", "dog", "bird", "fish"]
    texts = [f"the {rng.choice(nouns)} {rng.choice(verbs)} a {rng.choice(nouns)}"
             for _ in range(400)]  # fmt: skip
    vectors = CountVectors(n_dimensions=4, window=1).fit(texts).vectors_
    assert {word for word, _ in vectors.nearest("eats", 3)} == set(verbs) - {"eats"}


def test_too_few_or_empty_texts_are_refused():
    with pytest.raises(ValueError, match="occurs 5 times"):
        CountVectors().fit(["a b", "c"])
    with pytest.raises(ValueError, match="empty"):
        CountVectors().fit(["", " "])
    with pytest.raises(ValueError, match="window"):
        CountVectors(window=0).fit(["a a a a a"])


def test_gensim_trains_the_same_vectors_from_the_same_seed(reviews):
    pytest.importorskip("gensim", reason="gensim is not installed")
    texts, _ = reviews("books", 100)
    first, second = (
        SkipGramVectors(8, n_epochs=2, random_state=1).fit(texts).vectors_ for _ in range(2)
    )
    assert first.n_dimensions == 8 and "good" in first
    np.testing.assert_array_equal(first.matrix_, second.matrix_)


def test_without_gensim_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(ImportError, match="gensim: pip install"):
        SkipGramVectors().fit(["a b c"])
