"""Go on training a network in the target, by one of many recipes or by the best of some."""

import copy
import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import check_classification_targets

from landbridge.domains import as_labels, check_weights
from landbridge.domains.class_weight import ClassWeight, class_weights
from landbridge.domains.labels import class_names, codes_of, is_labelled, labelled_rows
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.base import Carried
from landbridge.target.fine_tune.choice import least_loss, plan, usual_candidates
from landbridge.target.fine_tune.labelled import Labelled
from landbridge.target.fine_tune.recipes import RECIPES, Recipe
from landbridge.target.fine_tune.start import (
    FromNetwork,
    classes_in,
    cut_in,
    network_model,
    rows_of_head,
    with_head,
)
from landbridge.training import Training, need_torch
from landbridge.training.engine import reseed
from landbridge.training.rows import n_axes

AUTO = "auto"
FEWEST_STEPS = 300
CLASSES = ("auto", "target", "both")


class FineTune(FromNetwork):
    """Go on training a source network on labelled target rows, by a recipe.

    Classes that the source knows keep their rows of its head, new ones begin anew. It is a step
    of ``Transfer``, where it goes on from the source's network as the mapping lets it be seen;
    and a classifier or regressor by itself, ``FineTune(network=...).fit(X, y)``. After a
    ``DeepTransfer`` the third step sees representations, and tunes the head; to tune its body
    too, give it as ``network`` and fit on target rows. Needs
    ``pip install 'landbridge[torch]'``.

    Parameters
    ----------
    network : fitted NetworkSource or DeepTransfer, nn.Module, callable or str, optional
        Where to start: a fitted estimator with a network, whose classes are known; or a module,
        a function that makes one, or ``"timm:NAME"``, whose head begins anew. By default the
        source model of ``Transfer``. Where a search clones, wrap a fitted one in
        ``sklearn.frozen.FrozenEstimator``, or it forgets what it learned.
    recipe : str or Recipe, default="auto"
        ``"linear-probe"``, ``"lp-ft"``, ``"l2-sp"``, ``"full"``, ``"gradual-unfreezing"``,
        ``"layer-wise"``, ``"delta"``, ``"bss"``, ``"co-tuning"``, ``"bi-tuning"``,
        ``"stochnorm"``, ``"lora"``, ``"wise-ft"``, ``"soup"``, ``"distillation"``, or such an
        object of ``landbridge.target.fine_tune.RECIPES`` with parameters of its own. ``"auto"``
        tries some on held-out rows, and takes the one that loses least; where the source knows
        all classes only if it is better beyond chance than to hardly leave the source's head.
    candidates : sequence of str or Recipe, optional
        What ``"auto"`` tries, to take the one that loses least. By default a probe that hardly
        leaves the source's head (where that knows all classes), linear probe, LP-FT, L2-SP,
        full and WiSE-FT.
    budget : int, default=20
        The most trial fits of ``"auto"``. With fewer it uses fewer folds, then fewer candidates.
    task : {"classification", "regression"}, default="classification"
    head, input_shape
        Of a module, as in ``landbridge.NetworkSource``.
    classes : {"auto", "target", "both"}, default="auto"
        Whether to predict the classes of labelled target rows only, or those of the source too.
        ``"auto"`` is both in ``Transfer``, unless the domains share no class.
    head_pace : float, default=10.0
        How many times larger than the body's the steps of a head with new classes are.
    loss, class_weight, balanced_batches
        Against class imbalance, as in ``landbridge.NetworkSource``.
    validation_share : float or "auto", default="auto"
        Share of the labelled rows to hold out: the weights of the epoch with the least loss
        there are kept. ``"auto"`` is a tenth, where that is 50 rows or more. Where nothing is
        held out, as where a share is fewer than 10 rows, the last epoch's are.
    training : Training, optional
        How to train. By default as ``Training()`` says, with so many epochs that there are 300
        steps at least. With a folder, each stage has one of its own within.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    network_ : Cut
        The tuned network, ``body`` and ``head``.
    classes_ : ndarray of shape (n_classes,)
    weights_ : dict of str to ndarray
        What was learned.
    recipe_ : str
        The recipe that was followed.
    choice_ : list of dict
        With ``"auto"``, what each candidate lost on held-out rows, in classification the mean
        chance that it gave to wrong classes: ``recipe``, ``loss``, how much ``worse`` than the
        best, ``standard_error`` and ``p_value`` of that, ``chosen``. Otherwise empty.
    notes_ : list of str
        What was decided and why.
    history_ : list of dict
        The figures of every epoch of every ``stage``.
    n_epochs_, best_epoch_ : int
        Epochs of all stages, and the one of the last stage whose weights are kept.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If there is no network to start from, rows or labels do not fit it, or training diverges.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge import FineTune, NetworkSource, Training, Transfer
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

    def __init__(
        self,
        network: Any = None,
        *,
        recipe: str | Recipe = AUTO,
        candidates: Sequence[str | Recipe] | None = None,
        budget: int = 20,
        task: str = "classification",
        head: str | None = None,
        input_shape: Any = None,
        classes: str = "auto",
        head_pace: float = 10.0,
        loss: str = "cross-entropy",
        class_weight: ClassWeight = None,
        balanced_batches: bool = False,
        validation_share: float | str = "auto",
        training: Training | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.network = network
        self.recipe = recipe
        self.candidates = candidates
        self.budget = budget
        self.task = task
        self.head = head
        self.input_shape = input_shape
        self.classes = classes
        self.head_pace = head_pace
        self.loss = loss
        self.class_weight = class_weight
        self.balanced_batches = balanced_batches
        self.validation_share = validation_share
        self.training = training
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        yt: Any = None,
        model: Any = None,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Tune on target rows: ``fit(X, y)``, or, as a third step, ``fit(carried, Xt, yt, model)``.

        Parameters
        ----------
        X : array-like of shape (n, ...), or Carried
            Target rows; in ``Transfer`` the carried source rows.
        y : array-like of shape (n,), or of shape (n_t, d)
            Their labels, a blank one is passed over; in ``Transfer`` the target rows.
        yt : ndarray of shape (n_t,), optional
            In ``Transfer``, the labels of the target rows, blank where unknown.
        model : fitted learner, optional
            In ``Transfer``, the source model.
        sample_weight : array-like of shape (n,), optional
            Weights of the rows, in the first form.

        Raises
        ------
        ValueError
            If they do not fit together, or no network is to be had.
        """
        if isinstance(X, Carried):
            return super().fit(X, y, yt, model)
        if y is None:
            raise ValueError(
                "FineTune requires y to be passed, but the target y is None: give labels."
            )
        self.notes_ = []
        self._check_parameters()
        self._set_start(None)
        rows = self._first_rows(X)
        if n_axes(y) == 2:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected: give y.ravel().",
                DataConversionWarning,
                stacklevel=2,
            )
        labels = as_labels(y, len(rows))
        weights = check_weights(sample_weight, len(rows), "sample_weight")
        known = is_labelled(labels)
        self._check_labels(labels)
        weights = np.ones(len(rows)) if weights is None else weights
        self._learn(rows[known], labelled_rows(rows, labels)[1], weights[known], None)
        return self

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_parameters()
        self._set_start(model)
        self._check_labels(yt)
        rows, labels = labelled_rows(self._first_rows(Xt), yt)
        self._learn(rows, labels, np.ones(len(rows)), carried.y)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("classes", self.classes, CLASSES)
        check_number("head_pace", self.head_pace, above=True)
        check_number("budget", self.budget, least=2, whole=True)
        for recipe in (self.recipe, *(self.candidates or ())):
            if isinstance(recipe, Recipe):
                self._check_recipe(recipe)
            else:
                known = tuple(self._recipes)
                choices = (AUTO, *known) if recipe is self.recipe else known
                check_choice("recipe", recipe, choices)
        if isinstance(self.recipe, str) and self.recipe != AUTO:
            self._check_recipe(self._recipes[self.recipe]())

    def _check_recipe(self, recipe: Recipe) -> None:
        """Refuse a recipe that cannot be followed; a candidate for classes is passed over."""
        recipe.check()
        is_wanted = recipe.name in (self.recipe, getattr(self.recipe, "name", AUTO))
        if is_wanted and recipe.needs_classes and not self._classifies:
            raise ValueError(
                f"The recipe {recipe.name!r} is for classes, and task is {self.task!r}: choose "
                'another, such as "l2-sp" or "full".'
            )

    def _candidates(self) -> list[Recipe]:
        """What ``"auto"`` tries."""
        if self.candidates is None:
            return usual_candidates(self._recipes, has_new=bool(self._is_new.any()))
        return [self._recipes[c]() if isinstance(c, str) else c for c in self.candidates]

    def _learn(self, X: NDArray, y: NDArray, weights: NDArray, ys: NDArray | None) -> None:
        rows = self._numbered(X, y, weights, ys)
        seed = self._seed()
        self.choice_: list[dict[str, Any]] = []
        with self._chance(seed):
            self._tell_of_head()
            recipe = self._chosen(rows, seed)
            self.recipe_ = recipe.name
            tuning = self._tuning(rows, seed, self.training)
            try:
                recipe.run(tuning)
            finally:
                if tuning.has_learned:
                    self._settle(tuning)

    def _numbered(self, X: NDArray, y: NDArray, weights: NDArray, ys: NDArray | None) -> Labelled:
        """Labels as numbers; the classes are set by them, and by those of the source."""
        if not self._classifies:
            return Labelled(X, y.astype(np.float32), _of_mean_one(weights))
        check_classification_targets(y)
        found = class_weights(y, self.class_weight, weights)
        self.classes_ = class_names(*self._telling(y, ys))
        if len(self.classes_) < 2:
            raise ValueError(
                f"The labels have one class only, {self.classes_.tolist()[0]!r}: give labels of "
                "two classes at least."
            )
        return Labelled(X, codes_of(y, self.classes_), _of_mean_one(found))

    def _telling(self, y: NDArray, ys: NDArray | None) -> list[NDArray]:
        """The labels whose classes are to be told apart: the target's, and the source's or not."""
        if ys is None or self.classes == "target":
            return [y]
        return [ys, y] if self.classes == "both" or np.isin(y, ys).any() else [y]

    def _built(self, input_shape: tuple[int, ...], n_outputs: int) -> Any:
        """The network as it starts, with a head that is new for classes that are."""
        return with_head(self._first_cut(input_shape, n_outputs), self._kept_rows(n_outputs))

    def _first_cut(self, input_shape: tuple[int, ...], n_outputs: int) -> Any:
        """The network as the source left it."""
        from landbridge.training.networks import cut, make_network

        inner = network_model(self.start_)
        if inner is not None:
            return cut_in(inner)
        module = make_network(self.network, input_shape, n_outputs)
        return cut(module, need_torch().zeros(2, *input_shape), self.head)

    def _kept_rows(self, n_outputs: int) -> NDArray[np.intp]:
        """For each output the row of the source's head that goes on, -1 for a new one."""
        inner = network_model(self.start_)
        if inner is None:
            return np.full(n_outputs, -1)
        return rows_of_head(classes_in(inner), self.classes_ if self._classifies else None)

    @property
    def _is_new(self) -> NDArray[np.bool_]:
        """Which outputs the source's head does not know."""
        return self._kept_rows(len(self.classes_) if self._classifies else 1) < 0

    def _tell_of_head(self) -> None:
        if not self._classifies or not (is_new := self._is_new).any():
            return
        shown = ", ".join(repr(name) for name in self.classes_[is_new].tolist()[:5])
        more = ", ..." if is_new.sum() > 5 else ""
        self.notes_.append(
            f"The head begins anew for {is_new.sum()} of {len(is_new)} classes: {shown}{more}."
        )

    def _tuning(self, rows: Labelled, seed: int, training: Training | None) -> Any:
        """Everything that a recipe works with, for these rows."""
        from landbridge.target.fine_tune.tuning import Tuning

        reseed(seed)  # so that a trial starts with the same head, whatever was tried before
        device = self._device()
        is_new = self._is_new
        source = self._first_cut(self.input_shape_, len(is_new))
        network = with_head(copy.deepcopy(source), self._kept_rows(len(is_new)))
        rest, held_out = self._held_out(*rows, seed)
        loss, plain = (self._loss(rows.y[rest], device, name) for name in (None, "cross-entropy"))
        return Tuning(
            network=network,
            source=source,
            is_new=is_new,
            rows=rows.taken(rest),
            held_out=rows.taken(held_out),
            loss=loss,
            plain_loss=plain,
            options=_enough_steps(training, len(rest)),
            seed=seed,
            device=device,
            head_pace=self.head_pace,
            is_balanced=self.balanced_batches and self._classifies,
        )

    def _chosen(self, rows: Labelled, seed: int) -> Recipe:
        """The recipe named, or the best of several on held-out rows."""
        if isinstance(self.recipe, Recipe):
            return self.recipe
        if self.recipe != AUTO:
            return self._recipes[self.recipe]()
        has_new = bool(self._is_new.any())
        what = plan(
            rows.X.reshape(len(rows.X), -1),
            rows.y,
            self._candidates(),
            self.budget,
            classifies=self._classifies,
            has_new=has_new,
        )
        if not what.folds:
            recipe = what.recipes[0]
            self.notes_.append(f"auto takes {recipe.name}: {what.reason}.")
            return recipe
        losses = [self._held_out_losses(recipe, rows, what.folds, seed) for recipe in what.recipes]
        keeps_first = self.candidates is None and not has_new
        chosen, table = least_loss(np.array(losses), keeps_first=keeps_first)
        names = [_title(recipe) for recipe in what.recipes]
        self.choice_ = [
            {"recipe": name, **figures, "chosen": k == chosen}
            for k, (name, figures) in enumerate(zip(names, table))
        ]
        best = min(range(len(table)), key=lambda k: table[k]["loss"])
        self.notes_.append(_reason(names[chosen], names[best], table[chosen], what.reason))
        return what.recipes[chosen]

    def _held_out_losses(self, recipe: Recipe, rows: Labelled, folds: Any, seed: int) -> NDArray:
        """The loss of every row (n,), times its weight, when it is held out.

        In classification that is the chance given to the wrong classes. After few labels a network
        is far too sure of itself, and the logarithm would let a few such rows decide.
        """
        losses = np.empty(len(rows.y))
        training = None if self.training is None else _silent(self.training)
        for learned, held_out in folds:
            tuning = self._tuning(rows.taken(learned), seed, training)
            if self._classifies:
                tuning.loss = self._among(tuning.loss, rows.y[learned])
            recipe.run(tuning)
            found = tuning.losses(rows.taken(held_out))
            found = -np.expm1(-found) if self._classifies else found
            losses[held_out] = found * rows.weight[held_out]
        return losses

    def _among(self, loss: Any, y: NDArray) -> Any:
        """The loss over the classes that these rows have, others left as the source knew them."""
        from landbridge.training.losses import among

        present = np.isin(np.arange(len(self.classes_)), y)
        return (
            loss
            if present.all()
            else among(loss, need_torch().from_numpy(present).to(self._device()))
        )

    def _settle(self, tuning: Any) -> None:
        """What was learned, as plain arrays."""
        network = tuning.network
        self._network = network.requires_grad_(True).eval()
        self.n_outputs_ = network.head.out_features
        self.weights_ = {k: v.detach().cpu().numpy() for k, v in network.state_dict().items()}
        self.history_, self.n_epochs_ = tuning.history, len(tuning.history)
        self.best_epoch_ = tuning.trainer.best_epoch
        self.notes_ += tuning.notes


