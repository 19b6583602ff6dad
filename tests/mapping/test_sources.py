import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from landbridge import Transfer
from landbridge.mapping import CORAL, PerSource, Procrustes, Recentre, SubspaceAlignment
from landbridge.mapping.sources import mixture_weights


@pytest.fixture
def sources(rng):
    """Two sources, moved and scaled versions of the target's distribution, and their names."""
    Xt = rng.normal(size=(300, 3))
    first = rng.normal(size=(200, 3)) * 2.0 + 5.0
    second = rng.normal(size=(100, 3)) - 9.0
    names = np.array(["north"] * 200 + ["south"] * 100)
    return np.vstack([first, second]), names, Xt


def test_each_source_is_carried_by_a_map_of_its_own(sources):
    Xs, names, Xt = sources
    mapping = PerSource(CORAL(reg=0.0)).fit(Xs, Xt, sources=names)
    moved = mapping.transform(Xs, sources=names)
    for name in ("north", "south"):
        np.testing.assert_allclose(moved[names == name].mean(axis=0), Xt.mean(axis=0))
        np.testing.assert_allclose(np.cov(moved[names == name].T), np.cov(Xt.T))
        alone = CORAL(reg=0.0).fit(Xs[names == name], Xt)
        np.testing.assert_allclose(moved[names == name], alone.transform(Xs[names == name]))


def test_shuffled_rows_are_carried_alike(sources, rng):
    Xs, names, Xt = sources
    order = rng.permutation(300)
    first = PerSource().fit(Xs, Xt, sources=names)
    second = PerSource().fit(Xs[order], Xt, sources=names[order])
    np.testing.assert_allclose(
        first.transform(Xs, names)[order], second.transform(Xs[order], names[order]), atol=1e-8
    )
    y = np.arange(300)
    carried = second.carry(Xs[order], y[order], sources=names[order])
    np.testing.assert_array_equal(carried.y, y[order])
    np.testing.assert_allclose(carried.X, first.transform(Xs, names)[order], atol=1e-8)


def test_the_source_that_comes_nearest_weighs_most(sources):
    Xs, names, Xt = sources
    mapping = PerSource(Recentre()).fit(Xs, Xt, sources=names)
    assert mapping.shares_["south"] > 0.9
    weights = mapping.carry(Xs, names, sources=names).sample_weight
    assert weights.mean() == pytest.approx(1.0)
    assert weights[names == "south"].sum() / weights.sum() == pytest.approx(
        mapping.shares_["south"]
    )


def test_equal_shares_and_none(sources):
    Xs, names, Xt = sources
    equal = PerSource(weighting="equal").fit(Xs, Xt, sources=names)
    weights = equal.carry(Xs, names, sources=names).sample_weight
    assert weights[names == "north"].sum() == pytest.approx(weights[names == "south"].sum())
    plain = PerSource(weighting=None).fit(Xs, Xt, sources=names)
    assert plain.carry(Xs, names, sources=names).sample_weight is None
    given = np.arange(1.0, 301.0)
    plain.fit(Xs, Xt, sources=names, sample_weight=given)
    np.testing.assert_array_equal(plain.carry(Xs, names, given, sources=names).sample_weight, given)


def test_the_mixture_nearest_to_the_target_is_found(rng):
    means = rng.normal(size=(4, 6))
    shares = np.array([0.5, 0.0, 0.3, 0.2])
    np.testing.assert_allclose(mixture_weights(means, shares @ means), shares, atol=1e-6)
    target = rng.normal(size=6)
    ours = mixture_weights(means, target)
    least = np.sum((ours @ means - target) ** 2)
    for other in rng.dirichlet(np.ones(4), 2000):
        assert least <= np.sum((other @ means - target) ** 2) + 1e-6


def test_one_source_needs_no_name(sources):
    Xs, _, Xt = sources
    np.testing.assert_allclose(
        PerSource().fit(Xs, Xt).transform(Xs), CORAL().fit(Xs, Xt).transform(Xs)
    )


def test_rows_without_a_source_are_refused(sources):
    Xs, names, Xt = sources
    mapping = PerSource().fit(Xs, Xt, sources=names)
    with pytest.raises(ValueError, match=r"map for each of \['north', 'south'\]: give the name"):
        mapping.transform(Xs)
    with pytest.raises(ValueError, match=r"sources names \['west'\]"):
        mapping.transform(Xs[:1], ["west"])
    with pytest.raises(ValueError, match=r"each of 300 rows: found shape \(2,\)"):
        PerSource().fit(Xs, Xt, sources=["north", "south"])
    with pytest.raises(ValueError, match="300 blank"):
        PerSource().fit(Xs, Xt, sources=[None] * 300)


@pytest.mark.parametrize("mapping", [SubspaceAlignment(), Procrustes()])
def test_sources_that_would_not_meet_are_refused(sources, mapping):
    Xs, names, Xt = sources
    with pytest.raises(ValueError, match="PerSource cannot copy"):
        PerSource(mapping).fit(Xs, Xt, sources=names)


def test_an_unknown_weighting_is_refused(sources):
    with pytest.raises(ValueError, match="weighting must be"):
        PerSource(weighting="best").fit(sources[0], sources[2])


def test_the_map_of_each_source_is_explained(sources):
    Xs, names, Xt = sources
    table = PerSource().fit(Xs, Xt, sources=names).explain(top=1)
    assert table["source"].tolist() == ["north"] * 3 + ["south"] * 3


@pytest.fixture
def shops(rng):
    """Two labelled sources, each shifted its own way, and the target in between."""
    X = rng.normal(size=(600, 2))
    y = np.where(X[:, 0] > 0, "buys", "leaves")
    names = np.repeat(["a", "b", "target"], 200)
    X[names == "a"] += [4.0, 1.0]
    X[names == "b"] -= [4.0, 2.0]
    return X, y, names


def test_a_transfer_carries_each_source_over(shops):
    X, y, names = shops
    there = names == "target"
    model = Transfer(LogisticRegression(), PerSource(Recentre()))
    model.fit(X[~there], y[~there], X[there], sources=names[~there])
    assert model.score(X[there], y[there]) > 0.9
    as_one = Transfer(LogisticRegression(), Recentre()).fit(X[~there], y[~there], X[there])
    assert as_one.score(X[there], y[there]) < 0.8


def test_positive_domains_are_sources(shops):
    X, y, names = shops
    domain = np.select([names == "a", names == "b"], [1, 2], -3)
    model = Transfer(LogisticRegression(), PerSource(Recentre())).fit(X, y, sample_domain=domain)
    assert sorted(model.mapping_.sources_) == [1, 2]
    assert model.score(X, y, sample_domain=domain) > 0.9
    predicted = model.predict(X, sample_domain=domain)
    assert (predicted == y).mean() > 0.9
    with pytest.raises(ValueError, match="not both"):
        model.fit(X, y, sample_domain=domain, sources=names)
