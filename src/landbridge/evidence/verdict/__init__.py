"""After: candidates beside the baselines on the same folds, and the guard's verdict."""

from landbridge.evidence.verdict.candidates import candidate_names, make_candidate
from landbridge.evidence.verdict.comparison import Comparison, Trial, compare
from landbridge.evidence.verdict.guard import Verdict
from landbridge.evidence.verdict.guarded import GuardedTransfer
from landbridge.evidence.verdict.leave_one_source_out import leave_one_source_out

__all__ = [
    "Comparison",
    "GuardedTransfer",
    "Trial",
    "Verdict",
    "candidate_names",
    "compare",
    "leave_one_source_out",
    "make_candidate",
]
