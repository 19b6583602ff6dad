import numpy as np
import pytest
from scipy import stats

from landbridge.evidence.verdict.corrected_test import corrected_interval, corrected_p_value
from landbridge.evidence.verdict.guard import (
    cannot_tell,
    gain_words,
    judge,
    labels_needed,
    signed,
    simultaneous_p_values,
)


def test_one_candidate_gets_the_corrected_t_test(rng):
    gains = rng.normal(0.5, 1.0, (20, 1))
    p = simultaneous_p_values(gains, 0.25)
    assert p[0] == pytest.approx(corrected_p_value(gains[:, 0], 0.25), abs=1e-12)


def test_alike_candidates_cost_nothing_and_unlike_ones_cost_bonferroni(rng):
    gain = rng.normal(1.0, 1.0, (20, 1))
    alone = simultaneous_p_values(gain, 0.25)[0]
    same = simultaneous_p_values(np.tile(gain, 8), 0.25)
    np.testing.assert_allclose(same, alone, atol=0.01)
    unlike = np.hstack([gain, rng.normal(0.0, 1.0, (20, 7))])
    assert alone * 2 < simultaneous_p_values(unlike, 0.25)[0] <= 8 * alone


def test_the_best_of_many_useless_candidates_passes_at_the_stated_level(rng):
    passed = 0
    for _ in range(300):
        gains = rng.standard_normal((20, 6)) + 0.5 * rng.standard_normal((20, 1))
        passed += simultaneous_p_values(gains, 0.0).min() <= 0.05
    assert passed <= stats.binom.ppf(0.999, 300, 0.05)
    assert passed >= stats.binom.ppf(0.001, 300, 0.05)


def test_the_order_of_candidates_does_not_matter(rng):
    gains = rng.normal(0.5, 1.0, (20, 5))
    p, backwards = (simultaneous_p_values(g, 0.25) for g in (gains, gains[:, ::-1]))
    np.testing.assert_allclose(p, backwards[::-1], rtol=1e-12)


def scores(rng, **means):
    fold = rng.normal(0.0, 0.03, 20)
    return {n.replace("_", " "): m + fold + rng.normal(0.0, 0.01, 20) for n, m in means.items()}


def test_a_clear_gain_over_every_baseline_passes(rng):
    given = scores(rng, source_only=0.70, target_only=0.60, pooled=0.71, coral=0.80, monge=0.75)
    verdict = judge(given, 0.25, "accuracy")
    assert (verdict.outcome, verdict.baseline, verdict.chosen) == ("helps", "source only", "coral")
    assert verdict.gain.low > 0
    low, high = corrected_interval(given["coral"] - given["source only"], 0.25, level=0.9)[1:]
    said = (
        f"Transfer helps by {100 * low:.1f} to {100 * high:.1f} points of accuracy: coral against"
    )
    assert verdict.sentence.startswith(said)
    assert verdict.labels_needed is None
    assert verdict.p_values.keys() == {"coral", "monge"}


def test_a_gain_within_the_noise_keeps_the_better_baseline(rng):
    given = scores(rng, source_only=0.70, target_only=0.80, coral=0.801)
    verdict = judge(given, 0.25, "accuracy")
    assert (verdict.outcome, verdict.chosen) == ("no evidence", "target only")
    assert "keep the baseline, target only" in verdict.sentence


def test_a_loss_beyond_the_noise_is_called_harm(rng):
    given = scores(rng, source_only=0.80, target_only=0.60, coral=0.70)
    verdict = judge(given, 0.25, "accuracy")
    assert (verdict.outcome, verdict.chosen) == ("hurts", "source only")


def test_pooling_that_beats_each_domain_alone_is_a_transfer_that_helps(rng):
    given = scores(rng, source_only=0.70, target_only=0.70, pooled=0.80, coral=0.80)
    verdict = judge(given, 0.25, "accuracy")
    assert (verdict.outcome, verdict.chosen) == ("helps", "pooled")


def test_a_candidate_has_to_beat_pooling_too(rng):
    given = scores(rng, source_only=0.60, target_only=0.60, pooled=0.80, coral=0.75)
    verdict = judge(given, 0.25, "accuracy")
    assert verdict.chosen == "pooled"
    assert verdict.p_values["coral"] > 0.5


def test_pooling_ahead_by_chance_is_used_but_not_claimed_to_help(rng):
    given = scores(rng, source_only=0.70, target_only=0.60, pooled=0.70, coral=0.65)
    given["pooled"] = given["pooled"] - given["pooled"].mean() + given["source only"].mean() + 1e-3
    verdict = judge(given, 0.25, "accuracy")
    assert (verdict.outcome, verdict.chosen) == ("no evidence", "pooled")


def test_without_any_candidate_the_baseline_stays(rng):
    verdict = judge(scores(rng, source_only=0.7), 0.25, "accuracy")
    assert (verdict.outcome, verdict.chosen) == ("no evidence", "source only")


def test_so_many_labels_show_the_gain_in_four_of_five_cases(rng):
    n = labels_needed(gain=0.2, spread=1.0)
    drawn = rng.normal(0.2, 1.0, (2000, n))
    shown = stats.ttest_1samp(drawn, 0.0, axis=1, alternative="greater").pvalue <= 0.05
    assert 0.77 < shown.mean() < 0.83


