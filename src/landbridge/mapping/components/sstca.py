"""Semi-supervised transfer component analysis."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import aslinearoperator
from sklearn.neighbors import kneighbors_graph

from landbridge.domains import class_names, encode, is_labelled
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.base import are_measurements
from landbridge.mapping.components.base import (
    KernelComponents,
    penalty_of,
)
from landbridge.mapping.components.eigen import Components
from landbridge.mapping.components.feature_rows import FeatureRows
from landbridge.moments.feature_map import stack


def class_columns(labels: list[NDArray]) -> list[NDArray[np.float64]]:
    """One column a class, 1 for its rows: the inner product of two rows says if they share one."""
    classes = class_names(*labels)
    codes = [encode(y, classes) for y in labels]
    return [(code[:, None] == np.arange(len(classes))).astype(np.float64) for code in codes]


def number_columns(labels: list[NDArray]) -> list[NDArray[np.float64]]:
    """The labels as one column of mean 0 and variance 1, and 0 where there is none."""
    masks = [is_labelled(y) for y in labels]
    try:
        values = [y[mask].astype(np.float64) for y, mask in zip(labels, masks)]
    except ValueError:
        raise ValueError(
            'label_kernel="linear" is for labels that are numbers. Give label_kernel="classes".'
        ) from None
    known = np.concatenate(values)
    columns = [np.zeros((len(y), 1)) for y in labels]
    for column, mask, value in zip(columns, masks, values):
        column[mask, 0] = (value - known.mean()) / (known.std() or 1.0)
    return columns


def neighbour_laplacian(rows: Any, n_neighbors: int) -> Any:
    r"""Graph Laplacian :math:`D - M` (n, n), sparse, of each row's nearest neighbours.

    :math:`m_{ij} = e^{-d_{ij}^2 / 2 h^2}` where either row is among the other's nearest, with h
    the median of these distances.
    """
    graph = csr_array(kneighbors_graph(rows, n_neighbors, mode="distance"))
    width = np.median(graph.data) or 1.0
    graph.data = np.exp(-(graph.data**2) / (2 * width**2))
    affinity = graph.maximum(graph.T)
    return diags_array(affinity.sum(axis=1)) - affinity


class SemiSupervisedTCA(KernelComponents):
    r"""Find shared features that also tell the labels, and keep neighbours close if wanted.

    As :class:`TCA`, where W maximises the dependence on labels next to the scatter,
    :math:`\mathrm{tr}\,W^\top \Phi^\top H (\gamma K_{yy} + (1 - \gamma) I) H \Phi W`, subject to
    :math:`W^\top(\Delta\Delta^\top + \frac{\eta}{n^2} \Phi^\top \mathcal{L} \Phi + \lambda I) W
    = I` (Pan, Tsang, Kwok & Yang 2011, section V): Φ are the features of all n rows, H centres
    them, :math:`K_{yy}` compares the labels of two rows (0 for a row without), γ is
    ``label_share``, :math:`\mathcal{L}` the Laplacian of the rows' nearest neighbours, η is
    ``manifold`` and λ is ``reg``.

    Parameters
    ----------
    n_components : int, optional
        How many features; up to 20 by default. The labels determine at most as many as
        there are classes (one for numbers), the scatter the others.
    reg : float, default=1.0
        λ: larger values let the means differ more; see :class:`TCA`.
    label_share : float, default=0.5
        γ in [0, 1]: 0 is TCA, 1 sees the labels alone.
    label_kernel : {"auto", "classes", "linear"}, default="auto"
        ``"classes"``: 1 for two rows of one class; ``"linear"``: the product of two standardised
        numbers. ``"auto"`` is linear where labels have fractions.
    manifold : float, default=0.0
        η: larger values keep neighbours closer. Above 0 the features of all rows are held in
        memory.
    n_neighbors : int, default=5
        Neighbours of a row, for ``manifold``.
    kernel, kind, n_features, gamma, random_state
        As for :class:`TCA`.

    Attributes
    ----------
    matrix_, n_components_, eigenvalues_, feature_map_, slopes_
        As for :class:`TCA`.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.components import SemiSupervisedTCA
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(0, 1, (200, 3)), np.repeat([0.5, 1.5], 100)
    >>> X[:, 2] += y
    >>> Z = SemiSupervisedTCA(n_components=1).fit_transform(X, X + [1, 0, 0], ys=y)
    >>> bool(abs(np.corrcoef(Z[:, 0], y)[0, 1]) > 0.4)
    True
    """

    needs_labels = "source"
    when = "labelled source, classes or numbers, and features that should tell the labels"

    def __init__(
        self,
        n_components: int | None = None,
        reg: float = 1.0,
        label_share: float = 0.5,
        label_kernel: str = "auto",
        manifold: float = 0.0,
        n_neighbors: int = 5,
        kernel: str = "rbf",
        kind: str = "auto",
        n_features: int = 512,
        gamma: float | str = "median",
        random_state: int = 0,
    ):
        self.n_components = n_components
        self.reg = reg
        self.label_share = label_share
        self.label_kernel = label_kernel
        self.manifold = manifold
        self.n_neighbors = n_neighbors
        self.kernel = kernel
        self.kind = kind
        self.n_features = n_features
        self.gamma = gamma
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_number("label_share", self.label_share, most=1)
        check_number("n_neighbors", self.n_neighbors, least=1, whole=True)
        check_choice("label_kernel", self.label_kernel, ("auto", "classes", "linear"))
        check_number("manifold", self.manifold)

    def _components(self, features: FeatureRows, ys: Any, yt: Any) -> Components:
        scatter, means = features.scatter_and_means()
        penalty = self._penalty(features, scatter)
        U = means @ np.array([[1.0], [-1.0]])
        G = self._label_directions(features, ys, yt)
        if not isinstance(scatter, np.ndarray):
            scatter = aslinearoperator(scatter)
            dependence = aslinearoperator(G) @ aslinearoperator(G.T)
        else:
            dependence = G @ G.T
        scatter = (1 - self.label_share) * scatter + self.label_share * dependence
        return self._solve(features, scatter, U, penalty)

    def _label_directions(self, features: FeatureRows, ys: NDArray, yt: NDArray | None) -> NDArray:
        """G (m, c) = Φᵀ H Y, so that the labels' part of the objective is tr Wᵀ G Gᵀ W."""
        blank = np.full(len(features.weights[1]), None, dtype=object)
        labels = [ys, blank if yt is None else yt]
        is_linear = self.label_kernel == "linear" or (
            self.label_kernel == "auto" and any(map(are_measurements, labels))
        )
        Y = number_columns(labels) if is_linear else class_columns(labels)
        mean = sum(w @ y for w, y in zip(features.weights, Y)) / features.total_weight
        parts = (
            features.sums(k, w[:, None] * (y - mean))
            for k, (w, y) in enumerate(zip(features.weights, Y))
        )
        return np.sum(list(parts), axis=0)

    def _penalty(self, features: FeatureRows, scatter: Any) -> NDArray:
        diagonal = penalty_of(features, self.reg, scatter)
        if not self.manifold:
            return diagonal
        n = sum(rows.shape[0] for rows in features.samples)
        laplacian = neighbour_laplacian(stack(features.samples), min(self.n_neighbors, n - 1))
        penalty = self.manifold / n**2 * features.quadratic(laplacian)
        penalty.flat[:: len(penalty) + 1] += diagonal
        return penalty
