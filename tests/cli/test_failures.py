import errno
import warnings

import pytest
import typer

from landbridge.cli.failures import explained, show_warnings


def ending(error, **options):
    with pytest.raises(typer.Exit) as caught, explained(**options):
        raise error
    return caught.value.exit_code


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("x is odd."), 2, "Error: x is odd.\n"),
        (KeyError("no such set"), 2, "Error: no such set\n"),
        (FileNotFoundError("There is no file a."), 2, "Error: There is no file a.\n"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), 2, "Permission denied: a\n"),
        (OSError(errno.ENOSPC, "Disk full"), 1, "Error: Disk full. Nothing was written.\n"),
        (OSError("No way to it."), 1, "Error: No way to it. Nothing was written.\n"),
        (RuntimeError("It broke."), 1, "(RuntimeError): It broke. --debug"),
        (ZeroDivisionError("by zero"), 1, "unexpected (ZeroDivisionError): by zero. --debug"),
        (KeyboardInterrupt(), 130, "Interrupted: nothing was written.\n"),
    ],
)
def test_an_error_is_a_message_and_a_code(capsys, error, code, message):
    assert ending(error) == code
    assert message in capsys.readouterr().err


def test_debug_lets_the_error_through():
    with pytest.raises(ValueError, match="odd"), explained(debug=True):
        raise ValueError("odd")


def test_an_exit_passes():
    assert ending(typer.Exit(3)) == 3


def test_warnings_are_lines_and_said_once(capsys):
    with explained():
        warnings.warn("two\nlines", stacklevel=1)
        warnings.warn("two\nlines", stacklevel=1)
        warnings.warn("not for users", DeprecationWarning, stacklevel=1)
    assert capsys.readouterr().err == "Warning: two lines\n"


def test_warnings_are_said_before_an_error(capsys):
    with pytest.raises(typer.Exit), explained():
        warnings.warn("odd", stacklevel=1)
        raise ValueError("wrong")
    assert capsys.readouterr().err == "Warning: odd\nError: wrong\n"


def test_quiet_leaves_warnings_unsaid(capsys):
    with explained(quiet=True):
        warnings.warn("odd", stacklevel=1)
    assert capsys.readouterr().err == ""


def test_a_long_warning_is_shortened(capsys):
    show_warnings(["word " * 100])
    assert len(capsys.readouterr().err) < 220
