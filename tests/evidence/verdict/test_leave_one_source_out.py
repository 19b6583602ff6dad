import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score

from landbridge import PerSource, Recentre, Transfer, leave_one_source_out


@pytest.fixture
def hospitals():
    rng = np.random.default_rng(0)
    names = np.repeat(["a", "b", "c"], 80)
    X = rng.normal(size=(240, 2))
    y = np.where(X[:, 0] + 0.3 * rng.normal(size=240) > 0, "ill", "well")
    X += np.repeat([[0.0, 0.0], [3.0, 0.0], [-2.0, 1.0]], 80, axis=0)
    return X, y, names


def test_every_source_is_predicted_from_the_others(hospitals):
    X, y, names = hospitals
    table = leave_one_source_out(Transfer(LogisticRegression(), PerSource(Recentre())), X, y, names)
    there = names == "b"
    plain = LogisticRegression().fit(X[~there], y[~there]).predict(X[there])
    assert table.loc["b", "source only"] == pytest.approx(balanced_accuracy_score(y[there], plain))
    assert table.index.tolist() == ["a", "b", "c"]
    assert table["rows"].tolist() == [80, 80, 80]
    np.testing.assert_allclose(table["gain"], table["transfer"] - table["source only"])
    assert table["gain"].mean() > 0.1


def test_doing_nothing_gains_nothing(hospitals):
    table = leave_one_source_out(Transfer(LogisticRegression()), *hospitals)
    assert table["gain"].tolist() == [0.0, 0.0, 0.0]


def test_measurements_are_scored_by_r2(hospitals):
    X, _, names = hospitals
    y = X[:, 0] - X[:, 1]
    table = leave_one_source_out(Transfer(Ridge(alpha=1e-9)), X, y, names)
    np.testing.assert_allclose(table["transfer"], 1.0)


def test_the_hidden_labels_do_not_reach_the_model(hospitals):
    X, y, names = hospitals
    table = leave_one_source_out(Transfer(LogisticRegression()), X, y, names)
    swapped = np.where(names == "c", np.where(y == "ill", "well", "ill"), y)
    other = leave_one_source_out(Transfer(LogisticRegression()), X, swapped, names)
    assert other.loc["c", "transfer"] == pytest.approx(1 - table.loc["c", "transfer"])


def test_one_source_or_blank_labels_are_refused(hospitals):
    X, y, names = hospitals
    with pytest.raises(ValueError, match=r"two or more: sources names only \['a'\]"):
        leave_one_source_out(Transfer(LogisticRegression()), X[:80], y[:80], names[:80])
    blank = y.astype(object)
    blank[3] = None
    with pytest.raises(ValueError, match="ys has 1 blank labels"):
        leave_one_source_out(Transfer(LogisticRegression()), X, blank, names)
