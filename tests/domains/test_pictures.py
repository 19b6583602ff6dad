import builtins

import numpy as np
import pytest

from landbridge.domains import picture_folder

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


@pytest.fixture
def folder(tmp_path, rng):
    """Two classes of two pictures, of several sizes and kinds."""
    for kind in ("cat", "dog"):
        (tmp_path / kind / "more").mkdir(parents=True)
        pixels = rng.integers(0, 256, size=(12, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / kind / "b.png")
        Image.fromarray(pixels[:6, :, 0]).save(tmp_path / kind / "more" / "a.JPG", quality=100)
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    (tmp_path / "cat" / "._b.png").write_bytes(b"what a system leaves behind")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_pictures_come_by_class_in_one_size(folder):
    rows, labels = picture_folder(folder, (6, 5))
    assert rows.shape == (4, 3, 6, 5) and rows.dtype == np.float32
    assert labels.tolist() == ["cat", "cat", "dog", "dog"]
    assert rows.min() >= 0 and 0.5 < rows.max() <= 1


def test_pixels_are_those_of_the_file(folder):
    rows, _ = picture_folder(folder, (12, 10))
    pixels = np.asarray(Image.open(folder / "cat" / "b.png"))
    np.testing.assert_allclose(rows[0], pixels.transpose(2, 0, 1) / 255, atol=1e-6)


def test_grey_is_one_channel(folder):
    rows, _ = picture_folder(folder, 4, colour=False)
    assert rows.shape == (4, 1, 4, 4)


def test_sixteen_bits_a_pixel_are_brought_to_the_same_range(tmp_path):
    (tmp_path / "ramp").mkdir()
    deep = np.array([[0, 32768], [49152, 65535]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "ramp" / "deep.png")
    rows, _ = picture_folder(tmp_path, 2, colour=False)
    np.testing.assert_allclose(rows[0, 0], deep / 65535, atol=1 / 255)


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    (tmp_path / "one").mkdir()
    picture = Image.fromarray(np.array([[0, 0], [255, 255]], dtype=np.uint8))
    facts = Image.Exif()
    facts[0x0112] = 3  # upside down
    picture.save(tmp_path / "one" / "turned.png", exif=facts)
    rows, _ = picture_folder(tmp_path, 2, colour=False)
    np.testing.assert_array_equal(rows[0, 0], [[1, 1], [0, 0]])


def test_what_is_see_through_lies_on_white(tmp_path):
    (tmp_path / "one").mkdir()
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one" / "half.png")
    rows, _ = picture_folder(tmp_path, (1, 2))
    np.testing.assert_allclose(255 * rows[0, :, 0].T, [[10, 20, 30], [255, 255, 255]], atol=1e-3)


def test_damaged_files_are_named_and_passed_over(folder):
    whole = (folder / "cat" / "b.png").read_bytes()
    (folder / "cat" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "dog" / "text.jpg").write_text("hello")
    Image.fromarray(np.ones((2, 2), dtype=np.float32)).save(folder / "dog" / "z.tiff")
    with pytest.warns(UserWarning, match=r"3 of 7 pictures .* passed over: cat.cut\.png \(.*text"):
        rows, labels = picture_folder(folder, 4)
    assert len(rows) == 4 and labels.tolist() == ["cat", "cat", "dog", "dog"]


def test_no_readable_picture_is_an_error(tmp_path):
    (tmp_path / "cat").mkdir()
    with pytest.raises(ValueError, match=r"has 1 folders and no picture in them: expected files"):
        picture_folder(tmp_path, 4)
    for k in range(12):
        (tmp_path / "cat" / f"{k}.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"None of the 12 pictures .* and 2 more"):
        picture_folder(tmp_path, 4)


def test_a_folder_that_is_none_or_has_none_is_named(tmp_path):
    with pytest.raises(NotADirectoryError, match="there is none at"):
        picture_folder(tmp_path / "nothing", 4)
    with pytest.raises(ValueError, match="has no folders within"):
        picture_folder(tmp_path, 4)


@pytest.mark.parametrize("size", [0, 1.5, (4, -1)])
def test_a_size_out_of_range_is_named(folder, size):
    with pytest.raises(ValueError, match="size must be a whole number from 1 up"):
        picture_folder(folder, size)
    with pytest.raises(ValueError, match="or height and width"):
        picture_folder(folder, (4, 4, 3))


def test_too_many_pixels_are_refused_before_they_are_read(folder, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "1000")
    with pytest.raises(MemoryError, match=r"Pictures of shape \(4, 3, 64, 64\) needs"):
        picture_folder(folder, 64)


def test_a_missing_pillow_names_the_extra(folder, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **options):
        if name == "PIL":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'landbridge\[image\]'"):
        picture_folder(folder, 4)
