"""Structural correspondence learning."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning

from landbridge.domains.labels import is_labelled
from landbridge.domains.memory import check_memory
from landbridge.domains.parameters import check_number
from landbridge.mapping.affine import apply_affine, contributions
from landbridge.mapping.base import UnpairedMapping, are_measurements, check_two_rows
from landbridge.mapping.pivots.both import beside, rows_of_both, scatter_of
from landbridge.moments import moments_of_rows
from landbridge.moments.feature_map import stack

MAX_PASSES = 200
TOLERANCE = 4e-3
"""The passes end when scores move by less than this share of a margin (root mean square)."""


def mutual_information(occurs: Any, y: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Information in nats (d,) between classes ``y`` (n,) and whether each feature occurs.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.pivots.structural_correspondence import mutual_information
    >>> occurs = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    >>> y = np.array(["good", "good", "bad", "bad"])
    >>> mutual_information(occurs, y, np.ones(4)).round(3) + 0.0
    array([0.693, 0.   ])
    """
    classes, codes = np.unique(y, return_inverse=True)
    member = np.zeros((len(y), len(classes)))
    member[np.arange(len(y)), codes] = weights / weights.sum()
    with_it, share = np.asarray(occurs.T @ member), member.sum(axis=0)
    total = np.zeros(len(with_it))
    for joint in (with_it, np.maximum(share - with_it, 0.0)):
        independent = joint.sum(axis=1, keepdims=True) * share
        ratio = np.divide(joint, independent, out=np.ones_like(joint), where=joint > 0)
        total += (joint * np.log(ratio)).sum(axis=1)
    return total


def modified_huber_fits(
    X: Any, signs: NDArray, weights: NDArray, penalty: float, max_passes: int = MAX_PASSES
) -> NDArray[np.float64]:
    r"""Coefficients (d, m) of linear classifiers of each of m signs (n, m) of ±1 by the same rows.

    :math:`\min_v \sum_i w_i L(s_i v^\top x_i) + \lambda \lVert v \rVert^2` with the modified Huber
    loss :math:`L(z) = \max(0, 1 - z)^2`, and :math:`-4z` where :math:`z < -1` (Blitzer, McDonald &
    Pereira 2006, section 3.2). Its curvature is at most 2, so each pass minimises a square that
    lies above it: ridge regression of the scores f, put right where they are wrong: s within the
    margin (:math:`|z| \le 1`), f beyond it, f + 2 s where :math:`z < -1`. Each pass starts
    from scores that go on in the direction of the last (Nesterov; Beck & Teboulle 2009, eq. 4.2).
    All passes and all signs share one factor.
    """
    roots = np.sqrt(weights)[:, None]
    solve = ridge_solver(X.multiply(roots).tocsr() if issparse(X) else X * roots, penalty)
    ahead, scores, momentum = np.zeros_like(signs), np.zeros_like(signs), 1.0
    for _ in range(max_passes):
        margins = signs * ahead
        wanted = np.where(margins > 1, ahead, np.where(margins < -1, ahead + 2 * signs, signs))
        coefficients = solve(roots * wanted)
        before, scores = scores, np.asarray(X @ coefficients)
        step = scores - before
        moved = float(np.linalg.norm(step)) / np.sqrt(max(step.size, 1))
        if moved <= TOLERANCE:
            return coefficients
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = scores + (momentum - 1) / grown * step
        momentum = grown
    warnings.warn(
        f"The classifiers of the pivots still moved by {moved:.2g} of a margin "
        f"after {max_passes} passes: their directions are rough. A larger reg settles sooner.",
        ConvergenceWarning,
        stacklevel=6,
    )
    return coefficients


def ridge_solver(X: Any, penalty: float) -> Callable[[NDArray], NDArray]:
    """A function from outputs (n, m) to ridge weights (d, m), by the smaller of XᵀX and XXᵀ."""
    n, d = X.shape
    check_memory(
        8.0 * min(n, d) ** 2, f"The products of {n:,} rows of {d:,} features", "Draw rows."
    )
    gram = scatter_of(X, X) if d <= n else scatter_of(X.T, X.T)
    gram[np.diag_indices(len(gram))] += penalty
    factor = cho_factor(gram, lower=True, overwrite_a=True)
    if d <= n:
        return lambda wanted: cho_solve(factor, np.asarray(X.T @ wanted))
    return lambda wanted: np.asarray(X.T @ cho_solve(factor, wanted))


