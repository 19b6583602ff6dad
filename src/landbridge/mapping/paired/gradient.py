"""Any network as the map between pairs, learned by gradient descent on the squared error."""

import math
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.folds import folds_by_content
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.affine import Affine
from landbridge.mapping.base import PairedMapping
from landbridge.moments import moments_of_rows
from landbridge.training import ArrayBatches, Batch, Player, Trainer, Training, need_torch
from landbridge.training.batches import is_mapped
from landbridge.training.engine import move, own_chance, usable_device
from landbridge.training.options import OnEpoch
from landbridge.training.schedule import is_still_falling
from landbridge.training.trainer import parameters_of

BATCHES_AN_EPOCH = 16
LARGEST_BATCH = 1024
FEWEST_HELD_OUT = 10
SLOPE_ROWS = 256
ROWS_AT_ONCE = 8192
HELD_BYTES = 2**28
"""Pairs are held standardised, besides as they are, if that takes no more than this."""


def squared_error(predicted: Any, Y: Any, weight: Any) -> Any:
    """``Σ wᵢ ‖f(xᵢ) − yᵢ‖²`` over the rows of a batch, as a tensor."""
    return (weight * (predicted - Y).square().sum(dim=1)).sum()


def held_out_error(module: Any, held_out: Any, device: Any) -> float:
    """The mean squared error of an output over the held-out pairs."""
    total = weight = 0.0
    for batch in held_out.in_order():
        part = move(batch, device)
        total += float(squared_error(module(part.X), part.y, part.weight))
        weight += float(part.weight.sum())
    return total / weight / part.y.shape[1]


def mean_error(module: Any, batch: Batch) -> Any:
    """The weighted squared error for each row of a batch, summed over the outputs."""
    return squared_error(module(batch.X), batch.y, batch.weight) / len(batch.X)


def mean_absolute_slopes(module: Any, Z: Any) -> Any:
    """The mean of ``|∂f_j/∂z_i|`` over the rows of Z, as a tensor (d, e)."""
    torch = need_torch()
    Z = Z.detach().requires_grad_()
    with torch.backends.cudnn.flags(enabled=False):  # cuDNN has no backward pass in eval mode
        outputs = module(Z).sum(dim=0)
        slopes = [
            torch.autograd.grad(output, Z, retain_graph=True, materialize_grads=True)[0]
            for output in outputs
        ]
    return torch.stack([slope.abs().mean(dim=0) for slope in slopes], dim=1)


def build_module(
    module: Any, n_inputs: int, n_outputs: int, input_shape: Sequence[int] | None = None
) -> Any:
    """A fresh network, as ``GradientMapping`` describes it.

    Raises
    ------
    TypeError
        If ``module`` neither is nor makes an ``nn.Module``.
    """
    nn = need_torch().nn
    from landbridge.training.networks import MixtureOfLinear, make_network

    if module is None:
        return nn.Linear(n_inputs, n_outputs)
    shape = (n_inputs,) if input_shape is None else tuple(input_shape)
    if module == "mixture":
        return MixtureOfLinear(n_inputs, n_outputs)
    made = make_network(module, shape, n_outputs, what="module")
    return made if len(shape) == 1 else nn.Sequential(nn.Unflatten(1, shape), made)


class Pairs(ArrayBatches):
    """Standardised pairs: held so if they are few, else standardised a batch at a time."""

    def __init__(
        self, arrays: Sequence[NDArray], order: NDArray, scaling: "Scaling", batch_size: int
    ):
        super().__init__(order, batch_size=batch_size)
        self.arrays, self.scaling = arrays, scaling
        n_numbers = len(order) * (arrays[0].shape[1] + arrays[1].shape[1])
        is_held = n_numbers * arrays[0].itemsize <= HELD_BYTES
        self.held = self.pairs(order) if is_held else None

    def ready(self, values: Any) -> Any:
        """Row numbers as they are."""
        return values

    def batch(self, rows: NDArray[np.intp]) -> Batch:
        """The standardised pairs at these places of the order."""
        if self.held is None:
            return self.pairs(self.X[rows])
        places = need_torch().from_numpy(rows)
        return Batch(*(values[places] for values in self.held[:3]))

    def pairs(self, rows: NDArray[np.intp]) -> Batch:
        """The standardised pairs of these row numbers; of a file, in its order."""
        rows = np.sort(rows) if is_mapped(self.arrays[0]) else rows
        X, Y, weight = (values[rows] for values in self.arrays)
        Z, U = self.scaling.source(X), self.scaling.target(Y.astype(X.dtype, copy=False))
        return Batch(*map(self.tensor, (Z, U, weight.astype(X.dtype))))

    def fingerprint(self) -> int:
        """A checksum of some of the pairs, and of their order."""
        some = ArrayBatches(*self.arrays, batch_size=self.batch_size).fingerprint()
        return some ^ super().fingerprint()


