"""The classical catalogue beside its peers: time, peak memory and what came out, by size.

Every fit runs in a process of its own, with a time limit, so that one that dies or fills the
memory takes nothing down. Time is that of the fit (and of carrying the fitted rows over) alone;
memory is the most the process held above what it held before. Peers that are not installed are
named and left out. ``--profile`` shows where the time goes where a goal was missed.

    python benchmarks/classical.py               # every work at its sizes; an hour with the peers
    python benchmarks/classical.py --quick       # small sizes, a minute or two
    python benchmarks/classical.py --work TCA KMM --plot costs.svg
"""

import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np
from _machine import machine, options, show_machine, show_table, write
from scipy.linalg import subspace_angles

N_CLASSES, EPSILON, TCA_REG = 5, 0.05, 0.1
WIDTH = 0.002
"""The kernel's inverse width for density ratios: about 1 / 2h², h the median distance of rows."""
WIDTHS = [WIDTH / 4, WIDTH / 2, WIDTH, 2 * WIDTH, 4 * WIDTH]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PACKAGES = ["numpy", "scipy", "scikit-learn", "landbridge", "skada", "adapt", "POT"]


class Domains(NamedTuple):
    """Rows and labels of both domains, and the true density ratio at the source rows."""

    Xs: np.ndarray
    ys: np.ndarray
    Xt: np.ndarray
    ratio: np.ndarray


