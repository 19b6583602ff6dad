"""Both rankings find an order that is known, and say where there is none."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau
from sklearn.decomposition import PCA

from landbridge.evidence.transferability import h_score, leep, log_me, rank_backbones, rank_sources
from landbridge.evidence.transferability.rank_backbones import OF_CLASSES

CENTRES = 1.5 * np.eye(4)


def labels_and_rows(n, rng, classes=3):
    y = rng.integers(0, classes, n)
    return CENTRES[y] + rng.normal(size=(n, 4)), y


def noisy_backbones(seed, n=400):
    """Features that growing noise makes worse and worse, named 0 to 4."""
    rng = np.random.default_rng(seed)
    X, y = labels_and_rows(n, rng)
    return {str(k): X + 0.8 * k * rng.normal(size=X.shape) for k in range(5)}, y


def shifted_sources(seed, n=300):
    """Sources ever farther from the target, whose rule turns with the distance: 0 to 4."""
    rng = np.random.default_rng(seed)
    sources = {}
    for k in range(5):
        X, y = labels_and_rows(n, rng)
        turn = rng.random(n) < 0.15 * k
        sources[str(k)] = X + 0.4 * k, np.where(turn, rng.integers(0, 3, n), y)
    return sources, *labels_and_rows(n, rng)


LEAST_AGREEMENT = {"log_me": 0.9, "h_score": 0.9, "gbc": 0.9, "trans_rate": 0.5}


@pytest.mark.parametrize("measure", OF_CLASSES)
def test_every_measure_finds_the_order_of_growing_noise(measure):
    agreement = []
    for seed in range(5):
        representations, y = noisy_backbones(seed)
        table = rank_backbones(representations, y, by=measure, n_draws=20).table
        agreement.append(kendalltau(table["name"].astype(int), table["rank"]).statistic)
    assert np.mean(agreement) > LEAST_AGREEMENT[measure]


def test_sources_are_ranked_by_distance_without_labels():
    for seed in range(5):
        sources, Xt, _ = shifted_sources(seed)
        for by in ("proxy_a_distance", "mmd2"):
            table = rank_sources(sources, Xt, by=by, n_draws=20).table
            assert kendalltau(table["name"].astype(int), table["rank"]).statistic > 0.7


@pytest.mark.parametrize("by", ["accuracy", "leep", "nce"])
def test_sources_are_ranked_by_what_their_models_do_with_labels(by):
    agreement = []
    for seed in range(5):
        sources, Xt, yt = shifted_sources(seed)
        table = rank_sources(sources, Xt, yt, by=by, n_draws=20).table
        agreement.append(kendalltau(table["name"].astype(int), table["rank"]).statistic)
    assert np.mean(agreement) > 0.5


def test_a_near_source_with_other_rules_is_found_out_by_labels_alone():
    rng = np.random.default_rng(0)
    Xt, yt = labels_and_rows(300, rng)
    near, far = labels_and_rows(300, rng), labels_and_rows(300, rng)
    sources = {"near": (near[0], (near[1] + 1) % 3), "far": (far[0] + 0.5, far[1])}
    assert rank_sources(sources, Xt).best == "near"
    found = rank_sources(sources, Xt, yt)
    assert (found.best, found.by, found.is_sure) == ("far", "accuracy", True)


def test_numbers_are_ranked_by_skill():
    rng = np.random.default_rng(0)

    def domain(weights):
        X = rng.normal(size=(200, 3))
        return X, X @ weights + 0.3 * rng.normal(size=200)

    sources = {"same": domain([1, 2, 3]), "other": domain([-1, 2, 0])}
    found = rank_sources(sources, *domain([1, 2, 3]))
    assert (found.best, found.by, found.is_sure) == ("same", "absolute_skill", True)
    X, y = sources["same"]
    backbones = rank_backbones({"all": X, "one": X[:, :1]}, y)
    assert (backbones.best, backbones.is_sure) == ("all", True)
    assert "h_score" not in backbones.table


def test_the_table_holds_the_measures_themselves():
    representations, y = noisy_backbones(0)
    P = {
        name: np.abs(F) / np.abs(F).sum(axis=1, keepdims=True)
        for name, F in representations.items()
    }
    table = rank_backbones(representations, y, probabilities=P, n_draws=20).table.set_index("name")
    for name, F in representations.items():
        assert table.loc[name, "log_me"] == pytest.approx(log_me(F, y))
        assert table.loc[name, "h_score"] == pytest.approx(h_score(F, y))
        assert table.loc[name, "leep"] == pytest.approx(leep(P[name], y))
        assert table.loc[name, "low"] < table.loc[name, "log_me"] < table.loc[name, "high"]


def test_equals_cannot_be_told_from_chance():
    sure = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X, y = labels_and_rows(200, rng)
        twins = {str(k): X + rng.normal(size=X.shape) for k in range(3)}
        found = rank_backbones(twins, y, n_draws=200)
        sure += found.is_sure
        assert ("cannot be told from chance" in found.statement) != found.is_sure
    assert sure <= 3


def test_labels_that_nothing_tells_are_said_to_be_so():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
    found = rank_backbones({"a": X, "b": X[:, :2]}, y)
    assert "no more of these labels than of shuffled ones" in found.notes[0]
    representations, y = noisy_backbones(0)
    assert rank_backbones(representations, y).notes == ()


def test_fitted_transformers_and_callables_make_their_own_features():
    rng = np.random.default_rng(0)
    X, y = labels_and_rows(200, rng)
    pca = PCA(2).fit(X)
    by_hand = rank_backbones({"pca": pca.transform(X), "half": X / 2}, y)
    made = rank_backbones({"pca": pca, "half": lambda rows: rows / 2}, y, X)
    assert made.table.equals(by_hand.table)


def test_missing_classes_are_named():
    rng = np.random.default_rng(0)
    whole, part = labels_and_rows(200, rng), labels_and_rows(200, rng, classes=2)
    found = rank_sources({"whole": whole, "part": part}, labels_and_rows(100, rng)[0])
    assert found.notes == ("part has no rows of 2: no model of it alone can predict it.",)
    assert found.table.set_index("name")["missing_classes"].to_dict() == {"whole": 0, "part": 1}


def test_a_source_of_one_class_and_few_labels_are_no_error():
    rng = np.random.default_rng(0)
    whole, one = labels_and_rows(200, rng), labels_and_rows(50, rng, classes=1)
    Xt, yt = labels_and_rows(100, rng)
    found = rank_sources({"whole": whole, "one": one}, Xt, yt)
    assert found.best == "whole"
    few = yt.astype(object)
    few[5:] = None
    found = rank_sources({"whole": whole, "one": one}, Xt, few)
    assert found.by == "proxy_a_distance"
    assert "5 target labels are too few to rank by" in found.notes[0]


def test_a_ranking_is_plain_data_and_prints():
    representations, y = noisy_backbones(0)
    found = rank_backbones(representations, y, n_draws=20)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["rank"] for row in told["rows"]] == [1, 2, 3, 4, 5]
    assert str(found).startswith("0 ranks first (log_me")
    assert len(str(found).splitlines()) == 7
    assert "only candidate" in rank_backbones({"a": representations["0"]}, y).statement


def test_the_same_seed_gives_the_same_ranking_and_inputs_stay():
    sources, Xt, yt = shifted_sources(0)
    before = Xt.copy()
    first, again = (rank_sources(sources, Xt, yt, max_rows=100) for _ in range(2))
    assert first.table.equals(again.table)
    np.testing.assert_array_equal(Xt, before)


def test_ties_share_the_first_place():
    rng = np.random.default_rng(0)
    F, y = labels_and_rows(100, rng)
    wrong = F, np.where(y == 0, 1, 0)
    for found in (
        rank_sources({"a": (F, y), "b": (F, y)}, F, y),
        rank_backbones({"a": F, "b": F.copy()}, y),
        rank_sources({"a": wrong, "b": (F + 0.5, wrong[1])}, F, np.full(100, 2)),
    ):
        assert found.table["first"].tolist() == [0.5, 0.5]
        assert not found.is_sure
        assert "cannot be told from chance" in found.statement


def test_the_order_of_rows_changes_no_ranking():
    sources, Xt, yt = shifted_sources(0)
    few = yt.astype(object)
    few[::3] = None
    rng = np.random.default_rng(1)
    mixed = {name: (X[p], y[p]) for name, (X, y) in sources.items() for p in [rng.permutation(300)]}
    p = rng.permutation(300)
    for max_rows in (100, 2000):
        first = rank_sources(sources, Xt, few, max_rows=max_rows)
        again = rank_sources(mixed, Xt[p], few[p], max_rows=max_rows)
        assert first.table["name"].tolist() == again.table["name"].tolist()
        numbers = [one.table.drop(columns="name").to_numpy(float) for one in (first, again)]
        np.testing.assert_allclose(*numbers, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_target", [30, 200])
def test_the_interval_of_a_distance_covers_zero_between_equal_domains(n_target):
    covered, sure = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sources = {name: (rng.normal(size=(200, 5)), rng.integers(0, 2, 200)) for name in "ab"}
        found = rank_sources(sources, rng.normal(size=(n_target, 5)), n_draws=100)
        covered += ((found.table["low"] <= 0) & (found.table["high"] >= 0)).tolist()
        sure.append(found.is_sure)
    assert np.mean(covered) >= 0.93
    assert np.mean(sure) <= 0.12


def test_tables_are_rows():
    rng = np.random.default_rng(0)
    X, y = labels_and_rows(200, rng)
    tables = {"all": pd.DataFrame(X), "one": pd.DataFrame(X[:, :1], columns=["a"])}
    by_hand = rank_backbones({name: table.to_numpy() for name, table in tables.items()}, y)
    assert rank_backbones(tables, y).table.equals(by_hand.table)
    names, sources = list("abcd"), {"a": labels_and_rows(200, rng), "b": labels_and_rows(200, rng)}
    framed = {
        name: (pd.DataFrame(rows, columns=names), pd.Series(labels))
        for name, (rows, labels) in sources.items()
    }
    found = rank_sources(framed, pd.DataFrame(X, columns=names), pd.Series(y))
    assert found.table.equals(rank_sources(sources, X, y).table)


def test_tables_of_other_columns_are_refused():
    rng = np.random.default_rng(0)
    X, y = labels_and_rows(100, rng)
    frame = pd.DataFrame(X, columns=list("abcd"))
    with pytest.raises(ValueError, match=r"Put the columns of sources\['x'\] in the order"):
        rank_sources({"x": (frame[list("bacd")], y)}, frame)
    with pytest.raises(ValueError, match=r"Xt alone has 'd', sources\['x'\] alone 'e'"):
        rank_sources({"x": (frame.rename(columns={"d": "e"}), y)}, frame)
    with pytest.raises(ValueError, match=r"sources\['x'\] has 3, Xt has 4, .* has 'd'"):
        rank_sources({"x": (frame.drop(columns="d"), y)}, frame)
    with pytest.raises(ValueError, match=r"sources\['x'\] has more than one column called 'a'"):
        rank_sources({"x": (frame.set_axis(list("aabc"), axis=1), y)}, frame)
    with pytest.raises(ValueError, match=r"\['x'\] has more than one column called 'a'"):
        rank_backbones({"x": frame.set_axis(list("aabc"), axis=1)}, y)


def test_tables_with_gaps_and_categories_are_made_into_features():
    rng = np.random.default_rng(0)

    def table(shift):
        X, y = labels_and_rows(200, rng)
        frame = pd.DataFrame(X + shift, columns=list("abcd"))
        frame.loc[::9, "a"] = np.nan
        frame["kind"] = np.where(rng.random(200) < 0.3, "red", "blue")
        return frame, y

    Xt, yt = table(0.0)
    sources = {"far": table(2.0), "near": table(0.0)}
    assert rank_sources(sources, Xt).best == "near"
    assert rank_sources(sources, Xt, yt).best == "near"
    with pytest.raises(ValueError, match="NaN"):
        rank_sources({"a": (Xt.drop(columns="kind"), yt)}, np.zeros((9, 4)))


def test_a_measure_without_a_value_is_blank():
    rng = np.random.default_rng(0)
    grid = np.argwhere(np.ones((6, 6, 6))).astype(float)
    found = rank_backbones({"a": grid, "b": grid[:, :2]}, rng.integers(0, 2, 216), n_draws=20)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["intrinsic_dimension"] for row in told["rows"]] == [None, None]


def test_labels_of_unlike_kinds_are_refused():
    sources, Xt, _ = shifted_sources(0)
    numbers = {name: (X, X[:, 0]) for name, (X, _) in sources.items()}
    with pytest.raises(ValueError, match=r"yt must hold classes: found 300 different numbers"):
        rank_sources(sources, Xt, Xt[:, 0])
    mixed = {"a": sources["0"], "b": numbers["1"]}
    with pytest.raises(ValueError, match=r"\['a'\] labels are classes, sources\['b'\] labels num"):
        rank_sources(mixed, Xt)
    assert rank_sources(mixed, Xt, task="regression").by == "proxy_a_distance"
    with pytest.raises(
        ValueError, match=r"sources\['a'\] labels must hold numbers .* found '[xy]'"
    ):
        rank_sources({"a": (Xt, ["x", "y"] * 150)}, Xt, task="regression")
    with pytest.raises(ValueError, match=r"yt must hold numbers for regression: found '[xy]'"):
        rank_sources(numbers, Xt, ["x", "y"] * 150)
    with pytest.raises(ValueError, match="y must hold classes"):
        rank_backbones({"a": Xt}, Xt[:, 0], task="classification")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"task": "foo"}, "task must be .* found 'foo'"),
        ({"n_draws": 0}, "n_draws must be a whole number from 1 up: found 0"),
        ({"max_rows": 1}, "max_rows must be a whole number from 20 up: found 1"),
        ({"random_state": "a"}, "random_state must be a whole number from 0 up: found 'a'"),
    ],
)
def test_settings_are_checked(setting, message):
    sources, Xt, yt = shifted_sources(0)
    with pytest.raises(ValueError, match=message):
        rank_sources(sources, Xt, yt, **setting)
    with pytest.raises(ValueError, match=message):
        rank_backbones({"a": Xt}, yt, **setting)


def test_rows_too_few_or_too_large_are_named():
    sources, Xt, yt = shifted_sources(0)
    with pytest.raises(ValueError, match=r"sources\['two'\] must have more labelled rows than cl"):
        rank_sources(sources | {"two": (Xt[:2], [0, 1])}, Xt, yt)
    assert rank_sources(sources | {"two": (Xt[:2], [0, 1])}, Xt).by == "proxy_a_distance"
    with pytest.raises(ValueError, match=r"sources\['a'\] rows has values beyond 1e\+60"):
        rank_sources({"a": (1e170 * Xt, yt)}, Xt)
    with pytest.raises(ValueError, match=r"representations\['a'\] has values beyond 1e\+60"):
        rank_backbones({"a": 1e170 * Xt}, yt)
    rare = np.r_[1, np.zeros(299, dtype=int)]
    with pytest.raises(ValueError, match="max_rows=20 draws rows of one class alone"):
        rank_backbones({"a": Xt}, rare, max_rows=20)


def test_bad_input_is_named():
    sources, Xt, yt = shifted_sources(0)
    representations, y = noisy_backbones(0)
    with pytest.raises(TypeError, match=r"sources must be a dict .* found list"):
        rank_sources([sources["0"]], Xt)
    with pytest.raises(ValueError, match="representations is empty"):
        rank_backbones({}, y)
    with pytest.raises(ValueError, match=r"sources\['a'\] must be a pair"):
        rank_sources({"a": sources["0"][0]}, Xt)
    with pytest.raises(ValueError, match=r"sources\['a'\]: .* Xs has 2, Xt has 4"):
        rank_sources({"a": (Xt[:, :2], yt)}, Xt)
    with pytest.raises(ValueError, match=r"sources\['a'\] must have at least two labelled rows"):
        rank_sources({"a": (Xt, [None] * 300)}, Xt)
    with pytest.raises(ValueError, match=r"sources\['a'\] labels must have a label for each"):
        rank_sources({"a": (Xt, yt[:5])}, Xt)
    with pytest.raises(ValueError, match=r"by must be one of proxy_a_distance, mmd2, .* 'leep'"):
        rank_sources(sources, Xt, by="leep")
    with pytest.raises(ValueError, match=r"by must be one of log_me, .* found 'leep'"):
        rank_backbones(representations, y, by="leep")
    with pytest.raises(ValueError, match=r"representations\['a'\] .* each of 400 labels: found 10"):
        rank_backbones({"a": Xt[:10]}, y)
    with pytest.raises(ValueError, match=r"Input representations\['a'\] contains 1 NaN"):
        rank_backbones({"a": np.where(np.arange(800).reshape(400, 2) == 1, np.nan, 1.0)}, y)
    with pytest.raises(ValueError, match="give the target's rows as X"):
        rank_backbones({"a": PCA(2)}, y)
    with pytest.raises(ValueError, match="which representations has not"):
        rank_backbones({"a": representations["0"]}, y, probabilities={"b": np.ones((400, 1))})
    with pytest.raises(ValueError, match=r"two classes .* found \[1\]"):
        rank_backbones(representations, np.ones(400, dtype=int))
