import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from landbridge import load, save
from landbridge.kits.text import TextLogistic


def test_it_is_logistic_regression_at_the_chosen_strength(rng):
    X = rng.normal(size=(150, 20))
    y = X[:, 0] + rng.normal(size=150) > 0
    fitted = TextLogistic().fit(X, y)
    plain = LogisticRegression(C=fitted.C_, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(fitted.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_allclose(fitted.coef_, plain.coef_)
    np.testing.assert_allclose(fitted.decision_function(X), plain.decision_function(X))


def test_noise_asks_for_a_stronger_penalty_than_a_clean_signal(rng):
    X = rng.normal(size=(200, 60))
    clean = TextLogistic().fit(X, X[:, 0] > 0).C_
    noisy = TextLogistic().fit(X, rng.integers(0, 2, 200)).C_
    assert noisy == 0.1 and clean > noisy


def test_sparse_rows_and_weights_are_taken(rng):
    X, y = rng.normal(size=(80, 3)), np.repeat(["a", "b"], 40)
    X[y == "b"] += 1.0
    dense, sparse = TextLogistic().fit(X, y), TextLogistic().fit(csr_matrix(X), y)
    assert dense.C_ == sparse.C_
    np.testing.assert_allclose(dense.coef_, sparse.coef_, atol=1e-3)
    weighed = TextLogistic().fit(X, y, sample_weight=np.where(y == "a", 9.0, 1.0))
    assert (weighed.predict(X) == "a").sum() > (dense.predict(X) == "a").sum()


def test_a_class_with_one_row_does_not_stop_it(rng):
    X, y = rng.normal(size=(10, 2)), np.array(["a"] * 9 + ["b"])
    assert TextLogistic().fit(X, y).C_ == 1.0


def test_it_is_saved_without_pickle(rng, tmp_path):
    X, y = rng.normal(size=(30, 2)), np.repeat([0, 1], 15)
    fitted = TextLogistic().fit(X, y)
    again = load(save(fitted, tmp_path / "learner.landbridge"))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_fewer_than_two_folds_are_refused(rng):
    with pytest.raises(ValueError, match="cv"):
        TextLogistic(cv=1).fit(rng.normal(size=(4, 2)), [0, 1, 0, 1])
