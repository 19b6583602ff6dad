"""A run that might have been: heart patients of one hospital carried over to another."""

import numpy as np
import pytest

CLASSES = ["0", "1"]
COLUMNS = [
    ("age", "number", 0.31),
    ("chol", "number", 0.92),
    ("thalach", "number", 0.64),
    ("trestbps", "number", 0.12),
    ("oldpeak", "number", 0.22),
    ("cp", "category", 0.36),
    ("restecg", "category", 0.55),
    ("fbs", "boolean", 0.08),
]


def board_row(name, score, **more):
    row = {
        "name": name,
        "role": "candidate",
        "mapping": None,
        "learner": "logistic regression",
        "score": score,
        "low": score and score - 0.055,
        "high": score and score + 0.05,
        "gain": None,
        "gain_low": None,
        "gain_high": None,
        "p_value": None,
        "seconds": 0.8,
        "error": None,
        "chosen": False,
    }
    return row | more


def leaderboard():
    gained = {"gain": 0.052, "gain_low": 0.011, "gain_high": 0.093, "p_value": 0.014}
    lost = {"gain": -0.021, "gain_low": -0.07, "gain_high": 0.028, "p_value": 0.41}
    return {
        "metric": "balanced_accuracy",
        "greater_is_better": True,
        "folds": 5,
        "repeats": 4,
        "n_labelled": 50,
        "rows": [
            board_row("source only", 0.741, role="baseline"),
            board_row("target only", 0.702, role="baseline"),
            board_row("pooled", 0.752, role="baseline"),
            board_row("coral", 0.804, mapping="CORAL", chosen=True, **gained),
            board_row("monge", 0.798, mapping="Monge", **gained),
            board_row("subspace", 0.731, mapping="SubspaceAlignment", **lost),
            board_row(
                "procrustes",
                None,
                mapping="Procrustes",
                error="Procrustes learns from pairs: Xs has 303 rows and Xt 294.",
            ),
        ],
    }


def feature(rng, name, kind, effect):
    n = 10 if kind == "number" else 4
    source, target = rng.dirichlet(np.full(n, 4.0)), rng.dirichlet(np.full(n, 4.0))
    edges = np.linspace(20, 80, n + 1).tolist()
    return {
        "name": name,
        "kind": kind,
        "effect": effect,
        "ks": effect if kind == "number" else None,
        "p_value": 0.0002,
        "p_adjusted": 0.0011,
        "psi": effect / 3,
        "mean_difference": effect,
        "missing_source": 0.0,
        "missing_target": 0.34 if name == "chol" else 0.0,
        "only_source": [],
        "only_target": ["asymptomatic"] if name == "cp" else [],
        "bins": edges if kind == "number" else ["a", "b", "c", "d"],
        "source_share": source.tolist(),
        "target_share": target.tolist(),
    }


def shift(rng):
    return {
        "n_source": 303,
        "n_target": 294,
        "c2st": {"auc": 0.93, "p_value": 0.005, "n_permutations": 200, "n_used": 597},
        "mmd": {"mmd2": 0.081, "p_value": 0.005, "bandwidth": 4.1, "n_used": 597},
        "proxy_a_distance": 1.55,
        "features": [feature(rng, *column) for column in COLUMNS],
        "label": {
            "kind": "classification",
            "classes": CLASSES,
            "source": [0.54, 0.46],
            "target_observed": [0.64, 0.36],
            "n_target_labelled": 50,
            "target_estimated": [0.61, 0.39],
            "method": "EM",
            "bbse": [0.62, 0.38],
            "condition": 2.9,
        },
        "concept": None,
        "label_free": {"mean confidence": 0.81, "entropy": {"source": 0.42, "target": 0.55}},
        "statements": [
            "A model tells the two hospitals apart nearly always (AUC 0.93).",
            "Cholesterol is missing in a third of the target rows and in none of the source.",
        ],
        "support": {
            "share_outside": 0.12,
            "low": 0.08,
            "high": 0.17,
            "p_value": 1e-5,
            "n_used": 294,
        },
        "advice": [{"sentence": "Reweighting (kmm, ulsif): the source has rows where they lie."}],
    }


def cloud(rng, n, at, spread):
    points = rng.normal(at, spread, size=(n, 2)).round(3)
    codes = [int(c) if c < 2 else None for c in rng.integers(0, 3, size=n)]
    return [[*point, code] for point, code in zip(points.tolist(), codes)]


def projection(rng, n=200):
    source = cloud(rng, n, (-1.5, 0.2), (1.0, 0.9))
    return {
        "axes": "first two principal components of both domains",
        "explained": [0.31, 0.18],
        "classes": CLASSES,
        "before": {"source": source, "target": cloud(rng, n, (1.4, -0.3), (1.3, 0.7))},
        "after": {
            "source": cloud(rng, n, (1.3, -0.3), (1.3, 0.7)),
            "target": cloud(rng, n, (1.4, -0.3), (1.3, 0.7)),
        },
    }


