"""The models to compare: baselines without a mapping, and candidates."""

from collections.abc import Iterable
from typing import Any

from sklearn.base import clone, is_classifier

from landbridge.mapping import ALIGNMENTS, DeepTransfer, Mapping, mapping_names
from landbridge.target import TARGETS, Pooled, Refit, TargetOnly
from landbridge.transfer import Transfer

FIRST_TO_TRY = ("recentre", "standardise", "coral", "monge", "subspace-alignment")
"""The mappings that a comparison looks at by default: quick, and without parameters to set."""
SOURCE_ONLY, TARGET_ONLY, POOLED = "source only", "target only", "pooled"


def baselines(learner: Any, has_labels: bool) -> dict[str, Transfer]:
    """What can be had without a mapping: each domain's samples alone, and both pooled."""
    models = {SOURCE_ONLY: Transfer(learner, "identity", Refit(learner))}
    if has_labels:
        models[TARGET_ONLY] = Transfer(learner, "identity", TargetOnly(learner))
        models[POOLED] = Transfer(learner, "identity", Pooled(learner))
    return models


def candidate_names(task: str, n_classes: int, has_labels: bool) -> list[str]:
    """The candidates that a comparison looks at by default.

    The mappings to try first, with carried and target samples pooled, and the target learners
    that suit the task. Those that need target labels are left out where there are none.
    """
    labelled = ["stacking", "augmentation", "regular"] if has_labels else []
    classes = ["label-shift"] if task == "classification" else []
    threshold = ["thresholded"] if task == "classification" and n_classes == 2 else []
    return [*FIRST_TO_TRY, *labelled, *classes, *threshold]


def make_candidate(name: str, learner: Any) -> Transfer:
    """A transfer by name: a mapping, a target learner, or both joined by ``+``.

    Parameters
    ----------
    name : str
        Such as ``"coral"`` (then pooled), ``"stacking"`` (rows stay as they are),
        ``"coral+stacking"``, or ``"dann"`` (a network trained on both domains, whose
        representation the learner gets).
    learner : scikit-learn classifier or regressor
        The learner of the source, and the one that the target learner wraps.

    Raises
    ------
    ValueError
        If a part of the name is unknown.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge.evidence import make_candidate
    >>> make_candidate("coral+stacking", LogisticRegression())
    Transfer(mapping='coral', source=LogisticRegression(),
             target=Stacking(learner=LogisticRegression()))
    """
    parts = [part.strip() for part in name.split("+")]
    known = mapping_names()
    mappings = [part for part in parts if part in known]
    targets = [part for part in parts if part in TARGETS]
    if len(mappings) + len(targets) != len(parts) or len(mappings) > 1 or len(targets) > 1:
        raise ValueError(
            f"Unknown candidate {name!r}: give a mapping ({', '.join(known)}), a target "
            f"learner ({', '.join(TARGETS)}), or both as mapping+learner."
        )
    target = TARGETS[targets[0]] if targets else Pooled
    mapping = _mapping(mappings[0], learner) if mappings else "identity"
    return Transfer(clone(learner), mapping, target(clone(learner)))


def _mapping(name: str, learner: Any) -> str | Mapping:
    """The mapping's name; of an alignment the network, for the learner's task."""
    if name not in ALIGNMENTS:
        return name
    task = "classification" if is_classifier(learner) else "regression"
    return DeepTransfer(alignment=name, task=task, random_state=0)


def make_candidates(names: Iterable[str], learner: Any) -> dict[str, Transfer]:
    """Candidates by their names, in the order given."""
    return {name: make_candidate(name, learner) for name in names}
