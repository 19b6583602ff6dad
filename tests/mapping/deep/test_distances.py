import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge.mapping.deep import distances  # noqa: E402
from landbridge.mapping.deep.base import View  # noqa: E402
from landbridge.mapping.deep.distances import (  # noqa: E402
    central_moment_discrepancy,
    coral_distance,
    gaussian_kernels,
    joint_mmd,
    label_costs,
    local_mmd,
    memberships,
    multi_kernel_mmd,
    random_directions,
    sliced_wasserstein,
    transport_loss,
)

N_S, N_T, D, K = 7, 5, 3, 4
WIDTHS = (0.5, 2.0)


@pytest.fixture
def two(rng):
    """Two batches of features, of two sizes."""
    return rng.normal(size=(N_S, D)), rng.normal(size=(N_T, D)) * 1.5 + 1


@pytest.fixture
def outputs(rng):
    """Probabilities of four classes for the rows of both batches; no row of the third there."""
    first, second = (rng.dirichlet(np.ones(K), size=n) for n in (N_S, N_T))
    labels = np.eye(K)[np.array([0, 1, 3, 0, 1, 3, 0])]
    return labels, first, second


def tensors(*arrays):
    return tuple(torch.from_numpy(np.asarray(a, dtype=np.float64)) for a in arrays)


def squared(A, B):
    return ((A[:, None] - B[None]) ** 2).sum(axis=2)


def mean_squared(A, B):
    Z = np.concatenate([A, B])
    return squared(Z, Z).sum() / (len(Z) * (len(Z) - 1))


def kernel(A, B, h, widths=WIDTHS):
    return np.mean([np.exp(-squared(A, B) / (w * h)) for w in widths], axis=0)


def mmd_reference(A, B, h):
    return kernel(A, A, h).mean() + kernel(B, B, h).mean() - 2 * kernel(A, B, h).mean()


def moments_reference(A, B, n_moments, extent):
    total = np.linalg.norm(A.mean(axis=0) - B.mean(axis=0)) / extent
    for k in range(2, n_moments + 1):
        c_a, c_b = (((X - X.mean(axis=0)) ** k).mean(axis=0) for X in (A, B))
        total += np.linalg.norm(c_a - c_b) / extent**k
    return total


def view(features, logits, y):
    features, logits = tensors(features, logits)
    y = torch.from_numpy(y)
    return View(features, logits, y, torch.ones(len(y)), None, features)


def test_mmd_is_the_distance_of_means_that_its_formula_says(two):
    found = multi_kernel_mmd(*tensors(*two), WIDTHS)
    np.testing.assert_allclose(found, mmd_reference(*two, mean_squared(*two)))


def test_the_gradient_of_mmd_holds_the_mean_distance_constant(two):
    A, B = two
    h, step = mean_squared(A, B), 1e-6
    variable = torch.from_numpy(A).requires_grad_()
    multi_kernel_mmd(variable, torch.from_numpy(B), WIDTHS).backward()
    for i, j in np.ndindex(A.shape):
        moved = np.zeros_like(A)
        moved[i, j] = step
        slope = mmd_reference(A + moved, B, h) - mmd_reference(A - moved, B, h)
        assert slope / (2 * step) == pytest.approx(float(variable.grad[i, j]), abs=1e-8)


def test_joint_mmd_multiplies_the_kernels_of_all_layers(two, outputs):
    A, B = two
    _, P, Q = outputs
    h, g = mean_squared(A, B), mean_squared(P, Q)

    def joint(X, Y, F, G):
        return (kernel(X, Y, h) * kernel(F, G, g, (1.0,))).mean()

    expected = joint(A, A, P, P) + joint(B, B, Q, Q) - 2 * joint(A, B, P, Q)
    A, B, P, Q = tensors(A, B, P, Q)
    np.testing.assert_allclose(joint_mmd((A, P), (B, Q), (WIDTHS, (1.0,))), expected)


def test_joint_mmd_sees_a_difference_that_no_layer_shows_by_itself():
    """Both layers have one distribution in either domain; they go together in one only."""
    X = torch.tensor([[0.0], [0.0], [1.0], [1.0]])
    together, apart = X, X[[0, 2, 1, 3]]
    assert joint_mmd((X, together), (X, apart), (WIDTHS, WIDTHS)) > 0.05
    assert abs(multi_kernel_mmd(together, apart)) < 1e-6


def test_local_mmd_is_the_mean_of_the_weighted_distances_of_each_class(two, outputs):
    A, B = two
    labels, _, Q = outputs
    h, terms = mean_squared(A, B), []
    for c in (0, 1, 3):  # the source has no row of class 2
        w, v = labels[:, c] / labels[:, c].sum(), Q[:, c] / Q[:, c].sum()
        within = w @ kernel(A, A, h) @ w + v @ kernel(B, B, h) @ v
        terms.append(within - 2 * w @ kernel(A, B, h) @ v)
    found = local_mmd(*tensors(A, B, labels, Q), WIDTHS)
    np.testing.assert_allclose(found, np.mean(terms))


