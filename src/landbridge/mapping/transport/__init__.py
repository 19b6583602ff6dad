"""Mappings by optimal transport: mass is carried from the source to the target at the least cost.

``cost`` has the costs and their unit, ``sinkhorn`` our solver and ``plans`` those of POT,
``regularisers`` what a plan can be made to respect, ``out_of_sample`` the map of rows that no
plan has seen, and ``outputs`` labels that travel along a plan. Each other file holds one method.
"""

from landbridge.mapping.transport.gromov_wasserstein import GromovWasserstein
from landbridge.mapping.transport.jdot import JDOT
from landbridge.mapping.transport.kernel_transport import KernelTransport
from landbridge.mapping.transport.optimal_transport import OptimalTransport
from landbridge.mapping.transport.special_cases import (
    ClassTransport,
    ExactTransport,
    LaplaceTransport,
    PartialTransport,
    UnbalancedTransport,
)

__all__ = [
    "JDOT",
    "ClassTransport",
    "ExactTransport",
    "GromovWasserstein",
    "KernelTransport",
    "LaplaceTransport",
    "OptimalTransport",
    "PartialTransport",
    "UnbalancedTransport",
]
