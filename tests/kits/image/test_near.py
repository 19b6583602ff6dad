import numpy as np
import pytest
from PIL import Image

from landbridge.kits.image import honest_split, near_duplicates, read_pictures
from landbridge.kits.image.near import difference_hashes, groups_of, near_hashes


def scene(rng):
    """A smooth coloured picture (40, 50, 3) that is like no other."""
    coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((50, 40), Image.Resampling.BICUBIC))


def found(arrays, **how):
    read = read_pictures(arrays)
    return near_duplicates(read.hashes, read.small, **how).tolist()


def test_the_blocked_search_finds_what_comparing_all_pairs_does(rng):
    bits = rng.integers(0, 2, (120, 128), dtype=np.uint8)
    for k in range(60):  # half of them are turned copies of the others
        turned = rng.choice(128, size=k % 14, replace=False)
        bits[60 + k] = bits[k]
        bits[60 + k, turned] ^= 1
    hashes = np.packbits(bits, axis=1).view(np.uint64)
    apart = (bits[:, None] != bits[None]).sum(axis=2)
    for most in (0, 3, 10):
        expected = np.argwhere(np.triu(apart <= most, 1))
        assert near_hashes(hashes, most).tolist() == expected.tolist()


def test_bits_say_where_a_picture_grows_lighter(rng):
    grey = rng.integers(0, 256, (3, 9, 9)).astype(np.uint8)
    hashes = difference_hashes(grey)
    for picture, (across, down) in zip(grey.astype(int), hashes):
        expected = [
            [picture[i, j + 1] - picture[i, j] > 2 for i in range(8) for j in range(8)],
            [picture[i + 1, j] - picture[i, j] > 2 for i in range(8) for j in range(8)],
        ]
        for word, bits in zip((across, down), expected):
            assert np.unpackbits(np.array([word]).view(np.uint8)).tolist() == bits


def test_another_size_compression_and_brightness_are_the_same_picture(rng, tmp_path):
    original = scene(rng)
    smaller = np.asarray(Image.fromarray(original).resize((31, 29)))
    darker = (original * 0.8).astype(np.uint8)
    Image.fromarray(original).save(tmp_path / "a.jpg", quality=30)
    pressed = np.asarray(Image.open(tmp_path / "a.jpg"))
    pairs = found([original, scene(rng), smaller, darker, pressed, scene(rng)])
    assert groups_of(6, np.array(pairs)).tolist() == [0, 1, 0, 0, 0, 2]


def test_pictures_of_one_colour_are_the_same_where_the_colour_is():
    plain = [np.full((20, 20), level, dtype=np.uint8) for level in (10, 11, 200)]
    assert found(plain) == [[0, 1]]


def test_alike_hashes_of_unlike_pictures_do_not_count(rng):
    """A faint ramp and a step have the same signs of differences, and look different."""
    ramp = np.tile(np.linspace(0, 250, 54), (54, 1)).astype(np.uint8)
    steep = np.tile(250 * np.linspace(0, 1, 54) ** 12 + np.linspace(0, 60, 54) % 251, (54, 1))
    read = read_pictures([ramp, np.clip(steep, 0, 255).astype(np.uint8)])
    assert len(near_hashes(read.hashes, 10)) == 1
    assert len(near_duplicates(read.hashes, read.small)) == 0


def test_no_group_is_on_two_sides_of_a_split(rng):
    groups = rng.integers(0, 60, 300)
    labels = np.array(["a", "b", "c"])[groups % 3]
    parts = honest_split(labels, groups, (0.6, 0.2, 0.2))
    assert np.sort(np.concatenate(parts)).tolist() == list(range(300))
    seen = [set(groups[rows].tolist()) for rows in parts]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    for rows, share in zip(parts, (0.6, 0.2, 0.2)):
        for name in "abc":
            mine = {g for g in groups[rows].tolist() if "abc"[g % 3] == name}
            assert abs(len(mine) - share * 20) <= 1.5


def test_shares_and_bits_out_of_range_are_named(rng):
    with pytest.raises(ValueError, match="shares must be above 0 and add up to 1"):
        honest_split(["a"], [0], (0.5, 0.6))
    read = read_pictures([scene(rng)])
    with pytest.raises(ValueError, match="most_bits must be a whole number from 0 to 64"):
        near_duplicates(read.hashes, read.small, 100)
