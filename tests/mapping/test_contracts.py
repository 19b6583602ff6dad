"""What every mapping promises, over the whole catalogue."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from landbridge.mapping import CCA, MAPPINGS, make_mapping

EXACT = [name for name in MAPPINGS if name != "gradient"]
UNPAIRED = [name for name in EXACT if not MAPPINGS[name].is_paired]
PAIRED = [name for name in EXACT if MAPPINGS[name].is_paired]


@pytest.fixture
def rows(two_domains):
    """As many rows of both domains, so that paired and unpaired mappings can be fitted."""
    return two_domains[0][:200], two_domains[1]


@pytest.mark.parametrize("name", EXACT)
def test_new_rows_are_carried_to_where_the_target_is(name, rows):
    Xs, Xt = rows
    mapping = make_mapping(name).fit(Xs, Xt)
    moved, target = mapping.transform(Xs[:7]), mapping.transform_target(Xt)
    assert moved.shape == (7, target.shape[1])
    np.testing.assert_allclose(moved, mapping.transform(Xs)[:7], atol=1e-9)


@pytest.mark.parametrize("name", EXACT)
def test_inputs_are_left_as_they_were(name, rows):
    Xs, Xt = rows
    before = Xs.copy(), Xt.copy()
    mapping = make_mapping(name).fit(Xs, Xt)
    mapping.transform(Xs), mapping.transform_target(Xt)
    np.testing.assert_array_equal(before[0], Xs)
    np.testing.assert_array_equal(before[1], Xt)


@pytest.mark.parametrize("name", EXACT)
def test_the_order_of_rows_does_not_matter(name, rows, rng):
    Xs, Xt = rows
    order_s = rng.permutation(200)
    order_t = order_s if MAPPINGS[name].is_paired else rng.permutation(200)
    first, second = (make_mapping(name).fit(*r) for r in ((Xs, Xt), (Xs[order_s], Xt[order_t])))
    np.testing.assert_allclose(first.transform(Xs), second.transform(Xs), atol=1e-8)


@pytest.mark.parametrize("name", EXACT)
def test_a_clone_fits_to_the_same_map(name, rows):
    mapping = make_mapping(name).fit(*rows)
    again = clone(mapping)
    with pytest.raises(NotFittedError):
        again.transform(rows[0])
    np.testing.assert_array_equal(again.fit(*rows).transform(rows[0]), mapping.transform(rows[0]))


@pytest.mark.parametrize("name", EXACT)
def test_a_domain_mapped_to_itself_stays_where_it_is(name, rows):
    Xs = rows[0]
    mapping = make_mapping(name).fit(Xs, Xs)
    np.testing.assert_allclose(mapping.transform(Xs), mapping.transform_target(Xs), atol=1e-4)
    if not mapping.meets_between:
        np.testing.assert_allclose(mapping.transform(Xs), Xs, atol=1e-4)


@pytest.mark.parametrize("name", ["recentre", "standardise", "coral", "monge"])
def test_a_feature_constant_in_both_domains_stays_constant(name, rows, rng):
    Xs, Xt = (np.column_stack([X[:, :2], np.full(200, 7.0), X[:, 2:]]) for X in rows)
    moved = make_mapping(name).fit(Xs, Xt).transform(Xs)
    np.testing.assert_array_equal(moved[:, 2], 7.0)


@pytest.mark.parametrize("name", EXACT)
def test_float32_rows_come_out_as_float32(name, rows):
    Xs, Xt = (X.astype(np.float32) for X in rows)
    mapping = make_mapping(name).fit(Xs, Xt)
    assert mapping.transform(Xs).dtype == np.float32
    assert mapping.transform_target(Xt).dtype == np.float32
    np.testing.assert_allclose(
        mapping.transform(Xs), make_mapping(name).fit(*rows).transform(rows[0]), atol=2e-3
    )


@pytest.mark.parametrize("name", EXACT)
def test_what_can_be_run_backwards_gives_the_rows_back(name, rows):
    mapping = make_mapping(name).fit(*rows)
    if mapping.is_invertible:
        back = mapping.inverse_transform(mapping.transform(rows[0]))
        np.testing.assert_allclose(back, rows[0], atol=1e-6)
    else:
        with pytest.raises(ValueError, match="cannot be run backwards"):
            mapping.inverse_transform(rows[1])


@pytest.mark.parametrize("name", EXACT)
def test_the_map_explains_what_each_feature_is_made_of(name, rows):
    Xs = pd.DataFrame(rows[0], columns=list("abcd"))
    table = make_mapping(name).fit(Xs, rows[1]).explain(top=4)
    assert set(table["source_feature"]) <= set("abcd")
    shares = table.groupby("target_feature")["share"].sum()
    np.testing.assert_allclose(shares, 1.0, atol=1e-9)


@pytest.mark.parametrize("name", EXACT)
def test_sparse_rows_are_carried_like_dense_ones(name, rows, rng):
    Xs = rows[0] * (rng.random(rows[0].shape) < 0.5)
    dense, sparse = make_mapping(name).fit(Xs, rows[1]), make_mapping(name)
    sparse.fit(csr_array(Xs), rows[1])
    moved = sparse.transform(csr_array(Xs))
    moved = moved.toarray() if name == "identity" else moved
    np.testing.assert_allclose(moved, dense.transform(Xs), atol=1e-6)


@pytest.mark.parametrize("name", UNPAIRED)
def test_other_features_in_the_target_are_refused(name, rows):
    with pytest.raises(ValueError, match=r"Xs has 4, Xt has 3\. For two feature spaces use"):
        make_mapping(name).fit(rows[0], rows[1][:, :3])


@pytest.mark.parametrize("name", [name for name in UNPAIRED if name != "identity"])
def test_a_single_target_row_is_no_sample(name, rows):
    with pytest.raises(ValueError, match="needs 2 rows of each: Xs has 200, Xt has 1"):
        make_mapping(name).fit(rows[0], rows[1][:1])


@pytest.mark.parametrize("name", PAIRED)
def test_pairs_that_do_not_match_are_refused(name, rows):
    with pytest.raises(ValueError, match="X has 200 rows and y 150"):
        make_mapping(name).fit(rows[0], rows[1][:150])


@pytest.mark.parametrize("name", EXACT)
def test_values_that_are_not_finite_are_named(name, rows):
    Xs = rows[0].copy()
    Xs[3, 1], Xs[5, 2] = np.nan, np.inf
    with pytest.raises(ValueError, match="contains 1 NaN and 1 inf"):
        make_mapping(name).fit(Xs, rows[1])


@pytest.mark.parametrize("name", EXACT)
def test_rows_of_another_width_are_refused(name, rows):
    mapping = make_mapping(name).fit(*rows)
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


@parametrize_with_checks(
    [*(make_mapping(name) for name in PAIRED if name != "cca"), Canonical()],
    expected_failed_checks=lambda mapping: EXPECTED if isinstance(mapping, CCA) else {},
)
def test_scikit_learn_accepts_paired_mappings(estimator, check):
    check(estimator)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown mapping 'magic'.*coral"):
        make_mapping("magic")
