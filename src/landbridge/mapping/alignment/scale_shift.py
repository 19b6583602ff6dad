"""Location-scale conditional shift: each class moves and stretches in a way of its own."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import class_names, encode, is_labelled, labelled_rows
from landbridge.domains.folds import content_key
from landbridge.domains.parameters import check_number
from landbridge.mapping.alignment.class_wise import ClassWise, linear_discriminant
from landbridge.mapping.base import check_two_rows
from landbridge.mapping.sources import mixture_weights
from landbridge.moments import FeatureMap, Moments, effective_size
from landbridge.moments.feature_map import cosines_and_sines, draw_rows
from landbridge.moments.minimise import minimise


def moved(Z: NDArray, members: NDArray, maps: NDArray) -> NDArray[np.float64]:
    """Rows (n, d) after the map of their class: ``maps`` (2, C, d) are scales and shifts."""
    return Z * (members @ maps[0]) + members @ maps[1]


def moved_discrepancy(
    maps: NDArray,
    Z: NDArray,
    members: NDArray,
    weights: NDArray,
    goal: NDArray,
    frequencies: NDArray,
    reg: float,
) -> tuple[float, NDArray[np.float64]]:
    r"""Squared MMD of moved rows to the target plus penalty, and its gradient in the maps.

    Parameters
    ----------
    maps : ndarray of shape (2, C, d)
        For each class its scale a and shift b.
    Z : ndarray of shape (n, d)
        Source rows.
    members : ndarray of shape (n, C)
        Each row's class, one-hot.
    weights : ndarray of shape (n,)
        Weights of the rows, one in all.
    goal : ndarray of shape (2m,)
        Mean feature of the target.
    frequencies : ndarray of shape (d, m)
        Of the random cosines and sines.
    reg : float
        λ of :math:`\lambda \sum (a - 1)^2 + b^2`, over the number of scales.
    """
    phi = cosines_and_sines(moved(Z, members, maps), frequencies)
    gap = weights @ phi - goal
    m = frequencies.shape[1]
    turned = 2 * (phi[:, :m] * gap[m:] - phi[:, m:] * gap[:m])
    pull = (weights[:, None] * turned) @ frequencies.T
    slope = np.array([members.T @ (pull * Z), members.T @ pull])
    away = maps - np.array([1.0, 0.0])[:, None, None]
    penalty = reg / maps[0].size
    return float(gap @ gap + penalty * np.vdot(away, away)), slope + 2 * penalty * away


class MMDScaleShift(ClassWise):
    r"""Move and stretch each class of the source by itself, until all together lie like the target.

    A row x of class c becomes :math:`a_c \circ x + b_c`, feature by feature, where scales and
    shifts minimise

    .. math:: \Big\| \frac1{n_s} \sum_i \varphi(a_{y_i} \circ x_i + b_{y_i})
              - \frac1{n_t} \sum_j \varphi(x_j) \Big\|^2
              + \frac{\lambda}{C d} \sum_c \|a_c - 1\|^2 + \|b_c\|^2

    in units of the features' spread within the domains (Zhang, Schölkopf, Muandet & Wang 2013:
    LS-ConS). The features φ are random cosines and sines of a Gaussian kernel on a
    sample of rows; L-BFGS goes from the identity to a local minimum, and again with the kernel's
    width as the moved rows ask for. With ``reweigh`` the classes' shares are fitted too (the
    paper's LS-GeTarS): those of the mixture of moved classes that comes nearest to the target,
    over the source's, are the weights of carried rows.

    ``carry`` moves rows by their own class. Rows without label, as in ``transform``, are moved
    by the mean of the classes' maps, weighed by the classes' probabilities in the source under
    Gaussian classes of one covariance.

    Parameters
    ----------
    per_class : bool, default=True
        Whether each class has its own scale and shift, or all have the same.
    reweigh : bool, default=False
        Whether the target may hold the classes in other shares.
    reg : float, default=1e-4
        λ; larger values keep scales nearer 1 and shifts nearer 0.
    n_rounds : int, default=3
        How often the kernel's width, and the shares, are set anew.
    gamma : "median" or float, default="median"
        The inverse squared width of the kernel, in units of the features' spread; ``"median"``
        sets it anew in each round.
    n_features : int or "auto", default="auto"
        Random frequencies of the kernel. Few are quick, but scales and shifts that are many
        beside them fit their noise; ``"auto"`` takes four for each number that is learned, from
        256 to 2048.
    max_rows : int, default=2000
        Rows of each domain from which the maps are learned.
    max_iter : int, default=500
        The most steps in a round; a ``ConvergenceWarning`` says where they run out.
    tol : float, default=1e-6
        Stop once no entry of the gradient is larger.
    random_state : int, default=0
        Seed of the features and of the sample.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
    scale_, shift_ : ndarray of shape (C, d)
    importance_ : ndarray of shape (C,)
        The share of each class in the target, over that in the source.
    coef_, intercept_ : ndarray of shape (d, C) and (C,)
        Of the classes' log probabilities in the source.
    slopes_ : ndarray of shape (d, d)
        The nearest linear map, for ``explain``.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.alignment.scale_shift import MMDScaleShift
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 200)
    >>> Xs = rng.normal(size=(400, 2)) + 6.0 * y[:, None]
    >>> Xt = np.where(y[:, None] == 0, Xs - 1.0, Xs + 1.0)     # the classes move apart
    >>> MMDScaleShift(reg=1e-6).fit(Xs, Xt, ys=y).shift_.round(1).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """

    needs_labels = "source"
    cost = "n d² + d³ + steps · rows d m"
    when = "labelled source classes, each of which shifts or stretches in the target"

    def __init__(
        self,
        per_class: bool = True,
        reweigh: bool = False,
        reg: float = 1e-4,
        n_rounds: int = 3,
        gamma: float | str = "median",
        n_features: int | str = "auto",
        max_rows: int = 2000,
        max_iter: int = 500,
        tol: float = 1e-6,
        random_state: int = 0,
    ):
        self.per_class = per_class
        self.reweigh = reweigh
        self.reg = reg
        self.n_rounds = n_rounds
        self.gamma = gamma
        self.n_features = n_features
        self.max_rows = max_rows
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        self._check_parameters()
        check_two_rows(self, len(Xs), len(Xt))
        order = np.argsort(content_key(Xs), kind="stable")
        counts = is_labelled(ys) & (True if sample_weight is None else sample_weight > 0)
        order = order[counts[order]]
        weights = None if sample_weight is None else sample_weight[order]
        rows, labels = labelled_rows(Xs[order], ys[order])
        self.classes_ = class_names(labels)
        of = Moments.of(rows, labels=labels, sample_weight=weights, dtype=np.float64).classes
        parts = [of[name] for name in self.classes_.tolist()]
        self.coef_, self.intercept_ = linear_discriminant(parts)
        self._learn(rows, labels, weights, Xt, parts)
        self._warn_of_few(labels, weights)
        self._set_slopes(Xs)

    def _learn(
        self, rows: NDArray, labels: NDArray, weights: Any, Xt: NDArray, parts: list[Moments]
    ) -> None:
        """Scales, shifts and shares, from a sample in units of the spread about a common centre."""
        target = Moments.of(
            Xt[np.argsort(content_key(Xt), kind="stable")], dtype=np.float64, variances_only="x"
        )
        whole = Moments.sum(parts)
        inner = (whole.squares + target.squares) / (whole.weight + target.weight)
        spread, centre = np.sqrt(np.where(inner > 0, inner, 1.0)), whole.mean
        Z, members, w, Zt = self._sample(rows, labels, weights, Xt)
        (scale, shift), found = self._rounds(
            (Z - centre) / spread, members, w, (Zt - centre) / spread
        )
        known = np.array([part.weight for part in parts]) / whole.weight
        self.importance_ = found / known if self.reweigh else np.ones(len(known))
        self.scale_ = scale
        self.shift_ = centre * (1.0 - scale) + spread * shift

    def _sample(
        self, rows: NDArray, labels: NDArray, weights: NDArray | None, Xt: NDArray
    ) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """Source rows, their classes and weights, and target rows, drawn by content."""
        rng = np.random.default_rng(self.random_state)
        drawn = draw_rows(len(rows), self.max_rows, rng)
        order = np.argsort(content_key(Xt), kind="stable")
        theirs = Xt[order[draw_rows(len(Xt), self.max_rows, rng)]]
        w = np.ones(len(drawn)) if weights is None else weights[drawn]
        members = (labels[drawn][:, None] == self.classes_).astype(float)
        return rows[drawn].astype(np.float64), members, w / w.sum(), theirs.astype(np.float64)

    def _rounds(
        self, Z: NDArray, members: NDArray, weights: NDArray, Zt: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Maps (2, C, d) and shares (C,) of the classes, in the units of Z."""
        groups = members if self.per_class else np.ones((len(Z), 1))
        maps = np.zeros((2, groups.shape[1], Z.shape[1]))
        maps[0] = 1.0
        start = shares = weights @ members
        by_class = members * weights[:, None] / start
        for _ in range(self.n_rounds):
            kernel = FeatureMap(
                kind="fourier",
                n_features=self._n_frequencies(maps.size),
                gamma=self.gamma,
                random_state=self.random_state,
            ).fit(moved(Z, groups, maps), Zt)
            goal = kernel.transform(Zt).mean(axis=0)
            if self.reweigh:
                means = by_class.T @ kernel.transform(moved(Z, groups, maps))
                shares = mixture_weights(means, goal)
            now = by_class @ shares
            fixed = Z, groups, now, goal, kernel.frequencies_, self.reg
            maps = self._descend(maps, *fixed)
        return np.broadcast_to(maps, (2, len(start), Z.shape[1])), shares

    def _n_frequencies(self, n_learned: int) -> int:
        if isinstance(self.n_features, str):
            return min(max(256, 4 * n_learned), 2048)
        return self.n_features

    def _descend(self, maps: NDArray, *fixed: Any) -> NDArray[np.float64]:
        return minimise(
            lambda now: moved_discrepancy(now, *fixed),
            maps,
            self.max_iter,
            type(self).__name__,
            self.tol,
        )

    def _warn_of_few(self, labels: NDArray, weights: NDArray | None) -> None:
        w = self.importance_[encode(labels, self.classes_).astype(int)]
        w = w if weights is None else w * weights
        effective = effective_size(w)
        if self.reweigh and effective < max(10, 0.05 * len(w)):
            warnings.warn(
                f"The weights of MMDScaleShift leave an effective sample of {effective:.1f} of "
                f"{len(w)} rows: the target seems to lack most classes. Choose reweigh=False.",
                stacklevel=2,
            )

    def _check_parameters(self) -> None:
        check_number("reg", self.reg)
        check_number("gamma", self.gamma, words=("median",), above=True)
        check_number("n_features", self.n_features, words=("auto",), least=2, whole=True)
        for name, least in (("n_rounds", 1), ("max_rows", 2), ("max_iter", 1)):
            check_number(name, getattr(self, name), least=least, whole=True)
