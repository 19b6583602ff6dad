"""A network as source learner, scikit-learn's way: any module, and what it makes of rows."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.class_weight import ClassWeight
from landbridge.domains.labels import codes_of
from landbridge.training import Batch, Player, Trainer, Training
from landbridge.training.loading import LabelledLoader, is_loader, rows_and_labels, survey
from landbridge.training.model import NetworkModel


class NetworkSource(NetworkModel, BaseEstimator):
    """Train any network, or take one that is trained, as a classifier or regressor.

    The last linear layer is the network's head; what it gets from the layers before, its body,
    is the representation that mappings and target learners carry on with. Needs
    ``pip install 'landbridge[torch]'``.

    Parameters
    ----------
    network : str, tuple of int, None, nn.Module or callable, default="mlp"
        ``"mlp"``, ``"residual-mlp"``, ``"cnn"``, ``"gru"``, ``"transformer"`` or
        ``"timm:NAME"``; the widths of hidden layers; ``None`` for none; a module, which is
        copied, with its weights; or a callable that makes one.
    task : {"classification", "regression"}, default="classification"
    head : str, optional
        The name of the head among the module's layers: the last linear one by default.
    input_shape : sequence of int, optional
        What each flat row is to the network, such as (1, 28, 28): channels first.
    loss : {"cross-entropy", "focal", "logit-adjusted", "ldam"}, default="cross-entropy"
        In classification; the others are for rare classes. In regression it is the squared error.
    class_weight : None, "auto" or dict, default=None
        A factor on the weights of each class's rows: see ``landbridge.target.class_weights``.
    balanced_batches : bool, default=False
        Whether each class makes up the same share of a batch.
    validation_share : float or "auto", default="auto"
        Share of the rows to hold out: the weights of the epoch with the least loss there are
        kept. ``"auto"`` is a tenth, where that is 50 rows or more. Where nothing is held out, as
        where a share is fewer than 10 rows, the weights of the last epoch are kept.
    train : bool, default=True
        Whether to train; if not, ``network`` must be a trained module, with as many outputs as
        there are classes.
    training : Training, optional
        How to train; ``Training()`` by default.
    random_state : int, RandomState or None, default=None
        Seeds first weights, held-out rows, batches and dropout.

    Attributes
    ----------
    network_ : Cut
        The trained network, ``body`` and ``head``.
    classes_ : ndarray of shape (n_classes,)
        In classification.
    weights_ : dict of str to ndarray
        What was learned, as ``network_.state_dict()`` names it.
    history_ : list of dict
        The figures of every epoch.
    n_epochs_, best_epoch_ : int
        Epochs done, and the one whose weights are kept.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If the network does not fit the rows or the labels, or training diverges.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge import NetworkSource
    >>> from landbridge.training import Training
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> net = NetworkSource((32,), training=Training(learning_rate=0.02), random_state=0).fit(X, y)
    >>> bool(net.score(X, y) > 0.9), net.representation(X).shape
    (True, (300, 32))
    """

    def __init__(
        self,
        network: Any = "mlp",
        *,
        task: str = "classification",
        head: str | None = None,
        input_shape: Any = None,
        loss: str = "cross-entropy",
        class_weight: ClassWeight = None,
        balanced_batches: bool = False,
        validation_share: float | str = "auto",
        train: bool = True,
        training: Training | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.network = network
        self.task = task
        self.head = head
        self.input_shape = input_shape
        self.loss = loss
        self.class_weight = class_weight
        self.balanced_batches = balanced_batches
        self.validation_share = validation_share
        self.train = train
        self.training = training
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Train on rows and their labels.

        Parameters
        ----------
        X : array-like of shape (n, d), (n, channels, height, width) or (n, steps, d)
            Or a PyTorch ``Dataset`` of rows with labels, which is read into memory; or a
            ``DataLoader``, whose batches are trained on as they come, in its own order and size.
            It is read once before, for its labels; none of its rows are held out, and
            ``balanced_batches`` is its sampler's affair.
        y : array-like of shape (n,)
            Of an array only: data sets and loaders bring their labels.
        sample_weight : array-like of shape (n,), optional

        Raises
        ------
        ValueError
            If rows, labels and weights do not fit together, or training diverges.
        MemoryError
            If a data set is too large to be read into memory.
        KeyboardInterrupt
            If it is interrupted: what was learned so far is kept.
        """
        self._check_parameters()
        if is_loader(X) and self._trainer_type is Trainer:
            return self._fit_stream(X, y, sample_weight)
        X, y = rows_and_labels(X, y)
        if y is None:
            raise ValueError(
                "NetworkSource requires y to be passed, but the target y is None: give labels."
            )
        rows = self._first_rows(X)
        codes, weights = self._check_targets(y, len(rows), sample_weight)
        return self._learn(lambda net, seed: self._trainer(net, rows, codes, weights, seed))

    def _fit_stream(self, loader: Any, y: Any, sample_weight: Any) -> Self:
        """Train on the batches of a loader, which is never read into memory."""
        if y is not None or sample_weight is not None or self.balanced_batches:
            raise ValueError(
                "X is a DataLoader, which brings its labels and its order: leave y and "
                "sample_weight out and balanced_batches False. Weigh classes by class_weight, or "
                "balance them by torch's WeightedRandomSampler."
            )
        with self._chance(0):  # the loader may draw on its way
            found = survey(loader)
        self._first_rows(found.X)
        codes, weights = self._check_targets(found.y, len(found.y), None)
        batches = LabelledLoader(loader, self.input_shape_, self._encoder(codes, weights))
        return self._learn(lambda net, seed: self._trainer_on(net, batches, codes, seed))

    def _encoder(self, codes: NDArray, weights: NDArray) -> Any:
        """From labels to numbers and weights, as these numbers have them class by class."""
        if not self._classifies:
            return lambda y: (y.astype(np.float32), np.ones(len(y), np.float32))
        each = weights[np.unique(codes, return_index=True)[1]]

        def encode(y: NDArray) -> tuple[NDArray, NDArray]:
            numbers = codes_of(y, self.classes_)
            return numbers, each[numbers]

        return encode

    def _learn(self, make_trainer: Callable[[Any, int], Trainer]) -> Self:
        """Build the network, train it by the trainer that is made for it and a seed, keep it."""
        seed = self._seed()
        with self._chance(seed):
            network = self._built(self.input_shape_, len(self.classes_) if self._classifies else 1)
            trainer = make_trainer(network, seed)
            try:
                if self.train:
                    trainer.fit()
            finally:
                if trainer.best_state or not self.train:
                    self._keep(trainer, network)
        return self

    def representation(self, X: ArrayLike, layer: str | None = None) -> NDArray:
        """What the body, or a layer of it by name, makes of rows: (n, k).

        Raises
        ------
        ValueError
            If the network has no such layer.
        """
        check_is_fitted(self)
        body = self.network_.body if layer is None else self._upto(layer)
        return self._run(body, self._rows(X))

    def _upto(self, layer: str) -> Any:
        """The body as far as the layer of that name."""
        from landbridge.training.networks import upto

        return upto(self.network_.body, layer)

    def _trainer(
        self, network: Any, X: NDArray, y: NDArray, weights: NDArray, seed: int
    ) -> Trainer:
        """What trains on some of these rows, and is judged by the others."""
        rest, held_out = self._held_out(X, y, weights, seed)
        plain = self._loss(y[rest], self._device(), "cross-entropy")

        def judge() -> float:
            return self._mean_loss(plain, network, X[held_out], y[held_out], weights[held_out])

        batches = self._batches(X[rest], y[rest], weights[rest])
        return self._trainer_on(network, batches, y[rest], seed, judge if len(held_out) else None)

    def _trainer_on(
        self,
        network: Any,
        batches: Any,
        y: NDArray,
        seed: int,
        judge: Callable[[], float] | None = None,
    ) -> Trainer:
        """What trains on these batches, whose labels are as common as in ``y``."""
        options, device = self._options(), self._device()
        loss = self._loss(y, device)

        def terms(batch: Batch, done: float) -> dict[str, Any]:
            return {"loss": loss(network(batch.X), batch.y, batch.weight)}

        return self._trainer_type(
            network,
            [Player(terms, self._parameters_of(network))],
            batches,
            options,
            seed,
            device,
            judge=judge,
            keeps_best=judge is not None,
            rest=options.patience or 0,
            title="Source network",
        )
