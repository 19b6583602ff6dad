import json

import numpy as np
import pytest

from landbridge.training import ArrayBatches, Player, Trainer, Training
from landbridge.training.engine import own_chance
from landbridge.training.progress import LOG

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
CPU = torch.device("cpu")


class Interrupted(KeyboardInterrupt):
    pass


def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    return X, (X @ np.array([1.0, -2.0, 0.5], np.float32))[:, None]


def make_trainer(judged=True, module=None, terms=None, **options):
    """A small net with dropout and batch normalisation: chance and statistics take part."""
    from landbridge.training.trainer import parameters_of

    with own_chance(1, CPU):
        net = module or nn.Sequential(
            nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1)
        )
    X, y = rows()

    def error(batch, done):
        return {"error": (net(batch.X) - batch.y).square().mean()}

    def judge():
        return (net(torch.from_numpy(X)) - torch.from_numpy(y)).square().mean()

    options = Training(**{"max_epochs": 6, "batch_size": 16, "learning_rate": 0.02, **options})
    player = Player(terms or error, parameters_of(net))
    batches = ArrayBatches(X, y, batch_size=16)
    return Trainer(net, [player], batches, options, 5, CPU, judge=judge if judged else None)


def train(trainer):
    with own_chance(0, CPU):
        return trainer.fit()


def weights_of(trainer):
    return {name: value.clone() for name, value in trainer.module.state_dict().items()}


def assert_same(first, second):
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("stop_in", [1, 3, 5])
def test_an_interrupted_run_that_is_resumed_ends_with_the_same_weights(
    tmp_path, optimiser, stop_in
):
    whole = train(make_trainer(optimiser=optimiser))

    def interrupt(epoch, *_):
        if epoch == stop_in:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(make_trainer(optimiser=optimiser, folder=tmp_path, progress=interrupt))
    resumed = train(make_trainer(optimiser=optimiser, folder=tmp_path))
    assert_same(weights_of(whole), weights_of(resumed))
    for name in ("loss", "judged"):
        assert whole.curve(name) == resumed.curve(name)
    assert whole.best_epoch == resumed.best_epoch


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_network_with_channels_last_in_memory_is_resumed_exactly(tmp_path, optimiser):
    def trainer(**more):
        with own_chance(1, CPU):
            net = nn.Sequential(
                nn.Unflatten(1, (3, 1, 1)),
                nn.Conv2d(3, 4, 3, padding=1),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(4, 1),
            )
        net.to(memory_format=torch.channels_last)
        return make_trainer(module=net, optimiser=optimiser, **more)

    def interrupt(epoch, *_):
        if epoch == 3:
            raise Interrupted

    whole = train(trainer())
    with pytest.raises(Interrupted):
        train(trainer(folder=tmp_path, progress=interrupt))
    assert_same(weights_of(whole), weights_of(train(trainer(folder=tmp_path))))


def test_an_interrupt_within_an_epoch_loses_only_that_epoch(tmp_path):
    whole = train(make_trainer())
    steps = []
    trainer = make_trainer(folder=tmp_path)
    step = trainer.step

    def interrupted(*arguments):
        steps.append(1)
        if len(steps) == 10:  # four steps an epoch: within the third
            raise Interrupted
        return step(*arguments)

    trainer.step = interrupted
    with pytest.raises(Interrupted):
        train(trainer)
    resumed = train(make_trainer(folder=tmp_path))
    assert_same(weights_of(whole), weights_of(resumed))


def test_a_finished_run_is_not_done_again(tmp_path):
    first = train(make_trainer(folder=tmp_path))
    again = make_trainer(folder=tmp_path)
    again.step = None  # a step would fail
    assert_same(weights_of(first), weights_of(train(again)))


@pytest.mark.parametrize(
    ("change", "named"),
    [({"learning_rate": 0.5}, "options"), ({"max_epochs": 7}, "options")],
)
def test_the_checkpoint_of_another_run_is_refused(tmp_path, change, named):
    train(make_trainer(folder=tmp_path))
    with pytest.raises(ValueError, match=f"belongs to another run: it differs in {named}"):
        train(make_trainer(folder=tmp_path, **change))
    other = nn.Linear(3, 1)
    with pytest.raises(ValueError, match="differs in network"):
        train(make_trainer(folder=tmp_path, module=other))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"\x08" + b"\0" * 40])
def test_a_damaged_checkpoint_is_named_and_left_alone(tmp_path, content):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a checkpoint of Landbridge, or is damaged"):
        train(make_trainer(folder=tmp_path))
    assert path.read_bytes() == content


