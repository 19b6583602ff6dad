"""Before: whether the shift tests hold their level and find what is there; what rankings are worth.

Each function takes the parsed options, prints its table and goals, and returns plain figures.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from _machine import alternate, ratio, show_goals, show_table
from _tasks import coil, folder, googlenet, heart_disease, mnist_usps, mushrooms
from _tasks import office_caltech_surf as surf
from _texts import amazon_reviews
from scipy.stats import binom, weightedtau
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.evidence import diagnose, rank_backbones, rank_sources
from landbridge.evidence.shift.concept_shift import class_concept
from landbridge.evidence.shift.explanations import explanations
from landbridge.evidence.shift.feature_shift import chi_square_p, feature_shift
from landbridge.evidence.shift.probe import probe_classes
from landbridge.evidence.shift.support import support_gap
from landbridge.evidence.shift.two_sample import classifier_two_sample_test, mmd_test
from landbridge.evidence.transferability.log_me import evidence_of

LEVEL, MARGIN = 0.05, 0.015
MOST_FEATURES = 40
SPLIT_ROWS = 200
PUBLISHED = {"h_score": 0.670, "log_me": 0.665, "nce": 0.501, "leep": 0.287}
"""Mean weighted tau over pretrained networks, as the papers' benchmarks print it."""

Rows = np.ndarray
Table = tuple[Rows, Rows]


# False alarms -------------------------------------------------------------------------------------


def real_tables() -> dict[str, Table]:
    """Rows and classes of real tables, of which samples are split at random."""
    tables: dict[str, Table] = {}
    for make in (heart_disease, surf, googlenet):
        for task in make():
            name = f"{make.__name__} {task.name.split('-')[1]}"
            tables[name] = np.asarray(task.Xt), np.asarray(task.y_test)
    X, y, _ = next(iter(mushrooms()))
    tables["mushrooms"] = X, y
    for colour in ("red", "white"):
        wine = pd.read_csv(folder("wine_quality") / f"winequality-{colour}.csv", header=None)
        values = wine.apply(pd.to_numeric, errors="coerce").dropna().to_numpy()
        tables[f"wine {colour}"] = values[:, :-1], (values[:, -1] > 5).astype(int)
    housing = pd.read_csv(folder("california_housing") / "housing.csv").dropna()
    value = housing.pop("median_house_value").to_numpy()
    numbers = housing.select_dtypes("number").to_numpy(dtype=float)
    tables["housing"] = numbers, (value > np.median(value)).astype(int)
    return tables


def generated_tables(seed: int) -> dict[str, Table]:
    """Normal, heavy-tailed, rounded, sparse and wide rows, with noisy classes."""
    rng = np.random.default_rng(seed)
    n = 4000
    rows = {
        "normal": rng.normal(size=(n, 6)),
        "heavy tails": rng.standard_t(2, size=(n, 6)),
        "whole numbers": rng.poisson(1.5, size=(n, 6)).astype(float),
        "mostly zeros": rng.normal(size=(n, 20)) * (rng.random((n, 20)) < 0.1),
        "wide": rng.normal(size=(n, 150)) @ rng.normal(size=(150, 150)) / 12,
        "clusters": 4.0 * np.eye(6)[rng.integers(0, 6, n)] + rng.normal(size=(n, 6)),
    }
    return {
        name: (X, (X[:, 0] + X[:, 1] + rng.logistic(size=n) > 0).astype(int))
        for name, X in rows.items()
    }


def split(table: Table, rng: np.random.Generator, n: int) -> tuple[Rows, Rows, Rows, Rows]:
    """Two samples of some rows and at most forty columns of one table."""
    X, y = table
    X = X[:, rng.permutation(X.shape[1])[:MOST_FEATURES]]
    drawn = rng.permutation(len(X))[:n]
    cut = int(len(drawn) * rng.choice([0.5, 0.7]))
    return X[drawn[:cut]], y[drawn[:cut]], X[drawn[cut:]], y[drawn[cut:]]


