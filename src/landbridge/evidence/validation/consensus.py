"""The ensemble validator: how far a model agrees with the models that can be trusted."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from landbridge.domains import class_names, encode
from landbridge.evidence.validation.reverse import reverse_score
from landbridge.evidence.validation.seen import Seen
from landbridge.evidence.validation.shape import cluster_agreement, silhouette
from landbridge.evidence.validation.weighing import source_score

TRUSTED: dict[str, Callable[[Seen], float]] = {
    "source": source_score,
    "reverse": reverse_score,
    "clusters": cluster_agreement,
    "silhouette": silhouette,
}
"""Validators of unlike kinds, by source labels, the way back, clusters and distances, none of which
a model that gives all rows one class deceives."""
SHARPNESS = 15.0
"""A model that ranks a tenth lower has a voice of exp(-1.5), a fifth."""
FEWEST_MODELS = 3


def rank_without_labels(
    models: Mapping[str, Any],
    Xs: ArrayLike,
    ys: ArrayLike,
    Xt: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    max_rows: int = 1000,
    random_state: int = 0,
) -> pd.DataFrame:
    r"""Rank fitted classifiers by what their target accuracy should be, without target labels.

    1. Four validators that look at different things score every model: ``source``,
       ``reverse``, ``clusters`` and ``silhouette``. Trust t in a model is the mean of its ranks,
       each as a share of the number of models.
    2. The models vote on each target row, with voices :math:`e^{15\,t}` times their
       probabilities. A model's ``consensus`` is the share of rows that it gives the label that
       all the others give it.

    Models err on different rows, so trusted ones together are right more often than each: to
    agree with them says more than any one score. A model that gives all rows one class has no
    trust, and agrees with few.

    It fails where most models make the same mistake, and then ranks them the wrong way round:
    where nearly every mapping swaps the classes, or where the classes' shares differ so much
    that matching the domains is wrong. Of three models, two bad ones that agree by chance outvote
    a good one. No vote can see that; whether some simple change explains
    the target can be tested (``choose_without_labels``). And of several good models it favours
    the one in the middle, so it is better at leaving bad models out than at finding the best.

    Parameters
    ----------
    models : dict of name to fitted classifier
        Three at least, such as ``Transfer`` with one mapping and another.
    Xs, ys : array-like of shape (n_s, d_s) and (n_s,)
        Labelled source rows, preferably such as no model was fitted to.
    Xt : array-like of shape (n_t, d_t)
        Target rows.
    sample_weight : array-like of shape (n_s,), optional
        Weights of the source rows.
    max_rows : int, default=1000
        Rows of a domain that are looked at.
    random_state : int, default=0

    Returns
    -------
    DataFrame
        A row for each model, the best first: what the four validators say, ``trust`` and
        ``consensus``; and the ``error`` of one that cannot be judged, which comes last.

    Raises
    ------
    ValueError
        If fewer than three models can be judged, or one does not classify.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge import Transfer
    >>> from landbridge.evidence import rank_without_labels
    >>> X, y = make_blobs(300, centers=[[0, 0], [4, 0], [0, 4]], random_state=0)
    >>> Xt = 3 * X[200:] + 5
    >>> names = "identity", "recentre", "standardise", "coral"
    >>> models = {n: Transfer(LogisticRegression(), n).fit(X[:150], y[:150], Xt) for n in names}
    >>> table = rank_without_labels(models, X[150:200], y[150:200], Xt)
    >>> table.index[-1]
    'identity'
    """
    if not isinstance(models, Mapping):
        raise TypeError(
            f"models must be a dict of names to fitted models: found {type(models).__name__}."
        )
    others = [name for name, model in models.items() if not is_classifier(model)]
    if others:
        raise ValueError(
            f"A consensus is of classes: {', '.join(others)} does not classify. For numbers use "
            'the validators "source", "iwcv", "dev" or "reverse".'
        )
    scores: dict[str, dict[str, Any]] = {}
    votes: dict[str, tuple[NDArray, NDArray]] = {}
    for name, model in models.items():
        seen = Seen(
            model,
            Xs,
            ys,
            Xt,
            sample_weight=sample_weight,
            max_rows=max_rows,
            random_state=random_state,
        )
        try:
            check_is_fitted(model)
            votes[name] = _votes(seen)
            scores[name] = {kind: score(seen) for kind, score in TRUSTED.items()}
        except (ValueError, MemoryError, np.linalg.LinAlgError) as error:
            votes.pop(name, None)
            scores[name] = {"error": f"{type(error).__name__}: {error}"}
    table = pd.DataFrame.from_dict(scores, orient="index").reindex(columns=[*TRUSTED, "error"])
    if len(votes) < FEWEST_MODELS:
        raise ValueError(
            f"A consensus takes {FEWEST_MODELS} models at least: {len(votes)} of {len(models)} can "
            f"be judged{_why_not(table)}. With fewer, compare them by score_without_labels."
        )
    judged = list(votes)
    classes = class_names(*(models[name].classes_ for name in judged))
    P = np.array([_spread(*votes[name], classes) for name in judged])
    trust = trust_in(table.loc[judged, list(TRUSTED)])
    table.loc[judged, "trust"] = trust
    table.loc[judged, "consensus"] = consensus_of(P, trust)
    return table[[*TRUSTED, "trust", "consensus", "error"]].sort_values(
        ["consensus", "trust"], ascending=False, kind="stable", na_position="last"
    )


def consensus_score(seen: Seen) -> float:
    """Share of target rows that get the label which the others give them, by the trust in each.

    Raises
    ------
    ValueError
        If there are fewer than two other models.
    """
    if len(seen.others) < FEWEST_MODELS - 1:
        raise ValueError(
            f'The validator "consensus" takes {FEWEST_MODELS - 1} other models at least: others '
            f"has {len(seen.others)}. Give the other fitted candidates."
        )
    table = rank_without_labels(
        {"own": seen.model} | {f"other {k}": model for k, model in enumerate(seen.others)},
        seen.Xs,
        seen.ys,
        seen.Xt,
        sample_weight=seen.sample_weight,
        max_rows=seen.max_rows,
        random_state=seen.random_state,
    )
    found = float(table["consensus"]["own"])
    if not np.isfinite(found):
        raise ValueError(str(table["error"]["own"]))
    return found


def trust_in(scores: pd.DataFrame) -> NDArray[np.float64]:
    """Mean rank of each model over validators, from 1/n for the worst to 1 for the best.

    Examples
    --------
    >>> import pandas as pd
    >>> trust_in(pd.DataFrame({"source": [0.5, 0.9], "reverse": [0.6, 0.6]}))
    array([0.625, 0.875])
    """
    return np.asarray(rankdata(scores.to_numpy(dtype=float), axis=0).mean(axis=1) / len(scores))


def consensus_of(P: NDArray, trust: NDArray) -> NDArray[np.float64]:
    """Share of rows that each model labels as the others do together, by their trust.

    Parameters
    ----------
    P : ndarray of shape (n_models, n, n_classes)
        Probabilities.
    trust : ndarray of shape (n_models,)

    Examples
    --------
    >>> import numpy as np
    >>> sure = np.eye(2)[np.array([[0, 1, 1, 0], [0, 1, 1, 1], [1, 1, 1, 0]])]
    >>> consensus_of(sure, np.array([1.0, 0.6, 0.8]))
    array([0.75, 0.75, 0.75])
    """
    voices = np.exp(SHARPNESS * (trust - trust.max()))
    total = np.tensordot(voices, P, axes=1)
    return np.array(
        [
            np.mean(own.argmax(axis=1) == (total - voice * own).argmax(axis=1))
            for own, voice in zip(P, voices)
        ]
    )


def _votes(seen: Seen) -> tuple[NDArray, NDArray]:
    """Probabilities of the target rows, and their classes; one for a label without more."""
    classes = seen.model.classes_
    if seen.gives_probabilities:
        return seen.probabilities, classes
    return np.eye(len(classes))[encode(seen.predicted_target, classes).astype(int)], classes


def _spread(P: NDArray, own: NDArray, classes: NDArray) -> NDArray[np.float64]:
    """Probabilities (n, n_own) of a model's own classes, as those of all (n, n_classes)."""
    found = np.zeros((len(P), len(classes)))
    found[:, encode(own, classes).astype(int)] = P
    return found


def _why_not(table: pd.DataFrame) -> str:
    found = [f"{name}: {why}" for name, why in table["error"].dropna().items()]
    return f" ({'; '.join(found)})" if found else ""
