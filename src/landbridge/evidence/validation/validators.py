"""Every validator by its name: a score of a fitted model that no target label is needed for."""

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

from landbridge.domains import check_rows
from landbridge.domains.parameters import check_choice
from landbridge.evidence.validation.agreement import agreement_score
from landbridge.evidence.validation.consensus import consensus_score
from landbridge.evidence.validation.reverse import reverse_score
from landbridge.evidence.validation.seen import Seen
from landbridge.evidence.validation.shape import (
    cluster_agreement,
    likeness,
    mixed_score,
    silhouette,
)
from landbridge.evidence.validation.weighing import (
    embedded_score,
    source_score,
    weighted_score,
)
from landbridge.source.unlabelled import PREDICTION_SCORES
from landbridge.transfer import is_source


class Validator(NamedTuple):
    """A score, larger is better, and what it needs."""

    score: Callable[[Seen], float]
    needs_classes: bool = True
    """Whether it is for classification only."""


def _of_predictions(score: Callable[[Any], float]) -> Callable[[Seen], float]:
    return lambda seen: score(seen.probabilities)


VALIDATORS: dict[str, Validator] = {
    "source": Validator(source_score, needs_classes=False),
    "iwcv": Validator(weighted_score, needs_classes=False),
    "dev": Validator(embedded_score, needs_classes=False),
    "reverse": Validator(reverse_score, needs_classes=False),
    "likeness": Validator(likeness, needs_classes=False),
    **{name: Validator(_of_predictions(score)) for name, score in PREDICTION_SCORES.items()},
    "clusters": Validator(cluster_agreement),
    "silhouette": Validator(silhouette),
    "mixval": Validator(mixed_score),
    "agreement": Validator(agreement_score),
    "consensus": Validator(consensus_score),
}
"""Validators by name.

==============  ================================================================================
``source``      score on source rows, carried over
``iwcv``        the same, rows weighed like the target (Sugiyama et al. 2007)
``dev``         the same by the loss, weighed where both meet (You et al. 2019)
``reverse``     score in the source of the method run back (Zhong et al. 2010; Bruzzone &
                Marconcini 2010)
``likeness``    how like the target's the carried source rows are
``entropy``     certainty of predictions (Morerio et al. 2018)
``diversity``   how many classes are predicted
``information`` both (Krause et al. 2010; Shi & Sha 2012)
``bnm``         both, by the nuclear norm (Cui et al. 2020)
``snd``         density of neighbourhoods in predictions (Saito et al. 2021)
``mano``        norm of predictions (Xie et al. 2024)
``clusters``    predictions and clusters (Musgrave et al. 2022)
``silhouette``  predictions and distances
``mixval``      predictions of mixed rows (Hu et al. 2023)
``agreement``   predictions and those of other models (Jiang et al. 2022; Baek et al. 2022)
``consensus``   predictions and those of other models, by the trust in each
==============  ================================================================================
"""


def score_without_labels(validator: str, seen: Seen) -> float:
    """The score that a validator gives to a fitted model; larger is better.

    Raises
    ------
    ValueError
        If there is no such validator, or it does not suit the model.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge import Transfer
    >>> from landbridge.evidence.validation import Seen, score_without_labels
    >>> X, y = make_blobs(200, random_state=0)
    >>> model = Transfer(LogisticRegression(), "coral").fit(X[:80], y[:80], X[100:])
    >>> seen = Seen(model, X[80:100], y[80:100], X[100:])
    >>> 0.8 < score_without_labels("reverse", seen) <= 1.0
    True
    """
    check_choice("validator", validator, list(VALIDATORS))
    kind = VALIDATORS[validator]
    if kind.needs_classes and not seen.classifies:
        known = [name for name, other in VALIDATORS.items() if not other.needs_classes]
        raise ValueError(
            f'The validator "{validator}" is for classes, and {type(seen.model).__name__} '
            f"predicts numbers. In regression use {', '.join(known)}."
        )
    return float(kind.score(seen))


