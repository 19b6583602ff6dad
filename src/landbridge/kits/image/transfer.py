"""The three steps on pictures: folders in, labels out."""

import copy
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains import as_labels, class_names
from landbridge.domains.wording import listed
from landbridge.kits.image.backbones import Backbone, KerasBackbone
from landbridge.kits.image.encoder import PictureEncoder, rows_of
from landbridge.kits.image.handmade import KINDS, HandmadeFeatures
from landbridge.kits.image.prototypes import Prototypes
from landbridge.kits.image.reading import Pictures, check_classes, read_pictures
from landbridge.mapping import Carried, DeepTransfer
from landbridge.saving import save
from landbridge.source import NetworkSource, has_probabilities, make_learner
from landbridge.target import TARGETS, FineTune, Pooled, TargetLearner, TargetOnly
from landbridge.target.fine_tune.recipes import RECIPES
from landbridge.training import Training
from landbridge.transfer import Transfer

PROBE, PROTOTYPE, AUTO, DEEP = "probe", "prototype", "auto", "deep:"
SIZES = {"timm": 224, "keras": 224, "cnn": 32}


def make_encoder(
    features: Any, size: int | None = None, training: Training | None = None, random_state: int = 0
) -> PictureEncoder:
    """An unfitted encoder of pictures by its name.

    Parameters
    ----------
    features : str or PictureEncoder
        ``"hog"``, ``"colour"``, ``"pixels"`` or several with a plus between; ``"cnn"``, a small
        network that is trained on the source; ``"timm:NAME"`` or ``"keras:NAME"``, pretrained.
        An encoder is copied.
    size : int, optional
        Pixels a side; by default 64 for features without a network, 32 for ``"cnn"``, else 224.
    training, random_state
        Of ``"cnn"``.

    Raises
    ------
    ValueError
        If there is no such name.

    Examples
    --------
    >>> from landbridge.kits.image import make_encoder
    >>> make_encoder("hog", 32)
    HandmadeFeatures(kinds='hog', size=32)
    """
    if isinstance(features, PictureEncoder):
        own = copy.deepcopy(features)  # a clone would forget what a network in it has learned
        return own if size is None else own.set_params(size=size)
    origin, _, name = str(features).partition(":")
    if origin == "keras" and name:
        return KerasBackbone(name, size or SIZES["keras"])
    if features == "cnn" or (origin == "timm" and name):
        sized = size or SIZES[origin]
        return Backbone(features, sized, training=training, random_state=random_state)
    if isinstance(features, str) and set(features.split("+")) <= set(KINDS):
        return HandmadeFeatures(features) if size is None else HandmadeFeatures(features, size)
    raise ValueError(
        f"Unknown features {features!r}: give {listed(KINDS)} or several with a plus between, "
        "'cnn', 'timm:NAME', 'keras:NAME' or an encoder such as Backbone."
    )


