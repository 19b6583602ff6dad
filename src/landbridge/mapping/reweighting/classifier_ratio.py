"""Density ratios from a classifier that tells target rows from source rows."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.domains.parameters import check_number
from landbridge.mapping.reweighting.base import Reweighting
from landbridge.mapping.reweighting.basis import row_hashes
from landbridge.mapping.reweighting.held import SMALL
from landbridge.moments import FeatureMap
from landbridge.moments.feature_map import stack
from landbridge.source import fit_learner

SURE = 1e-12
"""Probabilities are kept this far from 0 and 1."""


def log_ratio_of_odds(
    probability: NDArray, source_weight: float, target_weight: float
) -> NDArray[np.float64]:
    """``log((W_s / W_t) p / (1 − p))`` (n,) for probabilities p (n,) of the target."""
    p = np.clip(np.asarray(probability, dtype=np.float64), SURE, 1 - SURE)
    return np.log(source_weight / target_weight) + logit(p)


def default_classifier(kernel: str, *, sparse: bool) -> Any:
    """Logistic regression: on kernel features as they are, on others standardised.

    Kernel features have a scale of their own, and sparse ones are scaled but not centred.
    """
    learner = LogisticRegression(C=1.0, max_iter=1000)
    if kernel != "linear":
        return learner
    return make_pipeline(StandardScaler(with_mean=not sparse), learner)


def joint_features(features: FeatureMap, samples: tuple[Any, Any]) -> Any:
    """The features of both samples' rows, once in memory; in float32 where they are many."""
    if features.kernel == "linear":
        return stack(samples)
    size = (sum(rows.shape[0] for rows in samples), features.n_features_)
    dtype = samples[0].dtype if size[0] * size[1] <= SMALL else np.float32
    X, start = np.empty(size, dtype), 0
    for chunk in (chunk for rows in samples for chunk in features.chunks(rows)):
        X[start : start + len(chunk)] = chunk
        start += len(chunk)
    return X


class ClassifierRatio(Reweighting):
    r"""Weigh source rows by how much a classifier takes them for target rows.

    With the probability :math:`p(x)` that a row is of the target, by Bayes' rule

    .. math:: r(x) = \frac{n_s}{n_t} \frac{p(x)}{1 - p(x)}

    (Bickel, Brückner & Scheffer 2009). The classifier is trained on both samples
    ``cv`` times, without a fold of the rows each time, and every row is judged by the one that
    was trained without its fold. The fold of a row depends on what is in it
    alone: rows of ``fit``, and copies of them, are always judged out of fold, and new rows by
    the same rule. A fold whose training rows lack a domain is trained on all rows.

    Parameters
    ----------
    classifier : scikit-learn classifier, optional
        Anything with ``predict_proba``; logistic regression by default. It is cloned, never
        changed.
    kernel : {"rbf", "laplacian", "linear"}, default="rbf"
        What the classifier sees: Nyström features of a kernel, or with ``"linear"`` the
        features themselves, as trees and networks want them; standardised for the default
        classifier, whose ratio is then log-linear.
    gamma : "median" or float, default="median"
        That kernel's inverse width; larger values follow finer detail.
    n_features : int, default=100
        How many kernel features; more follow finer detail.
    cv : int or None, default=5
        Number of folds; ``None`` trains one classifier on all rows and judges them by it.
    cap : None, "auto" or float, default="auto"
        Truncate weights at so many times their mean; ``"auto"`` at √n_s times (Ionides 2008).
    random_state : int, default=0
        Seed of the kernel's landmarks; the order of rows changes nothing.

    Attributes
    ----------
    classifiers_ : list of fitted classifiers
        One for each fold; its size is theirs.
    domain_weights_ : ndarray of shape (n_folds, 2)
        Number of source and target rows that each was trained on.
    features_ : FeatureMap
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import ClassifierRatio
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(0, 1, (2000, 1)), rng.normal(1, 1, (2000, 1))
    >>> w = ClassifierRatio(kernel="linear").fit(Xs, Xt).weights([[0.5], [1.5]])
    >>> round(float(np.log(w[1] / w[0])), 1)
    1.0
    """

    cost: ClassVar[str] = "that of training the classifier, cv times"
    when: ClassVar[str] = "Many features, or a classifier that suits them: trees, networks."

    def __init__(
        self,
        classifier: Any = None,
        kernel: str = "rbf",
        gamma: float | str = "median",
        n_features: int = 100,
        cv: int | None = 5,
        cap: float | str | None = "auto",
        random_state: int = 0,
    ):
        self.classifier = classifier
        self.kernel = kernel
        self.gamma = gamma
        self.n_features = n_features
        self.cv = cv
        self.cap = cap
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_number("cv", self.cv, words=(None,), least=2, whole=True)
        if self.classifier is not None and not hasattr(self.classifier, "predict_proba"):
            raise ValueError(
                f"classifier must give probabilities: {type(self.classifier).__name__} has no "
                "predict_proba. Wrap it in CalibratedClassifierCV, or leave it None."
            )

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> None:
        self.features_ = FeatureMap(
            self.kernel, "nystroem", self.n_features, self.gamma, self.random_state
        ).fit(Xs, Xt)
        n_s, n_t = Xs.shape[0], Xt.shape[0]
        X = joint_features(self.features_, (Xs, Xt))
        is_target = np.arange(n_s + n_t) >= n_s
        weights = np.concatenate([np.round(shares * n_s, 12), np.ones(n_t)])
        folds = np.concatenate([self._folds(rows) for rows in (Xs, Xt)])
        classifier = self.classifier
        if classifier is None:
            classifier = default_classifier(self.kernel, sparse=issparse(X))
        self.classifiers_, seen = [], []
        for k in range(self.cv or 1):
            rows = np.flatnonzero(_training_rows(folds != k, is_target, weights))
            here, w = is_target[rows], weights[rows]
            self.classifiers_.append(fit_learner(classifier, X[rows], here.astype(int), w))
            seen.append([w[~here].sum(), w[here].sum()])
        self.domain_weights_ = np.array(seen)

    def _folds(self, X: Any) -> NDArray[np.intp]:
        return (row_hashes(X) % np.uint64(self.cv or 1)).astype(np.intp)

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        folds, features = self._folds(X), self.features_.transform(X)
        logs = np.empty(len(folds))
        for k in np.unique(folds):
            probability = self.classifiers_[k].predict_proba(features[folds == k])[:, 1]
            logs[folds == k] = log_ratio_of_odds(probability, *self.domain_weights_[k])
        return logs


def _training_rows(kept: NDArray, is_target: NDArray, weights: NDArray) -> NDArray[np.bool_]:
    """The rows kept, or all, where a domain would be left without any that count."""
    counted = kept & (weights > 0)
    return kept if (counted & is_target).any() and (counted & ~is_target).any() else kept | True
