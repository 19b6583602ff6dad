"""Every mapping by name."""

from landbridge.mapping.base import Mapping
from landbridge.mapping.cca import CCA
from landbridge.mapping.coral import CORAL
from landbridge.mapping.gradient import GradientMapping
from landbridge.mapping.identity import Identity
from landbridge.mapping.low_rank import LowRankAffine
from landbridge.mapping.monge import Monge
from landbridge.mapping.pls import PLS
from landbridge.mapping.procrustes import Procrustes
from landbridge.mapping.recentre import Recentre, Standardise
from landbridge.mapping.ridge import LeastSquares, Ridge
from landbridge.mapping.subspace_alignment import SubspaceAlignment

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