def p_values(Xs: Rows, ys: Rows, Xt: Rows, yt: Rows, seed: int) -> dict[str, float]:
    """The p-value of every test of the diagnosis, on two samples."""
    codes = np.unique(np.r_[ys, yt], return_inverse=True)[1].astype(float)
    of_s, of_t = codes[: len(ys)], codes[len(ys) :]
    counts = np.stack(
        [np.bincount(c.astype(int), minlength=int(codes.max()) + 1) for c in (of_s, of_t)]
    )
    c2st = classifier_two_sample_test(Xs, Xt, random_state=seed).p_value
    mmd = mmd_test(Xs, Xt, random_state=seed).p_value
    support = support_gap(Xs, Xt, random_state=seed)
    columns = [f"x{j}" for j in range(Xs.shape[1])]
    features = feature_shift(pd.DataFrame(Xs, columns=columns), pd.DataFrame(Xt, columns=columns))
    found = {
        "classifier": c2st,
        "MMD": mmd,
        "both, halved level": min(1.0, 2 * min(c2st, mmd)),
        "support": support["p_value"] if support else 1.0,
        "any feature (Holm)": min(row["p_adjusted"] for row in features),
        "class shares": chi_square_p(counts),
    }
    whole, one_by_one = found["both, halved level"], found["any feature (Holm)"]
    found["features differ"] = min(1.0, 2 * min(whole, one_by_one))  # what the diagnosis goes by
    if counts[0].min() >= 5 and len(counts[0]) == 2:
        concept = class_concept(probe_classes(Xs, of_s, Xt), of_t, random_state=seed)
        p = [concept["p_value"], concept["p_value_with_shares"]]
        found["concept"] = max(one for one in p if one is not None)
    return found


def false_alarms(given: Namespace) -> dict[str, Any]:
    """Share of runs in which each test rejects at 5 % though source and target are one table."""
    tables = {**generated_tables(given.seed), **real_tables()}
    runs = 100 if given.quick else 1000
    names = list(tables)
    found: dict[str, list[float]] = {}
    for run in range(runs):
        rng = np.random.default_rng([given.seed, run])
        parts = split(tables[names[run % len(names)]], rng, SPLIT_ROWS)
        for test, p_value in p_values(*parts, seed=run).items():
            found.setdefault(test, []).append(p_value)
    rates = {test: float(np.mean(np.array(p) <= LEVEL)) for test, p in found.items()}
    rows = []
    for test, p in found.items():
        low, high = binom.interval(0.95, len(p), LEVEL) / np.array([len(p)])
        at_one = np.mean(np.array(p) <= 0.01)
        cells = [f"{len(p)}", f"{rates[test]:.1%}", f"{at_one:.1%}", f"{low:.1%} to {high:.1%}"]
        rows.append([test, *cells])
    show_table(("test", "runs", "rejects at 5 %", "at 1 %", "chance about 5 %"), rows)
    goals = [
        (f"false alarms of {test}, points off 5 %", 100 * abs(rates[test] - LEVEL), 100 * MARGIN)
        for test in ("classifier", "MMD", "both, halved level")
    ]
    goals += [
        (f"false alarms of {test}, points above 5 %", 100 * (rates[test] - LEVEL), 100 * MARGIN)
        for test in ("support", "any feature (Holm)", "class shares", "features differ")
    ]
    show_goals(goals)
    return {"runs": runs, "tables": names, "rates": rates}


# Power --------------------------------------------------------------------------------------------


