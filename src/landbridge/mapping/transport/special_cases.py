"""Optimal transport under the names its special cases go by."""

from typing import ClassVar

from landbridge.mapping.transport.optimal_transport import OptimalTransport


class ExactTransport(OptimalTransport):
    """Carry each source row along the plan of least cost, one target row to one where it can.

    Optimal transport without entropy (Kantorovich 1942; Courty, Flamary, Tuia & Rakotomamonjy
    2017), solved by POT's network simplex.

    Parameters
    ----------
    match_labels, out_of_sample, batch_size
        As of :class:`OptimalTransport`, whose attributes it has.

    Examples
    --------
    >>> from landbridge.mapping.transport import ExactTransport
    >>> ExactTransport().fit([[0.0], [1.0], [3.0]], [[9.0], [5.0], [6.0]]).transform([[1.0]])
    array([[6.]])
    """

    cost: ClassVar[str] = "n² d + n³"
    when: ClassVar[str] = "few rows, and every target row should be met; up to 5,000 rows"

    def __init__(
        self,
        match_labels: bool = True,
        out_of_sample: str = "auto",
        batch_size: int | None = None,
    ):
        super().__init__(
            "exact", match_labels=match_labels, out_of_sample=out_of_sample, batch_size=batch_size
        )


class UnbalancedTransport(OptimalTransport):
    """Carry rows at the least cost, and leave mass behind that has no place in the target.

    Marginals may be missed at a price (Chizat, Peyré, Schmitzer & Vialard 2018), so that
    outliers and classes of other shares pull less at the map.

    Parameters
    ----------
    reg, reg_marginal, match_labels, out_of_sample, batch_size, max_iter, tol
        As of :class:`OptimalTransport`, whose attributes it has.

    Examples
    --------
    >>> from landbridge.mapping.transport import UnbalancedTransport
    >>> mapping = UnbalancedTransport(reg=0.0, reg_marginal=0.1)
    >>> Xs, Xt = [[0.0], [1.0], [2.0]], [[0.5], [1.5], [2.5], [60.0]]
    >>> bool(mapping.fit(Xs, Xt).transform([[2.0]])[0, 0] < 3.0)
    True
    """

    cost: ClassVar[str] = "n² d, n² a step"
    when: ClassVar[str] = "outliers, or class shares that differ between the domains"

    def __init__(
        self,
        reg: float = 0.05,
        reg_marginal: float = 1.0,
        match_labels: bool = True,
        out_of_sample: str = "auto",
        batch_size: int | None = None,
        max_iter: int = 1000,
        tol: float = 1e-4,
    ):
        super().__init__(
            "unbalanced",
            reg,
            reg_marginal,
            match_labels=match_labels,
            out_of_sample=out_of_sample,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
        )


class PartialTransport(OptimalTransport):
    """Carry only the share of the mass that is cheapest to carry; the rest follows its neighbours.

    Partial transport (Caffarelli & McCann 2010; Chapel, Alaya & Gasso 2020), solved by POT.

    Parameters
    ----------
    mass, match_labels, out_of_sample, batch_size
        As of :class:`OptimalTransport`, whose attributes it has.

    Examples
    --------
    >>> from landbridge.mapping.transport import PartialTransport
    >>> Xs, Xt = [[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]], [[1.0, 0.0], [1.0, 1.0], [60.0, 0.0]]
    >>> PartialTransport(mass=2 / 3).fit(Xs, Xt).transform([[0.0, 1.0]])
    array([[1., 1.]])
    """

    cost: ClassVar[str] = "n² d + n³"
    when: ClassVar[str] = "a known share of either domain has no counterpart in the other"

    def __init__(
        self,
        mass: float = 0.9,
        match_labels: bool = True,
        out_of_sample: str = "auto",
        batch_size: int | None = None,
    ):
        super().__init__(
            "partial",
            mass=mass,
            match_labels=match_labels,
            out_of_sample=out_of_sample,
            batch_size=batch_size,
        )


class ClassTransport(OptimalTransport):
    """Carry rows at the least cost, and keep those of different classes apart on the way.

    Entropic transport with a penalty on target rows that take mass from several classes
    (Courty, Flamary, Tuia & Rakotomamonjy 2017).

    Parameters
    ----------
    class_reg, class_penalty, reg, match_labels, out_of_sample, batch_size, max_iter, tol
        As of :class:`OptimalTransport`, whose attributes it has.

    Examples
    --------
    >>> from landbridge.mapping.transport import ClassTransport
    >>> Xs, ys = [[0.0], [1.0], [4.0], [5.0]], ["low", "low", "high", "high"]
    >>> moved = ClassTransport().fit(Xs, [[10.0], [11.0], [14.0], [15.0]], ys=ys).transform(Xs)
    >>> bool((moved[:2] < 11.0).all() and (moved[2:] > 14.0).all())
    True
    """

    needs_labels: ClassVar[str] = "source"
    needs_classes: ClassVar[bool] = True
    cost: ClassVar[str] = "n² d, n² a step, some 10 rounds"
    when: ClassVar[str] = "classes overlap after a shift, and source labels can be trusted"

    def __init__(
        self,
        class_reg: float = 0.5,
        class_penalty: str = "lp-l1",
        reg: float = 0.05,
        match_labels: bool = True,
        out_of_sample: str = "auto",
        batch_size: int | None = None,
        max_iter: int = 1000,
        tol: float = 1e-4,
    ):
        super().__init__(
            reg=reg,
            class_reg=class_reg,
            class_penalty=class_penalty,
            match_labels=match_labels,
            out_of_sample=out_of_sample,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
        )


class LaplaceTransport(OptimalTransport):
    """Carry rows at the least cost, and neighbours alike, so that structure is kept.

    Transport with a penalty on displacements that differ between neighbours (Ferradans,
    Papadakis, Peyré & Aujol 2014; Courty, Flamary, Tuia & Rakotomamonjy 2017).

    Parameters
    ----------
    laplace_reg, n_neighbors, solver, reg, match_labels, out_of_sample, batch_size, max_iter, tol
        As of :class:`OptimalTransport`, whose attributes it has.

    Examples
    --------
    >>> from landbridge.mapping.transport import LaplaceTransport
    >>> Xs = [[0.0], [1.0], [4.0], [5.0]]
    >>> moved = LaplaceTransport(n_neighbors=1).fit(Xs, [[10.0], [12.0], [14.0], [15.0]])
    >>> moved.transform(Xs).shape
    (4, 1)
    """

    cost: ClassVar[str] = "n² d, n² a step, some 10 rounds"
    when: ClassVar[str] = "rows lie on a surface, whose neighbourhoods should survive"

    def __init__(
        self,
        laplace_reg: float = 1.0,
        n_neighbors: int = 5,
        solver: str = "sinkhorn",
        reg: float = 0.05,
        match_labels: bool = True,
        out_of_sample: str = "auto",
        batch_size: int | None = None,
        max_iter: int = 1000,
        tol: float = 1e-4,
    ):
        super().__init__(
            solver,
            reg,
            laplace_reg=laplace_reg,
            n_neighbors=n_neighbors,
            match_labels=match_labels,
            out_of_sample=out_of_sample,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
        )
