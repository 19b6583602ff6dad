"""Manifold embedded distribution alignment: one classifier under the marks of both domains."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse import csr_array, diags_array, eye_array
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph
from sklearn.preprocessing import StandardScaler, normalize

from landbridge.domains import class_names
from landbridge.domains.folds import stratified_folds
from landbridge.domains.labels import BLANK, codes_of
from landbridge.domains.parameters import check_number
from landbridge.mapping.alignment.geodesic_flow import GeodesicFlow
from landbridge.mapping.relabelling.base import Relabelling
from landbridge.moments import FeatureMap


def cosine_laplacian(Z: NDArray, n_neighbors: int) -> csr_array:
    """Normalised Laplacian (n, n) of the graph of nearest neighbours of unit rows.

    Edges weigh by the cosine, ``1 - ‖a - b‖² / 2``, if either row is a neighbour of the other.
    """
    n = len(Z)
    graph = csr_array(kneighbors_graph(Z, min(n_neighbors, n - 1), mode="distance"))
    graph.data = np.maximum(1.0 - graph.data**2 / 2, 0.0)
    graph = graph.maximum(graph.T)
    degrees = np.maximum(graph.sum(axis=1), np.finfo(float).tiny)
    scale = diags_array(1 / np.sqrt(degrees))
    return csr_array(eye_array(n) - scale @ graph @ scale)


def mean_contrasts(
    codes: NDArray, n_source: int, weights: NDArray, n_classes: int, balance: float
) -> NDArray[np.float64]:
    r"""Columns V (n, C + 1) whose :math:`V V^\top` is the MMD matrix M, of Frobenius norm 1.

    :math:`M = (1 - \mu) C M_0 + \mu \sum_c M_c`: the first column is the difference of the
    domains' means, the others those of each class, by the codes that rows have at the moment.
    """
    is_source = np.arange(len(codes)) < n_source
    V = np.zeros((len(codes), n_classes + 1))
    for c in range(-1, n_classes):
        here = np.ones(len(codes), dtype=bool) if c < 0 else codes == c
        for side, sign in ((here & is_source, 1.0), (here & ~is_source, -1.0)):
            V[side, c + 1] = sign * weights[side] / max(weights[side].sum(), np.finfo(float).tiny)
    V[:, 0] *= np.sqrt((1 - balance) * n_classes)
    V[:, 1:] *= np.sqrt(balance)
    return V / np.sqrt(np.linalg.norm(V.T @ V))


def proxy_a_distance(A: NDArray, B: NDArray) -> float:
    """``2 (1 - 2ε)`` with the held-out error ε of a linear classifier that tells A from B."""
    rows, side = np.concatenate([A, B]), np.repeat([0, 1], [len(A), len(B)])
    hits = [
        LogisticRegression(class_weight="balanced")
        .fit(rows[train], side[train])
        .predict(rows[test])
        == side[test]
        for train, test in stratified_folds(rows, side, 2)
    ]
    error = 1.0 - float(np.concatenate(hits).mean())
    return 2.0 * max(0.0, 1.0 - 2.0 * error)


def estimated_balance(Z: NDArray, codes: NDArray, n_source: int, n_classes: int) -> float:
    """``μ = 1 - d₀ / (d₀ + Σ_c d_c)`` by A-distances of the domains and of their classes.

    (Wang 2018, "adaptive μ".) Classes with fewer than two rows on a side are left out.
    """
    sides = [(Z[:n_source], Z[n_source:])]
    for c in range(n_classes):
        sides.append((Z[:n_source][codes[:n_source] == c], Z[n_source:][codes[n_source:] == c]))
    whole, *parts = (proxy_a_distance(A, B) for A, B in sides if min(len(A), len(B)) > 1)
    total = whole + sum(parts)
    return 1.0 - whole / total if total else 0.5


class ManifoldEmbedded(Relabelling):
    r"""Learn a classifier that fits the source, and treats both domains and neighbours alike.

    On rows in the geodesic flow's coordinates, each of length one, f minimises

    .. math:: \sum_{i} w_i \|y_i - f(z_i)\|^2 + \eta \|f\|_K^2
              + \lambda\, \mathrm{tr} f^\top M f + \rho\, \mathrm{tr} f^\top L f

    with one-hot labels y of the labelled rows, the MMD matrix :math:`M = (1 - \mu) C M_0 + \mu
    \sum_c M_c` of the domains and of their classes, scaled to norm 1, and the normalised
    Laplacian L of the nearest neighbours' graph; target classes are those that f gave in the
    round before, and the nearest source row's at first (Wang, Feng, Chen, Yu, Huang & Yu 2018,
    algorithm 1: MEDA). The kernel is by its features :math:`\varphi`, so that each
    round solves an (m, m) system. Each domain is standardised by itself first, as in the paper's
    experiments on bags of words. Target labels, where given, are fitted too.

    Parameters
    ----------
    n_components : int, float, None or "auto", default=20
        Axes of each domain, as in :class:`GeodesicFlow`.
    reg : float, default=0.1
        η, the weight of the classifier's norm; larger values are smoother.
    alignment : float, default=10.0
        λ, the weight of the difference between the domains' predictions.
    smoothness : float, default=1.0
        ρ, the weight of differences between neighbours.
    balance : float or "adaptive", default=0.5
        μ, from 0 (domains as wholes) to 1 (class by class). ``"adaptive"`` estimates it in each
        round by how well linear classifiers tell the domains and their classes apart.
    n_neighbors : int, default=10
        Neighbours of each row in the graph.
    max_iter : int, default=10
        Rounds; fewer where no label changes any more.
    gamma : "median" or float, default=0.5
        Inverse width of the Gaussian kernel of rows of length one, as in ``FeatureMap``.
    n_features : int, default=512
        Landmarks of the kernel; as many as there are rows make it exact.
    random_state : int, default=0
        Seed of the landmarks.
    standardise : bool, default=True
        Whether to bring all features to one spread first. Not for pixels and the like, whose
        spread says how much they matter.

    Attributes
    ----------
    labels_ : ndarray of shape (n_t,)
    confidence_ : ndarray of shape (n_t,)
        The share of the label's score in all that are above zero.
    balance_ : float
        The μ of the last round.
    n_iter_ : int
        Rounds taken.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.relabelling.manifold_embedded import ManifoldEmbedded
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["no", "yes"], 50)
    >>> Xs = rng.normal(size=(100, 2)) + 6.0 * (y == "yes")[:, None]
    >>> meda = ManifoldEmbedded().fit(Xs, 10.0 * Xs - 50.0, ys=y)
    >>> float((meda.labels_ == y).mean())
    1.0
    """

    needs_classes = True
    cost = "n d² + d³ + n² + rounds (n m + m³)"
    when = "classes in the source, a target without labels, and up to some 10,000 rows"

    balance_: float
    n_iter_: int

    def __init__(
        self,
        n_components: float | str | None = 20,
        reg: float = 0.1,
        alignment: float = 10.0,
        smoothness: float = 1.0,
        balance: float | str = 0.5,
        n_neighbors: int = 10,
        max_iter: int = 10,
        gamma: float | str = 0.5,
        n_features: int = 512,
        random_state: int = 0,
        standardise: bool = True,
    ):
        self.n_components = n_components
        self.reg = reg
        self.alignment = alignment
        self.smoothness = smoothness
        self.balance = balance
        self.n_neighbors = n_neighbors
        self.max_iter = max_iter
        self.gamma = gamma
        self.n_features = n_features
        self.random_state = random_state
        self.standardise = standardise

    def _relabel(
        self, Xs: Any, ys: NDArray, Xt: Any, yt: NDArray | None, sample_weight: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        self._check_parameters()
        n = len(Xs)
        known = np.full(len(Xt), np.nan, dtype=object) if yt is None else yt
        classes = class_names(ys, known)
        codes = [codes_of(y, classes) for y in (ys, known)]
        weights = np.ones(n) if sample_weight is None else sample_weight * (n / sample_weight.sum())
        Z = self._embed(Xs, Xt, sample_weight)
        given = np.concatenate(codes)
        scores = self._rounds(Z, given, n, np.append(weights, np.ones(len(Xt))), len(classes))
        found = scores.argmax(axis=1)
        positive = np.maximum(scores, 0.0)
        total = np.maximum(positive.sum(axis=1), np.finfo(float).tiny)
        return classes[found], positive.max(axis=1) / total

    def _embed(self, Xs: NDArray, Xt: NDArray, sample_weight: NDArray | None) -> NDArray:
        """Rows (n_s + n_t, r) of both domains in the flow's coordinates, of length one."""
        scaler = StandardScaler(with_std=self.standardise)
        Zs = scaler.fit_transform(Xs.astype(np.float64), sample_weight=sample_weight)
        Zt = scaler.fit_transform(Xt.astype(np.float64))
        flow = GeodesicFlow(self.n_components).fit(Zs, Zt, sample_weight=sample_weight)
        return normalize(np.concatenate([flow.transform(Zs), flow.transform_target(Zt)]))

    def _rounds(
        self, Z: NDArray, given: NDArray, n_source: int, weights: NDArray, n_classes: int
    ) -> NDArray[np.float64]:
        """Scores (n_t, C) of target rows after all rounds."""
        Phi, A, Y = self._system(Z, given, n_source, weights, n_classes)
        nearest = KNeighborsClassifier(1).fit(Z[:n_source], given[:n_source])
        codes = np.where(given == BLANK, nearest.predict(Z), given)
        for n_done in range(1, self.max_iter + 1):
            self.n_iter_ = n_done
            self.balance_ = self._balance(Z, codes, n_source, n_classes)
            V = Phi.T @ mean_contrasts(codes, n_source, weights, n_classes, self.balance_)
            solution = linalg.solve(A + self.alignment * V @ V.T, Y, assume_a="pos")
            scores = Phi @ solution
            before, codes = codes, np.where(given == BLANK, scores.argmax(axis=1), given)
            if (codes == before).all():
                break
        return scores[n_source:]

    def _system(
        self, Z: NDArray, given: NDArray, n_source: int, weights: NDArray, n_classes: int
    ) -> tuple[NDArray, NDArray, NDArray]:
        """Features (n, m), and what no round changes: the matrix (m, m) and right side (m, C)."""
        kernel = FeatureMap(
            kind="nystroem",
            gamma=self.gamma,
            n_features=self.n_features,
            random_state=self.random_state,
        ).fit(Z[:n_source], Z[n_source:])
        Phi = kernel.transform(Z)
        fitted = np.where(given == BLANK, 0.0, weights)
        left = (Phi * fitted[:, None]).T
        A = left @ Phi + self.smoothness * (Phi.T @ (cosine_laplacian(Z, self.n_neighbors) @ Phi))
        A.flat[:: len(A) + 1] += self.reg
        return Phi, A, left @ (given[:, None] == np.arange(n_classes))

    def _balance(self, Z: NDArray, codes: NDArray, n_source: int, n_classes: int) -> float:
        if self.balance == "adaptive":
            return estimated_balance(Z, codes, n_source, n_classes)
        return float(self.balance)

    def _check_parameters(self) -> None:
        check_number("alignment", self.alignment)
        check_number("smoothness", self.smoothness)
        check_number("n_neighbors", self.n_neighbors, least=1, whole=True)
        check_number("reg", self.reg, above=True)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("balance", self.balance, words=("adaptive",), most=1)
