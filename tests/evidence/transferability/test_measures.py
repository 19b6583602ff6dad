"""Each measure against its formula written out, and each row's influence against what it does."""

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.stats import multivariate_normal
from sklearn.covariance import LedoitWolf

from landbridge.evidence.transferability import (
    gbc,
    h_score,
    intrinsic_dimension,
    leep,
    log_me,
    nce,
    trans_rate,
)
from landbridge.evidence.transferability.gbc import measure_gbc
from landbridge.evidence.transferability.h_score import measure_h_score
from landbridge.evidence.transferability.leep import measure_leep
from landbridge.evidence.transferability.log_me import (
    eigenvalues_and_parts,
    evidence_of,
    measure_log_me,
)
from landbridge.evidence.transferability.measured import bootstrap_weights, drawn_scores, one_hot
from landbridge.evidence.transferability.nce import measure_nce
from landbridge.evidence.transferability.trans_rate import measure_trans_rate

COPIES = 2000


def problem(n=60, d=4, n_classes=3, seed=0, strength=0.8):
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)]
    return rng.normal(size=(n, d)) + strength * rng.normal(size=(n_classes, d))[y], y


def evidence(F, y, alpha, beta):
    """The log evidence itself: y is Gaussian with covariance I/β + FFᵀ/α."""
    covariance = np.eye(len(F)) / beta + F @ F.T / alpha
    return multivariate_normal(np.zeros(len(F)), covariance).logpdf(y)


def best_evidence(F, y, w):
    """The log evidence where rows count w times: β in closed form, α/β from a fine search."""
    root = np.sqrt(w)
    rows, labels = root[:, None] * F, root * y

    def loss(s):
        C = np.eye(len(F)) + rows @ rows.T / np.exp(s)
        E = labels @ np.linalg.solve(C, labels)
        value = w.sum() / 2 * (np.log(w.sum() / E) - 1 - np.log(2 * np.pi))
        return np.linalg.slogdet(C)[1] / 2 - value

    return -minimize_scalar(loss, bounds=(-15, 15), method="bounded", options={"xatol": 1e-6}).fun


def plain_iteration(F, y):
    """You et al. 2021, algorithm 1, until nothing moves."""
    n, d = F.shape
    alpha = beta = 1.0
    for _ in range(20_000):
        A = alpha * np.eye(d) + beta * F.T @ F
        m = beta * np.linalg.solve(A, F.T @ y)
        gamma = d - alpha * np.trace(np.linalg.inv(A))
        before = alpha / beta
        alpha, beta = gamma / (m @ m), (n - gamma) / np.sum((F @ m - y) ** 2)
        if abs(alpha / beta - before) <= 1e-12 * before:
            break
    A = alpha * np.eye(d) + beta * F.T @ F
    m = beta * np.linalg.solve(A, F.T @ y)
    value = n * np.log(beta) + d * np.log(alpha) - np.linalg.slogdet(A)[1]
    value -= beta * np.sum((F @ m - y) ** 2) + alpha * m @ m + n * np.log(2 * np.pi)
    return value / (2 * n)


@pytest.mark.parametrize(("n", "d"), [(60, 4), (60, 30)])
def test_log_me_is_the_authors_fixed_point(n, d):
    F, y = problem(n, d)
    expected = np.mean([plain_iteration(F, (y == k).astype(float)) for k in range(3)])
    assert log_me(F, y) == pytest.approx(expected, abs=1e-6)


def plain_rounds(F, y, most=40_000):
    """The same rounds for many draws at once, F (S, n, d) and y (S, n), run to their end."""
    n = F.shape[1]
    U, size, _ = np.linalg.svd(F, full_matrices=False)
    sigma, x2 = size**2, np.einsum("snr,sn->sr", U, y) ** 2
    rest = np.maximum((y**2).sum(axis=1) - x2.sum(axis=1), 0) if sigma.shape[1] < n else 0.0
    t = np.ones((len(F), 1))
    for _ in range(most):
        u = t / (sigma + t)
        gamma, m2 = (1 - u).sum(axis=1), (sigma * x2 / (sigma + t) ** 2).sum(axis=1)
        alpha, beta = gamma / m2, (n - gamma) / (rest + (u**2 * x2).sum(axis=1))
        moved = np.abs(np.log(alpha / beta / t[:, 0]))
        still = (moved < 1e-10) | (np.abs(np.log(t[:, 0])) > 25)  # where nothing moves any more
        t = np.where(still[:, None], t, (alpha / beta)[:, None])
        if still.all():
            break
    fit = rest + (x2 * t / (sigma + t)).sum(axis=1)
    logdet = np.log1p(sigma / t).sum(axis=1)
    return 0.5 * (np.log(n / fit) - 1 - logdet / n - np.log(2 * np.pi)), still