def test_a_foreign_safetensors_file_is_no_checkpoint(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "checkpoint.safetensors")
    with pytest.raises(ValueError, match="its format is None"):
        train(make_trainer(folder=tmp_path))


def test_the_best_epochs_weights_are_kept():
    trainer = train(make_trainer(max_epochs=30, learning_rate=0.2))
    judged = trainer.curve("judged")
    assert trainer.best_epoch == int(np.argmin(judged)) + 1
    assert float(trainer._judged()) == pytest.approx(min(judged), rel=1e-6)


def test_patience_ends_training_and_the_rest_is_run_through():
    trainer = make_trainer(max_epochs=200, learning_rate=0.3, patience=3)
    trainer.rest = 2
    train(trainer)
    assert trainer.n_epochs < 200
    assert trainer.curve("learning_rate")[-1] < 0.3


def test_a_loss_that_is_no_number_names_batch_and_term(tmp_path):
    trainer = make_trainer(folder=tmp_path)
    n_steps = []

    def terms(batch, done):
        n_steps.append(1)
        good = trainer.module(batch.X).square().mean()
        bad = good * (float("nan") if len(n_steps) == 6 else 1.0)
        return {"good": good, "bad": bad}

    trainer.players = [trainer.players[0]._replace(terms=terms)]
    with pytest.raises(ValueError, match=r"epoch 2: .*the term 'bad', first in batch 2.*epoch 1"):
        train(trainer)
    assert all(value.isfinite().all() for value in trainer.module.state_dict().values())


def test_too_little_memory_says_what_to_do():
    def terms(batch, done):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    with pytest.raises(MemoryError, match="batch_size=16: halve it"):
        train(make_trainer(terms=terms))


def test_other_errors_pass_as_they_are():
    def terms(batch, done):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match=r"^something else"):
        train(make_trainer(terms=terms))


def test_every_epoch_is_a_line_of_json(tmp_path):
    trainer = train(make_trainer(folder=tmp_path))
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert lines == trainer.history
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert {"loss", "error", "judged", "seconds", "learning_rate"} <= set(lines[0])


def test_a_gradient_is_shortened_to_the_clip():
    trainer = make_trainer(clip=1e-3)
    trainer.begin()
    batch = next(iter(trainer.batches.epoch(0)))
    trainer.step(batch, 0.0)
    gradients = [p.grad for p in trainer.module.parameters()]
    assert float(torch.cat([g.flatten() for g in gradients]).norm()) <= 1e-3 * (1 + 1e-5)


def test_players_move_only_their_own_weights_and_as_often_as_they_say():
    first, second = nn.Linear(3, 1), nn.Linear(3, 1)
    calls = []

    def moving(name):
        def terms(batch, done):
            calls.append(name)
            return {name: (first(batch.X) + second(batch.X)).square().mean()}

        return terms

    trainer = make_trainer(judged=False, module=nn.ModuleList([first, second]))
    trainer.players = [
        Player(moving("a"), [{"params": list(first.parameters())}]),
        Player(moving("b"), [{"params": list(second.parameters()), "pace": 0.0}], times=3),
    ]
    before = second.weight.clone()
    trainer.begin()
    trainer.resize(0.0)
    trainer.step(next(iter(trainer.batches.epoch(0))), 0.0)
    assert calls == ["a", "b", "b", "b"]
    assert torch.equal(before, second.weight)


def test_torchs_own_random_numbers_are_left_as_they_were():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(make_trainer())
    assert torch.equal(torch.rand(3), expected)


def test_bfloat16_learns_too():
    full, half = (train(make_trainer(precision=p, max_epochs=20)) for p in ("float32", "bfloat16"))
    assert half.curve("loss")[-1] == pytest.approx(full.curve("loss")[-1], rel=0.3)
    assert all(value.dtype != torch.bfloat16 for value in half.module.state_dict().values())


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("max_epochs", 0, "a whole number from 1 up"),
        ("batch_size", 0, "a whole number from 1 up"),
        ("optimiser", "magic", '"adam" or "sgd"'),
        ("precision", "float8", '"float32" or "bfloat16"'),
        ("clip", 0.0, "None or a number above 0"),
        ("patience", 0, "None or a whole number from 1 up"),
    ],
)
def test_an_option_out_of_range_is_named(option, value, expected):
    with pytest.raises(ValueError, match=f"{option} must be {expected}"):
        Training(**{option: value}).check()


def test_tensorboard_needs_a_folder():
    with pytest.raises(ValueError, match="tensorboard=True needs a folder"):
        Training(tensorboard=True).check()