class Scaling(NamedTuple):
    """What rows of both sides are shifted and divided by."""

    source_mean: NDArray
    source_scale: NDArray
    target_mean: NDArray
    target_scale: NDArray

    def source(self, X: NDArray) -> NDArray:
        """Source rows between standardised features."""
        return (X - self.source_mean.astype(X.dtype)) / self.source_scale.astype(X.dtype)

    def target(self, Y: NDArray) -> NDArray:
        """Target rows between standardised features."""
        return (Y - self.target_mean.astype(Y.dtype)) / self.target_scale.astype(Y.dtype)


def _varies(X: NDArray, order: NDArray) -> NDArray[np.bool_]:
    """Which features are not the same in all of these rows, a block of rows at a time."""
    differs = np.zeros(X.shape[1], dtype=bool)
    for start in range(0, len(order), ROWS_AT_ONCE):
        differs |= (X[order[start : start + ROWS_AT_ONCE]] != X[order[0]]).any(axis=0)
    return differs


def check_module(module: Any, Z: Any, n_outputs: int) -> None:
    """Try the network on a few rows before any training.

    Raises
    ------
    ValueError
        If it does not take rows of this width, gives another width than the target's, or has
        nothing to learn.
    """
    try:
        with need_torch().no_grad():
            found = tuple(module.eval()(Z).shape)
    except RuntimeError as error:
        raise ValueError(
            f"module must take rows of the source, here {Z.shape[1]} features each: {error}"
        ) from error
    check_shape(found, len(Z), n_outputs)
    if not any(p.requires_grad for p in module.parameters()):
        raise ValueError("module must have parameters to train: found none with requires_grad.")


def check_shape(found: tuple[int, ...], n_rows: int, n_outputs: int) -> None:
    """Refuse outputs that are not one row of the target for each source row."""
    if tuple(found) != (n_rows, n_outputs):
        raise ValueError(
            f"module must give one row of {n_outputs} target features for each source row: "
            f"expected shape {(n_rows, n_outputs)} for {n_rows} rows, found {tuple(found)}. Change "
            "its last layer."
        )


