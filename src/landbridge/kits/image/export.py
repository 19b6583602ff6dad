"""A fitted transfer of pictures as one ONNX file: bytes of pictures in, probabilities out."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from landbridge.kits.image.backbones import Backbone
from landbridge.kits.image.handmade import HandmadeFeatures
from landbridge.kits.image.transfer import ImageTransfer
from landbridge.onnx.export import write_chain
from landbridge.training import need_torch

INPUT = "pictures"
N_TRIED = 4


def export_pictures(model: ImageTransfer, path: str | os.PathLike) -> Path:
    """Write a fitted transfer of pictures to an ONNX file, what comes before the network included.

    The file takes ``pictures`` (n, size, size, 3), bytes of red, green and blue, for any n, and
    gives ``logits`` and ``probabilities`` (n, n_classes). Scaling and the order of the channels
    are inside; who runs it squeezes pictures to the size, as its metadata says beside the
    ``classes``. It is checked with onnxruntime where that is installed. Needs
    ``pip install 'landbridge[onnx]'``.

    Parameters
    ----------
    model : fitted ImageTransfer
        With a backbone in PyTorch, or ``features="pixels"``; its target learner linear or a
        network.
    path : path

    Raises
    ------
    TypeError
        If its features cannot be exported, which are named.
    ImportError
        If PyTorch, onnx or onnxscript is not installed.
    ValueError
        If the file gives something else than the model; then nothing is left behind.
    """
    check_is_fitted(model, "model_")
    encoder = model.features_
    is_pixels = isinstance(encoder, HandmadeFeatures) and encoder.kinds == "pixels"
    if not (isinstance(encoder, Backbone) or is_pixels):
        raise TypeError(
            f"The features {encoder!r} cannot be exported: they are no network in PyTorch. Choose "
            'features="cnn", "timm:NAME", a Backbone or "pixels".'
        )
    need_torch()
    from landbridge.onnx.stages import Chain, chain_of

    rest = chain_of(model.model_)
    classes: Any = rest.classes
    size = encoder.size
    drawn = np.random.default_rng(0).integers(0, 256, (N_TRIED, size, size, 3), dtype=np.uint8)
    expected = model.predict_proba(drawn)[:, np.searchsorted(model.classes_, classes)]
    front = _front(model, is_flat=len(rest.input_shape) == 1)
    chain = Chain([*front, *rest.stages], (size, size, 3), rest.classes)
    facts = {"size": str(size), "input": json.dumps("RGB bytes, squeezed to size × size")}
    return write_chain(chain, drawn, expected, path, input_name=INPUT, facts=facts)


def _front(model: ImageTransfer, *, is_flat: bool) -> list[Any]:
    """The stages from bytes to the model's rows."""
    torch = need_torch()
    encoder: Any = model.features_
    scale: dict[str, Any] = {"mean": np.zeros(3), "std": np.ones(3)}
    if isinstance(encoder, Backbone):
        scale = {"mean": encoder.mean_, "std": encoder.std_}

    class Scaled(torch.nn.Module):  # type: ignore[name-defined]
        """Bytes (n, size, size, 3) as a network takes pictures: channels first and scaled."""

        def __init__(self) -> None:
            super().__init__()
            for name, value in scale.items():
                self.register_buffer(name, torch.tensor(value, dtype=torch.float32))

        def forward(self, X: Any) -> Any:
            """Scaled pixels (n, 3, size, size)."""
            return ((X.float() / 255 - self.mean) / self.std).permute(0, 3, 1, 2)

    if model.takes_pixels_ or not isinstance(encoder, Backbone):
        return [Scaled(), torch.nn.Flatten()] if is_flat else [Scaled()]
    inner = encoder.model_.network_
    return [Scaled(), inner.body.cpu().float().eval()]
