"""What a command is asked to do: the options, those of a YAML file beneath them, all checked."""

import shlex
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from landbridge.domains.wording import listed, nearest
from landbridge.evidence.verdict.comparison import ALL
from landbridge.evidence.verdict.durations import as_seconds

Keys = tuple[str | int, ...]


class Settings(BaseModel):
    """The options of ``run``; ``check`` takes its part of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: str | None = None
    target: str | None = None
    label: str | None = None
    task: Literal["classification", "regression"] | None = None
    learner: str | None = None
    candidates: list[str] | None = Field(None, min_length=1)
    metric: str | None = None
    folds: int = Field(5, ge=2)
    repeats: int = Field(4, ge=1)
    level: float = Field(0.05, gt=0, lt=1)
    budget: str | int | float | None = None
    seed: int = Field(0, ge=0, lt=2**32)
    jobs: int = Field(1, ge=1)
    output: str | None = None

    @field_validator("candidates", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @field_validator("candidates")
    @classmethod
    def _is_all_or_names(cls, value: list[str] | None) -> list[str] | None:
        if value and ALL in value and value != [ALL]:
            raise ValueError(f"{ALL}, which is the whole catalogue, on its own, or names")
        return value

    @field_validator("budget")
    @classmethod
    def _is_time(cls, value: Any) -> Any:
        try:
            as_seconds("budget", value)
        except ValueError:
            raise ValueError("a span of time above zero, such as 90s, 5m or 1h") from None
        return value


def read_settings(config: Path | None, options: dict[str, Any]) -> Settings:
    """The settings of a YAML file, if there is one, with the options that were given over them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a key is unknown, or a value does not fit; the message has the file and the line.
    """
    given = {key: value for key, value in options.items() if value is not None}
    written, lines = ({}, {}) if config is None else read_yaml(config)
    try:
        return Settings.model_validate(written | given)
    except ValidationError as error:
        faults = [_fault(found, config, lines, given) for found in error.errors()]
        raise ValueError("\n".join(faults)) from None


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Keys, int]]:
    """The content of a YAML file, and the line on which each key and list item stands."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path given to --config.")
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        written = yaml.safe_load(text)
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text, expected YAML.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise ValueError(f"{path}, line {line}: this is not YAML: {error.problem}.") from None
    if root is None:
        return {}, {}
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{path}, line 1: expected lines of the form 'option: value'.")
    _check_keys(root, path)
    return written, _lines(root)


def command_of(name: str, settings: Settings) -> str:
    """The command line that does the same once more."""
    words = ["landbridge", name]
    given = {key: value for key, value in settings if key in settings.model_fields_set}
    words += [given.pop(side) for side in ("source", "target") if side in given]
    for key, value in given.items():
        words += [f"--{key}", ",".join(value) if isinstance(value, list) else str(value)]
    return shlex.join(words)


def _check_keys(root: yaml.MappingNode, path: Path) -> None:
    """Every key is text and stands there once: YAML itself would let the last one win."""
    seen: dict[str, int] = {}
    for key, _ in root.value:
        line = key.start_mark.line + 1
        if key.tag != "tag:yaml.org,2002:str":
            raise ValueError(f"{path}, line {line}: found the key {key.value!r}, expected a name.")
        if key.value in seen:
            raise ValueError(
                f"{path}, line {line}: {key.value} stands on line {seen[key.value]} already. "
                "Keep one of the two."
            )
        seen[key.value] = line


def _lines(root: yaml.MappingNode) -> dict[Keys, int]:
    lines: dict[Keys, int] = {}
    for key, value in root.value:
        lines[(key.value,)] = key.start_mark.line + 1
        items = value.value if isinstance(value, yaml.SequenceNode) else []
        lines |= {(key.value, i): item.start_mark.line + 1 for i, item in enumerate(items)}
    return lines


def _fault(found: Any, config: Path | None, lines: dict[Keys, int], given: dict[str, Any]) -> str:
    """One thing that is wrong: where it stands, what was found, and what was expected."""
    keys: Keys = found["loc"][:2]
    key = str(keys[0])
    where = f"--{key}" if key in given else f"{config}, line {lines.get(keys, 1)}: {key}"
    if found["type"] == "extra_forbidden":
        like = nearest(key, Settings.model_fields)
        meant = f"the nearest are {listed(like)}" if like else f"there are {listed(_all(), 20)}"
        return f"{config}, line {lines.get(keys, 1)}: there is no option {key!r}; {meant}."
    expected = found["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    advice = " Put text in quotes." if found["type"] == "string_type" else ""
    return f"{where}: found {found['input']!r}, expected {expected}.{advice}"


def _all() -> list[str]:
    return list(Settings.model_fields)