def classifier(name, confusion):
    classes = [str(k) for k in range(len(confusion))]
    found = [row[k] / sum(row) for k, row in enumerate(confusion)]
    recall = [
        {"class": c, "recall": r, "low": max(r - 0.12, 0), "high": min(r + 0.1, 1), "n": sum(row)}
        for c, r, row in zip(classes, found, confusion)
    ]
    return {"name": name, "classes": classes, "confusion": confusion, "recall": recall}


def regressor(rng, name):
    predicted, noise = rng.normal(140, 20, size=120), rng.normal(0, 12, size=120)
    return {
        "name": name,
        "predicted": predicted.tolist(),
        "residuals": noise.tolist(),
        "observed": (predicted + noise).tolist(),
        "rmse": 12.1,
        "mae": 9.4,
        "r2": 0.61,
    }


def mapping_rows(rng):
    names = [name for name, _, _ in COLUMNS]
    rows = [
        {"target_feature": t, "source_feature": s, "weight": w, "share": abs(w) / 2}
        for t, s, w in zip(names, rng.permutation(names).tolist(), rng.normal(size=8).tolist())
    ]
    return sorted(rows, key=lambda row: -abs(row["weight"]))


def table(name, rows, labelled, notes):
    return {
        "name": name,
        "path": f"tables/{name}.csv",
        "rows": rows,
        "labelled": labelled,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "notes": notes,
    }


def data():
    columns = [
        {"name": name, "kind": kind, "missing_source": 0.0, "missing_target": 0.1, "n_out": 2}
        for name, kind, _ in COLUMNS
    ]
    return {
        "source": table("cleveland", 303, 303, ["Columns are separated by commas."]),
        "target": table("hungarian", 294, 50, ["A question mark is read as missing."]),
        "label": "disease",
        "task": "classification",
        "classes": CLASSES,
        "features": {"used": 8, "made": 16, "columns": columns},
        "notes": ["The column 'ca' is only in the source and was left out."],
    }


def verdict():
    return {
        "outcome": "helps",
        "sentence": "Carrying the source over with coral gains 0.052 balanced accuracy over "
        "pooled, more than chance would.",
        "details": ["Two of three candidates beat every baseline.", "Both classes gain."],
        "chosen": "coral",
        "baseline": "pooled",
        "gain": {"mean": 0.052, "low": 0.011, "high": 0.093},
        "p_value": 0.014,
        "level": 0.05,
    }


def made_up_results(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "schema": "landbridge.results/1",
        "created": "2026-01-31T12:00:00+00:00",
        "command": "landbridge run cleveland.csv hungarian.csv --label disease --seed 0 -o out",
        "seed": 0,
        "versions": {"landbridge": "0.1.0", "python": "3.12.1", "numpy": "2.2.0"},
        "seconds": 12.3,
        "data": data(),
        "settings": {"metric": "balanced_accuracy", "folds": 5, "candidates": ["coral", "monge"]},
        "verdict": verdict(),
        "leaderboard": leaderboard(),
        "shift": shift(rng),
        "projection": projection(rng),
        "quality": {
            "models": [
                classifier("pooled", [[26, 6], [6, 12]]),
                classifier("coral", [[27, 5], [4, 14]]),
            ]
        },
        "mapping": {
            "name": "CORAL",
            "summary": "gives the source the means and covariances of the target.",
            "rows": mapping_rows(rng),
        },
        "warnings": ["Only 50 target rows have a label; the intervals are wide."],
    }


@pytest.fixture
def results():
    return made_up_results()


@pytest.fixture(scope="session")
def crowded_results():
    """As large as a report gets: 100 features, clouds of 600 points, ten classes, long names."""
    rng = np.random.default_rng(1)
    crowded = made_up_results(1)
    names = [f"a_rather_long_name_of_a_measured_quantity_{k}" for k in range(100)]
    crowded["shift"]["features"] = [
        feature(rng, name, "number", float(effect))
        for name, effect in zip(names, rng.uniform(size=100))
    ]
    crowded["projection"] = projection(rng, 600) | {"classes": list("0123456789")}
    crowded["quality"]["models"] = [
        classifier(name, rng.integers(0, 2000, size=(10, 10)).tolist())
        for name in ("pooled", "coral")
    ]
    crowded["leaderboard"]["rows"][3]["name"] = "coral_then_subspace_alignment_with_everything"
    crowded["verdict"]["sentence"] += (
        " Pneumonoultramicroscopicsilicovolcanoconiosisclassification."
    )
    crowded["command"] += " --candidates " + ",".join(names)
    return crowded


@pytest.fixture(scope="session")
def regression_results():
    results = made_up_results()
    rng = np.random.default_rng(2)
    models = [regressor(rng, "pooled"), regressor(rng, "coral")]
    label = {
        "kind": "regression",
        "source": quantiles(140.0, 20.0),
        "target_observed": quantiles(128.0, 17.0),
        "n_target_labelled": 50,
    }
    shift = results["shift"] | {"label": label}
    return results | {"quality": {"models": models}, "shift": shift}


def quantiles(mean, std):
    steps = {"q05": -1.64, "q25": -0.67, "q50": 0.05, "q75": 0.67, "q95": 1.64}
    return {"mean": mean, "std": std} | {q: mean + z * std for q, z in steps.items()}
