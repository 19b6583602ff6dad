"""Transfer subspace learning: a projection that keeps what counts and hides the domain."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.multiclass import type_of_target

from landbridge.domains import labelled_rows
from landbridge.domains.folds import content_key
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.base import UnpairedMapping, check_two_rows
from landbridge.mapping.shared_space import SharedSpace, components_for
from landbridge.moments import Moments, moments_of_rows
from landbridge.moments.feature_map import draw_rows, median_distance
from landbridge.moments.matrices import eigh_psd, power_psd
from landbridge.moments.minimise import minimise

MOST_COMPONENTS = 30
CLASSES = ("binary", "multiclass")
"""What scikit-learn calls labels that are classes."""


def density_divergence(
    projected: NDArray, signed: NDArray, gamma: float
) -> tuple[float, NDArray[np.float64]]:
    r"""Divergence :math:`c^\top K c` of the domains' densities, and its gradient in the rows.

    With :math:`K_{ij} = e^{-\gamma \|p_i - p_j\|^2}` and c the rows' shares, negative in the
    target: the integral of the squared difference of two kernel density estimates of variance
    :math:`1 / 4\gamma`, up to a constant (Si 2010), which is a squared MMD.
    """
    B = np.exp(-gamma * euclidean_distances(projected, squared=True))
    B *= np.outer(signed, signed)
    slope = -4 * gamma * (B.sum(axis=1)[:, None] * projected - B @ projected)
    return float(B.sum()), slope


def lost_variance(W: NDArray, total: NDArray) -> tuple[float, NDArray[np.float64]]:
    """The share of variance that orthonormal ``W`` (d, k) loses, and its gradient: PCA's loss."""
    share = total / np.trace(total)
    return 1.0 - float(np.vdot(W, share @ W)), -2.0 * share @ W


def scatter_within(W: NDArray, scatters: tuple[NDArray, NDArray]) -> tuple[float, NDArray]:
    """The share of scatter after ``W`` (d, k) that is within classes, and its gradient.

    It is ``r / (1 + r)`` for Fisher's ratio r of the scatters within and between classes.
    """
    within, between = (S @ W for S in scatters)
    total = within + between
    top, whole = float(np.vdot(W, within)), float(np.vdot(W, total))
    whole = max(whole, np.finfo(float).tiny)
    return top / whole, 2.0 * (within - (top / whole) * total) / whole


def on_subspaces(slope: NDArray, W: NDArray, R: NDArray) -> NDArray[np.float64]:
    """Gradient in ``A = W R`` of a function of the span of orthonormal ``W``, from that in W."""
    across = slope - W @ (W.T @ slope)
    return np.linalg.solve(R, across.T).T


