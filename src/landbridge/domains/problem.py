"""Two tables and the name of a label become one transfer problem."""

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from landbridge.domains.features import TableFeatures
from landbridge.domains.labels import as_labels, common_labels, is_labelled
from landbridge.domains.reading import Table, read_table
from landbridge.domains.wording import listed, nearest

Task = Literal["classification", "regression"]

_MOST_CLASSES = 20
_FEWEST_TARGET_ROWS = 2


@dataclass(frozen=True, eq=False)
class Problem:
    """A transfer problem: the features and labels of both domains, and how they came about.

    ``yt`` is ``None`` where no target row has a label, otherwise blank where a row has none:
    ``None`` among classes, ``NaN`` among numbers. ``classes`` is ``None`` in a regression.
    """

    Xs: NDArray[np.float64]
    ys: NDArray
    Xt: NDArray[np.float64]
    yt: NDArray | None
    features: TableFeatures
    task: Task
    label: str
    classes: NDArray | None
    source: Table
    target: Table
    notes: tuple[str, ...]


def make_problem(
    source: Any,
    target: Any,
    *,
    label: str,
    task: Task | None = None,
    features: TableFeatures | None = None,
) -> Problem:
    """Make features and labels of a source table and a target table.

    Parameters
    ----------
    source, target : Table, or what ``read_table`` takes
        The labelled table and the one that has few labels or none.
    label : str
        The column to predict. Source rows without it are left out; where the target lacks the
        column or leaves it blank, its rows are unlabelled.
    task : {"classification", "regression"}, optional
        By default classification if the labels are text, booleans, or at most 20 different
        whole numbers, otherwise regression.
    features : TableFeatures, optional
        Settings of the preprocessing other than the default ones; a copy of it is fitted.

    Raises
    ------
    ValueError
        If the source has no such column or no label in it, all labels are the same, labels of
        source and target are of different types or do not fit the task, or the target has
        fewer than two rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from landbridge.domains import make_problem
    >>> source = pd.DataFrame({"height": [1.0, 2.0, 3.0], "ill": ["no", "yes", None]})
    >>> target = pd.DataFrame({"height": [2.0, 4.0]})
    >>> problem = make_problem(source, target, label="ill")
    >>> problem.task, problem.ys.tolist(), problem.yt is None
    ('classification', ['no', 'yes'], True)
    """
    tables = read_table(source, name="source"), read_table(target, name="target")
    _check_tables(*tables, label=label, task=task)
    columns = [table.frame.get(label) for table in tables]
    raw_s, raw_t = (_labels(column, len(t.frame)) for column, t in zip(columns, tables))
    rows_s = tables[0].frame[is_labelled(raw_s)].drop(columns=label)
    rows_t = tables[1].frame.drop(columns=label, errors="ignore")
    raw_s = raw_s[is_labelled(raw_s)]
    _check_label_types(label, raw_s, raw_t)
    chosen = task or infer_task(raw_s)
    ys, yt, classes = _typed_labels(raw_s, raw_t, chosen, label)
    fitted = clone(features or TableFeatures()).fit(rows_s, rows_t)
    return Problem(
        Xs=fitted.transform(rows_s),
        ys=ys,
        Xt=fitted.transform(rows_t),
        yt=yt if is_labelled(yt).any() else None,
        features=fitted,
        task=chosen,
        label=label,
        classes=classes,
        source=tables[0],
        target=tables[1],
        notes=(
            *_notes_on_labels(*tables, label=label, n_labelled=len(ys)),
            *_notes_on_task(ys, yt, classes, label, inferred=task is None),
            *_notes_on_overlap(*tables, rows_s, rows_t),
            *fitted.notes_,
        ),
    )


def infer_task(labels: NDArray) -> Task:
    """Classification for text, booleans and at most 20 different whole numbers, else regression.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.domains.problem import infer_task
    >>> infer_task(np.array([0, 1, 1])), infer_task(np.array([0.5, 1.5, 2.0]))
    ('classification', 'regression')
    """
    if _type_of(labels) != "numbers":
        return "classification"
    values = np.unique(labels.astype(float))
    is_few = len(values) <= _MOST_CLASSES and bool((values == np.round(values)).all())
    return "classification" if is_few else "regression"


def _check_tables(source: Table, target: Table, *, label: str, task: str | None) -> None:
    if task not in (None, "classification", "regression"):
        raise ValueError(
            f"task must be 'classification' or 'regression', found {task!r}. "
            "Leave it out to have it read off the labels."
        )
    if label not in source.frame.columns:
        columns = list(source.frame.columns)
        like = nearest(label, columns) or columns
        raise ValueError(
            f"The source has no column {label!r} to take labels from; the nearest are "
            f"{listed(like)}. Give label as it is spelled in the table."
        )
    if len(target.frame) < _FEWEST_TARGET_ROWS:
        raise ValueError(
            f"The target has {len(target.frame)} rows, expected at least {_FEWEST_TARGET_ROWS}: "
            "a domain cannot be seen in fewer. Give more target rows; they need no labels."
        )
    if not source.frame[label].notna().any():
        raise ValueError(
            f"No row of the source has a label: column {label!r} is blank in all "
            f"{len(source.frame)} rows. Give a source with labels, or another label."
        )


