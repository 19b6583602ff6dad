"""Weighted count, mean and scatter of samples: mergeable, removable, and exact."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from landbridge.domains import as_labels, check_rows, check_weights

Matrix = NDArray[np.float64]
Pair = tuple[int, int]
"""Two views, 0 and 1, the same one twice for a scatter within."""

BLOCK_ROWS = 65_536
"""Products are summed in the rows' own precision over at most this many, then in float64."""
CHUNK_ROWS = 4096
"""Likewise sums; and rows that have to be copied, to be centred or picked, are so many at once."""
SAMPLED_ROWS = 64
"""About so many rows of a block tell where it lies: near zero, or about their mean."""
STRIP = 64
"""Rank-one sums go by strips of so many rows of a matrix, so that no second one is made."""


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

    @classmethod
    def of_product(cls, source: "Moments", target: "Moments", weight: float) -> "Moments":
        r"""Joint moments of each row of one sample with each row of another, no pair listed.

        Over all pairs the two are independent: :math:`S_{xy} = 0`, and both keep their means and
        covariances, :math:`S_{xx} / W = S_s / W_s` and :math:`S_{yy} / W = S_t / W_t`.

        Parameters
        ----------
        source, target : Moments
            The two samples, whose first views are paired.
        weight : float
            What all pairs weigh together, W.

        Examples
        --------
        >>> from landbridge.moments import Moments
        >>> one, other = Moments.of([[0.0], [2.0]]), Moments.of([[5.0], [6.0], [7.0]])
        >>> pairs = Moments.of_product(one, other, 6.0)
        >>> pairs.count, pairs.mean, pairs.mean_y, pairs.scatter
        (6, array([1.]), array([6.]), array([[6.]]))
        """
        share_s, share_t = weight / source.weight, weight / target.weight
        pairs = cls()
        pairs.count, pairs.weight = source.count * target.count, weight
        pairs.weight_squared = (
            (share_s / target.weight) ** 2 * source.weight_squared * target.weight_squared
        )
        pairs._means = [source.mean.copy(), target.mean.copy()]
        pairs._scatters = {
            (0, 0): share_s * source.scatter,
            (0, 1): np.zeros((source.n_features, target.n_features)),
            (1, 1): share_t * target.scatter,
        }
        return pairs

    @classmethod
    def sum(cls, parts: "Sequence[Moments]") -> "Moments":
        """The moments of all parts together; those of a single part as they are, uncopied."""
        return parts[0] if len(parts) == 1 else sum(parts[1:], parts[0])

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
            self._merge(moments_of_rows(views, weights, None, dtype, variances_only))
            return self
        for label, rows in _rows_by_label(as_labels(labels, n, "labels")):
            part = moments_of_rows(views, weights, rows, dtype, variances_only)
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
        self.count -= part.count
        if self.count == 1 or left <= 0:  # no scatter is left, and what rounding leaves is none
            self._scatters = {pair: np.zeros_like(S) for pair, S in self._scatters.items()}
        else:
            self._remove_scatter(part, left)
        if left > 0:
            share = part.weight / left
            self._means = [m - (theirs - m) * share for m, theirs in zip(self._means, part._means)]
        self.weight = left
        self.weight_squared -= part.weight_squared

    def _remove_scatter(self, part: "Moments", left: float) -> None:
        steps = [theirs - ours for ours, theirs in zip(self._means, part._means)]
        for pair, S in self._scatters.items():
            S -= part._scatters[pair]
        add_outer(self._scatters, -part.weight * self.weight / left, steps)


def effective_size(weights: NDArray) -> float:
    """How many rows of equal weight these (n,) are worth (Kish 1965): ``(Σw)² / Σw²``."""
    return float(weights.sum() ** 2 / max(float(weights @ weights), np.finfo(float).tiny))


def add_outer(scatters: dict[Pair, NDArray], factor: float, steps: Sequence[NDArray]) -> None:
    """``S += factor · u vᵀ`` in place for each ``S``, u and v its views' steps."""
    for (i, j), S in scatters.items():
        if S.ndim == 1:
            S += factor * steps[i] ** 2
            continue
        for k in range(0, len(S), STRIP):
            strip = slice(k, k + STRIP)
            S[strip] += np.multiply.outer(factor * steps[i][strip], steps[j])


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