class GradientMapping(Affine, PairedMapping):
    r"""Learn any PyTorch network f as the map between pairs, by mini-batch gradient descent.

    :math:`\min_f \sum_i w_i \lVert f(x_i) - y_i \rVert^2`, step by step against the gradient of
    a few pairs (Robbins & Monro 1951), with Adam (Kingma & Ba 2015; weight decay after
    Loshchilov & Hutter 2019) or momentum. Part of the pairs is held out: training ends when it
    gains no more there, and the best weights are kept. Needs ``pip install
    'landbridge[torch]'``. For a linear f ``LeastSquares`` finds the same map at once.

    Parameters
    ----------
    module : None, tuple of int, str, nn.Module or callable, default=None
        The network f, rows (n, d_s) to rows (n, d_t). ``None`` is linear; a tuple gives the
        widths of hidden layers, with GELU between; ``"mlp"``, ``"residual-mlp"``, ``"mixture"``
        (linear maps, mixed by where a row is), ``"cnn"``, ``"gru"`` and ``"transformer"`` are
        made to fit; a module is copied and its weights are where training starts; a callable
        without arguments makes one.
    input_shape : sequence of int, optional
        What a flat row is to the network: (channels, height, width) of a picture, (steps,
        features) of a sequence.
    optimiser : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.02
        The first step size, in standardised units. Larger is faster until it diverges.
    batch_size : int or "auto", default="auto"
        Pairs a step; ``"auto"`` is a sixteenth of them, 1,024 at most.
    max_epochs : int, default=200
        The most times to go over all pairs.
    schedule : {"cosine", "constant"}, default="cosine"
        How the step size goes on: down to zero at ``max_epochs`` along a half cosine, or level.
    weight_decay : float, default=0.0
        Pull of the weights towards zero, relative to the step size; larger is smoother.
    validation_share : float, default=0.1
        Share of the pairs to hold out. At 0, or where that is fewer than 10 pairs, too few to
        tell, none is held out and all epochs are done.
    patience : int, default=20
        Epochs without gain on the held-out pairs after which to end: at once if the step size is
        constant; on a cosine the rest of it is run through in at most as many epochs, for the
        gain that comes of small steps.
    standardise : bool, default=True
        Whether to learn between features of mean 0 and standard deviation 1, so that the step
        size fits any units and every target feature counts alike. What is learned is folded
        back; features constant over the pairs are left out.
    device : str, default="auto"
        Where to train and predict, as torch names it; ``"auto"`` is the GPU where CUDA sees
        one, else the CPU.
    random_state : int, RandomState or None, default=None
        Seeds the first weights, the held-out pairs, the order of batches and dropout; torch's
        global state is left as it was.
    progress : bool or callable, default=False
        ``True`` draws a bar on the standard error stream; a callable is called after each epoch
        with its number, the training loss and the held-out loss (``None`` without).

    Attributes
    ----------
    weights_ : dict of str to ndarray
        The best weights, under the names of the module's ``state_dict``; all that ``predict``
        needs, besides ``module`` and the means and scales.
    matrix_ : ndarray of shape (d_s, d_t)
        The map itself, for a linear f only.
    slopes_ : ndarray of shape (d_s, d_t)
        For any other f the mean absolute slope of each target feature along each source feature
        over (at most 256 of) the pairs: what ``explain`` reads.
    is_affine_ : bool
        Whether f is linear.
    n_epochs_, best_epoch_ : int
        Epochs done, and the one (from 1) whose weights were kept: least loss on the held-out
        pairs, or on all where none is held out.
    loss_curve_, validation_curve_ : ndarray of shape (n_epochs_,)
        Mean squared error for each output after each epoch, standardised: 1 is what the mean
        of the target reaches alone. On the training pairs it is averaged over the epoch's
        steps; the second is empty where none is held out.
    source_mean_, source_std_, source_scale_ : ndarray of shape (d_s,)
    target_mean_, target_scale_ : ndarray of shape (d_t,)
        What rows are shifted and divided by; a scale is infinite where a source feature is
        constant. For a linear f ``target_mean_`` has the intercept in it.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If a parameter is out of its range, the device is not there, the module does not fit the
        rows, or training diverges.
    TypeError
        If ``module`` neither is nor makes an ``nn.Module``.

    Warns
    -----
    ConvergenceWarning
        If ``max_epochs`` is reached while the loss still falls: by more than 0.01, standardised,
        in the last quarter.

    Notes
    -----
    Ctrl-C ends training: the best weights so far are kept, so that the mapping can be used, and
    ``KeyboardInterrupt`` goes on to whoever called, so that a search over many fits ends too.
    Before the first epoch is over nothing is kept.

    Beyond 256 MB, pairs are standardised a batch at a time, in the precision of X: arrays that
    are mapped from files (``np.memmap``) are never held as a whole. The order of the rows does
    not matter.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import GradientMapping
    >>> X = np.random.default_rng(0).normal(size=(400, 2))
    >>> Y = X @ [[1.0, 0.0], [2.0, -1.0]] + 5.0
    >>> map_ = GradientMapping(random_state=0).fit(X, Y)
    >>> map_.transform([[1.0, 1.0]]).round(2)
    array([[8., 4.]])
    >>> curved = GradientMapping((32,), random_state=0).fit(X, np.sin(X))
    >>> bool(curved.score(X, np.sin(X)) > 0.99)
    True
    """

    cost = "epochs × n × the network's"
    when = "nonlinear maps with many pairs, sequences and images"

    def __init__(
        self,
        module: Any = None,
        *,
        input_shape: Sequence[int] | None = None,
        optimiser: str = "adam",
        learning_rate: float = 0.02,
        batch_size: int | str = "auto",
        max_epochs: int = 200,
        schedule: str = "cosine",
        weight_decay: float = 0.0,
        validation_share: float = 0.1,
        patience: int = 20,
        standardise: bool = True,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        progress: bool | OnEpoch = False,
    ):
        self.module = module
        self.input_shape = input_shape
        self.optimiser = optimiser
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.validation_share = validation_share
        self.patience = patience
        self.standardise = standardise
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def _fit(self, X: NDArray, Y: NDArray, sample_weight: NDArray | None) -> None:
        self._check_parameters()
        device = self._usable_device()
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        weight = np.ones(len(X)) if sample_weight is None else sample_weight
        order = folds_by_content(X, Y, 1)[0]
        order = order[weight[order] > 0]
        weight = weight / weight[order].mean()
        self._set_moments(X, Y, weight, order)
        with self._chance(seed, device):
            trainer = self._prepare((X, Y, weight), order, seed, device)
            try:
                trainer.fit()
            finally:
                if trainer.best_state:
                    self._keep(trainer, order)
        self._warn_if_still_falling(trainer)

    def _set_moments(self, X: NDArray, Y: NDArray, weight: NDArray, order: NDArray) -> None:
        """Means and scales of both sides, a block of rows at a time."""
        d_source, d_target = X.shape[1], Y.shape[1]
        source, target = (moments_of_rows((Z,), weight, order, variances_only="x") for Z in (X, Y))
        source_std, target_std = (np.sqrt(m.squares / m.weight) for m in (source, target))
        self.source_std_ = source_std
        self.source_mean_, self.target_mean_ = np.zeros(d_source), np.zeros(d_target)
        self.source_scale_, self.target_scale_ = np.ones(d_source), np.ones(d_target)
        self.spread_ = float((target_std**2).mean())
        if self.standardise:
            varies, moves = _varies(X, order), _varies(Y, order)
            self.source_mean_, self.target_mean_ = source.mean, target.mean
            self.source_scale_ = np.where(varies, source_std, np.inf)
            self.target_scale_ = np.where(moves, target_std, 1.0)
            self.spread_ = float(moves.mean())

    def _prepare(
        self, arrays: tuple[NDArray, ...], order: NDArray, seed: int, device: Any
    ) -> Trainer:
        X, Y, _ = arrays
        scaling = Scaling(
            self.source_mean_, self.source_scale_, self.target_mean_, self.target_scale_
        )
        module = self._built(X, Y, device)
        drawn = np.random.default_rng(seed).permutation(order)
        n_held_out = self._n_held_out(len(order))
        rest = drawn[n_held_out:]
        kind, held = self._pairs_type, drawn[:n_held_out]
        pairs = kind(arrays, rest, scaling, self._n_in_batch(len(rest)))
        held_out = kind(arrays, held, scaling, ROWS_AT_ONCE) if n_held_out else None
        self._check_module(module, pairs.pairs(order[:2]).X, Y.shape[1], device)
        return self._trainer_type(
            module,
            [self._player(module)],
            pairs,
            self._training(Y.shape[1]),
            seed,
            device,
            judge=(lambda: self._error(module, held_out, device)) if held_out else None,
            rest=0 if self.schedule == "constant" else self.patience,
            title="Gradient descent",
        )

    def _training(self, n_outputs: int) -> Training:
        hear = self.progress

        def heard(epoch: int, train_loss: float, valid_loss: float | None) -> None:
            hear(epoch, train_loss / n_outputs, valid_loss)  # type: ignore[operator]

        return Training(
            max_epochs=self.max_epochs,
            learning_rate=self.learning_rate,
            optimiser=self.optimiser,
            schedule=self.schedule,
            weight_decay=self.weight_decay,
            patience=self.patience,
            device=self.device,
            progress=heard if callable(hear) else hear,
        )

    def _n_held_out(self, n_rows: int) -> int:
        n_held_out = int(self.validation_share * n_rows)
        return n_held_out if n_held_out >= FEWEST_HELD_OUT else 0

    def _n_in_batch(self, n_rows: int) -> int:
        if self.batch_size != "auto":
            return int(self.batch_size)
        return max(1, min(n_rows // BATCHES_AN_EPOCH, LARGEST_BATCH))

    def _keep(self, trainer: Trainer, order: NDArray) -> None:
        self.weights_ = self._arrays(trainer.best_state)
        self.n_epochs_, self.best_epoch_ = trainer.n_epochs, trainer.best_epoch
        self.loss_curve_ = np.array(trainer.curve("loss")) / self.n_features_target_
        self.validation_curve_ = np.array(trainer.curve("judged") if trainer.judge else [])
        linear = self._linear(trainer.module)
        self.is_affine_ = linear is not None
        if linear is not None:
            slopes, intercept = linear
            self.target_mean_ = self.target_mean_ + self.target_scale_ * intercept
            self.matrix_ = self._unscaled(slopes.astype(np.float64))
        else:
            pairs: Any = trainer.batches
            some = pairs.pairs(order[:: math.ceil(len(order) / SLOPE_ROWS)])
            self.slopes_ = self._unscaled(self._slopes(trainer.module, some.X, trainer.device))

    def _unscaled(self, slopes: NDArray) -> NDArray:
        """Slopes between standardised features as slopes between the features themselves."""
        return slopes / self.source_scale_[:, None] * self.target_scale_

    def _effects(self) -> NDArray:
        return self.matrix_ if self.is_affine_ else self.slopes_

    def _warn_if_still_falling(self, trainer: Trainer) -> None:
        spread = self.spread_ or 1.0
        watched = self.validation_curve_ if trainer.judge else self.loss_curve_
        if self.n_epochs_ == self.max_epochs and is_still_falling(watched.tolist(), spread):
            warnings.warn(
                f"The loss still falls after max_epochs={self.max_epochs}: it is "
                f"{watched.min():.3g}, with {spread:.3g} for the mean alone. Raise "
                "max_epochs or learning_rate.",
                ConvergenceWarning,
                stacklevel=4,
            )

    @property
    def is_invertible(self) -> bool:
        """Whether f is linear and keeps every direction of the source."""
        check_is_fitted(self)
        return self.is_affine_ and super().is_invertible

    def _map(self, X: NDArray) -> NDArray:
        return super()._map(X) if self.is_affine_ else self._run(X)

    def _run(self, X: NDArray) -> NDArray:
        Z = (X - self.source_mean_.astype(X.dtype)) / self.source_scale_.astype(X.dtype)
        outputs = self._outputs(Z).astype(X.dtype, copy=False)
        return outputs * self.target_scale_.astype(X.dtype) + self.target_mean_.astype(X.dtype)

    def _check_parameters(self) -> None:
        check_choice("optimiser", self.optimiser, ("adam", "sgd"))
        check_choice("schedule", self.schedule, ("cosine", "constant"))
        check_number("learning_rate", self.learning_rate, above=True)
        check_number("batch_size", self.batch_size, words=("auto",), least=1, whole=True)
        check_number("max_epochs", self.max_epochs, least=1, whole=True)
        check_number("patience", self.patience, least=1, whole=True)
        check_number("weight_decay", self.weight_decay)
        check_number("validation_share", self.validation_share, below=1.0)

    # What follows is all that knows PyTorch; the twin in Keras gives its own.

    _trainer_type = Trainer
    _pairs_type = Pairs

    def _usable_device(self) -> Any:
        return usable_device(self.device)

    def _chance(self, seed: int, device: Any) -> AbstractContextManager:
        """Where all that is drawn depends on the seed."""
        return own_chance(seed, device)

    def _built(self, X: NDArray, Y: NDArray, device: Any) -> Any:
        """A fresh network in the precision of the rows."""
        module = build_module(self.module, X.shape[1], Y.shape[1], self.input_shape)
        return module.to(device, need_torch().from_numpy(np.zeros(0, X.dtype)).dtype)

    def _check_module(self, module: Any, Z: Any, n_outputs: int, device: Any) -> None:
        check_module(module, Z.to(device), n_outputs)

    def _player(self, module: Any) -> Player:
        """The network, that makes its error small."""
        return Player(
            lambda batch, done: {"error": mean_error(module, batch)}, parameters_of(module)
        )

    def _error(self, module: Any, held_out: Any, device: Any) -> float:
        return held_out_error(module, held_out, device)

    def _arrays(self, state: dict[str, Any]) -> dict[str, NDArray]:
        """Weights as arrays."""
        return {name: value.cpu().numpy() for name, value in state.items()}

    def _linear(self, module: Any) -> tuple[NDArray, NDArray] | None:
        """Slopes (d_s, d_t) and intercept (d_t,) of what is linear."""
        if not isinstance(module, need_torch().nn.Linear):
            return None
        intercept = self.weights_.get("bias", np.zeros(self.n_features_target_))
        return self.weights_["weight"].T, intercept

    def _slopes(self, module: Any, Z: Any, device: Any) -> NDArray[np.float64]:
        """Mean absolute slopes (d_s, d_t) over standardised rows."""
        return mean_absolute_slopes(module, Z.to(device)).double().cpu().numpy()

    def _outputs(self, Z: NDArray) -> NDArray:
        """What the network makes of standardised rows."""
        torch = need_torch()
        device, rows = usable_device(self.device), torch.from_numpy(Z)
        module = self._rebuilt(device).to(device, rows.dtype)
        with torch.no_grad():
            parts = [module(part.to(device)).cpu() for part in rows.split(ROWS_AT_ONCE)]
        return torch.cat(parts).numpy()

    def _rebuilt(self, device: Any) -> Any:
        torch = need_torch()
        with own_chance(0, device):
            module = build_module(
                self.module, self.n_features_in_, self.n_features_target_, self.input_shape
            )
        state = {name: torch.tensor(array) for name, array in self.weights_.items()}
        module.load_state_dict(state)
        return module.eval()
