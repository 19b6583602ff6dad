"""Step 1, learn in the source: learners by name, and what can be taken out of a fitted one.

Any scikit-learn classifier or regressor is a source learner; ``make_learner`` has the common
ones ready. Out of a fitted learner come its predictions, as seen from where both domains meet
(``CarriedModel``), where it is linear, its parameters (``linear_parameters``), and where it is a
network (``NetworkSource``), its representation of rows. Nothing here knows how rows are mapped.
"""

from landbridge.source.learners import LEARNERS, learner_names, make_learner
from landbridge.source.linear_head import LinearHead
from landbridge.source.model import (
    CarriedModel,
    fit_learner,
    has_probabilities,
    learner_name,
    linear_parameters,
    weight_parameter,
)
from landbridge.source.network import NetworkSource
from landbridge.source.svm import ProbabilisticSVC

__all__ = [
    "LEARNERS",
    "CarriedModel",
    "LinearHead",
    "NetworkSource",
    "ProbabilisticSVC",
    "fit_learner",
    "has_probabilities",
    "learner_name",
    "learner_names",
    "linear_parameters",
    "make_learner",
    "weight_parameter",
]