def test_local_mmd_of_one_class_is_mmd(two):
    ones = np.ones((N_S, 1)), np.ones((N_T, 1))
    found = local_mmd(*tensors(*two, *ones), WIDTHS)
    np.testing.assert_allclose(found, mmd_reference(*two, mean_squared(*two)))


def test_local_mmd_of_batches_without_a_common_class_is_zero(two):
    A, B = tensors(*two)
    first, second = torch.eye(2, dtype=torch.float64)[[0] * N_S], torch.eye(2)[[1] * N_T]
    assert local_mmd(A, B, first, second.double()) == 0


def test_a_row_belongs_to_its_label_or_else_to_its_prediction(rng):
    logits = rng.normal(size=(3, 2))
    found = memberships(view(logits, logits, np.array([1, -1, 0])))
    expected = np.exp(logits[1]) / np.exp(logits[1]).sum()
    np.testing.assert_allclose(found, [[0, 1], expected, [1, 0]])


def test_coral_compares_covariances(two):
    gap = np.cov(two[0].T) - np.cov(two[1].T)
    np.testing.assert_allclose(coral_distance(*tensors(*two)), (gap**2).sum() / (4 * D**2))


def test_deep_coral_counts_in_the_size_of_the_mean_covariance(two):
    A, B = two
    covariances = np.cov(A.T), np.cov(B.T)
    expected = np.sum((covariances[0] - covariances[1]) ** 2) / np.sum(np.mean(covariances, 0) ** 2)
    views = view(A, A, np.zeros(N_S, int)), view(B, B, np.full(N_T, -1))
    np.testing.assert_allclose(distances.DeepCORAL()(*views, 1.0)["coral"], expected)


@pytest.mark.parametrize("n_moments", [1, 2, 5])
def test_cmd_sums_the_gaps_of_all_moments(two, n_moments):
    found = central_moment_discrepancy(*tensors(*two), n_moments, 2.5)
    np.testing.assert_allclose(found, moments_reference(*two, n_moments, 2.5))


def test_cmd_of_moved_rows_is_the_length_of_the_move(two):
    A, _ = two
    move = np.array([3.0, 0.0, -4.0])
    assert central_moment_discrepancy(*tensors(A, A + move)) == pytest.approx(5.0)


def test_sliced_wasserstein_is_the_mean_of_transports_along_directions(two):
    """Against plans by linear programming, on batches of two sizes."""
    from scipy.optimize import linprog

    A, B = two
    directions = random_directions(D, 4, torch.zeros(1, dtype=torch.float64)).numpy()
    marginals = np.vstack([np.kron(np.eye(N_S), np.ones(N_T)), np.kron(np.ones(N_S), np.eye(N_T))])
    masses = np.repeat([1 / N_S, 1 / N_T], [N_S, N_T])
    least = [
        linprog(squared(A @ t, B @ t).ravel(), A_eq=marginals, b_eq=masses).fun
        for t in directions.T[:, :, None]
    ]
    np.testing.assert_allclose(sliced_wasserstein(*tensors(A, B, directions)), np.mean(least))


def test_sliced_wasserstein_of_batches_of_one_size_matches_sorted_rows(two):
    A, _ = two
    B, directions = A[::-1] * 2 + 1, np.eye(D)
    expected = ((np.sort(A, axis=0) - np.sort(B, axis=0)) ** 2).mean()
    np.testing.assert_allclose(sliced_wasserstein(*tensors(A, B, directions)), expected)


def test_directions_have_length_one_and_follow_torchs_seed():
    drawn = [torch.manual_seed(0) and random_directions(5, 9, torch.zeros(1)) for _ in range(2)]
    np.testing.assert_allclose(np.linalg.norm(drawn[0], axis=0), 1, rtol=1e-6)
    assert torch.equal(*drawn)


def test_labels_cost_the_loss_that_the_other_rows_output_gives(rng):
    logits, y = rng.normal(size=(N_T, K)), rng.integers(0, K, N_S)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    found = label_costs(torch.from_numpy(y), torch.from_numpy(logits))
    np.testing.assert_allclose(found, [[-log_p[j, c] for j in range(N_T)] for c in y])
    values, predicted = rng.normal(size=N_S), rng.normal(size=(N_T, 1))
    found = label_costs(*tensors(values, predicted))
    np.testing.assert_allclose(found, (values[:, None] - predicted[:, 0]) ** 2)


def test_the_transport_loss_is_the_least_cost_of_any_assignment(rng):
    pytest.importorskip("ot", reason="POT is not installed")
    from scipy.optimize import linear_sum_assignment

    costs = rng.random(size=(6, 6))
    rows = linear_sum_assignment(costs)
    variable = torch.from_numpy(costs).requires_grad_()
    loss = transport_loss(variable)
    loss.backward()
    plan = np.zeros((6, 6))
    plan[rows] = 1 / 6
    np.testing.assert_allclose(loss.detach(), costs[rows].mean())
    np.testing.assert_allclose(variable.grad, plan, atol=1e-12)


