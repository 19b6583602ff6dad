"""Row weights against class imbalance."""

from collections.abc import Mapping as Mappable

import numpy as np
from numpy.typing import NDArray

ClassWeight = str | Mappable | None


def class_weights(
    y: NDArray, class_weight: ClassWeight, sample_weight: NDArray | None = None
) -> NDArray | None:
    """Row weights times a factor for the row's class.

    Parameters
    ----------
    y : ndarray of shape (n,)
        The class of each row.
    class_weight : None, "auto" or dict
        ``None`` leaves the weights as they are. ``"auto"`` gives every class the same total
        weight, and all together the weight that they had (inverse class frequency). A dict
        holds a factor for each class named; the others keep 1.
    sample_weight : ndarray of shape (n,), optional
        The weights so far, 1 each by default.

    Raises
    ------
    ValueError
        If ``class_weight`` is another word, a class it names does not occur, or a factor is
        negative.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.domains.class_weight import class_weights
    >>> class_weights(np.array(["ill", "well", "well", "well"]), "auto").round(2)
    array([2.  , 0.67, 0.67, 0.67])
    """
    if class_weight is None:
        return sample_weight
    classes, codes = np.unique(y, return_inverse=True)
    weights = np.ones(len(y)) if sample_weight is None else sample_weight
    if isinstance(class_weight, Mappable):
        return weights * _factors(classes, class_weight)[codes]
    if class_weight != "auto":
        raise ValueError(
            f'class_weight must be None, "auto" or a dict of classes: found {class_weight!r}.'
        )
    totals = np.bincount(codes, weights)
    even = totals.sum() / np.count_nonzero(totals)
    return weights * np.divide(even, totals, out=np.ones(len(classes)), where=totals > 0)[codes]


def _factors(classes: NDArray, given: Mappable) -> NDArray[np.float64]:
    unknown = [name for name in given if name not in classes.tolist()]
    if unknown:
        raise ValueError(
            f"class_weight names {unknown}, which do not occur: the classes are {classes.tolist()}."
        )
    factors = np.array([given.get(name, 1.0) for name in classes.tolist()], dtype=float)
    if not (np.isfinite(factors) & (factors >= 0)).all():
        raise ValueError(f"class_weight must hold numbers from 0 up: found {dict(given)}.")
    return factors
