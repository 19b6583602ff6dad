import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.domains import digits_by_writer
from landbridge.domains.digits import WRITER_STARTS


def test_both_domains_together_are_all_digits_in_order():
    source, target = digits_by_writer()
    rows = np.vstack([source.to_numpy(), target.to_numpy()])
    digits = load_digits()
    np.testing.assert_array_equal(rows[:, :-1], digits.data)
    np.testing.assert_array_equal(rows[:, -1], digits.target)
    assert [source.columns[i] for i in (0, 9, -1)] == ["pixel_0_0", "pixel_1_1", "digit"]


def test_every_sheet_begins_and_ends_as_the_first_does():
    written = "".join(map(str, load_digits().target))
    ends = (*WRITER_STARTS[1:], len(written))
    sheets = [written[start:end] for start, end in zip(WRITER_STARTS, ends)]
    assert len(sheets) == 14
    assert sum(sheet == sheets[0] for sheet in sheets) == 8
    assert all(120 <= len(sheet) <= 130 for sheet in sheets)
    assert all("0123456789"[1:] in sheet[:10] for sheet in sheets)


def test_digits_of_other_writers_are_harder_to_read():
    source, target = ((frame.drop(columns="digit"), frame["digit"]) for frame in digits_by_writer())
    reader = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    within = cross_val_score(reader, *target, cv=folds).mean()
    across = reader.fit(*source).score(*target)
    assert 0.91 < across < 0.95
    assert within > across + 0.015


@pytest.mark.parametrize("n_source", [0, 14])
def test_each_domain_needs_a_sheet(n_source):
    with pytest.raises(ValueError, match=f"n_source must be from 1 to 13 .*found {n_source}"):
        digits_by_writer(n_source)