@pytest.mark.parametrize("d", [8, 30, 90])
@pytest.mark.parametrize("strength", [0.0, 0.5, 2.0])
def test_log_me_is_the_end_of_the_plain_rounds_for_many_draws(d, strength):
    rng = np.random.default_rng(d)
    y = rng.integers(0, 2, (40, 30))
    F = rng.normal(size=(40, 30, d))
    F[:, :, :2] += strength * np.eye(2)[y]
    F[::3] *= 10 ** rng.uniform(-2, 2, (14, 1, 1))
    F[1::3] *= np.exp(1.5 * rng.normal(size=(13, 1, d)))
    expected, ended = plain_rounds(F, y.astype(float))
    assert ended.mean() > 0.9
    found = [evidence_of(one, labels[:, None] * 1.0)[0] for one, labels in zip(F, y)]
    np.testing.assert_allclose(np.array(found)[ended], expected[ended], atol=1e-6)


def test_log_me_is_the_end_of_the_plain_rounds_where_labels_are_weakly_told():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 100)
    F = rng.normal(size=(100, 512))
    F[:, :2] += np.eye(2)[y]
    expected, ended = plain_rounds(np.array([F, F]), np.array([y == 0, y == 1]) * 1.0)
    assert ended.all()
    assert log_me(F, y) == pytest.approx(expected.mean(), abs=1e-9)


def test_log_me_is_the_evidence_at_its_maximum():
    F, y = problem(strength=1.5)
    best = [
        -minimize(
            lambda p, k=k: -evidence(F, (y == k).astype(float), *np.exp(p)),
            [0.0, 0.0],
            method="Nelder-Mead",
            options={"xatol": 1e-8, "fatol": 1e-10},
        ).fun
        / len(F)
        for k in range(3)
    ]
    assert log_me(F, y) == pytest.approx(np.mean(best), abs=1e-6)


def test_log_me_is_the_evidence_at_its_maximum_where_features_fit_every_label():
    F, y = problem(30, 70)
    best = [best_evidence(F, column, np.ones(30)) for column in one_hot(y).T]
    assert log_me(F, y) == pytest.approx(np.mean(best) / 30, abs=1e-6)


def test_log_me_takes_numbers():
    F, _ = problem()
    y = F @ [1.0, -2.0, 0.0, 0.5] + np.random.default_rng(1).normal(size=60)
    assert log_me(F, y, task="regression") == pytest.approx(plain_iteration(F, y), abs=1e-6)


def test_log_me_is_finite_for_faultless_and_for_empty_features():
    F, y = problem()
    assert np.isfinite(log_me(one_hot(y), y))
    assert np.isfinite(log_me(np.zeros_like(F), y))
    assert log_me(one_hot(y), y) > log_me(F, y) > log_me(np.zeros_like(F), y) - 1e-9


@pytest.mark.parametrize("d", [1, 2, 3, 40])
@pytest.mark.parametrize("rank", [0, 1, 40])
def test_eigenvalues_and_parts_are_those_of_the_whole_decomposition(d, rank):
    rng = np.random.default_rng(d)
    A, B = rng.normal(size=(d, rank)), rng.normal(size=(d, 3))
    gram = A @ A.T
    values, vectors = np.linalg.eigh(gram)
    found, parts = eigenvalues_and_parts(gram.copy(), B)
    size = max(values[-1], 1.0)
    np.testing.assert_allclose(found, values, atol=1e-12 * size)
    # Vectors of one eigenvalue may be turned, so a function of the matrix is compared.
    decay = np.exp(-values / size)[:, None]
    by_hand = B.T @ vectors @ (decay * (vectors.T @ B))
    np.testing.assert_allclose(parts.T @ (decay * parts), by_hand, rtol=1e-10, atol=1e-10)


def test_h_score_is_the_trace_of_its_paper():
    F, y = problem()
    means = np.array([F[y == k].mean(axis=0) for k in range(3)])[y]
    expected = np.trace(np.linalg.inv(np.cov(F.T)) @ np.cov(means.T))
    assert h_score(F, y, regularised=False) == pytest.approx(expected)
    shrunk = LedoitWolf().fit(F)
    between = (1 - shrunk.shrinkage_) * np.cov(means.T, bias=True)
    assert h_score(F, y) == pytest.approx(np.trace(np.linalg.inv(shrunk.covariance_) @ between))


