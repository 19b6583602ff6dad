"""The arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

_MODEL, _SCREEN = "The comparison", "Output"

Source = Annotated[
    str | None,
    typer.Argument(
        help="The labelled table: a file, or name:domain of a data set.", show_default=False
    ),
]
Target = Annotated[
    str | None,
    typer.Argument(
        help="The table with few labels or none: a file, or name:domain.", show_default=False
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label",
        "-l",
        help="The column to predict; a data set has one by default.",
        show_default=False,
    ),
]
Task = Annotated[
    str | None,
    typer.Option(
        help="classification or regression; read off the labels by default.", show_default=False
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        help="A YAML file with any of these options; options given here come first.",
        show_default=False,
    ),
]
Learner = Annotated[
    str | None,
    typer.Option(
        help="What learns in either domain; logistic or ridge by default. See: mappings.",
        rich_help_panel=_MODEL,
        show_default=False,
    ),
]
Candidates = Annotated[
    str | None,
    typer.Option(
        help="Transfers to compare, such as coral,monge+stacking, or all; by default a few to try "
        "first, and all with a budget.",
        rich_help_panel=_MODEL,
        show_default=False,
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="A scikit-learn scorer; balanced_accuracy or neg_root_mean_squared_error by default.",
        rich_help_panel=_MODEL,
        show_default=False,
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        help="Folds of the labelled target rows, 5 by default.",
        rich_help_panel=_MODEL,
        show_default=False,
    ),
]
Repeats = Annotated[
    int | None,
    typer.Option(
        help="How often they are split anew, 4 by default.",
        rich_help_panel=_MODEL,
        show_default=False,
    ),
]
Level = Annotated[
    float | None,
    typer.Option(
        help="Level at which the guard lets a transfer pass, 0.05 by default.",
        rich_help_panel=_MODEL,
        show_default=False,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        help="Time to spend, such as 90s, 5m or 1h: tries the whole catalogue, and adds what more "
        "labels are worth and which source rows help.",
        rich_help_panel=_MODEL,
        show_default=False,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Processes, 1 by default: more pay off on large tables or slow learners.",
        rich_help_panel=_MODEL,
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(help="Seed of all that is drawn, 0 by default.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The folder for the results; made when they are complete.",
        rich_help_panel=_SCREEN,
        show_default=False,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print the results as JSON, alone.", rich_help_panel=_SCREEN),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print nothing but errors.", rich_help_panel=_SCREEN),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=_SCREEN),
]
