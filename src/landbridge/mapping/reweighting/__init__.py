"""Mappings that leave source rows where they are and weigh them like the target.

Each estimates the density ratio ``r(x) = p_t(x) / p_s(x)``, for any row x. ``base`` turns a ratio
into weights of mean 1, caps them, and judges what they leave of the sample; a method gives
nothing but the ratio: as a sum of Gaussian functions (``ulsif``, ``kliep``), as the solution of
mean matching (``kmm``, ``entropy_balancing``, on one dual problem in ``mean_matching``), from a
classifier, two densities, neighbours, or the labels (``target_shift``).
"""

from landbridge.mapping.reweighting.base import Reweighting
from landbridge.mapping.reweighting.classifier_ratio import ClassifierRatio
from landbridge.mapping.reweighting.density import GaussianRatio, KernelDensityRatio
from landbridge.mapping.reweighting.entropy_balancing import EntropyBalancing
from landbridge.mapping.reweighting.kliep import KLIEP
from landbridge.mapping.reweighting.kmm import KMM
from landbridge.mapping.reweighting.nearest import NearestNeighbourRatio
from landbridge.mapping.reweighting.target_shift import MMDTargetShift
from landbridge.mapping.reweighting.ulsif import RULSIF, ULSIF

__all__ = [
    "KLIEP",
    "KMM",
    "RULSIF",
    "ULSIF",
    "ClassifierRatio",
    "EntropyBalancing",
    "GaussianRatio",
    "KernelDensityRatio",
    "MMDTargetShift",
    "NearestNeighbourRatio",
    "Reweighting",
]
