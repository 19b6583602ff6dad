"""Transfer that looks before it leaps: an estimator around the comparison and its guard."""

from collections.abc import Callable
from typing import Any, Self

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains import check_all_labelled, check_rows, check_same_columns, column_names
from landbridge.evidence.verdict.comparison import Comparison, compare
from landbridge.source import has_probabilities


class AutoTransfer(BaseEstimator):
    """Find the transfer that helps; where none does beyond the noise, do without.

    Tries candidates from the whole catalogue within a time budget, beside learning from the
    source only, the target only and both pooled, on folds of the labelled target rows, and fits
    the model that the guard chose. Without target labels nothing can be proved: it keeps to the
    source only, and says which transfer would explain the target. With too few to compare by, it
    learns from those of both domains.

    Parameters
    ----------
    learner : scikit-learn classifier or regressor
        What learns in either domain.
    candidates : list of str, "all" or dict of Transfer, default="all"
        Names for :func:`landbridge.make_candidate`, or models by name.
    budget : float or str, default="5m"
        Time to compare in; the chosen model is fitted after it. A first look at each candidate
        comes first, more folds go to those not yet worse than the leader. ``None``: all
        candidates on all folds, however long.
    time_limit : float or str, default="1m"
        Time that one candidate may take in all.
    guard : bool, default=True
        Use a transfer only if it is better beyond the noise. Without, the best score is followed
        wherever it leads.
    blend : bool, default=True
        Add the mean of all models, weighed by held-out labels, which hedges between them; it is
        used where nothing is proved. Without, the best by its score of source only, target only
        and pooled is.
    metric, n_folds, n_repeats, level, random_state, n_jobs, progress
        As in :func:`landbridge.compare`.

    Attributes
    ----------
    comparison_ : Comparison
        Every model's score, why those without one have none, and the verdict.
    verdict_ : Verdict
        Whether transfer helps, and by how much.
    best_ : Transfer
        The chosen model, fitted to all rows.
    classes_ : ndarray
        The classes, in classification.
    columns_ : list or None
        What the target's table calls its columns, or the source's where only that has names.

    Raises
    ------
    ValueError
        If a parameter does not fit, rows and labels do not go together, or a candidate or the
        metric is unknown; before any work.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge import AutoTransfer
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(size=(300, 2)), rng.normal(size=(90, 2))
    >>> model = AutoTransfer(LogisticRegression(), ["coral", "recentre"], budget="1m")
    >>> model.fit(Xs, Xs[:, 0] > 0, 2 * Xt + 3, Xt[:, 0] > 0).verdict_.outcome
    'no evidence'
    """

    def __init__(
        self,
        learner: Any,
        candidates: Any = "all",
        *,
        budget: float | str | None = "5m",
        time_limit: float | str | None = "1m",
        guard: bool = True,
        blend: bool = True,
        metric: str | None = None,
        n_folds: int = 5,
        n_repeats: int = 4,
        level: float = 0.05,
        random_state: int = 0,
        n_jobs: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ):
        self.learner = learner
        self.candidates = candidates
        self.budget = budget
        self.time_limit = time_limit
        self.guard = guard
        self.blend = blend
        self.metric = metric
        self.n_folds = n_folds
        self.n_repeats = n_repeats
        self.level = level
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.progress = progress

    def fit(self, Xs: ArrayLike, ys: ArrayLike, Xt: ArrayLike, yt: ArrayLike | None = None) -> Self:
        """Compare, choose and fit; rows and labels as in :meth:`Transfer.fit`."""
        options = {**self.get_params(deep=False), "learner": clone(self.learner)}
        self.comparison_: Comparison = compare(Xs, ys, Xt, yt, **options)
        self.columns_ = column_names(Xs) if column_names(Xt) is None else column_names(Xt)
        self.verdict_ = self.comparison_.verdict
        self.best_ = self.comparison_.best_
        return self

    @property
    def classes_(self) -> NDArray:
        """The classes of either domain."""
        return self.best_.classes_

    def predict(self, X: ArrayLike) -> NDArray:
        """Labels of target rows (n, d), by the chosen model."""
        return self.best_.predict(self._rows(X))

    @available_if(lambda self: has_probabilities(self.learner))
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Probabilities (n, n_classes) of target rows, by the chosen model."""
        return self.best_.predict_proba(self._rows(X))

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Accuracy, or R² in regression, on target rows."""
        return self.best_.score(self._rows(X), check_all_labelled(y))

    def _rows(self, X: Any) -> Any:
        """Rows to predict; a table's without its names, once they are seen to be those of fit."""
        check_is_fitted(self)
        if column_names(X) is None:
            return X
        check_same_columns(self.columns_, column_names(X), ("the target of fit", "X"))
        return check_rows(X, "X")

    def __sklearn_tags__(self) -> Any:
        tags, ours = super().__sklearn_tags__(), get_tags(self.learner)
        tags.estimator_type = ours.estimator_type
        tags.classifier_tags, tags.regressor_tags = ours.classifier_tags, ours.regressor_tags
        return tags
