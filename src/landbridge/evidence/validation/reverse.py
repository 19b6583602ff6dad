"""The validator that carries the target's predicted labels back to the source."""

import warnings

import numpy as np
from sklearn.base import clone

from landbridge.evidence.validation.seen import Seen
from landbridge.evidence.validation.weighing import labelled_score
from landbridge.transfer import Transfer


def reverse_score(seen: Seen) -> float:
    """Score in the source of the same method, learned from predicted target labels.

    Reverse or circular validation (Zhong et al. 2010; Bruzzone & Marconcini 2010): mean recall of
    the classes, R² in regression. The method is fitted once more. Two errors that cancel on the
    way there and back deceive it: a mapping that can be run backwards does so right or wrong.
    """
    predicted = seen.predicted_target
    if seen.classifies and len(set(predicted.tolist())) < 2:
        back = np.full(len(seen.ys), predicted[0], dtype=predicted.dtype)
        return labelled_score(seen, seen.ys, back)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = clone(seen.model)
        if isinstance(model, Transfer):
            back = model.fit(seen.Xt, predicted, seen.Xs).predict(seen.Xs)
        else:
            back = model.fit(seen.Xt, predicted).predict(seen.Xs)
    return labelled_score(seen, seen.ys, back)
