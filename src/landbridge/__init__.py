"""Transfer learning as a mapping, in three steps, with the evidence of whether it helped.

``source`` learns where labels are plenty, ``mapping`` finds the map that carries what was
learned over to the target, ``target`` learns on there; ``evidence`` compares the result with
doing without. Names are imported when first used, so that importing the package is quick.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import Any

_HOMES: dict[str, str] = {}

__all__ = sorted(_HOMES)
__version__ = _version("landbridge")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"landbridge.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'landbridge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
