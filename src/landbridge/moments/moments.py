"""Weighted count, mean and scatter of samples: mergeable, removable, and exact."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import blas
from scipy.sparse import csr_array, issparse

from landbridge.domains import as_labels, check_rows, check_weights

Matrix = NDArray[np.float64]
Pair = tuple[int, int]
"""Two views, 0 and 1, the same one twice for a scatter within."""

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
        self._means: list[NDArray[np.float64]] = []  # of each view
        self._scatters: dict[Pair, NDArray[np.float64]] = {}  # a vector where only variances count

    @classmethod
    def of(
        cls,
        X: Any,
        Y: Any = None,
        *,
        sample_weight: Any = None,
        labels: Any = None,
        dtype: Any = None,
        variances_only: str = "",
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
        variances_only : {"", "x", "y", "xy"}
            The views whose features need no covariances among themselves, which saves the time
            and memory of their scatter matrices.

        Raises
        ------
        ValueError
            If a value is not finite, a weight negative, or numbers of rows differ.
        """
        return cls().partial_fit(
            X,
            Y,
            sample_weight=sample_weight,
            labels=labels,
            dtype=dtype,
            variances_only=variances_only,
        )

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
        variances_only: str = "",
    ) -> Self:
        """Add rows to these moments; the arguments are those of :meth:`of`."""
        views = _check_views(X, Y)
        n = views[0].shape[0]
        weights = check_weights(sample_weight, n, "sample_weight")
        if labels is None:
            self._merge(_moments(views, weights, None, dtype, variances_only))
            return self
        for label, rows in _rows_by_label(as_labels(labels, n, "labels")):
            part = _moments(views, weights, rows, dtype, variances_only)
            self._merge(part)
            if not pd.isna(label):
                self.classes[label] = self.classes[label] + part if label in self.classes else part
        return self

    @property
    def n_features(self) -> int:
        """Number of features of the first view, d."""
        return len(self.mean)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of the rows (d,)."""
        self._check_filled()
        return self._means[0]

    @property
    def mean_y(self) -> NDArray[np.float64]:
        """Mean of the second view (e,)."""
        self._check_filled(views=2)
        return self._means[1]

    @property
    def scatter(self) -> Matrix:
        """Scatter matrix of the rows (d, d): the sum of weighted squares about the mean."""
        self._check_filled()
        return self._matrix(0)

    @property
    def scatter_xy(self) -> Matrix:
        """Cross scatter of both views (d, e)."""
        self._check_filled(views=2)
        return self._scatters[0, 1]

    @property
    def scatter_yy(self) -> Matrix:
        """Scatter matrix of the second view (e, e)."""
        self._check_filled(views=2)
        return self._matrix(1)

    @property
    def squares(self) -> NDArray[np.float64]:
        """Sum of weighted squares about the mean of each feature (d,): the scatter's diagonal."""
        self._check_filled()
        return _diagonal(self._scatters[0, 0])

    @property
    def squares_y(self) -> NDArray[np.float64]:
        """Sum of weighted squares about the mean of each feature of the second view (e,)."""
        self._check_filled(views=2)
        return _diagonal(self._scatters[1, 1])

    @property
    def cov(self) -> Matrix:
        """Unbiased covariance (d, d): scatter / (n − 1) where all weigh the same."""
        return self.scatter / self.degrees_of_freedom

    @property
    def std(self) -> NDArray[np.float64]:
        """Standard deviation of each feature (d,), unbiased like ``cov``."""
        return np.sqrt(self.squares / self.degrees_of_freedom)

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
        self._check_filled(views=2)
        swapped = self.copy()
        swapped._means = swapped._means[::-1]
        swapped._scatters = {
            (0, 0): swapped._scatters[1, 1],
            (0, 1): np.ascontiguousarray(swapped._scatters[0, 1].T),
            (1, 1): swapped._scatters[0, 0],
        }
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
        views = " + ".join(str(len(mean)) for mean in self._means) or "0"
        return f"<Moments of {self.count} rows, {views} features, {len(self.classes)} classes>"

    def _check_filled(self, views: int = 1) -> None:
        if not self.count:
            raise ValueError("These moments are empty: add rows before reading them.")
        if len(self._means) < views:
            raise ValueError("These moments have no second view: take them by Moments.of(X, Y).")

    def _check_fits(self, other: "Moments") -> None:
        ours, theirs = (tuple(len(mean) for mean in m._means) for m in (self, other))
        if ours != theirs:
            raise ValueError(
                f"Moments of {ours} features (first and second view) cannot be combined with "
                f"moments of {theirs}."
            )
        if any(S.shape != other._scatters[pair].shape for pair, S in self._scatters.items()):
            raise ValueError(
                "Moments of variances only cannot be combined with moments of covariances: take "
                "both with the same variances_only."
            )

    def _matrix(self, view: int) -> Matrix:
        S = self._scatters[view, view]
        if S.ndim == 1:
            raise ValueError(
                "Only variances were summed: take these moments without variances_only to have "
                "covariances."
            )
        return S

    def _merge(self, other: "Moments") -> None:
        """Add another's sums to these, in place; classes aside."""
        if not other.count:
            return
        if not self.count:
            self._means = [np.zeros_like(mean) for mean in other._means]
            self._scatters = {pair: np.zeros_like(S) for pair, S in other._scatters.items()}
        self._check_fits(other)
        weight = self.weight + other.weight
        share = other.weight / weight if weight else float(not self.count)
        steps = [theirs - ours for ours, theirs in zip(self._means, other._means)]
        for pair, S in self._scatters.items():
            S += other._scatters[pair]
        add_outer(self._scatters, self.weight * share, steps)
        self._means = [mean + step * share for mean, step in zip(self._means, steps)]
        self.count += other.count
        self.weight = weight
        self.weight_squared += other.weight_squared

    def _remove(self, part: "Moments") -> None:
        """The inverse of ``_merge``."""
        if not part.count:
            return
        self._check_fits(part)
        left = self.weight - part.weight
        steps = [theirs - ours for ours, theirs in zip(self._means, part._means)]
        for pair, S in self._scatters.items():
            S -= part._scatters[pair]
        add_outer(self._scatters, -part.weight * self.weight / left, steps)
        self._means = [mean - step * (part.weight / left) for mean, step in zip(self._means, steps)]
        self.count -= part.count
        self.weight = left
        self.weight_squared -= part.weight_squared


