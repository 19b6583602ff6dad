import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import ndcg_score

from landbridge.kits.recommend.ranking import best_items, popular_negatives, rank_quality


@pytest.fixture
def scored():
    """Scores of 40 users for 25 items, as factors, and what they took."""
    rng = np.random.default_rng(0)
    rows, columns = rng.normal(size=(40, 4)), rng.normal(size=(25, 4))
    return rows, columns, rng.normal(size=25), csr_array(rng.uniform(size=(40, 25)) < 0.15)


def test_lists_are_scored_as_written_out_and_as_scikit_learn_does(scored):
    rows, columns, offsets, taken = scored
    ndcg, recall = rank_quality(rows, columns, offsets, taken, k=5)
    scores, truth = rows @ columns.T + offsets, taken.toarray()
    for user in range(len(rows)):
        if not truth[user].any():
            assert np.isnan(ndcg[user])
            continue
        assert ndcg[user] == pytest.approx(ndcg_score(truth[[user]], scores[[user]], k=5))
        top = np.argsort(-scores[user])[:5]
        assert recall[user] == pytest.approx(truth[user][top].sum() / truth[user].sum())


def test_what_was_seen_is_never_on_a_list(scored):
    rows, columns, offsets, taken = scored
    ndcg, recall = rank_quality(rows, columns, offsets, taken, seen=taken, k=5)
    assert np.nanmax(ndcg) == 0 and np.nanmax(recall) == 0


def test_negatives_are_items_that_the_user_did_not_take_and_mostly_popular(scored):
    taken = scored[3]
    popularity = np.arange(25.0)
    drawn = popular_negatives(taken, popularity, 10, np.random.default_rng(0))
    for user, items in enumerate(drawn):
        assert len(set(items)) == 10
        assert not taken.toarray()[user, items].any()
    assert np.concatenate(drawn).mean() > 12


def test_fewer_to_choose_from_make_lists_no_worse(scored):
    rows, columns, offsets, taken = scored
    few = popular_negatives(taken, np.ones(25), 5, np.random.default_rng(0))
    against_few = rank_quality(rows, columns, offsets, taken, k=5, candidates=few)[0]
    against_all = rank_quality(rows, columns, offsets, taken, k=5)[0]
    assert np.nanmin(against_few - against_all) >= 0


def test_ties_and_short_lists_are_no_trouble():
    assert best_items(np.zeros((1, 3)), 10).shape == (1, 3)
