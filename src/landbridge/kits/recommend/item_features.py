"""What is known of items besides who liked them: words and numbers, as features."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.domains import read_table
from landbridge.domains.wording import listed
from landbridge.kits.recommend.interactions import ITEM, check_columns, names_of

TITLES = ("title", "name")
MOST_WORDS = 300
"""Of all words that stand in a column of features, the most frequent are used."""


@dataclass
class ItemFeatures:
    """What is known of items besides who liked them.

    Attributes
    ----------
    items : Index
    values : ndarray of shape (n, d)
        Ones for words, such as genres; numbers with mean 0 and standard deviation 1.
    names : list of str
        Of the features.
    titles : dict
        What to call an item, for those that have a title.
    notes : list of str
    """

    items: pd.Index
    values: NDArray[np.float64]
    names: list[str]
    titles: dict[Any, str]
    notes: list[str]

    def rows(self, items: Any) -> NDArray[np.float64]:
        """Features of the given items (m, d), zero where nothing is known."""
        places = self.items.get_indexer(items)
        return np.where(places[:, None] >= 0, self.values[places], 0.0)


def read_item_features(source: Any, *, item: str) -> ItemFeatures:
    """Item features from a file or table: a row an item, of both domains.

    Words separated by ``|`` become one feature each, if at least two items share them; numbers
    are standardised; a column ``title`` or ``name`` is what items are called.

    Parameters
    ----------
    source : path, DataFrame or Table
        What :func:`landbridge.read_table` takes.
    item : str
        The column with the items.

    Raises
    ------
    ValueError
        If that column is missing, an item has two rows, or nothing can be made a feature.

    Examples
    --------
    >>> import pandas as pd
    >>> from landbridge.kits.recommend import read_item_features
    >>> table = pd.DataFrame({"i": [1, 2, 3], "genres": ["Drama|War", "Drama", "Comedy"]})
    >>> read_item_features(table, item="i").names
    ['genres: Drama']
    """
    table = read_table(source, name="item features")
    check_columns(table, {ITEM: item}, "item features")
    frame = table.frame.dropna(subset=[item])
    items = pd.Index(names_of(frame[item]))
    if not items.is_unique:
        twice = items[items.duplicated()]
        raise ValueError(
            f"item features has {len(twice)} items with more than one row, such as "
            f"{listed(twice[:1])}: give each item one row."
        )
    notes: list[str] = []
    parts, names, titles = [], [], {}
    for column in frame.columns.drop(item):
        values = frame[column]
        if column.lower() in TITLES:
            titles = {i: str(t) for i, t in zip(items, values) if pd.notna(t)}
        elif pd.api.types.is_numeric_dtype(values):
            numbers = values.fillna(values.mean()).to_numpy(np.float64)
            if np.ptp(numbers) > 0:
                parts.append(((numbers - numbers.mean()) / numbers.std())[:, None])
                names.append(column)
        else:
            words = _word_features(values)
            if words.shape[1]:
                parts.append(words.to_numpy(np.float64))
                names += [f"{column}: {word}" for word in words.columns]
            else:
                notes.append(f"The column {column!r} has no word that two items share: left out.")
    if not parts:
        raise ValueError(
            f"item features has no column to learn from: besides {item!r} it has "
            f"{listed(frame.columns.drop(item))}. Give genres, categories or numbers."
        )
    return ItemFeatures(items, np.hstack(parts), names, titles, notes)


def _word_features(values: pd.Series) -> pd.DataFrame:
    words = values.fillna("").astype(str).str.get_dummies("|")
    counts = words.sum()
    kept = counts[(counts > 1) & (counts < len(words))].nlargest(MOST_WORDS).index
    return words[sorted(kept)]
