"""Adapt a source network to the target by target rows alone: no source row is looked at.

``AdaBN`` replaces the statistics of batch normalisation, ``TENT`` learns the scales and shifts of
normalising layers, ``SHOT`` the whole body before a head that stays as it is. All start from a
fitted source network and need no label; labels that the target has join the loss. ``collapse``
says when predictions have run into few classes, ``guarded`` trains until then, and ``base`` is
what the methods share. PyTorch is imported when first needed.
"""

from landbridge.target.source_free.adabn import AdaBN
from landbridge.target.source_free.shot import SHOT
from landbridge.target.source_free.tent import TENT

__all__ = ["SHOT", "TENT", "AdaBN"]
