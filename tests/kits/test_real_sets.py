"""The three kits on a little of real sets, where there are some."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from landbridge.kits.image import ImageTransfer
from landbridge.kits.recommend import evaluate_recommenders
from landbridge.kits.text import TextTransfer, tfidf

pytestmark = pytest.mark.skipif(
    "LANDBRIDGE_DATA" not in os.environ, reason="LANDBRIDGE_DATA is not set"
)
BOOKS, KITCHEN, WORDS = 400, 300, 1500


@pytest.fixture
def data():
    return Path(os.environ.get("LANDBRIDGE_DATA", ""))


def reviews(folder, n):
    """The first n reviews that speak well of something, and as many that do not."""
    texts = []
    for kind in ("positive", "negative"):
        content = (folder / f"{kind}.parsed").read_text("utf-8", errors="replace")
        texts += re.findall(r"<review>(.*?)</review>", content, re.DOTALL)[:n]
    return texts, np.repeat(["well", "ill"], n)


def test_few_labels_of_usps_add_to_many_of_mnist(data):
    """One HOG model of both is better than the source's alone and than one of the labels alone."""
    pytest.importorskip("PIL", reason="Pillow is not installed")
    digits = np.load(data / "mnist_usps_otml" / "mnist_usps.npz")
    source, target = (digits[name].reshape(-1, 28, 28).astype(np.uint8) for name in ("xs", "xt"))
    ys, yt = (digits[name].ravel().astype(int) for name in ("ys", "yt"))
    first = [row for digit in np.unique(yt) for row in np.flatnonzero(yt == digit)[:2]]
    known = np.full(len(yt), None, dtype=object)
    known[first] = yt[first]
    rest = np.setdiff1d(np.arange(len(yt)), first)[::2]
    scores = {
        how: ImageTransfer("hog", target=how, size=32)
        .fit((source, ys), (target, known))
        .score(target[rest], yt[rest])
        for how in ("refit", "pooled", "probe")
    }
    assert scores["pooled"] > scores["refit"] + 0.05 and scores["pooled"] > scores["probe"] + 0.02


def test_denoised_words_of_books_tell_more_of_kitchenware(data):
    texts, labels = reviews(data / "amazon_reviews_text" / "books", BOOKS)
    target, truth = reviews(data / "amazon_reviews_text" / "kitchen", KITCHEN)
    scores = {
        mapping: TextTransfer(tfidf(WORDS), mapping).fit(texts, labels, target).score(target, truth)
        for mapping in ("identity", "mda")
    }
    assert scores["identity"] > 0.7 and scores["mda"] > scores["identity"] + 0.01


def test_how_generously_somebody_rates_goes_from_thrillers_to_dramas(data):
    """And for lists popularity wins, which the verdict says."""
    place = data / "movielens_latest_small"
    names = {"userId": "user", "movieId": "item", "timestamp": "time"}
    ratings = pd.read_csv(place / "ratings.csv").rename(columns=names)
    movies = pd.read_csv(place / "movies.csv").rename(columns=names)
    thrill = movies["genres"].str.contains("Action|Thriller|Crime|Sci-Fi")
    drama = movies["genres"].str.contains("Comedy|Drama|Romance")
    shops = [
        ratings[ratings["item"].isin(movies.loc[chosen, "item"])]
        for chosen in (thrill & ~drama, drama & ~thrill)
    ]
    found = evaluate_recommenders(
        *shops, rating="rating", time="time", mappings=["bias"], shares=(0.5, 1.0), n_folds=2
    )
    assert found.verdict.outcome == "helps" and found.verdict.chosen == "bias"
    for baseline in ("global mean", "item mean", "target only"):  # the same for all new users
        for metric in ("rmse", "mae"):
            assert found.gain("bias", baseline, metric, share=0.5).low > 0
    assert any(detail.startswith("For lists popularity wins") for detail in found.verdict.details)
    assert found.time is not None and found.time.n_entries > 100
