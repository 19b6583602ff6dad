"""Our mappings behind the names, parameters and calls of skada's adapters.

Only names and units are translated here; every number comes from a mapping. Parameters without a
counterpart among ours count for nothing, and ours without one among skada's stay at their
defaults. Steps and tolerances belong to a solver, so ours keep their own.
"""

import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import skada
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from skada.base import BaseAdapter, DAEstimator
from skada.utils import check_X_domain, check_X_y_domain, extract_source_indices
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import SVC
from sklearn.utils.metaestimators import available_if

from landbridge import MAPPINGS, Transfer
from landbridge.mapping import Mapping

FITTED: Counter[str] = Counter()
"""How often each mapping was fitted, by its name in the registry."""
OURS: list[type] = []
"""The classes here that stand for one of skada's of the same name."""
MASKED = -1


def make(name: str, **parameters: Any) -> Mapping:
    """A mapping of the registry, counted as fitted: each is made to be fitted at once."""
    FITTED[name] += 1
    return MAPPINGS[name](**parameters)


def takes_parameters_of(theirs: type) -> Callable[..., None]:
    """A constructor that takes and keeps what that of one of skada's classes takes."""
    signature = inspect.signature(theirs.__init__)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        for name in list(bound.arguments)[1:]:
            setattr(self, name, bound.arguments[name])
        self._check_parameters()

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


def given(value: Any, default: Any) -> Any:
    """A value, or the default where there is none; a forest without trees is none to ``or``."""
    return default if value is None else value


def unmasked(y: NDArray | None) -> NDArray | None:
    """Labels with blanks for skada's masks; ``None`` where all are masked."""
    if y is None:
        return None
    blank = np.isnan(y) if y.dtype.kind == "f" and np.isnan(y).any() else y == MASKED
    labels = y.astype(object)
    labels[blank] = None
    return None if blank.all() else labels


def are_numbers(y: NDArray) -> bool:
    """Whether labels are measurements."""
    return y.dtype.kind == "f" and bool((y != np.round(y)).any())


def unit_of_cost(Xs: NDArray, Xt: NDArray) -> float:
    """The median squared distance between rows seen from their means, our unit of costs."""
    return float(np.median(cdist(Xs - Xs.mean(axis=0), Xt - Xt.mean(axis=0), "sqeuclidean")))


def shrinkage(reg: Any, Xs: NDArray, Xt: NDArray) -> Any:
    """A share of the mean variance as that much of it; skada's ``None`` is our zero."""
    if isinstance(reg, str) or not reg:
        return reg or 0.0
    return reg * float(np.mean([Xs.var(axis=0).mean(), Xt.var(axis=0).mean()]))


def all_components(n_components: int | None, Xs: NDArray, Xt: NDArray) -> int:
    """As many as asked for, or as skada takes by default."""
    return n_components or min(len(Xs) + len(Xt), Xs.shape[1])


class LikeTheirs:
    """A class whose constructor is like that of skada's class of the same name."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if hasattr(skada, cls.__name__):
            cls.__init__ = takes_parameters_of(getattr(skada, cls.__name__))  # type: ignore
            OURS.append(cls)
        super().__init_subclass__(**kwargs)

    def _check_parameters(self) -> None:
        """Our mappings check theirs when they are fitted."""


class Adapter(LikeTheirs, BaseAdapter):
    """An adapter of skada's that keeps a mapping of ours as ``mapping_``."""

    def fit(self, X, y=None, *, sample_domain=None, **params):
        X, domain = check_X_domain(X, sample_domain)
        here = extract_source_indices(domain)
        ys, yt = (None, None) if y is None else (y[here], unmasked(y[~here]))
        self.mapping_ = self._mapping(X[here], X[~here])
        self._fit(X[here], X[~here], ys, yt, domain[here])
        return self

    def _fit(self, Xs, Xt, ys, yt, names):
        self.mapping_.fit(Xs, Xt, ys=ys, yt=yt)

    def _mapping(self, Xs: NDArray, Xt: NDArray) -> Mapping:
        raise NotImplementedError


class Moving(Adapter):
    """Source rows go where the mapping carries them, target rows to where they meet."""

    def fit_transform(self, X, y=None, *, sample_domain=None, **params):
        self.fit(X, y, sample_domain=sample_domain)
        return self.transform(X, y, sample_domain=sample_domain, allow_source=True)

    def transform(self, X, y=None, *, sample_domain=None, allow_source=False, **params):
        X, domain = check_X_domain(X, sample_domain, allow_source=allow_source)
        here = extract_source_indices(domain)
        parts = []
        if here.any():
            ys = None if y is None else y[here]
            parts.append(self._move(X[here], ys, domain[here]))
        if not here.all():
            parts.append(self.mapping_.transform_target(X[~here]))
        return np.concatenate(parts)[np.argsort(np.argsort(~here, kind="stable"))]

    def _move(self, Xs, ys, names):
        return self.mapping_.transform(Xs)


class CORALAdapter(Moving):
    def _mapping(self, Xs, Xt):
        return make("coral", reg=shrinkage(self.reg, Xs, Xt))


