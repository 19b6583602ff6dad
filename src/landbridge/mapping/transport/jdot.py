"""Joint distribution optimal transport."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.kernel_ridge import KernelRidge

from landbridge.domains.parameters import check_number
from landbridge.mapping.relabelling.base import Relabelling
from landbridge.mapping.relabelling.self_training import class_probabilities
from landbridge.mapping.transport.cost import (
    check_plan_memory,
    dense_rows,
    scaled_rows,
    squared_distances,
    transport_geometry,
)
from landbridge.mapping.transport.outputs import as_labels_again, as_outputs, find_classes
from landbridge.mapping.transport.plans import balanced_plan, masses, uniform
from landbridge.mapping.transport.sinkhorn import warn_if_unconverged
from landbridge.source import fit_learner, has_probabilities


def label_losses(Y: NDArray, predicted: NDArray, log: bool = False) -> NDArray:
    """Losses (n_s, n_t) of predictions (n_t, C) as labels of the source rows (n_s, C).

    Squared, or with ``log`` those of the logarithm.
    """
    if log:
        return -Y @ np.log(np.maximum(predicted, 1e-6)).T
    return squared_distances(Y, predicted)


class JDOT(Relabelling):
    r"""Label target rows such that rows and labels together travel least from the source.

    A plan P and a learner f minimise together :math:`\sum_{ij} P_{ij} (\alpha \|x_i - x'_j\|^2 /
    \sigma + L(y_i, f(x'_j))) + \lambda \|f\|^2` with the median squared distance :math:`\sigma`
    (Courty, Flamary, Habrard & Rakotomamonjy 2017): the plan given f by optimal transport,
    f given the plan by a fit to the labels it carries over, in turn.

    Parameters
    ----------
    alpha : float, default=1.0
        What distance costs beside wrong labels; a larger one trusts the geometry more.
    learner : estimator, optional
        f. A regressor learns the labels that the plan carries to each target row, one number for
        each class, with squared loss; a classifier with ``predict_proba`` learns the classes with
        the masses as sample weights, with logarithmic loss. By default ridge regression with a
        Gaussian kernel of the median width.
    learner_reg : float, default=1e-3
        λ, of the default learner.
    task : {"auto", "classification", "regression"}, default="auto"
        What labels are; ``"auto"`` takes numbers with fractions for measurements.
    reg : float, default=0.0
        Entropy of the plan, in median costs; 0 finds plans by POT's network simplex.
    max_iter : int, default=50
        The most rounds.
    tol : float, default=1e-4
        The share of the objective's decrease in a round at which to stop.

    Attributes
    ----------
    labels_ : ndarray of shape (n_t,)
        The class, or number, of each target row; given target labels are kept.
    confidence_ : ndarray of shape (n_t,)
        The class's share of what f says; 1 in regression.
    learner_ : fitted estimator
        f, of rows seen from ``target_origin_`` (d,) in units of the square root of ``unit_``.
    objective_ : ndarray
        What is minimised after each round (without λ‖f‖² for a learner of one's own).

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.transport import JDOT
    >>> Xs, ys = np.array([[0.0], [1.0], [4.0], [5.0]]), ["low", "low", "high", "high"]
    >>> JDOT().fit(Xs, Xs + 10.0, ys=ys).labels_.tolist()
    ['low', 'low', 'high', 'high']
    """

    takes_sparse: ClassVar[bool] = True
    cost: ClassVar[str] = "n³ a round; n² with entropy"
    when: ClassVar[str] = "no target labels, and labels as well as features moved"

    def __init__(
        self,
        alpha: float = 1.0,
        learner: Any = None,
        learner_reg: float = 1e-3,
        task: str = "auto",
        reg: float = 0.0,
        max_iter: int = 50,
        tol: float = 1e-4,
    ):
        self.alpha = alpha
        self.learner = learner
        self.learner_reg = learner_reg
        self.task = task
        self.reg = reg
        self.max_iter = max_iter
        self.tol = tol

    def _relabel(
        self, Xs: Any, ys: NDArray, Xt: Any, yt: NDArray | None, sample_weight: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        self._check_parameters()
        classes = find_classes(ys, yt, self.task)
        if classes is None and self._learns_classes:
            raise ValueError(
                "learner must be a regressor, for these labels are measurements: found "
                f"{type(self.learner).__name__}. Give a regressor, or task='classification'."
            )
        if self._learns_classes and not has_probabilities(self.learner):
            raise ValueError(
                "learner must give probabilities, for the logarithmic loss: "
                f"{type(self.learner).__name__} has no predict_proba. Choose LogisticRegression, "
                "or a regressor for the squared loss."
            )
        check_plan_memory(
            Xs.shape[0], Xt.shape[0], np.float64, 5, "Fit it to a sample of the rows."
        )
        Xs, Xt = dense_rows(Xs), dense_rows(Xt)
        geometry = transport_geometry(Xs, Xt, sample_weight, centred=True)
        self.target_origin_, self.unit_ = geometry.target_origin, geometry.unit
        X = scaled_rows(Xs, geometry.source_origin, geometry.unit)
        Z = scaled_rows(Xt, geometry.target_origin, geometry.unit)
        known = np.full((len(Z), 1), np.nan) if yt is None else as_outputs(yt, classes)
        Y, known, centre, spread = _standardised(as_outputs(ys, classes), known, classes is None)
        predicted = self._alternate(squared_distances(X, Z), Y, Z, known, sample_weight)
        return as_labels_again(predicted * spread + centre, classes)

    def _alternate(
        self, C: NDArray, Y: NDArray, Z: NDArray, known: NDArray, sample_weight: NDArray | None
    ) -> NDArray:
        """Fit the plan and the learner in turn, from the plan by distance alone on."""
        a, b = masses(sample_weight, len(Y)), uniform(len(Z))
        C = C.astype(np.float64) * self.alpha
        plan, objective, gain = balanced_plan(C, a, b, self.reg), [np.inf], np.inf
        while gain > self.tol and len(objective) <= self.max_iter:
            predicted = self._learn(Z, plan.T @ Y * len(Z), known)
            costs = C + label_losses(Y, predicted, self._learns_classes)
            plan = balanced_plan(costs, a, b, self.reg)
            objective.append(float(np.vdot(costs, plan)) + self._penalty(Z))
            gain = (objective[-2] - objective[-1]) / max(abs(objective[-1]), np.finfo(float).tiny)
        self.objective_ = np.array(objective[1:])
        if self.max_iter > 1:  # a single round has no decrease to see
            name = type(self).__name__
            warn_if_unconverged(gain, self.tol, self.max_iter, name, "relative decrease")
        return predicted

    @property
    def _learns_classes(self) -> bool:
        return self.learner is not None and is_classifier(self.learner)

    def _learn(self, Z: NDArray, carried: NDArray, known: NDArray) -> NDArray:
        """f after a fit to the carried labels (n_t, C), at the target rows (n_t, C)."""
        outputs = np.where(np.isnan(known), carried, known)
        if self._learns_classes:
            predicted = self._learn_classes(Z, outputs)
        else:
            Y = outputs[:, 0] if outputs.shape[1] == 1 else outputs
            self.learner_ = fit_learner(self._regressor(len(Z)), Z, Y)
            predicted = np.asarray(self.learner_.predict(Z)).reshape(outputs.shape)
        return np.where(np.isnan(known), predicted, known)

    def _learn_classes(self, Z: NDArray, shares: NDArray) -> NDArray:
        rows, codes = np.nonzero(shares > 1e-9)
        self.learner_ = fit_learner(self.learner, Z[rows], codes, shares[rows, codes])
        return class_probabilities(self.learner_, Z, shares.shape[1])

    def _regressor(self, n_target: int) -> Any:
        if self.learner is not None:
            return self.learner
        # The median squared distance is the unit of the rows.
        return KernelRidge(alpha=self.learner_reg * n_target, kernel="rbf", gamma=0.5)

    def _penalty(self, Z: NDArray) -> float:
        """λ‖f‖² of the default learner: its coefficients times its values."""
        if self.learner is not None:
            return 0.0
        squared_norm = np.vdot(self.learner_.dual_coef_, self.learner_.predict(Z))
        return self.learner_reg * float(squared_norm)

    def _check_parameters(self) -> None:
        check_number("alpha", self.alpha, above=True)
        check_number("learner_reg", self.learner_reg, above=True)
        check_number("reg", self.reg)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("tol", self.tol, above=True)


def _standardised(
    Y: NDArray, known: NDArray, measured: bool
) -> tuple[NDArray, NDArray, float, float]:
    """Measurements, in both domains, as distances from the source's mean in its spreads."""
    if not measured:
        return Y, known, 0.0, 1.0
    centre, spread = float(Y.mean()), float(Y.std()) or 1.0
    return (Y - centre) / spread, (known - centre) / spread, centre, spread
