"""Ratings as biases and factors: the source step where users say how much they like things."""

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


class BiasedMF(BaseEstimator):
    r"""Biased matrix factorisation by alternating least squares.

    Minimises over the known ratings :math:`r_{ui}` (Koren, Bell & Volinsky 2009, eq. 5; solved as
    in Bell & Koren 2007)

    .. math:: \sum (r_{ui} - \mu - b_u - c_i - p_u^\top q_i)^2
              + \beta_u \sum b_u^2 + \beta_i \sum c_i^2
              + \lambda \Big(\sum \lVert p_u \rVert^2 + \sum \lVert q_i \rVert^2\Big).

    With item factors fixed, :math:`(b_u, p_u)` of each user is a ridge regression on
    :math:`(1, q_i)`, and the other way round; the last sweep solves it in closed form, those
    before it by a few steps of conjugate gradients. ``n_factors=0`` leaves the biases alone,
    shrunk by how many ratings each rests on.

    Parameters
    ----------
    n_factors : int, default=16
        Length k of the factors. Larger fits more, and needs more ratings or a larger ``reg``.
    reg : float, default=12.0
        Penalty λ of the factors, in ratings: larger keeps rows with few ratings nearer to zero.
    reg_user, reg_item : float, default=5.0 and 3.0
        Penalties of the users' and of the items' biases.
    n_sweeps : int, default=15
        Times that both sides are solved.
    n_jobs : int, optional
        Threads; -1 for one a core, one by default.
    random_state : int, RandomState or None, default=None
        Of the first item factors.

    Attributes
    ----------
    mean_ : float
        The mean rating μ.
    rows_ : ndarray of shape (n_users, 1 + k)
        Each user's bias and factors, zero for one without ratings.
    columns_ : ndarray of shape (n_items, 1 + k)
        Each item's.

    Raises
    ------
    TypeError
        If the ratings are not a sparse matrix.
    ValueError
        If there are none, or a parameter is out of bounds.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from landbridge.kits.recommend import BiasedMF
    >>> ratings = csr_array(np.array([[5.0, 1.0, 5.0], [5.0, 1.0, 0.0], [1.0, 5.0, 1.0]]))
    >>> model = BiasedMF(1, reg=0.1, random_state=0).fit(ratings)
    >>> bool(model.predict([1], [2])[0] > 4)
    True
    """

    def __init__(
        self,
        n_factors: int = 16,
        *,
        reg: float = 12.0,
        reg_user: float = 5.0,
        reg_item: float = 3.0,
        n_sweeps: int = 15,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_factors = n_factors
        self.reg = reg
        self.reg_user = reg_user
        self.reg_item = reg_item
        self.n_sweeps = n_sweeps
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from a sparse matrix of users by items, whose stored entries are the ratings."""
        self._check_parameters()
        R = check_matrix(X)
        n_users, n_items = R.shape
        rng = check_random_state(self.random_state)
        self.mean_ = float(R.data.mean(dtype=np.float64))
        users = blocks_of(R, self.n_factors)
        items = blocks_of(csr_array(R.T), self.n_factors)
        columns = np.zeros((n_items, 1 + self.n_factors), dtype=np.float32)
        columns[:, 1:] = rng.normal(scale=0.1, size=(n_items, self.n_factors))
        with workers(self.n_jobs) as pool:
            rows = np.zeros((n_users, 1 + self.n_factors), dtype=np.float32)
            for _ in range(self.n_sweeps - 1):
                rows = self._solved(users, n_users, columns, self.reg_user, pool, rows)
                columns = self._solved(items, n_items, rows, self.reg_item, pool, columns)
            rows = self._solved(users, n_users, columns, self.reg_user, pool)
            columns = self._solved(items, n_items, rows, self.reg_item, pool)
        self.rows_ = self._folded(users, n_users, columns)
        self.columns_ = columns
        return self

    def fold_in(self, X: Any) -> NDArray[np.float32]:
        """Bias and factors (m, 1 + k) of further users, from their ratings (m, n_items) alone.

        Raises
        ------
        ValueError
            If there are more or fewer items than in ``fit``.
        """
        check_is_fitted(self)
        R = check_matrix(X)
        if R.shape[1] != len(self.columns_):
            raise ValueError(
                f"X has {R.shape[1]} items, but there were {len(self.columns_)} in fit: "
                "give the same columns."
            )
        return self._folded(blocks_of(R, self.n_factors), R.shape[0], self.columns_)

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float64]:
        """The ratings expected of users (m,) for items (m,), by their row and column numbers."""
        check_is_fitted(self)
        return self.scores_of(self.rows_[np.asarray(users)], np.asarray(items))

    def scores_of(self, rows: NDArray, items: NDArray) -> NDArray[np.float64]:
        """``μ + b + c_i + p·q_i`` for given rows (m, 1 + k), each with its item (m,)."""
        columns = self.columns_[items].astype(np.float64)
        within = np.einsum("mk,mk->m", rows[:, 1:], columns[:, 1:])
        return self.mean_ + rows[:, 0] + columns[:, 0] + within

    def _folded(self, users: list[Block], n_users: int, columns: NDArray) -> NDArray[np.float32]:
        with workers(self.n_jobs) as pool:
            return self._solved(users, n_users, columns, self.reg_user, pool)

    def _solved(
        self,
        blocks: list[Block],
        n_rows: int,
        other: NDArray,
        reg_bias: float,
        pool: Any,
        start: NDArray | None = None,
    ) -> NDArray[np.float32]:
        """One side's biases and factors, given those of the other side; nearer from a start."""
        offsets = np.append(self.mean_ + other[:, 0], 0).astype(np.float32)
        Z = other.copy()
        Z[:, 0] = 1
        base = np.diag([reg_bias, *[self.reg] * self.n_factors])
        return solve_side(
            blocks,
            n_rows,
            Z,
            base,
            lambda block, H: (H, block.values - offsets[block.columns]),
            pool,
            start,
        )

    def _check_parameters(self) -> None:
        check_number("n_factors", self.n_factors, whole=True)
        for name in ("reg", "reg_user", "reg_item"):
            check_number(name, getattr(self, name), above=True)
        check_sweeps(self)
