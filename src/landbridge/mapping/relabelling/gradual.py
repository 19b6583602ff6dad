"""Self-training step by step, along domains between source and target."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.labels import BLANK
from landbridge.domains.parameters import check_number
from landbridge.mapping.relabelling.pseudo_labels import surest_of_each_class
from landbridge.mapping.relabelling.self_training import (
    SelfTraining,
    class_probabilities,
)
from landbridge.mapping.transport.cost import (
    check_plan_memory,
    dense_rows,
    scaled_cost,
    transport_geometry,
)
from landbridge.mapping.transport.plans import exact_plan, masses, uniform
from landbridge.source import fit_learner


class Step(NamedTuple):
    """A domain on the way: its rows, their weights and given codes, and the target rows it is."""

    X: NDArray
    weights: NDArray
    known: NDArray
    rows: NDArray


def between(Xs: NDArray, Xt: NDArray, plan: NDArray, n_steps: int) -> list[tuple[NDArray, NDArray]]:
    r"""Rows and weights of so many domains evenly spaced between source and target.

    At time t of the geodesic from one to the other there is a row :math:`(1 - t) x_i + t y_j` of
    weight :math:`P_{ij}` for each pair that the plan P connects: fewer than n_s + n_t (He, Wang,
    Li & Zhao 2023, section 5, after McCann 1997).

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.relabelling.gradual import between
    >>> Xs, Xt = np.array([[0.0], [1.0]]), np.array([[4.0], [5.0]])
    >>> rows, weights = between(Xs, Xt, np.eye(2) / 2, 1)[0]
    >>> rows.ravel(), weights
    (array([2., 3.]), array([0.5, 0.5]))
    """
    i, j = np.nonzero(plan)
    times = np.arange(1, n_steps + 1) / (n_steps + 1)
    return [((1 - t) * Xs[i] + t * Xt[j], plan[i, j]) for t in times]


class GradualSelfTraining(SelfTraining):
    r"""Label target rows by a learner that follows the data from the source to the target.

    The learner is trained on the source; then, for each domain on the way, it labels its rows,
    and is trained anew on the surest of them alone (Kumar, Ma & Liang 2020, section 2). Small
    steps can be followed where one leap cannot. The domains on the way are parts of the target,
    if a feature such as time tells their order; or they are built on the geodesic of optimal
    transport from source to target (He et al. 2023), for which POT must be installed.

    Parameters
    ----------
    learner : scikit-learn classifier with ``predict_proba``, optional
        It is cloned, never changed; logistic regression on scaled features by default.
    n_steps : int, default=5
        The number of domains on the way; more make smaller steps, each with its errors.
    order_by : int, optional
        The number of the feature by whose values the target rows are cut into so many domains of
        equal size, small values first. The learner does not see it: what it learns of it in one
        domain is wrong in the next. By default domains are built.
    share : float, default=0.9
        The share of each class's rows, the surest, that each step learns from.

    Attributes
    ----------
    labels_ : ndarray of shape (n_t,)
    confidence_ : ndarray of shape (n_t,)
        The probability of the label.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.relabelling.gradual import GradualSelfTraining
    >>> rng = np.random.default_rng(0)
    >>> ys, angle = np.repeat([0, 1], 200), np.linspace(0.0, 2.5, 400)
    >>> Xs = rng.normal(size=(400, 2)) + 4.0 * np.c_[ys, ys] - 2.0
    >>> turn = rng.permutation(angle)
    >>> cos, sin = np.cos(turn), np.sin(turn)
    >>> Xt = np.c_[cos * Xs[:, 0] - sin * Xs[:, 1], sin * Xs[:, 0] + cos * Xs[:, 1], turn]
    >>> mapping = GradualSelfTraining(n_steps=8, order_by=2).fit(np.c_[Xs, 0 * ys], Xt, ys=ys)
    >>> float((mapping.labels_ == ys).mean()) > 0.95
    True
    """

    cost = "one fit of the learner a step; n² log n for the transport between"
    when = "the target has drifted far from the source, but by way of places between"

    def __init__(
        self,
        learner: Any = None,
        n_steps: int = 5,
        order_by: int | None = None,
        share: float = 0.9,
    ):
        self.learner = learner
        self.n_steps = n_steps
        self.order_by = order_by
        self.share = share

    def _guess(
        self, Xs: Any, cs: NDArray, weights: NDArray, Xt: Any, known: NDArray, n_classes: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        self._check_parameters(Xt)
        Xs, Xt = dense_rows(Xs), dense_rows(Xt)
        learner, order = self._learner(Xs), None
        if self.order_by is not None:
            order = np.argsort(Xt[:, self.order_by], kind="stable")
            Xs, Xt = (np.delete(X, self.order_by, axis=1) for X in (Xs, Xt))
        model = fit_learner(learner, Xs, cs, weights)
        probabilities = np.zeros((len(Xt), n_classes))
        for step in self._steps(Xs, weights, Xt, known, order):
            model = self._follow(learner, model, step, n_classes)
            if len(step.rows):
                probabilities[step.rows] = class_probabilities(model, Xt[step.rows], n_classes)
        return probabilities.argmax(axis=1), probabilities.max(axis=1)

    def _follow(self, learner: Any, model: Any, step: Step, n_classes: int) -> Any:
        """The learner, trained on the surest of the labels that the model gives to a domain."""
        guesses = class_probabilities(model, step.X, n_classes)
        found = guesses.argmax(axis=1)
        chosen = surest_of_each_class(found, guesses.max(axis=1), self.share)
        codes = np.where(step.known != BLANK, step.known, found)
        chosen |= step.known != BLANK
        if len(np.unique(codes[chosen])) < 2:
            return model  # a part without a second class teaches nothing
        w = step.weights[chosen]
        return fit_learner(learner, step.X[chosen], codes[chosen], w / w.mean())

    def _steps(
        self, Xs: NDArray, weights: NDArray, Xt: NDArray, known: NDArray, order: NDArray | None
    ) -> list[Step]:
        n = len(Xt)
        if order is not None:
            parts = np.array_split(order, min(self.n_steps, n))
            return [Step(Xt[rows], np.ones(len(rows)), known[rows], rows) for rows in parts]
        on_the_way = [
            Step(X, w, np.full(len(X), BLANK), np.empty(0, dtype=int))
            for X, w in between(Xs, Xt, self._plan(Xs, weights, Xt), self.n_steps)
        ]
        return [*on_the_way, Step(Xt, np.ones(n), known, np.arange(n))]

    def _plan(self, Xs: NDArray, weights: NDArray, Xt: NDArray) -> NDArray:
        instead = "Give fewer rows, or a feature that orders the target as order_by."
        check_plan_memory(len(Xs), len(Xt), np.float64, 3, instead)
        cost = scaled_cost(Xs, Xt, transport_geometry(Xs, Xt, weights, False))
        return exact_plan(cost, masses(weights, len(Xs)), uniform(len(Xt)))

    def _check_parameters(self, Xt: NDArray) -> None:
        check_number("n_steps", self.n_steps, least=1, whole=True)
        check_number("share", self.share, above=True, most=1)
        if self.order_by is None:
            return
        if Xt.shape[1] < 2 or not 0 <= self.order_by < Xt.shape[1]:
            raise ValueError(
                f"order_by must be the number of one of several features, from 0 to "
                f"{Xt.shape[1] - 1}: found {self.order_by!r}."
            )
