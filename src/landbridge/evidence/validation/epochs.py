"""Validators as judges of a network's epochs."""

from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from landbridge.domains.parameters import check_choice
from landbridge.evidence.validation.seen import Seen
from landbridge.evidence.validation.validators import VALIDATORS, score_without_labels
from landbridge.mapping.deep import Epoch

NOT_OF_EPOCHS = ("reverse", "agreement", "consensus")
"""They fit the method once more, or ask other models."""


class EpochValidator(BaseEstimator):
    """A validator that judges every epoch of ``DeepTransfer(validator=...)``.

    Parameters
    ----------
    validator : str, default="dev"
        A name of ``VALIDATORS`` but ``"reverse"``, ``"agreement"`` and ``"consensus"``.
    max_rows : int, default=1000
        Rows of a domain that are looked at.
    random_state : int, default=0
    """

    def __init__(self, validator: str = "dev", *, max_rows: int = 1000, random_state: int = 0):
        self.validator = validator
        self.max_rows = max_rows
        self.random_state = random_state

    def __call__(self, epoch: Epoch) -> float:
        """The score of the network as it is; larger is better."""
        check_choice("validator", self.validator, epoch_validators())
        kind = _NumberNet if epoch.classes is None else _ClassNet
        seen = _SeenEpoch(
            kind(epoch),
            epoch.Xs,
            epoch.ys,
            epoch.Xt,
            epoch.sample_weight,
            max_rows=self.max_rows,
            random_state=self.random_state,
        )
        if self.validator == "iwcv":  # rows as they came are the same in every epoch
            seen.__dict__["input_ratios"] = self._ratios(seen)
        return score_without_labels(self.validator, seen)

    def _ratios(self, seen: Seen) -> NDArray[np.float64]:
        rows = joblib.hash((seen.Xs, seen.Xt))
        if getattr(self, "_known", (None,))[0] != rows:
            self._known = rows, seen.input_ratios
        return self._known[1]


def make_epoch_validator(validator: str, **options: Any) -> EpochValidator:
    """A validator by name for ``DeepTransfer(validator=...)``.

    Parameters
    ----------
    validator : str
        A name of ``VALIDATORS`` but ``"reverse"``, which would train once more after every epoch,
        and ``"agreement"`` and ``"consensus"``, which need other models.
    **options
        Those of ``EpochValidator``.

    Raises
    ------
    ValueError
        If there is no such validator of epochs.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge import DeepTransfer, Training
    >>> from landbridge.evidence import make_epoch_validator
    >>> rng = np.random.default_rng(0)
    >>> Xs = rng.normal(size=(400, 2))
    >>> ys, Xt = Xs[:, 0] > 0, rng.normal(size=(400, 2)) + [1.0, 0.0]
    >>> stop = make_epoch_validator("dev")
    >>> training = Training(max_epochs=20, patience=3)
    >>> net = DeepTransfer((16,), validator=stop, training=training, random_state=0)
    >>> 1 <= net.fit(Xs, Xt, ys=ys).best_epoch_ <= net.n_epochs_
    True
    """
    check_choice("validator", validator, epoch_validators())
    return EpochValidator(validator, **options)


def epoch_validators() -> list[str]:
    """The names of the validators that can judge an epoch."""
    return [name for name in VALIDATORS if name not in NOT_OF_EPOCHS]


class _SeenEpoch(Seen):
    """What is seen of a network between two epochs."""

    @property
    def mapping(self) -> Any:
        return self.model


class _Net(BaseEstimator):
    """A network in training, asked as a fitted transfer is."""

    how = "move"

    def __init__(self, epoch: Epoch):
        self.epoch = epoch

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: NDArray) -> NDArray:
        return self.epoch.features(X, True)

    def transform_target(self, X: NDArray) -> NDArray:
        return self.epoch.features(X, False)

    def _asked(self, X: NDArray, sample_domain: Any) -> NDArray:
        return self.epoch.outputs(X, sample_domain is not None)


class _ClassNet(ClassifierMixin, _Net):
    @property
    def classes_(self) -> NDArray:
        return np.asarray(self.epoch.classes)

    def predict_proba(self, X: NDArray, sample_domain: Any = None) -> NDArray:
        return self._asked(X, sample_domain)

    def predict(self, X: NDArray, sample_domain: Any = None) -> NDArray:
        return self.classes_[self._asked(X, sample_domain).argmax(axis=1)]


class _NumberNet(RegressorMixin, _Net):
    def predict(self, X: NDArray, sample_domain: Any = None) -> NDArray:
        return self._asked(X, sample_domain)
