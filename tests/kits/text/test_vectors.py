import gzip
import mmap
import tracemalloc

import numpy as np
import pytest

from landbridge import load, save
from landbridge.kits.text import WordVectors, read_word_vectors

WORDS = ["the", "cat", "größe", "new_york"]


@pytest.fixture
def matrix(rng):
    return rng.normal(size=(4, 5)).astype(np.float32)


def as_text(words, matrix, header):
    lines = [f"{w} {' '.join(repr(float(x)) for x in row)}" for w, row in zip(words, matrix)]
    head = [f"{len(words)} {matrix.shape[1]}"] if header else []
    return ("\n".join([*head, *lines]) + "\n").encode()


def as_binary(words, matrix, ends_lines):
    end = b"\n" if ends_lines else b""
    body = b"".join(w.encode() + b" " + row.tobytes() + end for w, row in zip(words, matrix))
    return f"{len(words)} {matrix.shape[1]}\n".encode() + body


FILES = {
    "word2vec": lambda w, m: as_text(w, m, header=True),
    "glove": lambda w, m: as_text(w, m, header=False),
    "word2vec-binary": lambda w, m: as_binary(w, m, ends_lines=True),
    "word2vec-binary without line ends": lambda w, m: as_binary(w, m, ends_lines=False),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("is_named", [False, True])
def test_each_format_is_read_and_told_from_the_others(kind, is_named, matrix, tmp_path):
    path = tmp_path / "vectors"
    path.write_bytes(FILES[kind](WORDS, matrix))
    found = read_word_vectors(path, format=kind.split(" ")[0] if is_named else "auto")
    assert found.words.tolist() == WORDS
    np.testing.assert_allclose(found.vectors, matrix, rtol=1e-6)


def test_words_of_glove_may_hold_blanks(tmp_path):
    path = tmp_path / "glove"
    path.write_text("a 1 2\n. . . 3 4\n")
    assert read_word_vectors(path)[". . ."].tolist() == [3.0, 4.0]


def test_fasttext_files_and_gzip_are_read(matrix, tmp_path):
    path = tmp_path / "wiki.vec.gz"
    path.write_bytes(gzip.compress(as_text(WORDS, matrix, header=True)))
    np.testing.assert_allclose(read_word_vectors(path).vectors, matrix, rtol=1e-6)
    assert len(read_word_vectors(path, format="fasttext", max_words=2)) == 2


@pytest.mark.parametrize("kind", FILES)
def test_only_words_of_the_vocabulary_are_kept(kind, matrix, tmp_path):
    path = tmp_path / "vectors"
    path.write_bytes(FILES[kind](WORDS, matrix))
    found = read_word_vectors(path, vocabulary=["größe", "cat", "absent"])
    assert found.words.tolist() == ["cat", "größe"]
    np.testing.assert_allclose(found["größe"], matrix[2], rtol=1e-6)


@pytest.mark.parametrize("kind", ["word2vec-binary", "word2vec"])
def test_a_large_file_takes_little_memory_for_a_small_vocabulary(kind, tmp_path, rng):
    words, matrix = [f"w{k}" for k in range(4000)], rng.normal(size=(4000, 100)).astype("f4")
    path = tmp_path / "large"
    path.write_bytes(FILES[kind](words, matrix))
    tracemalloc.start()
    found = read_word_vectors(path, vocabulary=["w7", "w3999"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 2 and peak < 0.4 * matrix.nbytes


def test_a_word_that_comes_twice_keeps_its_first_vector(tmp_path):
    path = tmp_path / "twice"
    path.write_text("a 1 2\nb 3 4\na 5 6\n")
    assert read_word_vectors(path)["a"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"2 3\na 1 2 3\nb 1 2\n", "expected 3"),
        (b"a 1 2 3\nb x y z\n", "numbers"),
        (b"2 3\na 1 2 3\nb 1 oops 3\n", "numbers"),
        (b"\x00\x01\x02binary", "fastText model"),
        (as_binary(WORDS, np.ones((4, 5), "f4"), False)[:-7], "cut off after 3 of 4"),
    ],
)
def test_files_that_are_damaged_or_of_another_kind_are_refused(content, message, tmp_path):
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_word_vectors(path)


def test_a_missing_file_an_unknown_encoding_and_foreign_words_are_named(tmp_path):
    path = tmp_path / "vectors"
    with pytest.raises(FileNotFoundError, match="no file"):
        read_word_vectors(path)
    path.write_bytes("größe 1 2\n".encode("latin-1"))
    with pytest.raises(ValueError, match="no encoding 'klingon'"):
        read_word_vectors(path, encoding="klingon")
    with pytest.raises(ValueError, match="not ascii"):
        read_word_vectors(path, encoding="ascii")
    assert "größe" in read_word_vectors(path, encoding="latin-1")
    with pytest.raises(ValueError, match="no word of the vocabulary"):
        read_word_vectors(path, vocabulary=["absent"])


def test_vectors_answer_for_their_words(matrix):
    vectors = WordVectors(WORDS, matrix)
    assert "cat" in vectors and "dog" not in vectors and len(vectors) == 4
    assert vectors.rows(["größe", "dog"]).tolist() == [2, -1]
    assert vectors.restrict(["new_york", "the"]).words.tolist() == ["the", "new_york"]
    cosines = matrix @ matrix[1] / np.linalg.norm(matrix, axis=1) / np.linalg.norm(matrix[1])
    nearest = vectors.nearest("cat", 3)
    assert [pytest.approx(c, abs=1e-5) for _, c in nearest] == sorted(
        np.delete(cosines, 1), reverse=True
    )
    with pytest.raises(KeyError, match="dog"):
        vectors["dog"]


def test_vectors_are_saved_without_pickle(matrix, tmp_path):
    vectors = WordVectors(np.array(WORDS), matrix)
    assert len(vectors.index_) == 4
    again = load(save(vectors, tmp_path / "vectors.landbridge"))
    np.testing.assert_array_equal(again["größe"], matrix[2])


@pytest.mark.parametrize("words", [["a"], ["a", "a", "b", "c"]])
def test_words_and_vectors_must_belong_together(words, matrix):
    with pytest.raises(ValueError, match="words"):
        WordVectors(words, matrix).rows(["a"])


@pytest.mark.parametrize("kind", FILES)
def test_a_file_laid_down_once_is_mapped_from_then_on(kind, matrix, tmp_path):
    path, cache = tmp_path / "vectors", tmp_path / "cache"
    path.write_bytes(FILES[kind](WORDS, matrix))
    for _ in range(2):
        found = read_word_vectors(path, cache=cache)
        assert found.words.tolist() == WORDS
        np.testing.assert_allclose(found.vectors, matrix, rtol=1e-6)
        assert isinstance(base_of(found.vectors), mmap.mmap)
    assert len(list(cache.iterdir())) == 2
    found = read_word_vectors(path, vocabulary=["größe", "cat"], max_words=1, cache=cache)
    assert found.words.tolist() == ["cat"]
    np.testing.assert_allclose(found["cat"], matrix[1], rtol=1e-6)
    with pytest.raises(ValueError, match="no word of the vocabulary of 1 words"):
        read_word_vectors(path, vocabulary=["absent"], cache=cache)


def base_of(array):
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def test_a_changed_file_is_laid_down_anew_and_a_damaged_one_leaves_nothing(matrix, tmp_path):
    path, cache = tmp_path / "vectors", tmp_path / "cache"
    path.write_bytes(as_text(WORDS, matrix, header=True))
    read_word_vectors(path, cache=cache)
    path.write_bytes(as_text(["a", *WORDS], np.vstack([matrix[3:], matrix]), header=True))
    assert read_word_vectors(path, cache=cache).words.tolist() == ["a", *WORDS]
    n_files = len(list(cache.iterdir()))
    path.write_bytes(as_binary(WORDS, matrix, ends_lines=False)[:-7])
    with pytest.raises(ValueError, match="cut off"):
        read_word_vectors(path, cache=cache)
    assert len(list(cache.iterdir())) == n_files


def test_mapped_vectors_are_saved_as_any(matrix, tmp_path):
    path = tmp_path / "vectors"
    path.write_bytes(as_text(WORDS, matrix, header=True))
    found = read_word_vectors(path, cache=tmp_path)
    save(found, tmp_path / "v.landbridge")
    np.testing.assert_array_equal(load(tmp_path / "v.landbridge").vectors, found.vectors)
