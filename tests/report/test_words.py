import math

import pytest

from landbridge.report import words


@pytest.mark.parametrize(
    "say, value, text",
    [
        (words.number, 0.8126, "0.813"),
        (words.number, -0.25, "−0.250"),
        (words.number, 1234.5678, "1,235"),
        (words.number, 0.00001, "1.0e−05"),
        (words.number, math.nan, "–"),
        (words.signed, 0.05, "+0.050"),
        (words.signed, -0.05, "−0.050"),
        (words.signed, None, "–"),
        (words.p_value, 0.0004, "< 0.001"),
        (words.p_value, 0.05, "0.050"),
        (words.share, 0.342, "34\N{NBSP}%"),
        (words.share, 0.001, "<\N{NBSP}1\N{NBSP}%"),
        (words.share, 0.0, "0\N{NBSP}%"),
        (words.count, 51234, "51,234"),
        (words.seconds, 3.14159, "3.14\N{NBSP}s"),
        (words.seconds, 200, "3\N{NBSP}min 20\N{NBSP}s"),
        (words.moment, "2026-01-31T12:00:00+00:00", "2026-01-31 12:00 UTC"),
        (words.plain, True, "yes"),
        (words.plain, ["a", 2], "a, 2"),
        (words.plain, {"n_jobs": None}, "n jobs: –"),
        (words.plain, [], "none"),
    ],
)
def test_a_value_reads_as_people_write_it(say, value, text):
    assert say(value) == text


def test_every_explanation_is_one_short_sentence_or_two():
    for line in words.TERMS.values():
        assert line.endswith(".")
        assert len(line) < 180
