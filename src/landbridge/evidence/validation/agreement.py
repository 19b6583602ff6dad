"""The validator that asks the other models."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landbridge.evidence.validation.seen import Seen


def agreement_score(seen: Seen) -> float:
    """Share of target rows that get the label which most of the other models give them.

    Models err on other rows, so most of them together are right more often than each (Jiang et
    al. 2022 and Baek et al. 2022 read accuracy off the agreement of models). Many like mistakes
    deceive it.

    Raises
    ------
    ValueError
        If there is no other model.
    """
    if not seen.others:
        raise ValueError(
            'The validator "agreement" compares a model with others: others has none. Give the '
            "other fitted candidates."
        )
    theirs = [np.asarray(model.predict(seen.Xt)).astype(str) for model in seen.others]
    return float(np.mean(majority(theirs) == seen.predicted_target.astype(str)))


def majority(predicted: Sequence[NDArray]) -> NDArray:
    """The commonest label of each row (n,) over models; of equally common ones the first.

    Examples
    --------
    >>> import numpy as np
    >>> print(majority([np.array(["a", "b"]), np.array(["a", "a"]), np.array(["c", "b"])]))
    ['a' 'b']
    """
    table = np.array(predicted)
    classes = np.unique(table)
    votes = np.array([(table == label).sum(axis=0) for label in classes])
    return classes[votes.argmax(axis=0)]
