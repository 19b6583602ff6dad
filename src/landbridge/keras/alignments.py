"""What draws two domains together in Keras; see ``landbridge.mapping.deep``.

This module imports Keras; estimators import it when they are fitted.
"""

import math
from typing import Any, NamedTuple

from numpy.typing import NDArray

from landbridge.domains.parameters import check_choice
from landbridge.keras.framework import keras, tf
from landbridge.keras.losses import Loss
from landbridge.keras.modules import Cut, Module, Part, parameters_of
from landbridge.keras.networks import dense
from landbridge.training.batches import Batch, TwoBatches
from landbridge.training.trainer import Player

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Squared widths of Gaussian kernels, in mean squared distances."""


class View(NamedTuple):
    """What the network makes of a batch of one domain."""

    features: Any
    """The body's representation (b, d)."""
    logits: Any
    """The head's outputs (b, k)."""
    y: Any
    """Class numbers (b,) or values; -1 or NaN for a target row without a label."""
    weight: Any
    """Weights (b,)."""
    rows: Any
    """Row numbers (b,)."""
    X: Any
    """The rows themselves (b, ...)."""

    @property
    def probabilities(self) -> Any:
        """Softmax of the logits (b, k)."""
        return tf.nn.softmax(self.logits)


class Alignment(Module):
    """What draws two domains together while the source's labels are learned; by itself, nothing.

    A method gives ``__call__``, from a view of either batch and the share of training that is
    done to terms by name. One that needs parts of its own makes them in ``build``. Whatever it
    remembers from step to step must be a variable.

    Attributes
    ----------
    needs_classes : bool
        Whether it is for classification only.
    is_ramped : bool
        Whether its terms grow along ``warm_up``, while features are still forming.
    """

    needs_classes = False
    is_ramped = True

    def classes(self, found: NDArray) -> NDArray:
        """The classes that the head tells apart, sorted: those found in the labels."""
        return found

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """Make parts and variables, for the widths of features and outputs."""

    def __call__(self, source: View, target: View, done: Any) -> dict[str, Any]:
        """What is to be made small, by name."""
        return {}

    def players(self, net: "DeepNet") -> list[Player]:
        """Who moves what; by default one player moves all."""
        return [Player(net.terms, parameters_of(net))]


class DeepNet(Module):
    """Body, head and alignment, and what they minimise together over two batches.

    Parameters
    ----------
    network : Cut
        Body and head.
    alignment : Alignment
    loss : callable
        Of outputs, labels and weights of the source.
    trade_off : float
        Weight of the alignment's terms.
    """

    def __init__(self, network: Cut, alignment: Alignment, loss: Loss, trade_off: float):
        self.network, self.alignment = network, alignment
        self.loss, self.trade_off = loss, trade_off

    def players(self) -> list[Player]:
        """Who moves what: the alignment says."""
        return self.alignment.players(self)

    def terms(self, batches: TwoBatches, done: Any) -> dict[str, Any]:
        """The loss over labels, and the alignment's terms."""
        source, target = self.view(batches.source), self.view(batches.target)
        labelled = {
            "source": self.loss(source.logits, source.y, source.weight),
            "target": self.target_term(target),
        }
        return labelled | self.alignment_terms(source, target, done)

    def view(self, batch: Batch) -> View:
        """What body and head make of a batch by itself, normalised by its own statistics."""
        features = self.network.body(batch.X)
        weight = tf.ones(tf.shape(features)[0]) if batch.weight is None else batch.weight
        return View(features, self.network.head(features), batch.y, weight, batch.rows, batch.X)

    def target_term(self, target: View) -> Any:
        """The loss over the labels of the target, 0 where the batch has none."""
        y = target.y
        known = tf.math.is_finite(y) if y.dtype.is_floating else y >= 0
        parts = [tf.boolean_mask(values, known) for values in (target.logits, y, target.weight)]
        return tf.cond(
            tf.reduce_any(known),
            lambda: self.loss(*parts),
            lambda: tf.reduce_sum(target.logits) * 0.0,
        )

    def alignment_terms(self, source: View, target: View, done: Any) -> dict[str, Any]:
        """What the alignment adds, weighed."""
        ramp = warm_up(done) if self.alignment.is_ramped else 1.0
        found = self.alignment(source, target, done)
        return {name: self.trade_off * ramp * value for name, value in found.items()}


def warm_up(done: Any, steepness: float = 10.0) -> Any:
    """``landbridge.training.schedule.warm_up`` of a tensor: 2 / (1 + e^(-s done)) - 1."""
    return tf.tanh(steepness * done / 2)