def make_domains(n: int, d: int, seed: int) -> Domains:
    """Five Gaussian classes; in the target every row is likelier the farther along one axis."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((N_CLASSES, d)) * 1.5
    tilt = np.zeros(d)
    tilt[0] = 0.8  # the target's density is the source's, tilted: ratio ∝ exp(tilt · x)
    shares = np.exp(centres @ tilt)
    ys = rng.integers(N_CLASSES, size=n)
    yt = rng.choice(N_CLASSES, size=n, p=shares / shares.sum())
    Xs = centres[ys] + rng.standard_normal((n, d))
    Xt = centres[yt] + tilt + rng.standard_normal((n, d))
    ratio = np.exp(Xs @ tilt)
    return Domains(Xs, ys, Xt, ratio / ratio.mean())


Run = Callable[[Domains], Any]


def ours(name: str, **parameters: Any) -> Run:
    """Fit a mapping of the catalogue and carry the source rows over."""

    def run(data: Domains) -> Any:
        from landbridge import MAPPINGS

        mapping = MAPPINGS[name](**parameters).fit(data.Xs, data.Xt, ys=data.ys)
        carried = mapping.carry(data.Xs, data.ys, None, data.Xt)
        return carried.sample_weight if mapping.how == "reweigh" else carried.X

    return run


def dense_tca(data: Domains) -> Any:
    """TCA as it is written down: the n x n generalised eigenproblem, by LAPACK."""
    from scipy.linalg import eigh
    from sklearn.metrics.pairwise import rbf_kernel

    X = np.vstack([data.Xs, data.Xt])
    n = len(X)
    K = rbf_kernel(X, gamma=1 / X.shape[1])
    e = np.repeat([1.0, -1.0], n // 2) / (n // 2)
    Ke, centred = K @ e, K - K.mean(axis=0)
    penalty = np.outer(Ke, Ke)
    penalty.flat[:: n + 1] += TCA_REG
    _, W = eigh(K @ centred, penalty, subset_by_index=(n - 10, n - 1))
    return (K @ W)[: n // 2]


def skada_adapter(name: str, **parameters: Any) -> Run:
    def run(data: Domains) -> Any:
        import skada

        X = np.vstack([data.Xs, data.Xt])
        n = len(data.Xs)
        domain = np.repeat([1, -2], [n, len(data.Xt)])
        y = np.concatenate([data.ys, np.full(len(data.Xt), -1)])
        out = getattr(skada, name)(**parameters).fit_transform(X, y, sample_domain=domain)
        if isinstance(out, tuple):
            return out[1]["sample_weight"][:n]
        return out[:n]

    return run


def adapt_method(module: str, name: str, **parameters: Any) -> Run:
    def run(data: Domains) -> Any:
        import importlib

        method = getattr(importlib.import_module(f"adapt.{module}"), name)
        model = method(Xt=data.Xt, verbose=0, random_state=0, **parameters)
        return model.fit_transform(data.Xs, data.Xt)

    return run


def adapt_weights(name: str, **parameters: Any) -> Run:
    def run(data: Domains) -> Any:
        import adapt.instance_based

        method = getattr(adapt.instance_based, name)
        model = method(Xt=data.Xt, kernel="rbf", verbose=0, random_state=0, **parameters)
        return model.fit_weights(data.Xs, data.Xt)

    return run


def pot_sinkhorn(data: Domains) -> Any:
    """POT called by hand: cost by its median, its quickest safe solver, barycentric map."""
    import ot

    cost = ot.dist(data.Xs, data.Xt)
    cost /= np.median(cost)
    n, m = cost.shape
    a, b = np.full(n, 1 / n), np.full(m, 1 / m)
    plan = ot.sinkhorn(a, b, cost, EPSILON, method="sinkhorn", stopThr=1e-6, numItermax=10_000)
    return plan @ data.Xt / plan.sum(axis=1, keepdims=True)


def bare_products(k: int) -> Run:
    """The matrix products that cannot be done without: both scatters, and carrying to k columns."""

    def run(data: Domains) -> Any:
        data.Xs.T @ data.Xs
        data.Xt.T @ data.Xt
        data.Xs @ np.ones((data.Xs.shape[1], k))

    return run


class Work(NamedTuple):
    """One piece of work: who does it, at which sizes, and how much faster we mean to be."""

    runs: dict[str, Run]
    sizes: tuple[int, ...]
    d: int = 50
    goal_at: int = 0
    goal: float = 0.0
    compare: str = ""  # "subspace" or "ratio"


TCA_ALIKE = {"n_components": 10, "kernel": "rbf", "gamma": 1 / 50, "reg": TCA_REG}
WORKS = {
    "TCA": Work(
        {
            "landbridge": ours("tca", kind="exact", **TCA_ALIKE),
            "landbridge, features": ours("tca", kind="nystroem", n_features=500, **TCA_ALIKE),
            "SciPy, by hand": dense_tca,
            "skada": skada_adapter("TransferComponentAnalysisAdapter", n_components=10),
            "ADAPT": adapt_method("feature_based", "TCA", n_components=10),
        },
        (300, 1000, 3000, 10_000, 50_000),
        goal_at=3000,
        goal=50,
        compare="subspace",
    ),
    "JDA": Work(
        {
            "landbridge": ours("jda", kind="exact", **TCA_ALIKE),
            "landbridge, features": ours("jda", kind="nystroem", n_features=500, **TCA_ALIKE),
        },
        (300, 1000, 3000, 10_000, 50_000),
    ),
    "TJM": Work(
        {
            "landbridge": ours("tjm", n_components=10),
            "skada": skada_adapter("TransferJointMatchingAdapter", n_components=10),
        },
        (300, 1000, 3000),
    ),
    "KMM": Work(
        {
            "landbridge": ours("kmm", gamma=WIDTH),
            "skada": skada_adapter("KMMReweightAdapter", gamma=WIDTH),
            "ADAPT": adapt_weights("KMM", gamma=WIDTH),
        },
        (1000, 3000, 100_000, 1_000_000),
        goal_at=3000,
        goal=20,
        compare="ratio",
    ),
    "KLIEP, given width": Work(
        {
            "landbridge": ours("kliep", gamma=WIDTH),
            "skada": skada_adapter("KLIEPReweightAdapter", gamma=WIDTH, random_state=0),
            "ADAPT": adapt_weights("KLIEP", gamma=WIDTH),
        },
        (1000, 3000),
        goal_at=3000,
        goal=3,
        compare="ratio",
    ),
    "KLIEP, width chosen": Work(
        {
            "landbridge": ours("kliep"),
            "skada": skada_adapter("KLIEPReweightAdapter", gamma=WIDTHS, random_state=0),
            "ADAPT": adapt_weights("KLIEP", gamma=WIDTHS),
        },
        (1000, 3000, 100_000, 1_000_000),
        goal_at=3000,
        goal=3,
        compare="ratio",
    ),
    "uLSIF, given width": Work(
        {
            "landbridge": ours("ulsif", gamma=WIDTH, reg=0.1),
            "ADAPT": adapt_weights("ULSIF", gamma=WIDTH, lambdas=[0.1]),
        },
        (1000, 3000),
        goal_at=3000,
        goal=3,
        compare="ratio",
    ),
    "uLSIF, width chosen": Work(
        {
            "landbridge": ours("ulsif"),
            "ADAPT": adapt_weights("ULSIF", gamma=WIDTHS, lambdas=[0.001, 0.01, 0.1, 1.0, 10.0]),
        },
        (1000, 3000, 100_000, 1_000_000),
        goal_at=3000,
        goal=3,
        compare="ratio",
    ),
    "RuLSIF, width chosen": Work(
        {
            "landbridge": ours("rulsif"),
            "ADAPT": adapt_weights("RULSIF", gamma=WIDTHS, lambdas=[0.001, 0.01, 0.1, 1.0, 10.0]),
        },
        (1000, 3000, 100_000, 1_000_000),
        goal_at=3000,
        goal=3,
        compare="ratio",
    ),
    "Sinkhorn": Work(
        {
            "landbridge": ours("sinkhorn", reg=EPSILON, tol=1e-6),
            "skada": skada_adapter(
                "EntropicOTMappingAdapter", reg_e=EPSILON, norm="median", tol=1e-6, max_iter=10_000
            ),
            "POT by hand": pot_sinkhorn,
        },
        (300, 1000, 5000),
        goal_at=1000,
        goal=5,
    ),
    "CORAL": Work(
        {
            "landbridge": ours("coral"),
            "bare products": bare_products(512),
            "skada": skada_adapter("CORALAdapter"),
            "ADAPT": adapt_method("feature_based", "CORAL"),
        },
        (1000, 10_000, 100_000),
        d=512,
        goal_at=100_000,
        goal=3,
    ),
    "Monge": Work(
        {
            "landbridge": ours("monge"),
            "bare products": bare_products(512),
            "skada": skada_adapter("LinearOTMappingAdapter"),
        },
        (1000, 10_000, 100_000),
        d=512,
        goal_at=100_000,
        goal=3,
    ),
    "subspace alignment": Work(
        {
            "landbridge": ours("subspace-alignment", n_components=50),
            "bare products": bare_products(50),
            "skada": skada_adapter("SubspaceAlignmentAdapter", n_components=50),
            "ADAPT": adapt_method("feature_based", "SA", n_components=50),
        },
        (1000, 10_000, 100_000),
        d=512,
        goal_at=100_000,
        goal=3,
    ),
}
GROWTH_SIZES = (10_000, 100_000, 1_000_000)
GROWTH = {
    "standardise": {},
    "coral": {},
    "monge": {},
    "subspace-alignment": {},
    "geodesic-flow": {},
    "tca": {"kind": "nystroem", "n_features": 300},
    "jda": {"kernel": "linear"},
    "gaussian-ratio": {},
    "ulsif": {},
    "rulsif": {},
    "kliep": {},
    "kmm": {},
    "classifier-ratio": {},
}
"""Methods whose time a row is to stay the same from ten thousand rows to a million."""


def resident() -> float:
    """Megabytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def child(work: str, who: str, n: int, keep: str, chosen: Any) -> None:
    """One fit in this process: its figures as JSON, what came out in the file ``keep``."""
    warnings.simplefilter("ignore")
    seed, is_profiled = chosen.seed, chosen.profile
    clock = process_time if chosen.one_thread else perf_counter
    run, d = find(work, who)
    run(make_domains(200, d, seed + 1))  # imports and first calls are not the method's cost
    data = make_domains(n, d, seed)
    before = resident()
    profiler = cProfile.Profile()
    start = clock()
    result = profiler.runcall(run, data) if is_profiled else run(data)
    took = clock() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    facts = {"seconds": took, "MB": max(peak - before, 0.0)}
    if work in WORKS and WORKS[work].compare == "ratio" and result is not None:
        facts["correlation"] = float(np.corrcoef(np.ravel(result), data.ratio)[0, 1])
    if is_profiled:
        facts["profile"] = largest_parts(profiler)
    if keep and result is not None:
        np.save(keep, np.asarray(result))
    print(json.dumps(facts))


