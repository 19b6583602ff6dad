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
from landbridge.kits.recommend.biased_mf import BiasedMF
from landbridge.kits.recommend.bridges import MAPPINGS, Bridge
from landbridge.kits.recommend.implicit_als import ImplicitALS
from landbridge.kits.recommend.interactions import (
    ITEM,
    RATING,
    USER,
    Interactions,
    ItemFeatures,
    read_interactions,
    read_item_features,
    same_names,
)
from landbridge.kits.recommend.learning import (
    Factorised,
    Learned,
    factorise,
    links_between,
    names_in,
    way_over,
)
from landbridge.kits.recommend.ranking import best_items
from landbridge.mapping import Ridge

FEWEST_LINKS = 10
"""Fewer users in both domains tell nothing of a map."""
KAPPAS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0)
USUAL_KAPPA = 8.0
OWN_ENTRIES = (1, 2, 4, 8, 16, 32)
FEWEST_WARM, MOST_WARM = 30, 400


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
        features = None if item_features is None else as_features(item_features, item)
        return self.fit_pair(*pair, features)

    def fit_pair(
        self, source: Interactions, target: Interactions, features: ItemFeatures | None = None
    ) -> Self:
        """Learn from interactions that have been read (``read_pair``)."""
        self._check_parameters()
        over = way_over(source, target, features is not None, self._over())
        if over == "items":
            source, target = source.swapped(), target.swapped()
        self.over_ = over
        self.feedback_ = feedback_of(source, target, self.feedback)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        model = model_for(self.feedback_, self.model, seed)
        learned = learn(source, target, model, over)
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

    def _keep(self, predictor: "Predictor", learned: Learned, features: Any) -> None:
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
        check_choice("feedback", self.feedback, ("auto", "ratings", "implicit"))
        check_choice("over", self.over, ("auto", "users", "items", "features"))
        check_number("kappa", self.kappa, words=("auto",), above=True)


class Predictor:
    """Users as rows and items as columns, whose product plus an offset is the prediction."""

    def __init__(
        self,
        users: pd.Index,
        rows: NDArray,
        average: NDArray,
        columns: NDArray,
        offsets: NDArray,
        own: NDArray,
        target_rows: NDArray,
    ):
        self.users, self.rows, self.average = users, rows, average
        self.columns, self.offsets = columns, offsets
        self.own, self.target_rows = own, target_rows


def read_pair(source: Any, target: Any, **columns: Any) -> tuple[Interactions, Interactions]:
    """Both domains' interactions, users and items named alike; see ``read_interactions``."""
    pair = [
        one if isinstance(one, Interactions) else read_interactions(one, name=name, **columns)
        for one, name in ((source, "source"), (target, "target"))
    ]
    for side in (USER, ITEM):
        named = same_names(*(one.frame[side] for one in pair))
        for one, names in zip(pair, named):
            one.frame = one.frame.assign(**{side: names})
    return pair[0], pair[1]


def as_features(item_features: Any, item: str) -> ItemFeatures:
    """Item features, read where they have not been."""
    if isinstance(item_features, ItemFeatures):
        return item_features
    return read_item_features(item_features, item=item)


def feedback_of(source: Interactions, target: Interactions, feedback: str) -> str:
    """Whether the entries are "ratings" or "implicit".

    Raises
    ------
    ValueError
        If interactions are wanted, but an entry is not above zero.
    """
    values = [one.frame[RATING] for one in (source, target)]
    if feedback == "auto":
        feedback = "ratings" if max(one.nunique() for one in values) > 1 else "implicit"
        is_counted = all((one % 1 == 0).all() and one.min() >= 1 for one in values)
        summed = any("strength" in note for d in (source, target) for note in d.notes)
        if feedback == "ratings" and summed and is_counted:
            feedback = "implicit"
    if feedback == "implicit" and min(one.min() for one in values) <= 0:
        raise ValueError(
            'feedback="implicit" takes each row as something that happened: found a value that '
            'is not above zero. Leave out such rows, or use feedback="ratings".'
        )
    return feedback