def _of_mean_one(weights: Any) -> NDArray[np.float32]:
    return (weights / weights.mean()).astype(np.float32)


def _silent(training: Training) -> Training:
    """The same options for a trial: nothing is written down or shown."""
    return clone(training).set_params(folder=None, progress=False, tensorboard=False)


def _enough_steps(training: Training | None, n_rows: int) -> Training:
    """The options given, or the usual ones with enough epochs for few rows."""
    if training is not None:
        return training
    usual = Training()
    n_batches = math.ceil(n_rows / usual.batch_size)
    return Training(max_epochs=max(usual.max_epochs, math.ceil(FEWEST_STEPS / n_batches)))


def _title(recipe: Recipe) -> str:
    """The recipe's name, and those of its parameters that are not the usual ones."""
    usual = type(recipe)().get_params(deep=False)
    own = {k: v for k, v in recipe.get_params(deep=False).items() if v != usual.get(k)}
    shown = ", ".join(f"{name}={value!r}" for name, value in own.items())
    return f"{recipe.name} ({shown})" if shown else recipe.name


def _reason(chosen: str, best: str, row: dict[str, float], how: str) -> str:
    if chosen == best:
        return f"auto takes {chosen}, which loses least on held-out rows ({how})."
    return (
        f"auto takes {chosen}: it loses {row['worse']:.3g} a row more than the best, {best}, which "
        f"may be chance, p = {row['p_value']:.2g} ({how})."
    )
