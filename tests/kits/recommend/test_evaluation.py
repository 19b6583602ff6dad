import numpy as np
import pandas as pd
import pytest

from landbridge.kits.recommend import (
    BiasedMF,
    evaluate_recommenders,
    make_shops,
    read_item_features,
)
from landbridge.kits.recommend.learning import Factorised, learn
from landbridge.kits.recommend.measures import Tally
from landbridge.kits.recommend.pair import read_pair
from landbridge.kits.recommend.scorers import SHRINKAGES, item_means, time_baselines

QUICK = {"n_folds": 2, "shares": (0.5, 1.0)}


@pytest.fixture(scope="module")
def compared(shops, item_features):
    return evaluate_recommenders(
        *shops,
        rating="rating",
        time="day",
        item_features=item_features,
        mappings=["bias", "ridge", "features"],
        **QUICK,
    )


def test_every_baseline_is_in_the_table(compared):
    names = {row["name"] for row in compared.rows()}
    assert names >= {
        "global mean", "item mean", "user mean", "target only", "popularity", "content"
    }  # fmt: skip
    later = {row["name"] for row in compared.rows(compared.time)}
    assert later >= {
        "item mean", "user mean", "target only", "own bias", "popularity", "content"
    }  # fmt: skip
    assert {"bias", "ridge", "features"} <= later


def test_baselines_in_time_know_what_each_user_did_and_nothing_of_who_is_new(shops, item_features):
    """Against loops: profiles of what was liked in both shops, means of the source alone."""
    pair = read_pair(*shops, user="user", item="item", rating="rating")
    learned = learn(*pair, BiasedMF(2, random_state=0), "users")
    features = read_item_features(item_features, item="item")
    source, target = learned.source, learned.target
    rows_s, rows_t = np.array([3, -1, 5]), np.array([7, 2, -1])
    found = time_baselines(learned, rows_s, rows_t, features)
    for k in range(3):
        profile, above = np.zeros(features.values.shape[1]), []
        for domain, rows in ((source, rows_s), (target, rows_t)):
            for item in range(len(domain.items)) if rows[k] >= 0 else ():
                rating = domain.matrix.toarray()[rows[k], item]
                if rating > 0:
                    told = features.rows(domain.items[[item]])[0]
                    profile += (rating - domain.offsets[item]) * told / np.linalg.norm(told)
                    above += [rating - source.model.mean_] if domain is source else []
        for item in (0, 4):
            told = features.rows(target.items[[item]])[0]
            cosine = profile @ told / np.linalg.norm(profile) / np.linalg.norm(told)
            at = np.array([k]), np.array([item])
            assert found["content"].predict(*at)[0] == pytest.approx(cosine, abs=1e-6)
            mean = target.model.mean_ + sum(above) / (len(above) + source.model.reg_user)
            assert found["user mean"].predict(*at)[0] == pytest.approx(mean, abs=1e-5)
    popular = found["popularity"].predict(np.zeros(2, int), np.array([0, 4]))
    np.testing.assert_array_equal(popular, (target.matrix.toarray() > 0).sum(axis=0)[[0, 4]])


def test_kindred_tastes_are_found_to_help(compared):
    assert compared.verdict.outcome == "helps"
    assert compared.verdict.gain.low > 0
    assert any("popularity" in detail for detail in compared.verdict.details)


def test_the_metrics_are_those_of_the_held_out_entries_written_out(shops, compared):
    music = shops[1]
    assert compared.cold.n_entries == len(music)
    tally = compared.cold.tallies["global mean", 1.0]
    assert tally.entries.sum() == len(music)
    spread = music["rating"].std(ddof=0)
    assert tally.value("rmse") == pytest.approx(spread, rel=0.02)


def test_strange_tastes_are_not_found_to_help():
    shops = make_shops(150, (40, 30), (20, 10), kinship=0.0, random_state=5)
    found = evaluate_recommenders(*shops, rating="rating", mappings=["bias", "ridge"], **QUICK)
    assert found.verdict.outcome != "helps"
    assert found.verdict.chosen == found.verdict.baseline


def test_what_hidden_users_did_in_the_target_tells_nothing(shops):
    """Turning a user's ratings over changes their errors, not what is predicted for others."""
    books, music = shops
    turned = music.assign(rating=music["rating"].where(music["user"] != "u0", 6 - music["rating"]))
    tallies = [
        evaluate_recommenders(books, shop, rating="rating", mappings=["ridge"], **QUICK).cold
        for shop in (music, turned)
    ]
    one, two = (study.tallies["ridge", 1.0] for study in tallies)
    changed = ~np.isclose(one.squared, two.squared, rtol=1e-6)
    # the other fold learns from u0; the fold of u0 does not, but for u0's own errors
    fold = np.array_split(np.arange(len(changed)), 2)
    n_changed = sorted(int(changed[part].sum()) for part in fold)
    assert n_changed[0] == 1 and n_changed[1] > 1


