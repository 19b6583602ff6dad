"""Networks as encoders of pictures: trained here on the source, or pretrained elsewhere."""

import sys
import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.parameters import check_number
from landbridge.domains.wording import listed, nearest
from landbridge.kits.image.encoder import PictureEncoder, as_bytes
from landbridge.source import NetworkSource
from landbridge.target.fine_tune.fine_tune import _enough_steps
from landbridge.target.fine_tune.start import network_model
from landbridge.training import Training

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Means and standard deviations of the channels, by which ImageNet's backbones scale."""
NOBODY = np.array(["landbridge: no class", "landbridge: no other class"])
"""Classes of the head of a backbone that was trained elsewhere: no label is like them."""
RANDOM = "weights are random"
UNTRAINED = "it was not trained."


class Backbone(PictureEncoder, BaseEstimator):
    """The body of a PyTorch network: what it makes of pictures before its last linear layer.

    A backbone of timm brings weights from its hub when it is fitted, or, without a network,
    starts from random ones, and ``notes_`` says which. Others are trained on the source's
    labelled pictures by ``NetworkSource``. Needs ``pip install 'landbridge[torch]'``.

    Parameters
    ----------
    network : str, callable, nn.Module or fitted NetworkSource, default="cnn"
        ``"cnn"`` for small pictures, ``"timm:NAME"``, a function without arguments that makes a
        module, a module with its weights, or a network fitted to pixels from 0 to 1 of this
        size; where a search clones, in ``sklearn.frozen.FrozenEstimator``.
    size : int, default=32
        Pixels a side that each picture is squeezed to; 224 is usual for pretrained backbones.
    train : bool, optional
        Whether to train on the source. By default what has no weights yet is: names and
        functions, but not timm's.
    training : Training, optional
        How to train.
    random_state : int, default=0

    Attributes
    ----------
    model_ : NetworkSource
        The whole network, with its head.
    mean_, std_ : ndarray of shape (3,)
        Channels from 0 to 1 go into the network less ``mean_`` and divided by ``std_``: timm's
        for its backbones, else 0 and 1.
    is_trained_ : bool
        Whether its weights were learned, here or elsewhere, and are not random.
    notes_ : list of str

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge import Training
    >>> from landbridge.kits.image import Backbone
    >>> pixels = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    >>> net = Backbone("cnn", 16, training=Training(max_epochs=1))
    >>> net.fit(pixels, ["cat", "dog"] * 10).transform(pixels).shape
    (20, 128)
    """

    def __init__(
        self,
        network: Any = "cnn",
        size: int = 32,
        *,
        train: bool | None = None,
        training: Training | None = None,
        random_state: int = 0,
    ):
        self.network = network
        self.size = size
        self.train = train
        self.training = training
        self.random_state = random_state

    @property
    def learns(self) -> bool:  # type: ignore[override]
        """Whether ``fit`` trains, and needs labelled pictures."""
        return not self._brings_weights if self.train is None else self.train

    @property
    def _is_timm(self) -> bool:
        return isinstance(self.network, str) and self.network.startswith("timm:")

    @property
    def _brings_weights(self) -> bool:
        """Whether it is timm's, a module or a fitted network, and not what makes one."""
        torch = sys.modules.get("torch")
        is_module = torch is not None and isinstance(self.network, torch.nn.Module)
        return self._is_timm or is_module or network_model(self.network) is not None

    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Train on pixels and labels of the source, or fetch weights.

        Raises
        ------
        ImportError
            If PyTorch, or timm for its backbones, is not installed.
        ValueError
            If it is to be trained and there are no labels, or the network does not take pictures
            of this size.
        """
        check_number("size", self.size, least=1, whole=True)
        self.notes_ = []
        self._set_scale(np.zeros(3), np.ones(3))
        if isinstance(inner := network_model(self.network), NetworkSource):
            check_is_fitted(inner)
            self.model_, self.is_trained_ = inner, True
            return self
        if self.learns and y is None:
            raise ValueError(
                f"The network {self.network!r} is trained on labelled pictures of the source, and "
                "there are none. Give a source, or a pretrained backbone such as timm:resnet18."
            )
        self._build(X, y)
        return self

    def start(self, note: str) -> Self:
        """Take the weights as they come, for models that train them; the note says which."""
        self.set_params(train=False).fit()
        self.notes_ = [*(said for said in self.notes_ if not said.endswith(UNTRAINED)), note]
        return self

    def _build(self, X: Any, y: Any) -> None:
        shape = (3, self.size, self.size)
        options: dict[str, Any] = {
            "input_shape": shape,
            "training": self.training,
            "random_state": self.random_state,
        }
        model = NetworkSource(self.network, train=False, **options)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model.fit(np.zeros((2, np.prod(shape)), dtype=np.float32), NOBODY)
        self._tell(model, [str(one.message) for one in said])
        if self.learns:  # from the weights that are there
            start = self.network if isinstance(self.network, str) else model.network_
            model = NetworkSource(start, **options)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of missing weights, which the notes tell
                model.fit(self.network_rows(X), y)
            self.is_trained_ = True
            self.notes_.append(
                f"The backbone was trained here on {len(y)} labelled pictures of the source."
            )
        self.model_ = model

    def _tell(self, model: NetworkSource, said: list[str]) -> None:
        """Where the weights come from."""
        is_random = any("random" in line for line in said) or not self._brings_weights
        self.is_trained_ = not is_random
        if self._is_timm:
            found = getattr(model.network_.body, "pretrained_cfg", {})
            self._set_scale(*(found.get(k, v) for k, v in zip(("mean", "std"), IMAGENET)))
            self.notes_.append(
                f"The weights of {self.network} could not be fetched: its {RANDOM}, and its "
                "features are worth little unless it is trained."
                if is_random
                else f"The weights of {self.network} come from timm's hub."
            )
        elif is_random and not self.learns:
            self.notes_.append(f"The backbone's {RANDOM}: {UNTRAINED}")

    def _set_scale(self, mean: Any, std: Any) -> None:
        self.mean_, self.std_ = (np.asarray(v, dtype=np.float32) for v in (mean, std))

    def network_rows(self, X: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Pixels as the network takes them: scaled, channels first, flat."""
        scaled: Any = (as_bytes(X, self.size) / np.float32(255) - self.mean_) / self.std_
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)).reshape(len(X), -1)

    def transform(self, X: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the body makes of pixels (n, size, size, 3): (n, d)."""
        check_is_fitted(self)
        return self.model_.representation(self.network_rows(X)).astype(np.float32)

    def weights(self) -> dict[str, NDArray]:
        """The network's."""
        check_is_fitted(self)
        return {**self.model_.weights_, "mean": self.mean_, "std": self.std_}

    def _told(self) -> list[str]:
        """Weights tell the rest: how they were trained does not matter."""
        named = self.network if isinstance(self.network, str) else str(self.model_.network_)
        return [named, str(self.size)]

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in vars(self)


class PatientNetwork(NetworkSource):
    """A ``NetworkSource`` of 300 steps at least, as ``FineTune`` takes, unless told how many.

    From scratch on few labels it would else stop before it has learned them, and whatever starts
    from a source would look better than it is.
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train on rows and their labels."""
        self.n_rows_ = len(X)
        return super().fit(X, y, sample_weight)

    def _options(self) -> Training:
        return _enough_steps(self.training, getattr(self, "n_rows_", 1))


class KerasBackbone(PictureEncoder, BaseEstimator):
    """A network of ``keras.applications`` before its head, averaged over the picture.

    Its weights come from Keras's hub when it is fitted; without a network they are random, and
    ``notes_`` says so. Needs ``pip install 'landbridge[tensorflow]'``.

    Parameters
    ----------
    network : str, default="MobileNetV2"
        A name of ``keras.applications``.
    size : int, default=224
        Pixels a side that each picture is squeezed to.

    Attributes
    ----------
    weights_ : list of ndarray
    is_trained_ : bool
    notes_ : list of str
    """

    def __init__(self, network: str = "MobileNetV2", size: int = 224):
        self.network = network
        self.size = size

    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Fetch the weights.

        Raises
        ------
        ImportError
            If Keras is not installed.
        ValueError
            If Keras has no such network.
        """
        check_number("size", self.size, least=32, whole=True)
        try:
            module, self.is_trained_ = self._made("imagenet"), True
            self.notes_ = [f"The weights of {self.network} come from Keras's hub."]
        except Exception as error:  # whatever the hub's client raises without a network
            if not _is_of_hub(error):
                raise
            module, self.is_trained_ = self._made(None), False
            self.notes_ = [
                f"The weights of {self.network} could not be fetched: its {RANDOM}, and its "
                "features are worth little."
            ]
        self._module = module
        self.weights_ = [np.asarray(array) for array in module.get_weights()]
        return self

    def transform(self, X: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the network makes of pixels (n, size, size, 3): (n, d)."""
        check_is_fitted(self)
        if "_module" not in vars(self):
            self._module = self._made(None)
            self._module.set_weights(self.weights_)
        rows = self._scaled(as_bytes(X, self.size).astype(np.float32))
        return np.asarray(self._module(rows, training=False), dtype=np.float32)

    def weights(self) -> dict[str, NDArray]:
        """The network's."""
        return {str(k): array for k, array in enumerate(self.weights_)}

    def _made(self, weights: str | None) -> Any:
        maker = self._maker()
        shape = (self.size, self.size, 3)
        return maker(include_top=False, weights=weights, input_shape=shape, pooling="avg")

    def _maker(self) -> Any:
        applications = _applications()
        known = [name for name in dir(applications) if name[:1].isupper()]
        if self.network not in known:
            like = listed(nearest(self.network, known) or known)
            raise ValueError(f"keras.applications has no {self.network!r}: it has {like}.")
        return getattr(applications, self.network)

    def _scaled(self, rows: NDArray[np.float32]) -> Any:
        """Pixels as this network was trained with them."""
        return sys.modules[self._maker().__module__].preprocess_input(rows)

    def __sklearn_is_fitted__(self) -> bool:
        return "weights_" in vars(self)

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_module"}


def _applications() -> Any:
    try:
        import keras
    except ImportError as error:
        raise ImportError(
            "Networks of keras.applications need Keras: pip install 'landbridge[tensorflow]'."
        ) from error
    return keras.applications


def _is_of_hub(error: Exception) -> bool:
    """Whether weights could not be fetched; Keras says so in a plain ``Exception``."""
    return isinstance(error, OSError) or "fetch" in str(error).lower()
