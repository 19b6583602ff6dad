"""Documents as vectors: means of the vectors of their words, in four ways."""

from abc import abstractmethod
from collections import Counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.parameters import check_number
from landbridge.kits.text.vectors import WordVectors
from landbridge.kits.text.words import as_texts, tokens_of


class DocumentVectors(TransformerMixin, BaseEstimator):
    """A text as the weighted mean of the vectors of its words; without any of them, zeros.

    A method says in ``_weights`` what a word weighs, and in ``_remove`` what is taken away.

    Attributes
    ----------
    weights_ : ndarray of shape (n_words,)
        What each word weighs.
    frequencies_ : ndarray of shape (n_words,)
        Its share p(w) of the words of the texts that have a vector.
    covered_ : float
        Share of the words of the texts that have a vector.
    """

    vectors: WordVectors

    def fit(self, texts: Any, y: Any = None) -> Self:
        """Learn from texts, without labels, what each word weighs.

        Raises
        ------
        ValueError
            If all texts are empty, or none of their words has a vector.
        """
        self._check_parameters()
        tokens = tokens_of(as_texts(texts))
        counts = self._counts(tokens)
        totals = np.asarray(counts.sum(axis=0)).ravel()
        n_words = sum(len(text) for text in tokens)
        if not totals.any():
            raise ValueError(
                f"None of the {n_words:,} words of the texts has a vector: the vectors are of "
                f"words such as {', '.join(list(self.vectors.index_)[:3])}. Words are looked "
                "up in lower case."
            )
        self.covered_ = float(totals.sum() / n_words)
        self.frequencies_ = totals / totals.sum()
        self.weights_ = self._weights(counts, tokens)
        self.n_features_out_ = self.vectors.n_dimensions
        self._learn_common(self._means(counts))
        return self

    def transform(self, texts: Any) -> NDArray[np.float64]:
        """Vectors (n, d) of texts."""
        check_is_fitted(self)
        return self._remove(
            self._means(self._counts(tokens_of(as_texts(texts, may_be_empty=True))))
        )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Names of the dimensions."""
        return np.array([f"dimension {k}" for k in range(self.n_features_out_)], dtype=object)

    def _counts(self, tokens: list[list[str]]) -> csr_matrix:
        """How often each text has each word (n, n_words)."""
        index = self.vectors.index_
        rows, columns, data = [], [], []
        for row, text in enumerate(tokens):
            known = Counter(index[word] for word in text if word in index)
            rows += [row] * len(known)
            columns += list(known)
            data += list(known.values())
        shape = (len(tokens), len(index))
        return csr_matrix((np.array(data, dtype=float), (rows, columns)), shape=shape)

    def _means(self, counts: csr_matrix) -> NDArray[np.float64]:
        lengths = self._lengths(counts)
        sums = counts.multiply(self.weights_).tocsr() @ self.vectors.matrix_.astype(np.float64)
        return np.asarray(sums) / np.where(lengths > 0, lengths, 1.0)[:, None]

    def _lengths(self, counts: csr_matrix) -> NDArray:
        """What the sum over a text is divided by: how many of its words have a vector."""
        return np.asarray(counts.sum(axis=1)).ravel()

    def _check_parameters(self) -> None:
        if not isinstance(self.vectors, WordVectors):
            raise TypeError(
                f"vectors must be WordVectors: found {type(self.vectors).__name__}. "
                "read_word_vectors reads them, CountVectors makes them of your texts."
            )

    @abstractmethod
    def _weights(self, counts: csr_matrix, tokens: list[list[str]]) -> NDArray[np.float64]:
        """What each word weighs (n_words,)."""

    def _learn_common(self, means: NDArray) -> None:
        """Learn what the vectors of all texts have in common; nothing, for most."""

    def _remove(self, means: NDArray) -> NDArray:
        return means


class MeanVectors(DocumentVectors):
    """A text as the mean of the vectors of its words.

    Parameters
    ----------
    vectors : WordVectors

    Examples
    --------
    >>> from landbridge.kits.text import MeanVectors, WordVectors
    >>> vectors = WordVectors(["good", "bad"], [[1.0, 0.0], [0.0, 1.0]])
    >>> MeanVectors(vectors).fit_transform(["Good, good, bad", "unknown", "bad"]).round(2)
    array([[0.67, 0.33],
           [0.  , 0.  ],
           [0.  , 1.  ]])
    """

    def __init__(self, vectors: WordVectors):
        self.vectors = vectors

    def _weights(self, counts: csr_matrix, tokens: list[list[str]]) -> NDArray[np.float64]:
        return np.ones(counts.shape[1])


class TfidfVectors(DocumentVectors):
    r"""A text as the mean of the vectors of its words, each weighed by how few texts have it.

    The weight of a word is :math:`1 + \log\frac{1 + n}{1 + n_w}` for n texts of which
    :math:`n_w` have it, scikit-learn's inverse document frequency; weights of a text sum to 1.

    Parameters
    ----------
    vectors : WordVectors
    """

    def __init__(self, vectors: WordVectors):
        self.vectors = vectors

    def _weights(self, counts: csr_matrix, tokens: list[list[str]]) -> NDArray[np.float64]:
        return 1 + np.log((1 + counts.shape[0]) / (1 + counts.getnnz(axis=0)))

    def _lengths(self, counts: csr_matrix) -> NDArray:
        return np.asarray(counts @ self.weights_)


class SIF(DocumentVectors):
    r"""Smooth inverse frequency: rare words weigh more, and what all texts share is taken away.

    :math:`v_s = \frac{1}{|s|} \sum_{w \in s} \frac{a}{a + p(w)} v_w`, less its part along the
    first singular vector u of all :math:`v_s`: :math:`v_s - u u^\top v_s` (Arora, Liang & Ma
    2017, algorithm 1).

    Parameters
    ----------
    vectors : WordVectors
    a : float, default=1e-3
        Smaller values hold back common words more.
    n_removed : int, default=1
        So many singular vectors; 0 for none.

    Attributes
    ----------
    common_ : ndarray of shape (n_removed, d)
        The singular vectors.
    shares_ : ndarray of shape (n_removed,)
        How much of each is taken away: all.
    """

    def __init__(self, vectors: WordVectors, *, a: float = 1e-3, n_removed: int = 1):
        self.vectors = vectors
        self.a = a
        self.n_removed = n_removed

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("a", self.a, above=True)
        check_number("n_removed", self.n_removed, whole=True)

    def _weights(self, counts: csr_matrix, tokens: list[list[str]]) -> NDArray[np.float64]:
        return self.a / (self.a + self.frequencies_)

    def _learn_common(self, means: NDArray) -> None:
        self.common_, sizes = leading_axes(means, self.n_removed)
        self.shares_ = np.ones(len(sizes))

    def _remove(self, means: NDArray) -> NDArray:
        return means - (means @ self.common_.T * self.shares_) @ self.common_


class USIF(DocumentVectors):
    r"""Unsupervised smooth inverse frequency: SIF whose one number comes from the texts.

    A word weighs :math:`\frac{a}{a/2 + p(w)}` with :math:`a = (1 - \alpha)/(\alpha Z)`,
    :math:`Z = |V|/2` and α the share of words likelier than :math:`1 - (1 - 1/|V|)^n`, n the
    mean number of words of a text. Then each of the first m singular vectors of all texts is
    taken away by its share :math:`\lambda_i = \sigma_i^2 / \sum_{j \le m} \sigma_j^2`
    (Ethayarajh 2018, algorithm 1).

    Parameters
    ----------
    vectors : WordVectors
    n_removed : int, default=5
        m.

    Attributes
    ----------
    a_ : float
    common_ : ndarray of shape (m, d)
    shares_ : ndarray of shape (m,)
        λ.
    """

    def __init__(self, vectors: WordVectors, *, n_removed: int = 5):
        self.vectors = vectors
        self.n_removed = n_removed

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("n_removed", self.n_removed, whole=True)

    def _weights(self, counts: csr_matrix, tokens: list[list[str]]) -> NDArray[np.float64]:
        p = self.frequencies_[self.frequencies_ > 0]
        length = np.mean([len(text) for text in tokens])
        threshold = 1 - (1 - 1 / len(p)) ** length
        alpha = max(float((p > threshold).mean()), 1 / len(p))
        alpha = min(alpha, 1 - 1 / (len(p) + 1))
        self.a_ = (1 - alpha) / (alpha * len(p) / 2)
        return self.a_ / (self.a_ / 2 + self.frequencies_)

    def _learn_common(self, means: NDArray) -> None:
        self.common_, sizes = leading_axes(means, self.n_removed)
        total = float(sizes @ sizes)
        self.shares_ = sizes**2 / total if total > 0 else sizes

    def _remove(self, means: NDArray) -> NDArray:
        return means - (means @ self.common_.T * self.shares_) @ self.common_


def leading_axes(rows: NDArray, n_axes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first right singular vectors (n_axes, d) of rows, not centred, and their values."""
    squares, V = np.linalg.eigh(rows.T @ rows)
    order = np.argsort(-squares)[: min(n_axes, len(squares))]
    return V[:, order].T, np.sqrt(np.maximum(squares[order], 0.0))