class ImageTransfer(ClassifierMixin, BaseEstimator):
    """Learn from labelled pictures of one domain, and label those of another.

    Parameters
    ----------
    features : str or PictureEncoder, default="hog+colour"
        What makes rows of pictures, as :func:`make_encoder` takes it. ``"cnn"`` is trained on
        the source; ``"timm:NAME"`` and ``"keras:NAME"`` are pretrained, and need no source.
    mapping : str or Mapping, default="identity"
        Any of ``landbridge.MAPPINGS`` on these rows; or ``"deep:NAME"``, such as ``"deep:dann"``,
        which trains the backbone on both domains at once (``DeepTransfer``).
    target : str or TargetLearner, default="pooled"
        Step 3. ``"pooled"`` learns from carried and labelled target pictures together;
        ``"probe"`` from target labels alone, by a linear model; ``"prototype"`` takes the nearest
        class mean (``Prototypes``), and looks at unlabelled pictures; others are names of
        ``landbridge.target.TARGETS``. With a backbone in PyTorch also a recipe that tunes it on
        target labels: ``"lp-ft"``, ``"lora"``, ``"full"``, ... or ``"auto"`` (``FineTune``).
    learner : scikit-learn classifier, optional
        The linear model: standardised logistic regression by default.
    size : int, optional
        Pixels a side; by default as the features want.
    cache : path, optional
        A folder to keep rows in: what was made for a picture once is not made again.
    training : Training, optional
        How to train networks on the source. Recipes have their own usual steps; give ``target``
        a ``FineTune`` for others.
    random_state : int, default=0

    Attributes
    ----------
    features_ : fitted PictureEncoder
    model_ : Transfer, TargetLearner or FineTune
        What predicts from rows.
    classes_ : ndarray
    notes_ : list of str
        Where weights come from, what could not be read, and what else was decided.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.image import ImageTransfer
    >>> rng = np.random.default_rng(0)
    >>> bars = np.zeros((40, 16, 16)); bars[:20, 7:9] = 1; bars[20:, :, 7:9] = 1
    >>> noisy = np.clip(bars + rng.uniform(0, 0.3, bars.shape), 0, 1)
    >>> names = ["across"] * 20 + ["upright"] * 20
    >>> model = ImageTransfer(features="hog", size=32).fit((bars, names), 1 - noisy)
    >>> model.predict(1 - noisy[[0, 39]])
    array(['across', 'upright'], dtype='<U7')
    """

    def __init__(
        self,
        features: Any = "hog+colour",
        mapping: Any = "identity",
        target: str | TargetLearner = "pooled",
        *,
        learner: Any = None,
        size: int | None = None,
        cache: str | os.PathLike | None = None,
        training: Training | None = None,
        random_state: int = 0,
    ):
        self.features = features
        self.mapping = mapping
        self.target = target
        self.learner = learner
        self.size = size
        self.cache = cache
        self.training = training
        self.random_state = random_state

    def fit(self, source: Any, target: Any) -> Self:
        """Take the three steps.

        Parameters
        ----------
        source : what ``read_pictures`` takes, or None
            Pictures by class. ``None`` with a pretrained backbone, which is the source then.
        target : what ``read_pictures`` takes
            Pictures, some with labels.

        Raises
        ------
        ValueError
            If there is nothing to learn from, a name is unknown, or what was asked for does not
            go together.
        """
        encoder = make_encoder(self.features, self.size, self.training, self.random_state)
        self._check(encoder, source is None)
        pictures_t = read_pictures(target, name="target")
        pictures_s = (
            None if source is None else read_pictures(source, name="source", needs_labels=True)
        )
        if pictures_s is not None:
            check_classes(pictures_s)
        self.notes_ = [
            *(f"Source: {note}" for note in ([] if pictures_s is None else pictures_s.notes)),
            *(f"Target: {note}" for note in pictures_t.notes),
            *unseen_note(pictures_s, pictures_t),
        ]
        self.features_ = encoder
        if self._is_deep:
            self.model_ = self._fit_deep(pictures_s, pictures_t)
        elif self._is_tuned:
            self.model_ = self._fit_tuned(pictures_s, pictures_t)
        else:
            self.model_ = self._fit_rows(pictures_s, pictures_t)
        self.notes_ += [*self.features_.notes_, *getattr(self.model_, "notes_", [])]
        self.classes_ = self.model_.classes_
        return self

    @classmethod
    def of_parts(
        cls, features: PictureEncoder, model: Any, *, is_network: bool = False
    ) -> "ImageTransfer":
        """A fitted encoder and a model that was fitted to its rows, as one.

        ``is_network`` says that the model takes scaled pixels, and not the encoder's rows.
        """
        whole = cls(clone(features))
        whole.features_, whole.model_, whole.takes_pixels_ = features, model, is_network
        whole.classes_, whole.notes_ = model.classes_, list(features.notes_)
        return whole

    def predict(self, pictures: Any) -> NDArray:
        """The class expected for each picture: files, a folder or arrays.

        Files that cannot be read raise a ``ValueError`` here; ``read_pictures`` passes them over.
        """
        rows = self.rows(pictures)
        return self.model_.predict(rows)

    @available_if(lambda self: has_probabilities(getattr(self, "model_", self._learner())))
    def predict_proba(self, pictures: Any) -> NDArray[np.float64]:
        """Probabilities (n, n_classes), in the order of ``classes_``."""
        rows = self.rows(pictures)
        return self.model_.predict_proba(rows)

    def score(
        self, pictures: Any, labels: ArrayLike | None = None, sample_weight: Any = None
    ) -> float:
        """Accuracy on labelled target pictures; labels may be those of the pictures' folders."""
        read = read_pictures(pictures, name="target", needs_labels=labels is None)
        truth = read.labels if labels is None else as_labels(labels, len(read), "labels")
        right = self.predict(read) == truth
        return float(np.average(right, weights=sample_weight))

    def rows(self, pictures: Any) -> NDArray[np.float32]:
        """Rows (n, d) of pictures, as the model sees them.

        Raises
        ------
        ValueError
            If one cannot be read.
        """
        check_is_fitted(self, "model_")
        read = read_pictures(pictures, name="pictures")
        if read.unreadable and not isinstance(pictures, Pictures):
            raise ValueError(
                f"{listed(read.unreadable, 3)} cannot be read: "
                f"{next(iter(read.unreadable.values()))}. Give read_pictures(...) to leave out "
                "what is damaged."
            )
        return self._rows(read)

    def save(self, path: str | os.PathLike) -> Path:
        """Write the fitted model to one file, which ``landbridge.load`` reads back."""
        check_is_fitted(self, "model_")
        return save(self, path)

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return state | {"cache": None}  # a folder of this machine

    def _rows(self, pictures: Pictures) -> NDArray[np.float32]:
        if self.takes_pixels_:
            return network_rows(self.features_, pictures)
        return rows_of(self.features_, pictures, self.cache)

    @property
    def _is_deep(self) -> bool:
        return isinstance(self.mapping, DeepTransfer) or str(self.mapping).startswith(DEEP)

    @property
    def _is_tuned(self) -> bool:
        return isinstance(self.target, FineTune) or (
            isinstance(self.target, str) and self.target in (AUTO, *RECIPES)
        )

    def _check(self, encoder: PictureEncoder, has_no_source: bool) -> None:
        """Refuse what does not go together, before any picture is read."""
        known = (PROBE, PROTOTYPE, AUTO, *TARGETS, *RECIPES)
        if isinstance(self.target, str) and self.target not in known:
            raise ValueError(f"Unknown target {self.target!r}: the names are {listed(known, 40)}.")
        if (self._is_deep or self._is_tuned) and not isinstance(encoder, Backbone):
            what = f"mapping={self.mapping!r}" if self._is_deep else f"target={self.target!r}"
            raise ValueError(
                f"{what} trains a network, and features={self.features!r} has none in PyTorch: "
                'give features="cnn", "timm:NAME" or a Backbone.'
            )
        if self._is_deep and self._is_tuned:
            raise ValueError(
                "mapping and target both train the backbone: choose one, such as "
                f'mapping={self.mapping!r} with target="pooled".'
            )
        if has_no_source and (encoder.learns or self._is_deep):
            raise ValueError(
                f"Without a source, features must be pretrained: {self.features!r} "
                f"{'with a deep mapping ' if self._is_deep else ''}learns from one. Give a source, "
                'or features="timm:NAME" or "keras:NAME".'
            )
        own = (PROBE, PROTOTYPE)
        if (
            has_no_source
            and isinstance(self.target, str)
            and not (self.target in own or self._is_tuned)
        ):
            raise ValueError(
                f"Without a source there is nothing to carry to target={self.target!r}: choose "
                '"probe", "prototype" or a recipe such as "lp-ft".'
            )

    def _fit_encoder(self, source: Pictures | None) -> None:
        if self.features_.learns and source is not None:
            self.features_.fit(source.pixels(self.features_.size), plain_labels(source.labels))
        else:
            self.features_.fit()

    def _fit_rows(self, source: Pictures | None, target: Pictures) -> Any:
        """Mapping and target learner on the encoder's rows."""
        self._fit_encoder(source)
        self.takes_pixels_ = False
        Xt = rows_of(self.features_, target, self.cache)
        last = self._target_learner()
        if source is None:
            nothing = Carried(Xt[:0], plain_labels(target.labels[target.is_labelled])[:0])
            return last.fit(nothing, Xt, target.labels)
        Xs = rows_of(self.features_, source, self.cache)
        mapping = self.mapping if isinstance(self.mapping, str) else clone(self.mapping)
        model = Transfer(self._learner(), mapping, last)
        return model.fit(Xs, plain_labels(source.labels), Xt, target.labels)

    def _fit_tuned(self, source: Pictures | None, target: Pictures) -> Any:
        """The backbone itself goes on learning, from target labels."""
        known = target.take(target.is_labelled)
        check_enough(known, str(self.target))
        self._fit_encoder(source)
        self.takes_pixels_ = True
        model = self.target if isinstance(self.target, FineTune) else self._fine_tune()
        model = clone(model).set_params(network=FrozenEstimator(self.features_.model_))
        return model.fit(network_rows(self.features_, known), plain_labels(known.labels))

    def _fine_tune(self) -> FineTune:
        return FineTune(recipe=str(self.target), random_state=self.random_state)

    def _fit_deep(self, source: Any, target: Pictures) -> Transfer:
        """The backbone learns from both domains at once."""
        encoder: Any = self.features_
        encoder.start("The backbone was trained here on both domains at once.")
        self.takes_pixels_ = True
        model = deep_candidate(
            encoder, self.mapping, self._learner(), self.training, self.random_state
        )
        if not isinstance(self.target, str) or self.target != "pooled":
            model.set_params(target=self._target_learner())
        rows_s, rows_t = (network_rows(encoder, one) for one in (source, target))
        return model.fit(rows_s, plain_labels(source.labels), rows_t, target.labels)

    def _learner(self) -> Any:
        if self.learner is not None:
            return clone(self.learner)
        return make_learner("logistic", "classification", self.random_state)

    def _target_learner(self) -> TargetLearner:
        if not isinstance(self.target, str):
            return clone(self.target)
        return target_learner(self.target, self._learner())


