"""Keras itself: whether it is there on TensorFlow, where it computes, and what it draws from."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BACKEND = "tensorflow"


def need_keras() -> tuple[Any, Any]:
    """Keras and TensorFlow, imported when first needed.

    Raises
    ------
    ImportError
        If either is not installed, or Keras runs on another backend in this process already.
    """
    os.environ.setdefault("KERAS_BACKEND", BACKEND)
    try:
        import keras

        _check_backend(keras.backend.backend())
        import tensorflow as tf
    except ModuleNotFoundError as error:
        raise ImportError(
            "These networks are trained with Keras on TensorFlow: pip install "
            "'landbridge[tensorflow]'."
        ) from error
    return keras, tf


def _check_backend(found: str) -> None:
    if found != BACKEND:
        raise ImportError(
            f"landbridge.keras needs Keras on TensorFlow: in this process Keras runs on {found}, "
            "which cannot be changed once it is imported. Set KERAS_BACKEND=tensorflow before."
        )


def usable_device(name: str) -> str:
    """TensorFlow's name of a device; ``"auto"`` is the GPU where there is one, else the CPU.

    Raises
    ------
    ValueError
        If there is no such device here.
    """
    _, tf = need_keras()
    devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()]
    kind, _, number = name.upper().replace("CUDA", "GPU").partition(":")
    if name == "auto":
        kind = "GPU" if "GPU:0" in devices else "CPU"
    wanted = f"{kind}:{number or 0}"
    if wanted not in devices:
        raise ValueError(
            f'device must be "auto", "cpu", "cuda" or another device that TensorFlow sees on this '
            f"machine: found {name!r}; it sees {', '.join(devices)}."
        )
    return wanted


@contextmanager
def own_chance(seed: int, device: str) -> Iterator[None]:
    """Seed what Keras draws inside, on the device; Python's global state is put back after.

    Keras takes the seeds of first weights and of dropout from Python's random numbers; the
    trainer seeds dropout anew in every epoch.
    """
    _, tf = need_keras()
    before = random.getstate()
    random.seed(seed)
    try:
        with tf.device(device):
            yield
    finally:
        random.setstate(before)
