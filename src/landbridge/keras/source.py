"""A Keras network as source learner, scikit-learn's way."""

from typing import Any

from landbridge.keras.model import KerasModel
from landbridge.source import network


class NetworkSource(KerasModel, network.NetworkSource):
    """Train any Keras network, or take one that is trained, as a classifier or regressor.

    The twin of ``landbridge.NetworkSource``: the same parameters, and from the same first weights
    the same results. Needs ``pip install 'landbridge[tensorflow]'``.

    Parameters
    ----------
    network : str, tuple of int, None, keras.Model or callable, default="mlp"
        ``"mlp"``, ``"residual-mlp"``, ``"cnn"``, ``"gru"`` or ``"applications:NAME"``; the widths
        of hidden layers; ``None`` for none; a sequential or functional model, which is copied,
        with its weights; or a callable that makes one. The last dense layer is the head and gives
        logits: it has no softmax.
    task, head, loss, class_weight, balanced_batches, validation_share, train, random_state
        As in ``landbridge.NetworkSource``.
    input_shape : sequence of int, optional
        What each flat row is to the network. Pictures are (channels, height, width) for the
        networks that go by name; a model of one's own sees rows as they are.
    training : Training, optional
        How to train; ``Training()`` by default. ``precision`` must be ``"float32"``.

    Attributes
    ----------
    network_ : Cut
        The trained network: ``body.layer`` and ``head.layer`` are the Keras model and layer.
    classes_ : ndarray of shape (n_classes,)
        In classification.
    weights_ : dict of str to ndarray
        What was learned, in Keras's order.
    history_ : list of dict
        The figures of every epoch.
    n_epochs_, best_epoch_ : int
        Epochs done, and the one whose weights are kept.

    Raises
    ------
    ImportError
        If Keras or TensorFlow is not installed, or Keras runs on another backend.
    ValueError
        If the network does not fit the rows or the labels, or training diverges.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.keras import NetworkSource
    >>> from landbridge.training import Training
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> net = NetworkSource((32,), training=Training(learning_rate=0.02), random_state=0).fit(X, y)
    >>> bool(net.score(X, y) > 0.9), net.representation(X).shape
    (True, (300, 32))
    """

    def _upto(self, layer: str) -> Any:
        from landbridge.keras.networks import upto

        return upto(self.network_.body.layer, layer)
