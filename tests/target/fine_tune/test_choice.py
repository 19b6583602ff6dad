import numpy as np
import pytest
from scipy.stats import ttest_rel

from landbridge import FineTune, Training
from landbridge.target.fine_tune.choice import CANDIDATES, LEVEL, least_loss, plan
from landbridge.target.fine_tune.recipes import RECIPES, LinearProbe

QUICK = Training(max_epochs=40, learning_rate=0.005)


def planned(rng, n_a_class, n_classes=2, budget=20, classifies=True, has_new=True):
    y = np.repeat(np.arange(n_classes), n_a_class)
    X = rng.normal(size=(len(y), 3))
    y = y if classifies else X[:, 0]
    recipes = [RECIPES[name]() for name in CANDIDATES]
    return plan(X, y, recipes, budget, classifies=classifies, has_new=has_new), y


@pytest.mark.parametrize(
    ("n_a_class", "budget", "n_folds", "n_recipes"),
    [(2, 20, 2, 5), (3, 20, 3, 5), (50, 20, 4, 5), (50, 15, 3, 5), (8, 10, 2, 5), (8, 6, 2, 3)],
)
def test_the_budget_is_spent_on_folds_that_learn_from_and_hold_out_every_class(
    rng, n_a_class, budget, n_folds, n_recipes
):
    found, y = planned(rng, n_a_class, budget=budget)
    assert (len(found.folds), len(found.recipes)) == (n_folds, n_recipes)
    assert [recipe.name for recipe in found.recipes] == list(CANDIDATES[:n_recipes])
    for learned, held_out in found.folds:
        assert sorted([*learned, *held_out]) == list(range(len(y)))
        assert all(np.bincount(y[rows], minlength=2).min() >= 1 for rows in (learned, held_out))


def test_with_one_row_of_a_class_a_few_rows_are_left_out_at_a_time(rng):
    found, y = planned(rng, 1, n_classes=9, has_new=False)
    assert [recipe.name for recipe in found.recipes] == list(CANDIDATES)
    assert len(found.folds) == 4 and found.reason.endswith("9 labelled rows, one of a class")
    assert sorted(np.concatenate([out for _, out in found.folds])) == list(range(len(y)))


def test_a_class_that_a_fold_has_no_row_of_keeps_its_place_in_the_head():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from landbridge.training.losses import among, cross_entropy

    logits = torch.tensor([[2.0, 1.0, 3.0], [0.0, 1.0, 5.0]], requires_grad=True)
    y, present = torch.tensor([0, 1]), torch.tensor([True, True, False])
    loss = among(cross_entropy, present)(logits, y, None)
    assert torch.isclose(loss, cross_entropy(logits[:, :2], y, None))
    loss.backward()
    assert logits.grad[:, 2].tolist() == [0.0, 0.0] and logits.grad[:, :2].all()


def test_with_one_row_of_a_class_and_no_source_head_to_hold_on_to_nothing_is_tried(rng):
    found, _ = planned(rng, 1, has_new=True)
    assert found.folds == [] and found.recipes[0].strength == 0


def test_recipes_for_classes_are_passed_over_in_regression(rng):
    X = rng.normal(size=(20, 2))
    recipes = ("linear-probe", "co-tuning", "full")
    recipes = [RECIPES[name]() for name in recipes]
    found = plan(X, X[:, 0], recipes, 20, classifies=False, has_new=False)
    assert [recipe.name for recipe in found.recipes] == ["linear-probe", "full"]
    assert sorted(np.concatenate([out for _, out in found.folds])) == list(range(20))


def test_the_first_is_left_only_for_one_that_is_better_beyond_chance(rng):
    noise = rng.normal(size=200)
    noise -= noise.mean()
    best = np.abs(rng.normal(size=200))
    middle, near, far = (best + gap + 0.5 * noise for gap in (0.005, 0.01, 0.2))
    assert least_loss(np.array([near, middle, best]), keeps_first=True)[0] == 0
    assert least_loss(np.array([near, middle, best]), keeps_first=False)[0] == 2
    chosen, table = least_loss(np.array([far, middle, best]), keeps_first=True)
    assert chosen == 2
    assert table[0]["worse"] == pytest.approx(0.2)
    assert table[0]["standard_error"] == pytest.approx(0.5 * noise.std(ddof=1) / np.sqrt(200))
    assert table[0]["p_value"] == pytest.approx(ttest_rel(far, best, alternative="greater").pvalue)
    assert table[2] == {
        "loss": pytest.approx(best.mean()),
        "worse": 0.0,
        "standard_error": 0.0,
        "p_value": 1.0,
    }


