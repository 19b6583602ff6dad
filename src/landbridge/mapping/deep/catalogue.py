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
    "none": AlignmentKind("base", "Alignment", "source labels alone", "-"),
    "mmd": AlignmentKind("distances", "MMD", "means in several kernels' features", "Long 2015"),
    "deep-coral": AlignmentKind("distances", "DeepCORAL", "covariances", "Sun & Saenko 2016"),
    "jan": AlignmentKind("distances", "JAN", "features and predictions jointly", "Long 2017"),
    "dsan": AlignmentKind("distances", "DSAN", "means of each class", "Zhu 2020"),
    "cmd": AlignmentKind("distances", "CMD", "means and central moments", "Zellinger 2017"),
    "sliced-wasserstein": AlignmentKind(
        "distances", "SlicedWasserstein", "quantiles along random directions", "Lee 2019"
    ),
    "deep-jdot": AlignmentKind(
        "distances", "DeepJDOT", "transport of features and labels", "Damodaran 2018"
    ),
    "mcc": AlignmentKind("predictions", "MCC", "classes are not confused", "Jin 2020"),
    "bnm": AlignmentKind("predictions", "BNM", "predictions are sure and varied", "Cui 2020"),
    "afn": AlignmentKind("predictions", "AFN", "features grow longer", "Xu 2019"),
    "bsp": AlignmentKind(
        "predictions", "BSP", "a domain classifier is fooled, no direction rules", "Chen 2019"
    ),
    "dann": AlignmentKind("adversaries", "DANN", "a domain classifier is fooled", "Ganin 2016"),
    "cdan": AlignmentKind(
        "adversaries", "CDAN", "a domain classifier of features and predictions", "Long 2018"
    ),
    "cdan+e": AlignmentKind(
        "adversaries", "CDAN", "the same, sure rows first", "Long 2018", (("entropy", True),)
    ),
    "adda": AlignmentKind("adversaries", "ADDA", "a body for the target fools", "Tzeng 2017"),
    "wdgrl": AlignmentKind("adversaries", "WDGRL", "a critic's Wasserstein distance", "Shen 2018"),
    "mcd": AlignmentKind("disagreement", "MCD", "two heads come to agree", "Saito 2018"),
    "mdd": AlignmentKind("disagreement", "MDD", "no second head leaves the head", "Zhang 2019"),
    "pada": AlignmentKind("partial", "PADA", "fewer classes: forget the others", "Cao 2018"),
    "iwan": AlignmentKind("partial", "IWAN", "fewer classes: weigh by likeness", "Zhang 2018"),
    "osbp": AlignmentKind("partial", "OSBP", "new classes: one for the unknown", "Saito 2018"),
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
