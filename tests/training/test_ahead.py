import threading

import pytest

from landbridge.training.ahead import made_ahead


def test_the_next_is_made_while_one_is_used_and_none_further():
    made, is_made = [], [threading.Event() for _ in range(5)]

    def items():
        for k in range(5):
            made.append(k)
            is_made[k].set()
            yield k

    for k in made_ahead(items()):
        if k < 4:
            assert is_made[k + 1].wait(10)
        assert made == list(range(min(k + 2, 5)))


def test_they_are_made_in_one_other_thread():
    makers = set(made_ahead(threading.get_ident() for _ in range(20)))
    assert len(makers) == 1 and makers != {threading.get_ident()}


def test_an_error_comes_where_its_item_would():
    used = []
    with pytest.raises(ZeroDivisionError):
        used.extend(made_ahead(1 / k for k in (2, 1, 0)))
    assert used == [0.5, 1.0]


def test_no_thread_stays_behind_where_the_rest_is_not_wanted():
    before = threading.active_count()
    ahead = made_ahead(iter(range(100)))
    assert next(ahead) == 0
    ahead.close()
    assert threading.active_count() == before
