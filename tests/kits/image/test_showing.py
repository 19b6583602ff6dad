import base64
import io

import numpy as np
import pytest
from PIL import Image

from landbridge.kits.image import read_pictures
from landbridge.kits.image.showing import mistake_table, thumbnail
from landbridge.report import render_report


@pytest.fixture
def read(pictures):
    return read_pictures(pictures("source", 3), name="source")


def test_a_thumbnail_is_a_small_picture_of_the_picture(read):
    found = thumbnail(read, 1)
    data = base64.b64decode(found["src"].removeprefix("data:image/jpeg;base64,"))
    picture = Image.open(io.BytesIO(data))
    assert picture.size == (56, 56) and len(data) < 4000 and found["alt"] == "1"
    original = Image.fromarray(read.items[1]).resize((56, 56))
    assert abs(np.asarray(picture).astype(int) - np.asarray(original)).mean() < 8


def test_mistakes_are_counted_by_what_was_taken_for_what(read):
    observed = np.array(["a", "a", "a", "b", "b", "b", "c", "c", "c"])
    predicted = np.array(["a", "b", "b", "b", "b", "c", "c", "c", "c"])
    (table,) = mistake_table(read, predicted, observed, "pooled")
    assert [row[:3] for row in table["rows"]] == [["a", "b", "2 ×"], ["b", "c", "1 ×"]]
    assert [p["alt"] for p in table["rows"][0][3]["pictures"]] == ["1", "2"]
    assert table["about"].startswith("3 of 9 labelled target pictures")
    assert mistake_table(read, observed, observed, "pooled") == []


def test_the_report_shows_pictures_that_are_in_it_and_fetches_none(read):
    own, foreign = thumbnail(read, 0, '"><b>x'), {"src": "https://a.b/c.png", "alt": "spy"}
    table = {"title": "T", "columns": ["class", "pictures"]}
    page = render_report({"tables": [table | {"rows": [["disc", {"pictures": [own, foreign]}]]}]})
    assert own["src"] in page and "<td" in page and "disc" in page
    assert "a.b/c.png" not in page and "<b>x" not in page
