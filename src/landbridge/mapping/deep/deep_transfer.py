"""Train a network on both domains: labels from the source, alignment from both."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landbridge.domains.class_weight import ClassWeight, class_weights
from landbridge.domains.labels import codes_of, common_labels, is_labelled
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.base import UnpairedMapping, check_two_rows
from landbridge.mapping.deep.catalogue import make_alignment
from landbridge.mapping.deep.epoch import Epoch
from landbridge.mapping.sources import TakesSources, check_sources
from landbridge.mapping.surrogate import Surrogate
from landbridge.source import LinearHead
from landbridge.source.unlabelled import PREDICTION_SCORES
from landbridge.training import Trainer, Training, TwoDomains
from landbridge.training.loading import rows_and_labels, rows_of
from landbridge.training.model import NetworkModel, softmax
from landbridge.training.rows import flat, network_rows

VALIDATORS = ("last", "source", *PREDICTION_SCORES)
JUDGED_ROWS = 2000


class DeepTransfer(NetworkModel, Surrogate, TakesSources, UnpairedMapping):
    r"""Train a network on labelled source rows, and draw the target to them in its representation.

    At every step :math:`\ell_s + \lambda\, a(S, T)` is minimised over a batch of either domain:
    the loss over source labels, and the alignment of both batches as the network's body sees
    them. Rows are then carried into that representation; the head, or any learner of the third
    step, predicts from there. Labelled target rows, where there are some, join the loss. Needs
    ``pip install 'landbridge[torch]'``.

    Every domain is normalised by its own statistics, in training and after, where the network
    has batch normalisation.

    Parameters
    ----------
    network, task, head, input_shape, loss, class_weight, balanced_batches
        As in ``landbridge.NetworkSource``.
    alignment : str or Alignment, default="dann"
        One of ``landbridge.mapping.deep.ALIGNMENTS``, or such an object with parameters of its own.
    trade_off : float, default=1.0
        λ: larger values align more, and at some point at the cost of the labels.
    validator : str or callable, default="last"
        Which epoch's weights are kept, and on what a patience waits, without target labels:
        ``"last"`` the last one's; ``"source"`` those with the least loss on held-out source rows;
        or those whose predictions on the target score best by ``"information"``, surest and of
        most classes (Krause, Perona & Gomes 2010), or by another of
        ``landbridge.source.unlabelled.PREDICTION_SCORES``: ``"entropy"``, ``"diversity"``,
        ``"bnm"``, ``"snd"`` or ``"mano"``; or by a function of what is to be seen after an epoch
        (``landbridge.mapping.deep.Epoch``), such as
        ``landbridge.evidence.make_epoch_validator("dev")``; larger is better.
    validation_share : float, default=0.1
        Share of the source rows to hold out for ``validator="source"`` or a function; where that
        is fewer than 10 rows, too few to tell, none are: ``"source"`` keeps the last epoch's
        weights then, and a function sees the rows that are learned from.
    training : Training, optional
        How to train; ``Training()`` by default.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    network_ : Cut
        Body and head, normalising as the target does.
    classes_ : ndarray
        Those of the labels; an alignment of open sets adds one for what the source knows not.
    sources_ : list
        The names of the sources.
    weights_ : dict of str to ndarray
        What was learned.
    source_statistics_ : dict of str to ndarray
        The normalising statistics of the source.
    history_ : list of dict
        The figures of every epoch: the source's loss and the alignment's terms among them.
    n_epochs_, best_epoch_ : int

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If rows, labels and network do not fit, the alignment needs classes and there are none,
        or training diverges.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import DeepTransfer
    >>> from landbridge.training import Training
    >>> rng = np.random.default_rng(0)
    >>> Xs = rng.normal(size=(400, 2))
    >>> ys, Xt = Xs[:, 0] > 0, rng.normal(size=(400, 2)) + [1.0, 0.0]
    >>> net = DeepTransfer((16,), alignment="mmd", training=Training(max_epochs=20), random_state=0)
    >>> net.fit(Xs, Xt, ys=ys).transform(Xs).shape
    (400, 16)
    """

    needs_labels: ClassVar[str] = "source"
    meets_between: ClassVar[bool] = True
    cost: ClassVar[str] = "epochs × n × the network's"
    when: ClassVar[str] = "images, sequences and many rows, a target without labels"

    def __init__(
        self,
        network: Any = "mlp",
        *,
        alignment: Any = "dann",
        trade_off: float = 1.0,
        task: str = "classification",
        head: str | None = None,
        input_shape: Any = None,
        loss: str = "cross-entropy",
        class_weight: ClassWeight = None,
        balanced_batches: bool = False,
        validator: str | Callable[[Epoch], float] = "last",
        validation_share: float = 0.1,
        training: Training | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.network = network
        self.alignment = alignment
        self.trade_off = trade_off
        self.task = task
        self.head = head
        self.input_shape = input_shape
        self.loss = loss
        self.class_weight = class_weight
        self.balanced_batches = balanced_batches
        self.validator = validator
        self.validation_share = validation_share
        self.training = training
        self.random_state = random_state

    def fit(
        self,
        Xs: ArrayLike,
        Xt: ArrayLike,
        *,
        ys: ArrayLike | None = None,
        yt: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        sources: ArrayLike | None = None,
    ) -> Self:
        """Train on both domains.

        Parameters
        ----------
        Xs, Xt : array-like of shape (n_s, ...) and (n_t, ...)
            Rows, pictures (channels first) or sequences; or a PyTorch ``Dataset`` or
            ``DataLoader`` of either domain, which is read into memory.
        ys : array-like of shape (n_s,)
            Labels of the source. A data set or loader brings its own; labels that come with one
            of the target are not looked at.
        yt : array-like of shape (n_t,), optional
            Labels of the target, blank where unknown.
        sample_weight : array-like of shape (n_s,), optional
        sources : array-like of shape (n_s,), optional
            The name of each row's source, where there are several: each is drawn together with
            the target by itself, and the mean of the terms is taken (Peng et al. 2019, eq. 1).
            A game of several players, such as MCD's or WDGRL's, takes all sources as one.

        Raises
        ------
        ValueError
            If they do not fit together.
        KeyboardInterrupt
            If it is interrupted: what was learned so far is kept.
        """
        self._check_parameters()
        if not callable(self.validator):
            check_choice("validator", self.validator, VALIDATORS)
        if self.validator in PREDICTION_SCORES and not self._classifies:
            raise ValueError(
                f'validator="{self.validator}" scores probabilities of classes, and task is '
                f'{self.task!r}. Use "source" or "last".'
            )
        check_number("trade_off", self.trade_off)
        Xs, ys = rows_and_labels(Xs, ys, "Xs")
        Xt, _ = rows_and_labels(Xt, name="Xt")
        source, _ = (
            network_rows(X, name, self.input_shape) for X, name in ((Xs, "Xs"), (Xt, "Xt"))
        )
        self.input_shape_ = source.shape[1:]
        rows_s, rows_t, *rest = self._check(flat(Xs), flat(Xt), ys, yt, sample_weight)
        labels_s, labels_t, weights = rest
        self._fit(rows_s, rows_t, labels_s, labels_t, weights, sources)
        return self

    def transform(self, X: ArrayLike) -> NDArray:
        """What the body makes of source rows (n, ...): (n, k)."""
        return super().transform(flat(rows_of(X)))

    def transform_target(self, X: ArrayLike) -> NDArray:
        """What the body makes of target rows (n, ...): (n, k)."""
        return super().transform_target(flat(rows_of(X)))

    @property
    def predictor(self) -> LinearHead:
        """The head, which predicts from carried rows."""
        names = ("head.weight", "head.bias")
        weight, bias = (self.weights_.get(name, np.zeros(self.n_outputs_)) for name in names)
        return LinearHead(weight, bias, self.classes_ if self._classifies else None)

    def _fit(
        self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any, sources: Any = None
    ) -> None:
        check_two_rows(self, len(Xs), len(Xt))
        source, target = (network_rows(X, "X", self.input_shape_) for X in (Xs, Xt))
        known = is_labelled(ys)
        groups = self._groups(check_sources(sources, len(Xs)))[known]
        seed = self._seed()
        with self._chance(seed):
            alignment = self._alignment()
            codes_s, codes_t, weights = self._codes(alignment, ys, yt, len(Xt), sample_weight)
            n_outputs = len(self.classes_) if self._classifies else 1
            network = self._built(self.input_shape_, n_outputs)
            labelled = source, codes_s, weights
            if not known.all():
                labelled = source[known], codes_s[known], weights[known]
            trainer = self._trainer(network, alignment, labelled, (target, codes_t), groups, seed)
            try:
                trainer.fit()
            finally:
                if trainer.best_state:
                    self._settle(network, source, target)
                    self._keep(trainer, network)
                    self._set_slopes(Xs)

    def _groups(self, names: NDArray) -> NDArray[np.intp]:
        """The number of each row's source, in the order of ``sources_``."""
        self.sources_ = sorted(set(names.tolist()), key=str)
        numbers = {name: k for k, name in enumerate(self.sources_)}
        return np.array([numbers[name] for name in names.tolist()])

    def _codes(
        self,
        alignment: Any,
        ys: NDArray,
        yt: NDArray | None,
        n_target: int,
        sample_weight: NDArray | None,
    ) -> tuple[NDArray, NDArray, NDArray[np.float32]]:
        """Labels as numbers, blank or NaN where there is none, and the source's weights."""
        yt = np.full(n_target, None) if yt is None else yt
        weights = sample_weight
        if self._classifies:
            weights = class_weights(ys, self.class_weight, weights)
            *labels, classes = common_labels(ys, yt)
            self.classes_ = alignment.classes(classes)
            codes = tuple(codes_of(y, self.classes_) for y in labels)
        else:
            codes = ys.astype(np.float32), yt.astype(np.float32)
        weights = np.ones(len(ys)) if weights is None else weights
        return *codes, (weights / weights.mean()).astype(np.float32)

    def _trainer(
        self,
        network: Any,
        alignment: Any,
        source: tuple[NDArray, NDArray, NDArray],
        target: tuple[NDArray, NDArray],
        groups: NDArray,
        seed: int,
    ) -> Trainer:
        options, device = self._options(), self._device()
        X, y, weights = source
        rest, held_out = self._held_out(X, y, weights, seed)
        if self.validator != "source" and not callable(self.validator):
            rest = np.concatenate([rest, held_out])
        loss, plain = (self._loss(y[rest], device, name) for name in (None, "cross-entropy"))
        net = self._joined(network, alignment, loss, groups[rest], len(target[0]))
        batches = TwoDomains(
            self._batches(X[rest], y[rest], weights[rest]),
            self._batches_type(*target, batch_size=options.batch_size),
        )
        seen = held_out if len(held_out) or not callable(self.validator) else rest
        judge = self._judge(network, plain, (X[seen], y[seen], weights[seen]), target[0])
        return self._trainer_type(
            net,
            net.players(),
            batches,
            options,
            seed,
            device,
            judge=judge,
            keeps_best=judge is not None,
            rest=options.patience or 0,
            title="Deep transfer",
        )

    def _judge(
        self,
        network: Any,
        plain: Any,
        source: tuple[NDArray, NDArray, NDArray],
        Xt: NDArray,
    ) -> Callable[[], float] | None:
        """What says after an epoch how good the network is, the smaller the better, if anything."""
        validator = self.validator
        if callable(validator):
            epoch = self._epoch(network, source, Xt)
            return lambda: -float(validator(epoch))
        if validator == "source":
            held_out = len(source[0]) > 0
            return (
                (lambda: self._mean_loss(plain, network.of_source, *source)) if held_out else None
            )
        if validator == "last":
            return None
        return lambda: -self._told(validator, network, Xt)

    def _alignment(self) -> Any:
        """A fresh alignment."""
        named = isinstance(self.alignment, str)
        alignment = (
            self._named_alignment(self.alignment) if named else copy.deepcopy(self.alignment)
        )
        if alignment.needs_classes and not self._classifies:
            raise ValueError(
                f"{type(alignment).__name__} aligns classes, and task is {self.task!r}. Choose an "
                'alignment of features, such as "mmd", "deep-coral" or "dann".'
            )
        return alignment

    def _epoch(self, network: Any, source: tuple[NDArray, NDArray, NDArray], Xt: NDArray) -> Epoch:
        """What a judge sees, the network as it is whenever it looks."""

        def features(X: NDArray, is_source: bool) -> NDArray:
            part = network.of_source if is_source else network
            return self._represent(part.body, X)

        def outputs(X: NDArray, is_source: bool) -> NDArray:
            part = network.of_source if is_source else network
            found = self._represent(part, X)
            return softmax(found) if self._classifies else found[:, 0]

        X, y, weights = source
        return Epoch(
            flat(X),
            self.classes_[y] if self._classifies else y,
            weights,
            flat(Xt),
            self.classes_ if self._classifies else None,
            features,
            outputs,
        )

    def _told(self, validator: str, network: Any, Xt: NDArray) -> float:
        """What the network's predictions on target rows say of themselves."""
        found = softmax(self._run(network, Xt[:: -(-len(Xt) // JUDGED_ROWS)]))
        return PREDICTION_SCORES[validator](found) if np.isfinite(found).all() else float("nan")

    def _settle(self, network: Any, source: NDArray, target: NDArray) -> None:
        """Give the network the target's statistics, and keep the source's."""
        normalisation = self._normalisation()
        normalisation.recalibrate(network.of_source, self._parts(source))
        self.source_statistics_ = self._arrays(normalisation.statistics(network.of_source))
        normalisation.recalibrate(network, self._parts(target))

    def _map(self, X: NDArray) -> NDArray:
        """Source rows in the representation, normalised as the source."""
        network, normalisation = self.network_.of_source, self._normalisation()
        as_it_was = normalisation.statistics(network)
        normalisation.set_statistics(network, self.source_statistics_)
        try:
            return self._represent(network.body, X)
        finally:
            normalisation.set_statistics(network, as_it_was)

    def _map_target(self, X: NDArray) -> NDArray:
        return self._represent(self.network_.body, X)

    def _represent(self, body: Any, X: NDArray) -> NDArray:
        return self._run(body, network_rows(X, "X", self.input_shape_))

    # What follows is all that knows PyTorch; the twin in Keras gives its own.

    def _built(self, input_shape: tuple[int, ...], n_outputs: int) -> Any:
        """A fresh network, with a body for each domain where the alignment has two."""
        from landbridge.training.networks import TwoBodies

        network = super()._built(input_shape, n_outputs)
        return TwoBodies(network) if self._alignment().has_two_bodies else network

    def _joined(
        self, network: Any, alignment: Any, loss: Any, groups: NDArray, n_target: int
    ) -> Any:
        """Network, built alignment and loss in one; ``groups`` are the sources of the rows."""
        from landbridge.mapping.deep.base import DeepNet
        from landbridge.mapping.deep.each_source import each_source

        if len(self.sources_) > 1:
            alignment = each_source(alignment, groups)
        n_rows = len(groups), n_target
        alignment.build(network.n_features, network.head.out_features, n_rows)
        return DeepNet(network, alignment, loss, self.trade_off)

    def _named_alignment(self, name: str) -> Any:
        return make_alignment(name)

    def _normalisation(self) -> Any:
        """The module of what batch normalisation does between domains."""
        from landbridge.training import normalisation

        return normalisation