def model_for(feedback: str, model: Any, seed: int) -> Any:
    """The source step for this feedback.

    Raises
    ------
    TypeError
        If the model that was given is for the other kind.
    """
    kind = BiasedMF if feedback == "ratings" else ImplicitALS
    if model is None:
        return kind(random_state=seed)
    if not isinstance(model, kind):
        raise TypeError(
            f"model must be a {kind.__name__} for {feedback}: found {type(model).__name__}."
        )
    return model


def learn(source: Interactions, target: Interactions, model: Any, over: str) -> Learned:
    """The source step in both domains, and who is in both."""
    parts = [factorise(one, *names_in(one), model) for one in (source, target)]
    return linked(parts[0], parts[1], over)


def linked(source: Factorised, target: Factorised, over: str) -> Learned:
    """Both domains with the links between them, none where features connect them."""
    links = links_between(source.users, target.users)
    known = (source.counts[links[:, 0]] > 0) & (target.counts[links[:, 1]] > 0)
    return Learned(source, target, links[known] if over != "features" else links[:0])


def carried_over(
    mapping: str, learned: Learned, kappa: float, seed: int, features: ItemFeatures | None = None
) -> Predictor:
    """Everybody's rows in the target: mapped, their own, or the blend of both.

    Raises
    ------
    ValueError
        If too few are in both, or ``"features"`` is asked for without any.
    """
    if mapping == "features" or not len(learned.links):
        return _over_features(learned, kappa, features)
    if len(learned.links) < FEWEST_LINKS and mapping != "none":
        raise ValueError(
            f"A map is learned from users in both domains: found {len(learned.links)}, and "
            f'{FEWEST_LINKS} are the least. Give more, or use mapping="none" or "features".'
        )
    source_rows = np.arange(len(learned.source.users))
    mapped = Bridge(mapping, learned, seed).rows(source_rows)
    mapped[learned.source.counts == 0] = learned.target.average
    if mapping == "none" and not learned.target.is_rated:
        return _popular(learned, kappa)
    return _blended(learned, mapped, learned.target.average, kappa)


def _blended(learned: Learned, mapped: NDArray, average: NDArray, kappa: float) -> Predictor:
    """``w y + (1 − w) f(x)`` for those in both, ``f(x)`` or ``y`` for the others."""
    source, target = learned.source, learned.target
    users = source.users.union(target.users)
    places_s, places_t = (one.users.get_indexer(users) for one in (source, target))
    start = np.where((places_s >= 0)[:, None], mapped[places_s], average)
    own = np.where(places_t >= 0, target.counts[places_t], 0.0)
    weight = (own / (own + kappa))[:, None]
    weight = np.where((places_s < 0)[:, None], (own > 0)[:, None], weight)
    rows = (1 - weight) * start
    n_own = target.rows.shape[1]
    rows[:, :n_own] += weight * np.where((places_t >= 0)[:, None], target.rows[places_t], 0.0)
    columns = target.columns
    return Predictor(users, rows, average, columns, target.offsets, own, places_t)


def _popular(learned: Learned, kappa: float) -> Predictor:
    """New users get what most have, on the scale of the average user's scores."""
    target = learned.target
    scores, popularity = target.columns @ target.average, target.popularity
    scale = (scores @ popularity) / (popularity @ popularity)
    average = np.append(np.zeros(target.columns.shape[1]), 1.0)
    mapped = np.tile(average, (len(learned.source.users), 1))
    predictor = _blended(learned, mapped, average, kappa)
    predictor.columns = np.column_stack([target.columns, scale * popularity])
    return predictor


