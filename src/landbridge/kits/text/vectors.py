"""Word vectors, and reading them from the files in which they are published."""

import gzip
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from landbridge.domains.parameters import check_choice, check_number

FORMATS = ("auto", "word2vec", "word2vec-binary", "glove", "fasttext")
_SAMPLE_BYTES = 4096


class WordVectors(BaseEstimator):
    """Words, and a vector for each.

    Parameters
    ----------
    words : array-like of str of shape (n,)
        Each once.
    vectors : array-like of shape (n, d)
        Row i belongs to word i; float32 stays so.

    Raises
    ------
    ValueError
        If there are not as many words as vectors, or a word occurs twice.

    Examples
    --------
    >>> from landbridge.kits.text import WordVectors
    >>> vectors = WordVectors(["cat", "dog", "car"], [[1.0, 0.1], [1.0, 0.2], [0.0, 1.0]])
    >>> vectors.nearest("cat", 1), "bus" in vectors, vectors["dog"]
    ([('dog', 0.995...)], False, array([1. , 0.2]))
    """

    def __init__(self, words: ArrayLike, vectors: ArrayLike):
        self.words = words
        self.vectors = vectors

    @property
    def index_(self) -> dict[str, int]:
        """The row of each word."""
        if "_index" not in vars(self):
            self._check()
            self._index = {str(word): row for row, word in enumerate(np.asarray(self.words))}
        return self._index

    @property
    def matrix_(self) -> NDArray:
        """The vectors (n, d)."""
        self.index_  # noqa: B018, checks once
        return np.asarray(self.vectors)

    @property
    def n_dimensions(self) -> int:
        """d."""
        return self.matrix_.shape[1]

    def rows(self, words: Iterable[str]) -> NDArray[np.intp]:
        """The row of each of these words, -1 where there is none."""
        return np.array([self.index_.get(word, -1) for word in words], dtype=np.intp)

    def restrict(self, words: Iterable[str]) -> "WordVectors":
        """Only those of these words that there are, in the order of this one."""
        kept = np.unique(self.rows(words))
        kept = kept[kept >= 0]
        return WordVectors(np.asarray(self.words)[kept], self.matrix_[kept])

    def nearest(self, word: str | ArrayLike, n: int = 10) -> list[tuple[str, float]]:
        """The n words whose vectors have the smallest angle to that of a word, or to a vector.

        Raises
        ------
        KeyError
            If there is no such word.
        """
        vector = self[word] if isinstance(word, str) else np.asarray(word)
        sizes = np.linalg.norm(self.matrix_, axis=1) * np.linalg.norm(vector)
        cosines = self.matrix_ @ vector / np.where(sizes > 0, sizes, 1.0)
        order = np.argsort(-cosines, kind="stable")[: n + 1]
        found = [(str(np.asarray(self.words)[k]), float(cosines[k])) for k in order]
        return [pair for pair in found if not isinstance(word, str) or pair[0] != word][:n]

    def __getitem__(self, word: str) -> NDArray:
        if word not in self.index_:
            raise KeyError(f"There is no vector for {word!r}.")
        return self.matrix_[self.index_[word]]

    def __contains__(self, word: object) -> bool:
        return word in self.index_

    def __len__(self) -> int:
        return len(self.matrix_)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key != "_index"}

    def _check(self) -> None:
        words, vectors = np.asarray(self.words), np.asarray(self.vectors)
        if vectors.ndim != 2 or words.shape != (len(vectors),):
            raise ValueError(
                f"words and vectors must belong together: found {words.shape} words and vectors "
                f"of shape {vectors.shape}."
            )
        if len(set(words.tolist())) < len(words):
            raise ValueError("words must each occur once: some occur twice.")


def read_word_vectors(
    path: str | os.PathLike,
    *,
    vocabulary: Iterable[str] | None = None,
    max_words: int | None = None,
    format: str = "auto",
    encoding: str = "utf-8",
) -> WordVectors:
    """Read word vectors of word2vec (text or binary), GloVe or fastText (``.vec``).

    The file is gone through once, word by word: only the vectors that are kept are in memory, so
    a file of gigabytes takes what its part in ``vocabulary`` does. A word that comes a second
    time is passed over.

    Parameters
    ----------
    path : path
        A file, also with ``.gz``. Those of fastText that end in ``.bin`` hold a model: save its
        vectors as ``.vec``.
    vocabulary : iterable of str, optional
        Keep these words only, such as those of both domains' texts.
    max_words : int, optional
        Stop after so many kept ones; files begin with the most frequent words.
    format : {"auto", "word2vec", "word2vec-binary", "glove", "fasttext"}, default="auto"
        ``"auto"`` looks at the first line, and whether what follows it is text.
    encoding : str, default="utf-8"
        Of the words.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty or cut off, of another format or encoding, or no word is in the vocabulary.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from landbridge.kits.text import read_word_vectors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "glove.txt"
    ...     size = path.write_text("the 0.1 0.2\\ncat 1.0 2.0\\ndog 1.5 2.5\\n")
    ...     vectors = read_word_vectors(path, vocabulary=["dog", "cat"])
    >>> vectors.words.tolist(), vectors.vectors.shape
    (['cat', 'dog'], (2, 2))
    """
    path = Path(path)
    check_choice("format", format, FORMATS)
    check_number("max_words", max_words, words=(None,), least=1, whole=True)
    wanted = None if vocabulary is None else set(vocabulary)
    with _opened(path) as file:
        entries = _entries(file, path, format, encoding, wanted)
        words, vectors = _collected(entries, max_words)
    if not words:
        raise ValueError(
            f"{path} has no word of the vocabulary of {len(wanted or ())} words: look at their "
            "case and spelling, or leave vocabulary out."
        )
    return WordVectors(np.array(words), np.vstack(vectors))


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _entries(
    file: Any, path: Path, format: str, encoding: str, wanted: set[str] | None
) -> Iterator[tuple[str, NDArray]]:
    """The words of a file that are wanted, with their vectors, one after the other."""
    first = file.readline()
    if not first.strip():
        raise ValueError(f"{path} is empty, expected word vectors: fetch it once more.")
    header = _header(first)
    if format == "auto":
        format = _sniffed(file, path, header)
        file.seek(0)
        file.readline()
    if format == "glove":
        file.seek(0)
        return _text_entries(file, path, None, encoding, wanted)
    if header is None:
        raise ValueError(
            f"{path} is not of the format {format!r}: its first line must be the number of words "
            f"and of dimensions, found {first[:40]!r}. GloVe's files have no such line: "
            'format="glove".'
        )
    if format == "word2vec-binary":
        return _binary_entries(file, path, header, encoding, wanted)
    return _text_entries(file, path, header[1], encoding, wanted)