def test_more_users_in_both_teach_more(compared):
    gains = {(row["name"], row["share"]): row["gain"].mean for row in compared.by_share()}
    assert ("ridge", 0.5) in gains and gains["ridge", 1.0] > gains["ridge", 0.5] - 0.01


def test_later_entries_are_predicted_from_earlier_ones_alone(shops):
    books, music = shops
    late = music["day"] > music["day"].quantile(0.8)
    spoilt = music.assign(rating=music["rating"].where(~late, 1.0))
    one, two = (
        evaluate_recommenders(
            books, shop, rating="rating", time="day", mappings=["bias"], n_folds=2, shares=(1.0,)
        ).time.tallies["bias", 1.0]
        for shop in (music, spoilt)
    )
    np.testing.assert_array_equal(one.entries, two.entries)
    assert two.value("rmse") > one.value("rmse") + 0.5  # told nothing of the change, it is wrong


def test_without_ratings_lists_decide_and_popularity_is_among_the_baselines(shops):
    found = evaluate_recommenders(*shops, mappings=["linear", "ridge"], **QUICK)
    assert found.metric == "ndcg" and found.metrics == ("ndcg", "recall")
    assert "popularity" in {row["name"] for row in found.rows()}
    assert all(0 <= row["ndcg"].low <= row["ndcg"].mean <= row["ndcg"].high for row in found.rows())


def test_against_popular_items_popularity_is_no_merit(shops):
    easy, hard = (
        evaluate_recommenders(*shops, mappings=["ridge"], negatives=n, k=3, **QUICK)
        for n in (29, 8)
    )
    shares = [f.cold.tallies["popularity", 1.0].value("ndcg") for f in (easy, hard)]
    chance = [3 / 30, 3 / 18]  # what a list in any order holds of it, about
    assert shares[1] / chance[1] < shares[0] / chance[0]


def test_the_item_mean_is_shrunk_as_each_rating_predicted_from_the_others_asks_for(ratings):
    model = BiasedMF(2, random_state=0).fit(ratings)
    numbers = [pd.RangeIndex(n) for n in ratings.shape]
    found = item_means(Factorised(model, *numbers, ratings))
    dense, mean = ratings.toarray(), model.mean_

    def shrunk(values, kappa):
        return mean + (values - mean).sum() / (len(values) + kappa)

    def loss(kappa):
        columns = [column[column > 0] for column in dense.T]
        return sum(
            (values[k] - shrunk(np.delete(values, k), kappa)) ** 2
            for values in columns
            for k in range(len(values))
        )

    kappa = min(SHRINKAGES, key=loss)
    expected = [shrunk(column[column > 0], kappa) for column in dense.T]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_intervals_over_users_narrow_with_their_number():
    rng = np.random.default_rng(0)

    def width(n_users):
        entries, squared = np.full(n_users, 10.0), rng.chisquare(10, n_users)
        nothing = np.full(n_users, np.nan)
        tally = Tally(squared, squared, entries, nothing, nothing)
        draws = rng.multinomial(n_users, np.full(n_users, 1 / n_users), size=400).astype(float)
        return np.ptp(np.quantile(tally.value("rmse", draws), [0.025, 0.975]))

    assert width(1600) == pytest.approx(width(100) / 4, rel=0.4)


def test_where_nobody_is_in_both_it_cannot_be_known(shops, item_features):
    books, music = shops
    found = evaluate_recommenders(
        books,
        music.assign(user="m" + music["user"]),
        rating="rating",
        item_features=item_features,
        mappings=["features"],
    )
    assert found.verdict.outcome == "unknown" and found.cold is None
    assert "cannot be known" in str(found)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"mappings": ["teleport"]}, "Unknown mapping 'teleport'"),
        ({"mappings": ["features"]}, "it needs item features"),
        ({"n_folds": 1}, "n_folds must be"),
        ({"shares": (0.0,)}, "Each of shares"),
        ({"negatives": "some"}, "negatives must be"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(shops, arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate_recommenders(*shops, rating="rating", **arguments)


def test_it_is_told_what_is_being_done(shops):
    heard = []
    evaluate_recommenders(
        *shops, mappings=["linear"], progress=lambda *news: heard.append(news), **QUICK
    )
    assert heard[-1] == ("Hiding users", 2, 2)


def test_the_tables_can_be_read_as_text(compared):
    text = str(compared)
    assert text.count("RMSE") >= 2 and "later entries" in text
    assert isinstance(pd.DataFrame(compared.rows()), pd.DataFrame)
