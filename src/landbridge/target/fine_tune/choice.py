"""How a recipe is chosen from the data: by held-out loss, the simpler one where it is close."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.folds import folds_by_content, smallest_class, stratified_folds
from landbridge.target.fine_tune.recipes import LinearProbe, Recipe

CANDIDATES = ("linear-probe", "lp-ft", "l2-sp", "full", "wise-ft")
"""What ``recipe="auto"`` looks at, the simplest first."""
MOST_FOLDS = 4
CAUTION = 10.0
"""How strongly the probe holds on to the source's head that is tried first of all."""

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


class Plan(NamedTuple):
    """What to try on which folds, and why these."""

    recipes: list[Recipe]
    folds: list[Fold]
    reason: str


def usual_candidates(recipes: dict[str, type[Recipe]], *, has_new: bool) -> list[Recipe]:
    """What ``"auto"`` tries; where the source knows all classes, hardly leaving it first of all."""
    cautious: list[Recipe] = [] if has_new else [LinearProbe(CAUTION)]
    return [*cautious, *(recipes[name]() for name in CANDIDATES if name in recipes)]


def plan(
    X: NDArray,
    y: NDArray,
    candidates: Sequence[Recipe],
    budget: int,
    *,
    classifies: bool,
    has_new: bool,
) -> Plan:
    """What a number of trial fits is best spent on, for these labelled rows.

    Where every class has two rows or more, the candidates are tried in as many folds as the
    rarest class has rows, four at most, so that each fold learns from and holds out some of each
    class; where the budget is short in fewer folds, and then the first of them only. Where a
    class has a single row, a fold that holds it out learns nothing of the class: its row of the
    source's head is then left out of the comparison while the others learn, and stays. With new
    classes that cannot be: then nothing is tried, and the probe is taken.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
        Class numbers or values.
    candidates : sequence of Recipe
        The simplest first.
    budget : int
        The most trial fits.
    classifies, has_new : bool
        Whether labels are classes, and whether some are unknown to the source.
    """
    recipes = [recipe for recipe in candidates if classifies or not recipe.needs_classes]
    rarest = smallest_class(y) if classifies else len(y) // 2
    most = min(MOST_FOLDS, budget // 2)
    is_split_by_class = classifies and rarest >= 2
    n_folds = min(most, rarest if has_new or is_split_by_class else len(y))
    if n_folds < 2:
        return Plan([LinearProbe()], [], "too few labelled rows, or fits, to try anything")
    n_folds = max(2, min(n_folds, budget // len(recipes)))
    recipes = recipes[: budget // n_folds]
    single = "" if is_split_by_class or not classifies else ", one of a class"
    reason = f"tried in {n_folds} folds of {len(y)} labelled rows{single}"
    return Plan(recipes, _folds(X, y, n_folds, is_split_by_class), reason)


def _folds(X: NDArray, y: NDArray, n_folds: int, classifies: bool) -> list[Fold]:
    if classifies:
        return stratified_folds(X, y, n_folds)
    held_out = folds_by_content(X, y[:, None].astype(X.dtype), n_folds)
    return [(np.setdiff1d(np.arange(len(y)), rows), rows) for rows in held_out]


def simplest_of_the_best(losses: NDArray[np.float64]) -> tuple[int, list[dict[str, float]]]:
    """The first that loses no more than the best by over one standard error of the difference.

    Parameters
    ----------
    losses : ndarray of shape (n_candidates, n)
        The held-out loss of each row under each candidate, the simplest first.

    Returns
    -------
    chosen : int
    table : list of dict
        Of each candidate its mean ``loss``, how much ``worse`` than the best, and the
        ``standard_error`` of that over the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.target.fine_tune.choice import simplest_of_the_best
    >>> simplest_of_the_best(np.array([[2.0, 2.1], [1.1, 0.9], [1.0, 0.9]]))[0]
    1
    """
    best = losses[losses.mean(axis=1).argmin()]
    gaps = losses - best
    n_rows = losses.shape[1]
    errors = gaps.std(axis=1, ddof=min(1, n_rows - 1)) / np.sqrt(n_rows)
    table = [
        {"loss": float(loss), "worse": float(worse), "standard_error": float(error)}
        for loss, worse, error in zip(losses.mean(axis=1), gaps.mean(axis=1), errors)
    ]
    chosen = next(k for k, row in enumerate(table) if row["worse"] <= row["standard_error"])
    return chosen, table