class LinearOTMappingAdapter(Moving):
    def _mapping(self, Xs, Xt):
        return make("monge", reg=self.reg)


class MultiLinearMongeAlignmentAdapter(Moving):
    def _mapping(self, Xs, Xt):
        return make("multi-monge", reg=self.reg)

    def _fit(self, Xs, Xt, ys, yt, names):
        self.mapping_.fit(Xs, Xt, ys=ys, yt=yt, sources=names)

    def _move(self, Xs, ys, names):
        return self.mapping_.transform(Xs, sources=names)


class OTMappingAdapter(Moving):
    def _mapping(self, Xs, Xt):
        return make("exact-transport")


class EntropicOTMappingAdapter(Moving):
    def _mapping(self, Xs, Xt):
        return make("sinkhorn", reg=self.reg_e / unit_of_cost(Xs, Xt))


class ClassRegularizerOTMappingAdapter(Moving):
    """Each number that is a label counts as a class of its own, as POT has it."""

    def _mapping(self, Xs, Xt):
        unit = unit_of_cost(Xs, Xt)
        penalty = {"lpl1": "lp-l1", "l1l2": "l1-l2"}[self.norm]
        return make(
            "class-transport",
            reg=self.reg_e / unit,
            class_reg=self.reg_cl / unit,
            class_penalty=penalty,
        )

    def _fit(self, Xs, Xt, ys, yt, names):
        classes = ys.astype(str) if are_numbers(ys) else ys
        self.mapping_.fit(Xs, Xt, ys=classes, yt=yt)


class MMDLSConSMappingAdapter(Moving):
    """Where labels are numbers all rows are of one class: one scale and shift for all."""

    def _mapping(self, Xs, Xt):
        return make("mmd-scale-shift")

    def _fit(self, Xs, Xt, ys, yt, names):
        self.mapping_.fit(Xs, Xt, ys=self._classes(ys))

    def _move(self, Xs, ys, names):
        if ys is None:
            return self.mapping_.transform(Xs)
        return self.mapping_.carry(Xs, self._classes(ys)).X

    def _classes(self, y: NDArray) -> NDArray:
        return np.zeros(len(y)) if are_numbers(y) else y


class SubspaceAlignmentAdapter(Moving):
    def _mapping(self, Xs, Xt):
        return make("subspace-alignment", n_components=all_components(self.n_components, Xs, Xt))


class TransferComponentAnalysisAdapter(Moving):
    """skada's μ weighs the means' distance beside the penalty, ours the other way round."""

    def _mapping(self, Xs, Xt):
        return make(
            "tca",
            n_components=all_components(self.n_components, Xs, Xt),
            reg=1 / self.mu,
            kernel=self.kernel,
            gamma=1 / Xs.shape[1],
        )


class TransferJointMatchingAdapter(Moving):
    """skada divides the distance of the means by the norm of its matrix, ours does not."""

    def _mapping(self, Xs, Xt):
        return make(
            "tjm",
            n_components=all_components(self.n_components, Xs, Xt),
            reg=self.tradeoff * (1 / len(Xs) + 1 / len(Xt)),
            kernel=self.kernel,
            gamma=1 / Xs.shape[1],
        )


class TransferSubspaceLearningAdapter(Moving):
    def _mapping(self, Xs, Xt):
        return make(
            "transfer-subspace",
            base="fisher" if self.base_method == "flda" else self.base_method,
            n_components=all_components(self.n_components, Xs, Xt),
            reg=self.mu,
        )


class Weighing(Adapter):
    """Source rows stay and weigh what the mapping says; target rows weigh nothing."""

    def fit_transform(self, X, y=None, *, sample_domain=None, **params):
        self.fit(X, y, sample_domain=sample_domain)
        return X, {"sample_weight": self.compute_weights(X, y, sample_domain=sample_domain)}

    def compute_weights(self, X, y=None, *, sample_domain=None, **params):
        X, domain = check_X_domain(X, sample_domain)
        here = extract_source_indices(domain)
        weights = np.zeros(len(X))
        weights[here] = self.mapping_.weights(X[here], None if y is None else y[here])
        return weights


class DensityReweightAdapter(Weighing):
    def _mapping(self, Xs, Xt):
        return make("kernel-density-ratio")


class GaussianReweightAdapter(Weighing):
    def _mapping(self, Xs, Xt):
        return make("gaussian-ratio", reg=shrinkage(self.reg, Xs, Xt))


class DiscriminatorReweightAdapter(Weighing):
    """One classifier judges the rows it was trained on, as in skada."""

    def _mapping(self, Xs, Xt):
        classifier = given(self.domain_classifier, LogisticRegression())
        return make("classifier-ratio", classifier=classifier, kernel="linear", cv=None)


class KLIEPReweightAdapter(Weighing):
    """A list of widths asks for cross-validation, which tries ours."""

    def _mapping(self, Xs, Xt):
        X = np.concatenate([Xs, Xt])
        words = {"auto": 1 / X.shape[1], "scale": 1 / (X.shape[1] * X.var())}
        gamma = "cv" if isinstance(self.gamma, list) else words.get(self.gamma, self.gamma)
        return make(
            "kliep",
            gamma=gamma,
            n_centres=self.n_centers,
            cv=self.cv,
            max_iter=self.max_iter,
            random_state=self.random_state or 0,
        )


