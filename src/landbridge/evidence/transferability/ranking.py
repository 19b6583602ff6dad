"""Candidates in order, and how sure the order is: what both rankings share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.domains.parameters import check_choice, check_number
from landbridge.evidence.transferability.measured import Measured, drawn_scores

LOWER_IS_BETTER = ("proxy_a_distance", "mmd2", "missing_classes", "intrinsic_dimension")
SURE = 0.95
TIE = 1e-6
"""Of a score: draws go by single precision, which parts equals by less than that."""
N_NAMED = 5
FEWEST_ROWS = 20


@dataclass(frozen=True)
class Ranking:
    """Candidates, best first, and whether their order is more than chance.

    Attributes
    ----------
    table : DataFrame
        A row for each candidate: its ``rank`` and ``name``, every measure, ``low`` and ``high``
        (the 95 % bootstrap interval of the measure that ranks), and ``first``: the share of
        draws in which it came first; candidates that tie share it.
    by : str
        The measure that ranks.
    statement : str
        Which is first, or between which the data do not decide.
    notes : tuple of str
        What else is worth knowing, such as classes that a source lacks.
    """

    table: pd.DataFrame
    by: str
    statement: str
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> str:
        """The name of the first."""
        return str(self.table["name"].iloc[0])

    @property
    def is_sure(self) -> bool:
        """Whether the first came first in at least 95 % of the draws."""
        return bool(self.table["first"].iloc[0] >= SURE)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain lists, dicts, numbers and text, ready for JSON."""
        rows = [
            {key: None if _is_blank(value) else value for key, value in row.items()}
            for row in self.table.to_dict("records")
        ]
        return {
            "by": self.by,
            "statement": self.statement,
            "notes": list(self.notes),
            "rows": rows,
        }

    def __str__(self) -> str:
        table = self.table.to_string(index=False, float_format="{:.3g}".format, na_rep="-")
        return "\n".join([self.statement, *(f"- {note}" for note in self.notes), table])


def _is_blank(value: Any) -> bool:
    return isinstance(value, float) and not np.isfinite(value)


class Draws(NamedTuple):
    """A measure of one candidate: its value, and its value in each bootstrap draw."""

    value: float
    draws: NDArray[np.float64]

    @classmethod
    def of(cls, measured: Measured, weights: NDArray) -> "Draws":
        """By the influence of the rows that were drawn."""
        return cls(measured.score, drawn_scores(measured, weights))


def ranking(
    values: Mapping[str, Mapping[str, Any]],
    drawn: Mapping[str, Draws],
    by: str,
    notes: tuple[str, ...] = (),
    remedy: str = "",
) -> Ranking:
    """Candidates by their measures ``values`` and the draws of the one that ranks."""
    sign = -1.0 if by in LOWER_IS_BETTER else 1.0
    names = list(values)
    draws = np.array([sign * drawn[name].draws for name in names])
    first = _first_places(draws)
    low, high = np.quantile(sign * draws, [0.025, 0.975], axis=1)
    order = np.argsort([-sign * drawn[name].value for name in names], kind="stable")
    rows = [
        {
            "rank": place + 1,
            "name": names[k],
            **values[names[k]],
            "low": float(low[k]),
            "high": float(high[k]),
            "first": float(first[k]),
        }
        for place, k in enumerate(order)
    ]
    table = pd.DataFrame(rows)
    return Ranking(table, by, _statement(table, by, remedy), notes)


def _first_places(draws: NDArray) -> NDArray[np.float64]:
    """The share of draws (columns) in which each candidate came first; ties share the place."""
    best = draws.max(axis=0)
    won = draws >= best - TIE * np.abs(best)
    return np.asarray((won / won.sum(axis=0)).mean(axis=1))


def _statement(table: pd.DataFrame, by: str, remedy: str) -> str:
    best = table.iloc[0]
    scored = f"{by} {best[by]:.3g}, 95 % interval {best['low']:.3g} to {best['high']:.3g}"
    if len(table) == 1:
        return f"{best['name']} is the only candidate ({scored})."
    if best["first"] >= SURE:
        return (
            f"{best['name']} ranks first ({scored}): it came first in {best['first']:.0%} of the "
            "bootstrap draws."
        )
    likely = table.sort_values("first", ascending=False, kind="stable")
    n = int(np.searchsorted(likely["first"].cumsum(), SURE - 1e-9)) + 1
    shown = [
        f"{row['name']} {row['first']:.0%}" for _, row in likely.head(min(n, N_NAMED)).iterrows()
    ]
    more = f" and {n - N_NAMED} more" if n > N_NAMED else ""
    return (
        f"{best['name']} ranks first ({scored}), but the first place cannot be told from chance: "
        f"over the bootstrap draws it went to {', '.join(shown)}{more}.{remedy}"
    )


def check_candidates(candidates: Any, name: str) -> None:
    """Refuse what is no mapping of names to candidates.

    Raises
    ------
    TypeError
        If it is no mapping.
    ValueError
        If it is empty.
    """
    if not isinstance(candidates, Mapping):
        raise TypeError(
            f"{name} must be a dict of names to candidates: found {type(candidates).__name__}."
        )
    if not candidates:
        raise ValueError(f"{name} is empty: give at least one candidate, best two or more.")


def check_settings(task: str | None, n_draws: int, max_rows: int, random_state: int) -> None:
    """Refuse settings of a ranking that it cannot use.

    Raises
    ------
    ValueError
        If the task is unknown, or a number is too small or not whole.
    """
    check_choice("task", task, ("classification", "regression", None))
    check_number("n_draws", n_draws, least=1, whole=True)
    check_number("max_rows", max_rows, least=FEWEST_ROWS, whole=True)
    check_number("random_state", random_state, whole=True)


def check_measure(by: str | None, measures: list[str]) -> None:
    """Refuse a measure that is not among those that can be had here.

    Raises
    ------
    ValueError
        If ``by`` is none of ``measures``.
    """
    if by is not None and by not in measures:
        raise ValueError(f"by must be one of {', '.join(measures)}, or None: found {by!r}.")
