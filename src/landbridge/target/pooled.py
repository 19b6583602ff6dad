"""Learn from carried source rows and labelled target rows together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.class_weight import ClassWeight
from landbridge.domains.labels import is_labelled, labelled_rows
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import Carried
from landbridge.moments import effective_size
from landbridge.moments.feature_map import stack
from landbridge.source import learner_name, weight_parameter
from landbridge.target.base import WrappedLearner, row_weights


def default_target_weight(n_source: float, n_target: float) -> float:
    r"""How much a target row weighs against a source row: :math:`\sqrt{n_s / n_t}`, at least 1.

    Halfway, on a log scale, between all rows alike (1) and both domains alike
    (:math:`n_s / n_t`), which are the best weights where the domains agree and where they do
    not (Ben-David et al. 2010, theorem 3). The pool keeps an effective sample size of at least
    half the source's, so few labels never drown the source.

    Examples
    --------
    >>> from landbridge.target import default_target_weight
    >>> default_target_weight(900, 9)
    10.0
    """
    return float(np.sqrt(max(n_source / n_target, 1.0)))


def pool(
    carried: Carried, X: Any, y: NDArray, target_weight: float
) -> tuple[Any, NDArray, NDArray]:
    """Carried rows, then target rows that weigh ``target_weight`` mean source rows each."""
    weights = row_weights(carried)
    y = y if len(y) else carried.y[:0]  # no labels have no type of their own
    added = np.full(len(y), target_weight * weights.mean())
    return (
        stack((carried.X, X)),
        np.concatenate([carried.y, y]),
        np.concatenate([weights, added]),
    )


class Pooled(WrappedLearner):
    r"""A learner trained on carried source rows and labelled target rows together.

    With :math:`w` the ``target_weight`` the loss is
    :math:`\sum_i \ell(f(x_i), y_i) + w \sum_j \ell(f(x_j), y_j)` over carried rows i and
    labelled target rows j, a balance of two samples (Wu & Dietterich 2004, eq. 1). Without
    labelled target rows it is ``Refit``.

    Parameters
    ----------
    learner : scikit-learn classifier or regressor
        It is cloned, never changed.
    target_weight : "auto" or float, default="auto"
        How many mean source rows a labelled target row weighs. ``"auto"`` is
        ``default_target_weight`` of the effective size of the source; where the learner takes no
        weights it is 1, and a note says so.
    class_weight : None, "auto" or dict, default=None
        A factor on the weights of each class's rows, of both domains: see ``class_weights``.

    Attributes
    ----------
    learner_ : fitted classifier or regressor
    target_weight_ : float
        The weight used.
    notes_ : list of str

    Raises
    ------
    ValueError
        If ``target_weight`` is not a positive number, rows weigh differently and the learner
        takes no weights, or they are all of one class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import Pooled
    >>> carried = Carried(np.zeros((4, 1)), np.array([0.0, 0.0, 0.0, 0.0]))
    >>> Xt, yt = np.array([[0.0], [0.0]]), np.array([3.0, np.nan])
    >>> pooled = Pooled(LinearRegression()).fit(carried, Xt, yt)
    >>> pooled.target_weight_, pooled.predict(Xt)
    (2.0, array([1., 1.]))
    """

    def __init__(
        self,
        learner: Any,
        *,
        target_weight: float | str = "auto",
        class_weight: ClassWeight = None,
    ):
        self.learner = learner
        self.target_weight = target_weight
        self.class_weight = class_weight

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self.target_weight_ = self._target_weight(carried, is_labelled(yt).sum())
        rows = pool(carried, *labelled_rows(Xt, yt), self.target_weight_)
        self._train(*rows, self.class_weight)

    def _target_weight(self, carried: Carried, n_target: int) -> float:
        if self.target_weight != "auto":
            return self._given_weight()
        if n_target == 0:
            return 1.0
        if weight_parameter(self.learner) is None:
            self.notes_.append(
                f"{learner_name(self.learner)} takes no sample weights: a target row weighs "
                "as much as a source row."
            )
            return 1.0
        return default_target_weight(effective_size(row_weights(carried)), n_target)

    def _given_weight(self) -> float:
        instead = "For no target rows use Refit, for nothing else TargetOnly."
        check_number(
            "target_weight", self.target_weight, words=("auto",), above=True, instead=instead
        )
        return float(self.target_weight)
