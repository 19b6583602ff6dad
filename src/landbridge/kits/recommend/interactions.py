"""Two tables of who did what with which item: read, checked, and made one row a user and item."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from landbridge.domains import Table, read_table
from landbridge.domains.parameters import check_choice
from landbridge.domains.wording import listed, nearest

USER, ITEM, RATING, TIME = "user", "item", "rating", "time"


@dataclass
class Interactions:
    """One domain's interactions.

    Attributes
    ----------
    frame : DataFrame
        Columns ``user``, ``item``, ``rating`` and, where there is one, ``time``; each pair of
        user and item once.
    name : str
        What messages call the table.
    notes : list of str
        What was left out or merged.
    table : Table or None
        What it was read from.
    """

    frame: pd.DataFrame
    name: str
    notes: list[str] = field(default_factory=list)
    table: Table | None = None

    def __len__(self) -> int:
        return len(self.frame)

    def keep(self, rows: Any) -> "Interactions":
        """Those at the given rows, or where a mask is true."""
        return Interactions(self.frame[rows], self.name, self.notes, self.table)

    def swapped(self) -> "Interactions":
        """The same with users and items in each other's place."""
        frame = self.frame.rename(columns={USER: ITEM, ITEM: USER})
        return Interactions(frame, self.name, self.notes, self.table)

    def matrix(self, users: pd.Index, items: pd.Index) -> csr_array:
        """The ratings as a sparse matrix (n_users, n_items); whoever is in neither is left out."""
        frame = self.frame
        places = tuple(
            index.get_indexer(pd.Index(frame[side]))
            for index, side in ((users, USER), (items, ITEM))
        )
        known = (places[0] >= 0) & (places[1] >= 0)
        values = frame[RATING].to_numpy(np.float32)[known]
        where = places[0][known], places[1][known]
        return csr_array((values, where), shape=(len(users), len(items)))


def read_interactions(
    source: Any,
    *,
    user: str,
    item: str,
    rating: str | None = None,
    time: str | None = None,
    duplicates: str = "mean",
    name: str = "table",
) -> Interactions:
    """One domain's interactions from a file or a table in memory, checked before any work.

    Rows without a user, an item or a rating are left out and counted. Where a user and an item
    meet more than once, the mean of their ratings counts, or the last one; without ratings the
    number of times is the strength of the interaction.

    Parameters
    ----------
    source : path, DataFrame or Table
        What :func:`landbridge.read_table` takes.
    user, item : str
        The columns with the users and the items.
    rating : str, optional
        The column with the ratings; without it each row is one interaction.
    time : str, optional
        The column with the time: numbers or dates.
    duplicates : {"mean", "last", "refuse"}
        What becomes of repeated ratings; the last is that of the latest time, or of the last row.
    name : str
        What messages call the table.

    Raises
    ------
    ValueError
        If the table is empty, a column is missing, or a rating is no finite number.

    Examples
    --------
    >>> import pandas as pd
    >>> from landbridge.kits.recommend import read_interactions
    >>> table = pd.DataFrame({"u": [1, 1, 2], "i": [7, 7, 8], "r": [5, 3, 4]})
    >>> read = read_interactions(table, user="u", item="i", rating="r")
    >>> read.frame["rating"].tolist(), read.notes
    ([4.0, 4.0], ['1 ratings repeat a user and an item: the mean of each pair counts.'])
    """
    check_choice("duplicates", duplicates, ("mean", "last", "refuse"))
    table = read_table(source, name=name)
    wanted = {USER: user, ITEM: item, RATING: rating, TIME: time}
    given = {role: column for role, column in wanted.items() if column is not None}
    check_columns(table, given, name)
    frame = table.frame[list(given.values())].set_axis(list(given), axis=1)
    notes: list[str] = []
    if rating is not None:
        frame[RATING] = _numbers(frame[RATING], rating, name)
    if time is not None:
        frame[TIME] = _moments(frame[TIME], time, name)
    frame = _complete(frame, given, notes)
    if frame.empty:
        raise ValueError(
            f"{name} has no row with {listed(given.values())} filled in: give at least one."
        )
    frame = frame.assign(user=names_of(frame[USER]), item=names_of(frame[ITEM]))
    frame = _once(frame, rating is not None, duplicates, name, notes)
    return Interactions(frame.reset_index(drop=True), name, notes, table)


