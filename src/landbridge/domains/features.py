"""From mixed tables to features: one preprocessing, fitted on both domains."""

import warnings
from collections import Counter
from typing import Any, Self, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.columns import (
    MISSING_CATEGORY,
    Kind,
    as_numbers,
    as_text,
    common_kind,
    kind_of,
    missing_share,
    part_names,
    plain_columns,
)
from landbridge.domains.reading import read_table
from landbridge.domains.wording import listed

_FEW_ROWS = 20
_NEARLY_EVERY_ROW = 0.9
_MOST_BYTES = 4 * 2**30
_BLOCKS = {"number": "scaled", "date": "scaled", "boolean": "truth", "category": "coded"}


class ColumnReport(TypedDict):
    """What became of one column: its kind, its gaps in each domain, and how many features."""

    name: str
    kind: str
    missing_source: float
    missing_target: float
    n_out: int


class TableFeatures(TransformerMixin, BaseEstimator):
    """Turn mixed tables into one matrix of numbers, by rules fitted on both domains.

    Numbers are filled with the median and standardised, booleans become 0 and 1, categories
    one feature each, and dates the days since 1970 with their place in the year, the week and
    the day. Where gaps are notable, one more feature tells where they are. Medians, means and
    categories come from the rows of both domains together; labels are not looked at.

    A column is dropped, and ``notes_`` says so, where one domain lacks it or has no value in
    it, where it never varies, or where it is text that differs in nearly every row (a name,
    an identifier).

    Parameters
    ----------
    max_categories : int, default 30
        The most features that one category column may take; the rarest categories share one.
    missing_share : float, default 0.05
        From this share of gaps on, in either domain, a feature tells where they are.

    Attributes
    ----------
    columns_ : list of dict
        For each shared column: ``name``, ``kind`` (``"number"``, ``"category"``,
        ``"boolean"``, ``"date"`` or ``"dropped"``), ``missing_source`` and ``missing_target``
        (shares from 0 to 1; without a target the latter repeats the former) and ``n_out``
        (features made of it).
    notes_ : list of str
        What was dropped or decided, in sentences.
    transformer_ : ColumnTransformer
        The fitted scikit-learn transformer.

    Examples
    --------
    >>> import pandas as pd
    >>> from landbridge.domains import TableFeatures
    >>> source = pd.DataFrame({"age": [30, 50, 40], "ward": ["a", "b", "a"]})
    >>> target = pd.DataFrame({"age": [60, 20], "ward": ["b", "c"]})
    >>> features = TableFeatures().fit(source, target)
    >>> features.transform(target).round(2)
    array([[ 1.41,  0.  ,  1.  ,  0.  ],
           [-1.41,  0.  ,  0.  ,  1.  ]])
    >>> list(features.get_feature_names_out())
    ['age', 'ward=a', 'ward=b', 'ward=c']
    """

    def __init__(self, max_categories: int = 30, missing_share: float = 0.05):
        self.max_categories = max_categories
        self.missing_share = missing_share

    def fit(self, source_frame: Any, target_frame: Any = None) -> Self:
        """Learn medians, means and categories from both domains.

        Parameters
        ----------
        source_frame, target_frame : DataFrame, or what ``read_table`` takes
            The tables without their labels; the source alone will do.

        Raises
        ------
        ValueError
            If no column is in both tables, none is of use, or a parameter is out of range.
        """
        self._check_parameters()
        frames = [read_table(source_frame, name="source_frame").frame]
        if target_frame is not None:
            frames.append(read_table(target_frame, name="target_frame").frame)
        self.notes_: list[str] = []
        shared = self._shared_columns(frames)
        self.kinds_ = self._decide_kinds(shared, frames)
        plain = [self._plain(frame) for frame in frames]
        self.blocks_ = self._blocks(plain)
        self.transformer_ = self._transformer().fit(pd.concat(plain, ignore_index=True))
        self.columns_ = self._reports(shared, frames)
        self.feature_names_in_ = np.array(list(self.kinds_), dtype=object)
        self.n_features_in_ = len(self.kinds_)
        return self

    def transform(self, frame: Any) -> NDArray[np.float64]:
        """The rows of a table as features (n, d), whether or not they were seen at fit.

        A missing column is filled like gaps, a category that was not seen is none of those
        known, and text where numbers were is a gap: with a ``UserWarning`` on each. Further
        columns are passed over.

        Raises
        ------
        ValueError
            If none of the columns seen at fit is there.
        """
        check_is_fitted(self)
        complete = self._complete(read_table(frame, name="frame").frame)
        plain = self._plain(complete)
        for finding in self._unseen(complete, plain):
            warnings.warn(finding, stacklevel=2)
        return np.asarray(self.transformer_.transform(plain), dtype=np.float64)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """What each feature is: ``column``, ``column=category`` or ``column is missing``."""
        check_is_fitted(self)
        return np.array([feature for _, feature in self._made()], dtype=object)

    def _check_parameters(self) -> None:
        if self.max_categories < 2:
            raise ValueError(
                f"max_categories must be at least 2, found {self.max_categories}: "
                "one for the commonest category and one for the rest."
            )
        if not 0 <= self.missing_share <= 1:
            raise ValueError(f"missing_share must be from 0 to 1, found {self.missing_share}.")

    def _shared_columns(self, frames: list[pd.DataFrame]) -> list[str]:
        source, target = frames[0].columns, frames[-1].columns
        shared = [name for name in source if name in target]
        if not shared:
            raise ValueError(
                "Source and target have no column in common: the source has "
                f"{listed(source) or 'none'}, the target {listed(target) or 'none'}. "
                "Give columns that mean the same the same name."
            )
        self._note(source.difference(target, sort=False), "dropped, only the source has it")
        self._note(target.difference(source, sort=False), "dropped, only the target has it")
        return shared

    def _note(self, names: Any, what: str) -> None:
        if len(names):
            self.notes_.append(f"{listed(names)}: {what}.")

    def _decide_kinds(self, shared: list[str], frames: list[pd.DataFrame]) -> dict[str, Kind]:
        """The kind of each column that stays so far; what is dropped is noted."""
        kinds: dict[str, Kind] = {}
        for name in shared:
            columns = [frame[name] for frame in frames]
            found = [kind_of(column) for column in columns]
            kind = common_kind(set(found))
            if kind == "empty":
                sides = [side for side, k in zip(("source", "target"), found) if k == "empty"]
                self._note([name], f"dropped, it has no value in the {' or the '.join(sides)}")
            elif kind == "category" and self._is_identifier(columns):
                self._note([name], "dropped, it is text that differs in nearly every row")
            else:
                kinds[name] = kind
                self._note_reading(name, kind, found, columns)
        return kinds

    def _is_identifier(self, columns: list[pd.Series]) -> bool:
        text = pd.concat([as_text(column) for column in columns]).dropna()
        most = max(self.max_categories, _FEW_ROWS, _NEARLY_EVERY_ROW * len(text))
        return text.nunique() > most

    def _note_reading(
        self, name: str, kind: Kind, found: list[Kind], columns: list[pd.Series]
    ) -> None:
        typed = [c for c in columns if pd.api.types.is_numeric_dtype(c.dtype)]
        if found[0] != found[-1]:
            self._note([name], f"{found[0]} in the source, {found[-1]} in the target; now {kind}")
        elif kind == "number" and len(typed) < len(columns):
            self._note([name], "text that reads as numbers; now number")
        n_infinite = sum(int(np.isnan(as_numbers(c)).sum() - c.isna().sum()) for c in typed)
        if kind == "number" and n_infinite:
            self._note([name], f"{n_infinite} infinite values count as missing")

    def _plain(self, frame: pd.DataFrame) -> pd.DataFrame:
        _check_size(len(frame), len(self.kinds_))
        plain: dict[str, NDArray] = {}
        for name, kind in self.kinds_.items():
            plain |= plain_columns(frame[name], name, kind)
        return pd.DataFrame(plain, index=range(len(frame)))

    def _blocks(self, plain: list[pd.DataFrame]) -> dict[str, list[str]]:
        """Which plain columns go through which preprocessing; those that never vary are out."""
        pooled = pd.concat(plain, ignore_index=True)
        varying = {name for name in plain[0].columns if pooled[name].nunique() > 1}
        self._drop_constant(varying)
        blocks: dict[str, list[str]] = {"scaled": [], "truth": [], "coded": [], "gaps": []}
        for name, kind in self.kinds_.items():
            parts = part_names(name, kind)
            blocks[_BLOCKS[kind]] += [part for part in parts if part in varying]
            if kind != "category" and self._has_notable_gaps(parts[0], plain):
                blocks["gaps"].append(parts[0])
        return blocks

    def _drop_constant(self, varying: set[str]) -> None:
        kinds = self.kinds_
        constant = [n for n, kind in kinds.items() if varying.isdisjoint(part_names(n, kind))]
        self._note(constant, "dropped, one value throughout")
        self.kinds_ = {name: kind for name, kind in kinds.items() if name not in constant}
        if not self.kinds_:
            raise ValueError(
                f"No column is of use. {' '.join(self.notes_)} Give at least one column that "
                "both tables fill and that varies."
            )

    def _has_notable_gaps(self, part: str, plain: list[pd.DataFrame]) -> bool:
        shares = [frame[part].isna().mean() for frame in plain if len(frame)]
        return any(share > 0 and share >= self.missing_share for share in shares)

    def _transformer(self) -> ColumnTransformer:
        steps = {
            "scaled": make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
            "truth": SimpleImputer(strategy="most_frequent"),
            "coded": OneHotEncoder(
                handle_unknown="ignore", max_categories=self.max_categories, sparse_output=False
            ),
            "gaps": MissingIndicator(features="all"),
        }
        used = [(block, steps[block], names) for block, names in self.blocks_.items() if names]
        return ColumnTransformer(used, sparse_threshold=0)

    def _made(self) -> list[tuple[str, str]]:
        """For each feature, in their order, the column it comes from and its name."""
        owner = {p: name for name, kind in self.kinds_.items() for p in part_names(name, kind)}
        blocks = self.blocks_
        made = [(owner[part], part) for part in blocks["scaled"] + blocks["truth"]]
        for name, categories in self._categories().items():
            made += [(name, f"{name}={category}") for category in categories]
        return made + [(owner[part], f"{owner[part]} is missing") for part in blocks["gaps"]]

    def _categories(self) -> dict[str, list[str]]:
        """The categories that have a feature, by column; the rarest share ``other``."""
        known = self._known_categories()
        if not known:
            return {}
        rare = self.transformer_.named_transformers_["coded"].infrequent_categories_
        return {name: _with_features(known[name], few) for name, few in zip(known, rare)}

    def _known_categories(self) -> dict[str, NDArray]:
        """The categories seen at fit, by column."""
        names = self.blocks_["coded"]
        if not names:
            return {}
        return dict(zip(names, self.transformer_.named_transformers_["coded"].categories_))

    def _reports(self, shared: list[str], frames: list[pd.DataFrame]) -> list[ColumnReport]:
        n_out = Counter(name for name, _ in self._made())
        return [
            {
                "name": name,
                "kind": self.kinds_.get(name, "dropped"),
                "missing_source": missing_share(frames[0][name]),
                "missing_target": missing_share(frames[-1][name]),
                "n_out": n_out[name],
            }
            for name in shared
        ]

    def _complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with every column seen at fit, all gaps where it lacks one."""
        lacking = [name for name in self.kinds_ if name not in frame.columns]
        if len(lacking) == len(self.kinds_):
            raise ValueError(
                f"frame has none of the columns seen at fit: it has {listed(frame.columns)}, "
                f"expected {listed(self.kinds_)}."
            )
        if lacking:
            warnings.warn(f"frame lacks {listed(lacking)}: filled as missing.", stacklevel=3)
        return frame.assign(**dict.fromkeys(lacking, np.nan))

    def _unseen(self, frame: pd.DataFrame, plain: pd.DataFrame) -> list[str]:
        """What in the frame does not go with what was seen at fit, in sentences."""
        found = []
        for name, known in self._known_categories().items():
            new = sorted(set(plain[name].unique()) - {*known, MISSING_CATEGORY})
            if new:
                found.append(f"{name!r} has categories not seen at fit: {listed(new)}.")
        for name in (name for name, kind in self.kinds_.items() if kind != "category"):
            kind = self.kinds_[name]
            gap = plain[part_names(name, kind)[0]].isna().to_numpy()
            if gap.sum() > frame[name].isna().sum():
                found += _lost(name, kind, as_text(frame.loc[gap, name]).dropna().unique())
        return found


def _lost(name: str, kind: Kind, values: NDArray) -> list[str]:
    wording = f"{name!r} is a {kind}, not {listed(values)}: counted as missing."
    return [wording] if len(values) else []


def _check_size(n_rows: int, n_columns: int) -> None:
    n_bytes = 8 * n_rows * n_columns
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"As numbers, {n_rows} rows of {n_columns} columns take {n_bytes / 2**30:.1f} GiB, "
            f"over the bound of {_MOST_BYTES / 2**30:.0f} GiB. Give fewer rows at a time; rows "
            "that are sparse go into a mapping as they are, as a SciPy matrix."
        )


def _with_features(known: NDArray, rare: NDArray | None) -> list[str]:
    rest = set() if rare is None else set(rare)
    return [category for category in known if category not in rest] + ["other"] * bool(rest)
