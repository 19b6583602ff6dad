"""Pictures: what was learned on many labelled ones, for few of another kind.

*Source*: rows of pictures by an encoder, which needs no network (``handmade``) or is one, trained
on the source or pretrained (``backbones``); ``encoder`` keeps what was made once. *Mapping*: any
of the catalogue on these rows, or deep. *Target*: linear probe, class means (``prototypes``), any
target learner, or a recipe that tunes the backbone. ``reading`` reads folders, tables and arrays,
``near`` finds pictures that are nearly the same, ``transfer`` joins the steps, ``export`` writes
what predicts to ONNX, and ``job`` is what ``landbridge image run`` does.
"""

from landbridge.kits.image.backbones import Backbone, KerasBackbone
from landbridge.kits.image.encoder import PictureEncoder
from landbridge.kits.image.export import export_pictures
from landbridge.kits.image.handmade import HandmadeFeatures
from landbridge.kits.image.job import run_images
from landbridge.kits.image.near import honest_split, near_duplicates
from landbridge.kits.image.predicting import predict_files
from landbridge.kits.image.prototypes import Prototypes
from landbridge.kits.image.reading import Pictures, read_pictures
from landbridge.kits.image.transfer import ImageTransfer, make_encoder

__all__ = [
    "Backbone",
    "HandmadeFeatures",
    "ImageTransfer",
    "KerasBackbone",
    "PictureEncoder",
    "Pictures",
    "Prototypes",
    "export_pictures",
    "honest_split",
    "make_encoder",
    "near_duplicates",
    "predict_files",
    "read_pictures",
    "run_images",
]
