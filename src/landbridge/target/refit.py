"""Learn from the carried source rows alone."""

from typing import Any

from numpy.typing import NDArray

from landbridge.domains.class_weight import ClassWeight
from landbridge.mapping.base import Carried
from landbridge.target.base import WrappedLearner


class Refit(WrappedLearner):
    """A learner trained on the carried source rows; target labels are not used.

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
        If carried rows weigh differently and the learner takes no weights, or they are all of
        one class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import Refit
    >>> carried = Carried(np.array([[0.0], [1.0], [4.0], [5.0]]), np.array(["a", "a", "b", "b"]))
    >>> Xt, yt = np.array([[0.5], [4.5]]), np.array([None, None])
    >>> Refit(LogisticRegression()).fit(carried, Xt, yt).predict(Xt)
    array(['a', 'b'], dtype='<U1')
    """

    def __init__(self, learner: Any, *, class_weight: ClassWeight = None):
        self.learner = learner
        self.class_weight = class_weight

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._train(carried.X, carried.y, carried.sample_weight, self.class_weight)
