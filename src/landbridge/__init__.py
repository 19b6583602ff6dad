"""Transfer learning as a mapping, in three steps, with the evidence of whether it helped.

``source`` learns where labels are plenty, ``mapping`` finds the map that carries what was
learned over to the target, ``target`` learns on there; ``evidence`` compares the result with
doing without. Names are imported when first used, so that importing the package is quick.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import Any

_NAMES = {
    "domains": "DATASETS Problem Table TableFeatures digits_by_writer fetch load_domains "
    "make_problem picture_folder read_table",
    "moments": "Moments",
    "training": "Training",
    "source": "LEARNERS NetworkSource make_learner",
    "mapping": "ALIGNMENTS BDA CCA CORAL DASVM FMMD JCPOT JDA JDOT KLIEP KMM MAPPINGS PLS RCSLS "
    "RULSIF TCA TJM ULSIF ClassPairs ClassStandardise ClassTransport ClassifierRatio "
    "DeepTransfer DirectStandardization EasyTransfer EntropyBalancing ExactTransport ForestMap "
    "GaussianRatio GeodesicFlow GradientMapping GradualSelfTraining GromovWasserstein "
    "Identity KernelDensityRatio KernelRidgeMap KernelTransport LabelPropagation "
    "LaplaceTransport LeastSquares LowRankAffine MMDScaleShift MMDTargetShift "
    "ManifoldEmbedded Mapping MarginalisedDenoising Monge MultiLinearMonge NearestNeighbourRatio "
    "OptimalTransport PartialTransport PerSource PiecewiseDirectStandardization "
    "Procrustes PseudoLabels Recentre Ridge RiemannianAlignment SemiSupervisedTCA "
    "Standardise StructuralCorrespondence SubspaceAlignment TransferSubspace "
    "UnbalancedTransport make_mapping",
    "target": "SER SHOT STRUT TARGETS TENT AdaBN BoostedContinuation FeatureAugmentation FineTune "
    "KernelTransferRegressor LabelShift LinearInterpolation LogitAdjusted Pooled Refit "
    "RegularTransferClassifier RegularTransferRegressor Stacking TargetLearner TargetOnly "
    "Thresholded TrAdaBoost TrAdaBoostR2 TwoStageTrAdaBoostR2",
    "transfer": "Transfer",
    "saving": "load save",
    "onnx": "export_onnx",
    "evidence": "AutoTransfer Comparison Diagnosis LearningCurve Verdict choose_without_labels "
    "classifier_two_sample_test compare diagnose feature_shift group_influence learning_curve "
    "leave_one_source_out "
    "make_candidate make_label_free_scorer mmd_test rank_backbones rank_sources "
    "rank_without_labels",
    "report": "render_report write_report",
    "job": "TableModel check run",
    "kits.image": "ImageTransfer export_pictures read_pictures run_images",
    "kits.text": "CountVectors TextTransfer VocabularyMap WordVectors read_word_vectors run_texts",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_HOMES)
__version__ = _version("landbridge")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"landbridge.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'landbridge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
