"""During: what can be said of a fitted model where no target row has a label.

A validator sees a fitted model, labelled source rows and bare target rows (``Seen``), and gives a
score, larger is better; ``VALIDATORS`` has them by name, ``make_label_free_scorer`` makes
scikit-learn scorers of them, ``make_epoch_validator`` judges of a network's epochs.
``rank_without_labels`` ranks several models by the consensus of those that can be trusted, which
is better than any one score.
"""

from landbridge.evidence.validation.choice import (
    Choice,
    catalogue_candidates,
    choose_without_labels,
)
from landbridge.evidence.validation.consensus import rank_without_labels
from landbridge.evidence.validation.epochs import EpochValidator, make_epoch_validator
from landbridge.evidence.validation.seen import Seen
from landbridge.evidence.validation.validators import (
    VALIDATORS,
    LabelFreeScorer,
    make_label_free_scorer,
    score_without_labels,
)

__all__ = [
    "VALIDATORS",
    "Choice",
    "EpochValidator",
    "LabelFreeScorer",
    "Seen",
    "catalogue_candidates",
    "choose_without_labels",
    "make_epoch_validator",
    "make_label_free_scorer",
    "rank_without_labels",
    "score_without_labels",
]
