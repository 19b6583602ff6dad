import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from landbridge import (
    CORAL,
    MAPPINGS,
    TARGETS,
    LabelShift,
    LogitAdjusted,
    Pooled,
    Procrustes,
    Recentre,
    Refit,
    Stacking,
    Transfer,
    load,
    make_mapping,
)


@pytest.fixture
def shifted():
    """Two classes, and the same two moved and turned; twenty target labels of a hundred."""
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 100)
    X = rng.standard_normal((200, 3)) + np.outer(y, [3.0, 1.0, 0.0])
    Xt = X[:100] @ np.array([[2.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.3, 0.0, 1.5]]) + 8.0
    yt = np.full(100, np.nan)
    yt[:20] = y[:20]
    return X, y, Xt, yt, y[:100]


def test_the_three_steps_are_taken_one_after_the_other(shifted):
    Xs, ys, Xt, yt, truth = shifted
    model = Transfer(LogisticRegression(), CORAL(), Refit(LogisticRegression()))
    model.fit(Xs, ys, Xt, yt)
    by_hand = CORAL().fit(Xs, Xt)
    expected = LogisticRegression().fit(by_hand.transform(Xs), ys)
    np.testing.assert_allclose(
        model.predict_proba(Xt), expected.predict_proba(by_hand.transform_target(Xt)), atol=1e-10
    )
    np.testing.assert_array_equal(model.source_.coef_, LogisticRegression().fit(Xs, ys).coef_)
    assert model.score(Xt, truth) > 0.9 > LogisticRegression().fit(Xs, ys).score(Xt, truth)


def test_one_table_with_domains_gives_what_two_samples_give(shifted):
    Xs, ys, Xt, yt, _ = shifted
    two = Transfer(LogisticRegression(), "coral").fit(Xs, ys, Xt, yt)
    X, y = np.vstack([Xt, Xs]), np.concatenate([yt, ys])
    domain = np.array([-1] * 100 + [1] * 200)
    one = Transfer(LogisticRegression(), "coral").fit(X, y, sample_domain=domain)
    np.testing.assert_array_equal(one.predict(Xt), two.predict(Xt))
    mixed = one.predict(X, sample_domain=domain)
    np.testing.assert_array_equal(mixed[:100], one.predict(Xt))
    np.testing.assert_array_equal(mixed[100:], one.target_.predict(one.mapping_.transform(Xs)))
    expected = (mixed[:20] == yt[:20]).mean()
    known = np.r_[:20, 100:300]
    assert one.score(X[known], y[known], sample_domain=domain[known]) == expected


def test_minus_one_masks_target_labels_in_one_table_and_nowhere_else(shifted):
    Xs, ys, Xt, yt, truth = shifted
    domain = np.array([1] * 200 + [-1] * 100)
    X = np.vstack([Xs, Xt])
    masked = np.concatenate([ys, np.where(np.isnan(yt), -1, yt)]).astype(int)
    model = Transfer(LogisticRegression(), "recentre")
    one = clone(model).fit(X, masked, sample_domain=domain)
    two = clone(model).fit(Xs, ys, Xt, yt)
    np.testing.assert_array_equal(one.classes_, [0, 1])
    np.testing.assert_allclose(one.predict_proba(Xt), two.predict_proba(Xt))
    signs = clone(model).fit(X, np.where(np.r_[ys, truth] > 0, 1, -1), sample_domain=domain)
    np.testing.assert_array_equal(signs.classes_, [-1, 1])
    assert signs.target_.learner_.classes_.tolist() == [-1, 1]
    two_signs = clone(model).fit(Xs, 2 * ys - 1, Xt, 2 * yt - 1)
    np.testing.assert_array_equal(two_signs.predict(Xt), 2 * two.predict(Xt) - 1)


@pytest.mark.parametrize(
    "names", [["no", "yes"], [False, True], [-1, 1], [3, 7], pd.array([1, 2], dtype="Int64")]
)
def test_labels_of_any_type_come_back_as_they_were(shifted, names):
    Xs, ys, Xt, yt, truth = shifted
    labels = np.asarray(names)[ys]
    hidden = pd.Series(np.asarray(names)[truth]).astype(object)
    hidden[20:] = None
    before = hidden.copy()
    model = Transfer(LogisticRegression(), "recentre").fit(Xs, labels, Xt, hidden)
    numbers = Transfer(LogisticRegression(), "recentre").fit(Xs, ys, Xt, yt)
    assert model.predict(Xt).tolist() == np.asarray(names)[numbers.predict(Xt)].tolist()
    pd.testing.assert_series_equal(hidden, before)


