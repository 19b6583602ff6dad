"""After: candidates beside the baselines on the same folds, and the guard's verdict."""

from landbridge.evidence.verdict.auto import AutoTransfer
from landbridge.evidence.verdict.candidates import candidate_names, make_candidate
from landbridge.evidence.verdict.comparison import Comparison, Trial, compare
from landbridge.evidence.verdict.guard import Verdict
from landbridge.evidence.verdict.influence import group_influence
from landbridge.evidence.verdict.learning_curve import LearningCurve, learning_curve
from landbridge.evidence.verdict.leave_one_source_out import leave_one_source_out

__all__ = [
    "AutoTransfer",
    "Comparison",
    "LearningCurve",
    "Trial",
    "Verdict",
    "candidate_names",
    "compare",
    "group_influence",
    "learning_curve",
    "leave_one_source_out",
    "make_candidate",
]