def gaussian_kernels(Z: Any, widths: tuple[float, ...] = WIDTHS) -> Any:
    r"""Mean of several Gaussian kernels (n, n): :math:`\frac1m \sum_m e^{-\|x-y\|^2 / w_m h}`.

    h, the mean squared distance of all rows, is held constant (Long et al. 2015, section 4.1).
    """
    lengths = tf.reduce_sum(Z * Z, axis=1)
    gram = tf.matmul(Z, Z, transpose_b=True)
    distances = tf.maximum(lengths[:, None] + lengths[None] - 2 * gram, 0.0)
    n = tf.cast(tf.shape(Z)[0], Z.dtype)
    h = tf.stop_gradient(tf.reduce_sum(distances)) / (n * n - n)
    return tf.add_n([tf.exp(-distances / (w * h + 1e-12)) for w in widths]) / len(widths)


def multi_kernel_mmd(A: Any, B: Any, widths: tuple[float, ...] = WIDTHS) -> Any:
    r"""Squared distance of the mean features of several Gaussian kernels together.

    :math:`v^\top K v`, with v being 1 / n_s for rows of the source and -1 / n_t for rows of the
    target (Long et al. 2015, eq. 1).
    """
    parts = [sign * tf.ones_like(Z[:, :1]) / n_rows(Z) for sign, Z in ((1.0, A), (-1.0, B))]
    v = tf.concat(parts, axis=0)
    return tf.reduce_sum(v * tf.matmul(gaussian_kernels(tf.concat([A, B], axis=0), widths), v))


def coral_distance(A: Any, B: Any) -> Any:
    r""":math:`\|C_s - C_t\|_F^2 / 4 d^2` (Sun & Saenko 2016, eq. 1)."""
    gap = covariance(A) - covariance(B)
    return tf.reduce_sum(gap * gap) / (4 * A.shape[1] ** 2)


def covariance(Z: Any) -> Any:
    """Unbiased covariance (d, d) of rows (n, d)."""
    centred = Z - tf.reduce_mean(Z, axis=0)
    return tf.matmul(centred, centred, transpose_a=True) / (n_rows(Z) - 1)


def n_rows(Z: Any) -> Any:
    """The number of rows, as a float."""
    return tf.cast(tf.shape(Z)[0], Z.dtype)


class MMD(Alignment):
    """Bring the means of both domains together in the features of several kernels.

    Parameters
    ----------
    widths : tuple of float
        The kernels' squared widths, in mean squared distances.
    """

    def __init__(self, widths: tuple[float, ...] = WIDTHS):
        self.widths = widths

    def __call__(self, source: View, target: View, done: Any) -> dict[str, Any]:
        """The squared distance of both means."""
        return {"mmd": multi_kernel_mmd(source.features, target.features, self.widths)}


class DeepCORAL(Alignment):
    """Bring the covariances of both domains together.

    The distance is counted in the squared size of the mean covariance, held constant, so that one
    weight serves features of any width and size (see ``landbridge.mapping.deep.distances``).
    """

    def __call__(self, source: View, target: View, done: Any) -> dict[str, Any]:
        """The distance of both covariances."""
        A, B = source.features, target.features
        mean = tf.stop_gradient(0.5 * (covariance(A) + covariance(B)))
        size = tf.reduce_sum(mean * mean) / (4 * A.shape[1] ** 2)
        return {"coral": coral_distance(A, B) / tf.maximum(size, 1e-12)}


def reverse_gradient(X: Any, strength: Any) -> Any:
    """The identity, whose gradient is turned round and multiplied (Ganin et al. 2016, eq. 16)."""

    @tf.custom_gradient
    def reversed_(X: Any) -> Any:
        return tf.identity(X), lambda gradient: -strength * gradient

    return reversed_(X)


def discriminator(n_inputs: int, width: int) -> Part:
    """Two hidden layers, and a logit that is positive for the source."""
    hidden = [dense(n, width, activation="relu") for n in (n_inputs, width)]
    return Part(keras.Sequential([keras.Input((n_inputs,)), *hidden, dense(width, 1)]))


def domain_loss(
    source: Any, target: Any, source_weight: Any = 1.0, target_weight: Any = 1.0
) -> Any:
    """Cross-entropy of the logits (b, 1) of both domains: the source is 1, the target 0.

    Both count alike; the rows of either as their weights (b,) say, which have mean 1.
    """
    parts = ((source, 1.0, source_weight), (target, 0.0, target_weight))
    return 0.5 * sum(domain_entropy(*part) for part in parts)


