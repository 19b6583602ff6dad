"""Two processes on this machine, which speak through gloo, against one."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_moons

from landbridge import DeepTransfer, NetworkSource, Training
from landbridge.training import Batch
from landbridge.training.batches import TwoBatches
from landbridge.training.processes import Processes

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

CANNOT_START = 77


def source(folder=None, random_state=0, **options):
    """131 rows in batches of 17 or 18: the parts of a batch are not alike."""
    X, y = make_moons(131, noise=0.1, random_state=0)
    training = Training(max_epochs=4, batch_size=18, learning_rate=0.01, folder=folder, **options)
    net = NetworkSource((8,), training=training, random_state=random_state, class_weight={0: 3.0})
    return net.fit(X, y)


def aligned(alignment):
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(2, 90, 1, 6, 6)).astype(np.float32)
    model = DeepTransfer(
        "cnn", alignment=alignment, training=Training(max_epochs=2), random_state=0
    )
    return model.fit(Xs, Xt + 1, ys=Xs[:, 0, 0, 0] > 0)


def work(number, folder):
    """What either process does; the test reads what it leaves behind."""
    distributed = torch.distributed
    try:
        distributed.init_process_group(
            "gloo",
            init_method=f"file://{folder / 'meeting'}",
            rank=number,
            world_size=2,
            timeout=timedelta(seconds=60),
        )
    except (RuntimeError, ValueError) as error:
        print(error)
        sys.exit(CANNOT_START)
    own = folder / f"{number}"
    own.mkdir()
    told = []
    net = source(folder / "run", progress=lambda *figures: told.append(figures), clip=1.0)
    np.savez(own / "source.npz", **net.weights_)
    again = source(folder / "run", clip=1.0)  # the run is over: it is read back
    np.savez(own / "again.npz", **again.weights_)
    for alignment in ("dann", "mcd"):
        np.savez(own / f"{alignment}.npz", **aligned(alignment).weights_)
    try:
        source(random_state=number)
        refused = ""
    except ValueError as error:
        refused = str(error)
    history = [figures["loss"] for figures in net.history_]
    facts = {"told": len(told), "refused": refused, "loss": history}
    (own / "facts.json").write_text(json.dumps(facts))
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where two processes have been at work."""
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this PyTorch has no gloo")
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, "-W", "ignore", __file__]
    workers = [
        subprocess.Popen(
            [*command, str(number), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for number in range(2)
    ]
    try:
        said = [worker.communicate(timeout=150)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    codes = [worker.returncode for worker in workers]
    if CANNOT_START in codes:
        pytest.skip(f"two processes cannot meet here: {said}")
    assert codes == [0, 0], said
    return folder


def weights(folder, number, name):
    with np.load(folder / f"{number}" / f"{name}.npz") as file:
        return dict(file)


def facts(folder, number):
    return json.loads((folder / f"{number}" / "facts.json").read_text())


def test_two_processes_end_with_the_weights_of_one(folder):
    one = source(clip=1.0)
    for number in range(2):
        for name, value in weights(folder, number, "source").items():
            np.testing.assert_allclose(value, one.weights_[name], atol=1e-5, err_msg=name)
        losses = [figures["loss"] for figures in one.history_]
        np.testing.assert_allclose(facts(folder, number)["loss"], losses, rtol=1e-5)


@pytest.mark.parametrize("name", ["source", "again", "dann", "mcd"])
def test_both_hold_the_same_whatever_they_see_of_a_batch(folder, name):
    first, second = (weights(folder, number, name) for number in range(2))
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key], err_msg=key)
        assert np.isfinite(value).all()


def test_only_the_first_writes_and_tells(folder):
    lines = (folder / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]
    assert (facts(folder, 0)["told"], facts(folder, 1)["told"]) == (4, 0)
    assert (folder / "run" / "checkpoint.safetensors").exists()


def test_a_finished_run_is_read_by_both(folder):
    for key, value in weights(folder, 1, "source").items():
        np.testing.assert_array_equal(value, weights(folder, 1, "again")[key])


def test_processes_that_were_given_different_things_are_refused(folder):
    for number in range(2):
        refused = facts(folder, number)["refused"]
        assert "they differ in seed" in refused and "random_state" in refused


def test_the_parts_of_a_batch_are_all_of_it_and_their_shares_one():
    batch = Batch(np.arange(11), None, np.ones(11))
    workers = [Processes(count=3, number=k) for k in range(3)]
    parts = [worker.part(batch) for worker in workers]
    assert np.concatenate([part.X for part in parts]).tolist() == list(range(11))
    assert parts[0].y is None and len(parts[0].weight) == len(parts[0].X)
    assert sum(worker.share for worker in workers) == pytest.approx(1)


def test_the_source_decides_how_much_a_part_of_two_domains_counts():
    batches = TwoBatches(Batch(np.arange(10)), Batch(np.arange(7)))
    worker = Processes(count=2, number=1)
    part = worker.part(batches)
    assert part.source.X.tolist() == [5, 6, 7, 8, 9] and part.target.X.tolist() == [3, 4, 5, 6]
    assert worker.share == 0.5


def test_shared_gradients_lie_in_memory_as_their_parameters_do():
    class Alike(Processes):
        def _sum(self, tensor):
            return 2 * tensor

    layer = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    layer(torch.ones(1, 3, 5, 5)).sum().backward()
    own = layer.weight.grad.clone()
    optimiser = torch.optim.SGD(layer.parameters(), lr=1.0)
    assert Alike(count=2, device="cpu", share=0.5).average_gradients(optimiser, True)
    assert torch.equal(layer.weight.grad, own)
    assert layer.weight.grad.stride() == layer.weight.stride() != own.contiguous().stride()


def test_a_batch_of_few_rows_is_seen_whole():
    batch, worker = Batch(np.arange(3)), Processes(count=2, number=1)
    assert worker.part(batch) is batch and worker.share == 0.5


if __name__ == "__main__":
    work(int(sys.argv[1]), Path(sys.argv[2]))