def target_learner(name: str, learner: Any) -> TargetLearner:
    """A target learner by its name: ``"probe"``, ``"prototype"``, or one of ``TARGETS``."""
    own: dict[str, Any] = {PROBE: lambda: TargetOnly(learner), PROTOTYPE: Prototypes}
    return own[name]() if name in own else TARGETS[name](learner)


def deep_candidate(
    encoder: Any, mapping: Any, learner: Any, training: Training | None, random_state: int
) -> Transfer:
    """A transfer on scaled pixels that trains the encoder's network on both domains at once."""
    shape = (3, encoder.size, encoder.size)
    if isinstance(mapping, DeepTransfer):
        mapping = clone(mapping)
    else:
        name = str(mapping).removeprefix(DEEP)
        options: dict[str, Any] = {"training": training, "random_state": random_state}
        mapping = DeepTransfer(encoder.network, alignment=name, **options)
    mapping.set_params(input_shape=shape)
    # The source's own model has no part in it: the mapping brings one.
    unused = NetworkSource((), train=False, random_state=random_state)
    return Transfer(unused, mapping, Pooled(clone(learner)))


def network_rows(encoder: Any, pictures: Pictures) -> NDArray[np.float32]:
    """Pixels of all pictures as the encoder's network takes them, flat."""
    return encoder.network_rows(pictures.pixels(encoder.size))


def plain_labels(labels: NDArray) -> NDArray:
    """Labels that are all there, in a plain type."""
    return np.array(labels.tolist())


def check_enough(known: Pictures, what: str) -> None:
    """Refuse to tune where there is nothing to tune on.

    Raises
    ------
    ValueError
        If no target picture has a label, or all are of one class.
    """
    if not len(known):
        raise ValueError(
            f"{what!r} tunes the network on labelled target pictures, and none has a label. Label "
            'some, or use target="pooled" or "prototype".'
        )
    check_classes(known)


def unseen_note(source: Pictures | None, target: Pictures) -> list[str]:
    """A line on classes that only the target has."""
    if source is None:
        return []
    unseen = set(class_names(target.labels).tolist()) - set(class_names(source.labels).tolist())
    if not unseen:
        return []
    return [
        f"The source never saw the classes {listed(sorted(unseen))}: they are learned from the "
        "target's labels alone."
    ]
