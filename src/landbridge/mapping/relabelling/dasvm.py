"""A support vector machine that trades source rows for target rows, few at a time."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from landbridge.domains.labels import BLANK
from landbridge.domains.parameters import check_number
from landbridge.mapping.relabelling.self_training import SelfTraining
from landbridge.mapping.transport.cost import dense_rows

LEAST_COST = 0.1
"""What a row costs when it comes, and when it is about to go, as a share of C."""


class State(NamedTuple):
    """Who teaches the machine: source rows still in use, signs and ages of target rows."""

    in_use: NDArray[np.bool_]
    signs: NDArray[np.float64]
    ages: NDArray[np.float64]


def join_and_leave(
    scores: NDArray,
    source_scores: NDArray,
    state: State,
    signs: NDArray,
    n_moved: tuple[int, int],
) -> tuple[NDArray, NDArray]:
    """Target rows that join and source rows that leave, as many of each on each side.

    Of the target rows without a sign that lie within the margin, those nearest to its edges join.
    As many source rows leave on that side: those farthest from the boundary, which matter least
    to it (Bruzzone & Marconcini 2010, section 3.2).

    Parameters
    ----------
    scores, source_scores : ndarray of shape (n_t,) and (n_s,)
        Decision values of target and source rows.
    state : State
        Who teaches now.
    signs : ndarray of shape (n_s,)
        Class of source rows, -1 or 1.
    n_moved : tuple of two int
        The most to join, below and above the boundary.
    """
    joining, leaving = [], []
    for side, n_most in zip((-1.0, 1.0), n_moved):
        height = side * scores
        within = np.flatnonzero((state.signs == 0) & (height >= 0) & (height < 1))
        new = within[np.argsort(-height[within], kind="stable")[:n_most]]
        old = np.flatnonzero(state.in_use & (signs == side))
        farthest = old[np.argsort(-side * source_scores[old], kind="stable")[: len(new)]]
        joining.append(new)
        leaving.append(farthest)
    return np.concatenate(joining), np.concatenate(leaving)


class DASVM(SelfTraining):
    r"""Label target rows by a support vector machine that moves over to them by degrees.

    In each round, of the target rows within the margin, the few nearest to either edge join the
    training rows with the sign that the machine gives them, and as many source rows, those
    farthest from the boundary, leave; a joined row whose sign changes is set free again. The cost
    of an error falls quadratically on source rows, from C to C/10 at the last round, and rises
    with the age of joined rows from C/10 to C. At last the machine is trained on target rows
    alone (Bruzzone & Marconcini 2010). More than two classes are told apart each from all others,
    which is less sure: compare with the source model.

    Parameters
    ----------
    C : float, default=1.0
        Cost of an error; larger fits the rows more closely.
    kernel : str, default="rbf"
        As in ``sklearn.svm.SVC``; features are scaled first.
    gamma : "scale", "auto" or float, default="scale"
        As in ``sklearn.svm.SVC``.
    max_iter : int, default=10
        The number of rounds; in each may join, on either side, a share of 1 / max_iter of the
        target rows that lay there at first. More move more slowly.

    Attributes
    ----------
    labels_ : ndarray of shape (n_t,)
    confidence_ : ndarray of shape (n_t,)
        The distance from the boundary in margins, at most 1.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.relabelling.dasvm import DASVM
    >>> rng = np.random.default_rng(0)
    >>> ys = np.repeat(["no", "yes"], 100)
    >>> Xs = rng.normal(size=(200, 2)) + 4.0 * (ys == "yes")[:, None]
    >>> mapping = DASVM(kernel="linear").fit(Xs, Xs + 1.0, ys=ys)
    >>> float((mapping.labels_ == ys).mean()) > 0.97
    True
    """

    cost = "R C machines of n² d to n³ each, for R rounds"
    when = "two classes, few rows, and a boundary moved by less than they are apart"

    def __init__(
        self,
        C: float = 1.0,
        kernel: str = "rbf",
        gamma: float | str = "scale",
        max_iter: int = 10,
    ):
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.max_iter = max_iter

    def _guess(
        self, Xs: Any, cs: NDArray, weights: NDArray, Xt: Any, known: NDArray, n_classes: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("C", self.C, above=True)
        Xs, Xt = dense_rows(Xs), dense_rows(Xt)
        scaler = StandardScaler().fit(np.vstack([Xs, Xt]))
        rows = scaler.transform(Xs), scaler.transform(Xt)
        scores = np.empty((len(Xt), n_classes))
        for code in range(n_classes - 1 if n_classes == 2 else n_classes):
            scores[:, code] = self._against_others(rows, cs, weights, known, code)
        if n_classes == 2:
            scores[:, 1] = -scores[:, 0]
        ordered = np.sort(scores, axis=1)
        return scores.argmax(axis=1), np.clip((ordered[:, -1] - ordered[:, -2]) / 2, 0.0, 1.0)

    def _against_others(
        self,
        rows: tuple[NDArray, NDArray],
        cs: NDArray,
        weights: NDArray,
        known: NDArray,
        code: int,
    ) -> NDArray[np.float64]:
        """Decision values (n_t,) of the last machine that tells a class from all others."""
        signs, given = (signs_of(codes, code) for codes in (cs, known))
        taught = signs[weights > 0]
        if len(np.unique(taught)) < 2:
            return np.full(len(known), -np.inf if taught[0] < 0 else np.inf)
        fixed = given != 0
        state = State(np.ones(len(cs), dtype=bool), given, np.where(fixed, self.max_iter, 0.0))
        machine = self._train(rows, signs, weights, state, 0)
        n_above = int((machine.decision_function(rows[1]) >= 0).sum())
        n_moved = -((n_above - len(known)) // self.max_iter), -(-n_above // self.max_iter)
        for number in range(1, self.max_iter + 1):
            scores = machine.decision_function(rows[1])
            source_scores = machine.decision_function(rows[0])
            state = changed(state, scores, fixed)
            joining, leaving = join_and_leave(scores, source_scores, state, signs, n_moved)
            if not len(joining):
                break
            state.signs[joining] = np.where(scores[joining] < 0, -1.0, 1.0)
            state.in_use[leaving] = False
            if not has_both_sides(signs, weights, state):
                break  # the last machine is the best there is
            machine = self._train(rows, signs, weights, state, number)
        return self._on_target(machine, rows[1], given)

    def _on_target(self, machine: SVC, X: NDArray, given: NDArray) -> NDArray[np.float64]:
        """Decision values of a machine trained on target rows alone, as the last one has them."""
        scores = machine.decision_function(X)
        signs = np.where(given != 0, given, np.where(scores < 0, -1.0, 1.0))
        if len(np.unique(signs)) < 2:
            return scores
        return self._machine().fit(X, signs).decision_function(X)

    def _train(
        self,
        rows: tuple[NDArray, NDArray],
        signs: NDArray,
        weights: NDArray,
        state: State,
        number: int,
    ) -> SVC:
        """A machine of the rows in use, each with its cost."""
        joined = state.signs != 0
        left = 1.0 - (1.0 - LEAST_COST) * (number / self.max_iter) ** 2
        grown = LEAST_COST + (1.0 - LEAST_COST) * (state.ages / self.max_iter) ** 2
        costs = np.concatenate([left * weights[state.in_use], grown[joined]])
        X = np.vstack([rows[0][state.in_use], rows[1][joined]])
        y = np.concatenate([signs[state.in_use], state.signs[joined]])
        return self._machine().fit(X[costs > 0], y[costs > 0], costs[costs > 0])

    def _machine(self) -> SVC:
        return SVC(C=self.C, kernel=self.kernel, gamma=self.gamma)


def signs_of(codes: NDArray, code: int) -> NDArray[np.float64]:
    """1 for a class, -1 for all others, 0 for a blank."""
    return np.where(codes == BLANK, 0.0, np.where(codes == code, 1.0, -1.0))


def has_both_sides(signs: NDArray, weights: NDArray, state: State) -> bool:
    """Whether the rows that teach, source rows of any weight and joined ones, are of both signs."""
    teaching = np.concatenate([signs[state.in_use & (weights > 0)], state.signs])
    return bool((teaching < 0).any() and (teaching > 0).any())


def changed(state: State, scores: NDArray, fixed: NDArray) -> State:
    """Joined target rows whose sign has changed are free again; the others are a round older."""
    freed = (state.signs * scores < 0) & ~fixed
    signs = np.where(freed, 0.0, state.signs)
    return State(state.in_use.copy(), signs, np.where(signs != 0, state.ages + ~fixed, 0.0))
