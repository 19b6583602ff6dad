"""The network estimators in Keras on TensorFlow: twins of those in PyTorch.

``NetworkSource``, ``DeepTransfer``, ``FineTune`` and ``GradientMapping`` take the parameters of
their twins and, from the same first weights, come to the same results: the rows to hold out, the
batches, the losses and the steps are the same, and tests compare the weights that come out. The
trainer is the one trainer; ``trainer`` gives it the few rungs that know TensorFlow. Keras is
imported when first needed, on its TensorFlow backend.
"""

from landbridge.keras.deep_transfer import DeepTransfer
from landbridge.keras.fine_tune import FineTune
from landbridge.keras.gradient import GradientMapping
from landbridge.keras.source import NetworkSource

__all__ = ["DeepTransfer", "FineTune", "GradientMapping", "NetworkSource"]
