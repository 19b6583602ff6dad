"""Rounds of guessing the target's labels where the domains meet."""

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier

from landbridge.domains import class_names
from landbridge.domains.folds import content_key
from landbridge.domains.labels import BLANK, codes_of
from landbridge.domains.parameters import check_number
from landbridge.mapping.components.base import (
    KernelComponents,
    penalty_of,
    with_unit_variance,
)
from landbridge.mapping.components.eigen import Components
from landbridge.mapping.components.feature_rows import FeatureRows

GUESS_TOLERANCE = 1e-5
"""Components that serve to guess labels need no more; the last ones are worked out fully."""
NEAREST_ROWS = 5000
"""The nearest is sought among so many labelled rows, or every round would cost n² products."""


class ClassMeans(NamedTuple):
    """Mean features (m, C) of one domain's classes, and the classes' shares of it (C,)."""

    means: NDArray[np.float64]
    shares: NDArray[np.float64]


def class_means(features: FeatureRows, k: int, codes: NDArray, n_classes: int) -> ClassMeans:
    """The mean feature of each class of sample k; zero, with no share, for an absent class."""
    weights = (codes[:, None] == np.arange(n_classes)) * features.weights[k][:, None]
    totals = weights.sum(axis=0)
    means = features.sums(k, weights) / np.where(totals > 0, totals, 1.0)
    return ClassMeans(means, totals / max(totals.sum(), np.finfo(np.float64).tiny))


def mean_differences(
    means: NDArray,
    source: ClassMeans,
    target: ClassMeans,
    balance: tuple[float, float],
    is_weighted: bool,
) -> NDArray[np.float64]:
    r"""U (m, 1 + C'), with :math:`U U^\top` the sum of the marginal and the conditional MMD.

    Its columns are :math:`\sqrt{b_0} (\mu_s - \mu_t)` and, for each class c of both domains,
    :math:`\sqrt{b_1} (\mu_{s,c} - \mu_{t,c})`; with ``is_weighted``
    :math:`\sqrt{b_1} (\sqrt{\pi_{s,c}}\,\mu_{s,c} - \sqrt{\pi_{t,c}}\,\mu_{t,c})`, π being the
    classes' shares.
    """
    in_both = (source.shares > 0) & (target.shares > 0)
    sides = [
        part.means[:, in_both] * (np.sqrt(part.shares[in_both]) if is_weighted else 1.0)
        for part in (source, target)
    ]
    marginal, conditional = np.sqrt(balance)
    overall = means @ np.array([[1.0], [-1.0]])
    return np.hstack([marginal * overall, conditional * (sides[0] - sides[1])])


def drawn_evenly(codes: NDArray, key: NDArray, most: int) -> NDArray[np.intp]:
    """Numbers of about ``most`` rows, each class in its share, at even steps of ``key`` (n,).

    A class that would be left out gives one row. BLANK rows are never drawn.
    """
    order = np.lexsort((key, codes))[(codes == BLANK).sum() :]
    firsts = np.flatnonzero(np.diff(codes[order], prepend=BLANK))
    evenly = np.linspace(0, len(order) - 1, most).astype(np.intp)
    return order[np.union1d(firsts, evenly)]


class PseudoLabelled(KernelComponents):
    """Components that bring classes together, those of the target being guessed round by round.

    A method says in ``_weighing`` how much the domains must agree as wholes, and in each class.
    """

    needs_labels = "source"
    needs_classes = True
    are_repeated = True
    cost = "n m (d + m) + n m C a round; exact kernel: n² (d + k) + n² (C + k) a round"

    learner: Any
    max_iter: int

    def _check_parameters(self) -> None:
        check_number("max_iter", self.max_iter, least=1, whole=True)

    def _components(self, features: FeatureRows, ys: NDArray, yt: NDArray | None) -> Components:
        self.classes_ = class_names(ys) if yt is None else class_names(ys, yt)
        source, known = codes_of(ys, self.classes_), np.full(len(features.weights[1]), BLANK)
        if yt is not None:
            known = codes_of(yt, self.classes_)
        return self._rounds(features, source, known, self._taught(features, source, known))

    def _taught(self, features: FeatureRows, source: NDArray, known: NDArray) -> NDArray[np.intp]:
        """Numbers of the rows of both samples, the source's first, that the learner sees."""
        codes = np.concatenate([source, known])
        taught = np.flatnonzero(codes != BLANK)
        if self.learner is not None or len(taught) <= NEAREST_ROWS:
            return taught
        key = np.concatenate([content_key(rows) for rows in features.samples])
        return drawn_evenly(codes, key, NEAREST_ROWS)

    def _rounds(
        self, features: FeatureRows, source: NDArray, known: NDArray, taught: NDArray
    ) -> Components:
        scatter, means = features.scatter_and_means()
        penalty = penalty_of(features, self.reg, scatter)
        n_classes = len(self.classes_)
        source_means = class_means(features, 0, source, n_classes)
        target, start, changes = known, None, []
        for _ in range(self.max_iter):
            target_means = class_means(features, 1, target, n_classes)
            weighing = self._weighing(features, source, target)
            U = mean_differences(means, source_means, target_means, *weighing)
            found = self._solve(features, scatter, U, penalty, start, GUESS_TOLERANCE)
            before, start = target, found.subspace
            target = self._guess(features, found, source, known, taught)
            changes.append(float((target != before).mean()))
            if not changes[-1]:
                break
        self.changes_, self.n_iter_ = np.array(changes), len(changes)
        return found if start is None else self._solve(features, scatter, U, penalty, start)

    @abstractmethod
    def _weighing(
        self, features: FeatureRows, source: NDArray, target: NDArray
    ) -> tuple[tuple[float, float], bool]:
        """What ``mean_differences`` asks, for codes of the source's and the target's rows."""

    def _guess(
        self,
        features: FeatureRows,
        found: Components,
        source: NDArray,
        known: NDArray,
        taught: NDArray,
    ) -> NDArray:
        """Codes of the target's rows, by a learner where the domains meet."""
        W = with_unit_variance(found, features.total_weight)
        Zs, Zt = (features.project(k, W) for k in (0, 1))
        here, there = taught[taught < len(Zs)], taught[taught >= len(Zs)] - len(Zs)
        rows = np.concatenate([Zs[here], Zt[there]])
        codes = np.concatenate([source[here], known[there]])
        learner = KNeighborsClassifier(1) if self.learner is None else clone(self.learner)
        return np.where(known != BLANK, known, learner.fit(rows, codes).predict(Zt))