def test_h_score_is_the_same_by_rows_where_features_are_many():
    F, y = problem(30, 50)
    means = np.array([F[y == k].mean(axis=0) for k in range(3)])[y]
    shrunk = LedoitWolf().fit(F)
    between = (1 - shrunk.shrinkage_) * np.cov(means.T, bias=True)
    assert h_score(F, y) == pytest.approx(np.trace(np.linalg.inv(shrunk.covariance_) @ between))


def test_h_score_is_all_there_is_to_tell_where_classes_are_points():
    assert h_score(np.eye(3)[[0, 1, 2] * 20], [0, 1, 2] * 20, regularised=False) == pytest.approx(2)


@pytest.mark.parametrize("covariance", ["spherical", "diagonal"])
def test_gbc_is_the_overlap_of_its_paper(covariance):
    F, y = problem()
    total = 0.0
    for k in range(3):
        for m in range(3):
            a, b = F[y == k], F[y == m]
            s, t = (part.var(axis=0) for part in (a, b))
            if covariance == "spherical":
                s, t = np.full(4, s.mean()), np.full(4, t.mean())
            apart, middle = a.mean(axis=0) - b.mean(axis=0), (s + t) / 2
            distance = apart @ np.diag(1 / middle) @ apart / 8
            distance += 0.5 * np.log(middle.prod() / np.sqrt(s.prod() * t.prod()))
            total -= np.exp(-distance) if k != m else 0.0
    assert gbc(F, y, covariance=covariance) == pytest.approx(total)


@pytest.mark.parametrize("d", [4, 90])
def test_trans_rate_is_the_difference_of_coding_rates(d):
    F, y = problem(60, d)
    Z = F - F.mean(axis=0)
    epsilon = 1e-4 * np.trace(Z.T @ Z) / 60

    def rate(part):
        return 0.5 * np.linalg.slogdet(np.eye(d) + part.T @ part / (len(part) * epsilon))[1]

    expected = rate(Z) - sum(np.mean(y == k) * rate(Z[y == k]) for k in range(3))
    assert trans_rate(F, y) == pytest.approx(expected)
    assert trans_rate(1000 * F, y) == pytest.approx(expected)


def test_leep_is_the_formula_of_its_paper():
    rng = np.random.default_rng(0)
    P, y = rng.dirichlet(np.ones(4), 50), rng.integers(0, 3, 50)
    joint = np.array([P[y == k].sum(axis=0) for k in range(3)]) / 50
    given = joint / joint.sum(axis=0)
    expected = np.mean([np.log(given[y[i]] @ P[i]) for i in range(50)])
    assert leep(P, y) == pytest.approx(expected)


def test_nce_is_minus_the_conditional_entropy():
    rng = np.random.default_rng(0)
    z, y = rng.integers(0, 4, 80), rng.integers(0, 3, 80)
    expected = 0.0
    for k in range(3):
        for m in range(4):
            joint, alone = np.mean((y == k) & (z == m)), np.mean(z == m)
            expected += joint * np.log(joint / alone) if joint else 0.0
    assert nce(z, y) == pytest.approx(expected)
    # Hard probabilities make LEEP the same measure (Nguyen et al. 2020, section 3).
    assert leep(np.eye(4)[z], y) == pytest.approx(expected)


@pytest.mark.parametrize(("method", "within"), [("two_nn", 0.5), ("mle", 0.6)])
def test_intrinsic_dimension_is_that_of_the_plane_that_rows_lie_in(method, within):
    rng = np.random.default_rng(0)
    for dimension in (2, 5):
        rows = rng.uniform(size=(2000, dimension)) @ rng.normal(size=(dimension, 30))
        found = intrinsic_dimension(rows, method=method)
        assert found == pytest.approx(dimension, abs=within)
        assert intrinsic_dimension(np.vstack([rows, rows]), method=method) == pytest.approx(found)