def fixed_kernel_gap(A, B):
    """MMD with kernels of one constant width, as the class has it at one step."""
    K = torch.exp(-torch.cdist(torch.cat([A, B]), torch.cat([A, B])).square() / 3.0)
    return distances.gap_of_means(K, distances.signed_shares(A, B))


DIRECTIONS = np.random.default_rng(3).normal(size=(D, 6))
SMOOTH = {
    "kernel means": fixed_kernel_gap,
    "covariances": coral_distance,
    "moments": central_moment_discrepancy,
    "quantiles": lambda A, B: sliced_wasserstein(A, B, torch.from_numpy(DIRECTIONS)),
    "plan": lambda A, B: transport_loss(torch.cdist(A, B).square()),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_gradient_is_that_of_the_distance(two, name):
    if name == "plan":
        pytest.importorskip("ot", reason="POT is not installed")
    pair = [X.requires_grad_() for X in tensors(*two)]
    assert torch.autograd.gradcheck(SMOOTH[name], pair)


def test_the_gradient_of_labels_costs_is_right(rng):
    y = torch.from_numpy(rng.integers(0, K, N_S))
    logits = torch.from_numpy(rng.normal(size=(N_T, K))).requires_grad_()
    assert torch.autograd.gradcheck(lambda outputs: label_costs(y, outputs), (logits,))


CLASSES = ("MMD", "JAN", "DSAN", "DeepCORAL", "CMD", "SlicedWasserstein", "DeepJDOT")


@pytest.fixture(params=CLASSES)
def alignment(request):
    """Every distance as an alignment, built."""
    if request.param == "DeepJDOT":
        pytest.importorskip("ot", reason="POT is not installed")
    made = getattr(distances, request.param)()
    made.build(D, K, (100, 100))
    return made


def value(alignment, source, target):
    torch.manual_seed(0)
    (found,) = alignment(source, target, 1.0).values()
    return found


def test_the_order_of_rows_does_not_matter(alignment, two, rng):
    A, B = two
    F, G = rng.normal(size=(N_S, K)), rng.normal(size=(N_T, K))
    y, none = rng.integers(0, K, N_S), np.full(N_T, -1)
    p, q = rng.permutation(N_S), rng.permutation(N_T)
    straight = value(alignment, view(A, F, y), view(B, G, none))
    shuffled = value(alignment, view(A[p], F[p], y[p]), view(B[q], G[q], none))
    np.testing.assert_allclose(shuffled, straight)


def test_equal_batches_whose_labels_are_known_are_at_distance_zero(alignment, two, rng):
    A, y = two[0], rng.integers(0, K, N_S)
    sure = 50.0 * np.eye(K)[y]
    same = view(A, sure, y), view(A, sure, np.full(N_S, -1))
    apart = view(A, sure, y), view(A * 2 + 1, sure, np.full(N_S, -1))
    np.testing.assert_allclose(value(alignment, *same), 0, atol=1e-12)
    assert value(alignment, *apart) > 0.01


def test_the_size_of_features_does_not_matter(alignment, two, rng):
    """λ means the same for every network."""
    A, B = two
    F, G = rng.normal(size=(N_S, K)), rng.normal(size=(N_T, K))
    y, none = rng.integers(0, K, N_S), np.full(N_T, -1)
    small = value(alignment, view(A, F, y), view(B, G, none))
    large = value(alignment, view(9 * A, F, y), view(9 * B, G, none))
    np.testing.assert_allclose(large, small)


def test_kernels_of_rows_that_are_all_equal_are_one():
    np.testing.assert_array_equal(gaussian_kernels(torch.ones(4, 2)), np.ones((4, 4)))


def test_without_pot_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ImportError, match=r"pip install 'landbridge\[transport\]', or choose an"):
        distances.DeepJDOT().build(D, K, (10, 10))


@pytest.mark.parametrize(
    "name", ["mmd", "jan", "dsan", "deep-coral", "cmd", "sliced-wasserstein", "deep-jdot"]
)
def test_it_beats_the_source_alone_over_ten_seeds(accuracy_over_ten_seeds, name):
    if name == "deep-jdot":
        pytest.importorskip("ot", reason="POT is not installed")
    assert accuracy_over_ten_seeds(name) > accuracy_over_ten_seeds("none")


@pytest.mark.parametrize(
    "name", ["mmd", "jan", "deep-coral", "cmd", "sliced-wasserstein", "deep-jdot"]
)
def test_regression_is_aligned_over_ten_seeds(r2_over_ten_seeds, name):
    if name == "deep-jdot":
        pytest.importorskip("ot", reason="POT is not installed")
    assert r2_over_ten_seeds(name) > r2_over_ten_seeds("none")
