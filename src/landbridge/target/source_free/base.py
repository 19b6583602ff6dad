"""What all source-free methods share: a fitted network, target rows, and the guard."""

import warnings
from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import as_labels
from landbridge.domains.folds import content_key
from landbridge.domains.labels import BLANK, codes_of, common_labels
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import Carried
from landbridge.source import LinearHead
from landbridge.target.fine_tune.start import FromNetwork, classes_in, cut_in, network_model
from landbridge.target.source_free.collapse import Spread, told_of
from landbridge.training import ArrayBatches, Player, Training

FEWEST_IN_A_BATCH = 3
"""Then batches of even size have two rows at least, which batch normalisation needs."""

_SHARED = ("network", "training", "random_state")


class SourceFree(FromNetwork):
    """A source network that is adapted to the target by its rows alone.

    A method gives ``_check_network`` and ``_adapt``.
    """

    head: str | None = None
    input_shape: Any = None
    loss = "cross-entropy"
    class_weight = None
    balanced_batches = False
    validation_share = 0.0

    def fit(self, X: Any, y: Any = None, yt: Any = None, model: Any = None) -> Self:
        """Adapt to target rows: ``fit(Xt)``, or, as a third step, ``fit(carried, Xt, yt, model)``.

        Parameters
        ----------
        X : array-like of shape (n, ...), or Carried
            Target rows; in ``Transfer`` the carried source rows, which are not looked at.
        y : array-like of shape (n,), or of shape (n_t, ...)
            The labels of target rows, where there are some, blank where unknown; in
            ``Transfer`` the target rows.
        yt : array-like of shape (n_t,), optional
            In ``Transfer``, the labels of the target rows, blank where unknown.
        model : fitted learner, optional
            In ``Transfer``, the source model.

        Raises
        ------
        ValueError
            If no fitted network is to be had, it is not for this method, or rows or labels do
            not fit it.
        KeyboardInterrupt
            If it is interrupted: what was learned in whole epochs is kept.
        """
        if isinstance(X, Carried):
            self._fit(X, y, yt, model)
        else:
            self._fit(None, X, y, None)
        return self

    def _fit(self, carried: Any, Xt: Any, yt: Any, model: Any) -> None:
        """Adapt to target rows; of ``carried`` nothing is read."""
        self.notes_: list[str] = []
        self._check_parameters()
        self._set_start(model)
        self._check_start()
        rows = self._first_rows(Xt, "Xt")
        if len(rows) < 2:
            raise ValueError(
                f"{type(self).__name__} needs two target rows at least: found {len(rows)}. Give "
                "it more of them at once."
            )
        codes = self._codes(yt, len(rows))
        seed = self._seed()
        with self._chance(seed):
            network = cut_in(self._inner)
            self._check_network(network)
            order = _order(rows, seed)
            self._adapt(network, rows[order], codes[order], seed)

    @abstractmethod
    def _check_network(self, network: Any) -> None:
        """Refuse a network that has nothing to adapt."""

    @abstractmethod
    def _adapt(self, network: Any, X: NDArray, codes: NDArray, seed: int) -> None:
        """Adapt the network to rows, some of which may have class numbers."""

    @property
    def _inner(self) -> Any:
        """The estimator with the network that all starts from."""
        return network_model(self.start_)

    def _check_start(self) -> None:
        """Refuse a start without known classes, or of another task; the classes are set by it."""
        name, inner = type(self).__name__, self._inner
        if inner is None:
            raise ValueError(
                f"{name} adapts a network that was fitted in the source: found {self.network!r}. "
                "Make one of your own known by NetworkSource(module, train=False).fit(X, y), with "
                "one row of each class."
            )
        if isinstance(inner, LinearHead):
            raise ValueError(
                f"{name} adapts what comes before a network's head: found the head alone, as a "
                "DeepTransfer leaves it to the third step. Give the fitted DeepTransfer to "
                f"{name} as network, and fit that on target rows."
            )
        if self._classifies == (classes_in(inner) is None):
            raise ValueError(self._other_task())
        if self._classifies:
            self.classes_ = np.asarray(classes_in(inner))

    def _other_task(self) -> str:
        """What to say of a source network for another task."""
        return (
            f"{type(self).__name__} makes predictions of classes surer, and the source network "
            'is for regression. Use AdaBN(task="regression"), or FineTune with a few labels.'
        )

    def _codes(self, yt: Any, n_rows: int) -> NDArray[np.intp]:
        """The class number of each row (n,), blank where it has no label."""
        if yt is None or not self._classifies:
            return np.full(n_rows, BLANK)
        _, labels, classes = common_labels(self.classes_, as_labels(yt, n_rows, "yt"))
        if len(classes) > len(self.classes_):
            new = [value for value in classes.tolist() if value not in self.classes_.tolist()]
            raise ValueError(
                f"{type(self).__name__} keeps the classes of the source: yt has {new[0]!r}, which "
                "is none of them. Use FineTune, which gives new classes a head, or leave these "
                "labels blank."
            )
        return codes_of(labels, self.classes_)

    def _built(self, input_shape: tuple[int, ...], n_outputs: int) -> Any:
        return cut_in(self._inner)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


