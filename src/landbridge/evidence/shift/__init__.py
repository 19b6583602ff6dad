"""Before: how source and target differ, from rows and labels alone."""

from landbridge.evidence.shift.diagnosis import Diagnosis, diagnose
from landbridge.evidence.shift.feature_shift import feature_shift
from landbridge.evidence.shift.two_sample import classifier_two_sample_test, mmd_test

__all__ = [
    "Diagnosis",
    "classifier_two_sample_test",
    "diagnose",
    "feature_shift",
    "mmd_test",
]