def fold_moments(
    X: Any,
    Y: Any,
    folds: Iterable[NDArray],
    sample_weight: NDArray | None = None,
    variances_only: str = "",
) -> list[Moments]:
    """The moments of each fold: their sum is the whole, the whole less one its training part.

    Parameters
    ----------
    X, Y : array of shape (n, d) and (n, e)
        Rows and their second view (``None`` for none).
    folds : iterable of index arrays
        The rows of each fold.
    sample_weight : array of shape (n,), optional
    variances_only : {"", "x", "y", "xy"}
        As in :meth:`Moments.of`.
    """
    views = _check_views(X, Y)
    weights = check_weights(sample_weight, views[0].shape[0], "sample_weight")
    return [_moments(views, weights, rows, None, variances_only) for rows in folds]


def add_outer(scatters: dict[Pair, NDArray], factor: float, steps: Sequence[NDArray]) -> None:
    """``S += factor · u vᵀ`` in place for each C-contiguous ``S``, u and v its views' steps."""
    for (i, j), S in scatters.items():
        if S.ndim == 1:
            S += factor * steps[i] ** 2
        else:
            blas.dger(factor, steps[j], steps[i], a=S.T, overwrite_a=1)


def _diagonal(S: NDArray) -> NDArray[np.float64]:
    return S if S.ndim == 1 else S.diagonal()


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
    views: tuple[Any, ...],
    weights: NDArray | None,
    rows: NDArray | None,
    dtype: Any,
    variances_only: str,
) -> Moments:
    if issparse(views[0]):
        return _sparse_moments(views, weights, rows, variances_only)
    return _dense_moments(views, weights, rows, dtype, variances_only)


def _zeros(widths: Sequence[int], variances_only: str, dtype: Any) -> dict[Pair, NDArray]:
    """Room for the scatter of each pair of views: a vector where variances will do."""
    shapes: dict[Pair, tuple[int, ...]] = {
        (i, j): (widths[i], widths[j]) for i in range(len(widths)) for j in range(i, len(widths))
    }
    for i, width in enumerate(widths):
        if "xy"[i] in variances_only:
            shapes[i, i] = (width,)
    return {pair: np.zeros(shape, dtype) for pair, shape in shapes.items()}


