"""Several sources, each aligned with the target by itself."""

from functools import cache

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge import DeepTransfer, Training, Transfer  # noqa: E402
from landbridge.mapping.deep.adversaries import DANN, WDGRL  # noqa: E402
from landbridge.mapping.deep.base import Alignment, View  # noqa: E402
from landbridge.mapping.deep.each_source import EachSource, each_source  # noqa: E402

QUICK = Training(max_epochs=3, batch_size=50, learning_rate=0.01)
N, D = 30, 3


def view(rng, n, scale=1.0):
    features = torch.from_numpy(rng.normal(size=(n, D)) * scale)
    ones = torch.ones(n)
    return View(features, features[:, :2], ones.long(), ones, torch.arange(n), features)


class MeanGap(Alignment):
    """The squared distance of both means."""

    compares_samples = True

    def forward(self, source, target, done):
        gap = source.features.mean(dim=0) - target.features.mean(dim=0)
        return {"gap": gap.square().sum()}


def gap_of(A, B):
    return np.sum((A.mean(axis=0) - B.mean(axis=0)) ** 2)


@pytest.fixture
def three(rng):
    """A view of rows of three sources, the number of each row's source, a target."""
    return view(rng, N, 2.0), np.arange(N) % 3, view(rng, 20)


def test_distances_of_all_pairs_are_averaged(three):
    source, groups, target = three
    alignment = EachSource(MeanGap(), groups)
    alignment.build(D, 2, (N, 20))
    parts = [source.features.numpy()[groups == k] for k in range(3)]
    to_target = np.mean([gap_of(part, target.features.numpy()) for part in parts])
    among = np.mean([gap_of(parts[i], parts[j]) for i, j in ((0, 1), (0, 2), (1, 2))])
    found = alignment(source, target, 1.0)["gap"]
    assert float(found) == pytest.approx(to_target + among)


def test_each_source_has_a_classifier_of_its_own(three):
    source, groups, target = three
    source, target = (
        View(*(v.float() if v.dtype == torch.float64 else v for v in part))
        for part in (source, target)
    )
    alignment = EachSource(DANN(width=8), groups)
    alignment.build(D, 2, (N, 20))
    terms = []
    for k, part in enumerate(alignment.parts):
        chosen = torch.from_numpy(groups == k)
        terms.append(part(View(*(v[chosen] for v in source)), target, 1.0)["domain"])
    assert len({round(float(t.detach()), 6) for t in terms}) == 3
    torch.testing.assert_close(alignment(source, target, 1.0)["domain"], sum(terms) / 3)


def test_a_source_with_a_single_row_in_the_batch_sits_out(three):
    source, groups, target = three
    lonely = np.where(groups == 2, 0, groups)
    lonely[5] = 2
    alone, without = (EachSource(MeanGap(), g) for g in (lonely, np.where(groups == 2, 0, groups)))
    few = View(*(v[torch.arange(N) != 5] for v in source))
    torch.testing.assert_close(alone(source, target, 1.0)["gap"], without(few, target, 1.0)["gap"])
    one_each = EachSource(MeanGap(), np.arange(N))
    torch.testing.assert_close(
        one_each(source, target, 1.0)["gap"], MeanGap()(source, target, 1.0)["gap"]
    )


def test_a_game_of_several_players_takes_all_sources_as_one(three):
    _, groups, _ = three
    assert isinstance(game := each_source(WDGRL(), groups), WDGRL)
    assert not isinstance(game, EachSource)
    assert isinstance(each_source(DANN(), groups), EachSource)


@pytest.fixture(scope="module")
def two_sources():
    """Two sources on either side of the target, whose mean and that of both together agree."""
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    move = np.array([2.6, 2.0])
    blobs = [
        make_blobs(150, centers=centres + k * move, cluster_std=0.7, random_state=k + 1)
        for k in (-1, 1, 0)
    ]
    (X1, y1), (X2, y2), (Xt, yt) = blobs
    names = np.repeat(["east", "west"], 150)
    return np.vstack([X1, X2]), np.concatenate([y1, y2]), Xt, yt, names


def quick(**parameters):
    options = {"alignment": "mmd", "training": QUICK, "random_state": 0, **parameters}
    return DeepTransfer((8,), **options)


