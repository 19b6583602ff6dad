"""Recommendation: what users did in one shop, carried over to what they may like in another.

The source step factorises both shops' interactions (``BiasedMF`` for ratings, ``ImplicitALS``
without), the mapping step learns from those who are in both how factors go over (the mappings are
``landbridge.mapping``'s), the target step blends that with what a user did there already.
``evaluate_recommenders`` shows whether it helps, beside what one would do without.
"""

from landbridge.kits.recommend.biased_mf import BiasedMF
from landbridge.kits.recommend.bridges import MAPPINGS
from landbridge.kits.recommend.evaluation import RecommendComparison, evaluate_recommenders
from landbridge.kits.recommend.implicit_als import ImplicitALS
from landbridge.kits.recommend.interactions import Interactions, read_interactions
from landbridge.kits.recommend.item_features import ItemFeatures, read_item_features
from landbridge.kits.recommend.job import run_recommend
from landbridge.kits.recommend.recommender import CrossDomainRecommender
from landbridge.kits.recommend.shops import make_item_features, make_shops

__all__ = [
    "MAPPINGS",
    "BiasedMF",
    "CrossDomainRecommender",
    "ImplicitALS",
    "Interactions",
    "ItemFeatures",
    "RecommendComparison",
    "evaluate_recommenders",
    "make_item_features",
    "make_shops",
    "read_interactions",
    "read_item_features",
    "run_recommend",
]
