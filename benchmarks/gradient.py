"""The textbook loop of gradient descent beside the closed form and ``GradientMapping``.

The textbook loop: an ``nn.Linear``, one pair a step, 100 epochs, PyTorch as it comes. Every
method learns the same pairs; errors are taken on them and on as many fresh ones.

    python benchmarks/gradient.py            # in full: some minutes
    python benchmarks/gradient.py --quick    # 2 epochs of the textbook loop instead of 100
"""

import argparse
import os
import platform
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray

from landbridge.mapping import LeastSquares
from landbridge.mapping.paired.gradient import GradientMapping

N_ROWS, N_INPUTS, N_OUTPUTS, NOISE = 2000, 10, 10, 0.5
Predict = Callable[[NDArray], NDArray]


class Line(NamedTuple):
    """One line of the table."""

    method: str
    seconds: float
    trained: float
    fresh: float


def make_pairs(seed: int) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Training pairs and fresh pairs of one noisy linear map, source features correlated."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((N_INPUTS, N_INPUTS)) / np.sqrt(N_INPUTS)
    A = rng.standard_normal((N_INPUTS, N_OUTPUTS))
    X = rng.standard_normal((2 * N_ROWS, N_INPUTS)) @ mixing
    Y = X @ A + 1.0 + NOISE * rng.standard_normal((2 * N_ROWS, N_OUTPUTS))
    return X[:N_ROWS], Y[:N_ROWS], X[N_ROWS:], Y[N_ROWS:]


def textbook(X: NDArray, Y: NDArray, optimiser: Any, epochs: int, seed: int) -> Predict:
    """One pair a step, as the tutorials write it."""
    torch.manual_seed(seed)
    inputs = torch.tensor(X, dtype=torch.float32)
    outputs = torch.tensor(Y, dtype=torch.float32)
    model = torch.nn.Linear(N_INPUTS, N_OUTPUTS)
    criterion = torch.nn.MSELoss()
    descent = optimiser(model.parameters())
    for _ in range(epochs):
        for i in torch.randperm(len(inputs)).tolist():
            descent.zero_grad()
            loss = criterion(model(inputs[i]), outputs[i])
            loss.backward()
            descent.step()
    return lambda rows: model(torch.tensor(rows, dtype=torch.float32)).detach().numpy()


def fitted(mapping: Any, X: NDArray, Y: NDArray) -> Predict:
    """What a mapping of ours predicts after its fit."""
    return mapping.fit(X, Y).predict


def timed(method: str, repeats: int, fit: Callable[[], Predict], pairs: Any) -> Line:
    """The median time of a fit, and the last one's errors."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        predict = fit()
        seconds.append(perf_counter() - start)
    X, Y, X_fresh, Y_fresh = pairs
    return Line(
        method,
        float(np.median(seconds)),
        float(np.mean((predict(X) - Y) ** 2)),
        float(np.mean((predict(X_fresh) - Y_fresh) ** 2)),
    )


def measure(seed: int, epochs: int) -> list[Line]:
    """The table, the two textbook loops first."""
    pairs = make_pairs(seed)
    X, Y = pairs[:2]
    loops = {
        "SGD, step 0.01": lambda p: torch.optim.SGD(p, lr=0.01),
        "Adam, step 0.001": lambda p: torch.optim.Adam(p, lr=0.001),
    }
    ours = {
        "GradientMapping()": GradientMapping(random_state=seed),
        'GradientMapping(optimiser="sgd")': GradientMapping(optimiser="sgd", random_state=seed),
    }
    table = []
    for name, optimiser in loops.items():
        fit = partial(textbook, X, Y, optimiser, epochs, seed)
        table.append(timed(f"textbook loop, {name}", 1, fit, pairs))
    for name, mapping in ours.items():
        mapping.fit(X, Y)  # the first call sets torch up
        table.append(timed(name, 5, partial(fitted, mapping, X, Y), pairs))
    return [*table, timed("LeastSquares()", 200, partial(fitted, LeastSquares(), X, Y), pairs)]


def show(table: list[Line]) -> None:
    """Print the table; how many times as fast beside the faster of the textbook loops."""
    loops = table[:2]
    quickest = min(line.seconds for line in loops)
    print(f"{'method':<36}{'seconds':>11}{'error, training':>18}{'error, fresh':>15}{'faster':>11}")
    for line in table:
        print(
            f"{line.method:<36}{line.seconds:>11.5f}{line.trained:>18.6f}{line.fresh:>15.6f}"
            f"{quickest / line.seconds:>10,.0f}×"
        )
    best = min(line.trained for line in loops)
    for goal, line in ((50, table[2]), (10_000, table[-1])):
        lower = "lower or equal" if line.trained <= best else "higher"
        print(
            f"{line.method}: {quickest / line.seconds:,.0f} times as fast (goal {goal:,}), "
            f"error {lower}."
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="2 textbook epochs, not 100")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int, default=1, help="threads of torch")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    epochs = 2 if chosen.quick else 100
    print(f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} cores")
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}, torch {torch.__version__}"
    )
    print(
        f"n = {N_ROWS:,}, d = {N_INPUTS} → {N_OUTPUTS}, noise variance {NOISE**2}, seed "
        f"{chosen.seed}, torch threads {chosen.threads}, textbook epochs {epochs}"
    )
    if chosen.quick:
        print("Quick: the textbook loops are cut short, so that the goals do not apply.")
    show(measure(chosen.seed, epochs))


if __name__ == "__main__":
    main()
