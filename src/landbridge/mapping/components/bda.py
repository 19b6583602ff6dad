"""Balanced distribution adaptation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.domains.folds import stratified_folds
from landbridge.domains.parameters import check_number
from landbridge.mapping.components.feature_rows import FeatureRows
from landbridge.mapping.components.pseudo_labels import PseudoLabelled
from landbridge.moments.feature_map import draw_landmarks, stack

DISTANCE_ROWS = 1000
"""So many rows of both domains tell how far they are apart."""


def proxy_a_distance(Xs: Any, Xt: Any, random_state: int = 0) -> float:
    r"""How well a linear classifier tells two samples apart: :math:`2 (1 - 2 \varepsilon)`.

    ε is the mean of its error rates on either sample, on rows that it has not learned from
    (Ben-David, Blitzer, Crammer & Pereira 2007): 0 for samples that cannot be told
    apart, 2 for those that always can. Samples need 2 rows each.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.components.bda import proxy_a_distance
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> proxy_a_distance(X, X + 10.0)
    2.0
    """
    drawn = draw_landmarks((Xs, Xt), DISTANCE_ROWS, np.random.default_rng(random_state))
    X = stack(drawn)
    domain = np.repeat([0, 1], [part.shape[0] for part in drawn])
    learner = make_pipeline(
        StandardScaler(with_mean=not issparse(X)),
        LogisticRegression(class_weight="balanced", max_iter=1000),
    )
    is_wrong = np.empty(len(domain))
    for training, held_out in stratified_folds(X, domain, 2):
        learner.fit(X[training], domain[training])
        is_wrong[held_out] = learner.predict(X[held_out]) != domain[held_out]
    error = (is_wrong[domain == 0].mean() + is_wrong[domain == 1].mean()) / 2
    return max(0.0, 2 * (1 - 2 * float(error)))


def balance_of_distances(marginal: float, conditional: list[float]) -> float:
    r"""The part of the classes in all distances, :math:`1 - d_0 / (d_0 + \sum_c d_c)`.

    0 where there is nothing to compare (Wang, Feng, Chen, Yu, Huang & Yu 2018).
    """
    total = marginal + sum(conditional)
    return 1 - marginal / total if conditional and total > 0 else 0.0


class BDA(PseudoLabelled):
    r"""Weigh agreement of the domains as wholes against agreement class by class.

    As :class:`JDA`, with the constraint :math:`W^\top((1 - \mu)\,\Delta_0 \Delta_0^\top +
    \mu \sum_c \Delta_c \Delta_c^\top + \lambda I) W = I` (Wang, Chen, Hao, Feng & Shen 2017,
    algorithm 1). ``class_weighted=True`` is its W-BDA, for classes whose shares differ between the
    domains: :math:`\Delta_c = \sqrt{\pi_{s,c}}\,\mu_{s,c} - \sqrt{\pi_{t,c}}\,\mu_{t,c}` with the
    classes' shares π. A class that either domain has none of is left out of the sum.

    Parameters
    ----------
    n_components : int, optional
        How many features; up to 20 by default.
    reg : float, default=1.0
        λ: larger values let the means differ more; see :class:`TCA`.
    mu : float or "auto", default=0.5
        μ in [0, 1]: 0 compares the domains as wholes alone, 1 class by class alone. ``"auto"``
        takes, each round, the part of the classes in all proxy A-distances between the domains.
    class_weighted : bool, default=False
        Whether classes weigh by their shares.
    max_iter, learner
        As for :class:`JDA`.
    kernel, kind, n_features, gamma, random_state
        As for :class:`TCA`.

    Attributes
    ----------
    matrix_, n_components_, eigenvalues_, feature_map_, slopes_, classes_, n_iter_, changes_
        As for :class:`JDA`.
    mu_ : float
        The balance of the last round.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.components import BDA
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["a", "b"], 100)
    >>> X = rng.normal(0, 1, (200, 2)) + np.where(y == "a", -3, 3)[:, None]
    >>> mapping = BDA(n_components=1, mu="auto").fit(X, X + [2, 0], ys=y)
    >>> mapping.transform(X).shape, 0.5 < mapping.mu_ < 1
    ((200, 1), True)
    """

    when = "as JDA, where classes have other shares in the target or one kind of shift prevails"

    def __init__(
        self,
        n_components: int | None = None,
        reg: float = 1.0,
        mu: float | str = 0.5,
        class_weighted: bool = False,
        max_iter: int = 10,
        learner: Any = None,
        kernel: str = "rbf",
        kind: str = "auto",
        n_features: int = 512,
        gamma: float | str = "median",
        random_state: int = 0,
    ):
        self.n_components = n_components
        self.reg = reg
        self.mu = mu
        self.class_weighted = class_weighted
        self.max_iter = max_iter
        self.learner = learner
        self.kernel = kernel
        self.kind = kind
        self.n_features = n_features
        self.gamma = gamma
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("mu", self.mu, words=("auto",), most=1)

    def _weighing(
        self, features: FeatureRows, source: NDArray, target: NDArray
    ) -> tuple[tuple[float, float], bool]:
        self.mu_ = self._balance(features, source, target)
        return (1 - self.mu_, self.mu_), self.class_weighted

    def _balance(self, features: FeatureRows, source: NDArray, target: NDArray) -> float:
        if self.mu != "auto":
            return float(self.mu)
        Xs, Xt = features.samples
        parts = [(source == c, target == c) for c in range(len(self.classes_))]
        return balance_of_distances(
            proxy_a_distance(Xs, Xt, self.random_state),
            [
                proxy_a_distance(Xs[here], Xt[there], self.random_state)
                for here, there in parts
                if min(here.sum(), there.sum()) >= 2
            ],
        )
