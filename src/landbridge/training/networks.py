"""Networks that go by name, and the cut through any network: body, then head.

This module imports PyTorch; estimators import it when they are fitted.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

import torch
from torch import nn

NAMED = ("mlp", "residual-mlp", "cnn", "gru", "transformer")
HIDDEN, DEPTH = 128, 2
_known = ContextVar("known", default=False)


@contextmanager
def known_weights() -> Iterator[None]:
    """Where networks are built for weights that are there already: none are fetched."""
    token = _known.set(True)
    try:
        yield
    finally:
        _known.reset(token)


def make_network(
    network: Any, input_shape: Sequence[int], n_outputs: int, what: str = "network"
) -> nn.Module:
    """A fresh network from rows of ``input_shape`` to ``n_outputs`` numbers.

    Parameters
    ----------
    network : str, None, tuple of int, nn.Module or callable
        ``"mlp"`` (two hidden layers of 128), ``"residual-mlp"``, ``"cnn"`` (pictures, channels
        first), ``"gru"`` or ``"transformer"`` (sequences of steps with features);
        ``"timm:NAME"`` a backbone of timm. ``None`` is linear, a tuple gives the widths of
        hidden layers; a module is copied; a callable without arguments makes one.
    input_shape : sequence of int
        Of one row: (d,), (channels, height, width) or (steps, d).
    n_outputs : int
    what : str
        The parameter's name in messages.

    Raises
    ------
    ValueError
        If there is no such name, or the rows have not the shape that it wants.
    TypeError
        If it neither is nor makes an ``nn.Module``.
    """
    if isinstance(network, nn.Module):
        return copy.deepcopy(network).cpu()
    if network is None or isinstance(network, (tuple, list)):
        return multilayer([math.prod(input_shape), *(network or ()), n_outputs])
    if isinstance(network, str):
        return _named(network, tuple(input_shape), n_outputs)
    made = network() if callable(network) else network
    if not isinstance(made, nn.Module):
        raise TypeError(
            f"{what} must be None, a tuple of hidden widths, a name, an nn.Module or a function "
            f"without arguments that makes one: found {made!r}."
        )
    return copy.deepcopy(made).cpu()


def _named(name: str, input_shape: tuple[int, ...], n_outputs: int) -> nn.Module:
    if name.startswith("timm:"):
        return timm_backbone(name.removeprefix("timm:"), input_shape, n_outputs)
    if name not in NAMED:
        raise ValueError(
            f'Unknown network {name!r}: the names are {", ".join(NAMED)} and "timm:NAME".'
        )
    if name == "mlp":
        return multilayer([math.prod(input_shape), *[HIDDEN] * DEPTH, n_outputs])
    if name == "residual-mlp":
        return residual_multilayer(math.prod(input_shape), n_outputs)
    makers: dict[str, tuple[int, str, Callable]] = {
        "cnn": (3, "(channels, height, width)", convolutional),
        "gru": (2, "(steps, features)", Recurrent),
        "transformer": (2, "(steps, features)", Attentive),
    }
    n_axes, wanted, make = makers[name]
    if len(input_shape) != n_axes:
        raise ValueError(
            f'network="{name}" takes rows of shape {wanted}: found rows of shape {input_shape}. '
            "Set input_shape."
        )
    return make(input_shape, n_outputs)


def multilayer(widths: Sequence[int]) -> nn.Module:
    """Linear layers of these widths, with GELU between."""
    layers: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(widths):
        layers += [nn.Linear(n_inputs, n_outputs), nn.GELU()]
    return nn.Sequential(nn.Flatten(), *layers[:-1])


class Residual(nn.Module):
    """``x + f(norm(x))``: a layer that starts near the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.inner = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """The row, and what the layer adds to it."""
        return X + self.inner(X)


def residual_multilayer(n_inputs: int, n_outputs: int, width: int = HIDDEN) -> nn.Module:
    """A linear layer, residual ones, and a linear one."""
    residuals = [Residual(width) for _ in range(DEPTH)]
    return nn.Sequential(
        nn.Flatten(), nn.Linear(n_inputs, width), *residuals, nn.Linear(width, n_outputs)
    )


