"""Label propagation along a transport plan."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import encode
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.relabelling.base import Relabelling
from landbridge.mapping.transport.cost import (
    check_plan_memory,
    dense_rows,
    scaled_cost,
    transport_geometry,
)
from landbridge.mapping.transport.optimal_transport import forbid_other_classes
from landbridge.mapping.transport.outputs import as_labels_again, as_outputs, find_classes
from landbridge.mapping.transport.plans import balanced_plan, masses, uniform


def propagated(plan: NDArray, Y: NDArray) -> NDArray[np.float64]:
    r""":math:`\sum_i P_{ij} y_i / \sum_i P_{ij}` (n_t, C): the mean label carried to each row."""
    received = plan.sum(axis=0, dtype=np.float64)
    return (plan.T @ Y) / received[:, None]


class LabelPropagation(Relabelling):
    r"""Give each target row the label that most of its mass comes with from the source.

    With the plan P of least cost, target row j gets the class of the largest share of
    :math:`\sum_i P_{ij} [y_i = c] / \sum_i P_{ij}`, or in regression the mean of the labels
    that come with its mass. Target rows with a known class take mass from that class as far as
    the masses allow (Solomon, Rustamov, Guibas & Butscher 2014; Redko, Courty, Flamary & Tuia
    2019).

    Parameters
    ----------
    solver : {"exact", "sinkhorn"}, default="exact"
        The plan by POT's network simplex, or with entropy, faster and with more doubt.
    reg : float, default=0.05
        The entropy's ε for ``"sinkhorn"``, in units of the median cost.
    task : {"auto", "classification", "regression"}, default="auto"
        What labels are; ``"auto"`` takes numbers with fractions for measurements.
    max_iter : int, default=1000
        The most steps of Sinkhorn's algorithm.
    tol : float, default=1e-4
        The share of the mass that may be misplaced, to stop at.

    Attributes
    ----------
    labels_ : ndarray of shape (n_t,)
        The class, or number, of each target row; given target labels are kept.
    confidence_ : ndarray of shape (n_t,)
        The class's share of the row's mass; 1 in regression.

    Examples
    --------
    >>> from landbridge.mapping.relabelling import LabelPropagation
    >>> Xs, ys = [[0.0], [1.0], [4.0], [5.0]], [-1, -1, 1, 1]
    >>> LabelPropagation().fit(Xs, [[14.0], [10.0], [15.0], [11.0]], ys=ys).labels_
    array([ 1, -1,  1, -1])
    """

    takes_sparse: ClassVar[bool] = True
    cost: ClassVar[str] = "n² d + n³; n² a step with entropy"
    when: ClassVar[str] = "no target labels, and classes keep their places among each other"

    def __init__(
        self,
        solver: str = "exact",
        reg: float = 0.05,
        task: str = "auto",
        max_iter: int = 1000,
        tol: float = 1e-4,
    ):
        self.solver = solver
        self.reg = reg
        self.task = task
        self.max_iter = max_iter
        self.tol = tol

    def _relabel(
        self, Xs: Any, ys: NDArray, Xt: Any, yt: NDArray | None, sample_weight: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        check_choice("solver", self.solver, ("exact", "sinkhorn"))
        check_number("reg", self.reg, above=True)
        classes = find_classes(ys, yt, self.task)
        check_plan_memory(
            Xs.shape[0], Xt.shape[0], np.float64, 4, "Fit it to a sample of the rows."
        )
        Xs, Xt = dense_rows(Xs), dense_rows(Xt)
        a, b = masses(sample_weight, len(Xs)), uniform(len(Xt))
        C = scaled_cost(Xs, Xt, transport_geometry(Xs, Xt, sample_weight, centred=True))
        if classes is not None and yt is not None:
            forbid_other_classes(C, encode(ys, classes), encode(yt, classes))
        reg = self.reg if self.solver == "sinkhorn" else 0.0
        plan = balanced_plan(C, a, b, reg, self.max_iter, self.tol)
        return as_labels_again(propagated(plan, as_outputs(ys, classes)), classes)
