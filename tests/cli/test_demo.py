from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.cli.demo import demo_tables, held_out_scores
from landbridge.domains import make_problem


def test_five_labels_a_class_are_known_and_no_row_is_in_two_places():
    tables = demo_tables(0)
    known = tables.target.frame["digit"].dropna()
    assert known.value_counts().tolist() == [5] * 10
    assert len(tables.target.frame) + len(tables.unseen) == 891
    assert set(tables.target.frame.index).isdisjoint(tables.unseen.index)
    assert tables.unseen["digit"].notna().all()


def test_another_seed_keeps_other_rows():
    assert set(demo_tables(0).unseen.index) != set(demo_tables(1).unseen.index)


def test_the_held_out_score_is_the_share_of_unseen_rows_that_are_right():
    tables = demo_tables(0)
    problem = make_problem(tables.source, tables.target, label="digit")
    found = held_out_scores(problem, tables.unseen, ["recentre"], seed=0)
    assert found["n"] == 420
    assert {"source only", "target only", "recentre"} <= set(found["models"])
    alone = LogisticRegression(max_iter=1000)
    alone = make_pipeline(StandardScaler(), alone).fit(problem.Xs, problem.ys)
    rows = problem.features.transform(tables.unseen)
    share = (alone.predict(rows) == tables.unseen["digit"]).mean()
    assert found["models"]["source only"]["score"] == share
    for one in found["models"].values():
        assert one["low"] < one["score"] < one["high"]
