"""Sentence encoders: models that were trained on a great many texts, from other libraries."""

import hashlib
import os
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from landbridge.domains.parameters import check_choice, check_number
from landbridge.kits.caching import RowCache, rows_by_key
from landbridge.kits.text.words import as_texts

LIBRARIES = ("model2vec", "sentence-transformers")
PROBE = ["good", "bad", "a text by which two sets of weights under one name are told apart"]
AT_ONCE = 1024
"""Texts whose vectors are kept in one file."""


class SentenceEncoder(TransformerMixin, BaseEstimator):
    """Texts as the vectors (n, d) of a pretrained sentence encoder.

    Parameters
    ----------
    model : str
        A folder on this machine, or a model's name at the hub, which is then fetched.
    library : {"model2vec", "sentence-transformers"}, default="model2vec"
        What loads and runs it: model2vec is small and quick (``pip install 'landbridge[text]'``),
        sentence-transformers more exact and slower (``pip install sentence-transformers``, which
        needs PyTorch).
    batch_size : int, default=64
    cache : path, optional
        A folder to keep vectors in: a text that was encoded once is not encoded again, and a run
        that was interrupted goes on where it stopped.

    Attributes
    ----------
    n_features_out_ : int
        d.
    fingerprint_ : str
        Of the model: other weights under the same name have another.

    Raises
    ------
    ImportError
        If the library is not installed.
    OSError
        If the model is neither on this machine nor could be fetched.

    Examples
    --------
    >>> from landbridge.kits.text import SentenceEncoder
    >>> SentenceEncoder("no/such-model", library="word2vec").fit(["a text"])
    Traceback (most recent call last):
    ValueError: library must be "model2vec" or "sentence-transformers": found 'word2vec'.
    """

    def __init__(
        self,
        model: str,
        *,
        library: str = "model2vec",
        batch_size: int = 64,
        cache: str | os.PathLike | None = None,
    ):
        self.model = model
        self.library = library
        self.batch_size = batch_size
        self.cache = cache

    def fit(self, texts: Any, y: Any = None) -> Self:
        """Load the model; nothing is learned."""
        check_choice("library", self.library, LIBRARIES)
        check_number("batch_size", self.batch_size, least=1, whole=True)
        probe = self._encoded(PROBE)
        self.n_features_out_ = probe.shape[1]
        told = f"{self.library} {self.model} {self.n_features_out_}".encode()
        self.fingerprint_ = hashlib.sha256(told + np.round(probe, 4).tobytes()).hexdigest()
        return self

    def transform(self, texts: Any) -> NDArray[np.float64]:
        """Vectors of texts; those of empty texts are zero."""
        found = as_texts(texts, may_be_empty=True)
        filled = np.array([bool(text.strip()) for text in found])
        rows = np.zeros((len(found), self.n_features_out_))
        if filled.any():
            rows[filled] = self._kept([text for text in found if text.strip()])
        return rows

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Names of the dimensions."""
        return np.array([f"dimension {k}" for k in range(self.n_features_out_)], dtype=object)

    def _kept(self, texts: list[str]) -> NDArray[np.float64]:
        """Vectors of texts, those in the cache taken from there."""
        if self.cache is None:
            return self._encoded(texts)
        return rows_by_key(
            [hashlib.sha256(text.encode()).hexdigest() for text in texts],
            lambda some: self._encoded([texts[k] for k in some]),
            RowCache(self.cache, self.fingerprint_),
            AT_ONCE,
        )

    def _encoded(self, texts: list[str]) -> NDArray:
        options: dict[str, Any] = {"batch_size": self.batch_size, "show_progress_bar": False}
        if self.library == "sentence-transformers":
            return np.asarray(self._loaded().encode(texts, **options), dtype=np.float64)
        return np.asarray(self._loaded().encode(texts), dtype=np.float64)

    def _loaded(self) -> Any:
        if "_model" not in vars(self):
            try:
                self._model = _load(self.model, self.library)
            except ImportError as error:
                extra = "'landbridge[text]'" if self.library == "model2vec" else self.library
                raise ImportError(
                    f"SentenceEncoder needs {self.library}: pip install {extra}. CountVectors and "
                    "SIF make vectors of your own texts without it."
                ) from error
            except Exception as error:  # whatever the hub's client raises without a network
                raise OSError(
                    f"The model {self.model!r} could not be loaded ({type(error).__name__}: "
                    f"{str(error).splitlines()[0] if str(error) else 'no reason given'}). Give the "
                    "folder of a model on this machine, or connect to the hub."
                ) from error
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        state = {key: value for key, value in super().__getstate__().items() if key != "_model"}
        return state | {"cache": None}  # a folder of this machine


def _load(model: str, library: str) -> Any:
    if library == "model2vec":
        from model2vec import StaticModel

        return StaticModel.from_pretrained(model)
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(model)
