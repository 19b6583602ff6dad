"""Every mapping by name."""

from landbridge.mapping.alignment.class_standardise import ClassStandardise
from landbridge.mapping.alignment.coral import CORAL
from landbridge.mapping.alignment.feature_selection import FMMD
from landbridge.mapping.alignment.geodesic_flow import GeodesicFlow
from landbridge.mapping.alignment.monge import Monge
from landbridge.mapping.alignment.multi_monge import MultiLinearMonge
from landbridge.mapping.alignment.recentre import Recentre, Standardise
from landbridge.mapping.alignment.riemannian import RiemannianAlignment
from landbridge.mapping.alignment.scale_shift import MMDScaleShift
from landbridge.mapping.alignment.subspace_alignment import SubspaceAlignment
from landbridge.mapping.alignment.transfer_subspace import TransferSubspace
from landbridge.mapping.base import Mapping
from landbridge.mapping.components import BDA, JDA, TCA, TJM, SemiSupervisedTCA
from landbridge.mapping.deep import ALIGNMENTS, DeepTransfer
from landbridge.mapping.identity import Identity
from landbridge.mapping.paired.cca import CCA
from landbridge.mapping.paired.class_pairs import ClassPairs
from landbridge.mapping.paired.forest import ForestMap
from landbridge.mapping.paired.gradient import GradientMapping
from landbridge.mapping.paired.kernel_ridge import KernelRidgeMap
from landbridge.mapping.paired.low_rank import LowRankAffine
from landbridge.mapping.paired.pls import PLS
from landbridge.mapping.paired.procrustes import Procrustes
from landbridge.mapping.paired.rcsls import RCSLS
from landbridge.mapping.paired.ridge import LeastSquares, Ridge
from landbridge.mapping.paired.standardization import (
    DirectStandardization,
    PiecewiseDirectStandardization,
)
from landbridge.mapping.pivots import MarginalisedDenoising, StructuralCorrespondence
from landbridge.mapping.relabelling import (
    DASVM,
    JCPOT,
    EasyTransfer,
    GradualSelfTraining,
    LabelPropagation,
    ManifoldEmbedded,
    PseudoLabels,
)
from landbridge.mapping.reweighting import (
    KLIEP,
    KMM,
    RULSIF,
    ULSIF,
    ClassifierRatio,
    EntropyBalancing,
    GaussianRatio,
    KernelDensityRatio,
    MMDTargetShift,
    NearestNeighbourRatio,
)
from landbridge.mapping.sources import PerSource
from landbridge.mapping.transport import (
    JDOT,
    ClassTransport,
    ExactTransport,
    GromovWasserstein,
    KernelTransport,
    LaplaceTransport,
    OptimalTransport,
    PartialTransport,
    UnbalancedTransport,
)

MAPPINGS: dict[str, type[Mapping]] = {
    "identity": Identity,
    "recentre": Recentre,
    "standardise": Standardise,
    "class-standardise": ClassStandardise,
    "coral": CORAL,
    "monge": Monge,
    "multi-monge": MultiLinearMonge,
    "per-source": PerSource,
    "subspace-alignment": SubspaceAlignment,
    "geodesic-flow": GeodesicFlow,
    "transfer-subspace": TransferSubspace,
    "mmd-scale-shift": MMDScaleShift,
    "fmmd": FMMD,
    "riemannian": RiemannianAlignment,
    "tca": TCA,
    "semi-supervised-tca": SemiSupervisedTCA,
    "jda": JDA,
    "bda": BDA,
    "tjm": TJM,
    "scl": StructuralCorrespondence,
    "mda": MarginalisedDenoising,
    "sinkhorn": OptimalTransport,
    "exact-transport": ExactTransport,
    "unbalanced-transport": UnbalancedTransport,
    "partial-transport": PartialTransport,
    "class-transport": ClassTransport,
    "laplace-transport": LaplaceTransport,
    "kernel-transport": KernelTransport,
    "gromov-wasserstein": GromovWasserstein,
    "class-pairs": ClassPairs,
    "kmm": KMM,
    "kliep": KLIEP,
    "ulsif": ULSIF,
    "rulsif": RULSIF,
    "classifier-ratio": ClassifierRatio,
    "entropy-balancing": EntropyBalancing,
    "gaussian-ratio": GaussianRatio,
    "kernel-density-ratio": KernelDensityRatio,
    "nearest-neighbour-ratio": NearestNeighbourRatio,
    "mmd-target-shift": MMDTargetShift,
    "label-propagation": LabelPropagation,
    "jdot": JDOT,
    "jcpot": JCPOT,
    "easy-transfer": EasyTransfer,
    "manifold-embedded": ManifoldEmbedded,
    "pseudo-labels": PseudoLabels,
    "dasvm": DASVM,
    "gradual": GradualSelfTraining,
    "least-squares": LeastSquares,
    "ridge": Ridge,
    "procrustes": Procrustes,
    "low-rank": LowRankAffine,
    "pls": PLS,
    "cca": CCA,
    "direct-standardization": DirectStandardization,
    "piecewise-direct-standardization": PiecewiseDirectStandardization,
    "kernel-ridge": KernelRidgeMap,
    "forest": ForestMap,
    "rcsls": RCSLS,
    "gradient": GradientMapping,
}
"""Every mapping, under the name that ``Transfer`` and the command line take."""


def mapping_names() -> list[str]:
    """Every name that ``make_mapping`` takes: mappings, then alignments of networks."""
    return [*MAPPINGS, *(name for name in ALIGNMENTS if name != "none")]


def make_mapping(name: str) -> Mapping:
    """A mapping with its default parameters, by name; an alignment's is ``DeepTransfer``.

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
    if name not in mapping_names():
        known = ", ".join(mapping_names())
        raise ValueError(f"Unknown mapping {name!r}: the mappings are {known}.")
    return MAPPINGS[name]() if name in MAPPINGS else DeepTransfer(alignment=name)
