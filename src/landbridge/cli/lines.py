"""Lines of text on a terminal, wrapped at its width without blanks at their ends."""

from textwrap import fill

from rich.console import Console
from rich.text import Text


def heading(console: Console, text: str) -> None:
    """A line in bold after an empty one."""
    console.print(Text(f"\n{text}", style="bold"))


def bullet(console: Console, text: str, style: str = "") -> None:
    """A point of a list."""
    console.print(Text(_wrapped(console, text, "· ", "  "), style=style))


def indented(console: Console, text: str, style: str = "") -> None:
    """A paragraph set in by four blanks."""
    console.print(Text(_wrapped(console, text, "    ", "    "), style=style))


def small(console: Console, text: str) -> None:
    """A remark."""
    console.print(Text(text, style="dim"))


def _wrapped(console: Console, text: str, first: str, rest: str) -> str:
    width = console.width
    return fill(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
