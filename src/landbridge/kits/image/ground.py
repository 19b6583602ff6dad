"""Rows of both domains' pictures, and the models that are compared on them."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from landbridge.domains import class_names, common_labels
from landbridge.domains.wording import listed, nearest
from landbridge.evidence import Comparison, compare, diagnose
from landbridge.evidence.verdict.candidates import TARGET_ONLY
from landbridge.evidence.verdict.guard import cannot_tell
from landbridge.kits.image.backbones import Backbone, PatientNetwork
from landbridge.kits.image.encoder import PictureEncoder, rows_of
from landbridge.kits.image.handmade import HandmadeFeatures
from landbridge.kits.image.pretrained import compare_features, fit_alone
from landbridge.kits.image.reading import Pictures, check_classes
from landbridge.kits.image.transfer import (
    AUTO,
    DEEP,
    PROBE,
    PROTOTYPE,
    deep_candidate,
    network_rows,
    plain_labels,
    target_learner,
)
from landbridge.kits.judging import class_quality, decided
from landbridge.mapping import mapping_names
from landbridge.results import verdict_block
from landbridge.source import make_learner
from landbridge.target import TARGETS, FineTune, Pooled
from landbridge.target.fine_tune.recipes import RECIPES
from landbridge.training import Training
from landbridge.transfer import Transfer

Progress = Callable[[str, int, int], None]
USUAL = ("recentre", "augmentation", PROTOTYPE)
N_DIRECTIONS = 10


class Ground:
    """Rows of both domains, and the models that are compared on them."""

    def __init__(
        self,
        encoder: PictureEncoder,
        names: list[str],
        source: Pictures | None,
        target: Pictures,
        cache: Any,
        training: Training | None,
        seed: int,
        say: Progress,
    ):
        self.encoder, self.names, self.seed, self.training = encoder, names, seed, training
        self.target, self.cache, self.say = target, cache, say
        self.used: PictureEncoder = encoder
        self.trains = bool(names) and all(map(is_network_name, names))
        self.yt: NDArray = target.labels
        self.Xs: Any = None
        self.ys: Any = None
        if source is not None:
            self.ys, self.yt, _ = common_labels(plain_labels(source.labels), target.labels)
        say("Preparing the features", 0, 0)
        self._fit_encoder(source)
        if source is not None:
            self.Xs = self._rows(source)
        self.Xt = self._rows(target)

    def _fit_encoder(self, source: Pictures | None) -> None:
        encoder: Any = self.encoder
        if self.trains:
            encoder.start("The backbone is trained by each model for itself.")
        elif encoder.learns and source is not None:
            encoder.fit(source.pixels(encoder.size), self.ys)
        else:
            encoder.fit()

    def _rows(self, pictures: Pictures) -> NDArray[np.float32]:
        if self.trains:
            return network_rows(self.encoder, pictures)
        return rows_of(self.encoder, pictures, self.cache, self.say)

    @property
    def learner(self) -> Any:
        """What learns in either domain: a network, or a linear model of rows."""
        if not self.trains:
            return make_learner("logistic", "classification", self.seed)
        encoder: Any = self.encoder
        return PatientNetwork(
            encoder.network,
            input_shape=(3, encoder.size, encoder.size),
            validation_share=0.0,
            training=self.training,
            random_state=self.seed,
        )

    def candidate(self, name: str) -> Transfer:
        """A transfer by its name."""
        learner = self.learner
        if name.startswith(DEEP):
            linear = make_learner("logistic", "classification", self.seed)
            return deep_candidate(self.encoder, name, linear, self.training, self.seed)
        if self.trains:
            return Transfer(learner, "identity", FineTune(recipe=name, random_state=self.seed))
        if name == PROTOTYPE or name in TARGETS:
            return Transfer(learner, "identity", target_learner(name, learner))
        return Transfer(learner, name, Pooled(self.learner))

    def compare(self, judged: dict[str, Any]) -> tuple[Comparison, dict[str, Any], Any]:
        """The comparison, its verdict, and the model to use."""
        models = {name: self.candidate(name) for name in self.names}
        found = compare(
            self.Xs, self.ys, self.Xt, self.yt, learner=self.learner, candidates=models, **judged
        )
        bare = {n: m for n, m in models.items() if self._needs_no_labels(n)}
        if bare:
            identity = Transfer(self.learner, "identity", Pooled(self.learner))
            bare = {"identity": identity, **bare}
        rows = (self.Xs, self.ys, self.Xt)
        return found, *decided(found, bare, rows, "target pictures", self.say)

    def _needs_no_labels(self, name: str) -> bool:
        """Whether a candidate can be fitted to bare target pictures."""
        return name.startswith(DEEP) or not (self.trains or name in TARGETS)

    def compare_alone(self, judged: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
        """The same where the source is a pretrained backbone."""
        check_classes(self.target)
        if not self.target.n_labelled:
            raise ValueError(
                "Without a source, target pictures must have labels to learn from: none has one. "
                "Put some into folders named after their classes, or give a source."
            )
        plain_features = HandmadeFeatures().fit()
        handmade = rows_of(plain_features, self.target, self.cache, self.say)
        rows = {TARGET_ONLY: handmade, PROBE: self.Xt, PROTOTYPE: self.Xt}
        found = compare_features(
            rows,
            self.yt,
            self.learner,
            judged["n_folds"],
            judged["n_repeats"],
            judged["level"],
            self.seed,
        )
        if found is None:
            verdict = cannot_tell("too few target pictures have labels", PROBE)
            return None, _as_block(verdict), fit_alone(PROBE, self.learner, self.Xt, self.yt)
        if found.verdict.chosen == TARGET_ONLY:  # the baseline has features of its own
            self.used = plain_features
        return found, verdict_block(found), found.best_

    def shift(self) -> dict[str, Any]:
        """The diagnosis, along the main directions of the rows."""
        both = np.concatenate([self.Xs, self.Xt])
        n = min(N_DIRECTIONS, both.shape[1], len(both) - 1)
        reduced = PCA(n, random_state=self.seed).fit(both)
        names = [f"direction {k + 1}" for k in range(n)]
        rows = [pd.DataFrame(reduced.transform(X), columns=names) for X in (self.Xs, self.Xt)]
        return diagnose(rows[0], self.ys, rows[1], self.yt, random_state=self.seed).to_dict()

    def quality(self, comparison: Comparison) -> dict[str, Any] | None:
        """Confusions, where models were scored."""
        classes = class_names(*(y for y in (self.ys, self.yt) if y is not None))
        return class_quality(classes, comparison)


def _as_block(verdict: Any) -> dict[str, Any]:
    return asdict(verdict) | {"gain": None}


def is_network_name(name: str) -> bool:
    """Whether a candidate trains the backbone itself."""
    return name.startswith(DEEP) or name == AUTO or name in RECIPES


def checked_names(
    candidates: list[str] | None, encoder: PictureEncoder, has_no_source: bool
) -> list[str]:
    """The candidates, all on rows or all networks.

    Raises
    ------
    ValueError
        If a name is unknown, or what was asked for does not go together.
    """
    if has_no_source:
        if encoder.learns or isinstance(encoder, HandmadeFeatures):
            raise ValueError(
                "Without a source, features must be pretrained: give timm:NAME, keras:NAME or a "
                "Backbone with weights, or a source."
            )
        if candidates:
            raise ValueError(
                f"Without a source there is nothing to carry: leave out candidates {candidates}. "
                "The probe and the prototypes of the backbone are compared."
            )
        return []
    names = list(USUAL) if candidates is None else list(candidates)
    on_rows = [PROTOTYPE, *TARGETS, *mapping_names()]
    unknown = [n for n in names if not is_network_name(n) and n not in on_rows]
    if unknown:
        like = nearest(unknown[0], [*on_rows, AUTO, *RECIPES])
        meant = f"the nearest are {listed(like)}; " if like else ""
        raise ValueError(
            f"Unknown candidate {unknown[0]!r}: {meant}give mappings by name, such as coral, "
            f"target learners such as {PROTOTYPE}, recipes such as lp-ft, or {DEEP}dann."
        )
    networks = [name for name in names if is_network_name(name)]
    if networks and len(networks) < len(names):
        others = [name for name in names if name not in networks]
        raise ValueError(
            f"{listed(networks)} train a network on pixels, {listed(others)} go on from rows: "
            "they cannot be compared fold by fold. Run them one after the other."
        )
    if networks and not isinstance(encoder, Backbone):
        raise ValueError(
            f"{listed(networks)} want a network to train, and these features have none in PyTorch: "
            "give features cnn or timm:NAME."
        )
    return names
