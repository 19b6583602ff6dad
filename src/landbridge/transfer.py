"""The three steps as one estimator: learn in the source, find the map, learn on in the target."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from landbridge.domains import (
    as_labels,
    check_all_labelled,
    check_rows,
    check_same_columns,
    check_weights,
    column_names,
    common_labels,
    is_labelled,
    labelled_rows,
)
from landbridge.mapping import Carried, Mapping, make_mapping
from landbridge.mapping.base import UnpairedMapping
from landbridge.mapping.sources import MultiSource, TakesSources, check_sources
from landbridge.saving import save
from landbridge.source import CarriedModel, fit_learner, has_probabilities
from landbridge.target import Pooled, TargetLearner

Recall = Callable[[str, Any, Callable[[], Any]], Any]


class Samples(NamedTuple):
    """Both domains, checked: rows, labels in one type (blank where unknown), source weights.

    With several sources, the name of each source row's, else ``None``.
    """

    Xs: Any
    ys: NDArray
    Xt: Any
    yt: NDArray
    weights: NDArray | None
    sources: NDArray | None


class Transfer(BaseEstimator):
    """Learn in a source domain, carry it over by a mapping, learn on in the target domain.

    A classifier or regressor, as its source learner is. Step 1 fits ``source`` to the labelled
    source rows. Step 2 fits ``mapping`` to the rows of both domains. Step 3 fits ``target`` to
    the source samples as the mapping carries them and to the target rows that have labels.

    Parameters
    ----------
    source : scikit-learn classifier or regressor
        Step 1: the learner for the source domain.
    mapping : str or Mapping, default="identity"
        Step 2: a name of ``landbridge.MAPPINGS``, or a mapping.
    target : TargetLearner or scikit-learn estimator, optional
        Step 3: a target learner; an estimator is trained on carried source samples and labelled
        target rows together (``Pooled``). By default, a fresh copy of ``source`` is.

    Attributes
    ----------
    source_ : fitted estimator
        What was learned in the source domain, in its own features.
    mapping_ : Mapping
        The fitted map from source to target.
    target_ : TargetLearner
        What predicts in the target domain.
    classes_ : ndarray
        The classes of either domain, in classification.
    n_features_in_ : int
        Number of source features.
    feature_names_in_, feature_names_target_ : ndarray of str
        What the tables of source and target call their columns; without names the former is
        missing, the latter ``None``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge import CORAL, Transfer
    >>> rng = np.random.default_rng(0)
    >>> Xs, ys = rng.normal(size=(200, 2)), np.repeat(["no", "yes"], 100)
    >>> Xs[ys == "yes"] += 3.0
    >>> Xt = 10.0 * Xs - 50.0                       # the same thing in other units, no labels
    >>> Transfer(LogisticRegression(), mapping="identity").fit(Xs, ys, Xt).score(Xt, ys)
    0.5
    >>> Transfer(LogisticRegression(), CORAL()).fit(Xs, ys, Xt).score(Xt, ys) > 0.95
    True
    """

    def __init__(self, source: Any, mapping: str | Mapping = "identity", target: Any = None):
        self.source = source
        self.mapping = mapping
        self.target = target

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        Xt: ArrayLike | None = None,
        yt: ArrayLike | None = None,
        *,
        sample_domain: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        sources: ArrayLike | None = None,
        pairs: ArrayLike | None = None,
    ) -> Self:
        """Take the three steps: ``fit(Xs, ys, Xt, yt)``, or ``fit(X, y, sample_domain=d)``.

        Parameters
        ----------
        X, y : array-like of shape (n_s, d_s) and (n_s,)
            Source rows and labels, ``Xs`` and ``ys``; with ``sample_domain`` the rows of both
            domains, stacked. A blank label (``None``, ``NaN``, ``pd.NA``) is unknown.
        Xt, yt : array-like of shape (n_t, d_t) and (n_t,), optional
            Target rows and, where known, labels.
        sample_domain : array-like of shape (n,), optional
            For scikit-learn's tools, which handle one table: positive for a source row,
            negative for a target row. In this form only, a target label of -1, or of "-1" among
            text, is unknown too (unless it is one of the source's labels): so skada masks labels.
        sample_weight : array-like of shape (n_s,), optional
            Weights of the source rows, aligned with ``X``.
        sources : array-like of shape (n_s,), optional
            Which of several sources each row is of, for a mapping that tells them apart, such as
            ``PerSource`` or ``DeepTransfer``; other mappings take them as one. With
            ``sample_domain``, each positive value is a source.
        pairs : array-like of shape (n_pairs, 2), optional
            For a paired mapping: row numbers in Xs and Xt of the same things; by default row i
            of both.

        Raises
        ------
        ValueError
            If rows, labels or weights do not fit together, naming what does not; or if the tables
            of both domains name their columns otherwise, unless the mapping joins two feature
            spaces.
        """
        samples = self._check(X, y, Xt, yt, sample_domain, sample_weight, sources)
        if not samples.Xt.shape[0]:
            self.source_ = fit_learner(self.source, samples.Xs, samples.ys, samples.weights)
            warnings.warn(
                "No target rows: this is the source learner alone, without a transfer. Give Xt, "
                "or sample_domain with negative values for target rows.",
                stacklevel=2,
            )
            return self
        self._take_steps(samples, pairs, _afresh)
        return self

    def fit_recalling(
        self, recall: Recall, Xs: ArrayLike, ys: ArrayLike, Xt: ArrayLike, yt: ArrayLike
    ) -> Self:
        """As ``fit``, taking over steps that another transfer has already fitted to these rows.

        Parameters
        ----------
        recall : callable
            Called as ``recall(step, decided_by, make)`` for the steps ``"source"``, ``"mapping"``,
            ``"carried"`` and ``"model"`` with the unfitted estimators that decide them; it returns
            what an earlier call made for equal ones and equal rows, or ``make()``.
        Xs, ys, Xt, yt : array-like
            As in ``fit``.
        """
        self._take_steps(self._check(Xs, ys, Xt, yt, None, None, None), None, recall)
        return self

    def predict(
        self, X: ArrayLike, sample_domain: ArrayLike | None = None, *, allow_source: bool = True
    ) -> NDArray:
        """Labels of target rows (n, d_t), and of source rows where ``sample_domain`` says so.

        skada's tools ask for source rows with ``allow_source``; here they are always allowed.
        """
        return self._ask("predict", X, sample_domain)

    @available_if(lambda self: has_probabilities(self._predictor))
    def predict_proba(
        self, X: ArrayLike, sample_domain: ArrayLike | None = None, *, allow_source: bool = True
    ) -> NDArray:
        """Probabilities (n, n_classes), in the order of ``classes_``, of target rows."""
        known = self._ask("predict_proba", X, sample_domain)
        probabilities = np.zeros((len(known), len(self.classes_)))
        probabilities[:, np.searchsorted(self.classes_, self._predictor.classes_)] = known
        return probabilities

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        sample_domain: ArrayLike | None = None,
        *,
        allow_source: bool = False,
    ) -> float:
        """Accuracy, or R² in regression, on target rows.

        Source rows count only with ``allow_source``, as skada's importance-weighted scorer asks.
        """
        y = as_labels(y, name="y")
        predicted = self.predict(X, sample_domain)
        weights = check_weights(sample_weight, len(y), "sample_weight")
        if sample_domain is not None and not allow_source:
            there = ~is_source(sample_domain, len(y))
            y, predicted = y[there], predicted[there]
            weights = None if weights is None else weights[there]
        y = check_all_labelled(y)
        measure = accuracy_score if is_classifier(self) else r2_score
        return float(measure(y, predicted, sample_weight=weights))

    def save(self, path: str | os.PathLike) -> Path:
        """Write the fitted model to one file, which ``landbridge.load`` reads back."""
        check_is_fitted(self)
        return save(self, path)

    def _check(
        self,
        X: Any,
        y: Any,
        Xt: Any,
        yt: Any,
        sample_domain: Any,
        sample_weight: Any,
        sources: Any,
    ) -> Samples:
        """One table or two come in; two samples go on."""
        if y is None:
            raise ValueError(
                "Transfer requires y to be passed, but the target y is None: give the labels of "
                "the source rows."
            )
        rows = check_rows(X, "X", sparse=self._takes_sparse())
        validate_data(self, X, reset=True, skip_check_array=True)
        if np.asarray(y).ndim == 2:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected: give y.ravel().",
                DataConversionWarning,
                stacklevel=3,
            )
        labels = as_labels(y, rows.shape[0])
        weights = check_weights(sample_weight, rows.shape[0], "sample_weight")
        if sample_domain is None:
            names = None if sources is None else check_sources(sources, len(labels))
            target = self._check_target(rows, Xt, yt)
            if _in_one_space(self._mapping()):
                check_same_columns(column_names(X), column_names(Xt))
            self.feature_names_target_ = _text_names(Xt)
            return self._check_labels(Samples(rows, labels, *target, weights, names))
        if Xt is not None or yt is not None or sources is not None:
            raise ValueError(
                "Give target rows as Xt, and the names of several sources as sources, or all of "
                "it in X with sample_domain: not both."
            )
        self.feature_names_target_ = _text_names(X)
        here = is_source(sample_domain, len(labels))
        hidden = _unmask(labels[~here], labels[here]) if is_classifier(self) else labels[~here]
        weights = None if weights is None else weights[here]
        names = check_sources(np.asarray(sample_domain)[here], int(here.sum()))
        return self._check_labels(
            Samples(rows[here], labels[here], rows[~here], hidden, weights, names)
        )

    def _check_target(self, Xs: Any, Xt: Any, yt: Any) -> tuple[Any, NDArray]:
        if Xt is None:
            return Xs[:0], np.empty(0)
        rows = check_rows(Xt, "Xt", sparse=self._takes_sparse())
        n = rows.shape[0]
        return rows, np.full(n, None) if yt is None else as_labels(yt, n, "yt")

    def _check_labels(self, samples: Samples) -> Samples:
        """Labelled source rows, and labels of one type."""
        Xs, ys, Xt, yt, weights, sources = samples
        known = is_labelled(ys)
        if not known.any():
            raise ValueError("ys has no label: the source learner needs labelled source rows.")
        if not known.all():
            Xs, ys = labelled_rows(Xs, ys)
            weights, sources = (None if v is None else v[known] for v in (weights, sources))
        if not is_classifier(self):
            return Samples(Xs, _numbers(ys, "ys"), Xt, _numbers(yt, "yt"), weights, sources)
        check_classification_targets(ys)
        ys, yt, self.classes_ = common_labels(ys, yt)
        if len(np.unique(ys)) < 2:
            raise ValueError(
                "A classifier needs at least 2 classes in the source: ys has one class, "
                f"{ys.tolist()[0]!r}."
            )
        return Samples(Xs, ys, Xt, yt, weights, sources)

    def _take_steps(self, samples: Samples, pairs: Any, recall: Recall) -> None:
        Xs, ys, weights = samples.Xs, samples.ys, samples.weights
        mapping = self._mapping()
        self.source_ = recall(
            "source", self.source, lambda: fit_learner(self.source, Xs, ys, weights)
        )
        self.mapping_ = recall("mapping", mapping, lambda: self._learn_mapping(samples, pairs))
        carried, rows = recall("carried", mapping, lambda: self._carry(samples))
        self.target_ = self._target_learner()
        model = None
        if self.target_.uses_model:
            model = recall("model", (self.source, mapping), lambda: self._carried_model(carried))
        self.target_.fit(carried, rows, samples.yt, model=model)

    def _learn_mapping(self, samples: Samples, pairs: Any) -> Mapping:
        mapping = clone(self._mapping())
        Xs, ys, Xt, yt, weights, sources = samples
        if mapping.is_paired:
            rows_s, rows_t = _pair_rows(pairs, Xs.shape[0], Xt.shape[0])
            weights = None if weights is None else weights[rows_s]
            return mapping.fit(Xs[rows_s], Xt[rows_t], sample_weight=weights)
        names = _named(mapping, sources, TakesSources)
        return mapping.fit(Xs, Xt, ys=ys, yt=yt, sample_weight=weights, **names)

    def _carry(self, samples: Samples) -> tuple[Carried, Any]:
        """Source samples and target rows, both where the domains meet."""
        Xs, ys, Xt, _, weights, sources = samples
        carried = self.mapping_.carry(Xs, ys, weights, Xt, **self._names(sources))
        return carried, self.mapping_.transform_target(Xt)

    def _names(self, sources: NDArray | None) -> dict[str, NDArray]:
        return _named(self.mapping_, sources, MultiSource)

    def _carried_model(self, carried: Carried) -> Any:
        """The source model seen from where both domains meet, by running the mapping backwards.

        Where that cannot be done, or nothing was moved but weights or labels changed, it is
        learned anew from the carried samples. A mapping that has learned a model of its own on
        the way has the last word.
        """
        if self.mapping_.predictor is not None:
            return self.mapping_.predictor
        if self.mapping_.how == "move" and self.mapping_.is_invertible:
            return CarriedModel(self.source_, self.mapping_)
        return fit_learner(self.source, *carried)

    def _target_learner(self) -> TargetLearner:
        target = clone(self.source if self.target is None else self.target)
        return target if isinstance(target, TargetLearner) else Pooled(target)

    @property
    def _predictor(self) -> Any:
        """What predicts: the target learner, before fitting as it is, without target the source."""
        if not hasattr(self, "source_"):
            return self._target_learner()
        return getattr(self, "target_", self.source_)

    def _ask(self, method: str, X: ArrayLike, sample_domain: ArrayLike | None) -> NDArray:
        """The predictor's ``method`` on rows, each taken to where both domains meet."""
        check_is_fitted(self)
        ask = getattr(self._predictor, method)
        rows = check_rows(X, "X", sparse=self._takes_sparse())
        self._check_columns(X)
        if not hasattr(self, "target_"):
            return ask(rows)
        if sample_domain is None:
            return ask(self.mapping_.transform_target(rows))
        here = is_source(sample_domain, rows.shape[0])
        moved = []
        if here.any():
            names = self._names(np.asarray(sample_domain)[here])
            moved.append(self.mapping_.transform(rows[here], **names))
        if not here.all():
            moved.append(self.mapping_.transform_target(rows[~here]))
        order = np.argsort(np.argsort(~here, kind="stable"))
        return np.concatenate([ask(part) for part in moved])[order]

    def _check_columns(self, X: Any) -> None:
        """Refuse a table to predict whose columns are not the target's.

        Where the target's are the source's too, scikit-learn does so.
        """
        named = getattr(self, "feature_names_in_", None), self.feature_names_target_
        ours, theirs = (None if names is None else list(names) for names in named)
        is_fitted = hasattr(self, "target_")
        if is_fitted and (
            ours != theirs or self.mapping_.n_features_target_ != self.n_features_in_
        ):
            known = ours if theirs is None and _in_one_space(self.mapping_) else theirs
            check_same_columns(known, column_names(X), ("the target of fit", "X"))
        else:
            validate_data(self, X, reset=False, skip_check_array=True)

    def _takes_sparse(self) -> bool:
        return all(get_tags(step).input_tags.sparse for step in (self.source, self._mapping()))

    def _mapping(self) -> Mapping:
        return make_mapping(self.mapping) if isinstance(self.mapping, str) else self.mapping

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        ours = get_tags(self.source)
        tags.estimator_type = ours.estimator_type
        tags.classifier_tags, tags.regressor_tags = ours.classifier_tags, ours.regressor_tags
        tags.target_tags.required = True
        tags.input_tags.sparse = self._takes_sparse()
        return tags


def _afresh(step: str, estimator: Any, make: Callable[[], Any]) -> Any:
    """Recalls nothing."""
    return make()


def _in_one_space(mapping: Mapping) -> bool:
    """Whether both domains have the same features: neither paired views nor two spaces."""
    return isinstance(mapping, UnpairedMapping) and mapping.same_features


def _text_names(X: Any) -> NDArray | None:
    """Names of columns that are all text, as scikit-learn takes them; ``None`` without."""
    names = column_names(X)
    is_text = names is not None and all(isinstance(name, str) for name in names)
    return np.array(names, dtype=object) if is_text else None


def _named(mapping: Any, sources: NDArray | None, form: type) -> dict[str, NDArray]:
    """The names of the sources as an argument, where a mapping of that form takes them."""
    return {} if sources is None or not isinstance(mapping, form) else {"sources": sources}


def is_source(sample_domain: ArrayLike, n_rows: int) -> NDArray[np.bool_]:
    """Which rows are of the source: positive in ``sample_domain``; target rows are negative."""
    domain = np.asarray(sample_domain)
    if domain.shape != (n_rows,):
        raise ValueError(
            f"sample_domain must have one value a row: found shape {domain.shape}, expected "
            f"({n_rows},)."
        )
    if domain.dtype.kind not in "iuf" or not (np.abs(domain) > 0).all():
        raise ValueError(
            "sample_domain must be positive (source) or negative (target): found "
            f"{_odd_one(domain)!r}."
        )
    return domain > 0


def _odd_one(domain: NDArray) -> Any:
    """A value that tells no domain."""
    is_number = domain.dtype.kind in "iuf"
    return (domain[~(np.abs(domain) > 0)] if is_number else domain).tolist()[0]


def _unmask(yt: NDArray, ys: NDArray) -> NDArray:
    """Target labels with skada's mask, -1, turned into a blank, unless -1 is a source label.

    Among text it is "-1", which NumPy makes of it.
    """
    mask: Any = "-1" if any(isinstance(label, str) for label in ys.tolist()) else -1
    if (ys == mask).any():
        return yt
    hidden = yt.astype(object)
    hidden[yt == mask] = None
    return hidden


def _numbers(y: NDArray, name: str) -> NDArray[np.float64]:
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"In regression labels must be numbers: {name} has others ({error}). Give numbers, or "
            "a classifier as source."
        ) from error


def _pair_rows(pairs: Any, n_source: int, n_target: int) -> tuple[NDArray, NDArray]:
    """Row numbers, in source and target, of the same things."""
    if pairs is None:
        if n_source != n_target:
            raise ValueError(
                f"A paired mapping takes row i of both domains as one thing: found {n_source} "
                f"source rows and {n_target} target rows. Give the row numbers that belong "
                "together as pairs, or choose an unpaired mapping such as CORAL."
            )
        return np.arange(n_source), np.arange(n_target)
    rows = np.asarray(pairs)
    if rows.ndim != 2 or rows.shape[1] != 2 or rows.dtype.kind not in "iu":
        raise ValueError(
            "pairs must be whole row numbers, a row of Xs and a row of Xt each: found shape "
            f"{rows.shape} of type {rows.dtype}."
        )
    if (rows < 0).any() or (rows >= [n_source, n_target]).any():
        raise ValueError(
            f"pairs names rows that do not exist: there are {n_source} source rows and "
            f"{n_target} target rows, counted from 0."
        )
    return rows[:, 0], rows[:, 1]