def test_four_rows_must_speak_louder_than_forty(rng):
    gaps = rng.normal(size=4)
    gaps = 1 + (gaps - gaps.mean()) / gaps.std(ddof=1)  # two standard errors above nothing
    many = np.tile(np.sqrt(40 / 4) * (gaps - 1) + 1, 10)
    for gap, chosen in ((gaps, 0), (many, 1)):
        losses = np.array([gap, np.zeros(len(gap))])
        assert least_loss(losses, keeps_first=True)[0] == chosen


def test_the_first_is_seldom_left_for_its_equal(rng):
    left = [least_loss(rng.normal(size=(2, 12)), keeps_first=True)[0] for _ in range(2000)]
    assert np.mean(left) == pytest.approx(LEVEL, abs=0.015)


@pytest.mark.parametrize(("worse", "chosen"), [(0.1, 1), (0.0, 0)])
def test_a_gap_without_spread_is_certain(worse, chosen):
    losses = np.array([[0.2 + worse] * 3, [0.2] * 3])
    assert least_loss(losses, keeps_first=True)[0] == chosen


def test_auto_says_what_it_tried_and_why_it_chose(tasks):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    net = FineTune(tasks[0].source, training=QUICK, budget=8, random_state=0)
    tasks[0].score(net)
    assert [row["recipe"] for row in net.choice_] == list(CANDIDATES[:4])
    (chosen,) = (row for row in net.choice_ if row["chosen"])
    assert chosen["recipe"] == net.recipe_ and chosen["worse"] == 0
    assert all(chosen["loss"] <= row["loss"] < 1 for row in net.choice_)
    assert net.notes_[-1].startswith(f"auto takes {net.recipe_}")
    assert "2 folds of 15 labelled rows" in net.notes_[-1]


def test_auto_is_deterministic_and_ends_as_the_recipe_by_itself(tasks):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    first, second = (
        FineTune(tasks[0].source, training=QUICK, budget=8, random_state=0) for _ in range(2)
    )
    few = tasks[0].few
    X, y = tasks[0].Xt[few], tasks[0].yt[few]
    first.fit(X, y), second.fit(X, y)
    assert first.choice_ == second.choice_ and first.notes_ == second.notes_
    fixed = FineTune(tasks[0].source, recipe=first.recipe_, training=QUICK, random_state=0)
    fixed.fit(X, y)
    for net in (second, fixed):
        for name, value in first.weights_.items():
            np.testing.assert_array_equal(value, net.weights_[name])


@pytest.mark.parametrize("n_a_class", [1, 3])
def test_auto_holds_on_to_the_source_where_it_is_right_already(n_a_class, tasks):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    before = after = full = 0.0
    for seed, task in enumerate(tasks[:4]):
        few = np.concatenate([np.flatnonzero(task.four == c)[:n_a_class] for c in range(4)])
        net, other = (
            FineTune(task.source, recipe=recipe, training=QUICK, budget=8, random_state=seed)
            for recipe in ("auto", "full")
        )
        for model in (net, other):
            model.fit(task.Xt[few], task.four[few])
        assert ("one of a class" in net.notes_[-1]) == (n_a_class == 1)
        before += task.source.score(task.Xt, task.four)
        after += net.score(task.Xt, task.four)
        full += other.score(task.Xt, task.four)
    assert after > before - 0.1 > full


def test_auto_keeps_to_the_source_in_doubt(tasks):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    task = tasks[1]
    few = np.concatenate([np.flatnonzero(task.four == c)[:1] for c in range(4)])
    net = FineTune(task.source, training=QUICK, random_state=0).fit(task.Xt[few], task.four[few])
    cautious, *others = net.choice_
    assert net.recipe_ == "linear-probe" and cautious["chosen"] and cautious["worse"] > 0
    assert cautious["recipe"] == "linear-probe (strength=10.0)" and cautious["p_value"] > LEVEL
    assert "which may be chance" in net.notes_[-1] and not any(row["chosen"] for row in others)


def test_candidates_may_be_recipes_with_parameters(tasks):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    candidates = [LinearProbe(0.5), "full"]
    net = FineTune(tasks[0].source, candidates=candidates, training=QUICK, random_state=0)
    tasks[0].score(net)
    assert [row["recipe"] for row in net.choice_] == ["linear-probe (strength=0.5)", "full"]
