"""Word vectors: words, and a vector for each."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator


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