def check_columns(table: Table, given: dict[str, str], name: str) -> None:
    """Refuse a table without rows, or without a column that was named for a role.

    Raises
    ------
    ValueError
        With the columns that there are.
    """
    columns = list(table.frame.columns)
    where = f"{name} ({table.path})" if table.path else name
    if not len(table.frame):
        raise ValueError(f"{where} has no rows: give at least one interaction.")
    for role, column in given.items():
        if column in columns:
            continue
        like = nearest(column, columns)
        meant = f"; the nearest are {listed(like)}" if like else ""
        hint = (
            " There is one column only: is the separator another than comma, semicolon, tab, bar "
            "or blank?"
            if len(columns) == 1
            else ""
        )
        raise ValueError(
            f"{where} has no column {column!r} for the {role}: it has {listed(columns)}{meant}."
            f"{hint}"
        )
    repeated = sorted({c for c in given.values() if list(given.values()).count(c) > 1})
    if repeated:
        raise ValueError(f"The column {repeated[0]!r} cannot be two things: name another.")


def _numbers(values: pd.Series, column: str, name: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    odd = values[(numbers.isna() & values.notna()) | np.isinf(numbers.astype(float))]
    if len(odd):
        raise ValueError(
            f"The column {column!r} of {name} holds {len(odd)} ratings that are no finite "
            f"numbers, the first of them {odd.tolist()[0]!r} in row {odd.index[0] + 1}. Correct or "
            "leave out those rows, or leave out --rating to count interactions."
        )
    return numbers.astype(np.float64)


def _moments(values: pd.Series, column: str, name: str) -> pd.Series:
    """Times as numbers that grow."""
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(np.float64)
    dates = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    odd = values[dates.isna() & values.notna()]
    if len(odd):
        raise ValueError(
            f"The column {column!r} of {name} holds {len(odd)} times that are neither numbers nor "
            f"dates such as 2026-01-31, the first of them {odd.tolist()[0]!r}."
        )
    seconds = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return seconds.astype(np.float64)


def _complete(frame: pd.DataFrame, given: dict[str, str], notes: list[str]) -> pd.DataFrame:
    """The rows in which nothing is missing, with a note on the others."""
    without_item = frame.loc[frame[ITEM].isna() & frame[USER].notna(), USER]
    full = frame.dropna()
    lost = pd.Index(without_item.unique()).difference(pd.Index(full[USER].unique()))
    if len(lost):
        notes.append(f"{len(lost)} users have no item and are left out: {listed(lost, 5)}.")
    if len(full) < len(frame):
        missing = [f"{frame[role].isna().sum()} without {role}" for role in given]
        found = ", ".join(text for text in missing if not text.startswith("0 "))
        notes.append(f"{len(frame) - len(full)} rows are left out: {found}.")
    return full


def names_of(values: pd.Series) -> pd.Series:
    """Names as whole numbers where they are such, else as text."""
    if pd.api.types.is_float_dtype(values) and (values == values.round()).all():
        return values.astype(np.int64)
    if pd.api.types.is_integer_dtype(values):
        return values.astype(np.int64)
    return values.astype(str).astype(object)


def _once(
    frame: pd.DataFrame, is_rated: bool, duplicates: str, name: str, notes: list[str]
) -> pd.DataFrame:
    """Each user and item once."""
    n_repeated = int(frame.duplicated([USER, ITEM]).sum())
    if not is_rated:
        frame = frame.assign(rating=1.0)
    if not n_repeated:
        return frame
    if is_rated and duplicates == "refuse":
        first = frame.loc[frame.duplicated([USER, ITEM]), [USER, ITEM]].head(1)
        raise ValueError(
            f"{name} has {n_repeated} ratings that repeat a user and an item, the first of them "
            f"user {first[USER].tolist()[0]!r} and item {first[ITEM].tolist()[0]!r}. "
            f'Use duplicates="mean" or "last".'
        )
    if TIME in frame:
        frame = frame.sort_values(TIME, kind="stable")
    if is_rated and duplicates == "last":
        notes.append(f"{n_repeated} ratings repeat a user and an item: the last of each counts.")
        return frame.drop_duplicates([USER, ITEM], keep="last").sort_index()
    how = "mean" if is_rated else "sum"
    said = (
        f"{n_repeated} ratings repeat a user and an item: the mean of each pair counts."
        if is_rated
        else f"{n_repeated} interactions repeat a user and an item: their number is the strength."
    )
    notes.append(said)
    merged = {RATING: (RATING, how)} | ({TIME: (TIME, "last")} if TIME in frame else {})
    return frame.groupby([USER, ITEM], sort=False, as_index=False).agg(**merged)
