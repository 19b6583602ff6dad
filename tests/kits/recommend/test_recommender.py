import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from landbridge import load, save
from landbridge.kits.recommend import BiasedMF, CrossDomainRecommender, ImplicitALS, make_shops
from landbridge.kits.recommend.blending import KAPPAS
from landbridge.kits.recommend.learning import learn
from landbridge.kits.recommend.pair import read_pair

NAMES = {"user": "user", "item": "item"}
COLUMNS = NAMES | {"rating": "rating"}


def hidden(target, users):
    """The target without all that these users did there."""
    return target[~target["user"].isin(users)]


def test_a_user_new_in_the_target_gets_what_the_map_makes_of_the_source(shops):
    books, music = shops
    model = CrossDomainRecommender("ridge", kappa=4.0, random_state=0)
    model.fit(books, hidden(music, ["u0", "u1"]), **COLUMNS)
    assert model.own_weight("u0") == 0
    truth = music[music["user"].isin(["u0", "u1"])]
    predicted = model.predict(truth["user"], truth["item"])
    assert np.isfinite(predicted).all() and np.ptp(predicted) > 0.1


def test_new_users_are_predicted_better_with_the_map_than_without(shops):
    books, music = shops
    new = [f"u{number}" for number in range(30)]
    truth = music[music["user"].isin(new)]
    errors = {}
    for mapping in ("none", "ridge"):
        model = CrossDomainRecommender(mapping, random_state=0)
        model.fit(books, hidden(music, new), **COLUMNS)
        errors[mapping] = (
            (model.predict(truth["user"], truth["item"]) - truth["rating"]) ** 2
        ).mean()
    assert errors["ridge"] < errors["none"] - 0.05


def test_the_weight_of_own_entries_is_n_by_n_plus_kappa(shops):
    books, music = shops
    few = pd.concat([hidden(music, ["u0"]), music[music["user"] == "u0"].head(3)])
    model = CrossDomainRecommender(kappa=5.0, random_state=0).fit(books, few, **COLUMNS)
    assert model.own_weight("u0") == pytest.approx(3 / 8)
    assert model.own_weight("u1") == pytest.approx(10 / 15)


def test_a_warm_users_prediction_lies_between_their_own_and_the_map(shops):
    books, music = shops

    def predicted(kappa):
        model = CrossDomainRecommender("ridge", kappa=kappa, random_state=0)
        return model.fit(books, music, **COLUMNS).predict(
            ["u5"] * 3, ["music 1", "music 2", "music 3"]
        )

    own, between, mapped = predicted(1e-9), predicted(10.0), predicted(1e9)
    np.testing.assert_allclose(between, (own + mapped) / 2, atol=1e-6)
    learned = learn(*read_pair(books, music, **COLUMNS), BiasedMF(random_state=0), "users")
    assert learned.target.counts[learned.target.users.get_loc("u5")] == 10


def test_where_tastes_have_nothing_in_common_own_entries_count_sooner():
    kappas = []
    for kinship in (0.0, 1.0):
        books, music = make_shops(200, (40, 30), (25, 15), kinship=kinship, random_state=1)
        kappas.append(
            CrossDomainRecommender("linear", random_state=0).fit(books, music, **COLUMNS).kappa_
        )
    assert kappas[0] < kappas[1]
    assert set(kappas) <= set(KAPPAS)


def test_lists_leave_out_what_a_user_has_had(shops):
    books, music = shops
    model = CrossDomainRecommender(random_state=0).fit(books, music, **COLUMNS)
    had = set(music.loc[music["user"] == "u3", "item"])
    found = model.recommend("u3", k=100)
    assert not had & set(found["item"])
    assert len(found) == music["item"].nunique() - len(had)
    assert found["score"].is_monotonic_decreasing
    assert had <= set(model.recommend("u3", k=100, new_only=False)["item"])


def test_scores_of_a_list_are_predictions(shops):
    model = CrossDomainRecommender(random_state=0).fit(*shops, **COLUMNS)
    found = model.recommend("u3", k=4)
    np.testing.assert_allclose(model.predict(["u3"] * 4, found["item"]), found["score"])


def test_without_ratings_and_without_a_map_new_users_get_what_most_have(shops):
    books, music = shops
    model = CrossDomainRecommender("none", random_state=0)
    model.fit(books, hidden(music, ["u0"]), **NAMES)
    assert model.feedback_ == "implicit"
    counts = hidden(music, ["u0"])["item"].value_counts()
    best = model.recommend("u0", k=5)["item"]
    assert counts[best].sum() == counts.head(5).sum()


@pytest.mark.parametrize("mapping", ["linear", "ridge", "personal"])
def test_without_ratings_lists_differ_between_new_users(shops, mapping):
    books, music = shops
    model = CrossDomainRecommender(mapping, model=ImplicitALS(8, random_state=0), random_state=0)
    model.fit(books, hidden(music, ["u0", "u1"]), **NAMES)
    scores = [model.predict([user] * 30, model.items_[:30]) for user in ("u0", "u1")]
    assert not np.allclose(*scores)


