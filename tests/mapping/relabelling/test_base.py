import numpy as np
import pytest

from landbridge.mapping.relabelling import Relabelling
from landbridge.mapping.relabelling.base import keep_known


class Nearest(Relabelling):
    """The label of the nearest source row, with half confidence."""

    def _relabel(self, Xs, ys, Xt, yt, sample_weight):
        self.seen_ = len(Xs), sample_weight
        nearest = np.abs(Xs[:, :1] - Xt[:, 0]).argmin(axis=0)
        return ys[nearest], np.full(len(Xt), 0.5)


XS, YS = np.array([[0.0], [1.0], [5.0]]), np.array(["low", "low", "high"])
XT = np.array([[0.2], [4.0]])


def test_target_rows_are_carried_with_their_new_labels():
    mapping = Nearest().fit(XS, XT, ys=YS)
    carried = mapping.carry(XS, YS, Xt=XT)
    np.testing.assert_array_equal(carried.X, XT)
    assert carried.y.tolist() == ["low", "high"]
    np.testing.assert_array_equal(carried.sample_weight, 0.5)


def test_rows_stay_where_they_are():
    mapping = Nearest().fit(XS, XT, ys=YS)
    for carry in (mapping.transform, mapping.transform_target, mapping.inverse_transform):
        np.testing.assert_array_equal(carry(XT), XT)
    assert mapping.explain()["weight"].tolist() == [1.0]


def test_given_labels_are_kept_and_sure_ones_weigh_nothing():
    mapping = Nearest().fit(XS, XT, ys=YS, yt=["high", "low"])
    carried = mapping.carry(XS, YS, Xt=XT)
    assert carried.y.tolist() == ["high", "low"]
    assert carried.sample_weight is None


def test_known_labels_keep_their_type():
    labels, sure = keep_known(np.array([1, 2]), np.array([0.3, 2.0]), np.array([np.nan, 3.0]))
    assert labels.tolist() == [1, 3]
    np.testing.assert_array_equal(sure, [0.3, 1.0])


def test_source_rows_without_a_label_and_their_weights_are_left_out():
    ys = np.array(["low", None, "high"], dtype=object)
    mapping = Nearest().fit(XS, XT, ys=ys, sample_weight=[1.0, 2.0, 3.0])
    assert mapping.seen_[0] == 2
    np.testing.assert_array_equal(mapping.seen_[1], [1.0, 3.0])


def test_carry_wants_the_target_rows_of_fit():
    mapping = Nearest().fit(XS, XT, ys=YS)
    with pytest.raises(ValueError, match="give carry the 2 rows of fit as Xt"):
        mapping.carry(XS, YS)
    with pytest.raises(ValueError, match="labelled the 2 target rows of fit: Xt has 3"):
        mapping.carry(XS, YS, Xt=XS)


def test_labels_of_the_source_are_needed():
    with pytest.raises(ValueError, match="learns from labels of source rows: ys has none"):
        Nearest().fit(XS, XT)


def test_a_single_row_is_no_sample():
    with pytest.raises(ValueError, match="needs 2 rows of each: Xs has 3, Xt has 1"):
        Nearest().fit(XS, XT[:1], ys=YS)