def _labels(column: pd.Series | None, n_rows: int) -> NDArray:
    if column is None:
        return np.full(n_rows, None, dtype=object)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    return as_labels(column, name=f"Column {column.name!r}")


def _type_of(labels: NDArray) -> str:
    """Whether the labels that are there are numbers, booleans, text, or a mix."""
    if not is_labelled(labels).any():
        return "blank"  # a column of nothing but blanks is read as numbers, whatever it stands for
    if labels.dtype.kind in "iuf":
        return "numbers"
    values = labels[is_labelled(labels)].tolist()
    kinds = {_type_name(value) for value in values}
    return " and ".join(sorted(kinds))


def _type_name(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "booleans"
    if isinstance(value, (int, float, np.number)):
        return "numbers"
    return "text" if isinstance(value, str) else type(value).__name__


def _check_label_types(label: str, source: NDArray, target: NDArray) -> None:
    found = [_type_of(labels) for labels in (source, target)]
    odd = [types for types in found if types not in ("numbers", "booleans", "text", "blank")]
    if odd:
        raise ValueError(
            f"The labels in column {label!r} are {odd[0]}, expected numbers, text or booleans of "
            "one type. Clean the column first."
        )
    if found[1] != "blank" and found[0] != found[1]:
        shown = [listed(np.unique(y[is_labelled(y)])[:3].tolist()) for y in (source, target)]
        raise ValueError(
            f"The labels in column {label!r} are {found[0]} in the source ({shown[0]}), but "
            f"{found[1]} in the target ({shown[1]}). Write them alike in both tables."
        )


def _typed_labels(
    source: NDArray, target: NDArray, task: Task, label: str
) -> tuple[NDArray, NDArray, NDArray | None]:
    """Source labels, target labels and classes in the type that the task wants."""
    if len(np.unique(source)) < 2:
        raise ValueError(
            f"All {len(source)} labels of the source are {source.tolist()[0]!r}: expected at "
            f"least two different values in column {label!r}. Add rows with other labels."
        )
    if task == "classification":
        return common_labels(_whole(source), target)
    if _type_of(source) == "text":
        raise ValueError(
            f"A regression needs numbers as labels, but column {label!r} holds text such as "
            f"{source[0]!r}. Leave out task, or give another label."
        )
    return source.astype(np.float64), target.astype(np.float64), None


def _whole(labels: NDArray) -> NDArray:
    """Labels that a blank turned into floats as the whole numbers they were."""
    is_whole = labels.dtype.kind == "f" and (labels == np.round(labels)).all()
    return labels.astype(np.int64) if is_whole and np.isfinite(labels).all() else labels


def _notes_on_labels(source: Table, target: Table, *, label: str, n_labelled: int) -> list[str]:
    notes = []
    n_dropped = len(source.frame) - n_labelled
    if n_dropped:
        notes.append(f"{n_dropped} source rows have no label: left out.")
    if label not in target.frame.columns:
        like = nearest(label, target.frame.columns)
        meant = f" (it has {listed(like)})" if like else ""
        notes.append(f"The target has no column {label!r}{meant}: its rows are unlabelled.")
    return notes


def _notes_on_task(
    ys: NDArray, yt: NDArray, classes: NDArray | None, label: str, *, inferred: bool
) -> list[str]:
    if classes is None:
        return [f"Regression: {label!r} holds numbers."] if inferred else []
    notes = [f"Classification: {label!r} has {len(classes)} classes."] if inferred else []
    seen = set(ys.tolist())
    unseen = [value for value in classes.tolist() if value not in seen]
    if unseen:
        n_rows = sum(value in set(unseen) for value in yt.tolist())
        notes.append(
            f"{n_rows} target rows are of classes that the source never saw: {listed(unseen)}."
        )
    return notes


def _notes_on_overlap(
    source: Table, target: Table, rows_s: pd.DataFrame, rows_t: pd.DataFrame
) -> list[str]:
    if source.sha256 is not None and source.sha256 == target.sha256:
        return ["Source and target are the same file."]
    shared = [name for name in rows_s.columns if name in rows_t.columns]
    hashes_s, hashes_t = (_row_hashes(rows[shared]) for rows in (rows_s, rows_t))
    n_twice = int(np.isin(hashes_t, hashes_s).sum())
    if not n_twice:
        return []
    return [f"{n_twice} of {len(rows_t)} target rows are in the source too, value for value."]


def _row_hashes(rows: pd.DataFrame) -> NDArray[np.uint64]:
    """One number a row; 1 and 1.0 count as equal."""
    plain = {name: _comparable(rows[name]) for name in rows.columns}
    return cast(NDArray, pd.util.hash_pandas_object(pd.DataFrame(plain), index=False).to_numpy())


def _comparable(column: pd.Series) -> NDArray:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.astype(object).map(str).to_numpy(dtype=object)
