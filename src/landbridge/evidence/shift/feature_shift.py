"""How each feature differs between the domains: one row of figures a column."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2_contingency, ks_2samp, kstwo, kstwobign

from landbridge.domains import check_no_column_twice
from landbridge.domains.columns import as_numbers, as_text, common_kind, date_parts, kind_of

N_QUANTILES = 10
N_BINS = 20
N_BARS = 12
EXACT_ROWS = 500
LIMIT_ROWS = 10_000
LEAST_EXPECTED = 5.0


def feature_shift(source: ArrayLike, target: ArrayLike) -> list[dict[str, Any]]:
    """Each column's shift from source to target, the largest first.

    A column of numbers or dates (as days since 1970) is a number, any other a category, as is
    one that holds numbers in one domain and words in the other. A column that one table lacks
    counts as missing on all its rows; infinite numbers count as missing.

    Parameters
    ----------
    source, target : DataFrame or array-like of shape (n_s, d) and (n_t, d)
        The columns as they came, gaps and all. An array's columns are called x0, x1, ….

    Returns
    -------
    list of dict
        One a column, ready for JSON, ordered by ``effect``:

        - ``name``, ``kind`` ("number" or "category");
        - ``effect``: 0 (alike) to 1 (nothing shared), the larger of the difference in missing
          shares and, among known values, the Kolmogorov–Smirnov statistic of numbers or the total
          variation of categories;
        - ``ks``: that statistic, None for categories;
        - ``p_value``: Kolmogorov–Smirnov (exact up to 500 rows) or chi-square test, joined by
          Bonferroni with a chi-square test of the missing shares where values are missing;
          ``p_adjusted``: by Holm (1979) over the columns;
        - ``psi``: the population stability index of known values (see ``stability_index``);
        - ``mean_difference``: target mean less source mean in standard deviations, the root
          mean square of both domains' own; None for categories and where neither varies;
        - ``missing_source``, ``missing_target``: shares of rows;
        - ``only_source``, ``only_target``: categories that one domain alone has;
        - ``bins``, ``source_share``, ``target_share``: a histogram to draw. For numbers, 21 edges
          between the first and the last percentile of both domains, what lies beyond counted
          in the outermost bins; for categories, the twelve most frequent and the "(other)".

    Raises
    ------
    ValueError
        If a table has no rows, a column name twice, or two arrays differ in width.

    Examples
    --------
    >>> import pandas as pd
    >>> from landbridge.evidence.shift.feature_shift import feature_shift
    >>> source = pd.DataFrame({"age": [30, 40, 50, 60], "sex": ["f", "m", "f", "m"]})
    >>> target = pd.DataFrame({"age": [55, 65, 75, 85], "sex": ["m", "f", "m", "f"]})
    >>> for row in feature_shift(source, target):
    ...     print(row["name"], row["effect"], round(row["p_value"], 2))
    age 0.75 0.23
    sex 0.0 1.0
    """
    table_s, table_t = _table(source, "source"), _table(target, "target")
    _check_widths(source, target, table_s, table_t)
    names = list(dict.fromkeys([*table_s.columns, *table_t.columns]))
    rows = [_column_shift(name, _column(table_s, name), _column(table_t, name)) for name in names]
    for row, adjusted in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
        row["p_adjusted"] = float(adjusted)
    return sorted(rows, key=lambda row: -row["effect"])


def holm(p_values: Iterable[float]) -> NDArray[np.float64]:
    """P-values adjusted for their number (Holm 1979): the k-th least times (n - k + 1).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2)
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(list(p_values), dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def kolmogorov_smirnov(source: NDArray, target: NDArray) -> tuple[float, float]:
    """Largest distance of the two distribution functions, and its two-sided p-value.

    Exact up to 500 rows a domain, where rounding leaves the count sound; else by the one-sample
    law at n_s n_t / (n_s + n_t) rows, and by Kolmogorov's limit from 10,000 on, where the two
    agree and the limit is far quicker.
    """
    exact = _exact_test(source, target)
    if exact is not None:
        return exact
    points = np.sort(np.concatenate([source, target]))  # in order, the search below is quick
    below = [np.searchsorted(np.sort(v), points, side="right") / len(v) for v in (source, target)]
    distance = float(np.abs(below[0] - below[1]).max())
    n = len(source) * len(target) / len(points)
    if n < LIMIT_ROWS:
        return distance, float(kstwo.sf(distance, round(n)))
    return distance, float(kstwobign.sf(np.sqrt(n) * distance))


def _exact_test(source: NDArray, target: NDArray) -> tuple[float, float] | None:
    """None where there are too many rows, or SciPy warns that rounding spoilt its exact count."""
    if max(len(source), len(target)) > EXACT_ROWS:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            test = ks_2samp(source, target, method="exact")
        except RuntimeWarning:
            return None
    return float(test.statistic), float(test.pvalue)


def stability_index(source_counts: NDArray, target_counts: NDArray) -> float:
    r"""Population stability index :math:`\sum_k (t_k - s_k) \ln(t_k / s_k)` of two histograms.

    Half a row is added to every bin of both, so that an empty one counts without being infinite.
    By custom, below 0.1 is little and above 0.25 much.
    """
    s = (source_counts + 0.5) / (source_counts + 0.5).sum()
    t = (target_counts + 0.5) / (target_counts + 0.5).sum()
    return float(np.sum((t - s) * np.log(t / s)))


def quantile_counts(source: NDArray, target: NDArray) -> tuple[NDArray, NDArray]:
    """Rows of both domains between the source's deciles, the outer bins open, equal edges once."""
    ranks = -(-len(source) * np.arange(1, N_QUANTILES) // N_QUANTILES) - 1
    edges = np.unique(np.sort(source)[ranks])
    bins = len(edges) + 1
    of_source, of_target = (
        np.bincount(np.searchsorted(edges, values), minlength=bins) for values in (source, target)
    )
    return of_source, of_target


def mean_difference(source: NDArray, target: NDArray) -> float | None:
    """Target mean less source mean, over the root mean square of their standard deviations."""
    spread = np.sqrt((source.var() + target.var()) / 2)
    if spread <= 1e-12 * max(np.abs(source).max(), np.abs(target).max()):
        return 0.0 if source.mean() == target.mean() else None
    return float((target.mean() - source.mean()) / spread)


def chi_square_p(counts: NDArray) -> float:
    """Chi-square p-value of domain (2 rows) by category, rare categories taken together.

    Categories expected in fewer than five rows of either domain are pooled into one.
    """
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    rare = expected < LEAST_EXPECTED
    pooled = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    pooled = pooled[:, pooled.sum(axis=0) > 0]
    return float(chi2_contingency(pooled, correction=False).pvalue) if pooled.shape[1] > 1 else 1.0


def _column_shift(name: Any, source: pd.Series, target: pd.Series) -> dict[str, Any]:
    kind, compare, (known_s, known_t) = _known_values(source, target)
    figures = {**_NOTHING, **(compare(known_s, known_t) if len(known_s) and len(known_t) else {})}
    sizes = [(len(known_s), len(source)), (len(known_t), len(target))]
    gaps = np.array([(known, n_rows - known) for known, n_rows in sizes])
    missing_s, missing_t = gaps[:, 1] / gaps.sum(axis=1)
    return {
        "name": str(name),
        "kind": kind,
        **figures,
        "effect": float(max(figures["effect"], abs(missing_s - missing_t))),
        "p_value": _joined(figures["p_value"], gaps),
        "missing_source": float(missing_s),
        "missing_target": float(missing_t),
    }


def _known_values(
    source: pd.Series, target: pd.Series
) -> tuple[str, Callable[[NDArray, NDArray], dict[str, Any]], list[NDArray]]:
    """A column's kind, how to compare it, and its known values in both domains."""
    columns = (source, target)
    kinds = {kind_of(column) for column in columns} - {"empty"}
    kind = common_kind(kinds) if kinds else "category"
    if kind in ("number", "date"):
        read = as_numbers if kind == "number" else _as_days
        numbers = [read(column) for column in columns]
        return "number", _compare_numbers, [values[~np.isnan(values)] for values in numbers]
    words = [as_text(column).dropna() for column in columns]
    if kind == "boolean":
        words = [text.str.lower() for text in words]
    return "category", _compare_categories, [text.to_numpy(dtype=object) for text in words]


def _as_days(column: pd.Series) -> NDArray[np.float64]:
    return date_parts(column)["days"]


_NOTHING: dict[str, Any] = {
    "effect": 0.0,
    "ks": None,
    "p_value": 1.0,
    "p_adjusted": 1.0,
    "psi": None,
    "mean_difference": None,
    "missing_source": 0.0,
    "missing_target": 0.0,
    "only_source": [],
    "only_target": [],
    "bins": [],
    "source_share": [],
    "target_share": [],
}


def _compare_numbers(source: NDArray, target: NDArray) -> dict[str, Any]:
    statistic, p_value = kolmogorov_smirnov(source, target)
    edges = _histogram_edges(np.concatenate([source, target]))
    return {
        "effect": statistic,
        "ks": statistic,
        "p_value": p_value,
        "psi": stability_index(*quantile_counts(source, target)),
        "mean_difference": mean_difference(source, target),
        "bins": edges.tolist(),
        "source_share": _histogram(source, edges),
        "target_share": _histogram(target, edges),
    }


def _compare_categories(source: NDArray, target: NDArray) -> dict[str, Any]:
    codes, words = pd.factorize(np.concatenate([source, target]), sort=True)
    parts = (codes[: len(source)], codes[len(source) :])
    counts = np.stack([np.bincount(part, minlength=len(words)) for part in parts])
    shares = counts / counts.sum(axis=1, keepdims=True)
    bars, bar_shares = _bars(words, counts, shares)
    return {
        "effect": float(np.abs(shares[1] - shares[0]).sum() / 2),
        "p_value": chi_square_p(counts),
        "psi": stability_index(*counts),
        "only_source": words[counts[1] == 0].tolist(),
        "only_target": words[counts[0] == 0].tolist(),
        "bins": bars,
        "source_share": bar_shares[0].tolist(),
        "target_share": bar_shares[1].tolist(),
    }


def _bars(words: NDArray, counts: NDArray, shares: NDArray) -> tuple[list[str], NDArray]:
    """The most frequent categories, and the others as one where there are any."""
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    shown, rest = order[:N_BARS], order[N_BARS:]
    if not len(rest):
        return words[shown].tolist(), shares[:, shown]
    others = shares[:, rest].sum(axis=1)
    return [*words[shown].tolist(), "(other)"], np.column_stack([shares[:, shown], others])


def _histogram_edges(values: NDArray) -> NDArray:
    low, high = np.quantile(values, [0.01, 0.99])
    if low == high:
        low, high = values.min(), values.max()
    return np.histogram_bin_edges(values, bins=N_BINS, range=(low, high))


def _histogram(values: NDArray, edges: NDArray) -> list[float]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    return (counts / len(values)).tolist()


def _joined(p_value: float, gaps: NDArray) -> float:
    """The values' p-value, joined with that of the gaps (domain by known/missing) if any."""
    if not gaps[:, 1].any():
        return p_value
    return min(1.0, 2 * min(p_value, chi_square_p(gaps)))


def _column(table: pd.DataFrame, name: Any) -> pd.Series:
    return table[name] if name in table.columns else pd.Series(np.full(len(table), np.nan))


def _table(rows: ArrayLike, name: str) -> pd.DataFrame:
    if isinstance(rows, pd.DataFrame):
        table = rows
    else:
        array = np.asarray(rows)
        if array.ndim != 2:
            raise ValueError(f"{name} must be a table of rows and columns: found {array.shape}.")
        table = pd.DataFrame(array, columns=[f"x{j}" for j in range(array.shape[1])])
    if not len(table):
        raise ValueError(f"{name} has no rows: give at least one.")
    check_no_column_twice(table, name)
    return table


def _check_widths(
    source: ArrayLike, target: ArrayLike, table_s: pd.DataFrame, table_t: pd.DataFrame
) -> None:
    named = isinstance(source, pd.DataFrame) and isinstance(target, pd.DataFrame)
    if not named and table_s.shape[1] != table_t.shape[1]:
        raise ValueError(
            f"Source and target must have the same features: source has {table_s.shape[1]}, "
            f"target has {table_t.shape[1]}. Give two DataFrames to compare by column name."
        )
    if not named and list(table_s.columns) != list(table_t.columns):
        raise ValueError(
            "source and target must both be DataFrames or both be arrays: column names cannot "
            "be matched otherwise."
        )
