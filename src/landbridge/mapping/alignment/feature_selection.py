"""Keep the features that do not change between the domains."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.affine import one_to_one
from landbridge.mapping.base import MomentMapping
from landbridge.moments import Moments, moments_of_rows

CHANCE = 3.0
"""A difference of so many standard errors is none: three features in a thousand pass it."""


def beyond_chance(differences: NDArray, errors: NDArray | float) -> NDArray[np.float64]:
    """Differences, but zero where two samples of one distribution might well show them."""
    return np.where(np.abs(differences) > CHANCE * errors, differences, 0.0)


def feature_differences(source: Moments, target: Moments) -> tuple[NDArray, NDArray]:
    """Differences (d,) in mean and in second moment of each feature, each zero within chance.

    In units of the feature's spread within the domains; second moments are about the midpoint
    of the two means. The square of a Gaussian of mean h and variance v varies by 2 v² + 4 h² v.
    """
    within = (source.squares + target.squares) / (source.weight + target.weight)
    units = np.where(within > 0, within, 1.0)
    shares = [part.squares / part.weight / units for part in (source, target)]
    first = (source.mean - target.mean) / np.sqrt(units)
    second = shares[0] - shares[1]
    noise = np.sqrt(1 / source.effective_count + 1 / target.effective_count)
    v = (shares[0] + shares[1]) / 2
    errors = noise * np.sqrt(v), noise * np.sqrt(2 * v**2 + first**2 * v)
    return beyond_chance(first, errors[0]), beyond_chance(second, errors[1])


def discrepancy_weights(discrepancies: NDArray) -> NDArray[np.float64]:
    """The ``w ≥ 0`` with ``‖w‖ ≤ 1`` that maximises ``Σ w_j a_j``: ``a / ‖a‖``, zero for zero."""
    return discrepancies / max(float(np.linalg.norm(discrepancies)), np.finfo(float).tiny)


class FMMD(MomentMapping):
    r"""Drop the features that change most between the domains, and keep the rest as they are.

    f-MMD weighs the features so that the maximum mean discrepancy between the domains is as
    large as can be,

    .. math:: \max_w \mathrm{MMD}^2_w \quad \text{subject to} \quad w \ge 0,\ \|w\|_2 \le 1,

    and drops those of large weight (Uguroglu & Carbonell 2011). The kernel is
    :math:`\sum_j w_j x_j x'_j`, which compares the means of each feature, or
    :math:`\sum_j w_j (1 + x_j x'_j)^2`, which compares second moments as well: with differences
    :math:`\delta_j` and :math:`D_j` of the two, :math:`w_j \propto \delta_j^2` or
    :math:`2 \delta_j^2 + D_j^2`. Only means and variances are needed; changed correlations go
    unseen. Differences within three standard errors (of Gaussian features) count as none, so
    that two samples of one distribution keep, as a rule, all features. Weights are relative: a
    feature that changes beyond measure hides lesser changes of others. Both domains lose the same
    columns; sparse rows stay sparse.

    Parameters
    ----------
    kernel : {"linear", "polynomial"}, default="polynomial"
        Whether means alone, or variances too, must agree.
    threshold : "auto" or float, default="auto"
        Features of larger weight are dropped; ``"auto"`` is :math:`1 / \sqrt d`, the weight of
        each if all changed alike. One feature at least is kept.

    Attributes
    ----------
    weights_ : ndarray of shape (d,)
        How much each feature makes the domains differ; their squares sum to one, unless
        nothing differs.
    kept_ : ndarray of shape (k,)
        The numbers of the features that are kept.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.alignment.feature_selection import FMMD
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(size=(300, 3)), rng.normal(size=(200, 3)) + [0.0, 2.0, 0.0]
    >>> FMMD().fit(Xs, Xt).kept_
    array([0, 2])
    """

    meets_between = True
    cost = "n d"
    when = "a few features that mean something else in the target, and others that do not"

    weights_: NDArray[np.float64]
    kept_: NDArray[np.intp]

    def __init__(self, kernel: str = "polynomial", threshold: float | str = "auto"):
        self.kernel = kernel
        self.threshold = threshold

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        source = moments_of_rows((Xs,), sample_weight, variances_only="x")
        self.fit_moments(source, moments_of_rows((Xt,), variances_only="x"))

    def _fit_moments(self, source: Moments, target: Moments) -> None:
        self._check_parameters()
        first, second = feature_differences(source, target)
        compared = first**2 if self.kernel == "linear" else 2 * first**2 + second**2
        self.weights_ = discrepancy_weights(compared)
        even = len(compared) ** -0.5
        # Equal weights differ by rounding; none of them stands out.
        limit = even * (1 + 1e-9) if self.threshold == "auto" else float(self.threshold)
        kept = np.flatnonzero(self.weights_ <= limit)
        self.kept_ = kept if len(kept) else np.array([self.weights_.argmin()])

    def _check_parameters(self) -> None:
        check_choice("kernel", self.kernel, ("linear", "polynomial"))
        check_number("threshold", self.threshold, words=("auto",), most=1)

    def _map(self, X: Any) -> Any:
        return X[:, self.kept_]

    def _map_target(self, X: Any) -> Any:
        return X[:, self.kept_]

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        names = [[names[j] for j in self.kept_] for names in (source, target)]
        return one_to_one(np.ones(len(self.kept_)), *names)
