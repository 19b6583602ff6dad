"""How the domains differ, and whether carrying over helped.

Before: ``diagnose`` needs no trained model and compares features, labels and, where there are
target labels, how the one depends on the other. After: ``compare`` puts every candidate on the
same folds of target labels beside learning from the source only, the target only and both
pooled, and the guard uses the best of these unless a candidate is better beyond the noise.
Where there are several sources and no target labels, ``leave_one_source_out`` tells; where there
is one, ``choose_without_labels`` takes the simplest change that explains the target.
"""

from landbridge.evidence.candidates import candidate_names, make_candidate
from landbridge.evidence.choice import Choice, catalogue_candidates, choose_without_labels
from landbridge.evidence.comparison import Comparison, Trial, compare
from landbridge.evidence.diagnosis import Diagnosis, diagnose
from landbridge.evidence.feature_shift import feature_shift
from landbridge.evidence.guard import Verdict
from landbridge.evidence.guarded import GuardedTransfer
from landbridge.evidence.leave_one_source_out import leave_one_source_out
from landbridge.evidence.two_sample import classifier_two_sample_test, mmd_test

__all__ = [
    "Choice",
    "Comparison",
    "Diagnosis",
    "GuardedTransfer",
    "Trial",
    "Verdict",
    "candidate_names",
    "catalogue_candidates",
    "choose_without_labels",
    "classifier_two_sample_test",
    "compare",
    "diagnose",
    "feature_shift",
    "leave_one_source_out",
    "make_candidate",
    "mmd_test",
]
