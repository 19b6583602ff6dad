import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from landbridge.mapping.components import JDA, TCA, pseudo_labels
from landbridge.mapping.components.pseudo_labels import (
    ClassMeans,
    drawn_evenly,
    mean_differences,
)


def nearest(Z, ys, n_s=90):
    return KNeighborsClassifier(1).fit(Z[:n_s], ys).predict(Z[n_s:])


def joint_matrix(domains, guess):
    classes = [domains.mmd_matrix(domains.ys == c, guess == c) for c in np.unique(guess)]
    return domains.mmd_matrix() + sum(classes)


def test_rounds_are_those_of_algorithm_1(domains, path, leading, angle):
    Xs, ys, Xt, _ = domains
    K, H, penalty = domains.K, domains.H, 0.3 * np.eye(150)
    _, W = leading(K @ H @ K, K @ domains.mmd_matrix() @ K + penalty, 2)
    guess = nearest(K @ W, ys)
    _, W = leading(K @ H @ K, K @ joint_matrix(domains, guess) @ K + penalty, 2)
    mapping = JDA(n_components=2, reg=0.3, gamma=0.1, max_iter=2).fit(Xs, Xt, ys=ys)
    assert mapping.changes_.tolist() == [1.0, (nearest(K @ W, ys) != guess).mean()]
    assert angle(mapping.matrix_, W) < 1e-6


def test_the_first_round_is_tca(domains, path):
    Xs, ys, Xt, _ = domains
    first = JDA(n_components=3, max_iter=1).fit(Xs, Xt, ys=ys)
    np.testing.assert_allclose(
        first.transform(Xs), TCA(n_components=3).fit(Xs, Xt).transform(Xs), atol=1e-7
    )


def test_known_target_labels_are_used_and_kept(domains, leading, angle):
    Xs, ys, Xt, yt = domains
    K = domains.K
    _, W = leading(K @ domains.H @ K, K @ joint_matrix(domains, yt) @ K + 0.3 * np.eye(150), 3)
    mapping = JDA(n_components=3, reg=0.3, gamma=0.1).fit(Xs, Xt, ys=ys, yt=yt)
    assert angle(mapping.matrix_, W) < 1e-6
    assert mapping.changes_.tolist() == [0.0]


def test_classes_come_together_and_more_targets_are_told_rightly(domains):
    Xs, ys, Xt, yt = domains
    mapping = JDA(n_components=3, reg=0.1).fit(Xs, Xt, ys=ys)
    told = nearest(np.vstack([mapping.transform(Xs), mapping.transform_target(Xt)]), ys)
    assert (told == yt).mean() >= (nearest(np.vstack([Xs, Xt]), ys) == yt).mean()
    tca = TCA(n_components=3, reg=0.1).fit(Xs, Xt)

    def class_gaps(m):
        Zs, Zt = m.transform(Xs), m.transform_target(Xt)
        gaps = [Zs[ys == c].mean(axis=0) - Zt[yt == c].mean(axis=0) for c in range(3)]
        return np.linalg.norm(gaps)

    assert class_gaps(mapping) < 0.75 * class_gaps(tca)


@pytest.mark.parametrize("names", [["x", "y", "z"], [-1, 1, 0], [True, False, True]])
def test_what_classes_are_called_does_not_matter(domains, names):
    Xs, ys, Xt, _ = domains
    names = np.array(names)
    codes = np.unique(names, return_inverse=True)[1]
    ours = JDA(3).fit(Xs, Xt, ys=names[ys])
    assert ours.classes_.tolist() == sorted(set(names.tolist()))
    theirs = JDA(3).fit(Xs, Xt, ys=codes[ys])
    np.testing.assert_array_equal(ours.matrix_, theirs.matrix_)


def test_rows_without_a_label_count_in_no_class(domains, leading, angle):
    Xs, ys, Xt, yt = domains
    partly = ys.astype(float)
    partly[::4] = np.nan
    K = domains.K
    M = domains.mmd_matrix() + sum(domains.mmd_matrix(partly == c, yt == c) for c in range(3))
    _, W = leading(K @ domains.H @ K, K @ M @ K + np.eye(150), 3)
    mapping = JDA(3, gamma=0.1).fit(Xs, Xt, ys=partly, yt=yt)
    assert angle(mapping.matrix_, W) < 1e-6


