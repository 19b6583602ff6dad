"""The commands. Each imports what it needs when it runs: ``--help`` needs none of it."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from landbridge.cli import options
from landbridge.cli.failures import explained
from landbridge.cli.image import image_app
from landbridge.cli.outcome import deliver, finish, print_json
from landbridge.cli.progress import progress_bars
from landbridge.cli.ranking import rank
from landbridge.cli.recommend import recommend_app
from landbridge.cli.text import text_app

app = typer.Typer(
    name="landbridge",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # paragraphs fill the lines, wherever those of the code end
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Carry what was learned in a source table over to a target table, and see whether it "
    "helped.",
)
data_app = typer.Typer(no_args_is_help=True, help="Data sets that are known by name.")
app.add_typer(data_app, name="data")
app.add_typer(image_app, name="image")
app.add_typer(recommend_app, name="recommend")
app.add_typer(text_app, name="text")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"landbridge {version('landbridge')}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for the results.")
    ] = Path("landbridge-demo"),
    seed: options.Seed = None,
    jobs: options.Jobs = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Run on handwritten digits, from some writers to others.

    Five labels a class are known in the target; half of its other rows are kept from all models,
    and show in the end how each really does.
    """
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.blas import one_blas_thread
        from landbridge.cli.demo import run_demo
        from landbridge.cli.inputs import check_folder
        from landbridge.cli.screen import show_demo
        from landbridge.cli.settings import command_of, read_settings

        given = read_settings(None, {"output": str(output), "seed": seed, "jobs": jobs})
        check_folder(output)
        with progress_bars(not (quiet or as_json)) as progress, one_blas_thread():
            command = command_of("demo", given)
            outcome = run_demo(given.seed, given.jobs, command, progress)
            written = outcome.save(output)
        finish(outcome.results, written, show_demo, as_json, quiet)


@app.command()
def check(
    source: options.Source = None,
    target: options.Target = None,
    label: options.Label = None,
    task: options.Task = None,
    seed: options.Seed = None,
    config: options.Config = None,
    output: options.Output = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Say how two tables differ, before anything is carried over.

    With --output also writes report.html and results.json.
    """
    with explained(debug=debug, quiet=quiet):
        from landbridge import job
        from landbridge.cli.blas import one_blas_thread
        from landbridge.cli.inputs import check_folder, problem_of
        from landbridge.cli.screen import show_check
        from landbridge.cli.settings import command_of, read_settings

        typed = {"source": source, "target": target, "label": label, "task": task, "seed": seed}
        settings = read_settings(config, typed | {"output": _text(output)})
        if settings.output:
            check_folder(Path(settings.output))
        with progress_bars(not (quiet or as_json)) as progress, one_blas_thread():
            progress("Comparing the tables", 0, 0)
            command = command_of("check", settings)
            outcome = job.check(**problem_of(settings), seed=settings.seed, command=command)
            written = outcome.save(settings.output) if settings.output else {}
        finish(outcome.results, written, show_check, as_json, quiet)


app.command()(rank)


@app.command()
def run(
    source: options.Source = None,
    target: options.Target = None,
    label: options.Label = None,
    task: options.Task = None,
    seed: options.Seed = None,
    config: options.Config = None,
    learner: options.Learner = None,
    candidates: options.Candidates = None,
    metric: options.Metric = None,
    folds: options.Folds = None,
    repeats: options.Repeats = None,
    level: options.Level = None,
    budget: options.Budget = None,
    jobs: options.Jobs = None,
    output: options.Output = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Take the three steps, and judge whether transfer helps.

    Writes model.landbridge, report.html and results.json to the folder of --output. The model is
    the one that the guard chose: a transfer only where it is better beyond the noise.
    """
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.screen import show_run
        from landbridge.cli.settings import read_settings

        typed = {"source": source, "target": target, "label": label, "task": task, "seed": seed}
        compared = {"learner": learner, "candidates": candidates, "metric": metric, "folds": folds}
        judged = {"repeats": repeats, "level": level, "budget": budget, "jobs": jobs}
        written_to = {"output": _text(output)}
        settings = read_settings(config, typed | compared | judged | written_to)
        outcome, written = _run(settings, shows_progress=not (quiet or as_json))
        finish(outcome.results, written, show_run, as_json, quiet)


def _run(settings: Any, shows_progress: bool) -> tuple[Any, dict[str, Path]]:
    from landbridge import job
    from landbridge.cli.blas import one_blas_thread
    from landbridge.cli.inputs import check_folder, problem_of
    from landbridge.cli.settings import command_of
    from landbridge.evidence.verdict.comparison import ALL

    if settings.output is None:
        raise ValueError("Give the folder to write to: --output FOLDER.")
    check_folder(Path(settings.output))
    with progress_bars(shows_progress) as progress, one_blas_thread():
        outcome = job.run(
            **problem_of(settings),
            learner=settings.learner,
            candidates=ALL if settings.candidates == [ALL] else settings.candidates,
            metric=settings.metric,
            n_folds=settings.folds,
            n_repeats=settings.repeats,
            level=settings.level,
            budget=settings.budget,
            seed=settings.seed,
            n_jobs=settings.jobs,
            command=command_of("run", settings),
            progress=progress,
        )
        return outcome, outcome.save(settings.output)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A model.landbridge that run has written.")],
    table: Annotated[str, typer.Argument(metavar="FILE", help="The rows: a file, or name:domain.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A CSV file, instead of stdout.", show_default=False),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Predict the label of each row of a table, with probabilities where the model has them."""
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.inputs import check_folder
        from landbridge.cli.predicting import predictions

        if output is not None:
            check_folder(output.absolute().parent)
        found = predictions(model, table)
        deliver(found, output, as_json, quiet)


@app.command()
def mappings(as_json: options.Json = False) -> None:
    """List the mappings, target learners and learners."""
    with explained():
        from landbridge.cli.listing import catalogue, show_catalogue

        rows = catalogue()
        print_json(rows) if as_json else show_catalogue(Console(), rows)


@data_app.command("list")
def list_data(as_json: options.Json = False) -> None:
    """List the data sets, with their terms and where they are."""
    with explained():
        from landbridge.cli.listing import data_sets, show_data_sets

        rows = data_sets()
        print_json(rows) if as_json else show_data_sets(Console(), rows)


@data_app.command("fetch")
def fetch_data(
    name: Annotated[str, typer.Argument(help="A name in: landbridge data list.")],
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Find or download the files of a data set, and verify their checksums."""
    with explained(debug=debug, quiet=quiet):
        from landbridge.domains import fetch

        with progress_bars(not (quiet or as_json)) as progress:
            progress(f"Fetching {name}", 0, 0)
            paths = [str(path) for path in fetch(name)]
        if as_json:
            print_json(paths)
        elif not quiet:
            typer.echo("\n".join(paths) or f"{name} comes with scikit-learn.")


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
