"""Does the guarded transfer keep its promise? Digits from one set of writers to another.

For each seed, five target labels a class are drawn, some target rows stay unlabelled, and the
rest is held out. The guard chooses with the drawn labels only; the table shows what its choice,
the baselines and every candidate reach on the held-out rows.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from _machine import machine_line

from landbridge import compare, digits_by_writer, make_learner

N_UNLABELLED = 400


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--per-class", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    source, target = digits_by_writer()
    Xs, ys = source.drop(columns="digit").to_numpy(float), source["digit"].to_numpy()
    Xt, yt = target.drop(columns="digit").to_numpy(float), target["digit"].to_numpy()
    print(machine_line())
    print(f"{'seed':>4} {'source only':>12} {'target only':>12} {'guarded':>8}  kept   choice")
    rows, kept = [], 0
    for seed in range(options.seeds):
        hits, verdict = one_seed(Xs, ys, Xt, yt, options.per_class, seed, options.jobs)
        guarded = hits[verdict.chosen]
        good = all(
            guarded.mean() >= hits[b].mean() - paired_reach(guarded, hits[b])
            for b in ("source only", "target only")
        )
        kept += good
        rows.append({name: float(hit.mean()) for name, hit in hits.items()})
        rows[-1] |= {"guarded": float(guarded.mean()), "choice": verdict.chosen, "kept": good}
        print(
            f"{seed:>4} {rows[-1]['source only']:>12.3f} {rows[-1]['target only']:>12.3f} "
            f"{rows[-1]['guarded']:>8.3f}  {'yes' if good else 'NO ':<5}  {verdict.chosen}",
            flush=True,
        )
    print("\nmean accuracy on held-out target rows")
    means = {n: np.mean([r[n] for r in rows]) for n in rows[0] if n not in ("choice", "kept")}
    for name, mean in sorted(means.items(), key=lambda item: -item[1]):
        print(f"  {name:<20} {mean:.4f}")
    better = means["guarded"] > max(means["source only"], means["target only"])
    print(f"guarded at least as good as both baselines: {kept} of {options.seeds} (goal: 95 %)")
    print(f"guarded better on average: {'yes' if better else 'no'}")
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
