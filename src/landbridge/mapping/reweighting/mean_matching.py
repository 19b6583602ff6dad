"""Weights whose kernel mean is the target's: the dual problem in m dimensions, by Newton steps.

Both methods here seek weights w, of mean 1 or near it, that minimise

    ½ ‖E_s[w φ] − μ_t‖² + ρ D(w),    D strictly convex and least at w = 1,

over all source rows. Its dual has m variables, the witness g; at the best one
``g = E_s[w φ] − μ_t``, and the weight of any row is a function of ``z = φ(x)ᵀ g`` alone. For every
g the weights w(z) are feasible, and the gap between both problems is ``½ ‖E_s[w φ] − μ_t − g‖²``.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from landbridge.domains.memory import check_memory
from landbridge.mapping.reweighting.held import HeldFeatures

CURVATURE_ROWS = 50_000
"""About so many rows give the curvature of a Newton step; all rows give its gradient."""
HALVINGS = 40
FIRST_PENALTY = 0.01


class Link(NamedTuple):
    """What a penalty D makes of ``z = Φ g`` (n,)."""

    value: float
    """Least of ``E_s[w z] + ρ D(w)`` over the weights allowed."""
    weights: NDArray[np.float64]
    """The weights (n,) that attain it."""
    slopes: NDArray[np.float64]
    """How fast each weight falls with its z (n,)."""
    is_centred: bool
    """Whether the mean weight is bound, so that a constant added to z changes nothing."""


class Witness(NamedTuple):
    """A point of the dual problem."""

    g: NDArray[np.float64]
    z: NDArray[np.float64]
    link: Link
    gradient: NDArray[np.float64]
    value: float

    @property
    def gap(self) -> float:
        """By how much the weights here can be improved at most."""
        return 0.5 * float(self.gradient @ self.gradient)


def match_means(
    features: HeldFeatures,
    shares: NDArray,
    target_mean: NDArray,
    link: Callable[[NDArray, float], Link],
    reg: float,
    tol: float,
    max_iter: int,
    name: str,
) -> NDArray[np.float64]:
    """The witness g (m,) at which the dual problem of penalty ``reg`` is largest.

    Larger penalties come first, each tenfold the next, and hand on their g. Each stops when
    ``√(2 gap / ρ)``, which bounds the mean error of the weights, is within ``tol``; where
    ``max_iter`` Newton steps on the last do not get there, a warning gives the gap.
    """
    m = features.n_features
    check_memory(8.0 * m**2, f"The curvature of {m:,} features", "Take fewer features.")
    g, z = np.zeros(m), np.zeros(len(shares))
    for penalty in penalties(reg):
        problem = Problem(features, shares, target_mean, link, penalty)
        point = problem.climb(problem.at(g, z), 0.5 * penalty * tol**2, max_iter)
        g, z = point.g, point.z
    error = float(np.sqrt(2 * point.gap / reg))
    if error > tol:
        warnings.warn(
            f"{name} stopped after max_iter={max_iter} steps with a duality gap of "
            f"{point.gap:.2g}: the weights err by {error:.2g} on average at most, above "
            f"tol={tol:g}. Raise max_iter or reg.",
            ConvergenceWarning,
            stacklevel=6,
        )
    return g


def penalties(reg: float) -> list[float]:
    """From the largest penalty to begin with down to ``reg``, by tens."""
    n_steps = max(int(np.ceil(np.log10(FIRST_PENALTY / reg) - 1e-9)), 0)
    return [reg * 10.0**k for k in range(n_steps, -1, -1)]


class Problem(NamedTuple):
    """The dual problem of one penalty."""

    features: HeldFeatures
    shares: NDArray[np.float64]
    target_mean: NDArray[np.float64]
    link: Callable[[NDArray, float], Link]
    reg: float

    def at(self, g: NDArray, z: NDArray) -> Witness:
        """The point g (m,), whose ``Φ g`` is z (n,)."""
        linked = self.link(z, self.reg)
        mean = self.features.transposed_dot(self.shares * linked.weights)
        return Witness(g, z, linked, mean - self.target_mean - g, self.value(g, linked))

    def value(self, g: NDArray, linked: Link) -> float:
        """The dual value at g, of which ``linked`` is the link."""
        return linked.value - 0.5 * float(g @ g) - float(g @ self.target_mean)

    def climb(self, point: Witness, gap: float, max_iter: int) -> Witness:
        """Newton steps until the duality gap is within ``gap``."""
        for _ in range(max_iter):
            if point.gap <= gap:
                break
            point = self.step(point)
        return point

    def step(self, point: Witness) -> Witness:
        """One step of Newton's method, halved until the dual value rises as it should."""
        slopes = self.shares * point.link.slopes
        curvature = curvature_of(self.features, slopes, point.link.is_centred)
        step = np.linalg.solve(curvature, point.gradient)  # SciPy has a BLAS of its own
        along, rise = self.features.dot(step), float(point.gradient @ step)
        rounding = 1e-14 * (1 + abs(point.value))
        length = 1.0
        for _ in range(HALVINGS):
            g, z = point.g + length * step, point.z + length * along
            if (
                self.value(g, self.link(z, self.reg))
                >= point.value + 1e-4 * length * rise - rounding
            ):
                break
            length /= 2
        return self.at(g, z)


def curvature_of(features: HeldFeatures, slopes: NDArray, is_centred: bool) -> NDArray[np.float64]:
    """``I + Φᵀ diag(slopes) Φ`` (m, m), about the mean where centred, from some of the rows."""
    m = features.n_features
    scatter, total, mass = np.zeros((m, m)), np.zeros(m), 0.0
    stride = -(-len(slopes) // CURVATURE_ROWS)
    for part, F in features:
        some, root = F[::stride], np.sqrt(slopes[part][::stride]).astype(F.dtype)
        scaled = (some * root[:, None])[root > 0]
        scatter += scaled.T @ scaled  # half the work of a product of two matrices
        total += root[root > 0] @ scaled
        mass += float(root @ root)
    if is_centred and mass > 0:
        scatter -= np.multiply.outer(total, total / mass)
    scatter *= stride
    scatter.flat[:: m + 1] += 1.0
    return scatter
