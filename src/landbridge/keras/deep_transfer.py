"""Train a Keras network on both domains: labels from the source, alignment from both."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.model import KerasModel
from landbridge.mapping.deep import deep_transfer
from landbridge.source import LinearHead


class DeepTransfer(KerasModel, deep_transfer.DeepTransfer):
    r"""Train a Keras network on labelled source rows, and draw the target to them.

    The twin of ``landbridge.DeepTransfer``: the same parameters, and from the same first weights
    the same results. Needs ``pip install 'landbridge[tensorflow]'``.

    Parameters
    ----------
    network, input_shape, training
        As in ``landbridge.keras.NetworkSource``.
    alignment : str or Alignment, default="dann"
        ``"none"``, ``"mmd"``, ``"deep-coral"``, ``"dann"``, ``"cdan"`` or ``"cdan-e"``, or an
        object of ``landbridge.keras.alignments`` with parameters of its own.
    trade_off, task, head, loss, class_weight, balanced_batches, validator, validation_share
        As in ``landbridge.DeepTransfer``.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    network_ : Cut
        Body and head, normalising as the target does.
    classes_ : ndarray
    weights_ : dict of str to ndarray
        What was learned.
    source_statistics_ : dict of str to ndarray
        The normalising statistics of the source.
    history_ : list of dict
        The figures of every epoch: the source's loss and the alignment's terms among them.
    n_epochs_, best_epoch_ : int

    Raises
    ------
    ImportError
        If Keras or TensorFlow is not installed, or Keras runs on another backend.
    ValueError
        If rows, labels and network do not fit, the alignment needs classes and there are none,
        there are several sources, or training diverges.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.keras import DeepTransfer
    >>> from landbridge.training import Training
    >>> rng = np.random.default_rng(0)
    >>> Xs = rng.normal(size=(400, 2))
    >>> ys, Xt = Xs[:, 0] > 0, rng.normal(size=(400, 2)) + [1.0, 0.0]
    >>> net = DeepTransfer((16,), alignment="mmd", training=Training(max_epochs=20), random_state=0)
    >>> net.fit(Xs, Xt, ys=ys).transform(Xs).shape
    (400, 16)
    """

    @property
    def predictor(self) -> LinearHead:
        """The head, which predicts from carried rows."""
        bias = self.weights_.get("head.bias", np.zeros(self.n_outputs_))
        classes = self.classes_ if self._classifies else None
        return LinearHead(self.weights_["head.kernel"].T, bias, classes)

    def _joined(
        self, network: Any, alignment: Any, loss: Any, groups: NDArray, n_target: int
    ) -> Any:
        from landbridge.keras.alignments import DeepNet

        if len(self.sources_) > 1:
            raise ValueError(
                f"landbridge.keras.DeepTransfer takes one source: sources names "
                f"{len(self.sources_)}. Leave sources out, to take all as one, or use "
                "landbridge.DeepTransfer."
            )
        n_rows = len(groups), n_target
        alignment.build(network.n_features, network.head.out_features, n_rows)
        return DeepNet(network, alignment, loss, self.trade_off)

    def _named_alignment(self, name: str) -> Any:
        from landbridge.keras.alignments import make_alignment

        return make_alignment(name)

    def _normalisation(self) -> Any:
        from landbridge.keras import normalisation

        return normalisation