def test_over_items_those_known_from_the_source_alone_are_recommended(shops):
    books, music = (shop.rename(columns={"user": "item", "item": "user"}) for shop in shops)
    music = music[music["item"] != "u0"]
    model = CrossDomainRecommender("ridge", random_state=0).fit(books, music, **COLUMNS)
    assert model.over_ == "items"
    found = model.recommend("music 1", k=200)
    assert "u0" in set(found["item"])
    assert not set(music.loc[music["user"] == "music 1", "item"]) & set(found["item"])


def test_over_features_users_nobody_shares_are_told_from_genres(shops, item_features):
    books, music = shops
    strangers = music.assign(user="m" + music["user"])
    model = CrossDomainRecommender(random_state=0)
    model.fit(books, strangers, **COLUMNS, item_features=item_features)
    assert (model.over_, model.n_links_) == ("features", 0)
    predicted = model.predict(music["user"], music["item"])
    plain = CrossDomainRecommender("none", random_state=0)
    plain.fit(books, strangers, **COLUMNS, item_features=item_features)
    average = music.groupby("item")["rating"].mean()[music["item"]].to_numpy()
    error = ((predicted - music["rating"]) ** 2).mean()
    assert error < ((average - music["rating"]) ** 2).mean() - 0.05


def test_titles_are_told_where_there_are_some(shops, item_features):
    model = CrossDomainRecommender(random_state=0)
    found = model.fit(*shops, **COLUMNS, item_features=item_features).recommend("u1", k=2)
    assert found["title"].tolist() == [f"The {item}" for item in found["item"]]


def test_users_may_be_numbers_in_one_table_and_text_in_the_other(shops):
    books, music = (shop.assign(user=shop["user"].str[1:].astype(int)) for shop in shops)
    model = CrossDomainRecommender("bias", random_state=0)
    model.fit(books, music.assign(user=music["user"].astype(str)), **COLUMNS)
    assert model.n_links_ == 120
    whole = CrossDomainRecommender("bias", random_state=0).fit(books, music, **COLUMNS)
    assert whole.recommend("7", k=2)["item"].tolist() == whole.recommend(7, k=2)["item"].tolist()


def test_somebody_nobody_knows_counts_as_average_and_has_no_list(shops):
    model = CrossDomainRecommender("bias", random_state=0).fit(*shops, **COLUMNS)
    ratings = shops[1]["rating"]
    assert abs(model.predict(["nobody"], ["nothing"])[0] - ratings.mean()) < 0.5
    with pytest.raises(KeyError, match="known in neither domain"):
        model.recommend("nobody")


@pytest.mark.parametrize("mapping", ["none", "ridge", "personal"])
def test_a_saved_recommender_recommends_the_same(shops, item_features, tmp_path, mapping):
    model = CrossDomainRecommender(mapping, random_state=0)
    model.fit(*shops, **COLUMNS, item_features=item_features)
    again = load(save(model, tmp_path / "model.landbridge"))
    pd.testing.assert_frame_equal(model.recommend("u2"), again.recommend("u2"))
    assert clone(model).mapping == mapping


def test_the_order_of_rows_changes_nothing_much(shops):
    books, music = shops
    one = CrossDomainRecommender("ridge", kappa=4.0, random_state=0).fit(books, music, **COLUMNS)
    shuffled = [shop.sample(frac=1, random_state=3) for shop in shops]
    two = CrossDomainRecommender("ridge", kappa=4.0, random_state=0).fit(*shuffled, **COLUMNS)
    np.testing.assert_allclose(
        one.user_rows_ @ one.item_columns_.T, two.user_rows_ @ two.item_columns_.T, atol=1e-3
    )


def test_tables_with_nothing_in_common_are_refused(shops):
    books, music = shops
    with pytest.raises(ValueError, match="no user and no item in common"):
        CrossDomainRecommender().fit(books, music.assign(user="m" + music["user"]), **COLUMNS)


def test_too_few_in_both_are_refused(shops):
    books, music = shops
    known = music["user"].isin([f"u{number}" for number in range(5)])
    music = music.assign(user=music["user"].where(known, "m" + music["user"]))
    with pytest.raises(ValueError, match="found 5, and 10 are the least"):
        CrossDomainRecommender().fit(books, music, **COLUMNS)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"mapping": "teleport"}, "mapping must be"),
        ({"over": "air"}, "over must be"),
        ({"kappa": -1.0}, "kappa must be"),
        ({"mapping": "features"}, "cannot be connected over features"),
        ({"over": "items"}, "cannot be connected over items"),
        ({"model": ImplicitALS()}, "must be a BiasedMF"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(shops, parameters, message):
    with pytest.raises((ValueError, TypeError), match=message):
        CrossDomainRecommender(**parameters).fit(*shops, **COLUMNS)
