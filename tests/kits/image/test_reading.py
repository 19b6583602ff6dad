import numpy as np
import pandas as pd
import pytest
from PIL import Image

from landbridge.kits.image import read_pictures


def test_folders_are_classes_and_the_unlabelled_one_is_none(pictures, write_folder):
    arrays, labels = pictures("source", 2)
    known = [None if k % 2 else str(label) for k, label in enumerate(labels)]
    read = read_pictures(write_folder("all", arrays, known), name="target")
    assert read.n_labelled == 3 and len(read) == 6 and read.notes == []
    assert set(read.labels[read.is_labelled]) == {"across", "disc", "upright"}
    assert sorted(read.names)[0].endswith("000.png")
    order = np.argsort([name[-7:] for name in read.names])
    np.testing.assert_array_equal(read.pixels(24)[order], arrays)


def test_pictures_beside_the_folders_have_no_label(pictures, write_folder):
    arrays, labels = pictures("source", 1)
    folder = write_folder("all", arrays, labels)
    Image.fromarray(arrays[0]).save(folder / "loose.png")
    read = read_pictures(folder)
    assert read.n_labelled == 3 and read.names[-1] == "loose.png"


def test_a_table_of_paths_is_seen_from_its_folder(pictures, write_folder):
    arrays, labels = pictures("source", 1)
    folder = write_folder("all", arrays, labels)
    table = pd.DataFrame({"file": ["disc/001.png", "across/000.png"], "kind": ["round", None]})
    table.to_csv(folder / "list.csv", index=False)
    read = read_pictures(folder / "list.csv", path="file", label="kind")
    assert read.labels.tolist() == ["round", None] and read.n_labelled == 1
    np.testing.assert_array_equal(read.pixels(24), arrays[[1, 0]])
    table["file"] = [str(folder / name) for name in table["file"]]
    assert len(read_pictures(table, path="file")) == 2


def test_arrays_of_every_form_are_the_same_pictures(rng):
    grey = rng.integers(0, 256, (3, 10, 12), dtype=np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=3)
    see_through = np.concatenate([colour, np.full((3, 10, 12, 1), 255, dtype=np.uint8)], axis=3)
    forms = [
        grey,
        grey[..., None],
        grey[:, None],
        colour,
        colour.transpose(0, 3, 1, 2),
        see_through,
        grey / 255,
        grey.astype(int),
        list(grey),
    ]
    expected = read_pictures(colour).pixels(12)
    for form in forms:
        np.testing.assert_array_equal(read_pictures(form).pixels(12), expected)


def test_mixed_sizes_grey_and_alpha_are_brought_to_one_form(tmp_path, rng):
    (tmp_path / "a").mkdir()
    Image.fromarray(rng.integers(0, 256, (9, 30), dtype=np.uint8)).save(tmp_path / "a" / "grey.png")
    hole = np.zeros((16, 16, 4), dtype=np.uint8)
    Image.fromarray(hole).save(tmp_path / "a" / "hole.png")
    Image.fromarray(np.full((3, 5, 3), 255, np.uint8)).save(tmp_path / "a" / "white.bmp")
    pixels = read_pictures(tmp_path).pixels(8)
    assert pixels.shape == (3, 8, 8, 3)
    assert (pixels[1] == 255).all() and (pixels[2] == 255).all()  # see-through lies on white


def test_damaged_files_are_listed_and_not_fatal(pictures, write_folder):
    arrays, labels = pictures("source", 1)
    folder = write_folder("all", arrays, labels)
    whole = (folder / "disc" / "001.png").read_bytes()
    (folder / "disc" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "across" / "text.jpg").write_text("no picture")
    read = read_pictures(folder)
    assert len(read) == 3
    assert {name[-8:] for name in read.unreadable} == {"/cut.png", "text.jpg"}
    assert read.notes == [
        "2 of 5 pictures cannot be read and are passed over: across/text.jpg, disc/cut.png."
    ]


def test_why_a_file_cannot_be_read_is_said_alike_in_every_run(pictures, write_folder):
    folder = write_folder("all", *pictures("source", 1))
    (folder / "across" / "text.png").write_text("no picture")
    table = pd.DataFrame({"path": [str(folder / "across" / "text.png"), "gone.png"]})
    why = read_pictures(folder).unreadable
    assert why == {"across/text.png": "no picture in a known format"}
    with pytest.raises(
        ValueError, match=r"gone.png \(no such file or directory\). Give files ending"
    ):
        read_pictures(table)
    with pytest.raises(ValueError, match=r"and 4 more. Give files .* seen from its folder"):
        read_pictures(pd.DataFrame({"path": [f"{k}.png" for k in range(7)]}))


