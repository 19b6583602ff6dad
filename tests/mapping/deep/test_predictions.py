import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge import DeepTransfer, Training  # noqa: E402
from landbridge.mapping.deep.adversaries import DANN  # noqa: E402
from landbridge.mapping.deep.base import View  # noqa: E402
from landbridge.mapping.deep.predictions import (  # noqa: E402
    AFN,
    BNM,
    BSP,
    MCC,
    certainty_weights,
    class_confusion,
    hard_norm_loss,
    largest_singular_values,
    nuclear_norm,
    stepwise_norm_loss,
)

B, K, D = 6, 3, 4


@pytest.fixture
def P(rng):
    """Probabilities of three classes for six rows."""
    return rng.dirichlet(np.ones(K), size=B)


@pytest.fixture
def X(rng):
    """Features of six rows."""
    return rng.normal(size=(B, D))


def view(features, logits):
    features, logits = (torch.from_numpy(a) for a in (features, logits))
    rows = torch.arange(len(features))
    return View(features, logits, rows % K, torch.ones(len(rows)), rows, features)


def entropies(P):
    return -(P * np.log(P)).sum(axis=1)


def confusion_reference(P, w):
    C = sum(w[i] * np.outer(P[i], P[i]) for i in range(len(P)))
    shares = C / C.sum(axis=1, keepdims=True)
    return (shares.sum() - np.trace(shares)) / len(C)


def test_surer_rows_weigh_more_as_the_paper_says(P):
    sure = 1 + np.exp(-entropies(P))
    np.testing.assert_allclose(certainty_weights(torch.from_numpy(P)), B * sure / sure.sum())


def test_class_confusion_is_the_mean_share_of_other_classes(P, rng):
    w = rng.random(B)
    found = class_confusion(torch.from_numpy(P), torch.from_numpy(w))
    np.testing.assert_allclose(found, confusion_reference(P, w))


def test_sure_predictions_confuse_nothing_and_even_ones_all():
    ones = torch.ones(B)
    assert class_confusion(torch.eye(K).repeat(2, 1), ones) == pytest.approx(0)
    even = torch.full((B, K), 1 / K)
    assert class_confusion(even, ones) == pytest.approx(1 - 1 / K)


def test_mcc_divides_logits_by_its_temperature(X, rng):
    logits = rng.normal(size=(B, K))
    P = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum(axis=1, keepdims=True)
    sure = 1 + np.exp(-entropies(P))
    found = MCC()(view(X, logits), view(X, logits), 1.0)["confusion"]
    np.testing.assert_allclose(found, confusion_reference(P, sure / sure.mean()))


def test_the_nuclear_norm_is_a_share_of_the_largest(P):
    expected = np.linalg.norm(P, "nuc") / np.sqrt(B * K)
    np.testing.assert_allclose(nuclear_norm(torch.from_numpy(P)), expected)
    assert nuclear_norm(torch.eye(K).repeat(2, 1)) == pytest.approx(1)
    assert nuclear_norm(torch.eye(K)[:2]) == pytest.approx(1)
    assert nuclear_norm(torch.eye(K)[[0] * B]) == pytest.approx(1 / np.sqrt(K))


def test_bnm_is_what_the_norm_lacks(X, P):
    logits = np.log(P)
    found = BNM()(view(X, logits), view(X, logits), 1.0)["nuclear norm"]
    np.testing.assert_allclose(found, 1 - np.linalg.norm(P, "nuc") / np.sqrt(B * K))


def test_the_hard_loss_draws_the_mean_length_to_the_radius(X):
    expected = (np.linalg.norm(X, axis=1).mean() - 25) ** 2
    np.testing.assert_allclose(hard_norm_loss(torch.from_numpy(X), 25.0), expected)


def test_the_stepwise_loss_lengthens_every_row_alike(X):
    variable = torch.from_numpy(X).requires_grad_()
    loss = stepwise_norm_loss(variable, 0.5)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.25)
    outwards = X / np.linalg.norm(X, axis=1, keepdims=True)
    np.testing.assert_allclose(variable.grad, -2 * 0.5 * outwards / B)


