"""Step 3, go on learning in the target with what was carried over.

Each learner takes ``fit(carried, Xt, yt, model)``: the source rows as the mapping carried them,
all target rows in the same space, the labels that some of them have, and the source model. They
differ in what they keep of the source: its rows (``Refit``, ``Pooled``,
``FeatureAugmentation``), its predictions (``Stacking``), its weights (``RegularTransfer...``),
its classes but not their shares (``LabelShift``), or nothing (``TargetOnly``). Against class
imbalance there are row weights (``class_weight``) and a decision threshold (``Thresholded``).
"""

from collections.abc import Callable
from typing import Any

from landbridge.target.base import TargetLearner, WrappedLearner
from landbridge.target.class_weight import class_weights
from landbridge.target.feature_augmentation import FeatureAugmentation
from landbridge.target.label_shift import LabelShift, reweigh_posteriors
from landbridge.target.pooled import Pooled, default_target_weight
from landbridge.target.refit import Refit
from landbridge.target.regular_transfer import (
    RegularTransferClassifier,
    RegularTransferRegressor,
    regular_transfer,
)
from landbridge.target.stacking import Stacking
from landbridge.target.target_only import TargetOnly
from landbridge.target.threshold import Thresholded, best_threshold


def thresholded(learner: Any) -> TargetLearner:
    """``Pooled`` with its decision threshold chosen for balanced accuracy."""
    return Thresholded(Pooled(learner))


TARGETS: dict[str, Callable[[Any], TargetLearner]] = {
    "refit": Refit,
    "pooled": Pooled,
    "target-only": TargetOnly,
    "stacking": Stacking,
    "augmentation": FeatureAugmentation,
    "regular": regular_transfer,
    "label-shift": LabelShift,
    "thresholded": thresholded,
}

__all__ = [
    "TARGETS",
    "FeatureAugmentation",
    "LabelShift",
    "Pooled",
    "Refit",
    "RegularTransferClassifier",
    "RegularTransferRegressor",
    "Stacking",
    "TargetLearner",
    "TargetOnly",
    "Thresholded",
    "WrappedLearner",
    "best_threshold",
    "class_weights",
    "default_target_weight",
    "regular_transfer",
    "reweigh_posteriors",
    "thresholded",
]
