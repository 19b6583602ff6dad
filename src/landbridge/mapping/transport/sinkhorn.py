"""Entropic transport by over-relaxed matrix scaling, stabilised only where it has to be."""

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

STAGES_BELOW = 0.02
"""Smaller ε, in units of cost, are come to by stages (ε-scaling)."""
STAGE = 0.2
"""Each stage's ε is this share of the one before."""
STAGE_TOL = 1e-2
"""Marginal error at which every stage but the last is left."""
RANGE = {8: 1e200, 4: 1e25}
"""Scalings beyond it, by bytes of a number, are absorbed before their products overflow."""
WINDOW = 8
"""Plain steps after which the rate of convergence is read off, to choose the relaxation."""
MAX_RELAXATION = 1.95
ROUNDING = 32
"""Marginal errors of so many units of the last digit are rounding."""
STRIP = 2**16
"""The kernel is made by strips of so many numbers, which stay in the cache."""


class Potentials(NamedTuple):
    """Potentials of the plan ``P = exp((f + g - C) / reg)``, its error, and the steps taken.

    ``P`` has the source's marginal but for rounding; ``error`` is the sum of the absolute errors
    of the target's.
    """

    f: NDArray
    g: NDArray
    error: float
    n_iter: int


def sinkhorn(
    C: NDArray,
    a: NDArray,
    b: NDArray,
    reg: float,
    max_iter: int = 1000,
    tol: float = 1e-4,
    out: NDArray | None = None,
    warn: bool = True,
) -> Potentials:
    r"""Potentials of the plan that minimises :math:`\langle C, P\rangle + \varepsilon \sum P
    (\log P - 1)` among those with marginals a and b.

    Scalings :math:`u \leftarrow u^{1-\omega} (a / Kv)^\omega` and likewise v, of the kernel
    :math:`K = e^{(f + g - C)/\varepsilon}` (Cuturi 2013, algorithm 1); over-relaxed by the ω that
    is best for the rate seen in the first steps (Thibault, Chizat, Dossal & Papadakis 2021);
    absorbed into f and g when they leave the range of their precision, and for a small ε by
    stages (Schmitzer 2019). A step that makes the error grow is followed by plain ones, which
    always converge.

    Parameters
    ----------
    C : ndarray of shape (n_s, n_t)
        Costs; the plan is worked out in their precision.
    a, b : ndarray of shape (n_s,) and (n_t,)
        Masses, all above zero, of the same sum.
    reg : float
        ε, in the unit of the costs.
    max_iter : int
        The most steps.
    tol : float
        The marginal error, as a share of all mass, to stop at; rounding allows no less than 4e-6
        for float32.
    out : ndarray of shape (n_s, n_t), optional
        Room for the kernel.
    warn : bool
        Whether to say so where the marginal error stays above ``tol``.
    """
    reg, tol = float(reg), max(tol, ROUNDING * np.finfo(C.dtype).eps)
    f, g = _first_potentials(C)
    a, b = a.astype(C.dtype), b.astype(C.dtype)
    K = np.empty_like(C) if out is None else out
    steps, error = 0, np.inf
    for stage in stages(reg):
        bound = tol if stage == reg else STAGE_TOL
        f, g, error, used = _scale(K, C, a, b, f, g, stage, max_iter - steps, bound)
        steps += used
    if warn:
        warn_if_unconverged(error, tol, steps)
    return Potentials(f, g, error, steps)


def unbalanced_sinkhorn(
    C: NDArray,
    a: NDArray,
    b: NDArray,
    reg: float,
    reg_marginal: float,
    max_iter: int = 1000,
    tol: float = 1e-4,
) -> Potentials:
    r"""Potentials of the plan ``P = a b exp((f + g - C) / reg)`` that may miss its marginals.

    It minimises :math:`\langle C, P\rangle + \varepsilon\, \mathrm{KL}(P | ab^\top) + \rho\,
    \mathrm{KL}(P1 | a) + \rho\, \mathrm{KL}(P^\top 1 | b)` by :math:`u \leftarrow (K b
    v)^{-\rho / (\rho + \varepsilon)}` and likewise v (Chizat, Peyré, Schmitzer & Vialard 2018).
    ``error`` is the last step's largest change of log u.
    """
    share, limit, steps, change = reg_marginal / (reg_marginal + reg), RANGE[8], 0, np.inf
    f, g = _first_potentials(C)
    K = gibbs_kernel(C, f, g, reg, np.empty_like(C))
    u, v = np.ones(len(a)), np.ones(len(b))
    while change > tol and steps < max_iter:
        steps += 1
        before = u
        u = _power(K @ (b * v), -share) * np.exp((share - 1) * f / reg)
        v = _power((a * u) @ K, -share) * np.exp((share - 1) * g / reg)
        change = float(np.abs(np.log(_power(u, 1) / _power(before, 1))).max())
        if _leaves(limit, u, v):
            f, g = f + reg * np.log(_power(u, 1)), g + reg * np.log(_power(v, 1))
            gibbs_kernel(C, f, g, reg, K)
            u, v = np.ones(len(a)), np.ones(len(b))
    warn_if_unconverged(change, tol, steps, "Unbalanced Sinkhorn", "last change")
    return Potentials(f + reg * np.log(_power(u, 1)), g + reg * np.log(_power(v, 1)), change, steps)


