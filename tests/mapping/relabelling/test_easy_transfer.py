import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from landbridge.mapping.relabelling.easy_transfer import EasyTransfer, intra_domain_programming


def by_linear_programme(distances):
    """The programme of the paper, all variables and constraints written out, by HiGHS."""
    n, n_classes = distances.shape
    one_class_a_row = np.kron(np.eye(n), np.ones(n_classes))
    a_row_in_each_class = np.kron(np.ones(n), np.eye(n_classes))
    found = linprog(
        distances.ravel(),
        A_ub=-a_row_in_each_class,
        b_ub=-np.ones(n_classes),
        A_eq=one_class_a_row,
        b_eq=np.ones(n),
        bounds=(0, 1),
    )
    return found.x.reshape(n, n_classes).argmax(axis=1), found.fun


@pytest.mark.parametrize("seed", range(5))
def test_the_assignment_solves_the_linear_programme(seed):
    rng = np.random.default_rng(seed)
    distances = rng.random((30, 6)) + np.array([0.0, 0.0, 0.9, 0.9, 2.0, 3.0])
    codes = intra_domain_programming(distances)
    expected, least = by_linear_programme(distances)
    np.testing.assert_array_equal(codes, expected)
    assert distances[np.arange(30), codes].sum() == pytest.approx(least)
    assert set(codes) == set(range(6))


@pytest.fixture
def turned(rng):
    """Three classes; the target's features are stretched and turned a little."""
    y = np.repeat(["a", "b", "c"], 60)
    centres = np.repeat([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]], 60, axis=0)
    Xs, Xt = (rng.standard_normal((180, 2)) + centres for _ in range(2))
    return Xs, y, Xt @ [[4.0, 1.0], [0.5, 3.0]] + 9.0


def test_the_labels_of_the_target_are_found(turned):
    Xs, y, Xt = turned
    easy = EasyTransfer().fit(Xs, Xt, ys=y)
    assert (easy.labels_ == y).mean() > 0.95


def test_without_alignment_rows_go_to_the_nearest_centre(turned):
    Xs, y, Xt = turned
    easy = EasyTransfer(align=False).fit(Xs, Xt, ys=y)
    Zs, Zt = ((X - X.mean(0)) / X.std(0) for X in (Xs, Xt))
    distances = cdist(Zt, [Zs[y == c].mean(0) for c in "abc"])
    np.testing.assert_array_equal(easy.labels_, np.array(list("abc"))[distances.argmin(axis=1)])


def test_rows_between_two_centres_are_trusted_less(turned):
    Xs, y, _ = turned
    Xt = np.vstack([Xs, [[3.0, 0.0]]])
    easy = EasyTransfer(align=False).fit(Xs, Xt, ys=y)
    assert easy.confidence_[-1] < np.quantile(easy.confidence_, 0.1)
    assert (easy.confidence_ > 0).all() and (easy.confidence_ <= 1).all()


def test_weights_of_zero_leave_rows_out(turned):
    Xs, y, Xt = turned
    weights = np.repeat([1.0, 0.0], [180, 30])
    more = EasyTransfer().fit(
        np.vstack([Xs, Xs[:30] + 50.0]), Xt, ys=np.append(y, y[-30:]), sample_weight=weights
    )
    np.testing.assert_array_equal(more.labels_, EasyTransfer().fit(Xs, Xt, ys=y).labels_)


def test_given_target_labels_are_kept(turned):
    Xs, y, Xt = turned
    yt = np.full(180, None)
    yt[0] = "c"
    easy = EasyTransfer().fit(Xs, Xt, ys=y, yt=yt)
    assert easy.labels_[0] == "c"
    assert easy.confidence_[0] == 1.0


def test_the_order_of_target_rows_does_not_matter(turned, rng):
    Xs, y, Xt = turned
    order = rng.permutation(180)
    first, second = (EasyTransfer().fit(Xs, X, ys=y) for X in (Xt, Xt[order]))
    np.testing.assert_array_equal(first.labels_[order], second.labels_)


def test_fewer_target_rows_than_classes_are_refused(turned):
    with pytest.raises(ValueError, match="Xt has 2 rows, and ys 3 classes"):
        EasyTransfer().fit(turned[0], turned[2][:2], ys=turned[1])


def test_labels_that_are_measurements_are_refused(turned):
    with pytest.raises(ValueError, match="needs classes"):
        EasyTransfer().fit(turned[0], turned[2], ys=np.linspace(0.1, 1, 180))