class KMMReweightAdapter(Weighing):
    def _mapping(self, Xs, Xt):
        return make(
            "kmm",
            gamma=given(self.gamma, 1 / Xs.shape[1]),
            bound=self.B,
            mean_slack=given(self.eps, "auto"),
        )


class NearestNeighborReweightAdapter(Weighing):
    def _mapping(self, Xs, Xt):
        return make("nearest-neighbour-ratio", smoothing=float(self.laplace_smoothing))


class MMDTarSReweightAdapter(Weighing):
    def _mapping(self, Xs, Xt):
        return make("mmd-target-shift", gamma=self.gamma)


class Labelling(Adapter):
    """Target rows get the labels that the mapping found, source rows lose theirs."""

    __metadata_request__fit = {"sample_weight": True}
    __metadata_request__fit_transform = {"sample_weight": True}

    def fit_transform(self, X, y, sample_domain=None, *, sample_weight=None):
        X, y, domain = check_X_y_domain(X, y, sample_domain)
        here = extract_source_indices(domain)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        ours = {name: values[here] for name, values in weights.items()}
        self.mapping_ = self._mapping(X[here], X[~here])
        self.mapping_.fit(X[here], X[~here], ys=y[here], **ours, **self._names(domain[here]))
        labels = np.full(len(y), np.nan if are_numbers(y[here]) else MASKED, dtype=y.dtype)
        labels[~here] = self.mapping_.labels_
        return X, labels, weights

    def _names(self, names: NDArray) -> dict[str, NDArray]:
        return {}


class OTLabelPropAdapter(Labelling):
    def _mapping(self, Xs, Xt):
        if not self.reg:
            return make("label-propagation")
        return make("label-propagation", solver="sinkhorn", reg=self.reg / unit_of_cost(Xs, Xt))


class JCPOTLabelPropAdapter(Labelling):
    predicts_target_labels = True

    def _mapping(self, Xs, Xt):
        return make("jcpot", reg=self.reg / float(np.median(cdist(Xs, Xt, "sqeuclidean"))))

    def _names(self, names):
        return {"sources": names}


def has(method: str) -> Callable[[Any], bool]:
    """Whether the learner has a method."""
    return lambda self: hasattr(self._learner(), method)


class Learning(LikeTheirs, DAEstimator):
    """An estimator of skada's as a ``Transfer`` by a mapping that labels target rows."""

    def _check_parameters(self):
        if not hasattr(self._learner(), "predict"):
            raise ValueError(f"{self._learner()!r} predicts nothing.")

    def fit(self, X, y=None, sample_domain=None, *, sample_weight=None):
        X, y, domain = check_X_y_domain(X, y, sample_domain)
        here = extract_source_indices(domain)
        weights = None if sample_weight is None else sample_weight[here]
        self.transfer_ = Transfer(self._learner(), self._mapping())
        self.transfer_.fit(X[here], y[here], X[~here], sample_weight=weights)
        return self

    def predict(self, X, sample_domain=None, *, sample_weight=None, allow_source=False):
        return self.transfer_.predict(X)

    @available_if(has("predict_proba"))
    def predict_proba(self, X, sample_domain=None, *, sample_weight=None, allow_source=False):
        return self.transfer_.predict_proba(X)

    @available_if(has("decision_function"))
    def decision_function(self, X, sample_domain=None, *, allow_source=False):
        return self.transfer_.target_.learner_.decision_function(X)

    def score(self, X, y, sample_domain=None, *, sample_weight=None, allow_source=False):
        return self.transfer_.score(X, y, sample_weight)


class JDOT(Learning):
    """skada's α is the weight of labels, 1 - α that of distance; ours is that of distance by 1."""

    def _mapping(self):
        alpha = (1 - self.alpha) / self.alpha
        return make("jdot", alpha=alpha, learner=self._teacher(), max_iter=self.n_iter_max)

    def _teacher(self) -> Any:
        return self._learner()


class JDOTRegressor(JDOT):
    def _learner(self):
        return given(self.base_estimator, LinearRegression())


class JDOTClassifier(JDOT):
    """Where skada has the hinge loss, the squared one of our own learner stands in for it."""

    def _learner(self):
        return given(self.base_estimator, LogisticRegression())

    def _teacher(self):
        needed = {"multinomial": "predict_proba", "hinge": "decision_function"}
        if not hasattr(self._learner(), needed.get(self.metric, "")):
            raise ValueError(f"No losses by metric={self.metric!r} of {self._learner()!r}.")
        return self._learner() if self.metric == "multinomial" else None


class DASVMClassifier(Learning):
    """The machine's parameters are those of the support vector machine that is given."""

    def _learner(self):
        return given(self.base_estimator, SVC(probability=True))

    def _mapping(self):
        machine = self._learner()
        return make("dasvm", C=machine.C, kernel=machine.kernel, gamma=machine.gamma)
