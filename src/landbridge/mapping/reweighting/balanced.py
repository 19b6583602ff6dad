"""Source rows weighed as a whole against labelled target rows."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import is_labelled
from landbridge.mapping.reweighting.base import Reweighting
from landbridge.mapping.reweighting.parameters import check_number


def balanced_weight(gamma: float, n_source: float, n_target: float) -> float:
    """The weight of a source row, a target row's being 1, that gives the source its share γ."""
    return gamma / (1 - gamma) * n_target / n_source


class BalancedWeighting(Reweighting):
    r"""Weigh all source rows alike, so that they hold a set share of the loss.

    Every source row weighs :math:`\frac{γ}{1 - γ} \frac{n_t}{n_s}` and every labelled target row
    1, so that a learner that takes both with these weights minimises

    .. math:: γ\, \bar L_s + (1 - γ)\, \bar L_t

    with the mean losses of both domains (Wu & Dietterich 2004, there with a constant for each
    domain's hinge losses). ``weights`` are relative to a target row, and have no mean of 1.
    Sample weights of the source count on top, and should have mean 1.
    A learner that scales both samples anew, such as ``Pooled``, needs the balance as its own
    parameter: ``Pooled(target_weight=mapping.target_weight_)``.

    Parameters
    ----------
    gamma : float, default=0.5
        The source's share of the loss, above 0 and below 1; larger values trust the source
        more. At 0.5 both domains count the same, however many rows they have.

    Attributes
    ----------
    source_weight_ : float
        The weight of a source row against a target row's 1.
    target_weight_ : float
        How many source rows a target row weighs: one over the former.
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import BalancedWeighting
    >>> Xs, Xt, yt = np.zeros((8, 1)), np.zeros((3, 1)), ["yes", "no", None]
    >>> balanced = BalancedWeighting().fit(Xs, Xt, yt=yt)
    >>> balanced.weights(Xs[:2]), balanced.target_weight_
    (array([0.25, 0.25]), 4.0)
    """

    needs_labels: ClassVar[str] = "target"
    cost: ClassVar[str] = "n"
    when: ClassVar[str] = "Some target labels, and a source that is right but for its bias."
    cap = None

    def __init__(self, gamma: float = 0.5):
        self.gamma = gamma

    def _check_parameters(self) -> None:
        check_number("gamma", self.gamma, above=True, below=1.0)

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> None:
        n_target = int(is_labelled(yt).sum())
        self.source_weight_ = balanced_weight(self.gamma, Xs.shape[0], n_target)
        self.target_weight_ = 1 / self.source_weight_

    def _normalise(self, log_ratios: NDArray, shares: NDArray) -> None:
        """Keep the weights as they are: it is their size that counts."""
        self.log_limit_, self.log_scale_ = np.inf, 0.0
        self._judge(shares)

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        return np.full(X.shape[0], np.log(self.source_weight_))
