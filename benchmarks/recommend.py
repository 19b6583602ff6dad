"""Recommendation between two shops: new users on real data, speed beside peers, and memory.

Every user in both domains is held out once; maps learn from a share of the others in both. The
baselines' biases are ridge-regularised. Data are read from the folder that LANDBRIDGE_DATA names:
MovieLens split into two shops by genre, Douban's books and music, and four pairs of Amazon's
departments (interactions without ratings). The parameters are the kit's defaults throughout.
"""

import io
import os
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from _machine import found, machine, options, show_goals, show_machine, show_table, write
from _tasks import folder
from scipy.sparse import csr_array

from landbridge.kits.recommend import BiasedMF, ImplicitALS, evaluate_recommenders

Pair = dict[str, Any]
SHARES = (0.2, 0.5, 0.8, 1.0)
PEERS = ("implicit", "scikit-surprise", "cornac")


def movielens() -> dict[str, Pair]:
    """Thrillers and their kin in one shop, comedies and dramas in the other; none in both."""
    place = folder("movielens_latest_small")
    names = {"userId": "user", "movieId": "item", "timestamp": "time"}
    ratings = pd.read_csv(place / "ratings.csv").rename(columns=names)
    movies = pd.read_csv(place / "movies.csv").rename(columns=names)
    thrill = movies["genres"].str.contains("Action|Thriller|Crime|Sci-Fi")
    drama = movies["genres"].str.contains("Comedy|Drama|Romance")
    shops = {}
    for name, chosen in {"thrillers": thrill & ~drama, "dramas": drama & ~thrill}.items():
        shops[name] = ratings[ratings["item"].isin(movies.loc[chosen, "item"])]
    facts = {"rating": "rating", "time": "time", "item_features": movies}
    return both_ways("MovieLens", shops, facts)


def douban() -> dict[str, Pair]:
    """Books and music, users in both known as such."""
    shops = {}
    for name in ("book", "music"):
        path = folder("douban") / f"douban_{name}_ratings.dat"
        shops[name] = pd.read_csv(path, sep="\t", names=["user", "item", "rating"])
    return both_ways("Douban", shops, {"rating": "rating"})


def amazon() -> dict[str, Pair]:
    """Four pairs of departments, the same users in both of each pair (Cao et al. 2022)."""
    found_pairs = {}
    with zipfile.ZipFile(folder("amazon_cdr") / "amazon_cdr.zip") as archive:
        for one, other in (
            ("sport", "cloth"),
            ("cloth", "electronic"),
            ("electronic", "phone"),
            ("sport", "phone"),
        ):
            shops = {
                one: department(archive, f"{one}_{other}"),
                other: department(archive, f"{other}_{one}"),
            }
            found_pairs |= both_ways("Amazon", shops, {"rating": None})
    return found_pairs


def department(archive: zipfile.ZipFile, name: str) -> pd.DataFrame:
    parts = [
        pd.read_csv(
            io.BytesIO(archive.read(f"dataset/{name}/{part}.txt")),
            sep="\t",
            names=["user", "item", "one"],
        )
        for part in ("train", "test")
    ]
    return pd.concat(parts, ignore_index=True).drop_duplicates(["user", "item"])


def both_ways(name: str, shops: dict[str, pd.DataFrame], facts: dict[str, Any]) -> dict[str, Pair]:
    one, other = shops
    return {
        f"{name}: {one} to {other}": {"source": shops[one], "target": shops[other], **facts},
        f"{name}: {other} to {one}": {"source": shops[other], "target": shops[one], **facts},
    }


def as_lists(pairs: dict[str, Pair]) -> dict[str, Pair]:
    """The same with each rating as one interaction, whatever it says."""
    return {
        f"{name}, as lists": {key: pair[key] for key in pair if key not in ("time", "rating")}
        for name, pair in pairs.items()
    }


SETS: dict[str, Callable[[], dict[str, Pair]]] = {
    "movielens": movielens,
    "douban": douban,
    "amazon": amazon,
    "movielens-lists": lambda: as_lists(movielens()),
    "douban-lists": lambda: as_lists(douban()),
}


