"""Handwritten digits of three kinds as pictures of one size, channels first, from 0 to 1."""

import gzip
import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _tasks import folder

SIDE = 28


def mnist() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """60,000 digits to train with and 10,000 to test, (n, 1, 28, 28)."""
    here = folder("mnist")
    labels = (
        _idx(here / "train-labels-idx1-ubyte.gz", 8),
        _idx(here / "t10k-labels-idx1-ubyte.gz", 8),
    )
    test = _idx(here / "t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, SIDE, SIDE)
    train, train_labels = cached("mnist_train", _mnist_train)
    assert np.bincount(train_labels).tolist() == np.bincount(labels[0]).tolist()
    return {"train": (_unit(train), train_labels), "test": (_unit(test), labels[1].astype(int))}


def usps() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """7,291 digits to train with and 2,007 to test, enlarged from 16 to 28 pixels."""
    import h5py
    from scipy.ndimage import zoom

    parts = {}
    with h5py.File(folder("usps") / "usps.h5") as file:
        for part in ("train", "test"):
            small = np.asarray(file[part]["data"]).reshape(-1, 16, 16)
            large = zoom(small, (1, SIDE / 16, SIDE / 16), order=1)
            labels = np.asarray(file[part]["target"]).astype(int)
            parts[part] = (large[:, None].astype(np.float32), labels)
    return parts


def mnist_m() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Digits on photographs, (n, 3, 28, 28): two thirds to adapt to, the rest to test."""
    pictures, labels = cached("mnist_m", _mnist_m)
    order = np.random.default_rng(0).permutation(len(labels))
    cut = 2 * len(order) // 3
    parts = {"train": order[:cut], "test": order[cut:]}
    return {name: (_unit(pictures[rows]), labels[rows]) for name, rows in parts.items()}


def in_colour(pictures: np.ndarray) -> np.ndarray:
    """Grey pictures as three equal channels."""
    return np.repeat(pictures, 3, axis=1)


def cached(
    name: str, make: Callable[[], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Decoded pictures and labels, kept beside the system's temporary files."""
    path = Path(tempfile.gettempdir()) / f"landbridge_{name}.npz"
    if not path.exists():
        pictures, labels = make()
        np.savez(path, pictures=pictures, labels=labels)
    found = np.load(path)
    return found["pictures"], found["labels"]


def _mnist_train() -> tuple[np.ndarray, np.ndarray]:
    """The training pictures out of folders named by digit."""
    with zipfile.ZipFile(folder("mnist") / "mnist_pngs_70k.zip") as file:
        names = sorted(n for n in file.namelist() if n.startswith("train/") and n.endswith(".png"))
        pictures = np.stack([_picture(file.read(name)) for name in names])
    return pictures[:, None], np.array([int(Path(name).parent.name) for name in names])


def _mnist_m() -> tuple[np.ndarray, np.ndarray]:
    with zipfile.ZipFile(folder("mnist_m") / "mnist_m_test.zip") as file:
        listed = next(n for n in file.namelist() if n.endswith("_labels.txt"))
        lines = [line.split() for line in file.read(listed).decode().splitlines() if line.strip()]
        root = listed.removesuffix("_labels.txt")
        pictures = np.stack(
            [_picture(file.read(f"{root}/{name}"))[2:-2, 2:-2] for name, _ in lines]
        )
    return pictures.transpose(0, 3, 1, 2), np.array([int(label) for _, label in lines])


def _picture(data: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)))


def _idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.uint8, offset=header)


def _unit(pictures: np.ndarray) -> np.ndarray:
    return pictures.astype(np.float32) / 255