class GuardedLearner(SourceFree):
    """A source-free method that trains, and is stopped where predictions run into few classes.

    A method gives ``_adapting``, the module that is trained.
    """

    task = "classification"
    least_diversity: float
    usual_training = Training()

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("least_diversity", self.least_diversity, below=1.0)
        found = self._options().batch_size
        if found < FEWEST_IN_A_BATCH:
            raise ValueError(
                f"training.batch_size must be {FEWEST_IN_A_BATCH} at least for "
                f"{type(self).__name__}, which looks at a batch as a whole: found {found}."
            )

    def _options(self) -> Training:
        return self.usual_training if self.training is None else self.training

    @abstractmethod
    def _adapting(self, network: Any, codes: NDArray) -> Any:
        """The network, and what it minimises over rows with these class numbers."""

    def _adapt(self, network: Any, X: NDArray, codes: NDArray, seed: int) -> None:
        from landbridge.target.source_free.guarded import Guarded

        module = self._adapting(network, codes)
        trainer = Guarded(
            module,
            [Player(module.terms, module.groups())],
            ArrayBatches(X, codes, batch_size=self._options().batch_size),
            self._options(),
            seed,
            self._device(),
            keeps_best=False,
            title=type(self).__name__,
            X=X,
            least_diversity=self.least_diversity,
            method={k: v for k, v in self.get_params(deep=False).items() if k not in _SHARED},
        )
        try:
            trainer.fit()
        finally:
            if trainer.history:
                self._keep(trainer, network.requires_grad_(True))
                self.before_ = trainer.start._asdict()
        self._tell_of_start(trainer.start)
        if trainer.has_collapsed:
            self._warn(trainer)

    def _tell_of_start(self, start: Spread) -> None:
        """Note where predictions were of few classes before anything was learned."""
        n_classes = len(self.classes_)
        if start.diversity < self.least_diversity * np.log(n_classes):
            self.notes_.append(
                f"Already at the start, predictions were spread as over {start.n_classes:.2g} "
                f"equally common classes of {n_classes}: the guard goes by that."
            )

    def _warn(self, trainer: Any) -> None:
        """Tell of a collapse: in the notes, and aloud."""
        figures = told_of(trainer.start, trainer.spreads[-1], self.least_diversity)
        kept = f"epoch {trainer.best_epoch}" if trainer.best_epoch else "the start"
        note = (
            f"{type(self).__name__} was stopped in epoch {trainer.n_epochs}, as its predictions "
            f"ran into few classes ({figures}). The weights of {kept}, the most informative, are "
            "kept. Lower training.learning_rate; where the target does have rarer classes than the "
            "start's predictions, lower least_diversity."
        )
        self.notes_.append(note)
        warnings.warn(note, UserWarning, stacklevel=2)


def _order(X: NDArray, seed: int) -> NDArray[np.intp]:
    """Row numbers in a drawn order that depends on what is in the rows, not on their order."""
    by_content = np.argsort(content_key(X.reshape(len(X), -1)), kind="stable")
    return np.random.default_rng(seed).permutation(by_content)
