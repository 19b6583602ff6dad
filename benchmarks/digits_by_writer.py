"""Does the guarded transfer keep its promise? Digits from one set of writers to another.

For each seed, five target labels a class are drawn, some target rows stay unlabelled, and the
rest is held out. The guard chooses with the drawn labels only; the table shows what its choice,
the baselines and every candidate reach on the held-out rows.
"""

import numpy as np
from _machine import machine, options, show_machine, write

from landbridge import compare, digits_by_writer, make_learner

N_UNLABELLED = 400
ALONE = ("source only", "target only")


def draw(y, per_class, seed):
    """Labelled, unlabelled and held-out target rows."""
    rng = np.random.default_rng(seed)
    classes = np.unique(y)
    labelled = np.concatenate(
        [rng.choice(np.flatnonzero(y == c), per_class, replace=False) for c in classes]
    )
    rest = rng.permutation(np.setdiff1d(np.arange(len(y)), labelled))
    return labelled, rest[:N_UNLABELLED], rest[N_UNLABELLED:]


def one_seed(Xs, ys, Xt, yt, per_class, seed, n_jobs):
    """Held-out hits of every model, by name, and the guard's choice."""
    labelled, unlabelled, held_out = draw(yt, per_class, seed)
    seen = np.concatenate([labelled, unlabelled])
    known = np.concatenate([yt[labelled].astype(float), np.full(len(unlabelled), np.nan)])
    learner = make_learner("logistic", "classification", seed)
    found = compare(Xs, ys, Xt[seen], known, learner=learner, random_state=seed, n_jobs=n_jobs)
    hits = {
        trial.name: trial.model.fit(Xs, ys, Xt[seen], known).predict(Xt[held_out]) == yt[held_out]
        for trial in found.trials
        if trial.error is None
    }
    return hits, found.verdict


def paired_reach(a, b):
    """Half the width of the 95 % interval of the difference of two accuracies on equal rows."""
    return 1.96 * (a.astype(float) - b).std(ddof=1) / np.sqrt(len(a))


def main():
    parser = options(__doc__, "four seeds")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--per-class", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    seeds = range(given.seed, given.seed + (4 if given.quick else given.seeds))
    source, target = digits_by_writer()
    Xs, ys = source.drop(columns="digit").to_numpy(float), source["digit"].to_numpy()
    Xt, yt = target.drop(columns="digit").to_numpy(float), target["digit"].to_numpy()
    facts = machine(["landbridge", "numpy", "scikit-learn"])
    show_machine(facts)
    print(f"\n{'seed':>4} {'source only':>12} {'target only':>12} {'guarded':>8}  kept  choice")
    rows = []
    for seed in seeds:
        hits, verdict = one_seed(Xs, ys, Xt, yt, given.per_class, seed, given.jobs)
        guarded = hits[verdict.chosen]
        kept = all(
            guarded.mean() >= hits[alone].mean() - paired_reach(guarded, hits[alone])
            for alone in ALONE
        )
        means = {name: float(hit.mean()) for name, hit in hits.items()}
        rows.append({"seed": seed, "kept": kept, "choice": verdict.chosen, "accuracy": means})
        rows[-1]["accuracy"]["guarded"] = float(guarded.mean())
        print(
            f"{seed:>4} {means[ALONE[0]]:>12.3f} {means[ALONE[1]]:>12.3f} "
            f"{guarded.mean():>8.3f}  {'yes' if kept else 'NO':<4}  {verdict.chosen}",
            flush=True,
        )
    print("\nmean accuracy on held-out target rows")
    means = {n: np.mean([r["accuracy"][n] for r in rows]) for n in rows[0]["accuracy"]}
    for name, mean in sorted(means.items(), key=lambda item: -item[1]):
        print(f"  {name:<20} {mean:.4f}")
    kept = sum(row["kept"] for row in rows)
    gain = means["guarded"] - max(means[name] for name in ALONE)
    print(
        f"\n{'reached' if kept >= 0.95 * len(rows) else 'MISSED'}: guarded at least as good as "
        f"both baselines within the 95 % interval in {kept} of {len(rows)} seeds (goal: 95 %)"
    )
    print(
        f"{'reached' if gain > 0 else 'MISSED'}: guarded better on average than either baseline: "
        f"{gain:+.4f}"
    )
    write(given.output, {"machine": facts, "rows": rows})


if __name__ == "__main__":
    main()
