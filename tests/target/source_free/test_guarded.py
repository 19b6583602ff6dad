import json

import numpy as np
import pytest

from landbridge import SHOT, TENT, AdaBN, NetworkSource, Training

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

LARGE = {"max_epochs": 20, "learning_rate": 3.0, "schedule": "constant"}


def stopped(task, **options):
    with pytest.warns(UserWarning, match="ran into few classes"):
        training = Training(**{**LARGE, **options})
        return TENT(task.source, training=training, random_state=0).fit(task.Xt)


def let_run(task):
    model = TENT(task.source, least_diversity=0, training=Training(**LARGE), random_state=0)
    return model.fit(task.Xt)


def test_large_steps_on_a_hard_shift_lose_classes_and_the_guard_takes_that_back(noisy):
    guarded, free = ([fit(task) for task in noisy] for fit in (stopped, let_run))
    for model in free:  # it does collapse: surer than ever, and of fewer classes
        last = model.history_[-1]
        assert last["entropy"] < model.before_["entropy"]
        assert last["diversity"] < 0.65 * model.before_["diversity"]
        assert model.n_epochs_ == 20 and model.notes_ == []
    for model, task in zip(guarded, noisy):
        assert model.history_[-1]["diversity"] < 0.65 * model.before_["diversity"]
        assert model.best_epoch_ < model.n_epochs_ <= 20
        assert len(np.unique(model.predict(task.Xt))) == 3
    scores = [
        sum(model.score(task.Xt, task.yt) for model, task in zip(models, noisy))
        for models in (guarded, free)
    ]
    assert scores[0] > scores[1] + 1.0


def test_the_weights_put_back_are_those_of_the_most_informative_epoch_before(noisy):
    model = stopped(noisy[0])
    seen = [model.before_, *model.history_[:-1]]
    information = [figures["diversity"] - figures["entropy"] for figures in seen]
    assert model.best_epoch_ == np.argmax(information) > 0
    P = model.predict_proba(noisy[0].Xt)
    mean = P.mean(axis=0)
    kept = model.history_[model.best_epoch_ - 1]
    np.testing.assert_allclose(-(mean * np.log(mean)).sum(), kept["diversity"], rtol=1e-5)


def test_where_the_first_epoch_collapses_the_start_is_put_back(noisy):
    model = stopped(noisy[3])
    assert (model.n_epochs_, model.best_epoch_) == (1, 0)
    start = AdaBN(noisy[3].source).fit(noisy[3].Xt)
    np.testing.assert_allclose(
        model.predict_proba(noisy[3].Xt), start.predict_proba(noisy[3].Xt), atol=1e-5
    )


def test_note_and_warning_give_the_same_figures_and_what_to_do(noisy):
    with pytest.warns(UserWarning) as told:
        model = TENT(noisy[0].source, training=Training(**LARGE), random_state=0).fit(noisy[0].Xt)
    assert [str(warning.message) for warning in told] == model.notes_
    note, last = model.notes_[0], model.history_[-1]
    assert f"was stopped in epoch {model.n_epochs_}" in note
    assert f"entropy fell from {model.before_['entropy']:.3g} to {last['entropy']:.3g}" in note
    assert f"from {model.before_['diversity']:.3g} to {last['diversity']:.3g}" in note
    assert f"The weights of epoch {model.best_epoch_}, the most informative, are kept" in note
    assert "Lower training.learning_rate" in note and "lower least_diversity" in note


def test_without_a_collapse_the_last_weights_are_kept(task):
    model = TENT(task.source, training=Training(max_epochs=4), random_state=0).fit(task.Xt)
    assert (model.n_epochs_, model.best_epoch_, model.notes_) == (4, 4, [])


def test_a_collapsed_run_that_is_resumed_is_not_begun_again(noisy, tmp_path):
    whole = stopped(noisy[0])
    first = stopped(noisy[0], folder=tmp_path)
    told = []
    again = stopped(noisy[0], folder=tmp_path, progress=lambda *_: told.append(1))
    assert told == [] and again.n_epochs_ == first.n_epochs_ == whole.n_epochs_
    assert again.notes_ == whole.notes_
    for name, value in whole.weights_.items():
        np.testing.assert_array_equal(value, again.weights_[name])


def test_an_interrupt_within_the_collapse_keeps_what_was_good_too(noisy):
    whole = stopped(noisy[0])

    def interrupt(epoch, *_):
        if epoch == whole.n_epochs_:
            raise KeyboardInterrupt

    model = TENT(noisy[0].source, training=Training(**LARGE, progress=interrupt), random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(noisy[0].Xt)
    for name, value in whole.weights_.items():
        np.testing.assert_array_equal(value, model.weights_[name])


def test_every_epochs_spread_is_written_down(task, tmp_path):
    training = Training(max_epochs=3, folder=tmp_path)
    model = SHOT(task.source, training=training, random_state=0).fit(task.Xt)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == model.history_ and len(lines) == 3
    P = model.predict_proba(task.Xt)
    entropy = -(P * np.log(np.maximum(P, 1e-300))).sum(axis=1).mean()
    np.testing.assert_allclose(lines[-1]["entropy"], entropy, rtol=1e-5)


def test_a_start_of_few_classes_is_noted(task):
    net = NetworkSource((8,), training=Training(learning_rate=0.02), random_state=0)
    rows = task.Xs[net.fit(task.Xs, task.ys).predict(task.Xs) == 0]
    model = SHOT(net, training=Training(max_epochs=1, learning_rate=1e-9), random_state=0)
    n_classes = np.exp(model.fit(rows).before_["diversity"])
    assert n_classes < 3**0.65
    assert f"spread as over {n_classes:.2g} equally common classes of 3" in model.notes_[0]


def test_the_checkpoint_of_a_run_with_other_parameters_is_refused(task, tmp_path):
    training = Training(max_epochs=1, folder=tmp_path)
    SHOT(task.source, training=training, random_state=0).fit(task.Xt)
    other = SHOT(task.source, pseudo_weight=0.1, training=training, random_state=0)
    with pytest.raises(ValueError, match=r"belongs to another run: it differs in method"):
        other.fit(task.Xt)


def test_labels_are_learned_from_where_a_batch_has_some():
    from landbridge.target.source_free.guarded import labels_loss

    logits = torch.tensor([[2.0, 0.0], [5.0, 1.0], [0.0, 1.0]], requires_grad=True)
    found = labels_loss(logits, torch.tensor([1, -1, 1]))
    expected = (np.log(1 + np.exp(2.0)) + np.log(1 + np.exp(-1.0))) / 2
    assert found.item() == pytest.approx(expected, rel=1e-5)
    none = labels_loss(logits, torch.tensor([-1, -1, -1]))
    none.backward()
    assert none.item() == 0 and not logits.grad.any()