def show_accuracy(
    name: str,
    pair: Pair,
    seeds: list[int],
    max_users: int,
    folds: int,
    mappings: list[str] | None,
) -> list[dict]:
    """The tables of one pair, seed by seed, and the gains over what knows no user."""
    rows = []
    for seed in seeds:
        start = time.process_time()
        compared = evaluate_recommenders(
            **pair,
            mappings=mappings,
            shares=SHARES,
            n_folds=folds,
            max_users=max_users,
            random_state=seed,
        )
        spent = time.process_time() - start
        sizes = f"{len(pair['source']):,} and {len(pair['target']):,} entries"
        print(f"\n{name}, seed {seed} ({sizes}; {spent:.0f} s of processor time)")
        print(compared)
        print("gain over the best that gives all new users the same, by share of users in both:")
        for metric in ("rmse", "mae") if compared.metric == "rmse" else ("ndcg", "recall"):
            base = best_independent(compared, metric)
            for candidate in sorted({n for n, r in compared.cold.roles.items() if r != "baseline"}):
                for share in SHARES:
                    if (candidate, share) in compared.cold.tallies:
                        gain = compared.gain(candidate, base, metric, share=share)
                        row = {"set": name, "seed": seed, "map": candidate, "share": share}
                        rows.append(row | {"metric": metric, "base": base, "gain": list(gain)})
        print_gains(rows, name, seed)
    return rows


def best_independent(compared: Any, metric: str) -> str:
    """The baseline that gives every new user the same and has the best value of this metric."""
    way = -1 if metric in ("rmse", "mae") else 1
    values = {
        row["name"]: way * row[metric].mean
        for row in compared.rows()
        if row["name"] in ("global mean", "item mean", "target only", "popularity") and row[metric]
    }
    return max(values, key=lambda name: values[name])


def print_gains(rows: list[dict], name: str, seed: int) -> None:
    some = [row for row in rows if (row["set"], row["seed"]) == (name, seed)]
    keys = list(dict.fromkeys((row["metric"], row["map"]) for row in some))
    table = []
    for metric, candidate in keys:
        cells = {
            r["share"]: r["gain"] for r in some if (r["metric"], r["map"]) == (metric, candidate)
        }
        texts = [
            f"{cells[s][0]:+.4f} ({cells[s][1]:+.4f} to {cells[s][2]:+.4f})" if s in cells else "–"
            for s in SHARES
        ]
        base = next(r["base"] for r in some if r["metric"] == metric)
        table.append([f"{metric}, {candidate} over {base}", *texts])
    show_table(["", *(f"{share:.0%}" for share in SHARES)], table)


def show_reach(rows: list[dict]) -> None:
    """Where the best map's interval excludes zero at half the users in both and above."""
    print("\nBelow the best user-independent baseline, interval excluding zero, from 50 % overlap:")
    keys = dict.fromkeys((row["set"], row["metric"]) for row in rows)
    for name, metric in keys:
        some = [r for r in rows if (r["set"], r["metric"]) == (name, metric) and r["share"] >= 0.5]
        maps = sorted({row["map"] for row in some})
        always = [m for m in maps if all(r["gain"][1] > 0 for r in some if r["map"] == m)]
        verdict = "reached" if always else "MISSED"
        print(f"{verdict}: {name}, {metric}: {', '.join(always) or 'no map'}")


# Speed and memory


def like_movielens_100k(seed: int) -> csr_array:
    """Ratings of the size and skew of MovieLens 100k: 943 users, 1,682 items, 100,000 ratings."""
    return drawn_ratings(943, 1682, 100_000, seed)


def drawn_ratings(n_users: int, n_items: int, n_entries: int, seed: int) -> csr_array:
    """Pairs drawn with a long tail on either side, each once, with ratings from 1 to 5."""
    rng = np.random.default_rng(seed)
    user_share, item_share = (1 / np.arange(10, n + 10) ** 0.8 for n in (n_users, n_items))
    cells = np.empty(0, dtype=np.int64)
    while len(cells) < n_entries:
        n_drawn = int(1.4 * n_entries)
        users = rng.choice(n_users, n_drawn, p=user_share / user_share.sum())
        items = rng.choice(n_items, n_drawn, p=item_share / item_share.sum())
        cells = np.unique(np.concatenate([cells, users * n_items + items]))
    cells = rng.permutation(cells)[:n_entries]
    users, items = np.divmod(cells, n_items)
    quality = rng.normal(scale=0.5, size=n_items)[items]
    values = np.clip(np.round(3.5 + quality + rng.normal(size=n_entries)), 1, 5)
    return csr_array((values.astype(np.float32), (users, items)), shape=(n_users, n_items))


def speed(seed: int, rounds: int) -> dict[str, float]:
    """Processor time of 20 sweeps at k = 32, one thread each, in turn; the median of the rounds."""
    R = like_movielens_100k(seed)
    calls: dict[str, Callable[[], Any]] = {
        "landbridge BiasedMF": lambda: BiasedMF(32, n_sweeps=20, random_state=0).fit(R),
        "landbridge ImplicitALS": lambda: ImplicitALS(32, n_sweeps=20, random_state=0).fit(R),
    } | peer_calls(R)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():  # what is loaded or compiled at first use
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return {name: float(np.median(values)) for name, values in times.items()}


