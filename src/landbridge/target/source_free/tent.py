"""TENT: surer predictions by the scales and shifts of normalising layers alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.target.source_free.base import GuardedLearner
from landbridge.training import Training


class TENT(GuardedLearner):
    r"""Make the predictions for target rows surer, by normalising layers' scales and shifts alone.

    Minimised is the mean entropy :math:`-\frac1b \sum_i \sum_c p_{ic} \log p_{ic}` of a batch's
    predictions, over the scales γ and shifts β of normalising layers, which normalise by the
    batch's own statistics (Wang et al. 2021, section 3). All other weights stay as they are, to
    the bit, and no layer but these is in training mode. In the end, batch normalisation gets the
    statistics of all target rows. Labels, where there are some, join the loss; source rows are
    not looked at. Needs ``pip install 'landbridge[torch]'``.

    It is quick and gentle, and for a target that is a disturbed source: noise, blur, another
    scanner. Entropy can also be lowered by giving all rows one class. Hence, before the first
    epoch and after each, entropy H and diversity D of all predictions are looked at, D being the
    entropy of the mean prediction: where :math:`H_e < H_0` and :math:`D_e < c D_0`, training
    stops, the weights of the most informative epoch before, by D - H, are put back, and a warning
    tells of it.

    Parameters
    ----------
    network : fitted NetworkSource, DeepTransfer or FineTune, optional
        Whose network to adapt; by default the source model of ``Transfer``. Where a search
        clones it, wrap it in ``sklearn.frozen.FrozenEstimator``.
    least_diversity : float, default=0.65
        c, from 0 to 1: the share of the start's diversity that must be left. As many equally
        common classes as exp(D) have it: of 10 such, 4.5 must be left; of 3, one lost is too
        many; of 2, the rarer must be 16 %. Lower it where classes are rarer than the start's
        predictions say. 0 never stops.
    training : Training, optional
        How to train: by default once over all rows with a step of 1e-3, as in the paper's online
        form. More epochs adapt more.
    random_state : int, RandomState or None, default=None
        Seeds the order of rows.

    Attributes
    ----------
    network_ : Cut
        The adapted network, ``body`` and ``head``.
    classes_ : ndarray of shape (n_classes,)
        Those of the source network.
    weights_ : dict of str to ndarray
        Its weights and statistics.
    before_ : dict
        ``entropy`` and ``diversity`` before the first step, with the target's statistics.
    history_ : list of dict
        The figures of every epoch, ``entropy`` and ``diversity`` after it among them.
    n_epochs_, best_epoch_ : int
        Epochs done, and the one whose weights are kept: 0 for the start's.
    notes_ : list of str
        Whether it was stopped, and why.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If there is no fitted network, it has no normalising layer or is for regression, rows or
        labels do not fit it, or training diverges.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> from landbridge import TENT, NetworkSource, Training, Transfer
    >>> rng = np.random.default_rng(0)
    >>> Xs = rng.normal(size=(400, 2))
    >>> ys, Xt = Xs[:, 0] > 0, 3 * Xs + 5                    # the target is measured otherwise
    >>> def network():
    ...     return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    >>> net = NetworkSource(network, training=Training(learning_rate=0.02), random_state=0)
    >>> model = Transfer(net, target=TENT(random_state=0)).fit(Xs, ys, Xt)
    >>> model.source_.score(Xt, ys) < 0.6, model.score(Xt, ys) > 0.95
    (True, True)
    """

    usual_training = Training(max_epochs=1, schedule="constant")

    def __init__(
        self,
        network: Any = None,
        *,
        least_diversity: float = 0.65,
        training: Training | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.network = network
        self.least_diversity = least_diversity
        self.training = training
        self.random_state = random_state

    def _check_network(self, network: Any) -> None:
        from landbridge.target.source_free.sharpening import scales_and_shifts

        if not scales_and_shifts(network):
            raise ValueError(
                "TENT learns the scales and shifts of normalising layers, and the source network "
                "has none. Use SHOT, or a source network that has such layers, such as "
                '"cnn", "residual-mlp" or "transformer".'
            )

    def _adapting(self, network: Any, codes: NDArray) -> Any:
        from landbridge.target.source_free.sharpening import Sharpening

        return Sharpening(network, codes)
