"""Weighted count, mean and scatter of samples: mergeable, removable, and exact."""

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import blas
from scipy.sparse import csr_array, hstack, issparse

from landbridge.domains import as_labels, check_rows, check_weights

Matrix = NDArray[np.float64]

BLOCK_ROWS = 4096
"""Rows share a pivot, and products in the rows' own precision, for at most this many."""
CHUNK_BYTES = 2**20
"""Rows are centred and multiplied in chunks of about this size, which stay in the cache."""


class Moments:
    r"""Weight, mean and scatter of rows, jointly with a second view of them, and of each class.

    For rows :math:`x` with weights :math:`w`: :math:`W = \sum w`, :math:`\mu = \sum w x / W` and
    :math:`S = \sum w (x - \mu)(x - \mu)^\top`. Two parts merge by (Chan, Golub & LeVeque 1983)

    .. math:: S = S_a + S_b + \frac{W_a W_b}{W} \delta \delta^\top, \qquad
              \delta = \mu_b - \mu_a,

    and a part is removed by the inverse. ``Moments()`` is the zero of this sum. With a second
    view :math:`y` of each row, all this holds for :math:`(x, y)` side by side.

    Attributes
    ----------
    count : int
        Number of rows.
    weight, weight_squared : float
        Sums of the weights and of their squares.
    classes : dict
        The moments of each class, where labels were given.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.moments import Moments
    >>> X = np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 6.0]])
    >>> whole = Moments.of(X[:2]) + Moments.of(X[2:])
    >>> whole.mean, whole.cov
    (array([2., 2.]), array([[ 4.,  6.],
           [ 6., 12.]]))
    >>> (whole - Moments.of(X[2:])).mean
    array([1., 0.])
    """

    def __init__(self) -> None:
        self.count = 0
        self.weight = 0.0
        self.weight_squared = 0.0
        self.classes: dict[Any, Moments] = {}
        self._split = 0  # number of features of the first view
        self._mean: NDArray[np.float64] = np.empty(0)  # of both views, side by side
        self._scatter: Matrix = np.empty((0, 0))

    @classmethod
    def of(
        cls,
        X: Any,
        Y: Any = None,
        *,
        sample_weight: Any = None,
        labels: Any = None,
        dtype: Any = None,
    ) -> "Moments":
        """Moments of rows, in one pass and the memory of one chunk plus d².

        Parameters
        ----------
        X : array or sparse matrix of shape (n, d)
            Rows. float32 rows are centred and multiplied in float32 and summed in float64,
            which keeps about six digits. Sparse rows are multiplied as they are and centred at
            the end, which costs as many digits as the squared mean exceeds the variance by.
        Y : array of shape (n, e), optional
            A second view of the same rows.
        sample_weight : array of shape (n,), optional
            Weights, not negative.
        labels : array of shape (n,), optional
            Classes, whose moments are kept apart as well; a blank belongs to none.
        dtype : type, optional
            ``np.float64`` multiplies float32 rows in float64: all digits, at half the speed.

        Raises
        ------
        ValueError
            If a value is not finite, a weight negative, or numbers of rows differ.
        """
        return cls().partial_fit(X, Y, sample_weight=sample_weight, labels=labels, dtype=dtype)

    @classmethod
    def of_chunks(cls, chunks: Iterable[Any]) -> "Moments":
        """Moments of a stream: chunks of rows ``X``, or tuples ``(X, Y)``."""
        total = cls()
        for chunk in chunks:
            total.partial_fit(*chunk if isinstance(chunk, tuple) else (chunk,))
        return total

    def partial_fit(
        self,
        X: Any,
        Y: Any = None,
        *,
        sample_weight: Any = None,
        labels: Any = None,
        dtype: Any = None,
    ) -> Self:
        """Add rows to these moments; the arguments are those of :meth:`of`."""
        views = _check_views(X, Y)
        n = views[0].shape[0]
        weights = check_weights(sample_weight, n, "sample_weight")
        if labels is None:
            self._merge(_moments(views, weights, None, dtype))
            return self
        for label, rows in _rows_by_label(as_labels(labels, n, "labels")):
            part = _moments(views, weights, rows, dtype)
            self._merge(part)
            if not pd.isna(label):
                self.classes[label] = self.classes[label] + part if label in self.classes else part
        return self

    @property
    def n_features(self) -> int:
        """Number of features of the first view, d."""
        self._check_filled()
        return self._split

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of the rows (d,)."""
        return self._mean[: self.n_features]

    @property
    def mean_y(self) -> NDArray[np.float64]:
        """Mean of the second view (e,)."""
        return self._mean[self.n_features :]

    @property
    def scatter(self) -> Matrix:
        """Scatter matrix of the rows (d, d): the sum of weighted squares about the mean."""
        return self._scatter[: self.n_features, : self._split]

    @property
    def scatter_xy(self) -> Matrix:
        """Cross scatter of both views (d, e)."""
        return self._scatter[: self.n_features, self._split :]

    @property
    def scatter_yy(self) -> Matrix:
        """Scatter matrix of the second view (e, e)."""
        return self._scatter[self.n_features :, self._split :]

    @property
    def cov(self) -> Matrix:
        """Unbiased covariance (d, d): scatter / (n − 1) where all weigh the same."""
        return self.scatter / self.degrees_of_freedom

    @property
    def std(self) -> NDArray[np.float64]:
        """Standard deviation of each feature (d,), unbiased like ``cov``."""
        return np.sqrt(self.scatter.diagonal() / self.degrees_of_freedom)

    @property
    def degrees_of_freedom(self) -> float:
        """``W − Σw²/W``, which is n − 1 for unit weights; ``W`` where one row holds it all."""
        self._check_filled()
        free = self.weight - self.weight_squared / self.weight
        return free if free > 1e-12 * self.weight else self.weight

    @property
    def effective_count(self) -> float:
        """Effective sample size (Kish 1965): ``(Σw)² / Σw²``."""
        self._check_filled()
        return self.weight**2 / self.weight_squared

    def swap(self) -> "Moments":
        """The same rows with the second view first."""
        e = len(self.mean_y)
        order = np.r_[self._split : self._split + e, : self._split]
        swapped = self.copy()
        swapped._split = e
        swapped._mean, swapped._scatter = self._mean[order], self._scatter[np.ix_(order, order)]
        swapped.classes = {label: part.swap() for label, part in self.classes.items()}
        return swapped

    def copy(self) -> "Moments":
        """Moments of their own, equal to these."""
        return Moments() + self

    def __add__(self, other: "Moments") -> "Moments":
        merged = Moments()
        merged._merge(self)
        merged._merge(other)
        for label in {**self.classes, **other.classes}:
            parts = [m.classes[label] for m in (self, other) if label in m.classes]
            merged.classes[label] = parts[0] + (parts[1] if len(parts) == 2 else Moments())
        return merged

    def __sub__(self, part: "Moments") -> "Moments":
        """These moments without a part of the rows they were made of.

        Removing nearly all of the weight loses digits: sum what is left instead.
        """
        if part.count > self.count or part.weight > self.weight * (1 + 1e-12):
            raise ValueError(
                f"Cannot remove {part.count} rows of weight {part.weight:g} from {self.count} "
                f"rows of weight {self.weight:g}: only rows that were added can be removed."
            )
        rest = Moments()
        if part.count < self.count:
            rest._merge(self)
            rest._remove(part)
        for label, whole in self.classes.items():
            left = whole - part.classes.get(label, Moments())
            if left.count:
                rest.classes[label] = left
        return rest

    def __repr__(self) -> str:
        views = f"{self._split} + {len(self._mean) - self._split} features"
        return f"<Moments of {self.count} rows, {views}, {len(self.classes)} classes>"

    def _check_filled(self) -> None:
        if not self.count:
            raise ValueError("These moments are empty: add rows before reading them.")

    def _check_fits(self, other: "Moments") -> None:
        ours = (self._split, len(self._mean) - self._split)
        theirs = (other._split, len(other._mean) - other._split)
        if ours != theirs:
            raise ValueError(
                f"Moments of {ours} features (first and second view) cannot be combined with "
                f"moments of {theirs}."
            )

    def _merge(self, other: "Moments") -> None:
        """Add another's sums to these, in place; classes aside."""
        if not other.count:
            return
        if not self.count:
            self._split, self._mean = other._split, np.zeros_like(other._mean)
            self._scatter = np.zeros_like(other._scatter)
        self._check_fits(other)
        weight = self.weight + other.weight
        step = (other._mean - self._mean) if self.count else other._mean
        share = other.weight / weight if weight else 0.0
        self._scatter += other._scatter
        if self.count:
            add_outer(self._scatter, self.weight * share, step)
            step = step * share
        self._mean += step
        self.count += other.count
        self.weight = weight
        self.weight_squared += other.weight_squared

    def _remove(self, part: "Moments") -> None:
        """The inverse of ``_merge``."""
        if not part.count:
            return
        self._check_fits(part)
        left = self.weight - part.weight
        step = part._mean - self._mean
        self._scatter -= part._scatter
        add_outer(self._scatter, -part.weight * self.weight / left, step)
        self._mean -= step * (part.weight / left)
        self.count -= part.count
        self.weight = left
        self.weight_squared -= part.weight_squared