@pytest.mark.parametrize(("gain", "words"), [(0.02, "about "), (0.0004, "matters little")])
def test_a_gain_that_no_labels_will_show_is_called_so(gain, words):
    noise = 0.02 * np.array([1.0, -1.0, 1.0, -1.0])
    found = {"source only": np.full(4, 0.7), "coral": 0.7 + gain + noise}
    verdict = judge(found, 0.3, "accuracy", n_labelled=40)
    assert verdict.outcome == "no evidence" and words in verdict.details[-1]
    assert (verdict.labels_needed > 4000) == (words == "matters little")


def test_candidates_that_left_count_as_tried(rng):
    gains = rng.normal(0.3, 1.0, (20, 3))
    few, many = (simultaneous_p_values(gains, 0.0, n_more) for n_more in (0, 20))
    assert (many > few).all()
    alone = simultaneous_p_values(gains[:, :1], 0.0)[0]
    left = simultaneous_p_values(gains[:, :1], 0.0, 19)[0]
    assert left == pytest.approx(1 - (1 - alone) ** 20, abs=0.1)


def test_an_interval_that_a_claim_names_is_above_zero(rng):
    """Wherever transfer is said to help, the lower figure of the sentence is a gain."""
    for _ in range(200):
        given = {name: rng.normal(0.7, 0.05, 20) for name in ("source only", "target only", "x")}
        given["x"] = given["x"] + 0.05
        verdict = judge(given, 0.25, "accuracy")
        if verdict.outcome == "helps":
            difference = given[verdict.chosen] - given[verdict.baseline]
            assert corrected_interval(difference, 0.25, 0.9).low > 0


def test_what_cannot_be_known_is_said():
    verdict = cannot_tell("the target has no labels")
    assert verdict.outcome == "unknown"
    assert "cannot be known here: the target has no labels" in verdict.sentence


def test_gains_are_put_in_the_terms_of_the_metric():
    assert gain_words(0.05, "balanced_accuracy") == "gains 0.050 in balanced accuracy"
    assert gain_words(-0.05, "accuracy") == "loses 0.050 in accuracy"
    assert gain_words(2.5, "neg_max_error") == "lowers the max error by 2.5"
    assert gain_words(-2.5, "neg_max_error") == "raises the max error by 2.5"


def test_folds_that_all_show_the_same_gain_prove_no_more_than_their_rows():
    base = np.full(12, 0.5)
    scores = {"source only": base, "target only": base - 0.1, "coral": base + 0.5}
    few = judge(scores, 0.5, "accuracy", n_labelled=6)
    assert few.outcome == "no evidence" and few.chosen == "source only"
    assert few.p_value == few.p_values["coral"] == pytest.approx(0.5**3)
    assert judge(scores, 0.5, "accuracy", n_labelled=20).outcome == "helps"


def test_a_gain_of_rounding_asks_for_no_labels():
    base = np.linspace(0.6, 0.8, 10)
    scores = {"source only": base, "target only": base - 0.2}
    wave = np.tile([1e-9, -0.9e-9], 5)
    found = judge(scores | {"coral": base + wave}, 0.25, "accuracy", n_labelled=30)
    assert found.outcome == "no evidence" and found.labels_needed is None
    clear = judge(
        scores | {"coral": base + 0.01 + 3e6 * wave}, 0.25, "accuracy", n_labelled=30
    ).labels_needed
    assert 30 < clear < 10_000


def test_the_labels_needed_allow_for_the_number_of_candidates(rng):
    base = rng.normal(0.7, 0.03, 10)
    coral = base + 0.02 + np.tile([0.05, -0.05], 5)
    scores = {"source only": base, "coral": coral}
    alone, among = (
        judge(scores, 0.25, "accuracy", n_labelled=30, n_left=n).labels_needed for n in (0, 50)
    )
    assert among > alone > 30


def test_the_blend_is_used_but_says_nothing_of_transfer(rng):
    base = rng.normal(0.7, 0.02, 20)
    scores = {"source only": base - 0.3, "target only": base, "blend": base + 0.0}
    bad = judge(scores | {"coral": base - 0.2}, 0.25, "accuracy")
    assert bad.outcome == "hurts" and bad.chosen == "blend"
    assert "the best alternative, coral, loses 0.200" in bad.sentence
    better = rng.normal(0.02, 0.06, 20)
    good = judge(scores | {"coral": base + better}, 0.25, "accuracy", n_labelled=30)
    assert good.outcome == "no evidence" and "the best alternative, coral, gains" in good.sentence
    assert good.gain.mean == pytest.approx(better.mean())


def test_a_blend_that_plainly_loses_is_not_used(rng):
    base = rng.normal(0.7, 0.02, 20)
    scores = {"source only": base, "coral": base - 0.1, "blend": base - 0.2}
    assert judge(scores, 0.25, "accuracy").chosen == "source only"


def test_without_a_guard_the_sentence_names_what_is_used(rng):
    base = rng.normal(0.7, 0.05, 20)
    scores = {"source only": base, "coral": base + rng.normal(0.01, 0.06, 20)}
    found = judge(scores, 0.25, "accuracy", guard=False)
    assert found.outcome == "no evidence" and found.chosen == "coral"
    assert "(coral is used, without a guard)" in found.sentence


def test_a_small_gain_is_not_shown_as_nought():
    assert [signed(v) for v in (0.0214, -0.0005, 5e-5, 0.0)] == [
        "+0.021",
        "-0.001",
        "+5e-05",
        "+0.000",
    ]
