"""Several labelled sources tell, before any target label, whether carrying them over helps."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone, is_classifier
from sklearn.metrics import balanced_accuracy_score, r2_score

from landbridge.domains import as_labels, check_rows, is_labelled
from landbridge.mapping.sources import check_sources
from landbridge.target import Refit
from landbridge.transfer import Transfer


def leave_one_source_out(
    transfer: Transfer, Xs: ArrayLike, ys: ArrayLike, sources: ArrayLike
) -> pd.DataFrame:
    """What a transfer gains on each source when that source plays the unlabelled target.

    A mapping that carries the other sources over to a source whose labels are known, but hidden
    from it, can be expected to do so for the target, as far as the target is of their kind.

    Parameters
    ----------
    transfer : Transfer
        The three steps to try; it is cloned, never fitted.
    Xs, ys : array-like of shape (n_s, d) and (n_s,)
        Labelled rows of all sources.
    sources : array-like of shape (n_s,)
        The name of each row's source; three or more are wanted, two will do.

    Returns
    -------
    DataFrame
        A row for each source, indexed by its name: ``rows``, the score of the ``transfer`` and
        of the ``source only`` learner from all other sources, and the ``gain``; balanced
        accuracy in classification, R² in regression.

    Raises
    ------
    ValueError
        If there is only one source, or labels are missing.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge import PerSource, Recentre, Transfer, leave_one_source_out
    >>> rng = np.random.default_rng(0)
    >>> sources, X = np.repeat(["a", "b", "c"], 100), rng.normal(size=(300, 2))
    >>> y = X[:, 0] > 0
    >>> X += np.repeat([[0.0, 0.0], [3.0, 0.0], [-3.0, 1.0]], 100, axis=0)
    >>> transfer = Transfer(LogisticRegression(), PerSource(Recentre()))
    >>> leave_one_source_out(transfer, X, y, sources)["gain"].gt(0.2).tolist()
    [True, True, True]
    """
    rows = check_rows(Xs, "Xs", sparse=True)
    labels = as_labels(ys, rows.shape[0], "ys")
    if not is_labelled(labels).all():
        raise ValueError(
            f"ys has {int((~is_labelled(labels)).sum())} blank labels: leave those rows out."
        )
    names = check_sources(sources, rows.shape[0])
    found = sorted(set(names.tolist()), key=str)
    if len(found) < 2:
        raise ValueError(
            f"Leaving one source out needs two or more: sources names only {found}. With one "
            "source use compare, which needs some target labels."
        )
    plain = Transfer(transfer.source, "identity", Refit(transfer.source))
    trials = []
    for name in found:
        there = names == name
        scores = [_score(model, rows, labels, names, there) for model in (transfer, plain)]
        trials.append([int(there.sum()), *scores, scores[0] - scores[1]])
    columns = ["rows", "transfer", "source only", "gain"]
    return pd.DataFrame(trials, index=pd.Index(found, name="source"), columns=columns)


def _score(model: Transfer, X: Any, y: Any, names: Any, there: Any) -> float:
    """The score on the rows of one source of a model that never saw their labels."""
    fitted = clone(model).fit(X[~there], y[~there], X[there], sources=names[~there])
    predicted = fitted.predict(X[there])
    if is_classifier(model):
        truth = np.asarray(y[there].tolist())
        return float(balanced_accuracy_score(truth, np.asarray(predicted.tolist())))
    return float(r2_score(y[there], predicted))
