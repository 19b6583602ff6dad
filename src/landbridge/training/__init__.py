"""The one training loop of all networks: a ladder, ``fit → loop → epoch → step → terms``.

``Training`` says how to train, ``Trainer`` does it: every step asks each ``Player`` what it
minimises over a batch, one player for plain losses, several for games such as an adversary's.
``batches`` deals out rows of one domain or two, ``losses`` holds what is minimised over labels,
``networks`` the networks that go by name and the one cut that they need, into body and head.
Several processes, as ``torchrun`` starts them, train one network together by ``processes``.
Nothing here knows what a mapping is. PyTorch is imported when first needed.
"""

from landbridge.training.batches import ArrayBatches, Batch, LoaderBatches, TwoDomains
from landbridge.training.engine import need_torch
from landbridge.training.options import Training
from landbridge.training.trainer import Player, Trainer

__all__ = [
    "ArrayBatches",
    "Batch",
    "LoaderBatches",
    "Player",
    "Trainer",
    "Training",
    "TwoDomains",
    "need_torch",
]