def _header(line: bytes) -> tuple[int, int] | None:
    """The two numbers of a first line that says how many words and dimensions there are."""
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return None
    return int(fields[0]), int(fields[1])


def _sniffed(file: Any, path: Path, header: tuple[int, int] | None) -> str:
    if header is None:
        file.seek(0)
        sample = file.read(_SAMPLE_BYTES)
        if b"\x00" in sample:
            raise ValueError(
                f"{path} is binary, but not of word2vec. A fastText model (.bin) must be saved as "
                ".vec first."
            )
        return "glove"
    fields = file.readline(64 * (header[1] + 2)).split()
    return (
        "word2vec" if len(fields) > header[1] and _are_numbers(fields[-2:]) else "word2vec-binary"
    )


def _are_numbers(fields: list[bytes]) -> bool:
    try:
        return all(np.isfinite(float(field)) for field in fields)
    except ValueError:
        return False


def _text_entries(
    file: Any, path: Path, n_dimensions: int | None, encoding: str, wanted: set[str] | None
) -> Iterator[tuple[str, NDArray]]:
    for number, line in enumerate(file, start=1):
        line = line.rstrip()
        if not line:
            continue
        if n_dimensions is None:
            n_dimensions = line.count(b" ")
        # Words may hold blanks (in GloVe's 840B some do): the numbers are the last fields.
        raw, *numbers = line.rsplit(b" ", n_dimensions)
        word = _decoded(raw.strip(), path, encoding)
        if len(numbers) < n_dimensions or n_dimensions < 1:
            raise ValueError(
                f"{path}: entry {number}, {word[:30]!r}, has {len(numbers)} numbers, expected "
                f"{n_dimensions}. The file may be cut off or of another format."
            )
        if wanted is None or word in wanted:
            yield word, _numbers(numbers, path, word)


def _numbers(fields: list[bytes], path: Path, word: str) -> NDArray[np.float32]:
    try:
        return np.array(fields, dtype=np.float32)
    except ValueError:
        raise ValueError(
            f"{path}: the entry {word[:30]!r} does not go on with numbers. The file is damaged or "
            "holds no word vectors."
        ) from None


def _binary_entries(
    file: BinaryIO, path: Path, header: tuple[int, int], encoding: str, wanted: set[str] | None
) -> Iterator[tuple[str, NDArray]]:
    n_words, n_dimensions = header
    size = 4 * n_dimensions
    for number in range(n_words):
        raw = _up_to_blank(file)
        numbers = file.read(size)
        if len(numbers) < size:
            raise ValueError(f"{path} is cut off after {number} of {n_words} words.")
        word = _decoded(raw.lstrip(b"\n"), path, encoding)
        if wanted is None or word in wanted:
            yield word, np.frombuffer(numbers, dtype="<f4").astype(np.float32)


def _up_to_blank(file: BinaryIO) -> bytes:
    found = bytearray()
    while (byte := file.read(1)) not in (b" ", b""):
        found += byte
    return bytes(found)


def _decoded(raw: bytes, path: Path, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except LookupError:
        raise ValueError(f"There is no encoding {encoding!r}: try utf-8 or latin-1.") from None
    except UnicodeDecodeError:
        if encoding.replace("-", "").lower() == "utf8":
            # word2vec cuts long words anywhere, in the middle of a letter too.
            return raw.decode(encoding, errors="replace")
        raise ValueError(
            f"{path}: the word {raw[:30]!r} is not {encoding}. Set encoding."
        ) from None


def _collected(
    entries: Iterator[tuple[str, NDArray]], max_words: int | None
) -> tuple[list[str], list[NDArray]]:
    words: dict[str, NDArray] = {}
    for word, vector in entries:
        words.setdefault(word, vector)
        if max_words is not None and len(words) >= max_words:
            break
    return list(words), list(words.values())
