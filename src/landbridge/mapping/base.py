"""What every mapping does, and the few forms it takes.

``Mapping`` is the interface that the third step sees. ``UnpairedMapping`` compares two samples,
``PairedMapping`` learns from pairs of rows; each has a form that needs only moments.
"""

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_is_fitted, validate_data

from landbridge.domains import (
    as_labels,
    check_rows,
    check_same_columns,
    check_weights,
    column_names,
    is_labelled,
)
from landbridge.domains.folds import folds_by_content
from landbridge.domains.parameters import check_number
from landbridge.moments import Moments, effective_size, moments_of_rows

FEW_ROWS = 10
FEW_SHARE = 0.05
MANY_ROWS = 20
"""Fewer source rows than these are too few to say that the weights leave too few."""


class Carried(NamedTuple):
    """Source samples on the target's side: what the third step learns from."""

    X: Any
    y: NDArray
    sample_weight: NDArray | None = None


class Mapping(TransformerMixin, BaseEstimator):
    """A map ``f`` that carries rows of the source over to where the target is.

    A mapping of one's own derives from one of the forms below, not from this.

    Attributes
    ----------
    how : {"move", "reweigh", "relabel"}
        Whether source rows are moved to the target, weighed like it, or target rows given labels.
    is_paired : bool
        Whether row i of both domains must be one thing seen twice.
    needs_labels : {"", "source", "target", "both"}
        The domains that need labels in ``fit``.
    needs_classes : bool
        Whether labels, where given, must be classes.
    meets_between : bool
        Whether both domains are mapped to a space of its own, other than the target's.
    takes_sparse : bool
        Whether rows may be sparse; where not, they are refused.
    cost : str
        What ``fit`` costs, with n rows, d features, m kernel features and C classes.
    when : str
        When to use it.
    """

    how: ClassVar[str] = "move"
    is_paired: ClassVar[bool] = False
    needs_labels: ClassVar[str] = ""
    needs_classes: ClassVar[bool] = False
    meets_between: ClassVar[bool] = False
    takes_sparse: ClassVar[bool] = False
    cost: ClassVar[str] = ""
    when: ClassVar[str] = ""

    def transform(self, X: ArrayLike) -> Any:
        """Carry source rows (n, d_s) over to the target."""
        return self._map(self._check_source(X))

    def transform_target(self, X: ArrayLike) -> Any:
        """Put target rows (n, d_t) where carried rows are: as they are, for most mappings."""
        check_is_fitted(self)
        rows = check_rows(X, "X", sparse=self.takes_sparse)
        if rows.shape[1] != self.n_features_target_:
            raise ValueError(
                f"X has {rows.shape[1]} features, but {type(self).__name__} was fitted to a "
                f"target with {self.n_features_target_}."
            )
        return self._map_target(rows)

    def inverse_transform(self, X: ArrayLike) -> Any:
        """Carry rows back to the source.

        Raises
        ------
        ValueError
            If the mapping cannot be run backwards; ``is_invertible`` tells beforehand.
        """
        check_is_fitted(self)
        if not self.is_invertible:
            raise ValueError(
                f"This {type(self).__name__} cannot be run backwards: it does not keep all that "
                "tells source rows apart."
            )
        return self._invert(check_rows(X, "X", sparse=self.takes_sparse))

    def carry(
        self,
        Xs: ArrayLike,
        ys: NDArray,
        sample_weight: NDArray | None = None,
        Xt: ArrayLike | None = None,
    ) -> Carried:
        """Labelled rows as the third step wants them: moved, reweighed or relabelled.

        Parameters
        ----------
        Xs, ys : array-like of shape (n_s, d_s) and (n_s,)
            Labelled source rows.
        sample_weight : array-like of shape (n_s,), optional
            Their weights.
        Xt : array-like of shape (n_t, d_t), optional
            The target rows of ``fit``; only a mapping that relabels needs them.
        """
        return Carried(self.transform(Xs), ys, sample_weight)

    def explain(
        self,
        top: int = 5,
        source_names: Sequence[str] | None = None,
        target_names: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Which source features make up each target feature, or each component of a shared space.

        Parameters
        ----------
        top : int
            How many source features to name for each target feature.
        source_names, target_names : sequence of str, optional
            Names of the features; those seen in ``fit``, or numbers, by default.

        Returns
        -------
        DataFrame
            A row for each pair: ``target_feature``, ``source_feature``, the ``weight`` in the
            map, and its ``share``: how much of the target feature's movement comes from a
            one-standard-deviation step of this source feature, of all such steps.
        """
        check_is_fitted(self)
        d_source, d_target = self.n_features_in_, self.n_features_target_
        numbered = [f"x{i}" for i in range(d_source)]
        ours = (
            getattr(self, "feature_names_in_", numbered) if source_names is None else source_names
        )
        if target_names is None:
            target_names = ours if d_target == d_source else [f"y{j}" for j in range(d_target)]
        return self._explain(top, list(ours), list(target_names))

    @property
    def is_invertible(self) -> bool:
        """Whether ``inverse_transform`` gives every source row back."""
        return False

    @property
    def predictor(self) -> Any:
        """A model of carried rows that was learned along with the map; ``None`` for most."""
        return None

    @abstractmethod
    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        """The table of ``explain``, all names given."""

    @abstractmethod
    def _map(self, X: Any) -> Any:
        """Checked source rows, carried over."""

    def _map_target(self, X: Any) -> Any:
        return X

    def _invert(self, X: Any) -> Any:
        raise NotImplementedError

    def _check_source(self, X: ArrayLike) -> Any:
        check_is_fitted(self)
        rows = check_rows(X, "X", sparse=self.takes_sparse)
        validate_data(self, X, reset=False, skip_check_array=True)
        return rows

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.takes_sparse
        return tags


class UnpairedMapping(Mapping):
    """A mapping that compares the two samples as wholes."""

    same_features = True

    def fit(
        self,
        Xs: ArrayLike,
        Xt: ArrayLike,
        *,
        ys: ArrayLike | None = None,
        yt: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn the map from source rows to target rows.

        Parameters
        ----------
        Xs : array-like of shape (n_s, d_s)
            Source rows.
        Xt : array-like of shape (n_t, d_t)
            Target rows; they need no partners among the source rows.
        ys, yt : array-like of shape (n_s,) and (n_t,), optional
            Labels, blank where unknown, for the mappings that use them.
        sample_weight : array-like of shape (n_s,), optional
            Weights of the source rows.

        Raises
        ------
        ValueError
            If a value is not finite, or the features, or the names of two tables' columns,
            differ where they must not.
        """
        self._fit(*self._check(Xs, Xt, ys, yt, sample_weight))
        return self

    def _check(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> tuple[Any, ...]:
        """Rows, labels and weights, checked, in the order that ``_fit`` takes them."""
        rows_s = check_rows(Xs, "Xs", sparse=self.takes_sparse)
        rows_t = check_rows(Xt, "Xt", sparse=self.takes_sparse)
        validate_data(self, Xs, reset=True, skip_check_array=True)
        self._check_features(rows_s.shape[1], rows_t.shape[1])
        if self.same_features:
            check_same_columns(column_names(Xs), column_names(Xt))
        labels_s = None if ys is None else as_labels(ys, rows_s.shape[0], "ys")
        labels_t = None if yt is None else as_labels(yt, rows_t.shape[0], "yt")
        self._check_labels(labels_s, labels_t)
        weights = check_weights(sample_weight, rows_s.shape[0], "sample_weight")
        if weights is not None and self.how != "reweigh":  # which tells of its own weights
            warn_of_few_rows(weights, f"sample_weight leaves {type(self).__name__}")
        return rows_s, rows_t, labels_s, labels_t, weights

    def _check_labels(self, ys: NDArray | None, yt: NDArray | None) -> None:
        """Refuse to start without the labels that the mapping needs."""
        name = type(self).__name__
        for domain, argument, labels in (("source", "ys", ys), ("target", "yt", yt)):
            known = labels is not None and is_labelled(labels).any()
            if not known and self.needs_labels in (domain, "both"):
                raise ValueError(
                    f"{name} learns from labels of {domain} rows: {argument} has none. Give "
                    f"{argument}, or choose a mapping that needs no labels, such as CORAL."
                )
            if known and self.needs_classes and are_measurements(labels):
                raise ValueError(
                    f"{name} needs classes: {argument} holds numbers with fractions. Choose a "
                    "mapping that needs no labels, such as CORAL or TCA."
                )

    def _check_features(self, n_source: int, n_target: int) -> None:
        if self.same_features and n_source != n_target:
            raise ValueError(
                f"Source and target must have the same features: Xs has {n_source}, Xt has "
                f"{n_target}. For two feature spaces use Procrustes."
            )
        self.n_features_in_, self.n_features_target_ = n_source, n_target

    @abstractmethod
    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        """Set the fitted attributes from checked rows."""


class MomentMapping(UnpairedMapping):
    """An unpaired mapping that needs nothing but the moments of both samples."""

    takes_sparse = True

    def fit_moments(self, source: Moments, target: Moments) -> Self:
        """Learn the map from moments: streamed, merged, or published in place of rows."""
        self._check_features(source.n_features, target.n_features)
        check_two_rows(self, source.count, target.count)
        self._fit_moments(source, target)
        return self

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        self.fit_moments(moments_of_rows((Xs,), sample_weight), moments_of_rows((Xt,)))

    @abstractmethod
    def _fit_moments(self, source: Moments, target: Moments) -> None:
        """Set the fitted attributes from moments."""


class PairedMapping(RegressorMixin, Mapping):
    """A mapping learned from pairs: row i of X and row i of Y are one thing seen twice.

    An ordinary multi-output regressor too: ``predict`` gives the target row expected for a
    source row, ``score`` the mean R² of that.
    """

    is_paired = True

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the map from pairs of rows.

        Parameters
        ----------
        X : array-like of shape (n, d_s)
            Source rows.
        y : array-like of shape (n, d_t) or (n,)
            The same things as the target sees them, row by row (``Y`` elsewhere; scikit-learn's
            tools want this name).
        sample_weight : array-like of shape (n,), optional
            Weights of the pairs.

        Raises
        ------
        ValueError
            If X and y differ in their number of rows, or a value is not finite.
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: "
                "give row i of the target for row i of the source."
            )
        rows = check_rows(X, "X", min_rows=2, sparse=self.takes_sparse)
        validate_data(self, X, reset=True, skip_check_array=True)
        outputs: Any = y if issparse(y) or isinstance(y, pd.DataFrame) else np.asarray(y)
        self.single_output_ = outputs.ndim == 1
        partners = check_rows(outputs.reshape(-1, 1) if self.single_output_ else outputs, "y")
        if len(partners) != rows.shape[0]:
            raise ValueError(
                f"{type(self).__name__} learns from pairs: X has {rows.shape[0]} rows and y "
                f"{len(partners)}. Give as many of both, row i with row i, or choose an "
                "unpaired mapping such as CORAL."
            )
        self.n_features_target_ = partners.shape[1]
        weights = check_weights(sample_weight, len(partners), "sample_weight")
        if weights is not None:
            self._check_weighted_pairs(weights)
        self._fit(rows, partners, weights)
        return self

    def _check_weighted_pairs(self, weights: NDArray) -> None:
        """Refuse a single pair that counts, and warn where a few hold nearly all the weight."""
        if (weights > 0).sum() < 2:
            raise ValueError(
                f"{type(self).__name__} learns from 2 pairs or more: sample_weight is zero on all "
                f"but 1 of {len(weights)}. Give weight to more pairs."
            )
        warn_of_few_rows(weights, f"sample_weight leaves {type(self).__name__}", "pairs")

    def predict(self, X: ArrayLike) -> Any:
        """The target row expected for each source row: (n, d_t), or (n,) where fitted so."""
        predicted = self._predict(self._check_source(X))
        return predicted[:, 0] if self.single_output_ else predicted

    def _predict(self, X: Any) -> Any:
        return self._map(X)

    @abstractmethod
    def _fit(self, X: Any, Y: Any, sample_weight: Any) -> None:
        """Set the fitted attributes from checked pairs."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


class PairedMomentMapping(PairedMapping):
    """A paired mapping that needs nothing but joint moments, fold by fold where it validates."""

    takes_sparse = True

    def fit_moments(self, *folds: Moments) -> Self:
        """Learn the map from moments of pairs, ``Moments.of(X, Y)``, streamed or published.

        Parameters
        ----------
        *folds : Moments
            Moments of disjoint parts of the pairs. One is enough, unless a parameter is to be
            chosen by cross-validation: then each part is left out once.
        """
        self.n_features_in_ = folds[0].n_features
        self.n_features_target_ = len(folds[0].mean_y)
        self.single_output_ = False
        self._fit_folds(list(folds))
        return self

    def _fit(self, X: Any, Y: Any, sample_weight: Any) -> None:
        unused = self._unused_covariances(X, Y)
        self._fit_folds(
            [
                moments_of_rows((X, Y), sample_weight, rows, variances_only=unused)
                for rows in self._folds(X, Y)
            ]
        )

    def _folds(self, X: Any, Y: NDArray) -> Sequence[NDArray | None]:
        """The rows to leave out in turn; ``None`` for all rows and no cross-validation."""
        return [None]

    def _unused_covariances(self, X: Any, Y: NDArray) -> str:
        """The views of which variances will do: "x", "y", both or none, as in ``Moments.of``."""
        return ""

    @abstractmethod
    def _fit_folds(self, folds: list[Moments]) -> None:
        """Set the fitted attributes from the moments of disjoint parts."""


def check_two_rows(mapping: Mapping, n_source: int, n_target: int) -> None:
    """Refuse a sample of a single row, which tells nothing of its domain."""
    if min(n_source, n_target) < 2:
        raise ValueError(
            f"{type(mapping).__name__} compares two samples and needs 2 rows of each: Xs has "
            f"{n_source}, Xt has {n_target}. Give more rows, without labels if need be, or use "
            "Identity."
        )


def warn_of_few_rows(
    weights: NDArray,
    leaves: str,
    rows: str = "source rows",
    instead: str = "Give weights that differ less, or more rows.",
    stacklevel: int = 5,
) -> None:
    """Warn with the effective sample size of weights (n,) of which a few hold nearly all.

    That is below 5 % of the rows, or 10; fewer than 20 rows are too few to say so.
    """
    n_rows, effective = len(weights), effective_size(weights)
    if n_rows >= MANY_ROWS and effective < max(FEW_ROWS, FEW_SHARE * n_rows):
        warnings.warn(
            f"{leaves} an effective sample size of {effective:.1f} out of {n_rows} {rows}: a few "
            f"rows hold nearly all the weight. {instead}",
            stacklevel=stacklevel,
        )


def are_measurements(labels: Any) -> bool:
    """Whether any label is a number with a fraction, which no class is."""
    known = labels[is_labelled(labels)].tolist()
    return any(isinstance(value, float) and not value.is_integer() for value in known)


def fold_rows(cv: Any, X: Any, Y: NDArray) -> list[NDArray]:
    """The rows of each fold, for a number of folds or any splitter of scikit-learn's."""
    if isinstance(cv, Integral):
        check_folds(cv)
        return folds_by_content(X, Y, min(int(cv), X.shape[0]))
    folds = [test for _, test in check_cv(cv).split(X)]
    if sorted(np.concatenate(folds).tolist()) != list(range(X.shape[0])):
        raise ValueError("cv must leave out every row once: these folds overlap or miss rows.")
    return folds


def check_folds(cv: Any) -> None:
    """Refuse fewer than two folds; a splitter has its own idea of them."""
    if isinstance(cv, Integral):
        check_number("cv", cv, least=2, whole=True)