@pytest.mark.parametrize(("variant", "expected"), [("stepwise", 0.05), ("hard", None)])
def test_afn_is_the_papers_weight_times_both_domains_losses(X, variant, expected):
    other = 3 * X[:4]
    found = AFN(variant)(view(X, X), view(other, other), 1.0)["norms"]
    if expected is None:
        expected = 0.05 * sum((np.linalg.norm(Z, axis=1).mean() - 25) ** 2 for Z in (X, other))
    np.testing.assert_allclose(found, expected)


def test_afn_knows_two_variants():
    with pytest.raises(ValueError, match='variant must be "stepwise" or "hard": found'):
        AFN("soft").build(D, K, (B, B))


@pytest.mark.parametrize("k", [1, 2])
def test_the_largest_singular_values_are_squared_and_summed(X, k):
    values = np.linalg.svd(X, compute_uv=False)
    found = largest_singular_values(torch.from_numpy(X), k)
    np.testing.assert_allclose(found, (values[:k] ** 2).sum())


def test_bsp_is_dann_with_a_penalty_on_both_domains(X):
    torch.manual_seed(0)
    bsp, dann = BSP(n_largest=2, penalty=0.5).double(), DANN().double()
    for alignment in (bsp, dann):
        alignment.build(D, K, (B, B))
        alignment.double()
    dann.load_state_dict(bsp.state_dict())
    views = view(X, X), view(2 * X[:4], X[:4])
    found = bsp(*views, 0.5)
    squares = [np.linalg.svd(Z, compute_uv=False)[:2] ** 2 for Z in (X, 2 * X[:4])]
    np.testing.assert_allclose(found.pop("singular values").detach(), 0.5 * np.sum(squares))
    assert found.keys() == {"domain"}
    torch.testing.assert_close(found, dann(*views, 0.5))


SMOOTH = {
    "confusion": lambda P: class_confusion(P, torch.linspace(0.5, 1.5, B, dtype=torch.float64)),
    "weights": certainty_weights,
    "nuclear norm": nuclear_norm,
    "hard": lambda P: hard_norm_loss(P, 5.0),
    "singular values": lambda P: largest_singular_values(P, 2),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_gradient_is_that_of_the_formula(P, name):
    assert torch.autograd.gradcheck(SMOOTH[name], torch.from_numpy(P).requires_grad_())


@pytest.mark.parametrize("alignment", [MCC(), BNM(), AFN(), AFN("hard")], ids=repr)
def test_the_order_of_rows_does_not_matter(alignment, X, P, rng):
    p, q = rng.permutation(B), rng.permutation(B)
    straight = alignment(view(X, P), view(2 * X, P), 1.0)
    shuffled = alignment(view(X[p], P[p]), view(2 * X[q], P[q]), 1.0)
    torch.testing.assert_close(shuffled, straight)


def test_equal_rows_have_a_gradient_that_is_a_number():
    """A network that predicts one thing for all has a batch of rank one."""
    logits = torch.zeros(B, K, requires_grad=True)
    for norm in (nuclear_norm(logits.softmax(dim=1)), largest_singular_values(logits + 1, 2)):
        (gradient,) = torch.autograd.grad(norm, logits)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", ["mcc", "bnm", "bsp"])
def test_it_beats_the_source_alone_over_ten_seeds(accuracy_over_ten_seeds, name):
    assert accuracy_over_ten_seeds(name) > accuracy_over_ten_seeds("none")


@pytest.mark.parametrize("variant", ["stepwise", "hard"])
def test_afn_beats_the_source_alone_on_a_fainter_target(accuracy_on_faint_rows, variant):
    assert accuracy_on_faint_rows(AFN(variant)) > accuracy_on_faint_rows("none")


def test_afn_lengthens_the_features_of_a_regression(rng):
    Xs, Xt = rng.normal(size=(2, 100, 2))
    training = Training(max_epochs=20, learning_rate=0.01)

    def mean_length(alignment):
        net = DeepTransfer(
            (8,), alignment=alignment, task="regression", training=training, random_state=0
        )
        carried = net.fit(Xs, Xt, ys=Xs[:, 0]).transform_target(Xt)
        return np.linalg.norm(carried, axis=1).mean()

    assert mean_length("none") < mean_length("afn") < mean_length(AFN(strength=0.5))
    assert mean_length(AFN("hard")) > 1.1 * mean_length("none")