def largest_parts(profiler: cProfile.Profile, most: int = 6) -> list[str]:
    """Where the time went: each function's own share of it, and how often it was called."""
    stats: dict = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    whole = sum(own for _, _, own, _, _ in stats.values())
    largest = sorted(stats.items(), key=lambda item: -item[1][2])[:most]
    return [
        f"{own / whole:4.0%} in {calls} calls of {name} ({Path(file).name})"
        for (file, _, name), (_, calls, own, _, _) in largest
    ]


def find(work: str, who: str) -> tuple[Run, int]:
    if work == "growth":
        return ours(who, **GROWTH[who]), 50
    return WORKS[work].runs[who], WORKS[work].d


def measure(
    work: str, who: str, n: int, chosen: Any, keep: str = "", is_profiled: bool = False
) -> dict[str, Any]:
    """The figures of one fit in a process of its own, or why there are none."""
    command = [sys.executable, __file__, "--child", work, who, str(n), keep]
    command += ["--seed", str(chosen.seed), *(["--profile"] if is_profiled else [])]
    command += ["--one-thread"] if chosen.one_thread else []
    options = {"capture_output": True, "text": True, "timeout": chosen.limit}
    threads = dict.fromkeys(THREADS, "1") if chosen.one_thread else {}
    try:
        done = subprocess.run(command, env=os.environ | threads, **options)
    except subprocess.TimeoutExpired:
        return {"why": f"over {chosen.limit:g} s"}
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    last = (done.stderr.strip().splitlines() or ["killed"])[-1]
    return {"why": "out of memory" if done.returncode == -9 else last[:60]}


