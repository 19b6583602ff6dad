"""``landbridge text``: the three steps on texts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from landbridge.cli import options
from landbridge.cli.failures import explained
from landbridge.cli.outcome import command_again, deliver, finish, split_names
from landbridge.cli.progress import progress_bars

text_app = typer.Typer(
    no_args_is_help=True, help="Texts: from labelled ones of one kind to those of another."
)
Column = Annotated[
    str, typer.Option("--text", help="The column of texts, as the first line has it.")
]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="Of text files, such as utf-8 or cp1252; found out by default.", show_default=False
    ),
]


@text_app.command()
def run(
    source: Annotated[Path, typer.Argument(help="The table with labelled texts.")],
    target: Annotated[Path, typer.Argument(help="The table with few labels or none.")],
    text: Column,
    label: Annotated[str, typer.Option("--label", "-l", help="The column to predict.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for the results.")
    ] = Path("landbridge-text"),
    encoding: Encoding = None,
    candidates: Annotated[
        str | None,
        typer.Option(help="Mappings to compare; scl,mda by default.", show_default=False),
    ] = None,
    metric: options.Metric = None,
    folds: options.Folds = None,
    repeats: Annotated[
        int | None,
        typer.Option(help="How often they are split anew, once by default.", show_default=False),
    ] = None,
    seed: options.Seed = None,
    jobs: options.Jobs = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Learn from the texts of one table, label those of another, and see whether it helped.

    Writes model.landbridge, report.html and results.json. With six labelled target texts or more
    the guard chooses; without, a mapping is chosen by what can be seen, and the report says so.
    """
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.blas import one_blas_thread
        from landbridge.cli.inputs import check_folder
        from landbridge.cli.screen import show_run
        from landbridge.kits.text import run_texts

        check_folder(output)
        given: dict[str, Any] = {
            "candidates": split_names(candidates),
            "metric": metric,
            "n_folds": folds,
            "n_repeats": repeats,
            "seed": seed,
            "n_jobs": jobs,
            "encoding": encoding,
        }
        with progress_bars(not (quiet or as_json)) as progress, one_blas_thread():
            outcome = run_texts(
                source,
                target,
                text=text,
                label=label,
                command=command_again(
                    ["text", "run", source, target],
                    {"text": text, "label": label, "output": output, **given},
                    {},
                ),
                progress=progress,
                **{name: value for name, value in given.items() if value is not None},
            )
            written = outcome.save(output)
        finish(outcome.results, written, show_run, as_json, quiet)


@text_app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A model.landbridge that text run has written.")],
    table: Annotated[Path, typer.Argument(metavar="FILE", help="The table with texts.")],
    text: Annotated[
        str | None,
        typer.Option(help="The column of texts; as in text run by default.", show_default=False),
    ] = None,
    encoding: Encoding = None,
    words: Annotated[
        int, typer.Option(help="How many words that decided each to name; that takes time.")
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A CSV file, instead of stdout.", show_default=False),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Label each text of a table, with probabilities, and the words that decided if asked."""
    with explained(debug=debug, quiet=quiet):
        from landbridge.cli.inputs import check_folder, model_of
        from landbridge.kits.text import TextModel, read_texts

        if output is not None:
            check_folder(output.absolute().parent)
        loaded = model_of(model, TextModel, "give one that landbridge text run has written.")
        column = text or loaded.text
        read = read_texts(table, text=column, name=table.name, encoding=encoding)
        found = loaded.predict(read.texts, words)
        deliver(found, output, as_json, quiet)