@pytest.mark.parametrize(
    "measure",
    [
        lambda F, y: measure_gbc(F, y),
        lambda F, y: measure_gbc(F, y, covariance="diagonal"),
        lambda F, y: measure_h_score(F, y, regularised=False),
        lambda F, y: measure_trans_rate(F, y, distortion=0.05),
        lambda F, y: measure_leep(np.exp(F) / np.exp(F).sum(axis=1, keepdims=True), y),
        lambda F, y: measure_nce((F[:, 0] > 0).astype(int) + 2 * (F[:, 1] > 0), y),
    ],
    ids=["gbc", "gbc diagonal", "h score", "trans rate", "leep", "nce"],
)
def test_a_rows_influence_is_what_a_little_more_of_it_does(measure):
    F, y = problem()
    told = measure(F, y)
    assert told.influence.mean() == pytest.approx(0.0, abs=1e-9)
    many_F, many_y = np.tile(F, (COPIES, 1)), np.tile(y, COPIES)
    more = 20  # copies of one row beside 2,000 of all: few enough to be straight, and to be seen
    for row in (0, 7, 31):
        changed = measure(
            np.vstack([many_F, np.repeat(F[[row]], more, axis=0)]), np.r_[many_y, [y[row]] * more]
        )
        share = more / (60 * COPIES + more)
        slope = (changed.score - told.score) / share
        assert slope == pytest.approx(told.influence[row], rel=0.03, abs=0.01)


@pytest.mark.parametrize("d", [4, 90])
def test_the_influence_on_the_regularised_h_score_goes_by_the_shrinkage_too(d):
    F, y = problem(60, d)
    F[:, 0] *= 3  # spread, so that the shrinkage is not one
    told = measure_h_score(F, y)

    def weighted(row, by):
        """The score where one row counts ``1 + by`` times, written out."""
        w = np.ones(60)
        w[row] += by
        w /= w.sum()
        V = F - w @ F
        S = (w * V.T) @ V
        mu = np.trace(S) / d
        noise = (w @ (V**2).sum(axis=1) ** 2 - np.sum(S**2)) / 60
        rho = noise / np.sum((S - mu * np.eye(d)) ** 2)
        g = np.array([np.average(V[y == k], axis=0, weights=w[y == k]) for k in range(3)])
        between = (g.T * [w[y == k].sum() for k in range(3)]) @ g
        shrunk = (1 - rho) * S + rho * mu * np.eye(d)
        return (1 - rho) * np.trace(np.linalg.solve(shrunk, between))

    assert told.score == pytest.approx(weighted(0, 0.0))
    for row in (0, 7, 31):
        slope = (weighted(row, 1e-4) - weighted(row, -1e-4)) / 2e-4 * 60
        assert slope == pytest.approx(told.influence[row], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("d", [4, 90])
def test_the_influence_on_log_me_is_the_slope_of_the_weighted_evidence(d):
    F, y = problem(60, d)
    told = measure_log_me(F, one_hot(y))
    assert told.score == pytest.approx(log_me(F, y))

    def weighted(row, by):
        """The mean evidence where one row counts ``1 + by`` times, at its best α and β."""
        w = np.ones(60)
        w[row] += by
        return np.mean([best_evidence(F, (y == k).astype(float), w) for k in range(3)])

    slopes = np.array([(weighted(i, 1e-3) - weighted(i, -1e-3)) / 2e-3 for i in (0, 7, 31)])
    pulls = told.influence[[0, 7, 31]]
    np.testing.assert_allclose(slopes - slopes.mean(), pulls - pulls.mean(), atol=1e-4)


def test_bootstrap_draws_spread_as_the_score_does_over_samples():
    scores, spreads = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 3, 300)
        F = rng.normal(size=(300, 4)) + np.eye(4)[y]
        told = measure_h_score(F, y)
        scores.append(told.score)
        spreads.append(drawn_scores(told, bootstrap_weights(300, 200, rng)).std())
    assert np.mean(spreads) == pytest.approx(np.std(scores), rel=0.35)


def test_rows_without_a_label_are_passed_over():
    F, y = problem()
    some = y.astype(object)
    some[[5, 9]] = None
    kept = np.delete(np.arange(60), [5, 9])
    for measure in (log_me, h_score, gbc, trans_rate):
        assert measure(F, some) == pytest.approx(measure(F[kept], y[kept]))