def peer_calls(R: csr_array) -> dict[str, Callable[[], Any]]:
    """The same work by other libraries, as far as they are installed."""
    calls: dict[str, Callable[[], Any]] = {}
    entries = R.tocoo()
    if found("implicit") != "absent":
        from implicit.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix

        counts = csr_matrix(R)

        def implicit_als(use_cg: bool) -> Any:
            model = AlternatingLeastSquares(
                factors=32, iterations=20, num_threads=1, use_cg=use_cg, random_state=0
            )
            return model.fit(counts, show_progress=False)

        calls["implicit, conjugate gradients"] = lambda: implicit_als(True)
        calls["implicit, exact"] = lambda: implicit_als(False)
    if found("scikit-surprise") != "absent":
        import surprise

        table = pd.DataFrame({"u": entries.row, "i": entries.col, "r": entries.data})
        data = surprise.Dataset.load_from_df(table, surprise.Reader()).build_full_trainset()
        calls["surprise SVD (gradient)"] = lambda: surprise.SVD(n_factors=32, n_epochs=20).fit(data)
    if found("cornac") != "absent":
        import cornac

        triples = list(zip(entries.row.tolist(), entries.col.tolist(), entries.data.tolist()))
        train = cornac.data.Dataset.from_uir(triples)
        calls["cornac MF (gradient)"] = lambda: cornac.models.MF(
            k=32, max_iter=20, use_bias=True, num_threads=1, seed=0
        ).fit(train)
    return calls


def show_speed(seed: int, rounds: int) -> dict[str, float]:
    times = speed(seed, rounds)
    peers = {name: t for name, t in times.items() if not name.startswith("landbridge")}
    print("\nSize of MovieLens 100k, k = 32, 20 sweeps, processor time, one thread")
    show_table(["", "seconds"], [[name, f"{spent:.3f}"] for name, spent in times.items()])
    for kind, start in (("BiasedMF", ("surprise", "cornac")), ("ImplicitALS", ("implicit",))):
        alike = {name: t for name, t in peers.items() if name.startswith(start)}
        if alike:
            fastest = min(alike, key=lambda name: alike[name])
            share = times[f"landbridge {kind}"] / alike[fastest]
            show_goals([(f"{kind} by {fastest}, the fastest of its kind", share, 2.0)])
    return times


def show_memory(seed: int, n_entries: int) -> None:
    """The peak of the whole process, data included, when ten million ratings are factorised."""
    R = drawn_ratings(70_000, 20_000, n_entries, seed)
    before = peak_gigabytes()
    for name, model in {
        "BiasedMF": BiasedMF(32, n_sweeps=2, random_state=0),
        "ImplicitALS": ImplicitALS(32, n_sweeps=2, random_state=0),
    }.items():
        start = time.process_time()
        model.fit(R)
        spent = (time.process_time() - start) / 2
        print(f"{name}: {R.nnz:,} ratings, k = 32: {spent:.0f} s a sweep of processor time")
    print(f"peak of the process {peak_gigabytes():.2f} GB, {before:.2f} GB of it before, with data")
    show_goals([("GB for ten million ratings", peak_gigabytes(), 4.0)])


def peak_gigabytes() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def main() -> None:
    parser = options(__doc__, "fewer users and rounds, and a tenth of the ratings in memory")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=1, help="seeds, from --seed on")
    parser.add_argument("--max-users", type=int, default=2000, help="new users a pair, at most")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--mappings", nargs="*", help="maps to try; all that suit by default")
    parser.add_argument("--speed", action="store_true", help="speed beside peers")
    parser.add_argument("--memory", action="store_true", help="memory of ten million ratings")
    given = parser.parse_args()
    os.environ.setdefault("TQDM_DISABLE", "1")
    facts = machine(["landbridge", "numpy", "scipy", *PEERS])
    show_machine(facts)
    if given.memory:
        show_memory(given.seed, 1_000_000 if given.quick else 10_000_000)
    if given.speed:
        facts["speed"] = show_speed(given.seed, 2 if given.quick else 5)
    rows: list[dict] = []
    for name in given.sets:
        try:
            pairs = SETS[name]()
        except FileNotFoundError as error:
            print(error)
            continue
        for title, pair in pairs.items():
            seeds = list(range(given.seed, given.seed + given.seeds))
            n_users, folds = (200, 2) if given.quick else (given.max_users, given.folds)
            rows += show_accuracy(title, pair, seeds, n_users, folds, given.mappings)
            write(given.output, facts | {"gains": rows})
    if rows:
        show_reach(rows)


if __name__ == "__main__":
    main()
