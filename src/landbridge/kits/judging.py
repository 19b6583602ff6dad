"""How kits on labelled rows judge models: by the guard, or by what is seen without labels."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from numpy.typing import ArrayLike, NDArray

from landbridge.domains.parameters import check_number
from landbridge.evidence import Comparison, choose_without_labels
from landbridge.evidence.verdict.comparison import FEWEST_LABELS, check_metric
from landbridge.results import quality_block, verdict_block
from landbridge.transfer import Transfer

Progress = Callable[[str, int, int], None]


def check_judging(metric: str | None, n_folds: int, n_repeats: int, level: float) -> None:
    """Refuse before any work what models cannot be judged by.

    Raises
    ------
    ValueError
        With what was found, what was expected and what to do.
    """
    check_metric(metric)
    check_number("n_folds", n_folds, least=2, whole=True)
    check_number("n_repeats", n_repeats, least=1, whole=True)
    check_number("level", level, above=True, below=1.0)


def decided(
    comparison: Comparison,
    bare: Mapping[str, Transfer],
    rows: tuple[Any, NDArray, Any],
    what: str,
    say: Progress,
) -> tuple[dict[str, Any], Any]:
    """The verdict, and the model to use: the guard's, or the one chosen without labels.

    Parameters
    ----------
    comparison : Comparison
    bare : mapping of str to Transfer
        Those that can be fitted without target labels; where there is none, the comparison's
        model is used.
    rows : (Xs, ys, Xt)
    what : str
        What a target row is, in the plural: "target texts".
    say : callable
    """
    verdict, model = verdict_block(comparison), comparison.best_
    if verdict["outcome"] == "unknown" and bare:
        say("Choosing without labels", 0, 0)
        choice = choose_without_labels(dict(bare), *rows)
        model, verdict["chosen"] = choice.model, choice.name
        known = verdict["sentence"].partition(" Used: ")[0]
        verdict["sentence"] = f"{known} Used: {choice.name}, chosen without labels."
        verdict["details"] = [
            *verdict["details"],
            f"The model written is {choice.name}, chosen without labels: {choice.reason}. How well "
            f"it does can be told once {FEWEST_LABELS} {what} or more have labels, of two classes "
            "at least.",
        ]
    return verdict, model


def class_quality(classes: ArrayLike, comparison: Comparison) -> dict[str, Any] | None:
    """Confusions and recalls, where models were scored."""
    return quality_block(SimpleNamespace(classes=classes), comparison)  # type: ignore[arg-type]


def both_notes(source: dict[str, Any], target: dict[str, Any]) -> list[str]:
    """The notes on both domains, each with its domain before it."""
    sides = {"Source": source, "Target": target}
    return [f"{side}: {note}" for side, domain in sides.items() for note in domain["notes"]]
