"""Alignment of principal subspaces."""

from landbridge.mapping.base import MomentMapping
from landbridge.mapping.shared_space import SharedSpace, components_for
from landbridge.moments import Moments
from landbridge.moments.matrices import eigh_psd


class SubspaceAlignment(SharedSpace, MomentMapping):
    r"""Turn the source's principal axes onto the target's.

    Source rows become :math:`(x - \mu_s) P_s P_s^\top P_t`, target rows
    :math:`(x - \mu_t) P_t`, with the leading principal axes P of each domain (Fernando,
    Habrard, Sebban & Tuytelaars 2013, eq. 2 and 3). Features on different scales want
    standardising first.

    Parameters
    ----------
    n_components : int, float or None, default=0.95
        How many axes; a float takes the fewest that keep that share of the variance in both
        domains; ``None`` takes all, which leaves both domains as they are but centred.

    Attributes
    ----------
    source_matrix_, target_matrix_ : ndarray of shape (d, k)
    source_mean_, target_mean_, source_std_ : ndarray of shape (d,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import SubspaceAlignment
    >>> rng = np.random.default_rng(0)
    >>> Xs = rng.normal(size=(100, 3)) * [5.0, 1.0, 0.1]
    >>> SubspaceAlignment(n_components=2).fit(Xs, Xs[:, [1, 0, 2]]).transform(Xs).shape
    (100, 2)
    """

    cost = "n d² + d³"
    when = "many correlated features, few directions that matter"

    def __init__(self, n_components: float | None = 0.95):
        self.n_components = n_components

    def _fit_moments(self, source: Moments, target: Moments) -> None:
        (vs, Ps), (vt, Pt) = eigh_psd(source.cov), eigh_psd(target.cov)
        k = max(components_for(v, self.n_components) for v in (vs, vt))
        Ps, Pt = Ps[:, :k], Pt[:, :k]
        self.source_matrix_, self.target_matrix_ = Ps @ (Ps.T @ Pt), Pt
        self.source_mean_, self.target_mean_ = source.mean, target.mean
        self.source_std_ = source.std