def domain_entropy(logits: Any, label: float, weight: Any = 1.0) -> Any:
    """Cross-entropy of logits (b, 1) that all should say ``label``, with weights (b,)."""
    labels = label * tf.ones_like(logits)
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(weight * each[:, 0])


class DANN(Alignment):
    """Fool a classifier of domains: its gradient is reversed where it enters the body.

    Ganin et al. 2016, algorithm 1: the reversal's strength follows ``warm_up``.

    Parameters
    ----------
    width : int, default=128
        Of the classifier's hidden layers.
    """

    is_ramped = False

    def __init__(self, width: int = 128):
        self.width = width

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """The classifier of domains."""
        self.discriminator = discriminator(n_features, self.width)

    def __call__(self, source: View, target: View, done: Any) -> dict[str, Any]:
        """The classifier's loss, reversed for the body."""
        strength = warm_up(done)
        logits = [
            self.discriminator(reverse_gradient(view.features, strength))
            for view in (source, target)
        ]
        return {"domain": domain_loss(*logits)}


def certainty_weights(probabilities: Any) -> Any:
    r"""Weights (b,) of mean 1, in proportion to :math:`1 + e^{-H(p)}` (Long et al. 2018, eq. 8)."""
    p = tf.stop_gradient(probabilities)
    weights = 1 + tf.exp(tf.reduce_sum(tf.math.xlogy(p, p), axis=1))
    return weights / tf.reduce_mean(weights)


def random_map(n_inputs: int, n_outputs: int) -> Any:
    """Standard normal numbers that stay as they are."""
    normal = keras.initializers.RandomNormal(stddev=1.0)
    return keras.Variable(normal((n_inputs, n_outputs)), trainable=False)


class CDAN(Alignment):
    r"""Fool a classifier of domains that sees features and predictions together.

    It sees :math:`f \otimes p`, every feature times every class's probability, so that domains
    are drawn together class by class. Where that is more than ``largest_product`` numbers, it is
    the product :math:`\frac{1}{\sqrt d} (R_f f) \odot (R_p p)` of random maps to d numbers, whose
    inner products are those of :math:`f \otimes p` in expectation (Long et al. 2018, eq. 5 and 6).

    Parameters
    ----------
    entropy : bool, default=False
        Whether rows count more the surer their prediction is, as :math:`1 + e^{-H(p)}` (CDAN+E,
        eq. 8).
    width : int, default=128
        Of the classifier's hidden layers.
    largest_product : int, default=4096
        The most numbers of which all products are taken.
    n_random : int, default=1024
        Numbers, d, of the random maps.
    """

    needs_classes = True
    is_ramped = False

    def __init__(
        self,
        entropy: bool = False,
        width: int = 128,
        largest_product: int = 4096,
        n_random: int = 1024,
    ):
        self.entropy = entropy
        self.width = width
        self.largest_product = largest_product
        self.n_random = n_random

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """The classifier of domains, and the random maps where they are needed."""
        n_inputs = n_features * n_outputs
        self.is_random = n_inputs > self.largest_product
        if self.is_random:
            n_inputs = self.n_random
            self.of_features, self.of_classes = (
                random_map(n, n_inputs) for n in (n_features, n_outputs)
            )
        self.discriminator = discriminator(n_inputs, self.width)

    def __call__(self, source: View, target: View, done: Any) -> dict[str, Any]:
        """The classifier's loss, reversed for body and head."""
        strength, views = warm_up(done), (source, target)
        logits = [
            self.discriminator(reverse_gradient(self.joint(view), strength)) for view in views
        ]
        weights = [certainty_weights(view.probabilities) for view in views if self.entropy]
        return {"domain": domain_loss(*logits, *weights)}

    def joint(self, view: View) -> Any:
        """Features and probabilities multiplied (b, n_inputs)."""
        f, p = view.features, view.probabilities
        if self.is_random:
            product = tf.matmul(f, self.of_features.value) * tf.matmul(p, self.of_classes.value)
            return product / math.sqrt(self.n_random)
        return tf.reshape(f[:, :, None] * p[:, None, :], (-1, f.shape[1] * p.shape[1]))


ALIGNMENTS: dict[str, type[Alignment]] = {
    "none": Alignment,
    "mmd": MMD,
    "deep-coral": DeepCORAL,
    "dann": DANN,
    "cdan": CDAN,
    "cdan-e": CDAN,
}
"""Every alignment under the name that ``DeepTransfer`` takes."""


def make_alignment(name: str) -> Alignment:
    """An alignment by name.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    check_choice("alignment", name, tuple(ALIGNMENTS))
    return CDAN(entropy=True) if name == "cdan-e" else ALIGNMENTS[name]()