def known_shift(kind: str, rng: np.random.Generator, n: int) -> tuple[Rows, Rows, Rows, Rows]:
    """A source and a target that differ in one way: rows, labels; rows, labels."""
    Xs, Xt = rng.normal(size=(n, 5)), rng.normal(size=(n, 5))
    rule = lambda X: (X[:, 0] + X[:, 1] + rng.logistic(size=n) / 2 > 0).astype(int)  # noqa: E731
    if kind == "label":
        ys, yt = ((rng.random(n) < share).astype(int) for share in (0.5, 0.8))
        return Xs + ys[:, None], ys, Xt + yt[:, None], yt
    if kind == "covariate, mean":
        Xt[:, :2] += [0.5, -0.5]
    if kind == "covariate, spread":
        Xt[:, :2] *= 0.6
    if kind == "missing support":
        Xt[: n // 5] += 6
    yt = rule(Xt)
    if kind == "concept":
        yt = np.where(rng.random(n) < 0.4, 1 - yt, yt)
    return Xs, rule(Xs), Xt, yt


MAIN = {
    "none": "none",
    "label": "label",
    "covariate, mean": "covariate",
    "covariate, spread": "covariate",
    "concept": "concept",
    "missing support": "covariate",
}


def power(given: Namespace) -> dict[str, Any]:
    """How often a known shift is found, and called by its name, with all labels and with none."""
    runs, n = (3 if given.quick else 30), 300
    rows, figures = [], {}
    for kind, name in MAIN.items():
        named, found, support = [], [], []
        for run in range(runs):
            Xs, ys, Xt, yt = known_shift(kind, np.random.default_rng([given.seed, run]), n)
            diagnosis = diagnose(Xs, ys, Xt, yt, random_state=run)
            named.append(diagnosis.main_kind)
            found.append(diagnosis.kinds[0]["found"])
            support.append(diagnosis.kinds[1]["found"])
        figures[kind] = {
            "named rightly": float(np.mean([one == name for one in named])),
            "features differ": float(np.mean(found)),
            "support missing": float(np.mean(support)),
        }
        others = [one for one in named if one != name]
        worst = max(set(others), key=others.count) if others else ""
        rows.append([kind, *(f"{share:.0%}" for share in figures[kind].values()), worst])
    show_table((f"shift, {n} + {n} rows", *next(iter(figures.values())), "else mostly"), rows)
    return figures


# LogME --------------------------------------------------------------------------------------------


def plain_log_me(F: Rows, y: Rows, svd: Callable[..., Any], tol: float, rounds: int) -> float:
    """You et al. 2021, algorithm 1, class by class: α and β in turn until α/β stands still."""
    n, d = F.shape
    V, sigma = svd(F.T @ F)
    total = 0.0
    for k in range(int(y.max()) + 1):
        target = (y == k).astype(float)
        moment = V.T @ (F.T @ target)
        alpha = beta = 1.0
        for _ in range(rounds):
            scale = alpha + beta * sigma
            gamma = float((beta * sigma / scale).sum())
            m = V @ (beta * moment / scale)
            wrong = float(((F @ m - target) ** 2).sum())
            before = alpha / beta
            alpha, beta = gamma / float(m @ m), (n - gamma) / wrong
            if abs(alpha / beta - before) <= tol * before:
                break
        scale = alpha + beta * sigma
        m = V @ (beta * moment / scale)
        wrong = float(((F @ m - target) ** 2).sum())
        evidence = n * np.log(beta) + d * np.log(alpha) - np.log(scale).sum()
        total += evidence - beta * wrong - alpha * float(m @ m) - n * np.log(2 * np.pi)
    return total / (2 * n * (int(y.max()) + 1))


def by_svd(gram: Rows) -> tuple[Rows, Rows]:
    """The decomposition that the algorithm names."""
    V, sigma, _ = np.linalg.svd(gram)
    return V, sigma


def by_eigh(gram: Rows) -> tuple[Rows, Rows]:
    """The cheaper one, which a symmetric matrix allows."""
    sigma, V = np.linalg.eigh(gram)
    return V, np.maximum(sigma, 0.0)


def logme_speed(given: Namespace) -> dict[str, Any]:
    """Our LogME beside the authors' iteration written out: the difference, and the times."""
    sizes = (
        [(2000, 256, 10)] if given.quick else [(5000, 512, 10), (5000, 512, 100), (1000, 2048, 10)]
    )
    rows, figures, goals = [], {}, []
    for n, d, n_classes in sizes:
        rng = np.random.default_rng(given.seed)
        y = np.r_[np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)]
        F = np.maximum(rng.normal(size=(n, d)) + 0.3 * rng.normal(size=(n_classes, d))[y], 0)
        members = np.eye(n_classes)[y]
        ours = float(evidence_of(F, members).mean())
        off = abs(ours - plain_log_me(F, y, by_eigh, tol=1e-12, rounds=5000))
        calls = {
            "ours": lambda F=F, members=members: evidence_of(F, members),
            "svd": lambda F=F, y=y: plain_log_me(F, y, by_svd, tol=1e-3, rounds=11),
            "eigh": lambda F=F, y=y: plain_log_me(F, y, by_eigh, tol=1e-3, rounds=11),
            "to the end": lambda F=F, y=y: plain_log_me(F, y, by_eigh, tol=1e-9, rounds=5000),
        }
        times = alternate(calls, 2 if given.quick else 5, time.process_time)
        name = f"{n} x {d}, {n_classes} classes"
        speed = {key: ratio(times[key], times["ours"]) for key in calls if key != "ours"}
        figures[name] = {"off": off, "seconds": float(np.median(times["ours"])), "times": speed}
        cells = [
            f"{off:.1e}",
            f"{np.median(times['ours']):.3f}",
            *(f"{x:.1f}" for x in speed.values()),
        ]
        rows.append([name, *cells])
        goals.append((f"LogME {name}, millionths off the definition", 1e6 * off, 1.0))
        goals.append((f"LogME {name}, our time over the reference's", 1 / speed["svd"], 1 / 2.5))
    header = ("LogME", "off", "seconds", "reference (SVD)", "with eigh", "with eigh, to the end")
    show_table(header, rows)
    show_goals(goals)
    return figures


# The diagnosis of large tables --------------------------------------------------------------------


