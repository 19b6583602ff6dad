"""Two shops made up: the same people, one taste each, other things."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_random_state

GENRES = ("crime", "love", "war", "space")


def make_shops(
    n_users: int = 200,
    n_items: tuple[int, int] = (80, 60),
    n_entries: tuple[int, int] = (30, 15),
    *,
    shared: float = 1.0,
    kinship: float = 1.0,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings from 1 to 5 in a shop of books and in one of music, for demonstrations and tests.

    Parameters
    ----------
    n_users : int
        Users of each shop.
    n_items, n_entries : pair of int
        Items of each shop, and ratings that a user gives there.
    shared : float
        Share of the music shop's users who are users of the book shop too.
    kinship : float
        How far tastes in music are those in books, from 0 to 1; how generously a user rates
        goes with it.
    random_state : int, RandomState or None

    Returns
    -------
    source, target : DataFrame
        Columns ``user``, ``item``, ``rating`` and ``day``.

    Examples
    --------
    >>> from landbridge.kits.recommend import make_shops
    >>> books, music = make_shops(random_state=0)
    >>> len(books), len(music)
    (6000, 3000)
    """
    rng = check_random_state(random_state)
    taste = rng.normal(size=(n_users, len(GENRES)))
    generous = rng.normal(scale=0.5, size=n_users)
    names = np.array([f"u{number}" for number in range(n_users)])
    books = _shop(rng, names, taste, generous, "book", n_items[0], n_entries[0])
    mix, rest = kinship, np.sqrt(1 - kinship**2)
    taste = mix * taste + rest * rng.normal(size=taste.shape)
    generous = mix * generous + rest * rng.normal(scale=0.5, size=n_users)
    known = rng.uniform(size=n_users) < shared
    names = np.where(known, names, np.char.add("m", names))
    return books, _shop(rng, names, taste, generous, "music", n_items[1], n_entries[1])


def make_item_features(source: pd.DataFrame, target: pd.DataFrame) -> pd.DataFrame:
    """The genre and the title of each item of both shops of ``make_shops``."""
    items = pd.unique(pd.concat([source["item"], target["item"]]))
    genres = [GENRES[int(item.split()[1]) % len(GENRES)] for item in items]
    return pd.DataFrame({"item": items, "genre": genres, "title": [f"The {i}" for i in items]})


def _shop(
    rng: np.random.RandomState,
    names: NDArray,
    taste: NDArray,
    generous: NDArray,
    kind: str,
    n_items: int,
    n_entries: int,
) -> pd.DataFrame:
    """Ratings that follow the genre of the item, its quality and the user's generosity."""
    genre = np.arange(n_items) % len(GENRES)
    quality = rng.normal(scale=0.4, size=n_items)
    favour = rng.dirichlet(np.full(n_items, 0.7))
    parts = []
    for user, name in enumerate(names):
        liking = favour * np.exp(0.5 * taste[user, genre])
        items = rng.choice(n_items, n_entries, replace=False, p=liking / liking.sum())
        heard = 3.3 + generous[user] + quality[items] + 0.5 * taste[user, genre[items]]
        ratings = np.clip(np.round(heard + rng.normal(scale=0.5, size=n_entries)), 1, 5)
        days = np.sort(rng.randint(0, 365, n_entries))
        called = [f"{kind} {item}" for item in items]
        parts.append(pd.DataFrame({"user": name, "item": called, "rating": ratings, "day": days}))
    return pd.concat(parts, ignore_index=True)
