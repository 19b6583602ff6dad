"""Learn from the labelled target rows alone: the baseline that transfer has to beat."""

from typing import Any

from numpy.typing import NDArray

from landbridge.domains.class_weight import ClassWeight
from landbridge.domains.labels import labelled_rows
from landbridge.mapping.base import Carried
from landbridge.target.base import WrappedLearner


class TargetOnly(WrappedLearner):
    """A learner trained on the labelled target rows; nothing of the source is used.

    Parameters
    ----------
    learner : scikit-learn classifier or regressor
        It is cloned, never changed.
    class_weight : None, "auto" or dict, default=None
        A factor on the weights of each class's rows: see ``class_weights``.

    Attributes
    ----------
    learner_ : fitted classifier or regressor
    notes_ : list of str

    Raises
    ------
    ValueError
        If no target row is labelled, all are of one class, or only one is (regression).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import TargetOnly
    >>> carried = Carried(np.array([[0.0], [5.0]]), np.array([1, -1]))
    >>> Xt, yt = np.array([[1.0], [2.0], [3.0]]), np.array([-1, None, 1])
    >>> TargetOnly(LogisticRegression()).fit(carried, Xt, yt).predict(Xt[[0, 2]])
    array([-1,  1])
    """

    def __init__(self, learner: Any, *, class_weight: ClassWeight = None):
        self.learner = learner
        self.class_weight = class_weight

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_labels(yt)
        self._train(*labelled_rows(Xt, yt), class_weight=self.class_weight)
