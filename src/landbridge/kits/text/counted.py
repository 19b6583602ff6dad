"""Word vectors of one's own texts: counted in closed form, or trained by gensim."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.utils.extmath import randomized_svd

from landbridge.domains.parameters import check_number
from landbridge.kits.text.vectors import WordVectors
from landbridge.kits.text.words import as_texts, tokens_of


def vocabulary_of(tokens: Iterable[Sequence[str]], min_count: int, max_words: int) -> list[str]:
    """The words that occur at least ``min_count`` times, the commonest first, by name if equal.

    Raises
    ------
    ValueError
        If there is none.
    """
    counts = Counter(word for text in tokens for word in text)
    kept = [(-n, word) for word, n in counts.items() if n >= min_count]
    if not kept:
        raise ValueError(
            f"No word occurs {min_count} times: the commonest, {counts.most_common(1)}, is rarer. "
            "Give more texts or a smaller min_count."
        )
    return [word for _, word in sorted(kept)[:max_words]]


def cooccurrences(tokens: Iterable[Sequence[str]], words: Sequence[str], window: int) -> csr_matrix:
    """How often each word stands within ``window`` words of each other one (n, n), symmetric.

    Words that are not in ``words`` keep their place between the others.
    """
    index = {word: row for row, word in enumerate(words)}
    n = len(words)
    total = csr_matrix((n, n))
    for numbers in _number_chunks(tokens, index, window):
        for step in range(1, window + 1):
            left, right = numbers[:-step], numbers[step:]
            both = (left >= 0) & (right >= 0)
            ones = np.ones(int(both.sum()))
            total = total + csr_matrix((ones, (left[both], right[both])), shape=(n, n))
    return (total + total.T).tocsr()


def _number_chunks(
    tokens: Iterable[Sequence[str]], index: dict[str, int], window: int, size: int = 500_000
) -> Iterable[NDArray]:
    """Row numbers of words in a line, with a gap of a window between texts."""
    chunk: list[int] = []
    for text in tokens:
        chunk += [index.get(word, -1) for word in text]
        chunk += [-1] * window
        if len(chunk) > size:
            yield np.array(chunk)
            chunk = []
    if chunk:
        yield np.array(chunk)


def positive_information(counts: csr_matrix, smoothing: float = 0.75) -> csr_matrix:
    r"""Positive pointwise mutual information of counts (n, n), sparse.

    :math:`\max(0, \log \frac{\#(w, c) \cdot \sum_{c'} \#(c')^{\alpha}}{\#(w)\,\#(c)^{\alpha}})`:
    contexts count to the power α (Levy, Goldberg & Dagan 2015, eq. 3).
    """
    found = counts.tocoo()
    of_words = np.asarray(counts.sum(axis=1)).ravel()
    of_contexts = np.asarray(counts.sum(axis=0)).ravel() ** smoothing
    expected = of_words[found.row] * of_contexts[found.col] / of_contexts.sum()
    information = np.maximum(np.log(found.data / expected), 0.0)
    result = csr_matrix((information, (found.row, found.col)), shape=counts.shape)
    result.eliminate_zeros()
    return result


class CountVectors(BaseEstimator):
    r"""Word vectors in closed form: what company words keep, by its few main directions.

    :math:`U_d \Sigma_d^{1/2}` of the truncated SVD of the positive pointwise mutual information
    of words within a window (Levy, Goldberg & Dagan 2015, eq. 3 and 7 with exponent 1/2), which
    does what word2vec does. Needs no further package, and the same texts give the same vectors.

    Parameters
    ----------
    n_dimensions : int, default=100
        d; at most one less than there are words.
    window : int, default=5
        Words to either side that count as company.
    min_count : int, default=5
        Rarer words are left out.
    max_words : int, default=50000
        Keep so many of the commonest.
    smoothing : float, default=0.75
        α: the smaller, the more rare contexts count.
    random_state : int, default=0
        Of the randomised SVD.

    Attributes
    ----------
    vectors_ : WordVectors
    n_words_ : int
        Words read, of all kinds.

    Examples
    --------
    >>> from landbridge.kits.text import CountVectors
    >>> texts = ["the cat eats fish", "the dog eats meat", "the cat eats meat"] * 5
    >>> counted = CountVectors(n_dimensions=2, window=2).fit(texts)
    >>> sorted(counted.vectors_.words.tolist())
    ['cat', 'dog', 'eats', 'fish', 'meat', 'the']
    """

    def __init__(
        self,
        n_dimensions: int = 100,
        *,
        window: int = 5,
        min_count: int = 5,
        max_words: int = 50_000,
        smoothing: float = 0.75,
        random_state: int = 0,
    ):
        self.n_dimensions = n_dimensions
        self.window = window
        self.min_count = min_count
        self.max_words = max_words
        self.smoothing = smoothing
        self.random_state = random_state

    def fit(self, texts: Any, y: Any = None) -> Self:
        """Count the words of texts.

        Raises
        ------
        ValueError
            If all texts are empty, or no word occurs often enough.
        """
        for name in ("n_dimensions", "window", "min_count", "max_words"):
            check_number(name, getattr(self, name), least=1, whole=True)
        check_number("smoothing", self.smoothing, above=True, most=1.0)
        tokens = tokens_of(as_texts(texts))
        self.n_words_ = sum(len(text) for text in tokens)
        words = vocabulary_of(tokens, self.min_count, self.max_words)
        information = positive_information(
            cooccurrences(tokens, words, self.window), self.smoothing
        )
        d = max(1, min(self.n_dimensions, len(words) - 1))
        U, sizes, _ = randomized_svd(information, d, random_state=self.random_state)
        vectors = (U * np.sqrt(sizes)).astype(np.float32)
        self.vectors_ = WordVectors(np.array(words), vectors)
        return self


class SkipGramVectors(BaseEstimator):
    """Word vectors trained on one's own texts by gensim's word2vec (Mikolov et al. 2013).

    Needs ``pip install 'landbridge[text]'``; ``CountVectors`` does without.

    Parameters
    ----------
    n_dimensions, window, min_count
        As of ``CountVectors``.
    n_epochs : int, default=5
    random_state : int, default=0
        One thread trains, so that the same seed gives the same vectors.

    Attributes
    ----------
    vectors_ : WordVectors

    Raises
    ------
    ImportError
        If gensim is not installed.
    """

    def __init__(
        self,
        n_dimensions: int = 100,
        *,
        window: int = 5,
        min_count: int = 5,
        n_epochs: int = 5,
        random_state: int = 0,
    ):
        self.n_dimensions = n_dimensions
        self.window = window
        self.min_count = min_count
        self.n_epochs = n_epochs
        self.random_state = random_state

    def fit(self, texts: Any, y: Any = None) -> Self:
        """Train on texts."""
        try:
            from gensim.models import Word2Vec
        except ImportError as error:
            raise ImportError(
                "SkipGramVectors trains with gensim: pip install 'landbridge[text]'. CountVectors "
                "makes word vectors of the same texts without it."
            ) from error
        tokens = tokens_of(as_texts(texts))
        vocabulary_of(tokens, self.min_count, 1)
        model = Word2Vec(
            tokens,
            vector_size=self.n_dimensions,
            window=self.window,
            min_count=self.min_count,
            sg=1,
            epochs=self.n_epochs,
            seed=self.random_state,
            workers=1,
            hashfxn=_stable_hash,
        )
        self.vectors_ = WordVectors(np.array(model.wv.index_to_key), model.wv.vectors.copy())
        return self


def _stable_hash(word: str) -> int:
    """A hash that is the same in every process, unlike Python's own."""
    import zlib

    return zlib.crc32(word.encode())
