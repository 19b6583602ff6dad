"""Every mapping by name."""

from landbridge.mapping.alignment.coral import CORAL
from landbridge.mapping.alignment.monge import Monge
from landbridge.mapping.alignment.recentre import Recentre, Standardise
from landbridge.mapping.alignment.subspace_alignment import SubspaceAlignment
from landbridge.mapping.base import Mapping
from landbridge.mapping.identity import Identity
from landbridge.mapping.paired.cca import CCA
from landbridge.mapping.paired.gradient import GradientMapping
from landbridge.mapping.paired.low_rank import LowRankAffine
from landbridge.mapping.paired.pls import PLS
from landbridge.mapping.paired.procrustes import Procrustes
from landbridge.mapping.paired.ridge import LeastSquares, Ridge

MAPPINGS: dict[str, type[Mapping]] = {
    "identity": Identity,
    "recentre": Recentre,
    "standardise": Standardise,
    "coral": CORAL,
    "monge": Monge,
    "subspace-alignment": SubspaceAlignment,
    "least-squares": LeastSquares,
    "ridge": Ridge,
    "procrustes": Procrustes,
    "low-rank": LowRankAffine,
    "pls": PLS,
    "cca": CCA,
    "gradient": GradientMapping,
}
"""Every mapping, under the name that ``Transfer`` and the command line take."""


def make_mapping(name: str) -> Mapping:
    """A mapping with its default parameters, by name.

    Raises
    ------
    ValueError
        If there is no mapping of that name.

    Examples
    --------
    >>> from landbridge.mapping import make_mapping
    >>> make_mapping("coral")
    CORAL()
    """
    if name not in MAPPINGS:
        raise ValueError(f"Unknown mapping {name!r}: the mappings are {', '.join(MAPPINGS)}.")
    return MAPPINGS[name]()
