"""Mappings that leave the rows where they are and give target rows labels."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landbridge.domains import check_rows, is_labelled, labelled_rows
from landbridge.mapping.base import Carried, UnpairedMapping, check_two_rows
from landbridge.mapping.in_place import InPlace


def keep_known(
    labels: NDArray, confidence: NDArray, yt: NDArray | None
) -> tuple[NDArray, NDArray[np.float64]]:
    """Found labels and confidence (n_t,), but the given label, with confidence 1, where there is
    one."""
    sure = np.clip(np.asarray(confidence, dtype=np.float64), 0.0, 1.0)
    if yt is None or not (known := is_labelled(yt)).any():
        return labels, sure
    kept = labels.astype(object)
    kept[known] = yt[known]
    return labelled_rows(kept, kept)[1], np.where(known, 1.0, sure)


class LabelledTarget(InPlace, UnpairedMapping):
    """A mapping whose ``fit`` labels the target rows; rows themselves stay where they are.

    ``carry`` gives the target rows of ``fit`` with their new labels, so the third step learns
    where it will predict. A fitted model keeps two numbers for each target row.

    Attributes
    ----------
    labels_ : ndarray of shape (n_t,)
        The class or number that each target row got; given target labels are kept.
    confidence_ : ndarray of shape (n_t,)
        How far to trust each label, from 0 to 1; 1 for given labels.
    """

    how: ClassVar[str] = "relabel"
    needs_labels: ClassVar[str] = "source"

    labels_: NDArray
    confidence_: NDArray[np.float64]

    def carry(
        self,
        Xs: ArrayLike,
        ys: NDArray,
        sample_weight: NDArray | None = None,
        Xt: ArrayLike | None = None,
    ) -> Carried:
        """The target rows of ``fit``, with the labels they got and the confidence as weights.

        Raises
        ------
        ValueError
            If ``Xt`` is missing, or is not as long as in ``fit``.
        """
        n_fitted = len(self.labels_)
        if Xt is None:
            raise ValueError(
                f"{type(self).__name__} labels target rows: give carry the {n_fitted} rows of fit "
                "as Xt."
            )
        rows = check_rows(Xt, "Xt", sparse=self.takes_sparse)
        if rows.shape[0] != n_fitted:
            raise ValueError(
                f"{type(self).__name__} labelled the {n_fitted} target rows of fit: Xt has "
                f"{rows.shape[0]}. Give the same rows, or fit again."
            )
        sure = bool((self.confidence_ == 1.0).all())
        return Carried(rows, self.labels_, None if sure else self.confidence_)

    def _keep(self, labels: NDArray, confidence: NDArray, yt: NDArray | None) -> None:
        """Set what was found, but for target rows that had a label."""
        self.labels_, self.confidence_ = keep_known(labels, confidence, yt)


class Relabelling(LabelledTarget):
    """A mapping whose ``fit`` labels the target rows by those of one source.

    A method of this form implements ``_relabel``; see ``LabelledTarget`` for what ``fit`` leaves.
    """

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        check_two_rows(self, Xs.shape[0], Xt.shape[0])
        known = is_labelled(ys)
        weights = None if sample_weight is None else sample_weight[known]
        self._keep(*self._relabel(*labelled_rows(Xs, ys), Xt, yt, weights), yt)

    @abstractmethod
    def _relabel(
        self, Xs: Any, ys: NDArray, Xt: Any, yt: NDArray | None, sample_weight: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        """Labels (n_t,) and confidence (n_t,) of target rows; every source row has a label."""