def fold_moments(
    X: Any, Y: Any, folds: Iterable[NDArray], sample_weight: NDArray | None = None
) -> list[Moments]:
    """The moments of each fold: their sum is the whole, the whole less one its training part.

    Parameters
    ----------
    X, Y : array of shape (n, d) and (n, e)
        Rows and their second view (``None`` for none).
    folds : iterable of index arrays
        The rows of each fold.
    sample_weight : array of shape (n,), optional
    """
    views = _check_views(X, Y)
    weights = check_weights(sample_weight, views[0].shape[0], "sample_weight")
    return [_moments(views, weights, rows, None) for rows in folds]


def add_outer(S: Matrix, factor: float, v: NDArray) -> None:
    """``S += factor · v vᵀ`` in place, for a C-contiguous ``S`` (d, d)."""
    blas.dger(factor, v, v, a=S.T, overwrite_a=1)


def _check_views(X: Any, Y: Any) -> tuple[Any, ...]:
    rows = check_rows(X, "X", sparse=True)
    if Y is None:
        return (rows,)
    second = check_rows(Y, "Y")
    if len(second) != rows.shape[0]:
        raise ValueError(f"X has {rows.shape[0]} rows and Y {len(second)}: give as many of both.")
    return rows, second


def _rows_by_label(labels: NDArray) -> Iterator[tuple[Any, NDArray]]:
    """Each label with its rows; the unlabelled rows come last, under ``None``."""
    codes, found = pd.factorize(labels)
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(found) + 1))
    for k, label in enumerate(found.tolist()):
        yield label, order[ends[k] : ends[k + 1]]
    if ends[0]:
        yield None, order[: ends[0]]