def cell(facts: dict[str, Any]) -> str:
    if "why" in facts:
        return facts["why"]
    corr = f", r {facts['correlation']:.2f}" if "correlation" in facts else ""
    return f"{facts['seconds']:.3g} s, {facts['MB']:,.0f} MB{corr}"


def run_work(work: str, chosen: Any) -> dict[str, dict[int, dict]]:
    """Every runner at every size, until it fails at one; a table as it goes."""
    sizes = [n for n in WORKS[work].sizes if not chosen.quick or n <= 1000]
    sizes = [n for n in sizes if not chosen.sizes or n in chosen.sizes]
    figures: dict[str, dict[int, dict]] = {who: {} for who in WORKS[work].runs}
    with tempfile.TemporaryDirectory() as folder:
        for n in sizes:
            for who in WORKS[work].runs:
                failed = any("why" in facts for facts in figures[who].values())
                keep = str(Path(folder) / f"{who} {n}.npy") if n <= 3000 else ""
                figures[who][n] = {"why": "–"} if failed else measure(work, who, n, chosen, keep)
        if WORKS[work].compare == "subspace":
            print()
            compare_subspaces(work, Path(folder), [n for n in sizes if n <= 3000])
    print(f"\n{work} (d = {WORKS[work].d})")
    rows = [[who, *(cell(figures[who][n]) for n in sizes)] for who in figures]
    show_table(["", *(f"n = {n:,}" for n in sizes)], rows)
    return figures


def compare_subspaces(work: str, folder: Path, sizes: list[int]) -> None:
    """The largest angle between the span of our carried rows and each peer's."""
    for n in sizes:
        for who in WORKS[work].runs:
            files = [folder / f"{name} {n}.npy" for name in ("landbridge", who)]
            if who != "landbridge" and all(file.exists() for file in files):
                mine, theirs = (Z - Z.mean(axis=0) for Z in map(np.load, files))
                angle = np.degrees(subspace_angles(mine, theirs).max())
                print(f"{work}, n = {n:,}: largest angle to the subspace of {who}: {angle:.3g}°")


