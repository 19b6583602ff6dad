"""The models to compare: baselines without a mapping, and candidates."""

import inspect
from collections.abc import Iterable
from typing import Any

from sklearn.base import clone, is_classifier

from landbridge.domains.wording import listed, nearest
from landbridge.mapping import ALIGNMENTS, MAPPINGS, DeepTransfer, Mapping, mapping_names
from landbridge.source import NetworkSource
from landbridge.target import SHOT, TARGETS, FineTune, Pooled, Refit, TargetOnly
from landbridge.target.fine_tune import RECIPES
from landbridge.transfer import Transfer

FIRST_TO_TRY = ("recentre", "standardise", "coral", "monge", "subspace-alignment")
"""The mappings that a comparison looks at by default: quick, and without parameters to set."""
NETWORKS = ("fine-tune", *RECIPES, "shot")
"""Candidates that are networks from the source on: fine-tuned, by the best recipe or by one, or
adapted to bare target rows."""
SPELLINGS = {"finetune": "fine-tune"}
"""Other ways to write a name."""
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


UNSUITED = frozenset(
    {"multi-monge", "per-source", "jcpot", "riemannian", "gromov-wasserstein", "identity"}
)
"""Mappings of several sources, of covariance matrices, of two feature spaces, and none at all."""
ONLY_CLASSES = frozenset({"semi-supervised-tca", "mmd-target-shift", "label-propagation"})
"""Mappings that work on classes; those that refuse numbers say so themselves."""
SLOW_LAST = (
    "pseudo-labels",
    "gradual",
    "transfer-subspace",
    "semi-supervised-tca",
    "laplace-transport",
    "manifold-embedded",
    "class-transport",
    "tjm",
    "mmd-scale-shift",
    "bda",
    "jda",
    "exact-transport",
    "jdot",
    "kernel-transport",
    "dasvm",
)
"""What costs most, by what a fit to some hundred rows took: tried last, if the time allows."""
JOINED = ("coral+regular", "subspace-alignment+regular", "tca+interpolation", "coral+augmentation")
"""Mappings with other learners than the pool, which share the mapping's fit."""


def whole_catalogue(task: str, n_classes: int, has_labels: bool) -> list[str]:
    """Every candidate that suits the task and needs no network, the quickest first.

    Examples
    --------
    >>> from landbridge.evidence.verdict.candidates import whole_catalogue
    >>> whole_catalogue("classification", 2, has_labels=True)[:4]
    ['recentre', 'standardise', 'coral', 'monge']
    """
    first = candidate_names(task, n_classes, has_labels)
    joined = JOINED if has_labels else ()
    labelled = [n for n in ("interpolation", "label-shift", "logit-adjusted") if has_labels]
    targets = [n for n in labelled if task == "classification" or n == "interpolation"]
    suited = [
        name
        for name, kind in MAPPINGS.items()
        if not kind.is_paired
        and name not in UNSUITED
        and (has_labels or kind.needs_labels in ("", "source"))
        and (task == "classification" or not (name in ONLY_CLASSES or kind.needs_classes))
    ]
    quick = [name for name in suited if name not in SLOW_LAST]
    slow = [name for name in SLOW_LAST if name in suited]
    return list(dict.fromkeys([*first, *targets, *joined, *quick, *slow]))


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
    name = SPELLINGS.get(name, name)
    if name in NETWORKS:
        return _network(name, learner)
    parts = [part.strip() for part in name.split("+")]
    known = mapping_names()
    mappings = [part for part in parts if part in known]
    targets = [part for part in parts if part in TARGETS]
    if len(mappings) + len(targets) != len(parts) or len(mappings) > 1 or len(targets) > 1:
        like = nearest(name, [*known, *TARGETS, *NETWORKS])
        meant = f"the nearest are {listed(like)}. Give" if like else "give"
        raise ValueError(
            f"Unknown candidate {name!r}: {meant} a mapping (landbridge mappings lists them), a "
            f"target learner ({', '.join(TARGETS)}), both as mapping+learner, or a network "
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


def check_model(name: str, model: Any) -> None:
    """Refuse what does not learn from two domains, by ``fit(Xs, ys, Xt, yt)``.

    Parameters
    ----------
    name : str
        The argument's name in the message.
    model : object
        What was given.

    Raises
    ------
    TypeError
        If it is a name, or a model of one domain.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from landbridge.evidence.verdict.candidates import check_model
    >>> check_model("transfer", Ridge())
    Traceback (most recent call last):
    TypeError: transfer must be a Transfer, which learns from two domains: found Ridge(). Give
    Transfer(Ridge(), "identity"), or another mapping.
    """
    if isinstance(model, str):
        raise TypeError(
            f"{name} must be a Transfer, which learns from two domains: found the text {model!r}. "
            f"Give make_candidate({model!r}, learner)."
        )
    if not _learns_from_two_domains(model):
        is_learner = hasattr(model, "fit") and not isinstance(model, type)
        remedy = f'Transfer({model!r}, "identity"), or another mapping' if is_learner else "one"
        raise TypeError(
            f"{name} must be a Transfer, which learns from two domains: found {model!r}. Give "
            f"{remedy}."
        )


def _learns_from_two_domains(model: Any) -> bool:
    """Whether its ``fit`` takes two tables and two columns of labels; scikit-learn's take one."""
    if isinstance(model, type) or not hasattr(model, "fit"):
        return False
    form = inspect.signature(model.fit)
    try:
        form.bind("Xs", "ys", "Xt", "yt")
    except TypeError:
        return False
    names = list(form.parameters)
    return names[:2] != ["X", "y"] or "Xt" in names
