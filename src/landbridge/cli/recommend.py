"""``landbridge recommend``: one shop's users carried over to another shop."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from landbridge.cli import options
from landbridge.cli.failures import explained
from landbridge.cli.outcome import command_again, finish, split_names
from landbridge.cli.progress import progress_bars

recommend_app = typer.Typer(
    no_args_is_help=True, help="Recommendation: from one shop's users to another's."
)
User = Annotated[str, typer.Option("--user", help="The column with the users.")]
Item = Annotated[str, typer.Option("--item", help="The column with the items.")]


USUAL = {
    "feedback": "auto",
    "duplicates": "mean",
    "n_folds": 5,
    "max_users": 2000,
    "negatives": "all",
    "seed": 0,
}
"""What need not be said again."""


@recommend_app.command()
def run(
    source: Annotated[Path, typer.Argument(help="The interactions in the source shop: a file.")],
    target: Annotated[Path, typer.Argument(help="Those in the target shop: a file.")],
    user: User,
    item: Item,
    rating: Annotated[
        str | None,
        typer.Option(
            help="The column with ratings; without it each row is one interaction.",
            show_default=False,
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="The column with numbers or dates; adds a split in time.", show_default=False
        ),
    ] = None,
    item_features: Annotated[
        Path | None,
        typer.Option(
            help="A file with a row for each item of both shops: genres (A|B), title, numbers.",
            show_default=False,
        ),
    ] = None,
    mappings: Annotated[
        str | None,
        typer.Option(
            help="Such as bias,ridge,personal; by default all that can be tried.",
            show_default=False,
        ),
    ] = None,
    feedback: Annotated[
        str, typer.Option(help="auto, ratings or implicit: what the entries are.")
    ] = "auto",
    duplicates: Annotated[
        str, typer.Option(help="mean, last or refuse: what becomes of repeated ratings.")
    ] = "mean",
    folds: Annotated[
        int, typer.Option(help="Parts of the users in both, each hidden from the target once.")
    ] = 5,
    max_users: Annotated[int, typer.Option(help="Users to hide and predict, at most.")] = 2000,
    negatives: Annotated[
        int | None,
        typer.Option(
            help="Rank what a user took among so many others, drawn by popularity; all items "
            "by default.",
            show_default=False,
        ),
    ] = None,
    seed: options.Seed = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for the results.")
    ] = Path("landbridge-recommend"),
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Carry users over, and judge on hidden ones whether that beats doing without.

    Writes model.landbridge, report.html and results.json. The model is the map that the guard
    lets pass; where none does, new users get what the average user likes.
    """
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.blas import one_blas_thread
        from landbridge.cli.inputs import check_folder
        from landbridge.kits.recommend import run_recommend

        check_folder(output)
        given: dict[str, Any] = {
            "user": user,
            "item": item,
            "rating": rating,
            "time": time,
            "item_features": item_features,
            "mappings": split_names(mappings),
            "feedback": feedback,
            "duplicates": duplicates,
            "n_folds": folds,
            "max_users": max_users,
            "negatives": "all" if negatives is None else negatives,
            "seed": seed or 0,
        }
        with progress_bars(not (quiet or as_json)) as progress, one_blas_thread():
            command = command_again(
                ["recommend", "run", source, target], {**given, "output": output}, USUAL
            )
            outcome = run_recommend(source, target, **given, command=command, progress=progress)
            written = outcome.save(output)
        finish(outcome.results, written, _show, as_json, quiet)


@recommend_app.command()
def top(
    model: Annotated[Path, typer.Argument(help="A model.landbridge that run has written.")],
    user: Annotated[str, typer.Option("--user", help="Whom to recommend to.")],
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    seen: Annotated[
        bool, typer.Option("--seen", help="Also what the user has had in the target.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """List the items with the highest prediction for a user, best first."""
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.inputs import model_of
        from landbridge.kits.recommend import CrossDomainRecommender

        instead = "expected a model of landbridge recommend run."
        fitted = model_of(model, CrossDomainRecommender, instead)
        found = fitted.recommend(user, k, new_only=not seen)
        if as_json:
            typer.echo(found.to_json(orient="records"))
        else:
            typer.echo(found.to_csv(index=False), nl=False)


def _show(console: Console, results: dict[str, Any]) -> None:
    """Both shops, every model on new users, and the verdict."""
    from landbridge.cli.lines import bullet, heading, small
    from landbridge.cli.screen import leaderboard_table, show_verdict
    from landbridge.kits.recommend.job import LATER

    heading(console, "The shops")
    for side in ("source", "target"):
        for note in results["data"][side]["notes"]:
            bullet(console, f"{side}: {note}")
    for note in results["data"]["notes"]:
        bullet(console, note)
    board = results["leaderboard"]
    who = "items" if results["settings"]["over"] == "items" else "users"
    new = f"New {who}"
    if board is not None:
        heading(console, f"{new}: {board['metric']}")
        console.print(leaderboard_table(board["rows"]))
        better = "larger" if board["greater_is_better"] else "smaller"
        small(console, f"→ chosen by the guard; {better} is better, a gain above 0 always.")
        baseline = results["verdict"]["baseline"]
        small(console, f"Gain over {baseline}; 95 % intervals over {who}.")
    for table in results["tables"]:
        if table["title"] in (new, LATER):
            heading(console, f"{table['title']}: all measures")
            console.print(_measures(table))
            small(console, "The report has their intervals.")
    show_verdict(console, results["verdict"])


def _measures(table: dict[str, Any]) -> Any:
    """A table of the report without its intervals, which would be wider than a screen."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, header_style="bold")
    shown.add_column("model")
    for name in table["columns"][1:]:
        shown.add_column(name, justify="right")
    for name, *cells in table["rows"]:
        shown.add_row(name, *(cell.partition(" ")[0] for cell in cells))
    return shown