def _over_features(learned: Learned, kappa: float, features: ItemFeatures | None) -> Predictor:
    r"""What users like in the source, told of the target's items by their features.

    A ridge regression from features to the source items' factors gives each target item
    :math:`g(f_i)`; a source user's prediction is the average user's plus
    :math:`(x_u - \bar x)^\top g(f_i)`.
    """
    if features is None:
        raise ValueError(
            "Nobody is in both domains, so that only item features could connect them: give "
            "item_features (such as genres) of both domains' items."
        )
    source, target = learned.source, learned.target
    known = features.rows(source.items)
    told = Ridge().fit(known, source.columns, source.popularity)
    guessed = told.transform(features.rows(target.items))
    deviations = source.rows - source.average
    deviations[source.counts == 0] = 0
    mapped = np.hstack([np.tile(target.average, (len(deviations), 1)), deviations])
    average = np.concatenate([target.average, np.zeros(deviations.shape[1])])
    predictor = _blended(learned, mapped, average, kappa)
    predictor.columns = np.hstack([target.columns, guessed])
    return predictor


def estimate_kappa(
    mapping: str, learned: Learned, target: Interactions, model: Any, seed: int
) -> float | None:
    """The κ that predicts best what users in both do when few of their own entries are known.

    Of up to 400 users in both, half the entries are held out, and the factors of the target and
    the map are learned without these users. Each keeps 1 to 32 of the other half.
    ``None`` where fewer than 30 would do.
    """
    rng = np.random.default_rng(seed)
    fitting = learned.links[learned.target.counts[learned.links[:, 1]] >= 4]
    if len(fitting) < FEWEST_WARM or len(learned.links) - len(fitting) // 4 < FEWEST_LINKS:
        return None
    warm = rng.permutation(fitting)[: min(MOST_WARM, len(fitting) // 4)]
    names = learned.target.users[warm[:, 1]]
    others = target.keep(~target.frame[USER].isin(names).to_numpy())
    if not len(others):
        return None
    rest = factorise(others, learned.target.users, learned.target.items, model)
    links = learned.links[~np.isin(learned.links[:, 1], warm[:, 1])]
    mapped = Bridge(mapping, Learned(learned.source, rest, links), seed).rows(warm[:, 0])
    known, held = _split_entries(learned.target.matrix[warm[:, 1]], rng)
    own = rest.in_units(rest.model.fold_in(known))
    n_own = np.diff(known.indptr)[:, None]
    losses = [
        _loss(rest, n_own / (n_own + kappa) * own + kappa / (n_own + kappa) * mapped, known, held)
        for kappa in KAPPAS
    ]
    return KAPPAS[int(np.argmin(losses))]


def _split_entries(matrix: Any, rng: Any) -> tuple[Any, Any]:
    """For each user a few known entries (1 to 32) and the half that is held out."""
    known, held = matrix.copy(), matrix.copy()
    for row in range(matrix.shape[0]):
        entries = rng.permutation(np.arange(matrix.indptr[row], matrix.indptr[row + 1]))
        half = len(entries) // 2
        n_known = min(int(rng.choice(OWN_ENTRIES)), len(entries) - half)
        known.data[entries[n_known:]] = np.nan
        held.data[entries[: len(entries) - half]] = np.nan
    return _without_nan(known), _without_nan(held)


def _without_nan(matrix: Any) -> Any:
    """The same without the entries that are NaN."""
    entries = matrix.tocoo()
    kept = ~np.isnan(entries.data)
    where = entries.row[kept], entries.col[kept]
    return type(matrix)((entries.data[kept], where), shape=matrix.shape)


def _loss(target: Factorised, rows: NDArray, known: Any, held: Any) -> float:
    """The mean squared error of ratings, or minus the share of held-out items in the first ten."""
    entries = held.tocoo()
    if target.is_rated:
        columns = target.columns[entries.col]
        predicted = np.einsum("nk,nk->n", rows[entries.row], columns) + target.offsets[entries.col]
        return float(((entries.data - predicted) ** 2).mean())
    scores = rows @ target.columns.T
    shown = known.tocoo()
    scores[shown.row, shown.col] = -np.inf
    best = best_items(scores, min(10, scores.shape[1]))
    hits = np.take_along_axis(held.toarray() > 0, best, axis=1)
    return -float((hits / np.log2(np.arange(2, best.shape[1] + 2))).sum())


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