def stages(reg: float) -> list[float]:
    """The values of ε to go through, ``reg`` the last."""
    found = [reg]
    while found[0] < STAGES_BELOW:
        found.insert(0, found[0] / STAGE)
    return found


def gibbs_kernel(C: NDArray, f: NDArray, g: NDArray, reg: float, out: NDArray) -> NDArray:
    """``exp((f + g - C) / reg)`` (n_s, n_t) into ``out``; the plan, if f and g are its potentials.

    ``out`` may be C itself.
    """
    scale = C.dtype.type(1 / reg)
    for i, j, part in _strips(C):
        strip = np.subtract(g, part, out=out[i:j])
        strip += f[i:j, None]
        strip *= scale
        np.exp(strip, out=strip)
    return out


def warn_if_unconverged(
    error: float,
    tol: float,
    n_iter: int,
    name: str = "Sinkhorn",
    what: str = "marginal error",
    remedy: str = "Raise max_iter or reg, or accept it by a larger tol.",
) -> None:
    """Say how far from its end an algorithm stopped."""
    if not error <= tol:
        warnings.warn(
            f"{name} stopped after {n_iter} steps with a {what} of {error:.2g}, above "
            f"{tol:g}. {remedy}",
            ConvergenceWarning,
            stacklevel=2,
        )


class _Relaxation:
    """The over-relaxation ω, chosen by how fast plain steps converge."""

    def __init__(self) -> None:
        self.omega = 1.0
        self.errors: list[float] = []
        self.ceiling = MAX_RELAXATION

    def update(self, error: float) -> float:
        """ω for the next step, given the marginal error of the last."""
        self.errors.append(error)
        if self.omega > 1 and error > 2 * min(self.errors):
            self.ceiling = (1 + self.omega) / 2
            self.omega, self.errors = 1.0, []
        elif len(self.errors) % WINDOW == 0:
            self.omega = self._best()
        return self.omega

    def _best(self) -> float:
        """``2 / (1 + sqrt(1 - rate))``, from the rate at which plain steps converge."""
        last = np.asarray(self.errors[-WINDOW // 2 :])
        rate = (last[-1] / last[0]) ** (1 / (len(last) - 1)) if last[0] > 0 else 0.0
        if self.omega > 1:
            # Over-relaxed steps converge at ω - 1 if ω is at or above the best, so that a slower
            # rate is one that ω is still too small for.
            rate = (rate + self.omega - 1) ** 2 / (rate * self.omega**2)
        return min(self.ceiling, max(self.omega, 2 / (1 + np.sqrt(max(0.0, 1 - rate)))))


def _scale(
    K: NDArray,
    C: NDArray,
    a: NDArray,
    b: NDArray,
    f: NDArray,
    g: NDArray,
    reg: float,
    max_iter: int,
    tol: float,
) -> Potentials:
    """Sinkhorn's steps at one ε, from potentials f and g on."""
    relaxation, limit, error, steps = _Relaxation(), RANGE[C.itemsize], np.inf, 0
    gibbs_kernel(C, f, g, reg, K)
    u, v = np.ones_like(a), np.ones_like(b)
    sums = K @ v
    while not error <= tol and steps < max(1, max_iter):
        steps += 1
        u = _relaxed(u, a, sums, relaxation.omega)
        columns = u @ K
        error = float(np.abs(v * columns - b).sum(dtype=np.float64))
        v = _relaxed(v, b, columns, relaxation.omega)
        sums = K @ v
        error += float(np.abs(u * sums - a).sum(dtype=np.float64))
        relaxation.update(error)
        if _leaves(limit, u, v):
            f, g = f + reg * np.log(u), g + reg * np.log(v)
            gibbs_kernel(C, f, g, reg, K)
            u, v = np.ones_like(a), np.ones_like(b)
            sums = K @ v
    return Potentials(f + reg * np.log(a / sums), g + reg * np.log(v), error, steps)


def _relaxed(scaling: NDArray, mass: NDArray, sums: NDArray, omega: float) -> NDArray:
    best = mass * _power(sums, -1)
    return best if omega == 1.0 else scaling * (best / scaling) ** sums.dtype.type(omega)


def _leaves(limit: float, *scalings: NDArray) -> bool:
    return any(s.max() > limit or s.min() < 1 / limit for s in scalings)


def _strips(C: NDArray) -> Iterator[tuple[int, int, NDArray]]:
    """First and last row of each strip, and its rows."""
    rows = max(1, STRIP // max(1, C.shape[1]))
    return ((i, min(i + rows, len(C)), C[i : i + rows]) for i in range(0, len(C), rows))


def _power(values: NDArray, exponent: float) -> NDArray:
    """``values ** exponent``, none of them so small that its logarithm is lost."""
    return np.maximum(values, np.finfo(values.dtype).tiny) ** exponent


def _first_potentials(C: NDArray) -> tuple[NDArray, NDArray]:
    """f and g such that every row and every column of the kernel has a 1 in it."""
    f = C.min(axis=1)
    return f, np.min([_column_minima(part, f[i:j]) for i, j, part in _strips(C)], axis=0)


def _column_minima(part: NDArray, f: NDArray) -> NDArray:
    return (part - f[:, None]).min(axis=0)