def diagnosis_speed(given: Namespace) -> dict[str, Any]:
    """Processor time of a diagnosis of 100,000 x 100 tables, with labels on both sides."""
    n, d = (10_000 if given.quick else 100_000), 100
    rng = np.random.default_rng(given.seed)
    Xs, Xt = rng.normal(size=(n, d)), rng.normal(size=(n, d)) + 0.05
    weights = rng.normal(size=(d, 3))
    ys, yt = ((X @ weights + rng.gumbel(size=(n, 3))).argmax(axis=1) for X in (Xs, Xt))
    start, wall = time.process_time(), time.perf_counter()
    diagnosis = diagnose(Xs, ys, Xt, yt)
    seconds, wall = time.process_time() - start, time.perf_counter() - wall
    clocks = f"{seconds:.1f} s of the processor, {wall:.1f} s by the clock"
    print(f"{n} x {d}: {clocks}: {diagnosis.main_kind}")
    show_goals([(f"diagnosis of {n} x {d} tables, seconds", seconds, 20.0)])
    return {"rows": n, "features": d, "seconds": seconds, "by the clock": wall}


# Transferability ----------------------------------------------------------------------------------


def pairs_of_domains() -> Iterator[tuple[str, Table, Table]]:
    """A source that representations are learned from, and a target that they are judged on."""
    for make, names in (
        (surf, ("C-A", "A-C", "A-W")),
        (googlenet, ("A-W", "W-A")),
        (mnist_usps, ("MNIST-USPS", "USPS-MNIST")),
        (coil, ("COIL1-COIL2",)),
        (heart_disease, ("Cle-Hun", "Hun-VA")),
    ):
        for task in make():
            if task.name in names:
                yield f"{make.__name__} {task.name}", (task.Xs, task.ys), (task.Xt, task.y_test)


def learned_in(X: Rows, y: Rows, seed: int) -> dict[str, Callable[[Rows], Rows]]:
    """Representations of very unlike worth: networks' hidden layers, components, kernels, noise."""
    scaler = StandardScaler().fit(X)
    Z, d = scaler.transform(X), X.shape[1]
    rng = np.random.default_rng(seed)
    makers: dict[str, Callable[[Rows], Rows]] = {}
    for width, rounds in ((8, 30), (32, 3), (32, 60), (128, 1), (128, 40)):
        net = MLPClassifier((width,), max_iter=rounds, random_state=seed, learning_rate_init=3e-3)
        net.fit(Z, y)
        makers[f"network {width}, {rounds} epochs"] = lambda R, net=net: np.maximum(
            R @ net.coefs_[0] + net.intercepts_[0], 0
        )
    for k in (2, 8, 32, 96):
        if k < min(Z.shape):
            makers[f"PCA {k}"] = PCA(k, random_state=seed).fit(Z).transform
    for gamma in (0.1 / d, 10 / d):
        kernel = Nystroem(gamma=gamma, n_components=min(100, len(Z)), random_state=seed).fit(Z)
        makers[f"kernel {gamma * d:g}"] = kernel.transform
    thrown = rng.normal(size=(d, 16)) / np.sqrt(d)
    makers["thrown 16"] = lambda R: np.maximum(R @ thrown, 0)
    makers["clusters"] = KMeans(20, n_init=1, random_state=seed).fit(Z).transform
    return {name: lambda R, make=make: make(scaler.transform(R)) for name, make in makers.items()}


def head() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))


