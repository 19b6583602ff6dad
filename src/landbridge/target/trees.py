"""Trees and forests of the source, refined on target rows."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import BaseDecisionTree
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.folds import content_key
from landbridge.domains.labels import class_names, encode, labelled_rows
from landbridge.mapping.base import Carried
from landbridge.source import fit_learner, learner_name
from landbridge.target.base import TargetLearner, WrappedLearner

FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)
LEAF = -1
CHUNK_ROWS = 8192


class Tree:
    """A binary tree as arrays: node j sends a row left where ``x[feature] <= threshold``.

    Parameters
    ----------
    feature, left, right : ndarray of int, shape (n_nodes,)
        What a node looks at and where its children are; -1 in a leaf.
    threshold : ndarray of shape (n_nodes,)
        Where a node splits.
    value : ndarray of shape (n_nodes, k)
        Class shares, or the mean (k = 1), of the rows that came by a node.
    """

    def __init__(
        self, feature: NDArray, threshold: NDArray, left: NDArray, right: NDArray, value: NDArray
    ):
        self.feature = feature
        self.threshold = threshold
        self.left = left
        self.right = right
        self.value = value

    @classmethod
    def of(cls, fitted: Any, columns: NDArray | None = None, n_columns: int = 1) -> Self:
        """The tree inside a fitted scikit-learn tree; its classes are these of so many columns."""
        inner = fitted.tree_
        shares = inner.value[:, 0, :]
        if columns is None:
            value = shares.copy()
        else:
            value = np.zeros((inner.node_count, n_columns))
            value[:, columns] = shares / shares.sum(axis=1, keepdims=True)
        left, right = inner.children_left.astype(int), inner.children_right.astype(int)
        feature = np.where(left == LEAF, LEAF, inner.feature)
        return cls(feature, inner.threshold.copy(), left, right, value)

    def leaves(self, X: NDArray) -> NDArray[np.int_]:
        """The leaf (n,) in which each dense row ends."""
        nodes = np.zeros(len(X), dtype=int)
        moving = np.flatnonzero(self.left[nodes] != LEAF)
        while len(moving):
            here = nodes[moving]
            goes_left = X[moving, self.feature[here]] <= self.threshold[here]
            nodes[moving] = np.where(goes_left, self.left[here], self.right[here])
            moving = moving[self.left[nodes[moving]] != LEAF]
        return nodes

    def split(self, node: int, X: NDArray, rows: NDArray) -> tuple[NDArray, NDArray]:
        """Which of the rows a node sends left, and which right."""
        goes_left = X[rows, self.feature[node]] <= self.threshold[node]
        return rows[goes_left], rows[~goes_left]

    def graft(self, leaf: int, twig: "Tree") -> None:
        """Let another tree grow where a leaf was."""
        size = len(self.left)

        def place(children: NDArray) -> NDArray:
            return np.where(children == LEAF, LEAF, children + size - 1)

        for name in ("feature", "threshold", "value"):
            ours, theirs = getattr(self, name), getattr(twig, name)
            ours[leaf] = theirs[0]
            setattr(self, name, np.concatenate([ours, theirs[1:]]))
        for name in ("left", "right"):
            ours, theirs = getattr(self, name), place(getattr(twig, name))
            ours[leaf] = theirs[0]
            setattr(self, name, np.concatenate([ours, theirs[1:]]))

    def prune(self, node: int, value: NDArray) -> None:
        """Make a node a leaf of that value."""
        self.left[node] = self.right[node] = self.feature[node] = LEAF
        self.value[node] = value

    def compact(self) -> Self:
        """The same tree without the nodes that nothing leads to any more."""
        kept, level = [np.zeros(1, dtype=int)], np.zeros(1, dtype=int)
        while len(level := level[self.left[level] != LEAF]):
            level = np.concatenate([self.left[level], self.right[level]])
            kept.append(level)
        nodes = np.concatenate(kept)
        number = np.full(len(self.left) + 1, LEAF)  # the last entry stays: LEAF leads to LEAF
        number[nodes] = np.arange(len(nodes))
        left, right = number[self.left[nodes]], number[self.right[nodes]]
        return type(self)(
            self.feature[nodes], self.threshold[nodes], left, right, self.value[nodes]
        )


def leaf_loss(Y: NDArray, value: NDArray) -> float:
    """Errors of a leaf on rows Y (n, k): rows of another class, or squared errors (k = 1)."""
    if Y.shape[1] == 1:
        return float(((Y - value) ** 2).sum())
    return float(len(Y) - Y[:, value.argmax()].sum())


def expand(tree: Tree, X: NDArray, Y: NDArray, seedling: Any) -> None:
    """Grow every leaf that target rows reach into a full tree of those rows."""
    ends = tree.leaves(X)
    for leaf in np.unique(ends):
        rows = np.flatnonzero(ends == leaf)
        tree.graft(int(leaf), grow(X[rows], Y[rows], seedling))


def grow(X: NDArray, Y: NDArray, seedling: Any) -> Tree:
    """A tree of rows X (n, d) and what they are, Y (n, k), by a clone of a scikit-learn tree."""
    if not np.ptp(Y, axis=0).any():
        stop = np.array([LEAF])
        return Tree(stop, np.zeros(1), stop.copy(), stop.copy(), Y[:1].copy())
    if Y.shape[1] == 1:
        return Tree.of(clone(seedling).fit(X, Y[:, 0]))
    fitted = clone(seedling).fit(X, Y.argmax(axis=1))
    return Tree.of(fitted, fitted.classes_, Y.shape[1])


def rows_by_node(tree: Tree, X: NDArray) -> dict[int, NDArray]:
    """The numbers of the rows that come by each node which any reaches, parents first."""
    reached: dict[int, NDArray] = {}
    waiting = [(0, np.arange(len(X)))]
    while waiting:
        node, rows = waiting.pop()
        if not len(rows):
            continue
        reached[node] = rows
        if tree.left[node] != LEAF:
            waiting.extend(zip((tree.left[node], tree.right[node]), tree.split(node, X, rows)))
    return reached


def reduce(tree: Tree, X: NDArray, Y: NDArray) -> None:
    """Prune, from the leaves up, what errs no less on target rows than a leaf would.

    Nodes which no target row reaches stay as they are.
    """
    errors: dict[int, float] = {}
    for node, rows in reversed(rows_by_node(tree, X).items()):
        if tree.left[node] == LEAF:
            errors[node] = leaf_loss(Y[rows], tree.value[node])
            continue
        below = errors.get(tree.left[node], 0.0) + errors.get(tree.right[node], 0.0)
        mean = Y[rows].mean(axis=0)
        alone = leaf_loss(Y[rows], mean)
        errors[node] = min(alone, below)
        if alone <= below:
            tree.prune(node, mean)


def entropy(shares: NDArray) -> NDArray[np.float64]:
    """Entropy in bits along the last axis."""
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return -(shares * logs).sum(axis=-1)


def jensen_shannon(P: NDArray, q: NDArray) -> NDArray[np.float64]:
    """Jensen–Shannon divergence, 0 to 1 bit, of each row of class shares P (m, k) to q (k,)."""
    return entropy((P + q) / 2) - (entropy(P) + entropy(q)) / 2


def best_split(
    x: NDArray, Y: NDArray, source_left: NDArray, source_right: NDArray
) -> tuple[float, float]:
    r"""The threshold whose two sides look most like the source's, and its divergence gain.

    Among the cuts between values of x that are local maxima of the information gain, the one with
    the largest :math:`1 - \frac{n_l}{n} \mathrm{JSD}(p_l, q_l) - \frac{n_r}{n}
    \mathrm{JSD}(p_r, q_r)`, with p the class shares of target rows on either side and q those of
    the source (Segev et al. 2017, section 3.2). Minus infinity where x does not vary.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.target.trees import best_split
    >>> x, Y = np.array([1.0, 2.0, 3.0, 9.0]), np.eye(2)[[0, 0, 1, 1]]
    >>> best_split(x, Y, np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    (2.5, 1.0)
    """
    order = np.argsort(x, kind="stable")
    x, Y = x[order], Y[order]
    cuts = np.flatnonzero(x[1:] > x[:-1])
    if not len(cuts):
        return 0.0, -np.inf
    n_left = cuts + 1.0
    total, left = Y.sum(axis=0), Y.cumsum(axis=0)[cuts]
    share = n_left / len(x)
    p_left = left / n_left[:, None]
    p_right = (total - left) / (len(x) - n_left)[:, None]
    spread = share * entropy(p_left) + (1 - share) * entropy(p_right)
    gain = 1 - share * jensen_shannon(p_left, source_left)
    gain -= (1 - share) * jensen_shannon(p_right, source_right)
    best = int(np.where(is_local_minimum(spread), gain, -np.inf).argmax())
    return float((x[cuts[best]] + x[cuts[best] + 1]) / 2), float(gain[best])


def is_local_minimum(values: NDArray) -> NDArray[np.bool_]:
    """Which values (m,) are no larger than their neighbours."""
    padded = np.concatenate([[np.inf], values, [np.inf]]) + 0.0
    within = 1e-12  # what rounding leaves of equal values
    return (values <= padded[:-2] + within) & (values <= padded[2:] + within)


def transfer_structure(tree: Tree, X: NDArray, Y: NDArray) -> None:
    """Choose every threshold anew for target rows, from the root down, and refill the leaves.

    Where the two sides fit the source better exchanged, the subtrees are exchanged. Nodes which
    no target row reaches stay as they are.
    """
    waiting = [(0, np.arange(len(X)))]
    while waiting:
        node, rows = waiting.pop()
        if not len(rows):
            continue
        if tree.left[node] == LEAF:
            tree.value[node] = Y[rows].mean(axis=0)
            continue
        _move_threshold(tree, node, X[rows, tree.feature[node]], Y[rows])
        waiting.extend(zip((tree.left[node], tree.right[node]), tree.split(node, X, rows)))


def _move_threshold(tree: Tree, node: int, x: NDArray, Y: NDArray) -> None:
    left, right = tree.left[node], tree.right[node]
    sides = tree.value[left], tree.value[right]
    straight, exchanged = best_split(x, Y, *sides), best_split(x, Y, *sides[::-1])
    if straight[1] == -np.inf:
        return
    tree.threshold[node] = max(straight, exchanged, key=lambda found: found[1])[0]
    if exchanged[1] > straight[1]:
        tree.left[node], tree.right[node] = right, left


class _RefinedTrees(WrappedLearner):
    """A tree or forest of the source, each tree of it refined on labelled target rows."""

    uses_model = True

    def __init__(self, learner: Any):
        self.learner = learner

    def predict(self, X: Any) -> NDArray:
        """The labels (n,) expected for target rows (n, d) in the meeting space."""
        means = self._means(X)
        return self.classes_[means.argmax(axis=1)] if is_classifier(self) else means[:, 0]

    @available_if(lambda self: is_classifier(self))
    def predict_proba(self, X: Any) -> NDArray:
        """The probability (n, n_classes) of each class: the mean over trees."""
        return self._means(X)

    @property
    def classes_(self) -> NDArray:
        """The classes of either domain, in the order of the probabilities."""
        return self.all_classes_

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_learner()
        self._check_labels(yt)
        self.learner_ = self._source(carried, model)
        rows, y = labelled_rows(Xt, yt)
        Y = self._outcomes(y)
        X = as_trees_see(rows)
        self.trees_ = [self._refine(tree, X, Y) for tree in self._source_trees()]

    def _source(self, carried: Carried, model: Any) -> Any:
        """The source model where it is of trees on these features, else one of carried rows."""
        if is_of_trees(model) and model.n_features_in_ == carried.X.shape[1]:
            return model
        # A forest draws its rows by their number: content decides what that is.
        order = np.lexsort((carried.y, content_key(carried.X)))
        weights = carried.sample_weight
        return fit_learner(
            self.learner,
            carried.X[order],
            carried.y[order],
            None if weights is None else weights[order],
        )

    def _outcomes(self, y: NDArray) -> NDArray[np.float64]:
        if not is_classifier(self):
            return y[:, None]
        self.all_classes_ = class_names(self.learner_.classes_, y)
        return np.eye(len(self.all_classes_))[encode(y, self.all_classes_).astype(int)]

    def _source_trees(self) -> list[tuple[Tree, Any]]:
        """Each tree of the source as ours, and as an estimator to be cloned."""
        members = getattr(self.learner_, "estimators_", [self.learner_])
        if not is_classifier(self):
            return [(Tree.of(member), member) for member in members]
        columns = encode(self.learner_.classes_, self.all_classes_).astype(int)
        return [(Tree.of(member, columns, len(self.all_classes_)), member) for member in members]

    def _means(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        starts = range(0, max(X.shape[0], 1), CHUNK_ROWS)
        return np.concatenate([self._mean_of(X[i : i + CHUNK_ROWS]) for i in starts])

    def _mean_of(self, X: Any) -> NDArray[np.float64]:
        rows = as_trees_see(X)
        return np.mean([tree.value[tree.leaves(rows)] for tree in self.trees_], axis=0)

    def _check_learner(self) -> None:
        if not is_of_trees(self.learner):
            raise ValueError(
                f"{type(self).__name__} refines trees: {learner_name(self.learner)} is none. Give "
                "a decision tree, a random forest or extra trees as learner."
            )

    @abstractmethod
    def _refine(self, source: tuple[Tree, Any], X: NDArray, Y: NDArray) -> Tree:
        """A tree of the source, refined on target rows X (n, d) and what they are, Y (n, k)."""


def is_of_trees(model: Any) -> bool:
    """Whether a model is a tree or a forest of scikit-learn's."""
    return isinstance(model, (BaseDecisionTree, *FORESTS))


def as_trees_see(X: Any) -> NDArray[np.float32]:
    """Rows as scikit-learn's trees compare them with thresholds: dense and of single precision."""
    return np.asarray(X.toarray() if issparse(X) else X, dtype=np.float32)


class SER(_RefinedTrees):
    """Source trees whose structure is expanded and reduced by what target rows show.

    First every leaf which labelled target rows reach grows into a full tree of those rows. Then,
    from the leaves up, a node becomes a leaf where that errs on the target rows which reach it no
    more than the subtree below it (Segev et al. 2017, algorithm SER). What no target row reaches
    stays as the source has it. Regression counts squared errors.

    Parameters
    ----------
    learner : decision tree, random forest or extra trees of scikit-learn
        Fitted to the carried rows where ``fit`` is given no such model. New branches grow by its
        parameters.

    Attributes
    ----------
    learner_ : fitted tree or forest
        That of the source.
    trees_ : list of Tree
        The refined trees.
    classes_ : ndarray of shape (n_classes,)
    notes_ : list of str

    Raises
    ------
    ValueError
        If no target row is labelled, or the learner is not of trees.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target.trees import SER
    >>> X = np.arange(8.0)[:, None]
    >>> carried = Carried(X, np.array(["low"] * 4 + ["high"] * 4))
    >>> yt = np.array(["low"] * 2 + ["high"] * 6)
    >>> SER(DecisionTreeClassifier(random_state=0)).fit(carried, X, yt).predict(X[1:4])
    array(['low', 'high', 'high'], dtype='<U4')
    """

    def _refine(self, source: tuple[Tree, Any], X: NDArray, Y: NDArray) -> Tree:
        tree, member = source
        expand(tree, X, Y, member)
        reduce(tree, X, Y)
        return tree.compact()


class STRUT(_RefinedTrees):
    """Source trees that keep their structure and get their thresholds anew from target rows.

    From the root down a node keeps its feature and takes the threshold where target rows on
    either side have class shares most like the source's (``best_split``); where they fit better
    exchanged, the subtrees are exchanged. Leaves take the target's class shares (Segev et al.
    2017, algorithm STRUT). What no target row reaches stays as the source has it. For
    classification: class shares are what is compared.

    Parameters
    ----------
    learner : classification tree, random forest or extra trees of scikit-learn
        Fitted to the carried rows where ``fit`` is given no such model.

    Attributes
    ----------
    learner_ : fitted tree or forest
        That of the source.
    trees_ : list of Tree
        The refined trees.
    classes_ : ndarray of shape (n_classes,)
    notes_ : list of str

    Raises
    ------
    ValueError
        If no target row is labelled, or the learner is not of classification trees.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target.trees import STRUT
    >>> X = np.arange(8.0)[:, None]
    >>> y = np.array(["low"] * 4 + ["high"] * 4)
    >>> moved = STRUT(DecisionTreeClassifier(random_state=0)).fit(Carried(X, y), 10 * X, y)
    >>> float(moved.learner_.tree_.threshold[0]), float(moved.trees_[0].threshold[0])
    (3.5, 35.0)
    """

    def _check_learner(self) -> None:
        super()._check_learner()
        if is_regressor(self):
            raise ValueError(
                "STRUT compares class shares and is for classification: found the regressor "
                f"{learner_name(self.learner)}. For regression use SER."
            )

    def _refine(self, source: tuple[Tree, Any], X: NDArray, Y: NDArray) -> Tree:
        tree, _ = source
        transfer_structure(tree, X, Y)
        return tree


def _trees_for(learner: Any) -> Any:
    if is_of_trees(learner):
        return learner
    kind = RandomForestRegressor if is_regressor(learner) else RandomForestClassifier
    return kind(n_estimators=50, random_state=0)


def ser(learner: Any) -> TargetLearner:
    """``SER`` of the learner where it is of trees, else of a random forest for its task."""
    return SER(_trees_for(learner))


def strut(learner: Any) -> TargetLearner:
    """``STRUT`` of the learner where it is of trees, else of a random forest."""
    return STRUT(_trees_for(learner))
