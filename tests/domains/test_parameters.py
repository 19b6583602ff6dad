import numpy as np
import pytest

from landbridge.domains.parameters import check_choice, check_number


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int64(1), "cv", None])
def test_numbers_within_bounds_and_words_pass(value):
    check_number("share", value, words=("cv", None), most=1)


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, np.inf, "0.5", "loo", True, [0.5], 1j])
def test_all_else_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r'^share must be "cv", None or a number from 0 to 1: f'):
        check_number("share", value, words=("cv", None), most=1)


@pytest.mark.parametrize(
    "bounds, wrong, message",
    [
        ({}, -1, "a number from 0 up: found -1"),
        ({}, np.inf, "a number from 0 up: found inf"),
        ({"above": True}, 0.0, "a number above 0: found 0.0"),
        ({"above": True, "most": 1}, 0, "a number above 0 to 1: found 0"),
        ({"below": 1}, 1, "a number from 0 and below 1: found 1"),
        ({"least": 2, "whole": True}, 2.0, "a whole number from 2 up: found 2.0"),
        ({"words": ("cv",)}, "CV", "\"cv\" or a number from 0 up: found 'CV'"),
    ],
)
def test_the_message_says_what_was_expected_and_what_was_found(bounds, wrong, message):
    with pytest.raises(ValueError, match=f"^size must be {message}[.]$"):
        check_number("size", wrong, **bounds)


@pytest.mark.parametrize("value", ["exact", None])
def test_a_choice_passes(value):
    check_choice("solver", value, ("exact", "sinkhorn", None))


@pytest.mark.parametrize("value", ["Exact", 0, np.array(["exact"]), ["exact"]])
def test_what_is_no_choice_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r'^solver must be "exact", "sinkhorn" or None: found '):
        check_choice("solver", value, ("exact", "sinkhorn", None))


def test_a_message_may_end_in_what_to_do():
    with pytest.raises(ValueError, match=r"found 'linear'\. Use Ridge\.$"):
        check_choice("kernel", "linear", ("rbf", "laplacian"), instead="Use Ridge.")
    with pytest.raises(ValueError, match=r"found 0\. Use Refit\.$"):
        check_number("weight", 0, above=True, instead="Use Refit.")
