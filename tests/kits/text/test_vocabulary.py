import numpy as np
import pytest

from landbridge import LeastSquares
from landbridge.kits.text import VocabularyMap, WordVectors, read_dictionary


def two_languages(rng, n=60, d=6, noise=0.01):
    X = rng.normal(size=(n, d))
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    english = WordVectors([f"e{k}" for k in range(n)], X)
    german = WordVectors([f"d{k}" for k in range(n)], X @ turn + rng.normal(0, noise, (n, d)))
    return english, german, [(f"e{k}", f"d{k}") for k in range(n)]


@pytest.mark.parametrize("mapping", ["procrustes", "ridge", LeastSquares()])
def test_words_outside_the_dictionary_are_translated(mapping, rng):
    english, german, pairs = two_languages(rng)
    mapped = VocabularyMap(mapping).fit(english, german, pairs[:30])
    right = [mapped.translate(first, 1)[0][0] == second for first, second in pairs[30:]]
    assert np.mean(right) == 1.0


def test_without_a_dictionary_shared_words_are_the_seeds(rng):
    english, german, _ = two_languages(rng)
    names = [f"e{k}" if k < 20 else f"d{k}" for k in range(60)]
    mapped = VocabularyMap().fit(english, WordVectors(names, german.matrix_))
    assert len(mapped.pairs_) == 20 and mapped.translate("e40", 1)[0][0] == "d40"


def test_both_sides_meet_in_one_space(rng):
    english, german, pairs = two_languages(rng)
    mapped = VocabularyMap(unit=False).fit(english, german, pairs)
    np.testing.assert_allclose(mapped.source_["e5"], mapped.target_["d5"], atol=0.1)


def test_too_few_pairs_or_a_mapping_without_pairs_is_refused(rng):
    english, german, pairs = two_languages(rng)
    with pytest.raises(ValueError, match="1 of 2 pairs"):
        VocabularyMap().fit(english, german, [pairs[0], ("absent", "d3")])
    with pytest.raises(ValueError, match="0 of 60 words"):
        VocabularyMap().fit(english, german)
    with pytest.raises(ValueError, match="takes none"):
        VocabularyMap("coral").fit(english, german, pairs)


def test_dictionaries_are_read_from_tabs_or_blanks(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("house\tHaus\n\nred rot\n", encoding="utf-8")
    assert read_dictionary(path) == [("house", "Haus"), ("red", "rot")]
    path.write_text("house\n")
    with pytest.raises(ValueError, match="line 1: expected two words"):
        read_dictionary(path)
    path.write_bytes("a\tgröße".encode("latin-1"))
    with pytest.raises(ValueError, match="not utf-8"):
        read_dictionary(path)
    with pytest.raises(FileNotFoundError, match="no file"):
        read_dictionary(tmp_path / "absent")
