"""Before any training: which source suits the target, and which encoder its labels.

One file a measure. ``rank_sources`` and ``rank_backbones`` set candidates side by side, with the
uncertainty of their order.
"""

from landbridge.evidence.transferability.gbc import gbc
from landbridge.evidence.transferability.h_score import h_score
from landbridge.evidence.transferability.intrinsic_dimension import intrinsic_dimension
from landbridge.evidence.transferability.leep import leep
from landbridge.evidence.transferability.log_me import log_me
from landbridge.evidence.transferability.nce import nce
from landbridge.evidence.transferability.rank_backbones import rank_backbones
from landbridge.evidence.transferability.rank_sources import rank_sources
from landbridge.evidence.transferability.ranking import Ranking
from landbridge.evidence.transferability.trans_rate import trans_rate

__all__ = [
    "Ranking",
    "gbc",
    "h_score",
    "intrinsic_dimension",
    "leep",
    "log_me",
    "nce",
    "rank_backbones",
    "rank_sources",
    "trans_rate",
]