class StructuralCorrespondence(UnpairedMapping):
    r"""Give each row a few directions that tell which pivots, known in both domains, it goes with.

    Pivots are features that occur often in both domains and tell most of the source's labels.
    From all other features, on rows of both domains without labels, a linear classifier guesses
    whether each pivot occurs (modified Huber loss); θ are the h leading left singular vectors of
    their weights, and a row becomes
    :math:`[x, \alpha\,\theta^\top x]` (Blitzer, McDonald & Pereira 2006, figure 2; pivots by mutual
    information: Blitzer, Dredze & Pereira 2007, section 3).

    A feature occurs where it is above its domain's mean; of counts of words that is, for all but
    the commonest, where the word is there. Where no feature varies, or there is only one, x stays
    alone.

    Parameters
    ----------
    n_pivots : int, default=500
        How many; at most half of the features. More cost time, and tell less each.
    n_components : int, default=50
        h; at most as many as there are pivots.
    min_rows : int, default=10
        A pivot occurs, and does not occur, on at least so many rows of each domain (on a tenth of
        them if that is fewer).
    scale : float, default=1.0
        The mean sum of absolute values of :math:`\alpha\,\theta^\top x`, centred and each
        component with variance 1, beside that of x: larger values trust the pivots more.
    reg : float, default=1e-4
        λ for each row.
    positive : bool, default=False
        Whether negative weights are set to 0 first: then words that speak against a pivot count
        for nothing.

    Attributes
    ----------
    pivots_ : ndarray of shape (m,)
        Their feature numbers, the one that tells most first.
    theta_ : ndarray of shape (d, k)
        θ, times what gives the components their variance and α; 0 for pivots.
    centre_ : ndarray of shape (k,)
        θᵀ of the mean row.
    singular_values_ : ndarray of shape (k,)
    source_std_ : ndarray of shape (d,)

    Raises
    ------
    ValueError
        If no feature occurs often enough in both domains to be a pivot.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import StructuralCorrespondence
    >>> rng = np.random.default_rng(0)
    >>> good = rng.random(400) < 0.5
    >>> words = [good, ~good] + [good ^ (rng.random(400) < 0.2) for _ in range(4)]
    >>> X = np.column_stack(words).astype(float)
    >>> X[:200, 4:] = X[200:, 2:4] = 0                # the last four: two words of each domain
    >>> scl = StructuralCorrespondence(n_pivots=2, n_components=1)
    >>> scl = scl.fit(X[:200], X[200:], ys=good[:200])
    >>> sorted(scl.pivots_.tolist()), bool((scl.theta_[2:] > 0).all())
    ([0, 1], True)
    """

    meets_between = True
    takes_sparse = True
    cost = "the less of n d² + d³ and n² d + n³, + n d m"
    when = "words of which each domain has its own, beside some that both share"

    def __init__(
        self,
        *,
        n_pivots: int = 500,
        n_components: int = 50,
        min_rows: int = 10,
        scale: float = 1.0,
        reg: float = 1e-4,
        positive: bool = False,
    ):
        self.n_pivots = n_pivots
        self.n_components = n_components
        self.min_rows = min_rows
        self.scale = scale
        self.reg = reg
        self.positive = positive

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        self._check_parameters()
        check_two_rows(self, Xs.shape[0], Xt.shape[0])
        X, weights, n_s = rows_of_both(Xs, Xt), np.ones(Xs.shape[0] + Xt.shape[0]), Xs.shape[0]
        if sample_weight is not None:
            weights[:n_s] = sample_weight
        occurs = stack(tuple(above_mean(X[part], weights[part]) for part in parts_of(n_s)))
        able, commonness = self._common_to_both(occurs, weights, n_s)
        merit = commonness if ys is None else self._told(occurs, weights, ys)
        order = able[np.argsort(-merit[able], kind="stable")]
        self.pivots_ = order[: min(self.n_pivots, X.shape[1] // 2)]
        self._set_theta(X, occurs[:, self.pivots_], weights)
        self.source_std_ = moments_of_rows((Xs,), variances_only="x").std

    def _check_parameters(self) -> None:
        for name in ("n_pivots", "n_components", "min_rows"):
            check_number(name, getattr(self, name), least=1, whole=True)
        check_number("scale", self.scale, above=True)
        check_number("reg", self.reg, above=True)

    def _common_to_both(self, occurs: Any, weights: NDArray, n_s: int) -> tuple[NDArray, NDArray]:
        """The features that can be pivots, and each one's share of rows where it is rarer."""
        fits, shares = np.ones(occurs.shape[1], dtype=bool), []
        for part in parts_of(n_s):
            total = weights[part].sum()
            count = np.asarray(occurs[part].T @ weights[part])
            least = max(min(self.min_rows, total / 10), 1e-9 * total)
            fits &= (count >= least) & (count <= total - least)
            shares.append(count / total)
        if not fits.any() and min(share.max() for share in shares) > 0:
            raise ValueError(
                f"StructuralCorrespondence found no pivot: no feature is above its mean on "
                f"{self.min_rows} rows of both domains, and below it on as many. Give rows with "
                "features in common, or a smaller min_rows."
            )
        return np.flatnonzero(fits), np.minimum(*shares)

    def _told(self, occurs: Any, weights: NDArray, ys: NDArray) -> NDArray:
        """What each feature tells of the source's labels; of numbers, on which side of half."""
        known = np.flatnonzero(is_labelled(ys))
        labels = np.array(ys[known].tolist())
        if are_measurements(labels):
            labels = labels > np.median(labels)
        return mutual_information(occurs[known], labels, weights[known])

    def _set_theta(self, X: Any, occurs: Any, weights: NDArray) -> None:
        """Guess the pivots from the other features, and keep the main directions of that."""
        others = np.setdiff1d(np.arange(X.shape[1]), self.pivots_)
        signs = 2.0 * (occurs.toarray() if issparse(occurs) else occurs) - 1.0
        fits = modified_huber_fits(
            beside(X[:, others], np.ones((len(weights), 1))),
            signs,
            weights,
            self.reg * weights.sum(),
        )[:-1]
        fits = np.maximum(fits, 0.0) if self.positive else fits
        directions, self.singular_values_ = leading_directions(fits, self.n_components)
        theta = np.zeros((X.shape[1], directions.shape[1]))
        theta[others] = directions
        made, share = np.asarray(X @ theta), weights / weights.sum()
        self.centre_ = share @ made
        std = np.sqrt(share @ (made - self.centre_) ** 2)
        theta /= np.where(std > 0, std, 1.0)
        self.centre_ /= np.where(std > 0, std, 1.0)
        sizes = [
            share @ np.asarray(abs(Z).sum(axis=1)).ravel() for Z in (X, X @ theta - self.centre_)
        ]
        alpha = self.scale * sizes[0] / sizes[1] if sizes[1] > 0 else 1.0
        self.theta_, self.centre_ = alpha * theta, alpha * self.centre_

    def _map(self, X: Any) -> Any:
        zero = np.zeros(X.shape[1])
        return beside(X, apply_affine(X, zero, self.theta_, -self.centre_))

    def _map_target(self, X: Any) -> Any:
        return self._map(X)

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        """The features behind each direction."""
        names = [f"component {j}" for j in range(self.theta_.shape[1])]
        return contributions(self.theta_, self.source_std_, source, names, top)


def parts_of(n_source: int) -> tuple[slice, slice]:
    """Where the source's rows stand among those of both, and the target's."""
    return slice(n_source), slice(n_source, None)


def above_mean(X: Any, weights: NDArray) -> Any:
    """1 where a feature is above its mean, else 0; sparse if X is and no mean is below 0."""
    means = np.asarray(X.T @ (weights / weights.sum()))
    if not issparse(X):
        return (means < X).astype(np.float64)
    if (means < 0).any():
        check_memory(16.0 * X.shape[0] * X.shape[1], "Sparse rows as dense ones", "Draw rows.")
        return (means < X.toarray()).astype(np.float64)
    occurs = X.copy()
    occurs.data = (X.data > means[X.indices]).astype(np.float64)
    occurs.eliminate_zeros()
    return occurs


def leading_directions(W: NDArray, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The k leading left singular vectors (d, k) of W, largest entry positive, and their values."""
    squares, V = eigh(W.T @ W)
    order = np.argsort(-squares)[:k]
    order = order[squares[order] > 1e-12 * max(squares.max(initial=0.0), np.finfo(float).tiny)]
    values = np.sqrt(squares[order])
    U = W @ V[:, order] / values
    signs = np.sign(U[np.abs(U).argmax(axis=0), np.arange(len(order))])
    return U * signs, values
