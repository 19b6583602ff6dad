"""Give every class an even chance, however rare it is."""

from collections.abc import Mapping as Mappable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.parameters import check_number
from landbridge.mapping.base import Carried
from landbridge.source import has_probabilities
from landbridge.target.base import TargetLearner
from landbridge.target.label_shift import reweigh_posteriors

LEAST_SHARE = 1e-6


class LogitAdjusted(ClassifierMixin, TargetLearner):
    r"""A target learner that judges each class by how much likelier it is than usual.

    Predicts the class with the largest :math:`\log p_k(x) - \tau \log \pi_k`, with
    :math:`\pi_k` the share of the class (Menon et al. 2021, eq. 9, post hoc). At τ = 1 that is
    the rule with the least balanced error: rare classes count as much as common ones. For any
    number of classes.

    Parameters
    ----------
    inner : TargetLearner
        With ``predict_proba``. It is cloned, never changed.
    tau : float, default=1.0
        The strength τ; 0 changes nothing, 1 weighs all classes alike.
    priors : dict, optional
        The share of each class that the probabilities of ``inner`` rest on. By default the mean
        of its probabilities over all target rows: for a learner that fits the class frequencies
        of its rows, such as logistic regression, those are the frequencies, as the target has
        them.

    Attributes
    ----------
    inner_ : fitted TargetLearner
    classes_ : ndarray of shape (n_classes,)
    priors_ : ndarray of shape (n_classes,)
        The shares :math:`\pi`.
    notes_ : list of str
        Those of ``inner_``.

    Raises
    ------
    ValueError
        If ``inner`` has no probabilities, ``tau`` is negative, or ``priors`` lacks a class or
        holds a share that is not above zero.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import Refit
    >>> from landbridge.target.logit_adjustment import LogitAdjusted
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["ill", "well"], [20, 380])
    >>> carried = Carried(rng.normal(size=(400, 1)) + 2.0 * (y == "well")[:, None], y)
    >>> learner = LogitAdjusted(Refit(LogisticRegression()))
    >>> learner.fit(carried, carried.X, np.full(400, None)).priors_.round(2)
    array([0.05, 0.95])
    """

    def __init__(self, inner: TargetLearner, *, tau: float = 1.0, priors: Mappable | None = None):
        self.inner = inner
        self.tau = tau
        self.priors = priors

    @property
    def uses_model(self) -> bool:  # type: ignore[override]
        """Whether the inner learner looks at the source model."""
        return self.inner.uses_model

    @property
    def classes_(self) -> NDArray:
        """The classes, in the order of the probabilities."""
        return self.inner_.classes_

    def predict(self, X: Any) -> NDArray:
        """The class (n,) of target rows (n, d) that is likeliest beside its share."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> NDArray:
        r"""The probability (n, n_classes) of each class, proportional to ``p / π^τ``."""
        check_is_fitted(self)
        even = np.ones(len(self.classes_))
        return reweigh_posteriors(self.inner_.predict_proba(X), self.priors_**self.tau, even)

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check()
        self.inner_ = clone(self.inner).fit(carried, Xt, yt, model)
        self.notes_.extend(self.inner_.notes_)
        if self.priors is None:
            self.priors_ = np.maximum(self.inner_.predict_proba(Xt).mean(axis=0), LEAST_SHARE)
        else:
            self.priors_ = self._given_shares(self.priors)

    def _given_shares(self, priors: Mappable) -> NDArray[np.float64]:
        shares = np.array([priors.get(k, 0.0) for k in self.classes_.tolist()], dtype=float)
        if not (np.isfinite(shares) & (shares > 0)).all():
            raise ValueError(
                f"priors must hold a share above zero for each of {self.classes_.tolist()}: found "
                f"{dict(priors)}."
            )
        return shares / shares.sum()

    def _check(self) -> None:
        if not has_probabilities(self.inner):
            raise ValueError(
                f"LogitAdjusted needs probabilities: {type(self.inner).__name__} has no "
                "predict_proba with this learner. Use LogisticRegression or a forest."
            )
        check_number("tau", self.tau)
