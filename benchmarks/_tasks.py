"""Tasks of the literature, each a labelled source and a target whose labels only score."""

import os
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.io import loadmat
from sklearn.preprocessing import normalize

FOLDER_VARIABLE = "LANDBRIDGE_DATA"
Scale = Callable[[np.ndarray], np.ndarray]


class Task(NamedTuple):
    """Source rows and labels, target rows to adapt to, and target rows and labels to score."""

    name: str
    Xs: Any
    ys: np.ndarray
    Xt: Any
    X_test: Any
    y_test: np.ndarray


def folder(name: str) -> Path:
    """The folder of a data set; ``FileNotFoundError`` where it is not on this machine."""
    path = Path(os.environ.get(FOLDER_VARIABLE, "")) / name
    if not os.environ.get(FOLDER_VARIABLE) or not path.is_dir():
        raise FileNotFoundError(f"{name}: no such folder in {FOLDER_VARIABLE}")
    return path


def zscore(X: np.ndarray) -> np.ndarray:
    """Features with mean 0 and standard deviation 1, those that never vary left at 0."""
    std = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(std > 0, std, 1.0)


def pairs(domains: dict[str, tuple[Any, np.ndarray]]) -> Iterator[Task]:
    """A task for every ordered pair of domains: all source rows labelled, all target rows not."""
    for source, target in permutations(domains, 2):
        Xs, ys = domains[source]
        Xt, yt = domains[target]
        yield Task(f"{source}-{target}", Xs, ys, Xt, Xt, yt)


def office_caltech_surf(scale: Scale = zscore) -> list[Task]:
    """Twelve tasks; rows sum to one, then z-scores by domain (Gong et al. 2012)."""
    files = {"C": "Caltech10", "A": "amazon", "W": "webcam", "D": "dslr"}
    domains = {}
    for letter, name in files.items():
        found = loadmat(folder("office_caltech10_surf") / f"{name}_SURF_L10.mat")
        rows = normalize(found["fts"].astype(float), norm="l1")
        domains[letter] = scale(rows), found["labels"].ravel().astype(int)
    order = ["C-A", "C-W", "C-D", "A-C", "A-W", "A-D", "W-C", "W-A", "W-D", "D-C", "D-A", "D-W"]
    tasks = {task.name: task for task in pairs(domains)}
    return [tasks[name] for name in order]


def googlenet() -> list[Task]:
    """Six tasks of the same objects by the features of a network; z-scores by domain."""
    domains = {}
    for letter, name in {"A": "amazon", "W": "webcam", "D": "dslr"}.items():
        found = loadmat(folder("office_caltech10_googlenet") / f"{name}.mat")
        domains[letter] = zscore(found["fts"].astype(float)), found["labels"].ravel().astype(int)
    return list(pairs(domains))


def decaf() -> list[Task]:
    """Webcam to dslr and back by the sixth layer of DeCAF (Donahue et al. 2014).

    Rows sum to one, then z-scores by domain: so 1-NN has its published figures to a tenth.
    """
    domains = {}
    for letter, name in {"W": "webcam", "D": "dslr"}.items():
        found = loadmat(folder("office_caltech10_deep_partial") / f"{name}_decaf.mat")
        rows = normalize(found["feas"].astype(float), norm="l1")
        domains[letter] = zscore(rows), found["labels"].ravel().astype(int)
    return list(pairs(domains))


def draw(task: Task, seed: int, per_class: int = 20, from_dslr: int = 8) -> Task:
    """A task with so many source rows a class, as the sampling protocol has it."""
    rng = np.random.default_rng(seed)
    number = from_dslr if task.name.startswith("D") else per_class
    rows = [
        rng.permutation(np.flatnonzero(task.ys == label))[:number] for label in np.unique(task.ys)
    ]
    kept = np.concatenate(rows)
    return task._replace(Xs=task.Xs[kept], ys=task.ys[kept])


def mnist_usps() -> list[Task]:
    """Two tasks of 2,000 and 1,800 digits; rows of length one (Long et al. 2013)."""
    import h5py

    with h5py.File(folder("mnist_usps_tjm") / "MNIST_vs_USPS.mat") as file:
        found = {key: np.asarray(file[key]) for key in ("Xs", "Xt", "Ys", "Yt")}
    domains = {}
    for name, X, y in (("MNIST", "Xs", "Ys"), ("USPS", "Xt", "Yt")):
        labels = found[y].ravel().astype(int)
        rows = found[X] if len(found[X]) == len(labels) else found[X].T
        domains[name] = normalize(rows.astype(float)), labels
    return list(pairs(domains))


def coil() -> list[Task]:
    """Two tasks of twenty objects seen from other sides; rows of length one."""
    import h5py

    with h5py.File(folder("coil20") / "COIL1_vs_COIL2.mat") as file:
        found = {key: np.asarray(file[key]) for key in file if key[0] in "XY"}
    rows = {key: X if X.shape[0] == 720 else X.T for key, X in found.items() if key[0] == "X"}
    first, second = sorted(rows)
    names = {key: key.replace("X", "Y") for key in (first, second)}
    domains = {
        f"COIL{k + 1}": (normalize(rows[key].astype(float)), found[names[key]].ravel().astype(int))
        for k, key in enumerate((first, second))
    }
    return list(pairs(domains))


def heart_disease(scale: Scale = zscore) -> list[Task]:
    """Twelve tasks between four hospitals; gaps filled by the domain's median, z-scores."""
    names = {"Cle": "cleveland", "Hun": "hungarian", "Swi": "switzerland", "VA": "va"}
    domains = {}
    for letter, name in names.items():
        table = pd.read_csv(folder("heart_disease") / f"processed.{name}.data", na_values="?")
        label = (table.pop(table.columns[-1]).to_numpy() > 0).astype(int)
        rows = table.to_numpy(dtype=float)
        centre = np.nan_to_num(table.median().to_numpy(dtype=float))
        domains[letter] = scale(np.where(np.isnan(rows), centre, rows)), label
    return list(pairs(domains))


def mushrooms() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """One-hot rows, labels and domains (1: source, -2: target) of the mushrooms, both ways."""
    table = pd.read_csv(folder("mushroom") / "mushrooms.csv")
    label = (table.pop("type") == "p").astype(int).to_numpy()
    rows = pd.get_dummies(table).to_numpy(dtype=float)
    for stalk in "et":
        yield rows, label, np.where(table["stalk_shape"] == stalk, 1, -2)
