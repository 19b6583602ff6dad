"""The models to compare: baselines without a mapping, and candidates."""

from collections.abc import Iterable
from typing import Any

from sklearn.base import clone, is_classifier

from landbridge.mapping import ALIGNMENTS, DeepTransfer, Mapping, mapping_names
from landbridge.source import NetworkSource
from landbridge.target import SHOT, TARGETS, FineTune, Pooled, Refit, TargetOnly
from landbridge.target.fine_tune import RECIPES
from landbridge.transfer import Transfer

FIRST_TO_TRY = ("recentre", "standardise", "coral", "monge", "subspace-alignment")
"""The mappings that a comparison looks at by default: quick, and without parameters to set."""
NETWORKS = ("fine-tune", *RECIPES, "shot")
"""Candidates that are networks from the source on: fine-tuned, by the best recipe or by one, or
adapted to bare target rows."""
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
        ``"coral+stacking"``, ``"dann"`` (a network trained on both domains, whose
        representation the learner gets), or ``"fine-tune"``, ``"lp-ft"`` or ``"shot"`` (a
        network of its own, in place of the learner).
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
    if name in NETWORKS:
        return _network(name, learner)
    parts = [part.strip() for part in name.split("+")]
    known = mapping_names()
    mappings = [part for part in parts if part in known]
    targets = [part for part in parts if part in TARGETS]
    if len(mappings) + len(targets) != len(parts) or len(mappings) > 1 or len(targets) > 1:
        raise ValueError(
            f"Unknown candidate {name!r}: give a mapping ({', '.join(known)}), a target "
            f"learner ({', '.join(TARGETS)}), both as mapping+learner, or a network "
            f"({', '.join(NETWORKS)})."
        )
    target = TARGETS[targets[0]] if targets else Pooled
    mapping = _mapping(mappings[0], learner) if mappings else "identity"
    return Transfer(clone(learner), mapping, target(clone(learner)))


def _mapping(name: str, learner: Any) -> str | Mapping:
    """The mapping's name; of an alignment the network, for the learner's task."""
    if name not in ALIGNMENTS:
        return name
    return DeepTransfer(alignment=name, task=_task(learner), random_state=0)


def _network(name: str, learner: Any) -> Transfer:
    """A network that learns in the source and goes on learning in the target."""
    task = _task(learner)
    source = NetworkSource(task=task, random_state=0)
    if name == "shot":
        return Transfer(source, "identity", SHOT(random_state=0))
    recipe = "auto" if name == "fine-tune" else name
    return Transfer(source, "identity", FineTune(recipe=recipe, task=task, random_state=0))


def _task(learner: Any) -> str:
    return "classification" if is_classifier(learner) else "regression"


def make_candidates(names: Iterable[str], learner: Any) -> dict[str, Transfer]:
    """Candidates by their names, in the order given."""
    return {name: make_candidate(name, learner) for name in names}
