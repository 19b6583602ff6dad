"""The pages made of the code: ``docs/command-line.md`` of ``--help``, ``docs/mappings.md``."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from landbridge.cli.app import app
from landbridge.cli.listing import KINDS, catalogue

HEADER = """# The command line

<!-- Made from --help: python -m landbridge.cli.reference command-line > docs/command-line.md -->

{about}

`SOURCE`, `TARGET` and `FILE` are files (CSV and its kin, Parquet, Feather, NPZ, NPY, MAT,
svmlight) or domains of a data set, such as `heart_disease:cleveland`. Messages, warnings and
progress go to stderr. Exit codes: 0 done, 1 unexpected trouble such as a full disk, 2 wrong usage
or input, 130 interrupted. Results are written when all is done, or not at all.

`results.json` holds every number of the report; `landbridge/results.schema.json` describes it.

## A file of options

`run` and `check` take `--config FILE.yaml`, with the options below as keys; those given on the
command line come first. Paths are seen from the folder where the command runs.

```yaml
source: patients_a.csv
target: patients_b.csv
label: disease
candidates: [coral, monge+stacking]
folds: 5
output: results
```
"""
_PROGRAM = "landbridge"
MAPPINGS_HEADER = """# The mappings

<!-- Made from the catalogue: python -m landbridge.cli.reference mappings > docs/mappings.md -->

Every way to carry a source over, by the name that `Transfer(mapping="...")`, `landbridge.MAPPINGS`
and the command line take. *Labels* says in which domain rows must have labels to find the map;
*cost* is that of fitting, with n rows, d features, k components, m kernel features and C classes.
"""
TABLE = ("| name | what it does | labels | cost | use it for |", "|---|---|---|---|---|")


def command_line_page() -> str:
    """The page as Markdown: each command with its arguments and options."""
    root = typer.main.get_command(app)
    parts = [HEADER.format(about=_about(root)), *_sections(root, _PROGRAM)]
    return "\n".join(parts).rstrip() + "\n"


def mappings_page() -> str:
    """The catalogue as Markdown: a table for each kind of mapping."""
    parts = [MAPPINGS_HEADER]
    for kind, about in KINDS.items():
        rows = [row for row in catalogue()["mappings"] if row["kind"] == kind]
        parts += [
            f"## Mappings that {about}",
            "",
            "| name | what it does | labels | cost | use it for |",
        ]
        parts += ["|---|---|---|---|---|", *(_mapping(row) for row in rows), ""]
    return "\n".join(parts).rstrip() + "\n"


def _mapping(row: dict[str, Any]) -> str:
    does = row["does"] + (f" {row['paper']}." if row["paper"] else "")
    cells = (f"`{row['name']}` `{row['class']}`", does, row["labels"], row["cost"], row["when"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _sections(group: Any, path: str) -> list[str]:
    parts: list[str] = []
    for name, command in group.commands.items():
        whole = f"{path} {name}"
        is_group = isinstance(command, TyperGroup)
        parts += _sections(command, whole) if is_group else [_section(command, whole)]
    return parts


def _section(command: Any, path: str) -> str:
    shown = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join([path, *(_argument(param) for param in shown), "[OPTIONS]"])
    rows = [f"| {_names(param)} | {_help(param)} |" for param in command.params]
    table = ["| | |", "|---|---|", *rows] if rows else []
    return "\n".join([f"## {path}", "", f"`{usage}`", "", _about(command), "", *table, ""])


def _about(command: Any) -> str:
    return (command.help or "").strip()


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_argument(param)}`"
    return ", ".join(f"`{name}`" for name in sorted(param.opts, key=len))


def _argument(param: Any) -> str:
    return param.metavar or param.name.upper()


def _help(param: Any) -> str:
    is_told = param.default is None or isinstance(param.default, bool) or not param.show_default
    return param.help if is_told else f"{param.help} Default: `{param.default}`."


PAGES = {"command-line": command_line_page, "mappings": mappings_page}

if __name__ == "__main__":
    typer.echo(PAGES[sys.argv[1]](), nl=False)
