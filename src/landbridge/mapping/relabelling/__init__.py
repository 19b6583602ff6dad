"""Mappings that relabel: rows stay where they are, and target rows get labels.

``base`` has the form of them all: ``fit`` leaves a label and a confidence for each target row,
and ``carry`` hands target rows, so labelled, to the third step. Each other file holds one way to
find the labels.
"""

from landbridge.mapping.relabelling.base import Relabelling
from landbridge.mapping.relabelling.dasvm import DASVM
from landbridge.mapping.relabelling.easy_transfer import EasyTransfer
from landbridge.mapping.relabelling.gradual import GradualSelfTraining
from landbridge.mapping.relabelling.jcpot import JCPOT
from landbridge.mapping.relabelling.manifold_embedded import ManifoldEmbedded
from landbridge.mapping.relabelling.propagation import LabelPropagation
from landbridge.mapping.relabelling.pseudo_labels import PseudoLabels

__all__ = [
    "DASVM",
    "JCPOT",
    "EasyTransfer",
    "GradualSelfTraining",
    "LabelPropagation",
    "ManifoldEmbedded",
    "PseudoLabels",
    "Relabelling",
]
