"""Where both domains saw the same things: spectra of two instruments, cells measured twice."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from _machine import show_table
from _tasks import folder
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import zscore
from sklearn.cross_decomposition import PLSRegression
from sklearn.neighbors import KNeighborsClassifier

from landbridge import (
    CORAL,
    PLS,
    DirectStandardization,
    GromovWasserstein,
    Identity,
    LowRankAffine,
    PiecewiseDirectStandardization,
    Procrustes,
    Recentre,
    Ridge,
    Standardise,
)

FACTORS = 10
"""Of the calibration; the corn's usual number."""
CALIBRATED, STANDARDS, SPLITS = 60, (5, 20), 5
PROPERTIES = ["Moisture", "Oil", "Protein", "Starch"]
FROM_PAIRS: dict[str, Any] = {
    "direct standardisation": DirectStandardization(),
    "piecewise direct standardisation": PiecewiseDirectStandardization(),
    "ridge": Ridge(),
    "PLS": PLS(),
    "low rank": LowRankAffine(),
    "Procrustes": Procrustes(),
}
WITHOUT_PAIRS: dict[str, Any] = {
    "as they are": Identity(),
    "recentre": Recentre(),
    "standardise": Standardise(),
    "CORAL": CORAL(),
}
"""They see spectra of the calibration's samples on both instruments, and not which is which."""


def calibration(X: NDArray, y: NDArray) -> PLSRegression:
    return PLSRegression(FACTORS, scale=False).fit(X, y)


def rmsep(model: PLSRegression, X: NDArray, Y: NDArray) -> NDArray:
    """The root of the mean squared error of prediction of each property."""
    return np.sqrt(np.mean((model.predict(X) - Y) ** 2, axis=0))


def kennard_stone(X: NDArray, number: int) -> NDArray:
    """Rows that spread over the sample: the one farthest from all chosen, again and again."""
    distances = cdist(X, X)
    chosen = list(np.unravel_index(distances.argmax(), distances.shape))
    while len(chosen) < number:
        nearest = distances[:, chosen].min(axis=1)
        chosen.append(int(nearest.argmax()))
    return np.array(chosen[:number])


def corn_split(master: NDArray, slave: NDArray, Y: NDArray, seed: int) -> dict[str, Any]:
    """RMSEP of each way, of each property, for each number of standards, by one split."""
    order = np.random.default_rng(seed).permutation(len(Y))
    known, unknown = order[:CALIBRATED], order[CALIBRATED:]
    model = calibration(master[known], Y[known])
    found: dict[str, Any] = {
        "same instrument": [rmsep(model, master[unknown], Y[unknown])] * len(STANDARDS),
        "calibrated anew on all samples": [
            rmsep(calibration(slave[known], Y[known]), slave[unknown], Y[unknown])
        ]
        * len(STANDARDS),
    }
    for name, mapping in WITHOUT_PAIRS.items():
        moved = mapping.fit(slave[known], master[known]).transform(slave[unknown])
        found[name] = [rmsep(model, moved, Y[unknown])] * len(STANDARDS)
    few = [known[kennard_stone(master[known], number)] for number in STANDARDS]
    for name, mapping in FROM_PAIRS.items():
        found[name] = [
            rmsep(
                model, mapping.fit(slave[rows], master[rows]).transform(slave[unknown]), Y[unknown]
            )
            for rows in few
        ]
    return found


def show_corn() -> dict[str, list[float]]:
    """Corn, calibrated on instrument m5, predicted from spectra of mp5 and of mp6."""
    here = folder("corn_nir")
    spectra = {k: pd.read_csv(here / f"corn_{k}spec.csv").to_numpy() for k in ("m5", "mp5", "mp6")}
    Y = pd.read_csv(here / "corn_propvals.csv")[PROPERTIES].to_numpy()
    figures = {}
    for slave in ("mp5", "mp6"):
        splits = [corn_split(spectra["m5"], spectra[slave], Y, seed) for seed in range(SPLITS)]
        means = {name: np.mean([split[name] for split in splits], axis=0) for name in splits[0]}
        print(
            f"\ncorn, m5 to {slave}: RMSEP of {len(Y) - CALIBRATED} samples, {SPLITS} splits, "
            f"{FACTORS} factors on {CALIBRATED} samples; standards by Kennard and Stone"
        )
        header = [f"{name}, {number}" for name in PROPERTIES for number in STANDARDS]
        rows = [[name, *(f"{e:.3f}" for e in mean.T.ravel())] for name, mean in means.items()]
        show_table(["", *header], rows)
        figures |= {f"{slave}, {name}": mean.T.ravel().tolist() for name, mean in means.items()}
    return figures


def foscttm(X: NDArray, Y: NDArray) -> float:
    """The share of cells that lie nearer than the true match, over both sides (0: all found)."""
    D = cdist(X, Y)
    true = np.diag(D)
    return float(((true[:, None] > D).mean() + (true > D).mean()) / 2)


def cells_row(moved: NDArray, Xt: NDArray, ys: NDArray, yt: NDArray) -> list[float]:
    """FOSCTTM, and the accuracy of labels carried over by the five nearest cells."""
    labels = KNeighborsClassifier(5).fit(moved, ys).predict(Xt)
    return [foscttm(moved, Xt), float(np.mean(labels == yt))]


def in_folds(mapping: Any, Xs: NDArray, Xt: NDArray, folds: int = 5) -> NDArray:
    """Every cell carried by a map that was learned from the other folds' pairs."""
    fold = np.random.default_rng(0).permutation(len(Xs)) % folds
    moved = np.empty((len(Xs), Xt.shape[1]))
    for k in range(folds):
        mapping.fit(Xs[fold != k], Xt[fold != k])
        moved[fold == k] = mapping.transform(Xs[fold == k])
    return moved


def show_cells() -> dict[str, list[float]]:
    """scGEM: gene expression carried to methylation, without pairs and, as a ceiling, with."""
    here = folder("scgem")
    Xs, Xt, ys, yt = (
        np.loadtxt(here / f"{name}.txt")
        for name in ("GeneExpression", "DNAmethylation", "type1", "type2")
    )
    Xs, Xt = (np.nan_to_num(zscore(X)) for X in (Xs, Xt))
    rows = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, mapping in (
            ("Gromov-Wasserstein", GromovWasserstein()),
            ("Gromov-Wasserstein, entropic", GromovWasserstein("sinkhorn")),
        ):
            rows[name] = cells_row(mapping.fit(Xs, Xt).transform(Xs), Xt, ys, yt)
        by_class = GromovWasserstein().fit(Xs, Xt, ys=ys, yt=yt).transform(Xs)
        rows["Gromov-Wasserstein, types known in both"] = cells_row(by_class, Xt, ys, yt)
        for name, kind in (("ridge", Ridge), ("PLS", PLS)):
            rows[f"{name}, four fifths of the pairs"] = cells_row(
                in_folds(kind(), Xs, Xt), Xt, ys, yt
            )
    shares = np.unique(yt, return_counts=True)[1] / len(yt)
    rows["by chance"] = [0.5, float(shares.max())]
    print(f"\nscGEM: {len(Xs)} cells, {Xs.shape[1]} genes to {Xt.shape[1]} sites of methylation")
    show_table(
        ["", "FOSCTTM", "labels carried"], [[k, *(f"{v:.3f}" for v in r)] for k, r in rows.items()]
    )
    return rows