def test_the_names_of_sources_reach_it_through_transfer(two_sources):
    Xs, ys, Xt, _, names = two_sources
    alone = quick().fit(Xs, Xt, ys=ys, sources=names)
    model = Transfer(LogisticRegression(), quick()).fit(Xs, ys, Xt, sources=names)
    assert alone.sources_ == model.mapping_.sources_ == ["east", "west"]
    np.testing.assert_array_equal(alone.transform(Xs), model.mapping_.transform(Xs))
    pooled = quick().fit(Xs, Xt, ys=ys)
    assert np.abs(alone.transform(Xs) - pooled.transform(Xs)).max() > 1e-4
    domain = np.concatenate([np.where(names == "east", 1, 2), np.full(len(Xt), -3)])
    labels = np.concatenate([ys, np.full(len(Xt), -1)])
    stacked = Transfer(LogisticRegression(), quick())
    stacked.fit(np.vstack([Xs, Xt]), labels, sample_domain=domain)
    np.testing.assert_array_equal(stacked.mapping_.transform(Xs), alone.transform(Xs))
    assert stacked.predict(Xt).shape == (len(Xt),)


def test_one_source_is_the_same_as_none_named(two_sources):
    Xs, ys, Xt, *_ = two_sources
    named, plain = (
        quick(alignment="dann").fit(Xs, Xt, ys=ys, sources=sources)
        for sources in (["only"] * len(Xs), None)
    )
    np.testing.assert_array_equal(named.transform(Xs), plain.transform(Xs))
    assert named.sources_ == ["only"]


def test_unlabelled_source_rows_keep_the_numbers_in_step(two_sources):
    Xs, ys, Xt, _, names = two_sources
    some = ys.astype(object)
    some[::3] = None
    known = some != None  # noqa: E711
    with_blanks = quick().fit(Xs, Xt, ys=some, sources=names)
    without = quick().fit(Xs[known], Xt, ys=ys[known], sources=names[known])
    np.testing.assert_array_equal(with_blanks.transform(Xs), without.transform(Xs))


@pytest.mark.parametrize("alignment", ["mmd", "dann"])
def test_an_interrupted_run_that_is_resumed_ends_with_the_same_weights(
    two_sources, tmp_path, alignment
):
    Xs, ys, Xt, _, names = two_sources

    def run(**options):
        training = Training(max_epochs=4, batch_size=50, learning_rate=0.01, **options)
        return quick(alignment=alignment, training=training).fit(Xs, Xt, ys=ys, sources=names)

    def interrupt(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder=tmp_path, progress=interrupt)
    resumed, whole = run(folder=tmp_path), run()
    for name, value in whole.weights_.items():
        np.testing.assert_array_equal(value, resumed.weights_[name], err_msg=name)


def test_names_that_do_not_fit_the_rows_are_refused(two_sources):
    Xs, ys, Xt, _, names = two_sources
    with pytest.raises(ValueError, match="sources must name the source of each of 300 rows"):
        quick().fit(Xs, Xt, ys=ys, sources=names[:-1])


@pytest.mark.parametrize("alignment", ["mmd", "deep-coral", "dann"])
def test_sources_told_apart_beat_no_alignment(over_ten_seeds, alignment):
    assert over_ten_seeds(alignment) > over_ten_seeds("none") + 0.1


@pytest.fixture(scope="module")
def over_ten_seeds():
    """Accuracy on the target of two sources, told apart, summed over ten seeds."""
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    moves = [0.0, 0.0], [-2.0, -1.0], [2.4, 2.0]
    (X1, y1), (X2, y2), (Xt, yt) = (
        make_blobs(150, centers=centres + np.array(move), cluster_std=0.7, random_state=k)
        for k, move in enumerate(moves)
    )
    Xs, ys, names = np.vstack([X1, X2]), np.concatenate([y1, y2]), np.repeat(["a", "b"], 150)
    training = Training(max_epochs=40, batch_size=100, learning_rate=0.01)

    def accuracy(alignment):
        nets = (
            DeepTransfer((16, 16), alignment=alignment, training=training, random_state=seed)
            for seed in range(10)
        )
        return sum(net.fit(Xs, Xt, ys=ys, sources=names).score(Xt, yt) for net in nets)

    return cache(accuracy)
