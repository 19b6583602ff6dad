"""Every alignment by name, and where it is."""

from importlib import import_module
from typing import Any, NamedTuple

from landbridge.domains.parameters import check_choice
from landbridge.training.engine import need_torch


class AlignmentKind(NamedTuple):
    """Where an alignment is written down, in one line what it does, and its paper."""

    module: str
    name: str
    summary: str
    paper: str
    parameters: tuple[tuple[str, Any], ...] = ()
    """Those that differ from the defaults of its class."""


ALIGNMENTS: dict[str, AlignmentKind] = {
    "none": AlignmentKind("base", "Alignment", "Learn the source's labels alone", "-"),
    "mmd": AlignmentKind(
        "distances",
        "MMD",
        "Bring both domains' means together in several kernels' features",
        "Long 2015",
    ),
    "deep-coral": AlignmentKind(
        "distances", "DeepCORAL", "Bring both domains' covariances together", "Sun & Saenko 2016"
    ),
    "jan": AlignmentKind(
        "distances",
        "JAN",
        "Bring features and predictions together, as one distribution",
        "Long 2017",
    ),
    "dsan": AlignmentKind(
        "distances", "DSAN", "Bring the means of each class together", "Zhu 2020"
    ),
    "cmd": AlignmentKind(
        "distances", "CMD", "Bring means and central moments together", "Zellinger 2017"
    ),
    "sliced-wasserstein": AlignmentKind(
        "distances",
        "SlicedWasserstein",
        "Bring quantiles together along random directions",
        "Lee 2019",
    ),
    "deep-jdot": AlignmentKind(
        "distances",
        "DeepJDOT",
        "Transport features and labels together at the least cost",
        "Damodaran 2018",
    ),
    "mcc": AlignmentKind(
        "predictions", "MCC", "Make predictions on the target confuse no classes", "Jin 2020"
    ),
    "bnm": AlignmentKind(
        "predictions", "BNM", "Make predictions on the target sure and of many classes", "Cui 2020"
    ),
    "afn": AlignmentKind(
        "predictions", "AFN", "Lengthen the features of a fainter target", "Xu 2019"
    ),
    "bsp": AlignmentKind(
        "predictions", "BSP", "Fool a classifier of domains, and let no direction rule", "Chen 2019"
    ),
    "dann": AlignmentKind("adversaries", "DANN", "Fool a classifier of domains", "Ganin 2016"),
    "cdan": AlignmentKind(
        "adversaries", "CDAN", "Fool a classifier of domains that sees predictions too", "Long 2018"
    ),
    "cdan-e": AlignmentKind(
        "adversaries",
        "CDAN",
        "Fool a classifier of domains that sees predictions, sure rows first",
        "Long 2018",
        (("entropy", True),),
    ),
    "adda": AlignmentKind(
        "adversaries",
        "ADDA",
        "Teach a body of the target's own to fool a classifier of domains",
        "Tzeng 2017",
    ),
    "wdgrl": AlignmentKind(
        "adversaries",
        "WDGRL",
        "Shorten the Wasserstein distance that a critic measures",
        "Shen 2018",
    ),
    "mcd": AlignmentKind(
        "disagreement",
        "MCD",
        "Part two heads on the target, then make the body unite them",
        "Saito 2018",
    ),
    "mdd": AlignmentKind(
        "disagreement",
        "MDD",
        "Leave no second head that departs from the first on the target",
        "Zhang 2019",
    ),
    "pada": AlignmentKind(
        "partial", "PADA", "Forget the source's classes that the target has not", "Cao 2018"
    ),
    "iwan": AlignmentKind(
        "partial", "IWAN", "Weigh source rows by how like the target they are", "Zhang 2018"
    ),
    "osbp": AlignmentKind(
        "partial", "OSBP", "Tell rows of unknown classes from the source's", "Saito 2018"
    ),
}
"""Every alignment under the name that ``DeepTransfer`` takes."""


def make_alignment(name: str, **parameters: Any) -> Any:
    """An alignment by name, with the parameters of its class.

    Raises
    ------
    ValueError
        If there is none of that name.
    ImportError
        If PyTorch is not installed.
    """
    check_choice("alignment", name, tuple(ALIGNMENTS))
    need_torch()
    kind = ALIGNMENTS[name]
    home = import_module(f"landbridge.mapping.deep.{kind.module}")
    return getattr(home, kind.name)(**{**dict(kind.parameters), **parameters})