class LabelFreeScorer(BaseEstimator):
    """A validator as a scorer of scikit-learn's, for ``Transfer`` with ``sample_domain``.

    Parameters
    ----------
    validator : str, default="information"
        A name of ``VALIDATORS``.
    others : sequence of fitted models, default=()
        For ``"agreement"`` and ``"consensus"``: the models to agree with.
    max_rows : int, default=1000
        Rows of a domain that are looked at.
    random_state : int, default=0
    """

    def __init__(
        self,
        validator: str = "information",
        *,
        others: Any = (),
        max_rows: int = 1000,
        random_state: int = 0,
    ):
        self.validator = validator
        self.others = others
        self.max_rows = max_rows
        self.random_state = random_state

    def __call__(
        self, estimator: Any, X: ArrayLike, y: ArrayLike, sample_domain: ArrayLike | None = None
    ) -> float:
        """The score on these rows; labels of target rows are not looked at.

        Raises
        ------
        ValueError
            If ``sample_domain`` is missing, or the validator does not suit the model.
        """
        check_choice("validator", self.validator, list(VALIDATORS))
        if sample_domain is None:
            raise ValueError(
                "A label-free scorer needs sample_domain, to tell target rows from source rows. "
                "scikit-learn passes it on where metadata routing is enabled: "
                "sklearn.set_config(enable_metadata_routing=True), and request it for fit: "
                "Transfer(...).set_fit_request(sample_domain=True)."
            )
        rows = check_rows(X, "X", sparse=True)
        here = is_source(sample_domain, rows.shape[0])
        labels = _listed(y)
        if len(labels) != len(here):
            raise ValueError(
                "y must have a label for each row of X, and -1 or a blank for those of the "
                f"target: found {len(labels)} for {len(here)} rows."
            )
        labels = [label for label, source in zip(labels, here) if source]
        seen = Seen(
            estimator,
            rows[here],
            labels,
            rows[~here],
            others=self.others,
            max_rows=self.max_rows,
            random_state=self.random_state,
        )
        return score_without_labels(self.validator, seen)

    def get_metadata_routing(self) -> MetadataRequest:
        """That ``sample_domain`` is asked for, where scikit-learn routes metadata."""
        request = MetadataRequest(owner=type(self).__name__)
        request.score.add_request(param="sample_domain", alias=True)
        return request


def make_label_free_scorer(validator: str, **options: Any) -> LabelFreeScorer:
    """A scorer for ``scoring=`` of scikit-learn's tools, by the name of a validator.

    Parameters
    ----------
    validator : str
        A name of ``VALIDATORS``.
    **options
        Those of ``LabelFreeScorer``.

    Raises
    ------
    ValueError
        If there is no such validator.

    Examples
    --------
    >>> import numpy as np, sklearn
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from landbridge import Transfer
    >>> from landbridge.evidence import make_label_free_scorer
    >>> X, y = make_blobs(200, random_state=0)
    >>> domain = np.repeat([1, -1], 100)
    >>> masked = np.where(domain > 0, y, -1)
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     model = Transfer(LogisticRegression()).set_fit_request(sample_domain=True)
    ...     scorer = make_label_free_scorer("snd")
    ...     search = GridSearchCV(model, {"mapping": ["identity", "coral"]}, scoring=scorer)
    ...     fitted = search.fit(X, masked, sample_domain=domain)
    >>> fitted.best_params_["mapping"] in ("identity", "coral")
    True
    """
    check_choice("validator", validator, list(VALIDATORS))
    return LabelFreeScorer(validator, **options)


def _listed(y: ArrayLike) -> list:
    if y is None:
        raise ValueError("A label-free scorer needs the labels of source rows: found y=None.")
    return y.tolist() if hasattr(y, "tolist") else list(y)  # type: ignore[arg-type]