def test_a_class_of_one_domain_only_is_left_out(domains):
    Xs, ys, Xt, yt = domains
    in_source = ys != 2
    mapping = JDA(3, max_iter=1).fit(Xs[in_source], Xt, ys=ys[in_source], yt=yt)
    relabelled = np.where(yt == 2, None, yt.astype(object))
    without = JDA(3, max_iter=1).fit(Xs[in_source], Xt, ys=ys[in_source], yt=relabelled)
    assert mapping.classes_.tolist() == [0, 1, 2]
    np.testing.assert_allclose(mapping.matrix_, without.matrix_, atol=1e-12)


def test_differences_are_weighed_as_the_formula_says(rng):
    means = rng.standard_normal((4, 2))
    source = ClassMeans(rng.standard_normal((4, 3)), np.array([0.25, 0.75, 0.0]))
    target = ClassMeans(rng.standard_normal((4, 3)), np.array([0.64, 0.0, 0.36]))
    U = mean_differences(means, source, target, (0.16, 0.84), is_weighted=True)
    expected = np.column_stack(
        [
            0.4 * (means[:, 0] - means[:, 1]),
            np.sqrt(0.84) * (0.5 * source.means[:, 0] - 0.8 * target.means[:, 0]),
        ]
    )
    np.testing.assert_allclose(U, expected)


def test_shuffled_rows_get_the_same_components(domains, path, rng):
    Xs, ys, Xt, _ = domains
    order = rng.permutation(90)
    first = JDA(3).fit(Xs, Xt, ys=ys)
    second = JDA(3).fit(Xs[order], Xt[rng.permutation(60)], ys=ys[order])
    np.testing.assert_allclose(first.transform(Xs), second.transform(Xs), atol=1e-6)


def test_the_scatter_is_summed_once_for_all_rounds(domains, monkeypatch):
    Xs, ys, Xt, _ = domains
    calls = []
    once = pseudo_labels.FeatureRows.scatter_and_means
    monkeypatch.setattr(
        pseudo_labels.FeatureRows, "scatter_and_means", lambda f: calls.append(f) or once(f)
    )
    assert JDA(3).fit(Xs, Xt, ys=ys).n_iter_ > 1
    assert len(calls) == 1


def test_a_learner_of_ones_own_guesses(domains):
    Xs, ys, Xt, yt = domains
    learner = LogisticRegression()
    mapping = JDA(3, learner=learner).fit(Xs, Xt, ys=ys)
    assert not hasattr(learner, "coef_")
    told = learner.fit(mapping.transform(Xs), ys).predict(mapping.transform_target(Xt))
    assert (told == yt).mean() > 0.8


def test_errors_name_the_argument(domains):
    Xs, ys, Xt, _ = domains
    with pytest.raises(ValueError, match="JDA learns from labels of source rows: ys has none"):
        JDA().fit(Xs, Xt)
    with pytest.raises(ValueError, match="JDA needs classes: ys holds numbers with fractions"):
        JDA().fit(Xs, Xt, ys=ys + 0.5)
    with pytest.raises(ValueError, match="max_iter must be a whole number from 1 up: found 0"):
        JDA(max_iter=0).fit(Xs, Xt, ys=ys)


def test_rows_are_drawn_by_share_and_no_class_is_left_out(rng):
    codes = rng.permutation(np.repeat([-1, 0, 1, 2], [500, 800, 200, 1]))
    drawn = drawn_evenly(codes, rng.random(1501), 100)
    assert len(np.unique(drawn)) == len(drawn) <= 103
    counts = np.bincount(codes[drawn] + 1, minlength=4)
    assert counts[0] == 0 and counts[3] == 1
    np.testing.assert_allclose(counts[1:3], [80, 20], atol=2)


def test_many_rows_give_some_to_the_nearest_neighbour_whatever_their_order(
    domains, rng, monkeypatch
):
    Xs, ys, Xt, _ = domains
    monkeypatch.setattr(pseudo_labels, "NEAREST_ROWS", 30)
    learned = []
    fit = KNeighborsClassifier.fit
    monkeypatch.setattr(
        KNeighborsClassifier, "fit", lambda self, X, y: learned.append(len(X)) or fit(self, X, y)
    )
    mapping = JDA(n_components=3, reg=0.3, kernel="linear")
    first = mapping.fit(Xs, Xt, ys=ys).matrix_
    assert 30 <= min(learned) <= max(learned) <= 33
    order = rng.permutation(len(Xs))
    again = mapping.fit(Xs[order], Xt, ys=ys[order]).matrix_
    np.testing.assert_allclose(again, first, atol=1e-8)
    learned.clear()
    mapping.set_params(learner=KNeighborsClassifier(1)).fit(Xs, Xt, ys=ys)
    assert set(learned) == {len(Xs)}