def show_goal(work: str, figures: dict[str, dict[int, dict]], chosen: Any) -> None:
    """Our time by that of the fastest peer at the size of the goal."""
    n, goal = WORKS[work].goal_at, WORKS[work].goal
    at = {who: sizes.get(n, {}) for who, sizes in figures.items()}
    mine = at["landbridge"].get("seconds")
    peers = {
        who: facts["seconds"]
        for who, facts in at.items()
        if "seconds" in facts and not who.startswith(("landbridge", "bare"))
    }
    if not goal or mine is None:
        return
    if not peers:
        print(f"{work}, n = {n:,}: {mine:.3g} s; no peer finished")
        return
    fastest = min(peers, key=peers.__getitem__)
    gain = peers[fastest] / mine
    verdict = "reached" if gain >= goal else "MISSED"
    print(f"{verdict}: {work}, n = {n:,}: {gain:.1f} × as fast as {fastest} (goal: {goal:g})")
    if "bare products" in at and "seconds" in at["bare products"]:
        print(f"  and {mine / at['bare products']['seconds']:.2f} × the bare BLAS products")
    if gain < goal and chosen.profile:
        for part in measure(work, "landbridge", n, chosen, is_profiled=True)["profile"]:
            print(f"  {part}")


def run_growth(chosen: Any) -> dict[str, dict[int, dict]]:
    """Time a row of every moment- or feature-based method, by size."""
    sizes = GROWTH_SIZES[:2] if chosen.quick else GROWTH_SIZES
    figures = {who: {n: measure("growth", who, n, chosen) for n in sizes} for who in GROWTH}
    rows = []
    for who, facts in figures.items():
        row = [who, *(cell(facts[n]) for n in sizes)]
        if all("seconds" in facts[n] for n in sizes):
            each = [facts[n]["seconds"] / n for n in sizes]
            row.append(f"{each[-1] / each[0]:.2f}")
        rows.append([*row, *["–"] * (len(sizes) + 2 - len(row))])
    print("\nGrowth (d = 50); last: time a row at the largest size by that at the smallest")
    show_table(["", *(f"n = {n:,}" for n in sizes), "ratio"], rows)
    return figures


def plot(figures: dict[str, dict[str, dict[int, dict]]], path: Path) -> None:
    """Time against n, both axes logarithmic, a panel for each work."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    columns = 3
    rows = -(-len(figures) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(12, 3 * rows), squeeze=False)
    for panel, (work, runs) in zip(panels.flat, figures.items()):
        for who, sizes in runs.items():
            points = [(n, facts["seconds"]) for n, facts in sizes.items() if "seconds" in facts]
            if points:
                panel.loglog(*zip(*points), marker="o", label=who)
        panel.set_title(work)
        panel.set_xlabel("rows of each domain")
        panel.set_ylabel("seconds")
        panel.legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path)
    print(f"drawn in {path}")


def main() -> None:
    parser = options(__doc__, "sizes up to 1,000, and growth up to 100,000")
    parser.add_argument("--work", nargs="*", default=[*WORKS, "growth"], help="only these")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that a fit may take")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw cost against n (SVG)")
    parser.add_argument("--profile", action="store_true", help="of each goal that was missed")
    parser.add_argument(
        "--one-thread", action="store_true", help="processor time, which other work hardly touches"
    )
    parser.add_argument("--sizes", nargs="*", type=int, help="only these numbers of rows")
    parser.add_argument("--child", nargs=4, help="for the script's own use")
    chosen = parser.parse_args()
    if chosen.child:
        work, who, n, keep = chosen.child
        child(work, who, int(n), keep, chosen)
        return
    facts = machine(PACKAGES)
    show_machine(facts)
    print(f"seed {chosen.seed}; {N_CLASSES} classes; limit {chosen.limit:g} s a fit")
    figures = {}
    for work in chosen.work:
        figures[work] = run_growth(chosen) if work == "growth" else run_work(work, chosen)
        if work != "growth" and not chosen.quick:
            show_goal(work, figures[work], chosen)
    if chosen.plot:
        plot(figures, chosen.plot)
    write(chosen.output, {"machine": facts, "figures": figures})


if __name__ == "__main__":
    main()
