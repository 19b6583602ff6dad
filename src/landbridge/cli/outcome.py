"""How every command ends: what was found on the screen or as JSON, predictions, the way back."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from landbridge.cli.failures import show_warnings


def finish(
    results: dict[str, Any], written: dict[str, Path], show: Any, as_json: bool, quiet: bool
) -> None:
    """Say what was found, in the way that was asked for."""
    if not quiet:
        show_warnings(results["warnings"])
    if as_json:
        print_json(results)
    elif not quiet:
        from landbridge.cli.screen import show_files

        show(Console(), results)
        show_files(Console(), written)


def deliver(found: Any, output: Path | None, as_json: bool, quiet: bool) -> None:
    """Predictions, a table, to a file or to stdout."""
    if output is not None:
        from landbridge.cli.predicting import write_csv

        write_csv(found, output)
    if as_json:
        typer.echo(found.to_json(orient="records"))
    elif output is None:
        typer.echo(found.to_csv(index=False), nl=False)
    elif not quiet:
        typer.echo(f"{len(found)} predictions in {output}")


def print_json(value: Any) -> None:
    """Plain data on stdout."""
    typer.echo(json.dumps(value, indent=1, allow_nan=False))


def split_names(names: str | None) -> list[str] | None:
    """Names that were given with commas between them."""
    return None if names is None else [name.strip() for name in names.split(",") if name.strip()]


def command_again(words: list[Any], given: dict[str, Any], usual: Mapping[str, Any]) -> str:
    """The command line that does the same once more, without what is usual."""
    line = ["landbridge", *map(str, words)]
    for name, value in given.items():
        if value is not None and usual.get(name) != value:
            option = name.removeprefix("n_").replace("_", "-")
            line += [f"--{option}", ",".join(value) if isinstance(value, list) else str(value)]
    return shlex.join(line)
