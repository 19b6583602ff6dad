"""Mappings found by training a network on both domains at once.

``DeepTransfer`` trains body and head on labelled source rows, and an *alignment* draws both
domains together in the body's representation. An alignment is one small function of two batches
(``distances``), an adversary that tells the domains apart (``adversaries``), a disagreement of
two heads (``disagreement``), or what predictions on the target should look like
(``predictions``); ``ALIGNMENTS`` lists them by name. The one trainer drives them all.
"""

from landbridge.mapping.deep.catalogue import ALIGNMENTS, make_alignment
from landbridge.mapping.deep.deep_transfer import DeepTransfer
from landbridge.mapping.deep.epoch import Epoch

__all__ = ["ALIGNMENTS", "DeepTransfer", "Epoch", "make_alignment"]