class TransferSubspace(SharedSpace, UnpairedMapping):
    r"""Find the projection that tells classes apart while the two domains look alike in it.

    Rows become :math:`(x - \mu) \sigma^{-1} W`, the same for both domains, where W (d, k) is
    orthonormal and minimises

    .. math:: F(W) + \lambda \int (p_s(z) - p_t(z))^2 \, dz

    up to the constant of the densities (Si, Tao & Geng 2010: TSL). F is the share of scatter
    within classes, :math:`\mathrm{tr} W^\top S_w W / \mathrm{tr} W^\top (S_w + S_b) W`, of
    labelled source rows (Fisher's ratio, bounded), or the share of variance that is lost; its
    moments are of all rows, with σ the features' spread within the domains. The densities are
    Gaussian kernel estimates on a sample of rows, whose width is set by the median distance in
    the first projection. All depends on the span of W alone: L-BFGS runs over matrices A whose QR
    factor W is, to a local minimum: from the axes that are best for F, from those that are worst
    and from others drawn at random, and the lowest minimum counts.

    Parameters
    ----------
    base : {"auto", "fisher", "pca"}, default="auto"
        F; ``"auto"`` is ``"fisher"`` where the source has class labels, else ``"pca"``.
    n_components : int, float or "auto", default="auto"
        How many dimensions k; a float takes the fewest that keep that share of the variance;
        ``"auto"`` takes half of the features, at most 30. With all, nothing can be hidden.
    reg : float, default=30.0
        λ, the weight of the divergence, which is between 0 and 2; larger values give up more
        of F to make the domains alike.
    max_rows : int, default=1000
        Rows of both domains together from which the densities are estimated. Time and memory
        grow with the square.
    n_starts : int, default=4
        From how many projections to start; more miss a low minimum less often.
    max_iter : int, default=500
        The most steps from each; a ``ConvergenceWarning`` says where they run out.
    tol : float, default=1e-4
        Stop once no entry of the gradient is larger.
    random_state : int, default=0
        Seed of the sample.

    Attributes
    ----------
    source_matrix_, target_matrix_ : ndarray of shape (d, k)
        The same matrix for both domains; its columns are the principal axes of the projection.
    source_mean_, target_mean_, source_std_ : ndarray of shape (d,)
        The means are that of both domains together.
    divergence_ : float
        What is left of the divergence in the sample.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.alignment.transfer_subspace import TransferSubspace
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(size=(100, 2)), rng.normal(size=(100, 2)) + [0.0, 4.0]
    >>> subspace = TransferSubspace(n_components=1).fit(Xs, Xt)
    >>> np.abs(subspace.source_matrix_.T).round(1)   # the first feature alone
    array([[1., 0.]])
    """

    cost = "n d² + d³ + steps · (rows² k + rows d k)"
    when = "some directions of the features shift and others carry the classes"

    divergence_: float

    def __init__(
        self,
        base: str = "auto",
        n_components: float | str = "auto",
        reg: float = 30.0,
        max_rows: int = 1000,
        n_starts: int = 4,
        max_iter: int = 500,
        tol: float = 1e-4,
        random_state: int = 0,
    ):
        self.base = base
        self.n_components = n_components
        self.reg = reg
        self.max_rows = max_rows
        self.n_starts = n_starts
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        self._check_parameters()
        check_two_rows(self, len(Xs), len(Xt))
        # Sums in the order of content, so that shuffled rows take the very same steps.
        orders = [np.argsort(content_key(X), kind="stable") for X in (Xs, Xt)]
        if sample_weight is not None:
            orders[0] = orders[0][sample_weight[orders[0]] > 0]
        source = moments_of_rows((Xs,), sample_weight, orders[0], dtype=np.float64)
        target = moments_of_rows((Xt,), None, orders[1], dtype=np.float64)
        within = (source.scatter + target.scatter) / (source.weight + target.weight)
        spread = np.sqrt(np.where(np.diag(within) > 0, np.diag(within), 1.0))
        total = within / np.outer(spread, spread)
        base = self._base(total, spread, Xs, ys, sample_weight, orders[0])
        k = self._components(total)
        Z, signed = self._sample(Xs, Xt, sample_weight, orders)
        W = self._minimise(Z / spread, signed, *base, k)
        axes = W @ eigh_psd(W.T @ total @ W)[1]
        axes *= np.where(axes[np.abs(axes).argmax(axis=0), range(k)] < 0, -1.0, 1.0)
        self.source_matrix_ = self.target_matrix_ = axes / spread[:, None]
        self.source_mean_ = self.target_mean_ = (source + target).mean
        self.source_std_ = source.std

    def _base(
        self, total: NDArray, spread: NDArray, Xs: Any, ys: Any, weights: Any, order: NDArray
    ) -> tuple[Any, Any, NDArray]:
        """The loss F, its scatters in units of the spread, and the axes from best to worst."""
        if not self._is_fisher(ys):
            return lost_variance, total, eigh_psd(total)[1]
        units = np.outer(spread, spread)
        ordered = None if weights is None else weights[order]
        parts = Moments.of(Xs[order], labels=ys[order], sample_weight=ordered, dtype=np.float64)
        classes = list(parts.classes.values())
        whole = Moments.sum(classes)
        inner = sum(part.scatter for part in classes)
        scatters = inner / units, (whole.scatter - inner) / units
        whiten = power_psd(scatters[0], -0.5)
        leading = whiten @ eigh_psd(whiten @ scatters[1] @ whiten)[1]
        return scatter_within, scatters, leading

    def _is_fisher(self, ys: NDArray | None) -> bool:
        known = np.empty(0) if ys is None else labelled_rows(ys, ys)[1]
        several = len(set(known.tolist())) > 1 and type_of_target(known) in CLASSES
        if self.base == "fisher" and not several:
            raise ValueError(
                'base="fisher" needs two classes of labelled source rows: give them as ys, or '
                'choose base="pca".'
            )
        return several and self.base != "pca"

    def _components(self, total: NDArray) -> int:
        if isinstance(self.n_components, str):
            return min(-(-len(total) // 2), MOST_COMPONENTS)
        return components_for(eigh_psd(total)[0], self.n_components)

    def _sample(
        self, Xs: NDArray, Xt: NDArray, weights: NDArray | None, orders: list[NDArray]
    ) -> tuple[NDArray, NDArray]:
        """Rows (n, d) of both domains, and their shares in each, negative in the target."""
        rng = np.random.default_rng(self.random_state)
        half = max(2, self.max_rows // 2)
        rows_s, rows_t = (order[draw_rows(len(order), half, rng)] for order in orders)
        ws = np.ones(len(rows_s)) if weights is None else weights[rows_s]
        shares = ws / max(ws.sum(), np.finfo(float).tiny), -np.ones(len(rows_t)) / len(rows_t)
        Z = np.concatenate([Xs[rows_s], Xt[rows_t]]).astype(np.float64)
        return Z - Z.mean(axis=0), np.concatenate(shares)

    def _minimise(
        self, Z: NDArray, signed: NDArray, loss: Any, scatters: Any, axes: NDArray, k: int
    ) -> NDArray[np.float64]:
        starts = self._starts(axes, k)
        gamma = 1 / (2 * median_distance(Z @ starts[0]) ** 2)

        def objective(A: NDArray) -> tuple[float, NDArray]:
            W, R = np.linalg.qr(A)
            value, slope = loss(W, scatters)
            apart, by_row = density_divergence(Z @ W, signed, gamma)
            slope = slope + self.reg * (Z.T @ by_row)
            return value + self.reg * apart, on_subspaces(slope, W, R)

        name = type(self).__name__
        found = [minimise(objective, A, self.max_iter, name, self.tol) for A in starts]
        best = min(found, key=lambda A: objective(A)[0])
        W = np.linalg.qr(best)[0]
        self.divergence_ = density_divergence(Z @ W, signed, gamma)[0]
        return W

    def _starts(self, axes: NDArray, k: int) -> list[NDArray]:
        """Orthonormal projections (d, k): the best for F, the worst, and random ones."""
        rng = np.random.default_rng(self.random_state)
        drawn = [rng.standard_normal((len(axes), k)) for _ in range(self.n_starts - 2)]
        chosen = [axes[:, :k], axes[:, -k:], *drawn][: self.n_starts]
        return [np.linalg.qr(A)[0] for A in chosen]

    def _check_parameters(self) -> None:
        check_choice("base", self.base, ("auto", "fisher", "pca"))
        check_number("n_components", self.n_components, words=(None, "auto"), above=True)
        check_number("reg", self.reg)
        check_number("n_starts", self.n_starts, least=1, whole=True)
        check_number("max_rows", self.max_rows, least=4, whole=True)