def moments_of_rows(
    views: tuple[Any, ...],
    weights: NDArray | None = None,
    rows: NDArray | None = None,
    dtype: Any = None,
    variances_only: str = "",
) -> Moments:
    """``Moments.of`` for checked views and weights, of all rows or of those numbered ``rows``."""
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
    """Block by block: products in the rows' precision, summed in float64.

    NumPy's BLAS alone is used: threads of NumPy's and SciPy's would wait for one another.
    """
    n = len(views[0]) if rows is None else len(rows)
    widths = [view.shape[1] for view in views]
    dtype = np.dtype(dtype or np.result_type(*views))
    room = _zeros(widths, variances_only, dtype)
    total = Moments()
    total._means = [np.zeros(width) for width in widths]
    total._scatters = _zeros(widths, variances_only, np.float64)
    step = BLOCK_ROWS if rows is None else CHUNK_ROWS
    for start in range(0, n, step):
        part: Any = slice(start, start + step)
        part = part if rows is None else rows[part]
        block = [view[part] for view in views]
        w = None if weights is None else weights[part]
        if w is None and all(_is_near_zero(Z, dtype) for Z in block):
            _add_rows(total, block, [np.zeros(width) for width in widths], None, room)
        else:
            _add_centred(total, block, w, dtype, room)
    return total


def _is_near_zero(Z: NDArray, dtype: np.dtype) -> bool:
    """Whether products of rows as they are lose less than a digit: no mean beyond two spreads."""
    some = _sample(Z)
    return Z.dtype == dtype and bool((np.abs(some.mean(axis=0)) <= 2 * some.std(axis=0)).all())


def _sample(Z: NDArray) -> NDArray:
    """Rows from all over a block, since rows often come sorted."""
    return Z[:: max(1, len(Z) // SAMPLED_ROWS)]


def _add_centred(
    total: Moments,
    block: list[NDArray],
    weights: NDArray | None,
    dtype: np.dtype,
    room: dict[Pair, NDArray],
) -> None:
    """Add a block's rows less a pivot near their mean, a chunk at a time."""
    pivots = [_sample(Z).mean(axis=0, dtype=dtype) for Z in block]
    for start in range(0, len(block[0]), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        centred = [np.subtract(Z[part], pivot, dtype=dtype) for Z, pivot in zip(block, pivots)]
        _add_rows(total, centred, pivots, None if weights is None else weights[part], room)


def _add_rows(
    total: Moments,
    rows: list[NDArray],
    pivots: list[NDArray],
    weights: NDArray | None,
    room: dict[Pair, NDArray],
) -> None:
    """Merge rows that are given about their pivots; ``room`` takes each product in turn."""
    n = len(rows[0])
    total.count += n
    weight = float(n if weights is None else weights.sum())
    if not weight:
        return
    if weights is None:
        sums = [_column_sums(Z) for Z in rows]
    else:
        sums = [np.einsum("i,ij->j", weights, Z) for Z in rows]
        rows = [Z * np.sqrt(weights).astype(Z.dtype)[:, None] for Z in rows]
    for (i, j), S in total._scatters.items():
        S += _product(rows[i], rows[j], room[i, j])
    shifts = [s / weight for s in sums]
    steps = [p + shift - mean for p, shift, mean in zip(pivots, shifts, total._means)]
    share = weight / (total.weight + weight)
    add_outer(total._scatters, -weight, shifts)
    add_outer(total._scatters, total.weight * share, steps)
    total._means = [mean + step * share for mean, step in zip(total._means, steps)]
    total.weight += weight
    total.weight_squared += float(n if weights is None else weights @ weights)


def _product(left: NDArray, right: NDArray, out: NDArray) -> NDArray:
    """``left.T @ right``, or its diagonal where ``out`` is a vector."""
    if out.ndim == 2:
        return np.matmul(left.T, right, out=out)
    squares = [np.einsum("ij,ij->j", Z, Z) for Z in _chunks(left)]
    return np.asarray(np.sum(squares, axis=0, dtype=np.float64))


def _column_sums(Z: NDArray) -> NDArray[np.float64]:
    return np.sum([part.sum(axis=0) for part in _chunks(Z)], axis=0, dtype=np.float64)


def _chunks(Z: NDArray) -> Iterator[NDArray]:
    return (Z[i : i + CHUNK_ROWS] for i in range(0, len(Z), CHUNK_ROWS))


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