def backbone_taus(source: Table, target: Table, seed: int) -> dict[str, float]:
    """Weighted tau of each measure with the accuracy of a head on each representation."""
    rng = np.random.default_rng(seed)
    (Xs, ys), (Xt, yt) = ((np.asarray(X, dtype=float), y) for X, y in (source, target))
    few = rng.permutation(len(Xs))[:1000]
    order = rng.permutation(len(Xt))[:2000]
    learn, judge = order[: len(order) // 2], order[len(order) // 2 :]
    makers = learned_in(Xs[few], ys[few], seed)
    features = {name: make(Xt) for name, make in makers.items()}
    answers, accuracy = {}, []
    for name, make in makers.items():
        answers[name] = head().fit(make(Xs[few]), ys[few]).predict_proba(features[name][learn])
        fitted = head().fit(features[name][learn], yt[learn])
        accuracy.append(fitted.score(features[name][judge], yt[judge]))
    learned = {name: F[learn] for name, F in features.items()}
    table = rank_backbones(learned, yt[learn], probabilities=answers, n_draws=2).table
    table = table.set_index("name").loc[list(makers)]
    measures = table.drop(columns=["rank", "low", "high", "first"])
    measures["intrinsic_dimension"] *= -1
    ranks = measures.rank()
    measures["mean rank of log_me, h_score, gbc"] = ranks[["log_me", "h_score", "gbc"]].mean(axis=1)
    return {key: float(weightedtau(measures[key], accuracy).statistic) for key in measures}


def source_taus(name: str, seed: int, n_labels: int) -> Iterator[tuple[str, dict[str, float]]]:
    """For each target of several domains: tau of each measure with its sources' accuracies."""
    makers = {"surf": surf, "heart_disease": heart_disease, "amazon_reviews": amazon_reviews}
    by_target: dict[str, list[Any]] = {}
    for task in makers[name]():
        by_target.setdefault(task.name.split("-")[1], []).append(task)
    for letter, tasks in by_target.items():
        rng = np.random.default_rng(seed)
        X, y = np.asarray(tasks[0].X_test), tasks[0].y_test
        order = rng.permutation(len(X))[:2000]
        known, judge = order[:n_labels], order[n_labels:]
        # Each source with the target's rows as that pair of domains has them.
        accuracy, columns = [], []
        for task in tasks:
            Xt = np.asarray(task.X_test)
            model = head().fit(np.asarray(task.Xs), task.ys)
            accuracy.append(model.score(Xt[judge], y[judge]))
            labels = np.full(len(Xt), None, dtype=object)
            labels[known] = y[known]
            ranked = rank_sources({task.name: (task.Xs, task.ys)}, Xt, labels, n_draws=2)
            columns.append(ranked.table.iloc[0])
        table = pd.DataFrame(columns)
        scores = {
            "proxy_a_distance": -table["proxy_a_distance"],
            "mmd2": -table["mmd2"],
            **{key: table[key] for key in ("accuracy", "leep", "nce")},
        }
        taus = {
            k: float(weightedtau(v.astype(float), accuracy).statistic) for k, v in scores.items()
        }
        yield f"{name} to {letter}", taus


def transferability(given: Namespace) -> dict[str, Any]:
    """Mean weighted tau of every measure with true accuracies, over real data."""
    seeds = range(given.seed, given.seed + (1 if given.quick else 3))
    of_backbones: dict[str, dict[str, float]] = {}
    for name, source, target in pairs_of_domains():
        taus = pd.DataFrame([backbone_taus(source, target, seed) for seed in seeds])
        of_backbones[name] = taus.mean().to_dict()
    _show_taus("backbones: weighted tau", of_backbones, PUBLISHED)
    of_sources: dict[str, dict[str, float]] = {}
    for name in ("surf", "heart_disease", "amazon_reviews"):
        every: dict[str, list[dict[str, float]]] = {}
        for seed in seeds:
            for target, taus in source_taus(name, seed, n_labels=50):
                every.setdefault(target, []).append(taus)
        of_sources |= {t: pd.DataFrame(taus).mean().to_dict() for t, taus in every.items()}
    _show_taus("sources, 50 target labels: weighted tau", of_sources, {})
    return {"backbones": of_backbones, "sources": of_sources}


def _show_taus(title: str, taus: dict[str, dict[str, float]], published: dict[str, float]) -> None:
    table = pd.DataFrame(taus).T
    rows = [
        [name, *(f"{x:.2f}" for x in line)] for name, line in zip(table.index, table.to_numpy())
    ]
    rows.append(["mean", *(f"{x:.3f}" for x in table.mean())])
    if published:
        rows.append(
            ["published", *(f"{published[k]:.3f}" if k in published else "" for k in table)]
        )
    show_table((title, *table), rows)


# What explains the difference ---------------------------------------------------------------------


def explained(given: Namespace) -> dict[str, Any]:
    """What simple changes take away of the difference between real domains, rows unscaled."""
    rows, figures = [], {}
    unscaled = {"scale": np.asarray}
    for make, options in ((surf, unscaled), (heart_disease, unscaled), (mnist_usps, {})):
        for task in make(**options):
            found = {
                one["change"]: one["explained"]
                for one in explanations(np.asarray(task.Xs), np.asarray(task.Xt))
            }
            name = f"{make.__name__} {task.name}"
            figures[name] = found
            rows.append([name, *(f"{share:.2f}" for share in found.values())])
    show_table(("part of MMD² explained by", "means", "means and covariances"), rows)
    return figures


PARTS: dict[str, Callable[[Namespace], dict[str, Any]]] = {
    "false alarms": false_alarms,
    "power": power,
    "logme speed": logme_speed,
    "diagnosis speed": diagnosis_speed,
    "transferability": transferability,
    "explained": explained,
}
