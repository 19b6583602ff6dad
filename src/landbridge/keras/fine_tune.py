"""Go on training a Keras network in the target, by one of several recipes or by the best."""

import random
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.model import KerasModel
from landbridge.keras.recipes import RECIPES
from landbridge.source import LinearHead
from landbridge.target.fine_tune import Recipe, fine_tune
from landbridge.target.fine_tune.labelled import Labelled
from landbridge.target.fine_tune.start import network_model
from landbridge.training import Training


class FineTune(KerasModel, fine_tune.FineTune):
    """Go on training a Keras source network on labelled target rows, by a recipe.

    The twin of ``landbridge.FineTune``: the same parameters, and from the same first weights the
    same results. Needs ``pip install 'landbridge[tensorflow]'``.

    Parameters
    ----------
    network : fitted NetworkSource or DeepTransfer of landbridge.keras, keras.Model, callable or str
        Where to start, as in ``landbridge.FineTune``; a name is ``"applications:NAME"``.
    recipe : str or Recipe, default="auto"
        ``"linear-probe"``, ``"lp-ft"``, ``"l2-sp"``, ``"full"`` or ``"lora"``, or such an object
        of ``landbridge.keras.recipes`` with parameters of its own. ``"auto"`` chooses as in
        ``landbridge.FineTune``.
    candidates : sequence of str or Recipe, optional
        What ``"auto"`` tries; by default a probe that hardly leaves the source's head (where that
        knows all classes), linear probe, LP-FT, L2-SP and full.
    budget, task, head, input_shape, classes, head_pace, loss, class_weight, balanced_batches
        As in ``landbridge.FineTune``.
    validation_share, training, random_state
        As in ``landbridge.FineTune``.

    Attributes
    ----------
    network_ : Cut
        The tuned network, ``body`` and ``head``.
    classes_ : ndarray of shape (n_classes,)
    weights_ : dict of str to ndarray
        What was learned.
    recipe_, choice_, notes_, history_, n_epochs_, best_epoch_
        As in ``landbridge.FineTune``.

    Raises
    ------
    ImportError
        If Keras or TensorFlow is not installed, or Keras runs on another backend.
    ValueError
        If there is no network to start from, or one in PyTorch, rows or labels do not fit it, or
        training diverges.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge import Training, Transfer
    >>> from landbridge.keras import FineTune, NetworkSource
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(size=(400, 2)), rng.normal(size=(400, 2))
    >>> ys, yt = Xs[:, 0] > 0, Xt[:, 0] + Xt[:, 1] > 0       # the target's line is another
    >>> net = NetworkSource((16,), training=Training(learning_rate=0.02), random_state=0)
    >>> few = np.where(np.arange(400) < 20, yt, None)        # 20 of its labels are known
    >>> model = Transfer(net, target=FineTune(recipe="full", random_state=0))
    >>> model.fit(Xs, ys, Xt, few).score(Xt, yt) > net.fit(Xs, ys).score(Xt, yt)
    True
    """

    _recipes: ClassVar[dict[str, type[Recipe]]] = RECIPES

    def _built(self, input_shape: tuple[int, ...], n_outputs: int) -> Any:
        from landbridge.keras.tuning import with_head

        return with_head(self._first_cut(input_shape, n_outputs), self._kept_rows(n_outputs))

    def _first_cut(self, input_shape: tuple[int, ...], n_outputs: int) -> Any:
        from landbridge.keras.networks import cut, make_network
        from landbridge.keras.tuning import head_alone

        inner = network_model(self.start_)
        if isinstance(inner, LinearHead):
            return head_alone(inner.weight, inner.bias)
        if inner is not None:
            return inner.network_
        return cut(make_network(self.network, input_shape, n_outputs), input_shape, self.head)

    def _tuning(self, rows: Labelled, seed: int, training: Training | None) -> Any:
        from landbridge.keras.tuning import Tuning

        random.seed(seed)  # within own_chance: a trial starts with the same head
        n_outputs = len(self.classes_) if self._classifies else 1
        rest, held_out = self._held_out(*rows, seed)
        loss, plain = (self._loss(rows.y[rest], None, name) for name in (None, "cross-entropy"))
        return Tuning(
            network=self._built(self.input_shape_, n_outputs),
            is_new=self._kept_rows(n_outputs) < 0,
            rows=rows.taken(rest),
            held_out=rows.taken(held_out),
            loss=loss,
            plain_loss=plain,
            options=fine_tune._enough_steps(training, len(rest)),
            seed=seed,
            device=self._device(),
            run=self._run,
            head_pace=self.head_pace,
            is_balanced=self.balanced_batches and self._classifies,
        )

    def _among(self, loss: Any, y: NDArray) -> Any:
        from landbridge.keras.losses import among

        present = np.isin(np.arange(len(self.classes_)), y)
        return loss if present.all() else among(loss, present)

    def _settle(self, tuning: Any) -> None:
        self._keep(tuning.trainer, tuning.network)
        self.history_, self.n_epochs_ = tuning.history, len(tuning.history)
        self.notes_ += tuning.notes
