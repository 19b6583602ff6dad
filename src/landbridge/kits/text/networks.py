"""Texts as word numbers, and networks over the vectors of their words."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.parameters import check_choice, check_number
from landbridge.kits.text.vectors import WordVectors
from landbridge.kits.text.words import as_texts, tokens_of

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""The numbers of no word, of a word without a vector, and of the first with one."""
KINDS = ("gru", "cnn")
FRAMEWORKS = ("torch", "keras")
LONGEST_SHARE = 0.95


class WordNumbers(TransformerMixin, BaseEstimator):
    """A text as the numbers of its words (n, n_steps): 0 after its end, 1 for words unknown.

    Parameters
    ----------
    vectors : WordVectors
        Those of words in the texts of ``fit`` become ``embedding_``.
    n_steps : int, optional
        Words to keep of each text, from its start; by default as many as 95 % of the texts have.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_words + 2, d)
        The vectors by number; those of 0 and 1 are zero.
    words_ : ndarray of shape (n_words,)
        The words numbered from 2 on.
    n_steps_ : int

    Examples
    --------
    >>> from landbridge.kits.text import WordNumbers, WordVectors
    >>> vectors = WordVectors(["good", "bad"], [[1.0, 0.0], [0.0, 1.0]])
    >>> WordNumbers(vectors, n_steps=3).fit_transform(["so good", "bad bad bad bad", ""])
    array([[1., 2., 0.],
           [3., 3., 3.],
           [0., 0., 0.]], dtype=float32)
    """

    def __init__(self, vectors: WordVectors, *, n_steps: int | None = None):
        self.vectors = vectors
        self.n_steps = n_steps

    def fit(self, texts: Any, y: Any = None) -> Self:
        """Number the words of texts that have vectors.

        Raises
        ------
        ValueError
            If all texts are empty, or none of their words has a vector.
        """
        check_number("n_steps", self.n_steps, words=(None,), least=1, whole=True)
        tokens = tokens_of(as_texts(texts))
        kept = self.vectors.restrict({word for text in tokens for word in text})
        if not len(kept):
            raise ValueError(
                "None of the words of the texts has a vector; words are looked up in lower case."
            )
        self.words_ = np.asarray(kept.words)
        nothing = np.zeros((FIRST, kept.n_dimensions), kept.matrix_.dtype)
        self.embedding_ = np.vstack([nothing, kept.matrix_]).astype(np.float32)
        longest = np.quantile([len(text) for text in tokens], LONGEST_SHARE)
        self.n_steps_ = int(self.n_steps or max(1, np.ceil(longest)))
        return self

    def transform(self, texts: Any) -> NDArray[np.float32]:
        """Numbers (n, n_steps) of the words of texts."""
        check_is_fitted(self)
        index = {str(word): row + FIRST for row, word in enumerate(self.words_)}
        found = as_texts(texts, may_be_empty=True)
        rows = np.zeros((len(found), self.n_steps_), np.float32)
        for row, text in enumerate(tokens_of(found)):
            numbers = [index.get(word, UNKNOWN) for word in text[: self.n_steps_]]
            rows[row, : len(numbers)] = numbers
        return rows


class WordNetwork(BaseEstimator):
    """Makes a network from the word numbers of ``WordNumbers`` to a number for each class.

    Called, it gives an ``nn.Module`` or a Keras model, for ``NetworkSource``, ``DeepTransfer`` and
    ``FineTune`` of either framework. It is plain data, so that a model with it can be saved.

    Parameters
    ----------
    embedding : array-like of shape (n_words + 2, d)
        ``WordNumbers.embedding_``.
    kind : {"gru", "cnn"}, default="gru"
        A gated recurrent unit, whose state after the last word counts (padding is passed over),
        or convolutions over three, four and five words, of which the largest counts (Kim 2014).
    n_outputs : int, default=2
        A number for each class, or 1 in regression.
    width : int, default=64
        Of the recurrent state, or filters of each length.
    train_embedding : bool, default=False
        Whether the word vectors are trained too; with few labels better not.
    dropout : float, default=0.3
        Of what the head gets, in training.
    framework : {"torch", "keras"}, default="torch"

    Examples
    --------
    >>> from landbridge import NetworkSource
    >>> from landbridge.kits.text import WordNetwork, WordNumbers, WordVectors
    >>> from landbridge.training import Training
    >>> vectors = WordVectors(["good", "bad"], [[1.0, 0.0], [0.0, 1.0]])
    >>> texts, labels = ["so good", "so bad"] * 20, ["up", "down"] * 20
    >>> numbers = WordNumbers(vectors).fit(texts)
    >>> network = WordNetwork(numbers.embedding_, width=8)
    >>> source = NetworkSource(network, training=Training(learning_rate=0.05), random_state=0)
    >>> source.fit(numbers.transform(texts), labels).predict(numbers.transform(["good"])).tolist()
    ['up']
    """

    def __init__(
        self,
        embedding: ArrayLike,
        kind: str = "gru",
        *,
        n_outputs: int = 2,
        width: int = 64,
        train_embedding: bool = False,
        dropout: float = 0.3,
        framework: str = "torch",
    ):
        self.embedding = embedding
        self.kind = kind
        self.n_outputs = n_outputs
        self.width = width
        self.train_embedding = train_embedding
        self.dropout = dropout
        self.framework = framework

    def __call__(self) -> Any:
        """A fresh network.

        Raises
        ------
        ImportError
            If the framework is not installed.
        ValueError
            If a parameter is out of range.
        """
        check_choice("kind", self.kind, KINDS)
        check_choice("framework", self.framework, FRAMEWORKS)
        for name in ("n_outputs", "width"):
            check_number(name, getattr(self, name), least=1, whole=True)
        check_number("dropout", self.dropout, below=1.0)
        options = (self.n_outputs, self.width, self.train_embedding, self.dropout)
        embedding = np.asarray(self.embedding, np.float32)
        if self.framework == "torch":
            from landbridge.kits.text.torch_networks import make_network
        else:
            from landbridge.kits.text.keras_networks import make_network
        return make_network(self.kind, embedding, *options)
