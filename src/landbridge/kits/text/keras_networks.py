"""Networks over word vectors in Keras. Imported when one is made."""

from typing import Any

from numpy.typing import NDArray

from landbridge.keras.framework import keras

WINDOWS = (3, 4, 5)


def make_network(
    kind: str,
    embedding: NDArray,
    n_outputs: int,
    width: int,
    train_embedding: bool,
    dropout: float,
) -> Any:
    """A Keras model from word numbers (n, steps) to outputs (n, n_outputs)."""
    numbers = keras.Input((None,), name="words")
    body = _recurrent if kind == "gru" else _convolved
    features = body(numbers, _words(embedding, train_embedding, kind == "gru"), width)
    features = keras.layers.Dropout(dropout)(features)
    return keras.Model(numbers, keras.layers.Dense(n_outputs)(features))


def _words(embedding: NDArray, is_trained: bool, passes_over: bool) -> Any:
    return keras.layers.Embedding(
        *embedding.shape,
        embeddings_initializer=keras.initializers.Constant(embedding),
        trainable=is_trained,
        mask_zero=passes_over,
    )


def _recurrent(numbers: Any, words: Any, width: int) -> Any:
    """The state of a gated recurrent unit after the last word; padding is masked."""
    return keras.layers.GRU(width)(words(numbers))


def _convolved(numbers: Any, words: Any, width: int) -> Any:
    """The largest answer in the text of each filter; texts go on with zeros (Kim 2014)."""
    is_word = keras.ops.expand_dims(keras.ops.minimum(numbers, 1.0), -1)
    rows = keras.layers.ZeroPadding1D(max(WINDOWS))(words(numbers) * is_word)
    answers = [keras.layers.Conv1D(width, k, activation="relu")(rows) for k in WINDOWS]
    largest = [keras.layers.GlobalMaxPooling1D()(found) for found in answers]
    return keras.layers.Concatenate()(largest)