def test_a_class_that_only_the_target_has_is_learned_from_its_labels(shifted):
    Xs, ys, Xt, yt, _ = shifted
    yt[:5] = 2
    model = Transfer(LogisticRegression(), "recentre").fit(Xs, ys, Xt, yt)
    assert model.classes_.tolist() == [0, 1, 2]
    alone = Transfer(LogisticRegression(), "recentre", Refit(LogisticRegression()))
    probabilities = alone.fit(Xs, ys, Xt, yt).predict_proba(Xt)
    assert probabilities.shape == (100, 3)
    np.testing.assert_array_equal(probabilities[:, 2], 0.0)


@pytest.mark.parametrize(
    "source",
    [
        DecisionTreeClassifier(random_state=0),
        RandomForestClassifier(10, random_state=0),
        SVC(),
        KNeighborsClassifier(),
    ],
)
def test_any_scikit_learn_classifier_is_a_source_learner(shifted, source):
    Xs, ys, Xt, yt, truth = shifted
    model = Transfer(source, "coral").fit(Xs, ys, Xt, yt)
    assert model.score(Xt, truth) > 0.85
    assert hasattr(model, "predict_proba") == (not isinstance(source, SVC))


def test_regression_is_carried_over_as_well(shifted):
    Xs, _, Xt, _, _ = shifted
    w = np.array([1.0, -2.0, 0.5])
    yt = np.full(100, np.nan)
    yt[:10] = Xt[:10] @ w
    model = Transfer(SklearnRidge(), "identity", Stacking(LinearRegression()))
    model.fit(Xs, Xs @ w, Xt, yt)
    assert is_regressor(model)
    assert not is_classifier(model)
    assert model.score(Xt, Xt @ w) > 0.99


ELSEWHERE = {"gradient", "riemannian"}  # test_gradient, test_riemannian
MUST_OVERLAP = {name for name in MAPPINGS if make_mapping(name).how == "reweigh"} | {
    "fmmd",  # keeps the features that did not change: here all did
    "jcpot",  # costs are distances from where the rows are
    "gradual",  # the first step must be mostly right
}


@pytest.mark.parametrize("mapping", [name for name in MAPPINGS if name not in ELSEWHERE])
def test_every_mapping_is_a_second_step(shifted, mapping):
    Xs, ys, Xt, yt, truth = shifted
    if mapping in MUST_OVERLAP:
        Xt = Xs[:100] + np.array([0.5, 0.0, 0.5])
    n = 100 if MAPPINGS[mapping].is_paired else 200
    model = Transfer(LogisticRegression(), mapping).fit(Xs[:n], ys[:n], Xt, yt)
    assert model.score(Xt, truth) > 0.8


FOR_CLASSES = ("label-shift", "thresholded", "logit-adjusted", "strut")
AGAINST_SHIFTED_SHARES = {
    "label shift": LabelShift(LogisticRegression()),
    "threshold": TARGETS["thresholded"](LogisticRegression()),
    "logits": TARGETS["logit-adjusted"](LogisticRegression()),
    "both": LogitAdjusted(LabelShift(LogisticRegression(), method="rlls")),
    "class weights": Pooled(LogisticRegression(), class_weight="auto"),
}


@pytest.mark.parametrize("mapping", [name for name in MAPPINGS if name not in ELSEWHERE])
def test_corrections_of_class_shares_compose_with_every_mapping(shifted, mapping):
    Xs, ys, _, yt, truth = shifted
    Xt = Xs[:100] + np.array([0.5, 0.0, 0.5])
    n = 100 if MAPPINGS[mapping].is_paired else 200
    model = Transfer(LogisticRegression(), mapping).fit(Xs[:n], ys[:n], Xt, yt)
    carried = model.mapping_.carry(Xs[:n], ys[:n], None, Xt)
    there = model.mapping_.transform_target(Xt)
    for correction in AGAINST_SHIFTED_SHARES.values():
        learner = clone(correction).fit(carried, there, yt)
        assert (learner.predict(there) == truth).mean() > 0.75
        np.testing.assert_allclose(learner.predict_proba(there).sum(axis=1), 1.0)


