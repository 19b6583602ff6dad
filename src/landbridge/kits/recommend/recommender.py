"""The three steps for two shops: factorise both, map users over, blend with what they did here."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.parameters import check_choice, check_number
from landbridge.domains.wording import listed
from landbridge.kits.recommend.blending import USUAL_KAPPA, estimate_kappa
from landbridge.kits.recommend.bridges import MAPPINGS
from landbridge.kits.recommend.carrying import Predictor, carried_over
from landbridge.kits.recommend.interactions import Interactions
from landbridge.kits.recommend.item_features import ItemFeatures
from landbridge.kits.recommend.learning import Learned, learn, links_between
from landbridge.kits.recommend.pair import FEEDBACK, OVER, as_features, connected, read_pair
from landbridge.kits.recommend.ranking import best_items


class CrossDomainRecommender(BaseEstimator):
    r"""Recommend in a target shop to users known from a source shop, and to those known in both.

    Both domains are factorised; over the users in both a map :math:`f` is learned from a user's
    source factors to the target's. Someone new in the target gets :math:`f(x_u)`; with :math:`n`
    entries of their own there,

    .. math:: w\, y_u + (1 - w)\, f(x_u), \qquad w = \frac{n}{n + \kappa},

    an empirical Bayes weight, κ being the one that predicts held-out entries of users in both
    best when they have but a few others. Predictions are linear in these rows.

    Parameters
    ----------
    mapping : str, default="ridge"
        ``"none"``, ``"bias"``, ``"linear"``, ``"ridge"``, ``"mlp"``, ``"personal"`` or
        ``"features"``: see ``landbridge.kits.recommend.MAPPINGS``.
    feedback : {"auto", "ratings", "implicit"}, default="auto"
        Whether the entries are ratings or interactions; by default ratings if there is a column
        of them that holds more than one value.
    over : {"auto", "users", "items", "features"}, default="auto"
        What connects the domains, by default the first that does. Over items, those known from
        the source alone are recommended to the target's users.
    model : BiasedMF or ImplicitALS, optional
        The source step, unfitted, for both domains; by default with its default parameters.
    kappa : "auto" or float, default="auto"
        The κ of the blend: larger trusts the map longer.
    duplicates : {"mean", "last", "refuse"}, default="mean"
        What becomes of repeated ratings.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    users_, items_ : ndarray
        All users of both domains, and the target's items (over items the other way round).
    user_rows_, item_columns_ : ndarray of shape (n, K) and (m, K)
        The prediction is their product plus ``item_offsets_``.
    own_ : ndarray of shape (n,)
        Entries of each user in the target.
    kappa_ : float
    over_, feedback_ : str
    n_links_ : int
        How many are in both.
    notes_ : list of str

    Raises
    ------
    ValueError
        If the tables cannot be read or have nothing in common.

    Examples
    --------
    >>> from landbridge.kits.recommend import CrossDomainRecommender, make_shops
    >>> books, music = make_shops(random_state=0)
    >>> model = CrossDomainRecommender(mapping="ridge", random_state=0)
    >>> model = model.fit(books, music, user="user", item="item", rating="rating")
    >>> len(model.recommend("u7", k=3)), bool(1 < model.predict(["u7"], ["music 3"])[0] < 5)
    (3, True)
    """

    def __init__(
        self,
        mapping: str = "ridge",
        *,
        feedback: str = "auto",
        over: str = "auto",
        model: Any = None,
        kappa: float | str = "auto",
        duplicates: str = "mean",
        random_state: int | np.random.RandomState | None = None,
    ):
        self.mapping = mapping
        self.feedback = feedback
        self.over = over
        self.model = model
        self.kappa = kappa
        self.duplicates = duplicates
        self.random_state = random_state

    def fit(
        self,
        source: Any,
        target: Any,
        *,
        user: str,
        item: str,
        rating: str | None = None,
        time: str | None = None,
        item_features: Any = None,
    ) -> Self:
        """Learn from two tables of interactions.

        Parameters
        ----------
        source, target : path, DataFrame, Table or Interactions
            With the same columns.
        user, item, rating, time : str
            Their names; without ``rating`` each row is one interaction. The time only says which
            of repeated ratings is the last.
        item_features : path, DataFrame or Table, optional
            A row for each item of both domains, the items in the column ``item``.
        """
        columns = {"user": user, "item": item, "rating": rating, "time": time}
        pair = read_pair(source, target, duplicates=self.duplicates, **columns)
        return self.fit_pair(*pair, as_features(item_features, item))

    def fit_pair(
        self, source: Interactions, target: Interactions, features: ItemFeatures | None = None
    ) -> Self:
        """Learn from interactions that have been read (``read_pair``)."""
        self._check_parameters()
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        source, target, self.over_, self.feedback_, model = connected(
            source,
            target,
            features is not None,
            over=self._over(),
            feedback=self.feedback,
            model=self.model,
            seed=seed,
        )
        learned = learn(source, target, model, self.over_)
        self.n_links_ = len(links_between(learned.source.users, learned.target.users))
        self.notes_ = [f"{one.name}: {note}" for one in (source, target) for note in one.notes]
        self.kappa_ = self._kappa(learned, target, model, seed)
        predictor = carried_over(self.mapping, learned, self.kappa_, seed, features)
        self._keep(predictor, learned, features)
        return self

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float64]:
        """The rating, or the score, expected of each user (m,) for the item beside it (m,).

        Somebody known in neither domain counts as the average user, an unknown item as an
        average item.
        """
        check_is_fitted(self)
        rows, columns = self._sides(users, items)
        known = columns >= 0
        average = self.item_columns_.mean(axis=0), self.item_offsets_.mean()
        vectors = np.where(known[:, None], self.item_columns_[columns], average[0])
        offsets = np.where(known, self.item_offsets_[columns], average[1])
        return np.einsum("mk,mk->m", self._user_rows(rows), vectors) + offsets

    def recommend(self, user: Any, k: int = 10, *, new_only: bool = True) -> pd.DataFrame:
        """The k items with the highest prediction for a user, best first.

        Parameters
        ----------
        user : str or int
        k : int
        new_only : bool
            Leave out what the user has had in the target.

        Returns
        -------
        DataFrame
            ``item``, ``score``, and ``title`` where item features have one.

        Raises
        ------
        KeyError
            If the user is known in neither domain.
        """
        check_is_fitted(self)
        check_number("k", k, least=1, whole=True)
        if self.over_ == "items":
            items, scores, seen = self._scores_over_items(user)
        else:
            row = self._row_of(user)
            items, seen = self.items_, self._seen(row)
            scores = self.item_columns_ @ self.user_rows_[row] + self.item_offsets_
        scores = np.where(seen & new_only, -np.inf, scores)
        best = best_items(scores[None], min(k, int(np.isfinite(scores).sum())))[0]
        found = pd.DataFrame({"item": items[best], "score": scores[best]})
        titles = dict(zip(self.title_items_.tolist(), self.titles_.tolist()))
        if titles:
            found["title"] = [titles.get(one, "") for one in found["item"].tolist()]
        return found

    def own_weight(self, user: Any) -> float:
        """How much a user's own entries in the target count, ``n / (n + κ)``."""
        check_is_fitted(self)
        n_own = self.own_[self._row_of(user)]
        return float(n_own / (n_own + self.kappa_))

    def _over(self) -> str:
        return "features" if self.mapping == "features" else self.over

    def _keep(self, predictor: Predictor, learned: Learned, features: Any) -> None:
        self.users_ = _plain(predictor.users)
        self.items_ = _plain(learned.target.items)
        self.user_rows_, self.average_row_ = predictor.rows, predictor.average
        self.item_columns_, self.item_offsets_ = predictor.columns, predictor.offsets
        self.own_ = predictor.own
        self.seen_starts_ = learned.target.matrix.indptr.astype(np.int64)
        self.seen_items_ = learned.target.matrix.indices.astype(np.int64)
        self.seen_rows_ = predictor.target_rows
        titles = {} if features is None else features.titles
        self.title_items_ = np.array(list(titles))
        self.titles_ = np.array(list(titles.values()), dtype=str)

    def _sides(self, users: Any, items: Any) -> tuple[NDArray, NDArray]:
        if self.over_ == "items":
            users, items = items, users
        return _places(self.users_, users), _places(self.items_, items)

    def _user_rows(self, rows: NDArray) -> NDArray:
        return np.where((rows >= 0)[:, None], self.user_rows_[rows], self.average_row_)

    def _row_of(self, user: Any) -> int:
        row = int(_places(self.users_, [user])[0])
        if row < 0:
            raise KeyError(
                f"The user {user!r} is known in neither domain; known are, for instance, "
                f"{listed(self.users_[:5].tolist())}."
            )
        return row

    def _seen(self, row: int) -> NDArray[np.bool_]:
        seen = np.zeros(len(self.items_), dtype=bool)
        place = self.seen_rows_[row]
        if place >= 0:
            seen[self.seen_items_[self.seen_starts_[place] : self.seen_starts_[place + 1]]] = True
        return seen

    def _scores_over_items(self, user: Any) -> tuple[NDArray, NDArray, NDArray]:
        """Every item of both domains for one target user: items are the rows here."""
        column = int(_places(self.items_, [user])[0])
        if column < 0:
            raise KeyError(
                f"The user {user!r} is not known in the target; known are, for instance, "
                f"{listed(self.items_[:5].tolist())}."
            )
        scores = self.user_rows_ @ self.item_columns_[column] + self.item_offsets_[column]
        holders = np.repeat(np.arange(len(self.seen_starts_) - 1), np.diff(self.seen_starts_))
        held = np.zeros(len(self.seen_starts_), dtype=bool)
        held[holders[self.seen_items_ == column]] = True
        return self.users_, scores, held[self.seen_rows_] & (self.seen_rows_ >= 0)

    def _kappa(self, learned: Learned, target: Interactions, model: Any, seed: int) -> float:
        if self.kappa != "auto":
            return float(self.kappa)
        if self.mapping == "features" or self.over_ == "features":
            return USUAL_KAPPA
        found = estimate_kappa(self.mapping, learned, target, model, seed)
        if found is None:
            self.notes_.append(
                f"Too few users in both to learn how soon their own entries count: κ is "
                f"{USUAL_KAPPA:g}."
            )
        return USUAL_KAPPA if found is None else found

    def _check_parameters(self) -> None:
        check_choice("mapping", self.mapping, tuple(MAPPINGS))
        check_choice("feedback", self.feedback, FEEDBACK)
        check_choice("over", self.over, OVER)
        check_number("kappa", self.kappa, words=("auto",), above=True)


def _plain(index: pd.Index) -> NDArray:
    """Names as an array of whole numbers or of text."""
    return index.to_numpy() if index.dtype.kind == "i" else np.array(index.tolist(), dtype=str)


def _places(names: NDArray, wanted: Any) -> NDArray[np.intp]:
    """The places of names (m,), -1 for one that is not there; names may come as text."""
    wanted = np.atleast_1d(np.asarray(wanted))
    index = pd.Index(names)
    if names.dtype.kind == "i" and wanted.dtype.kind not in "iu":
        index = index.astype(str)
    if index.dtype.kind != "i":
        wanted = wanted.astype(str).astype(object)
    return index.get_indexer(pd.Index(wanted))
