"""Learn in three copies of the features: shared, the source's, the target's."""

from typing import Any

from numpy.typing import NDArray

from landbridge.domains.labels import labelled_rows
from landbridge.mapping.base import Carried
from landbridge.target.base import WrappedLearner
from landbridge.target.blocks import stack_columns, zeros_like
from landbridge.target.pooled import pool


def augment_source(X: Any) -> Any:
    """Source rows x as [x, x, 0]."""
    return stack_columns(X, X, zeros_like(X))


def augment_target(X: Any) -> Any:
    """Target rows x as [x, 0, x]."""
    return stack_columns(X, zeros_like(X), X)


class FeatureAugmentation(WrappedLearner):
    """A learner that finds by itself what both domains share and what each has of its own.

    A source row x becomes [x, x, 0], a labelled target row [x, 0, x]; the learner is trained on
    both together (Daumé 2007, "Frustratingly easy domain adaptation", eq. 1). Meant for linear
    and kernel learners. Three times the features: so much memory more.

    Parameters
    ----------
    learner : scikit-learn classifier or regressor
        It is cloned, never changed.

    Attributes
    ----------
    learner_ : fitted classifier or regressor
        It sees rows of 3 d features.
    notes_ : list of str

    Raises
    ------
    ValueError
        If no target row is labelled, all rows are of one class, or they weigh differently and
        the learner takes no weights.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import FeatureAugmentation
    >>> carried = Carried(np.array([[-1.0], [1.0]]), np.array([-1.0, 1.0]))
    >>> Xt, yt = np.array([[-1.0], [1.0]]), np.array([-3.0, 3.0])
    >>> learner = FeatureAugmentation(Ridge(alpha=0.001)).fit(carried, Xt, yt)
    >>> learner.learner_.coef_.round(2), learner.predict(Xt).round(2)
    (array([ 1.33, -0.33,  1.67]), array([-3.,  3.]))
    """

    def __init__(self, learner: Any):
        self.learner = learner

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_labels(yt)
        X, y = labelled_rows(Xt, yt)
        augmented = carried._replace(X=augment_source(carried.X))
        self._train(*pool(augmented, augment_target(X), y, 1.0))

    def _view(self, X: Any) -> Any:
        return augment_target(X)
