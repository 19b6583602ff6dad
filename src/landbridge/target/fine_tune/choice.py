"""How a recipe is chosen from the data: by held-out loss, and not lightly against the source."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from landbridge.domains.folds import folds_by_content, smallest_class, stratified_folds
from landbridge.target.fine_tune.recipes import LinearProbe, Recipe

CANDIDATES = ("linear-probe", "lp-ft", "l2-sp", "full", "wise-ft")
"""What ``recipe="auto"`` looks at, the simplest first."""
MOST_FOLDS = 4
CAUTION = 10.0
"""How strongly the probe holds on to the source's head that is tried first of all."""
LEVEL = 0.05
"""How seldom chance may make that probe be left for its equal."""

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


def least_loss(
    losses: NDArray[np.float64], *, keeps_first: bool
) -> tuple[int, list[dict[str, float]]]:
    """The candidate that loses least, or the first, if that is to be kept to in doubt.

    Then leaving it has to be earned, in a one-sided paired t-test over the held-out rows, whose
    quantile asks more of four rows than of forty.

    Parameters
    ----------
    losses : ndarray of shape (n_candidates, n)
        The held-out loss of each row under each candidate.
    keeps_first : bool
        Whether to keep to the first unless the best is better beyond chance.

    Returns
    -------
    chosen : int
    table : list of dict
        Of each candidate its mean ``loss``, how much ``worse`` than the best, the
        ``standard_error`` of that over the rows, and the ``p_value`` of its being worse.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.target.fine_tune.choice import least_loss
    >>> losses = np.array([[0.3, 0.5, 0.2], [0.2, 0.5, 0.3], [0.1, 0.6, 0.1]])
    >>> least_loss(losses, keeps_first=False)[0], least_loss(losses, keeps_first=True)[0]
    (2, 0)
    >>> least_loss(losses + [[0.4], [0.0], [0.0]], keeps_first=True)[0]
    2
    """
    best = int(losses.mean(axis=1).argmin())
    table = [_figures(one, one - losses[best]) for one in losses]
    return 0 if keeps_first and table[0]["p_value"] >= LEVEL else best, table


def _figures(losses: NDArray[np.float64], gaps: NDArray[np.float64]) -> dict[str, float]:
    n_rows, worse = len(gaps), float(gaps.mean())
    error = float(gaps.std(ddof=min(1, n_rows - 1)) / np.sqrt(n_rows))
    is_certain = error <= 1e-12 * abs(worse)  # a gap without spread, or none
    p_value = float(worse <= 0) if is_certain else float(stats.t.sf(worse / error, n_rows - 1))
    return {
        "loss": float(losses.mean()),
        "worse": worse,
        "standard_error": error,
        "p_value": p_value,
    }
