"""What every mapping promises, over the whole catalogue."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from landbridge import load, save
from landbridge.mapping import CCA, MAPPINGS, make_mapping

ELSEWHERE = {
    "gradient": "it is trained, and needs PyTorch: test_gradient",
    "riemannian": "its rows are covariance matrices: test_riemannian",
}
EXACT = [name for name in MAPPINGS if name not in ELSEWHERE]
PAIRED = [name for name in EXACT if MAPPINGS[name].is_paired]
UNPAIRED = [name for name in EXACT if not MAPPINGS[name].is_paired]
SPARSE = [name for name in EXACT if get_tags(make_mapping(name)).input_tags.sparse]
WITHOUT_SAMPLES = ["identity", "class-pairs"]
COUNTS_ROWS_OF_CLASSES = ["class-pairs"]
"""A class whose rows all but vanish is refused, by test_class_pairs."""
TWO_SPACES = ["gromov-wasserstein", "class-pairs"]
IN_STEPS = {
    "forest": "a forest's map is a step function",
    "rcsls": "hubs are pushed away even from themselves",
    "mmd-scale-shift": "random features and local minima leave a little movement",
    "gromov-wasserstein": "an entropic plan blurs",
    "sinkhorn": "an entropic plan blurs",
    "unbalanced-transport": "an entropic plan blurs",
    "class-transport": "an entropic plan blurs",
    "laplace-transport": "an entropic plan blurs",
    "kernel-transport": "its map is regularised",
    "class-pairs": "rows are carried to their class",
}
"""Mappings that do not leave a domain where it is when it is mapped to itself, and why."""

pytestmark = pytest.mark.filterwarnings("ignore:.*effective sample size")


def classes_of(X):
    """Classes of rows that depend on nothing but what is in them."""
    return np.where(X @ np.array([1.0, -0.5, 0.3, 0.2, 0.1])[: X.shape[1]] > 0, "yes", "no")


def fit(mapping, Xs, Xt):
    """The mapping, or that of the name, fitted to rows, with labels where it takes some."""
    mapping = make_mapping(mapping) if isinstance(mapping, str) else mapping
    if mapping.is_paired:
        return mapping.fit(Xs, Xt)
    dense_s, dense_t = (
        X.toarray() if issparse(X) else np.nan_to_num(np.asarray(X, float)) for X in (Xs, Xt)
    )
    labels = {
        "": {},
        "source": {"ys": classes_of(dense_s - dense_s.mean(axis=0))},
        "target": {"yt": classes_of(dense_t - dense_t.mean(axis=0))},
    }
    labels["both"] = labels["source"] | labels["target"]
    return mapping.fit(Xs, Xt, **labels[mapping.needs_labels])


def fit_with_two_classes(name, Xs, Xt, **arguments):
    """The mapping of the name, fitted with every other row of one class."""
    mapping = make_mapping(name)
    if mapping.is_paired:
        return mapping.fit(Xs, Xt, **arguments)
    ys, yt = (np.where(np.arange(len(X)) % 2, "yes", "no") for X in (Xs, Xt))
    return mapping.fit(
        Xs, Xt, ys=ys, yt=yt if mapping.needs_labels == "both" else None, **arguments
    )


@pytest.fixture
def rows(two_domains):
    """As many rows of both domains, so that paired and unpaired mappings can be fitted."""
    return two_domains[0][:200], two_domains[1]


@pytest.mark.parametrize("name", EXACT)
def test_new_rows_are_carried_to_where_the_target_is(name, rows):
    Xs, Xt = rows
    mapping = fit(name, Xs, Xt)
    moved, target = mapping.transform(Xs[:7]), mapping.transform_target(Xt)
    assert moved.shape == (7, target.shape[1])
    np.testing.assert_allclose(moved, mapping.transform(Xs)[:7], atol=1e-9)


@pytest.mark.parametrize("name", EXACT)
def test_inputs_are_left_as_they_were(name, rows):
    Xs, Xt = rows
    before = Xs.copy(), Xt.copy()
    mapping = fit(name, Xs, Xt)
    mapping.transform(Xs), mapping.transform_target(Xt)
    np.testing.assert_array_equal(before[0], Xs)
    np.testing.assert_array_equal(before[1], Xt)


@pytest.mark.parametrize("name", EXACT)
def test_the_order_of_rows_does_not_matter(name, rows, rng):
    Xs, Xt = rows
    order_s = rng.permutation(200)
    order_t = order_s if MAPPINGS[name].is_paired else rng.permutation(200)
    first, second = (fit(name, *r) for r in ((Xs, Xt), (Xs[order_s], Xt[order_t])))
    np.testing.assert_allclose(first.transform(Xs), second.transform(Xs), atol=1e-8)


@pytest.mark.parametrize("name", EXACT)
def test_a_clone_fits_to_the_same_map(name, rows):
    mapping = fit(name, *rows)
    again = clone(mapping)
    with pytest.raises(NotFittedError):
        again.transform(rows[0])
    np.testing.assert_array_equal(fit(again, *rows).transform(rows[0]), mapping.transform(rows[0]))


@pytest.mark.parametrize("name", [name for name in EXACT if name not in IN_STEPS])
def test_a_domain_mapped_to_itself_stays_where_it_is(name, rows):
    Xs = rows[0]
    mapping = fit(name, Xs, Xs)
    np.testing.assert_allclose(mapping.transform(Xs), mapping.transform_target(Xs), atol=1e-4)
    if not mapping.meets_between:
        np.testing.assert_allclose(mapping.transform(Xs), Xs, atol=1e-4)


@pytest.mark.parametrize("name", ["recentre", "standardise", "coral", "monge"])
def test_a_feature_constant_in_both_domains_stays_constant(name, rows, rng):
    Xs, Xt = (np.column_stack([X[:, :2], np.full(200, 7.0), X[:, 2:]]) for X in rows)
    moved = fit(name, Xs, Xt).transform(Xs)
    np.testing.assert_array_equal(moved[:, 2], 7.0)


@pytest.mark.parametrize("name", EXACT)
def test_float32_rows_come_out_as_float32(name, rows):
    Xs, Xt = (X.astype(np.float32) for X in rows)
    mapping = fit(name, Xs, Xt)
    assert mapping.transform(Xs).dtype == np.float32
    assert mapping.transform_target(Xt).dtype == np.float32
    np.testing.assert_allclose(
        mapping.transform(Xs), fit(name, *rows).transform(rows[0]), atol=2e-3
    )


@pytest.mark.parametrize("name", EXACT)
def test_what_can_be_run_backwards_gives_the_rows_back(name, rows):
    mapping = fit(name, *rows)
    if mapping.is_invertible:
        back = mapping.inverse_transform(mapping.transform(rows[0]))
        np.testing.assert_allclose(back, rows[0], atol=1e-6)
    else:
        with pytest.raises(ValueError, match="cannot be run backwards"):
            mapping.inverse_transform(rows[1])


@pytest.mark.parametrize("name", EXACT)
def test_the_map_explains_what_each_feature_is_made_of(name, rows):
    Xs = pd.DataFrame(rows[0], columns=list("abcd"))
    table = fit(name, Xs, rows[1]).explain(top=4)
    assert set(table["source_feature"]) <= set("abcd")
    shares = table.groupby("target_feature")["share"].sum()
    np.testing.assert_allclose(shares, 1.0, atol=1e-9)


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_rows_are_carried_like_dense_ones(name, rows, rng):
    Xs = rows[0] * (rng.random(rows[0].shape) < 0.5)
    dense, sparse = fit(name, Xs, rows[1]), fit(name, csr_array(Xs), rows[1])
    moved = sparse.transform(csr_array(Xs))
    moved = moved.toarray() if issparse(moved) else moved
    np.testing.assert_allclose(moved, dense.transform(Xs), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in EXACT if name not in SPARSE])
def test_sparse_rows_are_refused_by_name_where_they_cannot_be_taken(name, rows):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        fit(name, csr_array(rows[0]), rows[1])


@pytest.mark.parametrize("name", UNPAIRED)
def test_all_labelled_rows_are_carried_with_finite_weights(name, rows):
    Xs, Xt = rows
    ys = classes_of(Xs - Xs.mean(axis=0))
    mapping = fit(name, Xs, Xt)
    carried = mapping.carry(Xs, ys, None, Xt)
    n, side = (200, Xt.shape[1]) if mapping.how == "relabel" else (200, None)
    assert carried.X.shape[0] == len(carried.y) == n
    assert set(carried.y) <= {"yes", "no"}
    if side is not None:
        assert carried.X.shape[1] == side
    if carried.sample_weight is not None:
        assert np.isfinite(carried.sample_weight).all()
        assert (carried.sample_weight >= 0).all()
        assert carried.sample_weight.sum() > 0


@pytest.mark.parametrize("name", EXACT)
def test_a_fitted_mapping_is_saved_without_pickle(name, rows, tmp_path):
    mapping = fit(name, *rows)
    again = load(save(mapping, tmp_path / "mapping.landbridge"))
    np.testing.assert_array_equal(again.transform(rows[0]), mapping.transform(rows[0]))


@pytest.mark.parametrize("name", [name for name in UNPAIRED if name not in TWO_SPACES])
def test_other_features_in_the_target_are_refused(name, rows):
    with pytest.raises(ValueError, match=r"Xs has 4, Xt has 3\. For two feature spaces use"):
        fit(name, rows[0], rows[1][:, :3])


@pytest.mark.parametrize("name", [name for name in UNPAIRED if name not in WITHOUT_SAMPLES])
def test_a_single_target_row_is_no_sample(name, rows):
    with pytest.raises(ValueError, match="needs 2 rows of each: Xs has 200, Xt has 1"):
        fit(name, rows[0], rows[1][:1])


@pytest.mark.parametrize("name", UNPAIRED)
def test_two_target_rows_are_a_sample(name, rows):
    Xs, Xt = rows[0], np.array([[0.0, 1.0, 0.0, 2.0], [3.0, -2.0, 1.0, 0.0]])
    mapping = fit(name, Xs, Xt)
    assert np.isfinite(mapping.transform(Xs)).all()


@pytest.mark.parametrize("name", PAIRED)
def test_two_pairs_are_enough_and_one_is_refused(name, rows):
    mapping = make_mapping(name).fit(rows[0][:2], rows[1][:2])
    assert np.isfinite(mapping.predict(rows[0])).all()
    weights = np.r_[1.0, np.zeros(199)]
    with pytest.raises(ValueError, match="sample_weight is zero on all but 1 of 200"):
        make_mapping(name).fit(*rows, sample_weight=weights)


@pytest.mark.parametrize("name", [name for name in EXACT if name != "class-pairs"])
def test_rows_that_are_all_the_same_are_carried(name):
    X = np.ones((20, 4))
    mapping = fit_with_two_classes(name, X, X)
    assert np.isfinite(mapping.transform(X)).all()


@pytest.mark.parametrize("name", [name for name in UNPAIRED if name not in COUNTS_ROWS_OF_CLASSES])
def test_weights_that_a_few_rows_hold_are_told_and_none_are_refused(name, rows):
    Xs, Xt = rows
    weights = np.r_[[1.0] * 4, np.full(196, 1e-12)]
    with pytest.warns(UserWarning, match=r"effective sample size of [1-4]\.\d out of 200 source"):
        fit_with_two_classes(name, Xs, Xt, sample_weight=weights)
    with pytest.raises(ValueError, match="sample_weight is zero on every row"):
        fit_with_two_classes(name, Xs, Xt, sample_weight=np.zeros(200))


@pytest.mark.parametrize("name", UNPAIRED)
@pytest.mark.parametrize("names", [(-1, 1), ("ill", "well")])
def test_any_two_values_are_labels_and_are_left_as_they_were(name, names, rows):
    Xs, Xt = rows
    ys = np.where(classes_of(Xs - Xs.mean(axis=0)) == "yes", *names)
    yt = np.where(classes_of(Xt - Xt.mean(axis=0)) == "yes", *names).astype(object)
    yt[20:] = None
    before = ys.copy(), yt.copy()
    carried = make_mapping(name).fit(Xs, Xt, ys=ys, yt=yt).carry(Xs, ys, None, Xt)
    np.testing.assert_array_equal(before[0], ys)
    np.testing.assert_array_equal(before[1], yt)
    assert set(carried.y.tolist()) == set(names)
    assert len(carried.y) == 200


@pytest.mark.parametrize("name", [name for name in UNPAIRED if name != "class-pairs"])
@pytest.mark.parametrize("domain", ["source", "target"])
def test_a_class_that_one_domain_lacks_is_no_obstacle(name, domain, rows):
    Xs, Xt = rows
    ys = classes_of(Xs - Xs.mean(axis=0)).astype(object)
    yt = classes_of(Xt - Xt.mean(axis=0)).astype(object)
    yt[60:] = None
    labels = ys if domain == "source" else yt
    labels[labels == "yes"] = None
    if domain == "source":
        ys[:30] = "perhaps"
    carried = make_mapping(name).fit(Xs, Xt, ys=ys, yt=yt).carry(Xs, ys, None, Xt)
    assert np.isfinite(carried.X).all()


@pytest.mark.parametrize("name", PAIRED)
def test_pairs_that_do_not_match_are_refused(name, rows):
    with pytest.raises(ValueError, match="X has 200 rows and y 150"):
        make_mapping(name).fit(rows[0], rows[1][:150])


@pytest.mark.parametrize("name", EXACT)
def test_values_that_are_not_finite_are_named(name, rows):
    Xs = rows[0].copy()
    Xs[3, 1], Xs[5, 2] = np.nan, np.inf
    with pytest.raises(ValueError, match="contains 1 NaN and 1 inf"):
        fit(name, Xs, rows[1])


@pytest.mark.parametrize("name", EXACT)
def test_rows_of_another_width_are_refused(name, rows):
    mapping = fit(name, *rows)
    with pytest.raises(ValueError, match="X has 3 features"):
        mapping.transform(rows[0][:, :3])
    with pytest.raises(ValueError, match="X has 3 features"):
        mapping.transform_target(rows[1][:, :3])


class Canonical(CCA):
    """Some of scikit-learn's checks know a CCA by its name, and call it as they do their own."""


