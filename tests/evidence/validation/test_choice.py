"""One transfer out of many, without target labels."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC

from landbridge import Transfer
from landbridge.evidence import catalogue_candidates, choose_without_labels
from landbridge.evidence.validation.choice import EXPLANATIONS, as_table, change_of, decide
from landbridge.mapping import MAPPINGS, make_mapping
from landbridge.target import Refit


def candidates(learner, *names):
    return {name: Transfer(learner, name, Refit(learner)) for name in names}


@pytest.fixture
def classes():
    """Two classes that neither a turn nor a stretch maps to themselves; the rarer is smaller."""
    rng = np.random.default_rng(0)

    def draw(n, share=0.5):
        y = rng.permutation(np.arange(n) < share * n).astype(int)
        X = rng.normal(size=(n, 2)) * np.where(y, 0.4, 1.0)[:, None]
        return X + np.where(y, 3.0, 0.0)[:, None], y

    return draw


PLAUSIBLE = ("identity", "mmd-target-shift", "recentre", "standardise", "coral", "kmm")


def test_the_same_domain_asks_for_no_transfer(classes):
    Xs, ys = classes(400)
    Xt, _ = classes(400)
    assert choose_without_labels(candidates(SVC(), *PLAUSIBLE), Xs, ys, Xt).name == "identity"


def test_rarer_classes_are_weighed_not_moved(classes):
    Xs, ys = classes(500, 0.5)
    Xt, yt = classes(500, 0.15)
    found = choose_without_labels(candidates(SVC(), *PLAUSIBLE), Xs, ys, Xt)
    assert found.name == "mmd-target-shift"
    assert found.model.score(Xt, yt) > 0.95


def test_moved_and_stretched_rows_are_moved_not_weighed(classes):
    Xs, ys = classes(400)
    Xt, yt = classes(400)
    Xt = Xt * [3.0, 0.2] + 7.0
    found = choose_without_labels(candidates(SVC(), *PLAUSIBLE), Xs, ys, Xt)
    assert found.name in ("standardise", "coral")
    assert "all rows or classes alike" in found.reason
    assert found.model.score(Xt, yt) > 0.95


def test_rows_selected_by_their_place_are_weighed(classes):
    Xs, ys = classes(800)
    X, _ = classes(4000)
    Xt = X[np.random.default_rng(1).random(4000) < np.exp(-((X[:, 0] - 1.5) ** 2))][:500]
    found = choose_without_labels(candidates(SVC(), *PLAUSIBLE), Xs, ys, Xt)
    assert found.name == "kmm"


def test_a_direction_that_changed_is_given_up_if_the_others_keep_the_skill():
    rng = np.random.default_rng(0)
    ys = np.repeat([0, 1], 200)
    signal = np.where(ys, 3.0, 0.0)
    Xs = np.c_[signal, rng.exponential(size=400)] + 0.3 * rng.normal(size=(400, 2))
    Xt = np.c_[signal, -4.0 * rng.exponential(size=400) ** 2] + 0.3 * rng.normal(size=(400, 2))
    names = ("identity", "recentre", "standardise", "coral", "transfer-subspace")
    found = choose_without_labels(candidates(SVC(), *names), Xs, ys, Xt)
    assert found.name == "transfer-subspace"
    assert found.table.loc["transfer-subspace", "skill"] > 0.9
    assert found.model.score(Xt, ys) > 0.95


def test_where_nothing_explains_the_most_informative_predictions_count():
    table = as_table(
        {
            "identity": {"change": "nothing changed", "p_value": 0.0, "information": 0.1},
            "coral": {
                "change": "all rows or classes alike",
                "p_value": 0.01,
                "log_likelihood": -1.0,
                "information": 0.2,
            },
            "pseudo-labels": {"change": None, "information": 0.3},
            "sinkhorn": {"change": None, "information": 0.9, "error": "ValueError: no"},
        }
    )
    assert decide(table) == (
        "pseudo-labels",
        "nothing explains the target; its predictions tell most",
    )
    assert decide(table, level=0.005)[0] == "coral"


def test_without_probabilities_or_explanation_nothing_is_carried():
    table = as_table(
        {
            "coral": {"change": "all rows or classes alike", "p_value": 0.0, "z": 5.0},
            "identity": {"change": "nothing changed", "p_value": 0.0, "z": 9.0},
        }
    )
    assert decide(table)[0] == "identity"
    assert decide(table.drop("identity"))[0] == "coral"


def test_few_directions_without_skill_explain_nothing():
    table = as_table(
        {
            "tca": {"change": "some directions", "p_value": 0.9, "skill": 0.2, "information": 0.1},
            "kmm": {"change": "how frequent each row is", "p_value": 0.9, "log_likelihood": -1.0},
        }
    )
    assert decide(table)[0] == "kmm"


def test_a_candidate_that_cannot_be_fitted_is_named_and_left_out(classes):
    Xs, ys = classes(60)
    Xt, _ = classes(60)
    tried = candidates(LogisticRegression(), "identity", "multi-monge")
    tried["tiny"] = Transfer(LogisticRegression(), MAPPINGS["coral"](reg=-1.0))
    found = choose_without_labels(tried, Xs, ys, Xt)
    assert found.name == "identity"
    assert found.table.loc["tiny", "error"].startswith("ValueError: reg")
    with pytest.raises(ValueError, match="No candidate could be fitted"):
        choose_without_labels({"tiny": tried["tiny"]}, Xs, ys, Xt)


def test_shuffled_rows_and_labels_in_words_give_the_same_choice(classes):
    Xs, ys = classes(200)
    Xt = classes(200)[0] * 2 + 3
    order = np.random.default_rng(1).permutation(200)
    tried = candidates(LogisticRegression(), *PLAUSIBLE)
    first = choose_without_labels(tried, Xs, ys, Xt)
    words = np.array(["no", "yes"])[ys]
    second = choose_without_labels(tried, Xs[order], words[order], Xt[::-1])
    assert first.name == second.name
    numbers = ["z", "p_value", "log_likelihood"]
    pd.testing.assert_frame_equal(first.table[numbers], second.table[numbers], atol=1e-3, rtol=1e-3)


def test_every_explanation_is_a_mapping_and_known_by_it():
    for change, names in EXPLANATIONS.items():
        assert all(change_of(make_mapping(name)) == change for name in names)
    assert change_of(make_mapping("pseudo-labels")) is None


def test_the_catalogue_wants_neither_pairs_nor_target_labels():
    found = catalogue_candidates(SVC(), leave_out=("coral",))
    assert {"identity", "kmm", "jdot", "dasvm"} <= set(found)
    assert not {"ridge", "per-source", "class-pairs", "coral"} & set(found)


def test_bad_input_is_named(classes):
    Xs, ys = classes(20)
    tried = candidates(SVC(), "identity")
    with pytest.raises(ValueError, match="There is no candidate"):
        choose_without_labels({}, Xs, ys, Xs)
    with pytest.raises(ValueError, match="Candidates must classify: r does not"):
        choose_without_labels({"r": Transfer(Ridge())}, Xs, ys, Xs)
    with pytest.raises(ValueError, match="1 blank labels"):
        choose_without_labels(tried, Xs, [None, *ys[1:].tolist()], Xs)
