import numpy as np
import pytest

from landbridge.training.rows import NUMBERS_AT_ONCE, ROWS_AT_ONCE, outputs, parts_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [
        (5, [5]),
        (ROWS_AT_ONCE, [ROWS_AT_ONCE]),
        (ROWS_AT_ONCE + 1, [ROWS_AT_ONCE // 2 + 1, ROWS_AT_ONCE // 2]),
    ],
)
def test_parts_are_even_and_hold_all_rows_in_order(n_rows, expected):
    X = np.arange(n_rows, dtype=np.float32)[:, None]
    parts = list(parts_of(X, CPU))
    assert [len(part) for part in parts] == expected
    np.testing.assert_array_equal(torch.cat(parts), X)


def test_parts_of_large_rows_hold_fewer():
    X = np.zeros((9, NUMBERS_AT_ONCE // 4), dtype=np.float32)
    assert [len(part) for part in parts_of(X, CPU)] == [3, 3, 3]


def test_one_row_more_than_a_part_holds_can_be_normalised():
    from landbridge.training.normalisation import recalibrate

    X = np.random.default_rng(0).normal(3.0, 2.0, (ROWS_AT_ONCE + 1, 2)).astype(np.float32)
    layer = torch.nn.BatchNorm1d(2)
    recalibrate(layer, parts_of(X, CPU))
    np.testing.assert_allclose(layer.running_mean, X.mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(layer.running_var, X.var(axis=0), rtol=1e-2)
    normal = outputs(layer, X, CPU)
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=1e-2)
