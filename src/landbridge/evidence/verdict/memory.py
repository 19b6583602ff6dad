"""Fitted steps that several candidates have in common, each fitted once in a process."""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import joblib
from sklearn.base import clone

from landbridge.mapping import Identity, make_mapping
from landbridge.moments.sharing import shared_by
from landbridge.target import Refit
from landbridge.transfer import Transfer

MOST_STEPS, MOST_KERNELS = 60, 120
LABEL_BLIND = frozenset(
    {
        "Identity",
        "Recentre",
        "Standardise",
        "CORAL",
        "Monge",
        "SubspaceAlignment",
        "GeodesicFlow",
        "TransferSubspace",
        "MMDScaleShift",
        "FMMD",
        "TCA",
        "KMM",
        "KLIEP",
        "ULSIF",
        "RULSIF",
        "ClassifierRatio",
        "EntropyBalancing",
        "GaussianRatio",
        "KernelDensityRatio",
        "NearestNeighbourRatio",
        "MMDTargetShift",
    }
)
"""Mappings that never look at target labels, so that all folds of these can share one."""


def fitted_apart(model: Any, data: Any) -> Any:
    """A clone, fitted; to rows of its own, unless it is a transfer, which writes into none."""
    if type(model) is not Transfer:
        data = [part.copy() if hasattr(part, "copy") else part for part in data]
    return clone(model).fit(*data)


class Shelf:
    """So many things by their keys; the longest unused is forgotten."""

    def __init__(self, most: int):
        self.most = most
        self._kept: OrderedDict[Any, Any] = OrderedDict()

    def recall(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was made under this key, or ``make()``."""
        if key not in self._kept:
            self._kept[key] = make()
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


class Memory:
    """What has been fitted, by estimator and by the rows and labels that it saw.

    Parameters
    ----------
    token : str
        The comparison that it belongs to: another's data are not these.
    """

    def __init__(self, token: str):
        self.token = token
        self._steps, self._kernels = Shelf(MOST_STEPS), Shelf(MOST_KERNELS)

    def fit(self, model: Any, data: Any, rows: Any, labels: Any) -> Any:
        """The fitted model; ``rows`` and ``labels`` name what it sees of the data.

        A step that looks at no target labels is kept under its rows alone, and kernels for all
        mappings that use them.
        """
        with shared_by(self._kernels.recall):
            return self._fit(model, data, rows, labels)

    def _fit(self, model: Any, data: Any, rows: Any, labels: Any) -> Any:
        if type(model) is not Transfer:
            return fitted_apart(model, data)
        mapping = make_mapping(model.mapping) if isinstance(model.mapping, str) else model.mapping
        is_blind = type(mapping).__name__ in LABEL_BLIND and _is_ours(mapping)

        def recall(step: str, decided_by: Any, make: Callable[[], Any]) -> Any:
            seen = () if step == "source" else (rows, () if is_blind else labels)
            return self._shared((seen, step), decided_by, make)

        def make() -> Any:
            return clone(model).fit_recalling(recall, *data)

        if is_blind and type(model.target) is Refit:
            seen = () if type(mapping) is Identity else rows  # the source alone, whatever the fold
            return self._shared((seen, "all steps"), model, make)
        return make()

    def _shared(self, key: tuple[Any, ...], decided_by: Any, make: Callable[[], Any]) -> Any:
        name = name_of(decided_by)
        return make() if name is None else self._steps.recall((*key, name), make)


def name_of(thing: Any) -> str | None:
    """What equal things have in common; ``None`` of one that this process cannot take apart.

    So it is with a class of a script or a notebook, once in another process.
    """
    try:
        return str(joblib.hash(thing))
    except (pickle.PicklingError, TypeError, AttributeError):
        return None


def _is_ours(mapping: Any) -> bool:
    return type(mapping).__module__.startswith("landbridge.mapping.")


_current: list[Memory] = []


def memory_of(token: str) -> Memory:
    """This process's memory of a comparison; that of an earlier one is given up."""
    if not _current or _current[0].token != token:
        _current[:] = [Memory(token)]
    return _current[0]


def forget() -> None:
    """Give up what this process remembers."""
    _current.clear()
