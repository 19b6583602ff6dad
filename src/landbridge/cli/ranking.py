"""``landbridge rank``: which of several source tables suits a target."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from landbridge.cli import options
from landbridge.cli.failures import explained

Sources = Annotated[
    list[str], typer.Argument(help="Labelled tables: files, or name:domain of a data set.")
]
TargetOption = Annotated[
    str, typer.Option("--target", "-t", help="The table that they are ranked for.")
]


def rank(
    sources: Sources,
    target: TargetOption,
    label: options.Label = None,
    task: options.Task = None,
    seed: options.Seed = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Rank several source tables by how well they suit a target, before anything is learned.

    With ten target labels or more by what a plain model of each source does on them; without, by
    how far the features lie apart.
    """
    with explained(debug=debug, quiet=quiet):
        import json

        from rich.console import Console

        from landbridge.cli.blas import one_blas_thread

        with one_blas_thread():
            found = rank_tables(sources, target, label, task, seed or 0)
        if as_json:
            typer.echo(json.dumps(found.to_dict(), indent=1, allow_nan=False))
        elif not quiet:
            show_ranking(Console(), found)


def rank_tables(
    sources: Sequence[str], target: str, label: str | None, task: Any, seed: int
) -> Any:
    """The sources' ranking, all tables made into features together.

    Raises
    ------
    ValueError
        If a source is given twice, or no label is named or a source lacks it.
    """
    import pandas as pd

    from landbridge.cli.inputs import dataset_and_domain, table_of
    from landbridge.domains import DATASETS, TableFeatures, is_labelled
    from landbridge.evidence import rank_sources

    if len(set(sources)) < len(sources):
        raise ValueError(f"Each source may be given once: found {', '.join(sources)}.")
    data = DATASETS.get(dataset_and_domain(sources[0])[0] or "")
    label = label or (data.label if data else None)
    if label is None:
        raise ValueError("Give the column that the sources' labels are in: --label NAME.")
    frames = {name: table_of(name).frame for name in sources}
    lacking = [name for name, frame in frames.items() if label not in frame]
    if lacking:
        raise ValueError(f"{lacking[0]} has no column {label!r}: give another --label.")
    rows_t = table_of(target).frame
    labels_t = rows_t.get(label)
    labels = {name: frame.pop(label) for name, frame in frames.items()}
    frames = {name: frame[is_labelled(labels[name].to_numpy())] for name, frame in frames.items()}
    rows_t = rows_t.drop(columns=label, errors="ignore")
    features = TableFeatures().fit(pd.concat(frames.values(), ignore_index=True), rows_t)
    pairs = {
        name: (features.transform(frame), labels[name].dropna()) for name, frame in frames.items()
    }
    return rank_sources(pairs, features.transform(rows_t), labels_t, task=task, random_state=seed)


def show_ranking(console: Any, found: Any) -> None:
    """The order, how sure it is, and the figures."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from landbridge.cli.lines import bullet, heading
    from landbridge.report.words import number, share, spoken

    heading(console, f"Sources by {spoken(found.by)}")
    console.print(Text(found.statement, style="bold"))
    for note in found.notes:
        bullet(console, note)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("source", overflow="fold", min_width=10)
    measures = [key for key in found.table if key not in ("rank", "name", "low", "high", "first")]
    for name in (*map(spoken, measures), "interval", "first"):
        table.add_column(name, justify="right")
    for row in found.to_dict()["rows"]:
        figures = [number(row[key]) for key in measures]
        between = f"{number(row['low'])} to {number(row['high'])}"
        table.add_row(Text(row["name"]), *figures, between, share(row["first"]))
    console.print(table)
