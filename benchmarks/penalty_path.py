"""Twenty ridge penalties by five folds beside one fit, and beside scikit-learn's searches.

The ratio is the time of ``Ridge()``, which tries twenty penalties on five folds, by that of
``Ridge(reg=1.0)`` on the same rows, taken in turn within a round; the median over the rounds,
once with the threads that BLAS takes by itself (wall clock), once with one thread (processor
time). scikit-learn's GridSearchCV tries as many penalties on as many folds, its RidgeCV as many
penalties leaving each row out.

    python benchmarks/penalty_path.py            # 200,000 × 512 → 512 float32 and 4,000 × 40 → 1
    python benchmarks/penalty_path.py --quick    # 20,000 rows
    python benchmarks/penalty_path.py --slow-peers    # theirs on the large size too: many minutes
"""

from time import process_time
from typing import Any, NamedTuple

import numpy as np
from _machine import alternate, machine, options, ratio, show_goals, show_machine, show_table, write
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from landbridge.mapping import Ridge

GOAL, N_FOLDS = 2.0, 5
PATH, ONE = "Ridge(), 20 penalties × 5 folds", "Ridge(reg=1.0), one fit"
GRID = "scikit-learn GridSearchCV(Ridge), 20 × 5"
RIDGE_CV = "scikit-learn RidgeCV, 20, leave-one-out"


class Size(NamedTuple):
    """Rows, source features and target features of one comparison."""

    n: int
    d: int
    e: int
    dtype: Any
    slow: bool = False  # a peer of minutes runs once


def make_pairs(size: Size, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of one noisy linear map."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((size.n, size.d)).astype(size.dtype)
    Y = X @ (rng.standard_normal((size.d, size.e)) / np.sqrt(size.d)).astype(size.dtype)
    Y += rng.standard_normal((size.n, size.e)).astype(size.dtype)
    return X, Y


def measure(size: Size, rounds: int, seed: int, with_slow: bool) -> dict[str, Any]:
    """The times at one size, ours and scikit-learn's, and the penalties they chose."""
    X, Y = make_pairs(size, seed)
    path, one = Ridge(cv=N_FOLDS), Ridge(reg=1.0)
    ours = {ONE: lambda: one.fit(X, Y), PATH: lambda: path.fit(X, Y)}
    ours[ONE](), ours[PATH]()
    penalties = path.penalties_
    score = "neg_mean_squared_error"
    grid = GridSearchCV(SklearnRidge(), {"alpha": penalties}, cv=N_FOLDS, scoring=score)
    one_out = RidgeCV(alphas=penalties)
    peers = {RIDGE_CV: lambda: one_out.fit(X, Y), GRID: lambda: grid.fit(X, Y)}
    if size.slow and not with_slow:
        peers.clear()
        print("\nscikit-learn's searches are left out at this size: --slow-peers runs them.")
    wall = alternate(ours, rounds)
    with threadpool_limits(1):
        single = alternate(ours, rounds, process_time)
    peer_times = alternate(peers, 1 if size.slow else rounds)
    picks = {PATH: path.reg_}
    if peers:
        picks |= {RIDGE_CV: float(one_out.alpha_), GRID: float(grid.best_params_["alpha"])}
    return {
        "seconds": {name: float(t.min()) for name, t in {**wall, **peer_times}.items()},
        "ratio": ratio(wall[PATH], wall[ONE]),
        "ratio_of_best": float(wall[PATH].min() / wall[ONE].min()),
        "ratio_one_thread": ratio(single[PATH], single[ONE]),
        "chosen": picks,
    }


def show(size: Size, figures: dict[str, Any]) -> None:
    print(f"\nn = {size.n:,}, d = {size.d} → {size.e}, {np.dtype(size.dtype).name}")
    one = figures["seconds"][ONE]
    rows = [
        [name, f"{t:,.4f}", f"{t / one:,.2f}", f"{figures['chosen'].get(name, 1.0):.3g}"]
        for name, t in figures["seconds"].items()
    ]
    show_table(("", "best s", "by one fit", "penalty"), rows)
    print(
        f"ratio: median {figures['ratio']:.2f}, of bests {figures['ratio_of_best']:.2f}, "
        f"with one thread {figures['ratio_one_thread']:.2f}"
    )


def main() -> None:
    parser = options(__doc__, "20,000 rows instead of 200,000, and no goal there")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of measuring")
    parser.add_argument("--slow-peers", action="store_true", help="peers on the large size too")
    chosen = parser.parse_args()
    facts = machine(["numpy", "scipy", "scikit-learn", "landbridge"])
    show_machine(facts)
    print(f"seed {chosen.seed}, {chosen.rounds} rounds; peers at the large size run once")
    sizes = [
        Size(4_000, 40, 1, np.float64),
        Size(20_000 if chosen.quick else 200_000, 512, 512, np.float32, slow=True),
    ]
    all_figures, goals = [], []
    for size in sizes:
        figures = measure(size, chosen.rounds, chosen.seed, chosen.slow_peers)
        show(size, figures)
        all_figures.append({"n": size.n, "d": size.d, "e": size.e, **figures})
        what = f"{PATH}, n = {size.n:,}, d = {size.d}, e = {size.e}, by one fit"
        goals.append((what, figures["ratio"], GOAL))
    print()
    show_goals(goals[:1] if chosen.quick else goals)
    write(chosen.output, {"machine": facts, "figures": all_figures})


if __name__ == "__main__":
    main()
