import hashlib

import pooch
import pytest

from landbridge.domains.fetching import DataFile, cache_folder, find_file

CONTENT = b"a,b\n1,2\n"
FILE = DataFile("set/file.csv", hashlib.sha256(CONTENT).hexdigest(), "https://example.org/f.csv")
BY_HAND = DataFile(FILE.path, FILE.sha256)


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(pooch, "retrieve", refuse)
    return tmp_path


def refuse(*args, **kwargs):
    raise AssertionError("nothing may be downloaded here")


def put(place, content=CONTENT):
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    return place


def test_a_file_in_the_data_folder_is_taken_without_the_network(places):
    place = put(places / "data" / "set" / "file.csv")
    assert find_file(FILE, "") == place


def test_a_file_in_the_cache_is_taken_without_the_network(places, monkeypatch):
    place = put(places / "cache" / "landbridge" / "set" / "file.csv")
    assert find_file(FILE, "") == place
    monkeypatch.delenv("LANDBRIDGE_DATA")
    assert find_file(BY_HAND, "") == place


def test_a_file_that_is_nowhere_is_fetched_into_the_cache_with_its_checksum(places, monkeypatch):
    asked = {}
    monkeypatch.setattr(pooch, "retrieve", lambda address, **how: asked.update(how, url=address))
    assert find_file(FILE, "") == cache_folder() / "set" / "file.csv"
    assert asked == {
        "url": FILE.address,
        "known_hash": f"sha256:{FILE.sha256}",
        "fname": "file.csv",
        "path": cache_folder() / "set",
    }


def test_another_file_of_that_name_is_refused(places):
    put(places / "data" / "set" / "file.csv", b"other")
    with pytest.raises(ValueError, match=r"is not the file expected: its SHA-256 is d9298a10d1b0"):
        find_file(FILE, "")


def test_without_an_address_it_is_said_how_to_get_the_file(places):
    with pytest.raises(FileNotFoundError, match=r"by hand: Ask the author\. Then put it at .*data"):
        find_file(BY_HAND, "Ask the author.")


def test_without_a_network_the_other_way_is_named(monkeypatch):
    def fail(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(OSError, match=r"cannot be downloaded from https.*set LANDBRIDGE_DATA"):
        find_file(FILE, "")
