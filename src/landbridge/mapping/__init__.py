"""Step 2: the map ``f`` that carries source rows over to the target.

A file holds one method: the pure function that is its formula, then the class. ``base`` has the
interface and the forms a mapping takes (unpaired or paired, from rows or from moments alone);
``affine`` and ``shared_space`` what the two common kinds of map have in common; ``sources`` the
maps of several sources; ``catalogue`` the names of all.
"""

from landbridge.mapping.alignment.coral import CORAL
from landbridge.mapping.alignment.monge import Monge
from landbridge.mapping.alignment.recentre import Recentre, Standardise
from landbridge.mapping.alignment.subspace_alignment import SubspaceAlignment
from landbridge.mapping.base import (
    Carried,
    Mapping,
    MomentMapping,
    PairedMapping,
    PairedMomentMapping,
    UnpairedMapping,
)
from landbridge.mapping.catalogue import MAPPINGS, make_mapping
from landbridge.mapping.identity import Identity
from landbridge.mapping.paired.cca import CCA
from landbridge.mapping.paired.gradient import GradientMapping
from landbridge.mapping.paired.low_rank import LowRankAffine
from landbridge.mapping.paired.pls import PLS
from landbridge.mapping.paired.procrustes import Procrustes
from landbridge.mapping.paired.ridge import LeastSquares, Ridge
from landbridge.mapping.sources import MultiSource, PerSource

__all__ = [
    "CCA",
    "CORAL",
    "MAPPINGS",
    "PLS",
    "Carried",
    "GradientMapping",
    "Identity",
    "LeastSquares",
    "LowRankAffine",
    "Mapping",
    "MomentMapping",
    "Monge",
    "MultiSource",
    "PairedMapping",
    "PairedMomentMapping",
    "PerSource",
    "Procrustes",
    "Recentre",
    "Ridge",
    "Standardise",
    "SubspaceAlignment",
    "UnpairedMapping",
    "make_mapping",
]
