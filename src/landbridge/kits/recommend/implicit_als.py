"""What was bought or played as factors: the source step where nobody rates anything."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.parameters import check_number
from landbridge.kits.recommend.alternating import (
    Block,
    blocks_of,
    check_matrix,
    check_sweeps,
    solve_side,
    workers,
)


class ImplicitALS(BaseEstimator):
    r"""Factors of interactions without ratings, weighted by confidence (Hu, Koren & Volinsky 2008).

    Minimises over all pairs, seen or not (their eq. 3),

    .. math:: \sum_{u,i} c_{ui} (p_{ui} - x_u^\top y_i)^2
              + \lambda \Big(\sum \lVert x_u \rVert^2 + \sum \lVert y_i \rVert^2\Big),
              \qquad c_{ui} = 1 + \alpha r_{ui},

    with :math:`p_{ui} = 1` where :math:`r_{ui} > 0`. Each side's rows solve their eq. 4, in the
    last sweep exactly, before it by a few steps of conjugate gradients: :math:`Y^\top Y +
    \lambda I` is common to all users, and its Cholesky factor makes the rest of each user's
    problem a ridge regression on the items that they touched.

    Parameters
    ----------
    n_factors : int, default=32
        Length k of the factors.
    reg : float, default=5.0
        Penalty λ; larger shrinks users and items with few interactions more.
    alpha : float, default=10.0
        Confidence α that one interaction adds over none.
    n_sweeps : int, default=15
        Times that both sides are solved.
    n_jobs : int, optional
        Threads; -1 for one a core, one by default.
    random_state : int, RandomState or None, default=None
        Of the first item factors.

    Attributes
    ----------
    rows_ : ndarray of shape (n_users, k)
    columns_ : ndarray of shape (n_items, k)

    Raises
    ------
    TypeError
        If the interactions are not a sparse matrix.
    ValueError
        If there are none, one is not above zero, or a parameter is out of bounds.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from landbridge.kits.recommend import ImplicitALS
    >>> bought = csr_array(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    >>> scores = ImplicitALS(2, reg=0.1, random_state=0).fit(bought).predict([1, 1], [1, 2])
    >>> bool(scores[0] > scores[1])
    True
    """

    def __init__(
        self,
        n_factors: int = 32,
        *,
        reg: float = 5.0,
        alpha: float = 10.0,
        n_sweeps: int = 15,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_factors = n_factors
        self.reg = reg
        self.alpha = alpha
        self.n_sweeps = n_sweeps
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from a sparse matrix of users by items: how often, how long, or just 1."""
        self._check_parameters()
        R = _check_counts(X)
        n_users, n_items = R.shape
        rng = check_random_state(self.random_state)
        users = blocks_of(R, self.n_factors)
        items = blocks_of(csr_array(R.T), self.n_factors)
        columns = rng.normal(scale=0.1, size=(n_items, self.n_factors)).astype(np.float32)
        with workers(self.n_jobs) as pool:
            rows = np.zeros((n_users, self.n_factors), dtype=np.float32)
            for _ in range(self.n_sweeps - 1):
                rows = self._solved(users, n_users, columns, pool, rows)
                columns = self._solved(items, n_items, rows, pool, columns)
            rows = self._solved(users, n_users, columns, pool)
            columns = self._solved(items, n_items, rows, pool)
            self.rows_ = self._solved(users, n_users, columns, pool)
        self.columns_ = columns
        return self

    def fold_in(self, X: Any) -> NDArray[np.float32]:
        """Factors (m, k) of further users, from their interactions (m, n_items) alone.

        Raises
        ------
        ValueError
            If there are more or fewer items than in ``fit``.
        """
        check_is_fitted(self)
        R = _check_counts(X)
        if R.shape[1] != len(self.columns_):
            raise ValueError(
                f"X has {R.shape[1]} items, but there were {len(self.columns_)} in fit: "
                "give the same columns."
            )
        with workers(self.n_jobs) as pool:
            return self._solved(blocks_of(R, self.n_factors), R.shape[0], self.columns_, pool)

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float64]:
        """``x_u · y_i`` of users (m,) and items (m,), by their row and column numbers."""
        check_is_fitted(self)
        return self.scores_of(self.rows_[np.asarray(users)], np.asarray(items))

    def scores_of(self, rows: NDArray, items: NDArray) -> NDArray[np.float64]:
        """``x · y_i`` for given rows (m, k), each with its item (m,)."""
        return np.einsum("mk,mk->m", rows, self.columns_[items].astype(np.float64))

    def _solved(
        self,
        blocks: list[Block],
        n_rows: int,
        other: NDArray,
        pool: Any,
        start: NDArray | None = None,
    ) -> NDArray[np.float32]:
        """One side's factors, given those of the other side; nearer from a start."""
        base = (other.T @ other).astype(np.float64) + self.reg * np.eye(self.n_factors)
        return solve_side(blocks, n_rows, other, base, self._weighted, pool, start)

    def _weighted(self, block: Block, H: NDArray) -> tuple[NDArray, NDArray]:
        """Rows and aims by the square root of the weight α r that an interaction adds.

        The aim is ``c / (c − 1)``: with that, the two parts of ``c (1 − x·y)²`` outside the
        common base are one square.
        """
        root = np.sqrt(self.alpha * block.values)
        is_entry = root > 0
        aims = np.divide(1 + root**2, root, out=np.zeros_like(root), where=is_entry)
        return H * root[..., None], aims

    def _check_parameters(self) -> None:
        check_number("n_factors", self.n_factors, least=1, whole=True)
        for name in ("reg", "alpha"):
            check_number(name, getattr(self, name), above=True)
        check_sweeps(self)


def _check_counts(X: Any) -> csr_array:
    R = check_matrix(X)
    if R.data.min() <= 0:
        raise ValueError(
            f"X must be above zero wherever an interaction is stored: the lowest is "
            f"{R.data.min():g}. Leave out what did not happen."
        )
    return R
