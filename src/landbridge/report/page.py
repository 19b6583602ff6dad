"""The page itself: results in, one HTML file out."""

import os
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from landbridge.report import words
from landbridge.report.facts import page_facts
from landbridge.saving import write_beside

SCHEMA = "landbridge.results/1"


def render_report(results: dict[str, Any]) -> str:
    """The report as one HTML page: no network, no other file, light and dark, printable.

    Parameters
    ----------
    results : dict
        The content of a run's ``results.json``. Any block may be missing or ``None``; the page
        then says what was not part of the run.

    Raises
    ------
    TypeError
        If ``results`` is not a dict.
    ValueError
        If ``results`` has a schema that this version does not read.

    Examples
    --------
    >>> from landbridge.report import render_report
    >>> page = render_report({"verdict": {"outcome": "helps", "sentence": "Transfer helps."}})
    >>> page.startswith("<!doctype html>"), "Transfer helps." in page
    (True, True)
    """
    _check(results)
    return _environment().get_template("report.html.j2").render(page_facts(results))


def write_report(results: dict[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write the report to ``path`` and return that path; on an error nothing is left behind.

    Parameters
    ----------
    results : dict
        As for `render_report`.
    path : str or path
        The HTML file to write, its folder made where needed; an older file there is replaced in
        one step.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from landbridge.report import write_report
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report({"warnings": []}, Path(folder) / "report.html").name
    'report.html'
    """
    path = Path(path)
    page = render_report(results)
    with write_beside(path) as file:
        file.write(page.encode())
    return path


def _check(results: dict[str, Any]) -> None:
    if not isinstance(results, dict):
        raise TypeError(
            f"results must be a dict, found {type(results).__name__}: "
            "give the content of results.json, as json.load returns it."
        )
    schema = results.get("schema") or SCHEMA
    if schema != SCHEMA:
        raise ValueError(
            f"results has the schema {schema!r}, but this version reads {SCHEMA!r}: "
            "render it with the landbridge that wrote it, or run the job again."
        )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("landbridge.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= words.FILTERS
    return environment