RELIABILITIES = "weights tell how reliable a pair is, and not how often it was seen"
EXPECTED = {
    f"check_sample_weight_equivalence_on_{kind}_data": RELIABILITIES for kind in ("dense", "sparse")
}
WEIGHTS_AS_RELIABILITIES = ("cca", "kernel-ridge", "forest", "rcsls")


def expected_failures(mapping):
    kinds = tuple(MAPPINGS[name] for name in WEIGHTS_AS_RELIABILITIES)
    return EXPECTED if isinstance(mapping, kinds) else {}


@parametrize_with_checks(
    [*(make_mapping(name) for name in PAIRED if name != "cca"), Canonical()],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_accepts_paired_mappings(estimator, check):
    check(estimator)


class OnOneTable(TransformerMixin, BaseEstimator):
    """An unpaired mapping as scikit-learn's checks call estimators: every other row is target."""

    def __init__(self, mapping):
        self.mapping = mapping

    def fit(self, X, y=None):
        rows = self._rows(X, ensure_min_samples=4)
        here = np.arange(rows.shape[0]) % 2 == 0
        names = np.array(["no", "yes"])
        labels = {"ys": names[np.arange(here.sum()) % 2], "yt": names[np.arange((~here).sum()) % 2]}
        needed = {"": (), "source": ("ys",), "target": ("yt",), "both": ("ys", "yt")}
        given = {name: labels[name] for name in needed[self.mapping.needs_labels]}
        self.mapping_ = clone(self.mapping).fit(rows[here], rows[~here], **given)
        return self

    def transform(self, X):
        check_is_fitted(self)
        return self.mapping_.transform(self._rows(X, reset=False))

    def _rows(self, X, **arguments):
        floats = (np.float64, np.float32)
        return validate_data(self, X, accept_sparse="csr", dtype=floats, **arguments)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self.mapping).input_tags.sparse
        return tags


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([OnOneTable(make_mapping(name)) for name in UNPAIRED])
def test_scikit_learn_accepts_unpaired_mappings(estimator, check):
    check(estimator)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown mapping 'magic'.*coral"):
        make_mapping("magic")
