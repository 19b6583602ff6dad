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


ALIGNMENTS: dict[str, AlignmentKind] = {
    "none": AlignmentKind("base", "Alignment", "source labels alone", "-"),
    "mmd": AlignmentKind("distances", "MMD", "means in several kernels' features", "Long 2015"),
    "deep-coral": AlignmentKind("distances", "DeepCORAL", "covariances", "Sun & Saenko 2016"),
    "dann": AlignmentKind("adversaries", "DANN", "a domain classifier is fooled", "Ganin 2016"),
    "mcd": AlignmentKind("disagreement", "MCD", "two heads come to agree", "Saito 2018"),
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
    return getattr(home, kind.name)(**parameters)
