"""Closed-form fits beside the bare BLAS products that they need, and beside their peers.

Time is a ratio: a fit by the products it cannot do without (NumPy's ``X.T @ X``, ``X.T @ Y``) on
the same rows, taken in turn within a round; the median over the rounds. Once with the threads
that BLAS takes by itself (wall clock), once with one thread (processor time, which other
programs hardly touch). Peak memory is what tracemalloc sees above the input, in units of d²
float64 numbers.

    python benchmarks/closed_forms.py            # 200,000 × 512 float32, twice: 2 GB, minutes
    python benchmarks/closed_forms.py --quick    # 20,000 rows
"""

from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

import numpy as np
from _machine import (
    alternate,
    machine,
    options,
    peak_bytes,
    ratio,
    show_goals,
    show_machine,
    show_table,
    write,
)
from scipy.linalg import orthogonal_procrustes
from sklearn.linear_model import Ridge as SklearnRidge
from threadpoolctl import threadpool_limits

from landbridge.mapping import CORAL, Monge, Procrustes, Ridge

N_FEATURES = 512
TIME_GOAL, MEMORY_GOAL = 1.5, 3.0
FITS = {
    "CORAL()": (CORAL(), ("X.T @ X", "Y.T @ Y")),
    "Monge()": (Monge(), ("X.T @ X", "Y.T @ Y")),
    "Ridge(reg=1.0)": (Ridge(reg=1.0), ("X.T @ X", "X.T @ Y")),
    "Procrustes()": (Procrustes(), ("X.T @ Y",)),
}
"""Each fit and the products that it cannot do without."""
Fit = Callable[[], Any]


def make_rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Source and target rows (n, d), float32; row i of both belong together."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, N_FEATURES), dtype=np.float32)
    mixing = rng.standard_normal((N_FEATURES, N_FEATURES), dtype=np.float32) / N_FEATURES**0.5
    Y = X @ mixing
    Y += rng.standard_normal((n, N_FEATURES), dtype=np.float32)
    Y += 1
    return X, Y


def bare_products(X: np.ndarray, Y: np.ndarray) -> dict[str, Fit]:
    return {
        "X.T @ X": lambda: X.T @ X,
        "Y.T @ Y": lambda: Y.T @ Y,
        "X.T @ Y": lambda: X.T @ Y,
    }


def skada_coral(X: np.ndarray, Y: np.ndarray) -> Fit:
    from skada import CORALAdapter

    rows, domain = np.vstack([X, Y]), np.repeat([1, -2], [len(X), len(Y)])
    return lambda: CORALAdapter().fit(rows, sample_domain=domain)


def adapt_coral(X: np.ndarray, Y: np.ndarray) -> Fit:
    from adapt.feature_based import CORAL as AdaptCORAL

    return lambda: AdaptCORAL(verbose=0).fit_transform(X, Y)


def pot_linear(X: np.ndarray, Y: np.ndarray) -> Fit:
    from ot.da import LinearTransport

    return lambda: LinearTransport().fit(Xs=X, Xt=Y)


PEERS = {
    "skada CORALAdapter()": skada_coral,
    "ADAPT CORAL()": adapt_coral,
    "POT LinearTransport()": pot_linear,
    "scikit-learn Ridge(1.0)": lambda X, Y: lambda: SklearnRidge(alpha=1.0).fit(X, Y),
    "SciPy orthogonal_procrustes": lambda X, Y: lambda: orthogonal_procrustes(X, Y),
}


def measure_peers(X: np.ndarray, Y: np.ndarray, rounds: int) -> dict[str, dict[str, float]]:
    """Best time and peak memory of each peer; those that do not run are named."""
    figures = {}
    for name, make in PEERS.items():
        try:
            fit = make(X, Y)
            best = float(alternate({name: fit}, rounds)[name].min())
            figures[name] = {"seconds": best, "memory": peak_bytes(fit) / (8 * N_FEATURES**2)}
        except (ImportError, MemoryError, ValueError) as error:
            print(f"{name} is left out: {error}")
    return figures


def main() -> None:
    parser = options(__doc__, "20,000 rows instead of 200,000, and no goals")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of measuring")
    chosen = parser.parse_args()
    n = 20_000 if chosen.quick else 200_000
    X, Y = make_rows(n, chosen.seed)
    facts = machine(["numpy", "scipy", "scikit-learn", "landbridge", "skada", "adapt", "POT"])
    show_machine(facts)
    print(f"X and Y: {n:,} × {N_FEATURES} float32 each; seed {chosen.seed}; {chosen.rounds} rounds")
    fits = {name: partial(mapping.fit, X, Y) for name, (mapping, _) in FITS.items()}
    products = bare_products(X, Y)
    wall = alternate({**products, **fits}, chosen.rounds)
    with threadpool_limits(1):
        single = alternate({**products, **fits}, chosen.rounds, process_time)

    rows, goals, figures = [], [], measure_peers(X, Y, min(chosen.rounds, 3))
    for name, fit in fits.items():
        needs = FITS[name][1]
        least, least_single = (sum(times[p] for p in needs) for times in (wall, single))
        figure = figures[name] = {
            "seconds": float(wall[name].min()),
            "ratio": ratio(wall[name], least),
            "ratio_of_best": float(wall[name].min() / least.min()),
            "ratio_one_thread": ratio(single[name], least_single),
            "ratio_all_three": ratio(wall[name], sum(wall[p] for p in products)),
            "memory": peak_bytes(fit) / (8 * N_FEATURES**2),
        }
        rows.append([f"{name}  [{', '.join(needs)}]", *(f"{v:.2f}" for v in figure.values())])
        goals.append((f"{name}, time by the products it needs", figure["ratio"], TIME_GOAL))
        goals.append((f"{name}, peak memory above the input in d²", figure["memory"], MEMORY_GOAL))
    rows += [[name, f"{wall[name].min():.2f}", *["–"] * 5] for name in products]
    for name in sorted(figures.keys() - FITS.keys()):
        best, memory = figures[name].values()
        rows.append([name, f"{best:.2f}", *["–"] * 4, f"{memory:,.1f}"])
    header = ("", "best s", "ratio", "of bests", "1 thread", "all three", "memory, d²")
    show_table(header, rows)
    show_goals([] if chosen.quick else goals)
    write(chosen.output, {"machine": facts, "n": n, "d": N_FEATURES, "figures": figures})


if __name__ == "__main__":
    main()
