"""Step 3, go on learning in the target with what was carried over.

Each learner takes ``fit(carried, Xt, yt, model)``: the source rows as the mapping carried them,
all target rows in the same space, the labels that some of them have, and the source model. They
differ in what they keep of the source: its rows (``Refit``, ``Pooled``,
``FeatureAugmentation``), its predictions (``Stacking``), its weights (``RegularTransfer...``),
its classes but not their shares (``LabelShift``), or nothing (``TargetOnly``). Others go on where
the source model stopped (``BoostedContinuation``, ``SER`` and ``STRUT`` for forests,
``KernelTransferRegressor``, ``FineTune`` for networks), of which some never look at source rows
(``SHOT``, ``TENT`` and ``AdaBN`` for networks); mix it with the target's own
(``LinearInterpolation``), or weigh rows anew in each round of boosting (``TrAdaBoost...``).
Against class imbalance there are row weights (``class_weight``), a decision threshold
(``Thresholded``) and ``LogitAdjusted``.
"""

from collections.abc import Callable
from typing import Any

from landbridge.domains.class_weight import class_weights
from landbridge.target.base import TargetLearner, WrappedLearner
from landbridge.target.boosted import BoostedContinuation
from landbridge.target.boosting import (
    TrAdaBoost,
    TrAdaBoostR2,
    TwoStageTrAdaBoostR2,
    tradaboost,
)
from landbridge.target.feature_augmentation import FeatureAugmentation
from landbridge.target.fine_tune import FineTune
from landbridge.target.interpolation import LinearInterpolation
from landbridge.target.kernel_transfer import KernelTransferRegressor
from landbridge.target.label_shift import LabelShift, reweigh_posteriors
from landbridge.target.logit_adjustment import LogitAdjusted
from landbridge.target.pooled import Pooled, default_target_weight
from landbridge.target.refit import Refit
from landbridge.target.regular_transfer import (
    RegularTransferClassifier,
    RegularTransferRegressor,
    regular_transfer,
)
from landbridge.target.source_free import SHOT, TENT, AdaBN
from landbridge.target.stacking import Stacking
from landbridge.target.target_only import TargetOnly
from landbridge.target.threshold import Thresholded, best_threshold
from landbridge.target.trees import SER, STRUT, ser, strut


def thresholded(learner: Any) -> TargetLearner:
    """``Pooled`` with its decision threshold chosen for balanced accuracy."""
    return Thresholded(Pooled(learner))


def logit_adjusted(learner: Any) -> TargetLearner:
    """``Pooled`` with its probabilities divided by the classes' shares, against imbalance."""
    return LogitAdjusted(Pooled(learner))


TARGETS: dict[str, Callable[[Any], TargetLearner]] = {
    "refit": Refit,
    "pooled": Pooled,
    "target-only": TargetOnly,
    "stacking": Stacking,
    "augmentation": FeatureAugmentation,
    "regular": regular_transfer,
    "label-shift": LabelShift,
    "thresholded": thresholded,
    "logit-adjusted": logit_adjusted,
    "interpolation": LinearInterpolation,
    "tradaboost": tradaboost,
    "boosted": BoostedContinuation,
    "ser": ser,
    "strut": strut,
}

__all__ = [
    "SER",
    "SHOT",
    "STRUT",
    "TARGETS",
    "TENT",
    "AdaBN",
    "BoostedContinuation",
    "FeatureAugmentation",
    "FineTune",
    "KernelTransferRegressor",
    "LabelShift",
    "LinearInterpolation",
    "LogitAdjusted",
    "Pooled",
    "Refit",
    "RegularTransferClassifier",
    "RegularTransferRegressor",
    "Stacking",
    "TargetLearner",
    "TargetOnly",
    "Thresholded",
    "TrAdaBoost",
    "TrAdaBoostR2",
    "TwoStageTrAdaBoostR2",
    "WrappedLearner",
    "best_threshold",
    "class_weights",
    "default_target_weight",
    "logit_adjusted",
    "regular_transfer",
    "reweigh_posteriors",
    "ser",
    "strut",
    "thresholded",
    "tradaboost",
]
