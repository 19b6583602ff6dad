"""The command line: what the library does, on files, with what was found on the screen.

``app`` has the commands and nothing else; each reads its settings (``settings``), loads its
tables (``inputs``), calls the job and shows the outcome (``screen``). Nothing heavy is imported
before a command runs, so that ``landbridge --help`` answers at once.
"""

import sys


def main() -> None:
    """The entry point ``landbridge``."""
    from landbridge.cli.app import app

    try:
        app()
    except KeyboardInterrupt:  # before or after a command, which sees to its own
        sys.exit(130)
