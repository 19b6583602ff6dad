"""Labels as numbers that can be averaged along a plan, and back."""

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import class_names, encode, is_labelled
from landbridge.domains.parameters import check_choice
from landbridge.mapping.base import are_measurements


def find_classes(ys: NDArray, yt: NDArray | None, task: str) -> NDArray | None:
    """The classes of both domains, or ``None`` in regression.

    ``task="auto"`` takes numbers with fractions for measurements, and all other labels for classes.
    """
    check_choice("task", task, ("auto", "classification", "regression"))
    if task == "regression" or (task == "auto" and are_measurements(ys)):
        return None
    return class_names(ys) if yt is None else class_names(ys, yt)


def as_outputs(y: NDArray, classes: NDArray | None) -> NDArray[np.float64]:
    """Labels as rows (n, C) with a one for the class, or (n, 1) numbers; NaN for a blank."""
    if classes is None:
        known = is_labelled(y)
        numbers = np.full((len(y), 1), np.nan)
        numbers[known, 0] = [float(value) for value in y[known].tolist()]
        return numbers
    codes = encode(y, classes)[:, None]
    return np.where(np.isnan(codes), np.nan, codes == np.arange(len(classes)))


def as_labels_again(outputs: NDArray, classes: NDArray | None) -> tuple[NDArray, NDArray]:
    """Labels (n,) and confidence (n,): the class of the largest share, and that share."""
    if classes is None:
        return outputs[:, 0], np.ones(len(outputs))
    shares = np.maximum(outputs, 0.0)
    total = shares.sum(axis=1)
    best = outputs.argmax(axis=1)
    sure = shares[np.arange(len(best)), best] / np.where(total > 0, total, 1.0)
    # A sum of parts that make up the whole may miss 1 by rounding.
    return classes[best], np.where(sure > 1 - 1e-9, 1.0, sure)
