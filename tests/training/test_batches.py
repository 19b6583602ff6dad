import numpy as np
import pytest

from landbridge.training import ArrayBatches, LoaderBatches, TwoDomains

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def rows_of(batches, seed):
    return [batch.rows.tolist() for batch in batches.epoch(seed)]


def test_every_row_is_dealt_once_in_batches_that_differ_by_one_row():
    batches = ArrayBatches(np.arange(10.0)[:, None], batch_size=4)
    dealt = rows_of(batches, 0)
    assert sorted(row for batch in dealt for row in batch) == list(range(10))
    assert sorted(map(len, dealt)) == [3, 3, 4]
    assert len(batches) == 3


def test_the_order_depends_on_the_seed_alone():
    batches = ArrayBatches(np.arange(100.0)[:, None], batch_size=7)
    assert rows_of(batches, 3) == rows_of(batches, 3) != rows_of(batches, 4)


def test_balanced_batches_show_every_class_alike():
    y = np.repeat([0, 1, 2], [900, 90, 10])
    batches = ArrayBatches(np.zeros((1000, 1)), y, batch_size=100, is_balanced=True)
    seen = np.bincount(np.concatenate([b.y.numpy() for s in range(5) for b in batches.epoch(s)]))
    np.testing.assert_allclose(seen / seen.sum(), 1 / 3, atol=0.03)


@pytest.mark.parametrize("kind", ["in memory", "read-only", "backwards", "tensor"])
def test_rows_are_those_of_their_numbers_however_they_lie_in_memory(kind):
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    y = np.arange(50)
    if kind == "read-only":
        X.flags.writeable = False
    given = {"backwards": X[::-1], "tensor": torch.tensor(X)}.get(kind, X)
    for batch in ArrayBatches(given, y, batch_size=8).epoch(0):
        np.testing.assert_array_equal(batch.X, np.asarray(given)[batch.rows])
        np.testing.assert_array_equal(batch.y, batch.rows)


def test_a_mapped_file_is_read_a_batch_at_a_time(tmp_path):
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    X.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", dtype=np.float32, shape=X.shape, mode="r")
    for batch in ArrayBatches(mapped, np.arange(50), batch_size=8).epoch(0):
        np.testing.assert_array_equal(batch.X, X[batch.y])
        assert batch.rows.tolist() == sorted(batch.rows.tolist())


def test_the_smaller_domain_begins_anew_until_the_larger_is_over():
    both = TwoDomains(*(ArrayBatches(np.zeros((n, 1)), batch_size=5) for n in (20, 10)))
    batches = list(both.epoch(0))
    assert len(batches) == len(both) == 4
    assert sorted(torch.cat([b.source.rows for b in batches]).tolist()) == list(range(20))
    target = torch.cat([b.target.rows for b in batches]).tolist()
    assert sorted(target[:10]) == sorted(target[10:]) == list(range(10))
    assert target[:10] != target[10:]


def test_a_data_loader_deals_the_same_for_the_same_seed():
    data = torch.utils.data.TensorDataset(torch.arange(12.0), torch.arange(12))
    batches = LoaderBatches(torch.utils.data.DataLoader(data, batch_size=4, shuffle=True))
    with torch.random.fork_rng():
        first, again, other = ([b.y.tolist() for b in batches.epoch(s)] for s in (1, 1, 2))
    assert first == again != other


def test_nothing_to_deal_is_refused():
    with pytest.raises(ValueError, match="no rows to learn from: found 0"):
        ArrayBatches(np.zeros((0, 2)), batch_size=4)
    data = torch.utils.data.TensorDataset(torch.zeros(3))
    with pytest.raises(ValueError, match="loader has no batches"):
        LoaderBatches(torch.utils.data.DataLoader(data, batch_size=4, drop_last=True))


def test_the_fingerprint_changes_with_the_rows():
    X = np.random.default_rng(0).normal(size=(30, 2))
    prints = {ArrayBatches(Z, batch_size=4).fingerprint() for Z in (X, X.copy(), X + 1, X[:-1])}
    assert len(prints) == 3


def test_the_order_is_numpys_so_that_every_framework_sees_the_same_batches():
    batches = ArrayBatches(np.zeros((9, 1)), batch_size=9)
    assert rows_of(batches, 5) == [np.random.default_rng(5).permutation(9).tolist()]


def test_rows_may_lie_in_tensors():
    X = torch.arange(6.0)
    for batch in ArrayBatches(X, X.int(), batch_size=4).epoch(0):
        assert torch.equal(batch.X, X[batch.rows]) and torch.equal(batch.y, X.int()[batch.rows])
