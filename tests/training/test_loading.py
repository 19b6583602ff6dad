import numpy as np
import pytest
from sklearn.datasets import make_moons

from landbridge import DeepTransfer, NetworkSource, Training

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.utils.data import (  # noqa: E402
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    WeightedRandomSampler,
)

from landbridge.training.loading import rows_and_labels, rows_of  # noqa: E402

QUICK = Training(max_epochs=3, learning_rate=0.01)


class Items(Dataset):
    """What a list holds, item by item."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, k):
        return self.items[k]


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield torch.zeros(2), 0


@pytest.fixture
def moons():
    X, y = make_moons(300, noise=0.1, random_state=0)
    return X.astype(np.float32), y


def tensors(X, y):
    return TensorDataset(torch.from_numpy(X), torch.from_numpy(y))


def loader(X, y, **options):
    return DataLoader(tensors(X, y), **{"batch_size": 32, "shuffle": True, **options})


def quick(network=(8,), **parameters):
    return NetworkSource(network, **{"training": QUICK, "random_state": 0, **parameters})


def test_a_data_set_gives_its_rows_and_labels_in_order(moons):
    X, y = moons
    for data in (tensors(X, y), loader(X, y, shuffle=False), Items(list(zip(X, y)))):
        rows, labels = rows_and_labels(data)
        np.testing.assert_array_equal(rows, X)
        np.testing.assert_array_equal(labels, y)


def test_what_is_no_data_set_is_passed_through(moons):
    X, y = moons
    assert rows_and_labels(X, y)[0] is X and rows_of(X) is X


def test_rows_alone_have_no_labels_and_text_may_be_a_label():
    assert rows_and_labels(Items([torch.ones(2), torch.ones(2)]))[1] is None
    words = Items([(torch.ones(2), "cat"), (torch.ones(2), "mouse"), (torch.ones(2), "cat")])
    for data in (words, DataLoader(words, batch_size=2)):
        assert rows_and_labels(data)[1].tolist() == ["cat", "mouse", "cat"]


def test_a_network_learns_from_a_data_set_what_it_learns_from_its_arrays(moons):
    X, y = moons
    net, other = quick().fit(tensors(X, y)), quick().fit(X, y)
    np.testing.assert_array_equal(net.predict_proba(tensors(X, y)), other.predict_proba(X))


def test_a_loader_is_streamed_and_never_held_in_memory(moons, monkeypatch):
    X, y = moons
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "1000")
    training = Training(max_epochs=40, learning_rate=0.02)
    net = quick((32,), training=training).fit(loader(X, y))
    assert net.score(X, y) > 0.95 and net.n_features_in_ == 2
    again = quick((32,), training=training).fit(loader(X, y))
    np.testing.assert_array_equal(net.predict_proba(X), again.predict_proba(X))
    with pytest.raises(MemoryError, match=r"300 × 1 rows of shape \(2,\).*DataLoader"):
        quick().fit(tensors(X, y))


def test_one_whole_batch_a_loader_moves_the_network_as_its_array_does(moons):
    X, y = moons
    training = Training(max_epochs=5, batch_size=300, optimiser="sgd")
    net = quick(training=training, class_weight="auto").fit(loader(X, y, batch_size=300))
    other = quick(training=training, class_weight="auto", validation_share=0).fit(X, y)
    np.testing.assert_allclose(net.predict_proba(X), other.predict_proba(X), atol=1e-5)


def test_a_streamed_run_that_is_interrupted_goes_on_exactly(moons, tmp_path):
    X, y = moons

    def interrupt(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    def net(**options):
        return quick(training=Training(max_epochs=4, **options))

    whole = net().fit(loader(X, y))
    with pytest.raises(KeyboardInterrupt):
        net(folder=tmp_path, progress=interrupt).fit(loader(X, y))
    resumed = net(folder=tmp_path).fit(loader(X, y))
    np.testing.assert_array_equal(whole.predict_proba(X), resumed.predict_proba(X))


def test_pictures_and_numbers_are_streamed_too(rng):
    X = rng.normal(size=(40, 1, 8, 6)).astype(np.float32)
    y = X[:, 0, 0, 0]
    net = quick("cnn", task="regression").fit(loader(X, y))
    assert net.input_shape_ == (1, 8, 6) and net.predict(X).shape == (40,)
    flat = quick("cnn", input_shape=(1, 8, 6)).fit(loader(X.reshape(40, -1), y > 0))
    assert flat.predict(X.reshape(40, -1)).dtype == bool


def test_a_loader_may_balance_its_classes_itself(moons):
    X, y = moons
    sampler = WeightedRandomSampler(np.where(y == 1, 1.0, 3.0), len(y))
    net = quick().fit(loader(X, y, shuffle=None, sampler=sampler))
    assert net.classes_.tolist() == [0, 1]


def test_a_deep_transfer_takes_data_sets_and_looks_at_no_target_label(moons):
    X, y = moons
    model = DeepTransfer((8,), alignment="mmd", training=QUICK, random_state=0)
    expected = model.fit(X, X + 1, ys=y).predict_proba(X)
    found = model.fit(tensors(X, y), tensors(X + 1, np.full(300, 7)))
    np.testing.assert_array_equal(found.predict_proba(tensors(X, y)), expected)
    assert found.transform(tensors(X, y)).shape == (300, 8)
    streams = model.fit(loader(X, y, shuffle=False), loader(X + 1, y, shuffle=False))
    np.testing.assert_array_equal(streams.predict_proba(X), expected)


@pytest.mark.parametrize(
    ("items", "match"),
    [
        ([], "X is empty: this Items has 0 items"),
        ([(torch.zeros(2), 0), (torch.zeros(3), 1)], r"item 1 has rows of shape \(3,\) with"),
        ([(torch.zeros(2), 0), torch.zeros(2)], r"item 1 has rows of shape \(2,\) without labels"),
        ([(torch.zeros(2), 0, "name")], "item 0 of X must be a row and its label: found 3"),
        ([("a.png", 0)], r"item 0 of X must have a row of numbers: found str .* ToTensor"),
        ([(1.0, 0)], "a row of one axis or more: found a single number"),
        ([(torch.zeros(2), torch.zeros(2))], "must have one label a row"),
    ],
)
def test_items_that_do_not_fit_are_named(items, match):
    with pytest.raises(ValueError, match=match):
        quick().fit(Items(items))


def test_loaders_that_do_not_fit_are_named(moons):
    X, y = moons
    with pytest.raises(ValueError, match="X is empty: this DataLoader has 0 items"):
        quick().fit(loader(X[:8], y[:8], drop_last=True))
    with pytest.raises(ValueError, match="X brings no labels"):
        quick().fit(DataLoader(torch.zeros(8, 2)))
    with pytest.raises(ValueError, match="must say how many items it has"):
        quick().fit(DataLoader(Endless()))
    broken = X.copy()
    broken[40, 1] = np.nan
    with pytest.raises(ValueError, match="Batch 1 of X has values that are no finite numbers"):
        quick().fit(loader(broken, y, shuffle=False))
    with pytest.raises(ValueError, match="leave y and sample_weight out"):
        quick().fit(loader(X, y), y)
    with pytest.raises(ValueError, match="balanced_batches False"):
        quick(balanced_batches=True).fit(loader(X, y))
    with pytest.raises(ValueError, match="y has one class only"):
        quick().fit(loader(X, np.zeros(300)))
    with pytest.raises(ValueError, match=r"give its data set, X\.dataset"):
        quick().fit(X, y).predict(loader(X, y))
    with pytest.raises(ValueError, match="whose items bring their labels"):
        quick().fit(tensors(X, y), y)