def convolutional(
    input_shape: tuple[int, ...], n_outputs: int, widths: Sequence[int] = (32, 64, 128)
) -> nn.Module:
    """Convolutions of 3 × 3, each normalised and halving the picture, then two linear layers.

    Its weights lie channels last in memory, by which processors take half the time.
    """
    layers: list[nn.Module] = []
    for n_inputs, width in pairwise([input_shape[0], *widths]):
        layers += [
            nn.Conv2d(n_inputs, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
        ]
    convolutions = nn.Sequential(*layers, nn.Flatten())
    with torch.no_grad():
        n_flat = convolutions.eval()(torch.zeros(1, *input_shape)).shape[1]
    dense = [nn.Linear(n_flat, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()]
    network = nn.Sequential(convolutions.train(), *dense, nn.Linear(HIDDEN, n_outputs))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class MixtureOfLinear(nn.Module):
    r"""Linear maps, mixed by where a row is: :math:`\sum_k g_k(x) (A_k x + b_k)`.

    The gates g are a softmax of a linear map of the row (Jacobs, Jordan, Nowlan & Hinton 1991).
    """

    def __init__(self, n_inputs: int, n_outputs: int, n_maps: int = 4):
        super().__init__()
        self.gate = nn.Linear(n_inputs, n_maps)
        self.maps = nn.Linear(n_inputs, n_maps * n_outputs)
        self.n_maps = n_maps

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Every map's output, mixed."""
        shares = self.gate(X).softmax(dim=1)
        return (shares[:, :, None] * self.maps(X).unflatten(1, (self.n_maps, -1))).sum(dim=1)


class Recurrent(nn.Module):
    """A gated recurrent unit over the steps, and a linear layer on its last state."""

    def __init__(self, input_shape: tuple[int, ...], n_outputs: int, width: int = HIDDEN):
        super().__init__()
        self.unit = nn.GRU(input_shape[1], width, batch_first=True)
        self.head = nn.Linear(width, n_outputs)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outputs (n, k) of sequences (n, steps, d)."""
        return self.head(self.unit(X)[1][-1])


class Attentive(nn.Module):
    """Self-attention over the steps, their mean, and a linear layer (Vaswani et al. 2017)."""

    def __init__(self, input_shape: tuple[int, ...], n_outputs: int, width: int = HIDDEN):
        super().__init__()
        n_steps, n_features = input_shape
        self.inwards = nn.Linear(n_features, width)
        self.places = nn.Parameter(torch.randn(n_steps, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, DEPTH, enable_nested_tensor=False)
        self.head = nn.Linear(width, n_outputs)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outputs (n, k) of sequences (n, steps, d)."""
        return self.head(self.layers(self.inwards(X) + self.places).mean(dim=1))


def timm_backbone(name: str, input_shape: tuple[int, ...], n_outputs: int) -> nn.Module:
    """A backbone of timm, pretrained where the hub can be reached; a warning says where not.

    Raises
    ------
    ImportError
        If timm is not installed.
    ValueError
        If timm has no such model.
    """
    try:
        import timm
    except ImportError as error:
        raise ImportError(
            "Backbones by name come from timm: pip install timm torchvision, or give an nn.Module."
        ) from error
    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name[:4]}*")[:5])
        raise ValueError(f"timm has no model {name!r}. Names near it: {near}.")
    options = {"num_classes": n_outputs, "in_chans": input_shape[0]}
    if _known.get():
        return timm.create_model(name, pretrained=False, **options)
    try:
        return timm.create_model(name, pretrained=True, **options)
    except Exception as error:  # whatever the hub's client raises without a network
        import warnings

        warnings.warn(
            f"The weights of {name} could not be loaded ({type(error).__name__}): it starts from "
            "random ones.",
            stacklevel=5,
        )
        return timm.create_model(name, pretrained=False, **options)


class Cut(nn.Module):
    """A network cut in two: the body makes a representation, the head predicts from it."""

    def __init__(self, body: nn.Module, head: nn.Module):
        super().__init__()
        self.body, self.head = body, head

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """What the head makes of the body's representation."""
        return self.head(self.body(X))

    @property
    def n_features(self) -> int:
        """Width of the representation."""
        return self.head.in_features  # type: ignore[return-value]

    @property
    def of_source(self) -> "Cut":
        """The network as rows of the source go through it."""
        return self


class TwoBodies(Cut):
    """A network with a body for each domain before one head.

    ``body`` is the target's, which predictions for target rows go through; ``source_body`` the
    source's, and at first both are the same.
    """

    def __init__(self, network: Cut):
        super().__init__(copy.deepcopy(network.body), network.head)
        self.source_body = network.body

    @property
    def of_source(self) -> Cut:
        """The source's body before the head."""
        return Cut(self.source_body, self.head)


def cut(module: nn.Module, rows: torch.Tensor, head: str | None = None) -> Cut:
    """Cut a network before its head, which must be linear and come last.

    Parameters
    ----------
    module : nn.Module
        It is taken apart; give a copy.
    rows : tensor of shape (n, ...)
        A few rows, to try the network with.
    head : str, optional
        The name of the head among the module's layers; the last linear layer by default.

    Raises
    ------
    ValueError
        If there is no linear layer of that name, the network does not take the rows, or goes on
        after its head.
    """
    linear = {name: layer for name, layer in module.named_modules() if type(layer) is nn.Linear}
    name = head if head is not None else next(reversed(linear), None)
    if name is None or name not in linear:
        found = ", ".join(linear) or "none"
        raise ValueError(
            f"head must be the name of the network's last linear layer: found {name!r}; its linear "
            f"layers are {found}."
        )
    if name == "":
        run_once(module, rows)
        return Cut(nn.Flatten(), module)
    before = run_once(module, rows)
    parted = Cut(module, linear[name])
    parent, _, own_name = name.rpartition(".")
    setattr(module.get_submodule(parent), own_name, nn.Identity())
    if not _gives(parted, rows, before):
        raise ValueError(
            f"The network goes on after its layer {name!r}: a head must come last, without "
            "softmax behind it. Leave that out, or name another layer as head."
        )
    return parted


def _gives(module: nn.Module, rows: torch.Tensor, expected: torch.Tensor) -> bool:
    try:
        found = run_once(module, rows)
    except ValueError:
        return False
    return found.shape == expected.shape and torch.allclose(found, expected, atol=1e-4, rtol=1e-4)


class Upto(nn.Module):
    """A body that ends at one of its layers, whose output is made flat."""

    def __init__(self, body: nn.Module, layer: nn.Module):
        super().__init__()
        self.body = body
        self.layer = [layer]  # in a list, so that it is not registered twice

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """What the layer makes of rows, (n, k)."""
        found: list[torch.Tensor] = []
        hook = self.layer[0].register_forward_hook(lambda layer, given, out: found.append(out))
        try:
            self.body(X)
        finally:
            hook.remove()
        return found[-1].flatten(1)


def upto(body: nn.Module, layer: str) -> nn.Module:
    """The body as far as the layer of that name.

    Raises
    ------
    ValueError
        If it has no such layer.
    """
    layers = dict(body.named_modules())
    if layer not in layers:
        raise ValueError(
            f"The network has no layer {layer!r}: its layers are {', '.join(filter(None, layers))}."
        )
    return Upto(body, layers[layer])


def run_once(module: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """A network's outputs for a few rows; where they do not fit, the layer is named.

    Raises
    ------
    ValueError
        If a layer does not take what reaches it.
    """
    path: list[str] = []
    hooks = [
        layer.register_forward_pre_hook(lambda *_, name=name: path.append(name))
        for name, layer in module.named_modules()
        if name and not list(layer.children())
    ]
    was_training = module.training
    try:
        with torch.no_grad():
            return module.eval()(rows)
    except (RuntimeError, IndexError) as error:
        at = f"its layer {path[-1]!r}" if path else "it"
        raise ValueError(
            f"The network does not take rows of shape {tuple(rows.shape[1:])}: {at} fails "
            f"({str(error).splitlines()[0]}). Set input_shape, or change the network."
        ) from error
    finally:
        module.train(was_training)
        for hook in hooks:
            hook.remove()
