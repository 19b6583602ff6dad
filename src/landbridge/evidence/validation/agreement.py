"""The validator that asks the other models."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import class_names, encode
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
    predicted = [seen.predicted_target, *(model.predict(seen.Xt) for model in seen.others)]
    classes = class_names(*predicted)
    own, *theirs = (encode(labels, classes) for labels in predicted)
    return float(np.mean(majority(theirs) == own))


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
