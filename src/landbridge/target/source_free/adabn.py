"""AdaBN: the target's statistics in place of the source's, and nothing else."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.labels import BLANK, is_labelled
from landbridge.target.source_free.base import SourceFree
from landbridge.training import Training


class AdaBN(SourceFree):
    r"""Give a source network's batch normalisation the means and variances of the target.

    Where the source network computes :math:`\gamma (z - \mu_s) / \sigma_s + \beta`, the target's
    :math:`\mu_t, \sigma_t` of the same unit or channel take the place of the source's (Li et al.
    2018, section 3.2). No weight changes, no label is used, and there is nothing to tune: a first
    thing to try where the target looks different, other light, scanner or scale, but has about
    the same shares of classes. Source rows are not looked at. Needs
    ``pip install 'landbridge[torch]'``.

    A network without batch normalisation is refused.

    Parameters
    ----------
    network : fitted NetworkSource, DeepTransfer or FineTune, optional
        Whose network to adapt; by default the source model of ``Transfer``. Where a search
        clones it, wrap it in ``sklearn.frozen.FrozenEstimator``.
    task : {"classification", "regression"}, default="classification"
        That of the network.
    training : Training, optional
        Only its ``device`` matters here.

    Attributes
    ----------
    network_ : Cut
        The network, ``body`` and ``head``, normalising as the target does.
    classes_ : ndarray of shape (n_classes,)
        Those of the source network, in classification.
    weights_ : dict of str to ndarray
        Its weights and statistics.
    notes_ : list of str

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If there is no fitted network, it has no batch normalisation, or rows do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> from landbridge import AdaBN, NetworkSource, Training
    >>> rng = np.random.default_rng(0)
    >>> Xs = rng.normal(size=(400, 2))
    >>> ys, Xt = Xs[:, 0] > 0, 3 * Xs + 5                    # the target is measured otherwise
    >>> def network():
    ...     return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    >>> net = NetworkSource(network, training=Training(learning_rate=0.02), random_state=0)
    >>> adapted = AdaBN(net.fit(Xs, ys)).fit(Xt)             # from here on, no source rows
    >>> net.score(Xt, ys) < 0.6, adapted.score(Xt, ys) > 0.95
    (True, True)
    """

    random_state = 0

    def __init__(
        self,
        network: Any = None,
        *,
        task: str = "classification",
        training: Training | None = None,
    ):
        self.network = network
        self.task = task
        self.training = training

    def _check_network(self, network: Any) -> None:
        from landbridge.training.normalisation import normalising_layers

        if not normalising_layers(network):
            raise ValueError(
                "AdaBN replaces the statistics of batch normalisation, and the source network has "
                'no such layer. Use SHOT, or a source network that has, such as "cnn" or '
                '"timm:resnet18".'
            )

    def _other_task(self) -> str:
        other = "regression" if self._classifies else "classification"
        return f'The source network is for {other}: found task={self.task!r}. Set task="{other}".'

    def _codes(self, yt: Any, n_rows: int) -> NDArray[np.intp]:
        n_labelled = 0 if yt is None else int(is_labelled(np.asarray(yt)).sum())
        if n_labelled:
            self.notes_.append(
                f"AdaBN learns nothing from labels: those of {n_labelled} target rows are passed "
                "over. SHOT, TENT and FineTune learn from them."
            )
        return np.full(n_rows, BLANK)

    def _adapt(self, network: Any, X: NDArray, codes: NDArray, seed: int) -> None:
        from landbridge.training.normalisation import recalibrate

        recalibrate(network.to(self._device()), self._parts(X))
        self._network = network.eval()
        self.n_outputs_ = network.head.out_features
        self.weights_ = self._arrays(network.state_dict())
