import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

SIDE = 24
KINDS = ("across", "disc", "upright")


def _shape(kind, rng):
    """A bar or a disc, somewhere near the middle, from 0 to 1."""
    y, x = np.mgrid[:SIDE, :SIDE]
    cy, cx = rng.uniform(9, 15, size=2)
    shapes = {
        "across": abs(y - cy) < 2.5,
        "upright": abs(x - cx) < 2.5,
        "disc": (y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(20, 60),
    }
    return shapes[kind].astype(float)


def _pictures(domain, n, rng, kinds=KINDS):
    """n pictures of each kind as bytes (m, 24, 24, 3), and their kinds: light on dark, or not."""
    labels = np.repeat(kinds, n)
    found = np.stack([_shape(kind, rng) for kind in labels])
    found = found if domain == "source" else 0.9 - 0.6 * found
    found = found[..., None] * (1.0, 0.8, 0.6) + rng.normal(0, 0.08, (*found.shape, 3))
    return np.rint(255 * found.clip(0, 1)).astype(np.uint8), labels


@pytest.fixture
def pictures(rng):
    """Makes n pictures of each kind of a domain, and their labels."""
    return lambda domain, n, **how: _pictures(domain, n, rng, **how)


@pytest.fixture
def write_folder(tmp_path):
    """Writes pictures into a folder for each label; ``None`` goes to ``unlabelled``."""

    def write(name, arrays, labels, ending="png"):
        for k, (array, label) in enumerate(zip(arrays, labels)):
            folder = tmp_path / name / ("unlabelled" if label is None else str(label))
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(folder / f"{k:03}.{ending}")
        return tmp_path / name

    return write


@pytest.fixture
def folders(pictures, write_folder):
    """A labelled source, and a target of which 8 of 14 of a kind have labels."""
    source, ys = pictures("source", 16)
    target, yt = pictures("target", 14)
    known = np.where(np.arange(len(yt)) % 14 < 8, yt.astype(object), None)
    return write_folder("source", source, ys), write_folder("target", target, known)