def _dense_moments(
    views: tuple[NDArray, ...],
    weights: NDArray | None,
    rows: NDArray | None,
    dtype: Any,
    variances_only: str,
) -> Moments:
    """Blocks of rows about a pivot near their mean, one BLAS product a chunk and pair of views."""
    n = len(views[0]) if rows is None else len(rows)
    widths = [view.shape[1] for view in views]
    dtype = np.dtype(dtype or np.result_type(*views))
    size = min(n, int(np.clip(CHUNK_BYTES // (dtype.itemsize * sum(widths)), 256, BLOCK_ROWS)))
    chunks = [np.empty((size, width), dtype) for width in widths]
    products = _zeros(widths, variances_only, dtype)

    total = Moments()
    total._means = [np.zeros(width) for width in widths]
    total._scatters = _zeros(widths, variances_only, np.float64)
    for start in range(0, n, BLOCK_ROWS):
        parts = _parts(rows, start, min(start + BLOCK_ROWS, n), size)
        block = Moments()
        block.count = sum(_length(part) for part in parts)
        pivots = [_mean_of_parts(view, parts, dtype.type(block.count)) for view in views]
        offsets = [np.zeros(width) for width in widths]
        for product in products.values():
            product[:] = 0
        for part in parts:
            w: NDArray = np.ones(_length(part)) if weights is None else weights[part]
            centred = [
                np.subtract(view[part], pivot, out=chunk[: len(w)])
                for view, pivot, chunk in zip(views, pivots, chunks)
            ]
            block.weight += w.sum()
            block.weight_squared += w @ w
            for k, Z in enumerate(centred):
                offsets[k] += w.astype(dtype) @ Z
                if weights is not None:
                    Z *= np.sqrt(w).astype(dtype)[:, None]
            for (i, j), product in products.items():
                _add_product(product, centred[i], centred[j])
        if block.weight:
            shifts = [offset / block.weight for offset in offsets]
            block._means = [pivot + shift for pivot, shift in zip(pivots, shifts)]
            _add_block(total, block, shifts, products)
        else:
            total.count += block.count
    for (i, j), S in total._scatters.items():
        if i == j and S.ndim == 2:
            _mirror(S)
    return total


def _parts(rows: NDArray | None, start: int, stop: int, size: int) -> list[Any]:
    """The chunks of a block: slices of all rows, or of an array of row numbers."""
    slices = [slice(i, min(i + size, stop)) for i in range(start, stop, size)]
    return slices if rows is None else [rows[part] for part in slices]


def _length(part: Any) -> int:
    return part.stop - part.start if isinstance(part, slice) else len(part)


def _mean_of_parts(view: NDArray, parts: list[Any], count: np.floating) -> NDArray:
    """The mean of a block's rows, in the precision of ``count``."""
    sums = [np.ones(_length(part), count.dtype) @ view[part] for part in parts]
    return np.sum(sums, axis=0) / count


def _add_product(product: NDArray, left: NDArray, right: NDArray) -> None:
    """``product += left.T @ right`` in place, the lower triangle or diagonal where they are one."""
    syrk, gemm = blas.get_blas_funcs(("syrk", "gemm"), dtype=product.dtype)
    if product.ndim == 1:
        product += np.einsum("ij,ij->j", left, left)
    elif left is right:
        syrk(1.0, left.T, beta=1.0, c=product.T, overwrite_c=1)
    else:
        gemm(1.0, right.T, left.T, trans_b=1, beta=1.0, c=product.T, overwrite_c=1)


def _add_block(
    total: Moments, block: Moments, shifts: list[NDArray], products: dict[Pair, NDArray]
) -> None:
    """Merge a block, given its products about its means less ``shifts``."""
    weight = total.weight + block.weight
    steps = [theirs - ours for ours, theirs in zip(total._means, block._means)]
    for pair, S in total._scatters.items():
        S += products[pair]
    add_outer(total._scatters, -block.weight, shifts)
    add_outer(total._scatters, total.weight * block.weight / weight, steps)
    share = block.weight / weight
    total._means = [mean + step * share for mean, step in zip(total._means, steps)]
    total.count += block.count
    total.weight = weight
    total.weight_squared += block.weight_squared


def _mirror(S: Matrix) -> None:
    """Copy the lower triangle of ``S`` onto the upper one, in place."""
    for i in range(len(S) - 1):
        S[i, i + 1 :] = S[i + 1 :, i]


def _sparse_moments(
    views: tuple[Any, ...], weights: NDArray | None, rows: NDArray | None, variances_only: str
) -> Moments:
    """Sparse products of the rows as they are; the mean is taken out once, at the end."""
    chosen = [csr_array(view, dtype=np.float64) for view in views]
    chosen = chosen if rows is None else [view[rows] for view in chosen]
    n = chosen[0].shape[0]
    w = np.ones(n) if weights is None else weights if rows is None else weights[rows]
    total = Moments()
    total.count, total.weight, total.weight_squared = n, float(w.sum()), float(w @ w)
    total._means = [(w @ view) / (total.weight or 1.0) for view in chosen]
    total._scatters = _zeros([view.shape[1] for view in views], variances_only, np.float64)
    for (i, j), S in total._scatters.items():
        if S.ndim == 1:
            S += w @ chosen[i].multiply(chosen[i])
        else:
            S += (chosen[i].T @ chosen[j].multiply(w[:, None]).tocsr()).toarray()
    add_outer(total._scatters, -total.weight, total._means)
    return total
