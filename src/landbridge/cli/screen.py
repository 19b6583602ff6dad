"""What a job found, on a terminal of eighty columns."""

from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from landbridge.cli.lines import bullet, heading, small
from landbridge.report.words import count, number, p_value, share, signed, spoken

N_FEATURES = 8
N_NOTES = 6
HUGE = 1e7
CHOSEN = "→"


def show_check(console: Console, results: dict[str, Any]) -> None:
    """The diagnosis in sentences, what to try, and the features that differ most."""
    show_data(console, results["data"])
    heading(console, "How the domains differ")
    for statement in results["shift"]["statements"]:
        bullet(console, statement)
    heading(console, "What to try")
    for advice in results["shift"]["advice"]:
        bullet(console, advice["sentence"])
    console.print(feature_table(results["shift"]["features"]))


def show_run(console: Console, results: dict[str, Any]) -> None:
    """The leaderboard and the verdict."""
    show_data(console, results["data"])
    show_leaderboard(console, results)
    show_verdict(console, results["verdict"])
    show_worth(console, results)


def show_demo(console: Console, results: dict[str, Any]) -> None:
    """The same as of a run, beside how each model does on rows that none of them saw."""
    held_out = results["held_out"]
    unseen = {name: number(one["score"]) for name, one in held_out["models"].items()}
    show_data(console, results["data"])
    show_leaderboard(console, results, {"unseen": unseen})
    small(console, f"unseen: accuracy on {held_out['n']} target rows kept from every model.")
    show_verdict(console, results["verdict"])
    chosen = held_out["models"][results["verdict"]["chosen"]]
    bullet(
        console,
        f"On the {held_out['n']} unseen rows the chosen model is right in "
        f"{share(chosen['score'])} (95 % interval {share(chosen['low'])} to "
        f"{share(chosen['high'])}).",
    )


def show_data(console: Console, data: dict[str, Any]) -> None:
    """Both tables in a line each, and what was done to them."""
    grid = Table.grid(padding=(0, 2))
    for side in ("source", "target"):
        table = data[side]
        rows = f"{count(table['rows'])} rows, {count(table['labelled'])} labelled"
        grid.add_row(Text(side, style="bold"), Text(table["name"]), rows)
    console.print()
    console.print(grid)
    features = data["features"]
    used = f"{count(features['made'])} features"
    if features["used"] is not None:
        columns = "1 column makes" if features["used"] == 1 else f"{features['used']} columns make"
        used = f"{columns} {used}"
    console.print(Text(f"{data['task']} of {data['label']}; {used}", style="dim"))
    for note in data["notes"][:N_NOTES]:
        bullet(console, note, style="dim")
    if len(data["notes"]) > N_NOTES:
        bullet(console, f"{len(data['notes']) - N_NOTES} more notes in results.json", style="dim")


def show_leaderboard(
    console: Console, results: dict[str, Any], extra: MappingOf[str, MappingOf[str, str]] = {}
) -> None:
    """Every model, best first; ``extra`` has further columns: their text by model."""
    board = results["leaderboard"]
    scored = [row for row in board["rows"] if row["score"] is not None]
    if scored:
        heading(console, f"Leaderboard: {spoken(board['metric'])}")
        console.print(leaderboard_table(scored, extra))
        baseline = results["verdict"]["baseline"]
        folds = (
            f"{board['folds']} folds × {board['repeats']} of {board['n_labelled']} labelled rows"
        )
        small(console, f"{CHOSEN} chosen by the guard. {folds}; larger is better.")
        small(console, f"Gain over {baseline}; 95 % intervals; p adjusted for all candidates.")
    for row in board["rows"]:
        if row["error"]:
            bullet(console, f"{row['name']} has no score: {row['error']}", style="yellow")
        elif row.get("dropped"):
            bullet(console, f"{row['name']}: {row['dropped']}", style="dim")


def leaderboard_table(
    rows: list[dict[str, Any]], extra: MappingOf[str, MappingOf[str, str]] = {}
) -> Table:
    """The leaderboard as a table."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("model", overflow="fold", min_width=10)
    for name in ("score", "interval", "gain", "p", *extra):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        is_baseline = row["role"] == "baseline"
        cells = [
            figure(row["score"]),
            f"{figure(row['low'])} to {figure(row['high'])}",
            signed(row["gain"]) if abs(row["gain"]) < HUGE else figure(row["gain"]),
            "baseline" if is_baseline else p_value(row["p_value"]),
            *(column.get(row["name"], "") for column in extra.values()),
        ]
        mark = CHOSEN if row["chosen"] else ""
        style = "bold green" if row["chosen"] else "cyan" if is_baseline else ""
        table.add_row(mark, Text(row["name"]), *cells, style=style)
    return table


def figure(value: float) -> str:
    """A number in few characters, however large it is.

    Examples
    --------
    >>> from landbridge.cli.screen import figure
    >>> figure(0.8126), figure(-1.2345e21)
    ('0.813', '-1.2e+21')
    """
    return number(value) if abs(value) < HUGE else f"{value:.1e}"


def show_verdict(console: Console, verdict: dict[str, Any]) -> None:
    """The verdict in a sentence, and what it rests on."""
    heading(console, "Verdict")
    console.print(Text(verdict["sentence"], style="bold"))
    for detail in verdict["details"]:
        bullet(console, detail)


def show_worth(console: Console, results: dict[str, Any]) -> None:
    """What more labels would bring, and which groups of source rows help or hurt."""
    curve, influence = results.get("learning_curve"), results.get("influence")
    if curve:
        heading(console, "What more labels are worth")
        for one in curve.get("worth", []):
            interval = f"{signed(one['mean'])}, {signed(one['low'])} to {signed(one['high'])}"
            said = f"not known, {one['reason']}" if one["reason"] else interval
            bullet(console, f"{count(one['more'])} more for {one['model']}: {said}")
        _show_reason(console, curve)
    if influence:
        heading(console, "Which source rows help")
        for row in influence["rows"]:
            effect = signed(row["effect"]) if row["error"] is None else row["error"]
            bullet(console, f"{row['group']} ({count(row['rows'])} rows): {effect}")
        _show_reason(console, influence)


def _show_reason(console: Console, block: dict[str, Any]) -> None:
    """Why there is nothing, or only a part."""
    if block["reason"]:
        known = "Not all is known" if block["rows"] else "Not known"
        bullet(console, f"{known}: {block['reason']}.")


def feature_table(features: list[dict[str, Any]]) -> Table:
    """The features that differ most, each with its effect size."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("feature", overflow="ellipsis", no_wrap=True, max_width=30)
    table.add_column("kind")
    for name in ("effect", "adjusted p", "missing, source", "target"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in features[:N_FEATURES]:
        missing = share(row["missing_source"]), share(row["missing_target"])
        effect, p = number(row["effect"]), p_value(row["p_adjusted"])
        table.add_row(Text(row["name"]), row["kind"], effect, p, *missing)
    n_more = len(features) - N_FEATURES
    table.caption = f"and {n_more} more" if n_more > 0 else None
    table.caption_justify = "left"
    return table


def show_files(console: Console, written: MappingOf[str, Path]) -> None:
    """Where the files lie, a path a line that can be copied."""
    console.print()
    for what in ("report", "results", "model"):
        if what in written:
            console.print(
                Text(f"{what:<9}", style="bold"), Text(str(written[what])), soft_wrap=True
            )