def test_bad_input_is_named():
    F, y = problem()
    for measure in (log_me, h_score, gbc, trans_rate):
        with pytest.raises(ValueError, match=r"at least two classes .* found \['a'\]"):
            measure(F, ["a"] * 60)
        with pytest.raises(ValueError, match="y must have a label for each of 60 rows: found 3"):
            measure(F, y[:3])
        with pytest.raises(ValueError, match="Input features contains 1 NaN"):
            measure(np.where(np.arange(240).reshape(60, 4) == 3, np.nan, F), y)
    with pytest.raises(ValueError, match="must hold numbers for regression: found 'a'"):
        log_me(F, ["a"] * 60, task="regression")
    with pytest.raises(ValueError, match=r"covariance must be .* found 'full'"):
        gbc(F, y, covariance="full")
    with pytest.raises(ValueError, match="distortion must be above zero: found 0"):
        trans_rate(F, y, distortion=0)
    with pytest.raises(ValueError, match="each row must sum to one"):
        leep(np.ones((60, 2)), y)
    with pytest.raises(ValueError, match="row for each of 60 labels: 59"):
        leep(np.full((59, 2), 0.5), y)
    with pytest.raises(ValueError, match=r"method must be .* found 'pca'"):
        intrinsic_dimension(F, method="pca")
    with pytest.raises(ValueError, match="different rows for 20 neighbours: found 10"):
        intrinsic_dimension(F[:10], method="mle")
    with pytest.raises(ValueError, match="at least one row in common"):
        nce([None], [1])


def test_numbers_are_not_taken_for_classes():
    F, y = problem()
    P = np.full((60, 2), 0.5)
    some = F[:, 0].astype(object)
    some[3] = None
    for numbers in (F[:, 0], some, np.arange(60), np.linspace(0, 1, 30).repeat(2)):
        for measure in (log_me, h_score, gbc, trans_rate):
            with pytest.raises(ValueError, match=r"y must hold classes: .* different numbers"):
                measure(F, numbers)
        with pytest.raises(ValueError, match="y must hold classes"):
            leep(P, numbers)
        with pytest.raises(ValueError, match="source_labels must hold classes"):
            nce(numbers, y)
    halves = y / 2  # few broken numbers may well be classes
    assert gbc(F, halves) == gbc(F, y)
    assert nce(halves, y) == pytest.approx(0.0)


def test_an_unknown_task_is_refused():
    F, y = problem()
    with pytest.raises(ValueError, match=r"task must be .* found 'regresion'"):
        log_me(F, y, task="regresion")


def test_labels_that_never_differ_are_refused_as_numbers():
    F, _ = problem()
    for value in (0.0, 5.0):
        with pytest.raises(ValueError, match="at least two different numbers: all 60 are"):
            log_me(F, np.full(60, value), task="regression")


def test_rows_on_a_grid_have_no_dimension_to_tell():
    grid = np.argwhere(np.ones((8, 8, 8)))
    with pytest.raises(ValueError, match="must not lie on a grid"):
        intrinsic_dimension(grid)
    assert np.isfinite(intrinsic_dimension(grid, method="mle"))


def test_large_values_are_measured_and_values_without_bound_refused():
    F, y = problem()
    for measure in (h_score, gbc, trans_rate):
        assert measure(1e50 * F, y) == pytest.approx(measure(F, y))
    assert np.isfinite(log_me(1e50 * F, y))
    assert intrinsic_dimension(1e50 * F) == pytest.approx(intrinsic_dimension(F))
    for measure in (log_me, h_score, gbc, trans_rate):
        with pytest.raises(ValueError, match="features has values beyond 1e\\+60"):
            measure(1e160 * F, y)
    with pytest.raises(ValueError, match="features has values beyond 1e\\+60"):
        intrinsic_dimension(1e200 * F)


def test_constant_features_overlap_wholly():
    _, y = problem()
    assert gbc(np.ones((60, 3)), y) == pytest.approx(-6.0)
    assert h_score(np.ones((60, 3)), y) == trans_rate(np.ones((60, 3)), y) == 0.0


def test_no_draw_of_the_regularised_h_score_leaves_its_range():
    rng = np.random.default_rng(0)
    weights = bootstrap_weights(60, 500, rng)
    F, y = problem(strength=0.3)
    told = measure_h_score(F, y)
    free = told.score + weights @ told.influence / 60
    assert free.min() < 0
    assert drawn_scores(told, weights).min() == 0.0


def test_features_shrunk_to_nothing_are_not_sure_to_be_of_no_use():
    rng = np.random.default_rng(4)
    y = np.arange(40) % 2
    F = rng.normal(size=(40, 30))
    F[:, 0] += 0.5 * y
    told = measure_h_score(F, y)
    draws = drawn_scores(told, bootstrap_weights(40, 500, rng))
    assert told.score == 0.0
    assert draws.min() == 0.0
    assert draws.max() > 0.01


def test_evidence_of_a_column_does_not_depend_on_the_others():
    F, y = problem()
    together = evidence_of(F, one_hot(y))
    np.testing.assert_allclose(together, [evidence_of(F, one_hot(y)[:, [k]])[0] for k in range(3)])
