import copy

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn

from landbridge.target.fine_tune.lora import add_updates, merge_updates  # noqa: E402
from landbridge.training.networks import make_network  # noqa: E402


def bodies():
    grouped = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.ReLU(), nn.Flatten())
    return {
        "mlp": (make_network((8,), (5,), 3), torch.randn(4, 5)),
        "cnn": (make_network("cnn", (1, 8, 8), 3), torch.randn(4, 1, 8, 8)),
        "transformer": (make_network("transformer", (4, 3), 2), torch.randn(4, 4, 3)),
        "grouped": (grouped, torch.randn(4, 4, 8, 8)),
    }


@pytest.fixture(params=["mlp", "cnn", "transformer", "grouped"])
def body_and_rows(request):
    torch.manual_seed(0)
    body, rows = bodies()[request.param]
    return body.eval(), rows


def randomised(updates):
    with torch.no_grad():
        for value in updates:
            value.normal_(std=0.1)


def test_updates_start_as_no_change(body_and_rows):
    body, rows = body_and_rows
    before = body(rows)
    add_updates(body, rank=2, scale=2.0)
    torch.testing.assert_close(body(rows), before, rtol=0, atol=0)


def test_merged_is_the_same_as_unmerged_and_has_plain_weights(body_and_rows):
    body, rows = body_and_rows
    plain = copy.deepcopy(body)
    randomised(add_updates(body, rank=2, scale=2.0))
    unmerged = body(rows)
    merge_updates(body)
    assert not torch.allclose(unmerged, plain(rows))
    torch.testing.assert_close(body(rows), unmerged)
    assert set(body.state_dict()) == set(plain.state_dict())
    plain.load_state_dict(body.state_dict())
    torch.testing.assert_close(plain(rows), unmerged)


def test_only_updates_learn_and_a_linear_one_is_scale_over_rank_times_b_a():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(5, 4))
    start = body[0].weight.detach().clone()
    updates = add_updates(body, rank=2, scale=3.0)
    assert len(updates) == 2 and sum(p.requires_grad for p in body.parameters()) == 2
    randomised(updates)
    A, B = sorted(updates, key=lambda p: p.shape[0])
    torch.testing.assert_close(body[0].weight, start + 1.5 * B @ A)
    merge_updates(body)
    assert all(p.requires_grad for p in body.parameters())
