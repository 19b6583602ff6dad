import pandas as pd

from landbridge.kits.recommend import make_item_features, make_shops


def test_shops_have_each_user_and_item_once_and_the_share_of_users_asked_for():
    books, music = make_shops(300, (20, 15), (8, 5), shared=0.25, random_state=0)
    for shop, n_entries in ((books, 8), (music, 5)):
        assert not shop.duplicated(["user", "item"]).any()
        assert (shop["user"].value_counts() == n_entries).all()
        assert shop["rating"].between(1, 5).all()
    shared = set(books["user"]) & set(music["user"])
    assert 0.15 < len(shared) / 300 < 0.35


def test_every_item_has_one_row_of_features():
    books, music = make_shops(30, random_state=0)
    items = make_item_features(books, music)["item"]
    assert items.is_unique and set(items) == set(pd.concat([books, music])["item"])
