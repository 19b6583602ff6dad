"""How a command ends: warnings as short lines, errors as one message and an exit code."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from textwrap import shorten

import typer

UNEXPECTED, BAD_INPUT, INTERRUPTED = 1, 2, 130
WARNING_WIDTH = 200

_BAD_INPUT = (
    ValueError,
    TypeError,
    KeyError,
    ImportError,
    FileNotFoundError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,
)
_UNREMARKABLE = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


@contextmanager
def explained(*, debug: bool = False, quiet: bool = False) -> Iterator[None]:
    """Run a command so that whoever typed it understands how it ended.

    Warnings are shown when it is done, each once. An error is one message on stderr, and exit
    code 2 for what was asked or given, 1 for anything else, 130 for Ctrl-C.

    Parameters
    ----------
    debug : bool
        Let errors through, for their traceback.
    quiet : bool
        Whether warnings go unsaid.
    """
    try:
        with _voiced(quiet):
            yield
    except KeyboardInterrupt:
        _end("Interrupted: nothing was written.", INTERRUPTED)
    except (typer.Exit, BrokenPipeError):
        raise
    except Exception as error:
        if debug:
            raise
        _end(*_account(error))


@contextmanager
def _voiced(quiet: bool) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            if not quiet:
                show_warnings(str(w.message) for w in caught if _is_remarkable(w))


def show_warnings(messages: Iterable[str]) -> None:
    """Each different message on one line of stderr."""
    for message in dict.fromkeys(messages):
        typer.secho(f"Warning: {shorten(message, WARNING_WIDTH)}", err=True, fg="yellow")


def _is_remarkable(warning: warnings.WarningMessage) -> bool:
    return not issubclass(warning.category, (*_UNREMARKABLE, FutureWarning))


def _account(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    else:
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, _BAD_INPUT):
        return f"Error: {text}", BAD_INPUT
    text = text.rstrip(".")  # what follows is a sentence of its own
    if isinstance(error, OSError):
        return f"Error: {text}. Nothing was written.", UNEXPECTED
    kind = type(error).__name__
    return f"Error, unexpected ({kind}): {text}. --debug shows where it arose.", UNEXPECTED


def _end(message: str, code: int) -> None:
    typer.secho(message, err=True, fg="red")
    raise typer.Exit(code) from None
