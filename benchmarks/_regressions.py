"""Tasks of regression: numbers to predict, in units of the source's standard deviation."""

from itertools import permutations

import pandas as pd
from _tasks import Task, folder

CORRELATION = 0.4
"""Tables are cut by the feature whose correlation with the label is nearest to this."""


ROWS = 700
"""Of each domain of the larger tables, drawn evenly."""


def few(table: pd.DataFrame, rows: int = ROWS) -> pd.DataFrame:
    return table.sample(rows, random_state=0)


def regression_task(name: str, source: pd.DataFrame, target: pd.DataFrame, label: str) -> Task:
    """Rows and labels in units of the source, the target being as far off as it is."""
    numbers = [part.astype(float) for part in (source, target)]
    centre, std = numbers[0].mean(), numbers[0].std().replace(0, 1)
    (ys, Xs), (yt, Xt) = (
        (scaled.pop(label).to_numpy(), scaled.to_numpy())
        for scaled in ((part - centre) / std for part in numbers)
    )
    return Task(name, Xs, ys, Xt, Xt, yt)


def thirds(name: str, table: pd.DataFrame, label: str) -> list[Task]:
    """Each third by a feature that says something of the label, from the other two thirds.

    The feature itself is left out (Pardoe & Stone 2010).
    """
    correlations = table.corr()[label].abs().drop(label)
    by = (correlations - CORRELATION).abs().idxmin()
    third = pd.qcut(table[by].rank(method="first"), 3, labels=False)
    rest = table.drop(columns=by)
    return [
        regression_task(f"{name} {k + 1}", rest[third != k], rest[third == k], label)
        for k in range(3)
    ]


def wine() -> list[Task]:
    """Two tasks: the mark of red and of white wine (Cortez et al. 2009)."""
    here = folder("wine_quality")
    tables = {
        colour: pd.read_csv(here / f"winequality-{colour}.csv", header=None).rename(
            columns={11: "mark"}
        )
        for colour in ("red", "white")
    }
    tables = {colour: few(table) for colour, table in tables.items()}
    return [
        regression_task(f"{s}-{t}", tables[s], tables[t], "mark") for s, t in permutations(tables)
    ]


def abalone() -> list[Task]:
    """Three tasks: the age of males, females and infants, from the other two kinds."""
    table = pd.read_csv(folder("abalone") / "abalone.csv", header=None)
    table = few(table, 2 * ROWS)
    kinds = table.pop(0)
    numbers = table.rename(columns={8: "rings"})
    return [
        regression_task(f"abalone {kind}", numbers[kinds != kind], numbers[kinds == kind], "rings")
        for kind in "MFI"
    ]


def small_tables() -> list[Task]:
    """Nine tasks: cars' consumption, concrete's strength, Boston's prices, by thirds."""
    cars = pd.read_csv(folder("auto_mpg") / "auto-mpg.data", header=None).iloc[:, :8]
    concrete = pd.read_csv(folder("concrete") / "concrete.csv")
    homes = pd.read_csv(folder("boston_housing") / "housing.data", header=None, sep=r"\s+")
    return [
        *thirds("cars", cars.rename(columns={0: "label"}), "label"),
        *thirds("concrete", concrete, "strength"),
        *thirds("Boston", homes.rename(columns={13: "label"}), "label"),
    ]


def regressions() -> list[Task]:
    """All of them."""
    return [*wine(), *abalone(), *small_tables()]