@pytest.mark.parametrize("mapping", ["coral", "subspace-alignment"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_learner_is_a_third_step(shifted, mapping, target):
    Xs, ys, Xt, yt, truth = shifted
    model = Transfer(LogisticRegression(), mapping, TARGETS[target](LogisticRegression()))
    assert model.fit(Xs, ys, Xt, yt).score(Xt, truth) > 0.85


@pytest.mark.parametrize("mapping", ["recentre", "identity", "kmm", "label-propagation"])
@pytest.mark.parametrize("target", [name for name in TARGETS if name not in FOR_CLASSES])
def test_target_learners_carry_numbers_over_too(shifted, mapping, target):
    Xs, _, Xt, yt, _ = shifted
    Xt = Xs[:100] + np.array([0.5, 0.0, 0.5])
    w = np.array([1.0, -2.0, 0.5])
    truth = Xt @ w + 1.0
    learner = DecisionTreeRegressor(random_state=0) if target == "ser" else SklearnRidge()
    model = Transfer(learner, mapping, TARGETS[target](learner))
    model.fit(Xs, Xs @ w, Xt, np.where(np.isnan(yt), np.nan, truth))
    assert model.score(Xt, truth) > 0.4  # refitting does not look at target labels


def test_pairs_say_which_rows_belong_together(shifted):
    Xs, ys, Xt, _, truth = shifted
    order = np.random.default_rng(1).permutation(100)
    model = Transfer(LogisticRegression(), "least-squares", Refit(LogisticRegression()))
    pairs = np.column_stack([order[:30], np.arange(30)])
    model.fit(Xs, ys, Xt[order], pairs=pairs)
    np.testing.assert_allclose(model.mapping_.transform(Xs[:100]), Xt, atol=1e-9)
    assert model.score(Xt, truth) > 0.9


def test_domains_of_different_width_meet_through_pairs(shifted):
    Xs, ys, Xt, yt, truth = shifted
    wide = Xt @ np.random.default_rng(0).standard_normal((3, 6))
    model = Transfer(LogisticRegression(), Procrustes(scaling=True), Stacking(LogisticRegression()))
    model.fit(Xs[:100], ys[:100], wide, yt)
    assert model.n_features_in_ == 3
    assert model.score(wide, truth) > 0.85
    with pytest.raises(ValueError, match="X has 3 features"):
        model.predict(Xt)


def test_grid_search_reaches_all_three_steps(shifted):
    Xs, ys, Xt, yt, _ = shifted
    grid = {
        "source__C": [0.1, 1.0],
        "mapping__reg": ["auto", 0.1],
        "target__learner__C": [0.1, 1.0],
    }
    model = Transfer(LogisticRegression(), CORAL(), Pooled(LogisticRegression()))
    X, y = np.vstack([Xs, Xt[:20]]), np.concatenate([ys, yt[:20]]).astype(int)
    search = GridSearchCV(model, grid, cv=StratifiedKFold(3, shuffle=True, random_state=0))
    search.fit(X, y, sample_domain=np.array([1] * 200 + [-1] * 20))
    assert set(search.best_params_) == set(grid)
    assert search.best_estimator_.mapping_.matrix_.shape == (3, 3)


def test_cross_validation_slices_the_domains_with_the_rows(shifted):
    Xs, ys, Xt, yt, _ = shifted
    X, y = np.vstack([Xs, Xt[:20]]), np.concatenate([ys, yt[:20]]).astype(int)
    domain = np.array([1] * 200 + [-1] * 20)
    model = Transfer(LogisticRegression(), "recentre")
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    scores = cross_val_score(model, X, y, params={"sample_domain": domain}, cv=folds)
    assert scores.shape == (4,)
    assert np.isfinite(scores).all()


def test_inputs_are_left_as_they_were(shifted):
    Xs, ys, Xt, yt, _ = shifted
    before = [a.copy() for a in (Xs, ys, Xt, yt)]
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is tested
    Transfer(LogisticRegression(), "coral", LabelShift(LogisticRegression())).fit(Xs, ys, Xt, yt)
    for a, b in zip(before, (Xs, ys, Xt, yt)):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("target", [None, *TARGETS])
def test_a_learner_that_scales_in_place_leaves_rows_and_predictions_as_they_were(shifted, target):
    Xs, ys, Xt, yt, _ = shifted
    before = Xs.copy(), Xt.copy()
    found = []
    for copy in (False, True):
        learner = make_pipeline(StandardScaler(copy=copy), LogisticRegression())
        third = None if target is None else TARGETS[target](learner)
        model = Transfer(learner, "identity", third).fit(Xs, ys, Xt, yt)
        found.append(model.predict(Xt))
    np.testing.assert_array_equal(*found)
    for rows, was in zip((Xs, Xt), before):
        np.testing.assert_array_equal(rows, was)


def test_the_order_of_rows_does_not_matter(shifted):
    Xs, ys, Xt, yt, _ = shifted
    rng = np.random.default_rng(0)
    s, t = rng.permutation(200), rng.permutation(100)
    first = Transfer(LogisticRegression(tol=1e-10), "coral").fit(Xs, ys, Xt, yt)
    second = clone(first).fit(Xs[s], ys[s], Xt[t], yt[t])
    np.testing.assert_allclose(first.predict_proba(Xt), second.predict_proba(Xt), atol=1e-5)


def test_source_weights_count_source_rows(shifted):
    Xs, ys, Xt, _, _ = shifted
    keep = np.arange(200) % 3 > 0
    weighted = Transfer(LogisticRegression(tol=1e-8), "recentre")
    weighted.fit(Xs, ys, Xt, sample_weight=keep.astype(float))
    fewer = clone(weighted).fit(Xs[keep], ys[keep], Xt)
    np.testing.assert_allclose(weighted.predict_proba(Xt), fewer.predict_proba(Xt), atol=1e-4)


def test_unlabelled_source_rows_are_left_out(shifted):
    Xs, ys, Xt, yt, _ = shifted
    partly = ys.astype(object)
    partly[150:] = None
    model = Transfer(LogisticRegression(), "coral")
    some, fewer = clone(model).fit(Xs, partly, Xt, yt), clone(model).fit(Xs[:150], ys[:150], Xt, yt)
    np.testing.assert_array_equal(some.predict_proba(Xt), fewer.predict_proba(Xt))


def test_sparse_rows_stay_sparse_with_a_mapping_that_allows_it(shifted):
    Xs, ys, Xt, yt, _ = shifted
    dense = Transfer(LogisticRegression(), "identity").fit(Xs, ys, Xt, yt)
    sparse = Transfer(LogisticRegression(), "identity").fit(csr_array(Xs), ys, csr_array(Xt), yt)
    np.testing.assert_allclose(
        sparse.predict_proba(csr_array(Xt)), dense.predict_proba(Xt), atol=1e-6
    )


@pytest.mark.parametrize("mapping", ["coral", "procrustes", "standardise", "subspace-alignment"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_saved_model_predicts_as_before(shifted, tmp_path, mapping, target):
    Xs, ys, Xt, yt, _ = shifted
    names = np.array(["no", "yes"])
    hidden = np.array([None if np.isnan(v) else names[int(v)] for v in yt])
    model = Transfer(LogisticRegression(), mapping, TARGETS[target](LogisticRegression()))
    model.fit(Xs[:100], names[ys[:100]], Xt, hidden)
    again = load(model.save(tmp_path / "model.landbridge"))
    np.testing.assert_array_equal(again.predict(Xt), model.predict(Xt))
    assert again.get_params()["mapping"] == mapping


def test_a_saved_model_does_not_grow_with_the_rows(tmp_path):
    sizes = []
    for n in (200, 4000):
        rng = np.random.default_rng(0)
        X, y = rng.standard_normal((n, 5)), np.tile([0, 1], n // 2)
        model = Transfer(LogisticRegression(), "coral").fit(X, y, X + 1.0)
        sizes.append(model.save(tmp_path / f"{n}.landbridge").stat().st_size)
    assert sizes[1] < 1.05 * sizes[0] < 50_000


@pytest.mark.filterwarnings("ignore:No target rows")
@parametrize_with_checks(
    [
        Transfer(LogisticRegression()),
        Transfer(LogisticRegression(), "coral", Stacking(LogisticRegression())),
        Transfer(SklearnRidge(), "recentre"),
    ]
)
def test_scikit_learn_accepts_transfer(estimator, check):
    check(estimator)


def test_without_target_rows_it_is_the_source_learner_and_says_so(shifted):
    Xs, ys, *_ = shifted
    with pytest.warns(UserWarning, match="No target rows"):
        model = Transfer(LogisticRegression(), "coral").fit(Xs, ys)
    np.testing.assert_array_equal(model.predict(Xs), LogisticRegression().fit(Xs, ys).predict(Xs))


def fit(change, **arguments):
    """Fit after a change to the arguments."""
    rng = np.random.default_rng(0)
    given = {
        "X": rng.standard_normal((20, 3)),
        "y": np.tile([0, 1], 10),
        "Xt": rng.standard_normal((15, 3)),
        "yt": None,
    }
    given |= {name: make(given) for name, make in change.items()}
    return Transfer(LogisticRegression(), arguments.get("mapping", "coral")).fit(**given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Xt": lambda g: g["Xt"][:, :2]}, "Xs has 3, Xt has 2"),
        ({"Xt": lambda g: g["Xt"] * np.nan}, "Input Xt contains 45 NaN"),
        ({"X": lambda g: g["X"] * np.inf}, "Input X contains 60 inf"),
        ({"y": lambda g: np.ones(20)}, "at least 2 classes in the source: ys has one class, 1"),
        ({"y": lambda g: np.full(20, None)}, "ys has no label"),
        ({"y": lambda g: g["y"][:5]}, "a label for each of 20 rows: found 5"),
        ({"yt": lambda g: g["y"][:5]}, "yt must have a label for each of 15 rows: found 5"),
        ({"sample_domain": lambda g: np.ones(20)}, "not both"),
        ({"pairs": lambda g: [[0, 99]]}, "names rows that do not exist"),
        ({"pairs": lambda g: [0, 1]}, "pairs must be whole row numbers"),
        ({"sample_weight": lambda g: -np.ones(20)}, "not negative"),
    ],
)
def test_errors_say_what_was_found(change, message):
    mapping = "procrustes" if "pairs" in change else "coral"
    with pytest.raises(ValueError, match=message):
        fit(change, mapping=mapping)


def test_labels_that_cannot_be_compared_are_refused():
    with pytest.raises(TypeError, match="int and str"):
        fit({"yt": lambda g: ["a"] * 15})


def test_unpaired_rows_are_refused_by_a_paired_mapping():
    with pytest.raises(ValueError, match="20 source rows and 15 target rows"):
        fit({}, mapping="procrustes")


def test_domains_must_be_of_two_signs():
    X, y = np.ones((4, 1)), [0, 1, 0, 1]
    with pytest.raises(ValueError, match="found 0"):
        Transfer(LogisticRegression(), Recentre()).fit(X, y, sample_domain=[1, 1, 0, -1])
    with pytest.raises(ValueError, match="one value a row"):
        Transfer(LogisticRegression(), Recentre()).fit(X, y, sample_domain=[1, -1])


def test_text_as_a_number_is_refused_in_regression(shifted):
    Xs, _, Xt, _, _ = shifted
    with pytest.raises(ValueError, match="labels must be numbers: ys has others"):
        Transfer(SklearnRidge()).fit(Xs, ["a"] * 200, Xt)


def tables(shifted):
    """Both domains as tables with the same columns."""
    Xs, ys, Xt, yt, truth = shifted
    names = ["age", "height", "weight"]
    return pd.DataFrame(Xs, columns=names), ys, pd.DataFrame(Xt, columns=names), yt, truth


IN_ANOTHER_ORDER = ["height", "age", "weight"]


def test_tables_that_name_their_columns_in_another_order_are_refused(shifted):
    Xs, ys, Xt, yt, _ = tables(shifted)
    said = r"number 0 is 'age' in Xs but 'height' in Xt\. Put the columns of Xt in the order"
    for estimator in (Transfer(LogisticRegression(), "coral"), CORAL()):
        with pytest.raises(ValueError, match=said):
            estimator.fit(
                Xs, *([ys] if isinstance(estimator, Transfer) else []), Xt[IN_ANOTHER_ORDER]
            )
    said = r"Xs alone has 'age', Xt alone 'years'\. Name them alike, drop what one lacks, or give"
    with pytest.raises(ValueError, match=said):
        Transfer(LogisticRegression()).fit(Xs, ys, Xt.rename(columns={"age": "years"}), yt)


@pytest.mark.parametrize("named", ["both", "source", "target"])
def test_a_table_to_predict_has_the_columns_of_fit_whichever_domain_named_them(shifted, named):
    Xs, ys, Xt, yt, truth = tables(shifted)
    given = Xs if named != "target" else Xs.to_numpy(), ys, Xt if named != "source" else shifted[2]
    model = Transfer(LogisticRegression(), "coral").fit(*given, yt)
    assert model.score(Xt, truth) == model.score(given[2], truth)  # warnings are errors here
    for ask in (model.predict, model.predict_proba, lambda X: model.score(X, truth)):
        with pytest.raises(ValueError, match=r"same columns in the same order|names should match"):
            ask(Xt[IN_ANOTHER_ORDER])


@pytest.mark.parametrize("mapping", ["procrustes", "gromov-wasserstein"])
def test_two_feature_spaces_have_their_own_columns(shifted, tmp_path, mapping):
    Xs, ys, Xt, yt, _ = tables(shifted)
    other = Xt.rename(columns=dict(zip(Xt.columns, "abc")))
    model = Transfer(LogisticRegression(), mapping).fit(Xs[:100], ys[:100], other, yt)
    assert model.feature_names_target_.tolist() == ["a", "b", "c"]
    again = load(model.save(tmp_path / "model.landbridge"))
    np.testing.assert_array_equal(again.predict(other), model.predict(other))
    for fitted in (model, again):
        with pytest.raises(ValueError, match="'a' in the target of fit but 'b' in X"):
            fitted.predict(other[["b", "a", "c"]])


def test_tables_of_pyarrow_have_names_too(shifted):
    arrow = pytest.importorskip("pyarrow", reason="PyArrow is not installed")
    Xs, ys, Xt, yt, _ = tables(shifted)
    model = Transfer(LogisticRegression(), "coral")
    by_arrow = model.fit(arrow.table(Xs), ys, arrow.table(Xt), yt).predict(arrow.table(Xt))
    np.testing.assert_array_equal(by_arrow, clone(model).fit(Xs, ys, Xt, yt).predict(Xt))
    with pytest.raises(ValueError, match="'age' in Xs but 'height' in Xt"):
        model.fit(arrow.table(Xs), ys, arrow.table(Xt[IN_ANOTHER_ORDER]), yt)


def test_one_table_of_both_domains_keeps_its_columns(shifted):
    Xs, ys, Xt, yt, _ = tables(shifted)
    domain = np.array([1] * 200 + [-1] * 100)
    X, y = pd.concat([Xs, Xt]), np.concatenate([ys, yt])
    model = Transfer(LogisticRegression(), "coral").fit(X, y, sample_domain=domain)
    assert len(model.predict(X, sample_domain=domain)) == 300
    with pytest.raises(ValueError, match="names should match"):
        model.predict(Xt[IN_ANOTHER_ORDER])


def test_rows_without_a_label_cannot_be_scored(shifted):
    Xs, ys, Xt, yt, _ = shifted
    model = Transfer(LogisticRegression(), "coral").fit(Xs, ys, Xt, yt)
    for blank in (yt, np.where(np.isnan(yt), None, yt)):
        with pytest.raises(ValueError, match="y has no label in 80 of 100 rows"):
            model.score(Xt, blank)
    with pytest.raises(ValueError, match="y is None: give a label for each row"):
        model.score(Xt, None)


@pytest.mark.parametrize("odd", [np.nan, 0.0, "s"])
def test_a_domain_that_is_neither_source_nor_target_is_refused(odd):
    X, y = np.random.default_rng(0).normal(size=(6, 2)), np.array([0, 1, 0, 1, -1, -1])
    domain = np.array([1, 1, 1, 1, -1, odd])
    with pytest.raises(ValueError, match=r"positive .source. or negative .target.: found"):
        Transfer(LogisticRegression()).fit(X, y, sample_domain=domain)
