"""Numbers as people read them, and the terms of the trade in one line each."""

import math
from typing import Any, TypeGuard

NOT_KNOWN = "–"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether ``value`` is a finite number."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def number(value: Any) -> str:
    """Three decimals below ten, fewer above: the digits that a reader can use.

    Examples
    --------
    >>> from landbridge.report.words import number
    >>> number(0.8126), number(-12.346), number(51234.5), number(None)
    ('0.813', '−12.35', '51,234', '–')
    """
    if not is_number(value):
        return NOT_KNOWN
    size = abs(value)
    if 0 < size < 0.0005:
        text = f"{value:.1e}"
    else:
        decimals = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
        text = f"{value:,.{decimals}f}"
    return text.replace("-", "−")


def signed(value: Any) -> str:
    """A difference, with its sign always shown."""
    text = number(value)
    return f"+{text}" if is_number(value) and value > 0 else text


def p_value(value: Any) -> str:
    """A p-value to three decimals, or that it is below 0.001."""
    if is_number(value) and value < 0.001:
        return "< 0.001"
    return number(value)


def share(value: Any) -> str:
    """A share of one as a percentage."""
    if not is_number(value):
        return NOT_KNOWN
    return "<\N{NBSP}1\N{NBSP}%" if 0 < value < 0.005 else f"{100 * value:.0f}\N{NBSP}%"


def count(value: Any) -> str:
    """A whole number with its thousands set apart."""
    return f"{value:,.0f}" if is_number(value) else NOT_KNOWN


def seconds(value: Any) -> str:
    """A duration in seconds, or in minutes and seconds from two minutes on."""
    if not is_number(value):
        return NOT_KNOWN
    if value >= 120:
        return f"{value // 60:.0f}\N{NBSP}min {value % 60:.0f}\N{NBSP}s"
    return f"{value:.{2 if value < 10 else 0}f}\N{NBSP}s"


def moment(value: Any) -> str:
    """An ISO 8601 time to the minute, as ``2026-01-31 12:00 UTC``."""
    text = str(value)
    zone = " UTC" if text.endswith(("+00:00", "Z")) else ""
    return text[:16].replace("T", " ") + zone


def spoken(name: Any) -> str:
    """A name from code as words: ``balanced_accuracy`` is balanced accuracy."""
    return str(name).replace("_", " ")


def plain(value: Any) -> str:
    """Any value of the results in one line of text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return NOT_KNOWN
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    if isinstance(value, dict):
        return ", ".join(f"{spoken(key)}: {plain(one)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(one) for one in value) or "none"
    return str(value)


FILTERS = {
    one.__name__: one for one in (number, signed, p_value, share, count, seconds, spoken, plain)
} | {"moment": moment}

TERMS = {
    "baseline": "What one gets without a mapping: the source model as it is, a model of the "
    "labelled target rows alone, or one of both piled together.",
    "candidate": "Three steps: learn in the source, carry the rows over by a mapping, learn on "
    "in the target.",
    "guard": "The rule that keeps the best baseline unless a candidate beats it by more than "
    "chance would.",
    "interval": "The range that would cover the true figure in about 19 of 20 runs like this "
    "one; a wide one says that there are few labelled rows.",
    "gain": "The score of a candidate minus that of the baseline, on the same rows.",
    "gain of an error": "The error of the baseline minus that of the model: above 0 is better.",
    "p-value": "How often chance alone would show a difference at least this large; small "
    "values speak against chance.",
    "fold": "A share of the labelled target rows, kept from training and used to score; each "
    "repeat cuts new folds.",
    "C2ST": "Classifier two-sample test: how well a model tells source rows from target rows. "
    "AUC 0.5 is not at all, 1 is always.",
    "MMD": "Maximum mean discrepancy: the distance between the two samples as clouds of points; "
    "0 where they are alike.",
    "proxy A-distance": "The same question on a scale from 0 (alike) to 2 (fully apart).",
    "effect": "From 0 (alike) to 1 (nothing in common): the gap in the values, in the categories "
    "or in what is missing, whichever is largest.",
    "KS": "Kolmogorov–Smirnov: the largest gap between the two cumulative shares, from 0 to 1.",
    "PSI": "Population stability index: below 0.1 hardly any shift, 0.1 to 0.25 some, above 0.25 "
    "much.",
    "adjusted p": "The p-value, raised for having looked at many features at once.",
    "box": "The line holds nine of ten labels, the bar the middle half, and the dot is the median.",
    "label shift": "The classes have other shares in the target than in the source.",
    "estimated share": "The target's class shares worked out from unlabelled rows and the source "
    "model; it holds if only the shares have changed.",
    "BBSE": "Black-box shift estimation: a second estimate, from the errors that the source model "
    "makes at home; where the two disagree, trust neither.",
    "principal components": "The two directions in which the rows of both domains, taken "
    "together, spread most.",
    "confusion matrix": "Rows are what was observed, columns what was predicted; the diagonal is "
    "right.",
    "recall": "Of the rows of a class, the share that the model found.",
    "residual": "What was observed minus what was predicted; a good model's scatter evenly "
    "around 0.",
    "learning curve": "The score against the number of target labels that were learned from; the "
    "rest were hidden.",
    "influence": "The score with all source rows minus that without the group: above zero it "
    "helps. The intervals allow for the number of groups.",
    "weight": "How much a unit of the source feature adds to the target feature; below 0 it "
    "takes away.",
    "share of a weight": "Its size beside all weights of the same target feature.",
}

METRICS = {
    "accuracy": "the share of rows predicted rightly",
    "balanced_accuracy": "the mean of the classes' recalls, so that rare classes count as much",
    "f1": "the balance of finding the class and not crying wolf",
    "f1_macro": "the balance of recall and precision, averaged over the classes",
    "roc_auc": "how often a row of the class is ranked above one that is not",
    "neg_log_loss": "how well the probabilities fit; 0 is perfect, lower is worse",
    "r2": "the share of the label's spread that is explained; 1 is perfect",
    "neg_root_mean_squared_error": "minus the typical error, in the label's unit",
    "neg_mean_squared_error": "minus the mean squared error",
    "neg_mean_absolute_error": "minus the mean absolute error, in the label's unit",
    "rmse": "the typical error, in the label's unit",
    "mae": "the mean absolute error, in the label's unit",
}


def terms(*names: str) -> list[tuple[str, str]]:
    """Terms with their one-line explanations, in the order asked for."""
    return [(name, TERMS[name]) for name in names]
