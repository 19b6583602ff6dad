import numpy as np
import pytest

from landbridge.kits.image import HandmadeFeatures
from landbridge.kits.image.handmade import cell_histograms, colour_histogram, gradients, hog


def slow_hog(picture, cell):
    """Pixel by pixel, bin by bin, block by block (Dalal & Triggs 2005)."""
    height, width, _ = picture.shape
    light = picture.astype(float) / 255
    rows, columns = height // cell, width // cell
    cells = np.zeros((rows, columns, 9))
    for y in range(rows * cell):
        for x in range(columns * cell):
            best = (0.0, 0.0, 0.0)
            for c in range(3):
                gx = light[y, min(x + 1, width - 1), c] - light[y, max(x - 1, 0), c]
                gy = light[min(y + 1, height - 1), x, c] - light[max(y - 1, 0), x, c]
                best = max(best, (np.hypot(gx, gy), gx, gy), key=lambda one: one[0])
            size, gx, gy = best
            place = np.degrees(np.arctan2(gy, gx)) % 180 / 20 - 0.5
            low = int(np.floor(place))
            cells[y // cell, x // cell, low % 9] += size * (1 - (place - low))
            cells[y // cell, x // cell, (low + 1) % 9] += size * (place - low)
    found = []
    for y in range(rows - 1):
        for x in range(columns - 1):
            block = np.concatenate(
                [cells[y, x], cells[y, x + 1], cells[y + 1, x], cells[y + 1, x + 1]]
            )
            block = np.minimum(block / np.sqrt((block**2).sum() + 1e-10), 0.2)
            found.append(block / np.sqrt((block**2).sum() + 1e-10))
    return np.concatenate(found)


def test_gradients_are_those_of_the_paper_pixel_by_pixel(rng):
    pixels = rng.integers(0, 256, (3, 19, 24, 3), dtype=np.uint8)
    expected = [slow_hog(picture, 6) for picture in pixels]
    np.testing.assert_allclose(hog(pixels, 6), expected, atol=2e-5)


def test_an_edge_votes_for_its_direction():
    step = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    step[:, :, 4:] = 255  # the gradient points to the right: 0°, between the first and last bin
    cells = cell_histograms(*gradients(step), 8)[0, 0, 0]
    assert np.flatnonzero(cells).tolist() == [0, 8] and cells[0] == pytest.approx(cells[8])


def test_brightness_and_contrast_do_not_matter_to_gradients(rng):
    pixels = rng.integers(60, 120, (2, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(hog(2 * pixels - 40), hog(pixels), atol=1e-3)


def test_colours_are_counted_as_one_would_by_hand(rng):
    pixels = rng.integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    found = colour_histogram(pixels, 4)
    for picture, row in zip(pixels, found):
        counts = np.zeros((4, 4, 4))
        for r, g, b in picture.reshape(-1, 3):
            counts[r // 64, g // 64, b // 64] += 1
        np.testing.assert_allclose(row, np.sqrt(counts.ravel() / 20), rtol=1e-6)
    np.testing.assert_allclose((found**2).sum(axis=1), 1, rtol=1e-5)


def test_kinds_are_joined_in_their_order(rng):
    pixels = rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    both = HandmadeFeatures("pixels+colour", 16).fit().transform(pixels)
    assert both.shape == (3, 768 + 64) and both.dtype == np.float32
    np.testing.assert_allclose(both[1, :256], pixels[1, :, :, 0].ravel() / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kinds": "sift"}, "kinds must be"),
        ({"size": 8}, "size must be a whole number from 16 up"),
        ({"levels": 1}, "levels must be a whole number from 2 to 16"),
        ({"cell": 1}, "cell must be"),
    ],
)
def test_parameters_out_of_range_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        HandmadeFeatures(**wrong).fit()


def test_pixels_of_another_shape_are_refused(rng):
    model = HandmadeFeatures("hog", 32).fit()
    with pytest.raises(ValueError, match=r"\(n, 32, 32, 3\) from 0 to 255 \(uint8\): found float"):
        model.transform(rng.random((2, 32, 32, 3)))
