"""SHOT: a new body for the target before the source's head."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.parameters import check_number
from landbridge.target.source_free.base import GuardedLearner
from landbridge.training import Training


class SHOT(GuardedLearner):
    r"""Train a network's body on target rows, so that the source's head is sure of them.

    Source hypothesis transfer (Liang, Hu & Feng 2020). The head stays as it is, to the bit. The
    body minimises, over batches of target rows with predictions p,

    .. math::

        \alpha \Big( \frac1b \sum_i H(p_i) - H\big(\tfrac1b \sum_i p_i\big) \Big)
        - \frac{\beta}{b} \sum_i \log p_i(\hat y_i)

    the entropy of each prediction less that of their mean (eq. 3: sure, and of many classes), and
    the cross-entropy of pseudo-labels (eq. 7). Before every epoch, each row gets the label
    :math:`\hat y` of the class centre that is nearest by cosine: centres are means of features,
    weighted by the predictions, then once by the labels found (eq. 4–6). They are kept in a
    checkpoint. Rows with labels have these, which join the loss. Source rows are not looked at.
    Needs ``pip install 'landbridge[torch]'``.

    Batch normalisation, where the network has some, starts from the target's statistics and ends
    with them; the paper lets it drift there.

    Before the first epoch and after each, entropy H and diversity D of all predictions are looked
    at, D being the entropy of the mean prediction: where :math:`H_e < H_0` and
    :math:`D_e < c D_0`, predictions run into few classes. Then training stops, the weights of
    the most informative epoch before, by D - H, are put back, and a warning tells of it.

    Parameters
    ----------
    network : fitted NetworkSource, DeepTransfer or FineTune, optional
        Whose network to adapt; by default the source model of ``Transfer``. Where a search
        clones it, wrap it in ``sklearn.frozen.FrozenEstimator``.
    information_weight : float, default=1.0
        α. At 0 there are pseudo-labels alone. It draws the classes to equal shares: lower it
        where the target's are far from equal.
    pseudo_weight : float, default=0.3
        β, as in the paper for objects (0.1 for digits). At 0 there are none.
    least_diversity : float, default=0.65
        c, from 0 to 1: the share of the start's diversity that must be left. As many equally
        common classes as exp(D) have it: of 10 such, 4.5 must be left; of 3, one lost is too
        many; of 2, the rarer must be 16 %. Lower it where classes are rarer than the start's
        predictions say. 0 never stops.
    training : Training, optional
        How to train; ``Training()`` by default.
    random_state : int, RandomState or None, default=None
        Seeds batches and dropout.

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
        If there is no fitted network, it has no body to train or is for regression, rows or
        labels do not fit it, or training diverges.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge import SHOT, NetworkSource, Training
    >>> rng = np.random.default_rng(0)
    >>> ys, yt = rng.integers(3, size=(2, 300))
    >>> centres = np.array([[3.0, 0.0], [0.0, 3.0], [-3.0, -3.0]])
    >>> Xs, Xt = centres[ys] + rng.normal(size=(300, 2)), centres[yt] + rng.normal(size=(300, 2))
    >>> Xt += [2.0, -1.0]
    >>> net = NetworkSource((32,), training=Training(learning_rate=0.01), random_state=0)
    >>> adapted = SHOT(net.fit(Xs, ys), random_state=0).fit(Xt)   # from here on, no source rows
    >>> adapted.score(Xt, yt) > net.score(Xt, yt)
    True
    """

    def __init__(
        self,
        network: Any = None,
        *,
        information_weight: float = 1.0,
        pseudo_weight: float = 0.3,
        least_diversity: float = 0.65,
        training: Training | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.network = network
        self.information_weight = information_weight
        self.pseudo_weight = pseudo_weight
        self.least_diversity = least_diversity
        self.training = training
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("information_weight", self.information_weight)
        check_number("pseudo_weight", self.pseudo_weight)

    def _check_network(self, network: Any) -> None:
        if not list(network.body.parameters()):
            raise ValueError(
                "SHOT trains what comes before a network's head, and the source network is "
                "nothing but a head. Use a source network with hidden layers, such as "
                'NetworkSource("mlp").'
            )

    def _adapting(self, network: Any, codes: NDArray) -> Any:
        from landbridge.target.source_free.hypothesis import Hypothesis

        return Hypothesis(network, codes, self.information_weight, self.pseudo_weight)
