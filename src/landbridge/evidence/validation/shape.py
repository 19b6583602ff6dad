"""Validators that ask whether predictions follow the form of the target's rows."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score, silhouette_score

from landbridge.domains import encode
from landbridge.domains.folds import content_key
from landbridge.evidence.validation.explained import gap
from landbridge.evidence.validation.seen import Seen

MIXED = 0.55
"""Share of the row whose label the mixed row should have (Hu et al. 2023)."""
N_PAIRINGS = 5
FEWEST_ROWS = 10
"""Carried rows of equal weight; with fewer, nothing is alike."""


def cluster_agreement(seen: Seen) -> float:
    """Adjusted mutual information of predictions and clusters, as many as there are classes.

    The clusters are those of k-means on target rows where both domains meet ("Class AMI" of
    Musgrave, Belongie & Lim 2022). 0 where all rows are given one class.
    """
    T, predicted = seen.met[1], encode(seen.predicted_target, seen.model.classes_)
    if len(np.unique(predicted)) < 2:
        return 0.0
    order = np.argsort(content_key(T), kind="stable")
    n_clusters = min(len(seen.model.classes_), len(np.unique(T, axis=0)))
    kind = KMeans(n_clusters, n_init=3, random_state=seen.random_state)
    return float(adjusted_mutual_info_score(predicted[order], kind.fit_predict(T[order])))


def silhouette(seen: Seen) -> float:
    """How much nearer target rows are to rows predicted alike than to others (Rousseeuw 1987).

    From -1 to 1, where both domains meet; -1 where all rows are given one class.
    """
    predicted = encode(seen.predicted_target, seen.model.classes_)
    if not 2 <= len(np.unique(predicted)) < len(predicted):
        return -1.0
    return float(silhouette_score(seen.met[1], predicted))


def mixed_score(seen: Seen) -> float:
    r"""Whether a mix of two target rows is predicted as the one that it has most of.

    With :math:`0.55 x_i + 0.45 x_j`, the share of mixes that get the label predicted for
    :math:`x_i`: the mean of that for pairs predicted alike and for pairs predicted otherwise
    (Hu et al. 2023, eq. 2–3), over five pairings of all rows. A model that gives all rows one
    class deceives it.
    """
    order = np.argsort(content_key(seen.Xt), kind="stable")
    X, labels = seen.Xt[order], seen.predicted_target[order]
    rng = np.random.default_rng(seen.random_state)
    scores = []
    for _ in range(N_PAIRINGS):
        other = rng.permutation(len(labels))
        kept = seen.model.predict(MIXED * X + (1 - MIXED) * X[other]) == labels
        alike = labels == labels[other]
        scores.append(np.mean([kept[part].mean() for part in (alike, ~alike) if part.any()]))
    return float(np.mean(scores))


def likeness(seen: Seen) -> float:
    """Less the distance of carried, weighted source rows to target rows where both meet.

    In deviations of what chance would make it were both alike (a kernel two-sample test at three
    scales). A mapping that lands on the target whatever has changed deceives it.
    """
    Z, T = seen.met
    w = seen.carried_weights
    if w.sum() ** 2 < FEWEST_ROWS * (w @ w):
        return -np.inf
    return -gap(Z, w, T).z