def test_labels_in_a_file_are_names_as_those_of_folders_are(pictures, write_folder, tmp_path):
    """Digits in a table are numbers to whoever reads it, and the names of classes here."""
    arrays, _ = pictures("source", 1)
    folder = write_folder("digits", arrays, ["0", "1", None])
    paths = ["digits/0/000.png", "digits/1/001.png", "digits/unlabelled/002.png"]
    for known in ([0, 1, None], [0, 1, 1]):
        table = pd.DataFrame({"path": paths, "label": pd.array(known, dtype="Int64")})
        table.to_csv(tmp_path / "table.csv", index=False)
        read = read_pictures(tmp_path / "table.csv")
        assert read.labels.tolist() == [None if k is None else str(k) for k in known]
    assert read_pictures(folder).labels.tolist() == ["0", "1", None]


def test_a_table_whose_labels_are_elsewhere_is_told_so(pictures, write_folder):
    folder = write_folder("all", *pictures("source", 1))
    table = pd.DataFrame({"path": [str(f) for f in folder.rglob("*.png")], "kind": "a"})
    with pytest.raises(ValueError, match="say which column of the table has the labels"):
        read_pictures(table, needs_labels=True)


def test_keys_tell_contents_apart_and_not_names(pictures):
    arrays, labels = pictures("source", 2)
    one, again = read_pictures((arrays, labels)), read_pictures(arrays[::-1])
    assert one.keys == again.keys[::-1] and len(set(one.keys)) == 6
    assert one.take([2, 0]).keys == [one.keys[2], one.keys[0]]
    assert one.sha256 != again.sha256


def test_pictures_without_a_label_are_left_out_where_labels_are_needed(pictures):
    arrays, labels = pictures("source", 2)
    known = [None, *labels[1:]]
    read = read_pictures((arrays, known), name="source", needs_labels=True)
    assert len(read) == 5 and read.notes == ["1 of 6 pictures have no label: left out."]
    assert len(read_pictures(read_pictures((arrays, known)), needs_labels=True)) == 5
    with pytest.raises(ValueError, match="No picture of the source has a label"):
        read_pictures(arrays, name="source", needs_labels=True)


def test_folders_without_pictures_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"holds no picture: expected a folder for each class"):
        read_pictures(tmp_path)
    with pytest.raises(FileNotFoundError, match="There is no folder or file"):
        read_pictures(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_pictures([str(tmp_path / "nothing.png")])
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"None of the 1 pictures of target can be read: a.b.png"):
        read_pictures(tmp_path, name="target")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (pd.DataFrame({"fiel": ["a.png"]}), r"no column 'file' .* 'fiel'"),
        (pd.DataFrame({"file": ["a.png", None]}), r"a path in every row: rows \[1\]"),
        ([], "holds no picture: found an empty list"),
        (np.zeros((3, 4)), r"picture 0 of pets must be \(height, width\)"),
        (np.zeros((3, 5, 5, 2)), "1, 3 or 4 channels"),
        (np.full((1, 4, 4), 3.0), "must have pixels of 0 to 1"),
        (np.full((1, 4, 4), 300), "must have pixels of 0 to 255"),
        (np.full((1, 4, 4), np.nan), "must hold numbers"),
        ((np.zeros((2, 4, 4)), ["a"]), "the labels of pets"),
    ],
)
def test_what_is_no_set_of_pictures_is_named(source, message):
    with pytest.raises(ValueError, match=message):
        read_pictures(source, name="pets", path="file")


def test_something_else_altogether_is_a_type_error():
    with pytest.raises(TypeError, match="must be a folder, a table of paths, arrays"):
        read_pictures(7)


def test_too_many_pixels_are_refused_before_they_are_read(pictures, monkeypatch):
    read = read_pictures(pictures("source", 1)[0])
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "1000")
    with pytest.raises(MemoryError, match=r"Pictures of shape \(3, 64, 64, 3\) needs"):
        read.pixels(64)
