"""Marginalised stacked denoising autoencoders, in closed form."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import issparse

from landbridge.domains.memory import check_memory
from landbridge.domains.parameters import check_number
from landbridge.mapping.affine import contributions
from landbridge.mapping.base import UnpairedMapping, check_two_rows
from landbridge.mapping.pivots.both import beside, rows_of_both, scatter_of
from landbridge.moments import moments_of_rows

MANY_FEATURES = 1000
"""With more features than these, so many of the commonest are guessed from groups of others."""
ROWS_AT_ONCE = 4096


def denoiser(X: Any, Y: Any, weights: NDArray, noise: float, reg: float) -> NDArray[np.float64]:
    r"""The matrix (d + 1, r) that best restores ``Y`` from ``[X, 1]`` corrupted in all ways.

    :math:`M = \mathrm{E}[Q]^{-1} \mathrm{E}[P]^\top` with
    :math:`S = \sum_i w_i [x_i, 1] [x_i, 1]^\top`,
    :math:`\mathrm{E}[Q]_{ij} = S_{ij} q_i q_j` off the diagonal and :math:`S_{ii} q_i` on it, and
    :math:`\mathrm{E}[P]_{ji} = q_i \sum w\, y_j [x, 1]_i`; :math:`q = 1 - p` for features, 1 for
    the constant (Chen et al. 2012, eq. 5 to 7).

    Parameters
    ----------
    X : array or CSR matrix of shape (n, d)
    Y : array or CSR matrix of shape (n, r)
        What to restore: X, or some of its columns.
    weights : ndarray of shape (n,)
    noise : float
        p, the probability that a feature is set to 0.
    reg : float
        Added to the diagonal.
    """
    d = X.shape[1]
    weighted = X.multiply(weights[:, None]).tocsr() if issparse(X) else X * weights[:, None]
    Q = np.empty((d + 1, d + 1))
    Q[:d, :d] = scatter_of(weighted, X)
    Q[:d, d] = Q[d, :d] = np.asarray(X.T @ weights)
    Q[d, d] = weights.sum()
    P = np.vstack([scatter_of(weighted, Y), np.asarray(Y.T @ weights)])
    kept = np.append(np.full(d, 1.0 - noise), 1.0)
    diagonal = kept * np.diag(Q)
    Q *= kept[:, None] * kept
    Q[np.diag_indices(d + 1)] = diagonal + reg
    P *= kept[:, None]
    return cho_solve(cho_factor(Q, lower=True, overwrite_a=True), P, overwrite_b=True)


class MarginalisedDenoising(UnpairedMapping):
    r"""Guess each feature of a row from all its others, and go on with the guesses beside it.

    A layer restores rows of both domains, without labels, from copies in which each feature was
    set to 0 with probability p: :math:`h = \tanh(M^\top [x, 1])`, where M is the best linear
    restorer over all such copies, in closed form (Chen, Xu, Weinberger & Sha
    2012, eq. 4 to 7). L layers are stacked, each on the outputs of the last, and a row becomes
    :math:`[x, h_1, \dots, h_L]`. A word that only the target has so lights up the words of the
    source that keep its company.

    With many features (paper, section 3.4) the first layer guesses the r commonest alone, from
    d/r random groups of features by turns: M is the mean of the groups' restorers.

    Parameters
    ----------
    noise : float, default=0.5
        p, by default that of Ganin et al. (2016): larger values lean more on the company of a
        word and less on the word itself.
    n_layers : int, default=5
        L. Where texts are few or short, deep layers may lose what the first gains: try 1.
    n_outputs : "auto", int or None, default="auto"
        r: how many features are guessed, the commonest in both domains. ``None`` takes all,
        which costs d³; ``"auto"`` all up to 1,000.
    keep_input : bool, default=True
        Whether x stays beside the guesses.
    reg : float, default=1e-5
        What is added to the diagonal of Q.
    random_state : int, default=0
        Deals features out to groups.

    Attributes
    ----------
    layers_ : list of ndarray of shape (d + 1, r) or (r + 1, r)
        Each layer's M, the constant's row last.
    outputs_ : ndarray of shape (r,)
        The features that are guessed.
    source_std_ : ndarray of shape (d,)

    Examples
    --------
    Books are "gripping" or "dull", kitchens "sharp" or "blunt", and both "good" or "bad". Of
    something sharp, a word that no book has, it guesses that it is good, and then gripping:

    >>> import numpy as np
    >>> from landbridge.mapping import MarginalisedDenoising
    >>> words = ["good", "bad", "gripping", "dull", "sharp", "blunt"]
    >>> books = np.repeat([[1, 0, 1, 0, 0, 0], [0, 1, 0, 1, 0, 0]], 50, axis=0)
    >>> kitchens = np.repeat([[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1]], 50, axis=0)
    >>> mda = MarginalisedDenoising(noise=0.8, n_layers=2, keep_input=False)
    >>> mda = mda.fit(books, kitchens)
    >>> guesses = mda.transform_target([[0, 0, 0, 0, 1, 0]])[0, 6:].round(2)
    >>> dict(zip(words, guesses.tolist()))
    {'good': 0.77, 'bad': -0.43, 'gripping': 0.32, 'dull': -0.24, 'sharp': 0.67, 'blunt': -0.24}
    """

    meets_between = True
    takes_sparse = True
    cost = "L (n r² + r³) + d r², all features: L (n d² + d³)"
    when = "words, or other counts, of which each domain has its own"

    def __init__(
        self,
        *,
        noise: float = 0.5,
        n_layers: int = 5,
        n_outputs: int | str | None = "auto",
        keep_input: bool = True,
        reg: float = 1e-5,
        random_state: int = 0,
    ):
        self.noise = noise
        self.n_layers = n_layers
        self.n_outputs = n_outputs
        self.keep_input = keep_input
        self.reg = reg
        self.random_state = random_state

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        self._check_parameters()
        check_two_rows(self, Xs.shape[0], Xt.shape[0])
        X, weights = rows_of_both(Xs, Xt), np.ones(Xs.shape[0] + Xt.shape[0])
        if sample_weight is not None:
            weights[: len(sample_weight)] = sample_weight
        self.outputs_ = commonest(X, self._n_outputs(X.shape[1]))
        self._check_size(*X.shape)
        self.layers_ = [self._first_layer(X, weights)]
        H = layer_of(X, self.layers_[0])
        for _ in range(1, self.n_layers):
            self.layers_.append(denoiser(H, H, weights, self.noise, self.reg))
            H = layer_of(H, self.layers_[-1])
        self.source_std_ = moments_of_rows((Xs,), variances_only="x").std

    def _check_parameters(self) -> None:
        check_number("noise", self.noise, above=True, below=1.0)
        check_number("n_layers", self.n_layers, least=1, whole=True)
        check_number("n_outputs", self.n_outputs, words=("auto", None), least=1, whole=True)
        check_number("reg", self.reg, above=True)

    def _n_outputs(self, d: int) -> int:
        if self.n_outputs is None:
            return d
        return min(d, MANY_FEATURES if self.n_outputs == "auto" else int(self.n_outputs))

    def _check_size(self, n: int, d: int) -> None:
        r = len(self.outputs_)
        check_memory(
            8.0 * (n * r + (r + 1) ** 2 * (2 + self.n_layers) + d * r),
            f"Restoring {r:,} of {d:,} features of {n:,} rows",
            "Set n_outputs, such as 1000, or fewer layers.",
        )

    def _first_layer(self, X: Any, weights: NDArray) -> NDArray[np.float64]:
        """M of all features, or the mean over groups of them that are dealt out at random."""
        (_, d), r = X.shape, len(self.outputs_)
        Y = X[:, self.outputs_]
        n_groups = -(-d // r)
        dealt = np.random.default_rng(self.random_state).permutation(d)
        groups = [np.arange(d)] if n_groups == 1 else np.array_split(dealt, n_groups)
        M = np.zeros((d + 1, r))
        for group in groups:
            part = denoiser(X[:, group], Y, weights, self.noise, self.reg) / len(groups)
            M[group] = part[:-1]
            M[-1] += part[-1]
        return M

    def _map(self, X: Any) -> Any:
        parts = [self._guesses(X[i : i + ROWS_AT_ONCE]) for i in range(0, X.shape[0], ROWS_AT_ONCE)]
        width = len(self.outputs_) * len(self.layers_)
        made = np.concatenate(parts) if parts else np.empty((0, width), X.dtype)
        return beside(X, made) if self.keep_input else made

    def _map_target(self, X: Any) -> Any:
        return self._map(X)

    def _guesses(self, X: Any) -> NDArray:
        """The outputs of all layers, side by side, in the precision of X."""
        found: list[NDArray] = []
        H = X
        for M in self.layers_:
            H = layer_of(H, M.astype(X.dtype, copy=False))
            found.append(H)
        return np.hstack(found)

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        """From which features the first layer guesses each."""
        guessed = [f"guess of {target[j]}" for j in self.outputs_]
        return contributions(self.layers_[0][:-1], self.source_std_, source, guessed, top)


def layer_of(X: Any, M: NDArray) -> NDArray:
    """Outputs (n, r) of a layer for its inputs (n, d)."""
    return np.tanh(np.asarray(X @ M[:-1]) + M[-1])


def commonest(X: Any, r: int) -> NDArray[np.intp]:
    """The numbers of the r features that differ from 0 on most rows, in their order."""
    if r == X.shape[1]:
        return np.arange(r)
    counts = X.getnnz(axis=0) if issparse(X) else np.count_nonzero(X, axis=0)
    return np.sort(np.argsort(-counts, kind="stable")[:r])