def _moments(
    views: tuple[Any, ...], weights: NDArray | None, rows: NDArray | None, dtype: Any
) -> Moments:
    if issparse(views[0]):
        return _sparse_moments(views, weights, rows)
    return _dense_moments(views, weights, rows, dtype)


def _dense_moments(
    views: tuple[NDArray, ...], weights: NDArray | None, rows: NDArray | None, dtype: Any
) -> Moments:
    """Blocks of rows about a pivot near their mean, one BLAS ``syrk`` a chunk."""
    n = len(views[0]) if rows is None else len(rows)
    width = sum(view.shape[1] for view in views)
    dtype = np.dtype(dtype or np.result_type(*views))
    size = min(n, int(np.clip(CHUNK_BYTES // (dtype.itemsize * width), 256, BLOCK_ROWS)))
    chunk = np.empty((size, width), dtype)
    product = np.empty((width, width), dtype, order="F")
    syrk = blas.get_blas_funcs("syrk", dtype=dtype)

    total = Moments()
    total._split = views[0].shape[1]
    total._mean, total._scatter = np.zeros(width), np.zeros((width, width))
    for start in range(0, n, BLOCK_ROWS):
        parts = _parts(rows, start, min(start + BLOCK_ROWS, n), size)
        block = Moments()
        block.count = sum(_length(part) for part in parts)
        pivot = sum(_column_sums(views, part, dtype) for part in parts) / dtype.type(block.count)
        offset = np.zeros(width)
        product[:] = 0
        for part in parts:
            centred = _centre(views, part, pivot, chunk[: _length(part)])
            w = np.ones(len(centred)) if weights is None else weights[part]
            offset += w.astype(dtype) @ centred
            block.weight += w.sum()
            block.weight_squared += w @ w
            if weights is not None:
                centred *= np.sqrt(w).astype(dtype)[:, None]
            syrk(1.0, centred.T, beta=1.0, c=product, overwrite_c=1)
        if block.weight:
            _add_block(total, block, pivot, offset / block.weight, product.T)
        else:
            total.count += block.count
    _mirror(total._scatter)
    return total


def _parts(rows: NDArray | None, start: int, stop: int, size: int) -> list[Any]:
    """The chunks of a block: slices of all rows, or of an array of row numbers."""
    slices = [slice(i, min(i + size, stop)) for i in range(start, stop, size)]
    return slices if rows is None else [rows[part] for part in slices]


def _length(part: Any) -> int:
    return part.stop - part.start if isinstance(part, slice) else len(part)


def _column_sums(views: tuple[NDArray, ...], part: Any, dtype: np.dtype) -> NDArray:
    ones = np.ones(_length(part), dtype)
    return np.concatenate([ones @ view[part] for view in views]).astype(dtype)


def _centre(views: tuple[NDArray, ...], part: Any, pivot: NDArray, out: NDArray) -> NDArray:
    """The rows of both views side by side, less the pivot, into ``out``."""
    left = 0
    for view in views:
        right = left + view.shape[1]
        np.subtract(view[part], pivot[left:right], out=out[:, left:right])
        left = right
    return out


def _add_block(
    total: Moments, block: Moments, pivot: NDArray, offset: NDArray, product: Matrix
) -> None:
    """Merge a block, given its lower-triangular product about ``pivot = mean − offset``."""
    mean = pivot + offset
    weight = total.weight + block.weight
    step = mean - total._mean
    total._scatter += product
    add_outer(total._scatter, -block.weight, offset)
    add_outer(total._scatter, total.weight * block.weight / weight, step)
    total._mean += step * (block.weight / weight)
    total.count += block.count
    total.weight = weight
    total.weight_squared += block.weight_squared


def _mirror(S: Matrix) -> None:
    """Copy the lower triangle of ``S`` onto the upper one, in place."""
    for i in range(len(S) - 1):
        S[i, i + 1 :] = S[i + 1 :, i]


def _sparse_moments(
    views: tuple[Any, ...], weights: NDArray | None, rows: NDArray | None
) -> Moments:
    """Sparse products of the rows as they are; the mean is taken out once, at the end."""
    stacked = hstack([csr_array(view, dtype=np.float64) for view in views], format="csr")
    stacked = stacked if rows is None else stacked[rows]
    w = np.ones(stacked.shape[0]) if weights is None else weights if rows is None else weights[rows]
    total = Moments()
    total._split = views[0].shape[1]
    total.count, total.weight, total.weight_squared = len(w), float(w.sum()), float(w @ w)
    total._mean = (w @ stacked) / total.weight if total.weight else np.zeros(stacked.shape[1])
    total._scatter = (stacked.T @ stacked.multiply(w[:, None]).tocsr()).toarray(order="C")
    add_outer(total._scatter, -total.weight, total._mean)
    return total
