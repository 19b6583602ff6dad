import numpy as np
import pytest

from landbridge.kits.image import HandmadeFeatures, read_pictures
from landbridge.kits.image import encoder as encoders
from landbridge.kits.image.encoder import rows_of


class Counting(HandmadeFeatures):
    """Says how many pictures it looked at; stops when it is told to."""

    seen, stop_at = 0, None

    def transform(self, X):
        if Counting.stop_at is not None and Counting.seen >= Counting.stop_at:
            raise KeyboardInterrupt
        Counting.seen += len(X)
        return super().transform(X)


@pytest.fixture(autouse=True)
def counting(monkeypatch):
    monkeypatch.setattr(encoders, "BATCH", 8)
    monkeypatch.setattr(Counting, "seen", 0)
    monkeypatch.setattr(Counting, "stop_at", None)


@pytest.fixture
def read(pictures):
    return read_pictures(pictures("source", 8), name="source")


def test_rows_are_those_of_the_encoder_in_the_order_of_the_pictures(read, tmp_path):
    model = Counting("hog", 16).fit()
    expected = HandmadeFeatures("hog", 16).fit().transform(read.pixels(16))
    for _ in range(2):
        np.testing.assert_array_equal(rows_of(model, read, tmp_path), expected)
    assert Counting.seen == 24  # the second time none


def test_only_new_pictures_are_looked_at(read, tmp_path):
    model = Counting("hog", 16).fit()
    rows_of(model, read.take(slice(10)), tmp_path)
    rows_of(model, read.take([3, 20, 5]), tmp_path)
    assert Counting.seen == 11


def test_an_interrupted_run_goes_on_where_it_stopped(read, tmp_path):
    model, Counting.stop_at = Counting("hog", 16).fit(), 16
    with pytest.raises(KeyboardInterrupt):
        rows_of(model, read, tmp_path)
    Counting.stop_at = None
    rows_of(model, read, tmp_path)
    assert Counting.seen == 24
    assert [file.suffix for file in tmp_path.rglob("*") if file.is_file()] == [".npz"] * 3


def test_another_encoder_has_rows_of_its_own(read, tmp_path):
    for model in (Counting("hog", 16), Counting("hog", 32), Counting("hog", 16, cell=4)):
        rows_of(model.fit(), read, tmp_path)
    assert Counting.seen == 72 and len(list(tmp_path.iterdir())) == 3


def test_a_damaged_shard_is_made_anew_with_a_warning(read, tmp_path):
    model = Counting("hog", 16).fit()
    expected = rows_of(model, read, tmp_path)
    shard = sorted(tmp_path.rglob("*.npz"))[1]
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.warns(UserWarning, match="is damaged"):
        np.testing.assert_array_equal(rows_of(model, read, tmp_path), expected)
    assert Counting.seen == 32


def test_progress_is_told(read):
    said = []
    rows_of(Counting("hog", 16).fit(), read, progress=lambda *news: said.append(news))
    assert said == [("Features of the source", done, 24) for done in (0, 8, 16)]
