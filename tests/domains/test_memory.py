import pytest

from landbridge.domains.memory import check_memory, memory_bound


def test_the_bound_can_be_set(monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "2e9")
    assert memory_bound() == 2_000_000_000
    check_memory(1.9e9, "This", "Do that.")
    with pytest.raises(MemoryError, match=r"This needs 2\.1 GB; the bound is 2\.0 GB.*Do that\."):
        check_memory(2.1e9, "This", "Do that.")


def test_half_of_the_machine_is_the_bound_by_itself(monkeypatch):
    monkeypatch.delenv("LANDBRIDGE_MAX_MEMORY", raising=False)
    assert memory_bound() > 2**28
