"""How the domains differ, and whether carrying over helped.

Before: ``diagnose`` needs no trained model and compares features, labels and, where there are
target labels, how the one depends on the other; ``rank_sources`` and ``rank_backbones`` say which
source or encoder suits the target. After: ``compare`` puts every candidate on the
same folds of target labels beside learning from the source only, the target only and both
pooled, and the guard uses the best of these unless a candidate is better beyond the noise;
``AutoTransfer`` does so with the whole catalogue within a time budget, ``learning_curve`` says what
more target labels would be worth and ``group_influence`` which source rows help.
Where there are several sources and no target labels, ``leave_one_source_out`` tells; where there
is one, ``choose_without_labels`` takes the simplest change that explains the target.
"""

from landbridge.evidence.shift import (
    Diagnosis,
    classifier_two_sample_test,
    diagnose,
    feature_shift,
    mmd_test,
)
from landbridge.evidence.transferability import Ranking, rank_backbones, rank_sources
from landbridge.evidence.validation import (
    VALIDATORS,
    Choice,
    Seen,
    catalogue_candidates,
    choose_without_labels,
    make_epoch_validator,
    make_label_free_scorer,
    rank_without_labels,
    score_without_labels,
)
from landbridge.evidence.verdict import (
    AutoTransfer,
    Comparison,
    LearningCurve,
    Trial,
    Verdict,
    candidate_names,
    compare,
    group_influence,
    learning_curve,
    leave_one_source_out,
    make_candidate,
)

__all__ = [
    "AutoTransfer",
    "VALIDATORS",
    "Choice",
    "Comparison",
    "Diagnosis",
    "LearningCurve",
    "Seen",
    "Ranking",
    "Trial",
    "Verdict",
    "candidate_names",
    "catalogue_candidates",
    "choose_without_labels",
    "classifier_two_sample_test",
    "compare",
    "diagnose",
    "feature_shift",
    "group_influence",
    "learning_curve",
    "leave_one_source_out",
    "make_candidate",
    "make_epoch_validator",
    "make_label_free_scorer",
    "mmd_test",
    "rank_backbones",
    "rank_sources",
    "rank_without_labels",
    "score_without_labels",
]
