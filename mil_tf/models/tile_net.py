"""The networks of lerousseau2020: one for tiles of a slide, whose head also runs on every position of a larger image.

The paper's is ResNet-50, "without the global average pooling layer" for maps. As its head is linear, the mean of a
tile's logits over its positions is the tile's logit. (Of a tile of 224 pixels ResNet-50 makes 7 x 7 positions, not the
13 x 13 of the paper's section 3.1.)
"""

import warnings

import keras
import tensorflow as tf

from mil_tf.models.build import arithmetic
from mil_tf.models.head import probabilities
from mil_tf.models.moments import moments
from mil_tf.models.resnet import BLOCKS, resnet
from mil_tf.models.scaling import Standardised

BACKBONES = ("resnet50", *(f"resnet{depth}" for depth in BLOCKS))
CHANNELS = 3
# What the published ImageNet weights of Keras were trained on: channels blue, green, red, less these means, undivided.
# The deviations are those of ImageNet (0.229, 0.224, 0.225 of 255), so that a standardised image gets that range.
IMAGENET_STD = (58.395, 57.12, 57.375)


def tile_scorer(options, seed, constants, load=True):
    """Builds the network that a recipe's options describe, with the initial weights of `seed`.

    Args:
        options: {name: value}, resolved: backbone, width, stem, norm, precision, start.
        seed: of the run.
        constants: {"mean", "std"}, three numbers each, of the training tiles' channels.
        load: whether the file that `start` names is read; without it, what was trained from it can be loaded after.

    Returns:
        A Keras model, (n, h, w, 3) RGB from 0 to 255 -> (n, 2) probabilities, for any h and w. The layer "pool" takes
        the features, "logits" comes before the softmax.

    Raises:
        ValueError: where the backbone is unknown, or the file of weights is none of ResNet-50.
    """
    keras.utils.set_random_seed(seed)
    backbone = options["backbone"]
    with arithmetic(options["precision"]):
        if backbone == "resnet50":
            return _resnet50(constants, options["start"], load)
        if backbone not in BACKBONES:
            raise ValueError(f"Expected `backbone` to be one of {BACKBONES}. Received: {backbone!r}")
        return resnet(
            int(backbone.removeprefix("resnet")), options["width"], options["norm"], channels=CHANNELS,
            stem=options["stem"], scaling=("standard", constants["mean"], constants["std"]),
        )


def features_model(scorer):
    """The scorer up to its last feature map, (n, h, w, 3) -> (n, h / stride, w / stride, c), sharing every weight."""
    return keras.Model(scorer.input, scorer.get_layer("pool").input, name=f"{scorer.name}_features")


def dense_logits(scorer):
    """The scorer without its pooling.

    Returns:
        A function, images float32 (n, h, w, 3) -> float32 (n, h / stride, w / stride): the logit of positive less that
        of negative at every position.
    """
    features, head = features_model(scorer), scorer.get_layer("logits")

    def logits(images):
        found = tf.cast(features(images, training=False), tf.float32)
        return tf.linalg.matvec(found, head.kernel[:, 1] - head.kernel[:, 0]) + head.bias[1] - head.bias[0]

    return logits


def measured(batches):
    """{"mean", "std"} of the channels.

    Args:
        batches: iterable of arrays (n, h, w, 3), each gone through once.

    Raises:
        ValueError: where there is no pixel, or a channel is the same everywhere.
    """
    return dict(zip(("mean", "std"), map(list, moments(batches, "tiles"))))


def _resnet50(constants, start, load):
    inputs = keras.Input((None, None, CHANNELS), name="tiles")
    x = Standardised(constants["mean"], constants["std"], name="standardised", dtype="float32")(inputs)
    if start:
        x = AsImageNet(name="as_imagenet", dtype="float32")(x)
    body = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=x)
    if start and load:
        load_imagenet(body, start)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool", dtype="float32")(body.output)
    logits = keras.layers.Dense(2, name="logits", dtype="float32")(pooled)
    return keras.Model(inputs, probabilities(logits), name="resnet50")


def load_imagenet(body, path):
    """Gives a ResNet-50 without its top the weights of a file, with or without top, as Keras publishes them.

    Raises:
        ValueError: it cannot be read, or is of another network.
    """
    problem = None
    for top in (False, True):
        given = keras.applications.ResNet50(include_top=top, weights=None)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # Keras 3 warns of layers that it leaves as they are
                given.load_weights(path)
        except (OSError, ValueError, KeyError, UserWarning) as error:
            problem = problem or error
            continue
        wanted = [weight for layer in body.layers for weight in layer.weights]
        for weight, value in zip(wanted, given.get_weights()):
            weight.assign(value)
        return
    raise ValueError(
        f"--set start: Expected a file of ResNet-50's weights as keras.applications publishes them, .h5. Received: "
        f"{path} ({str(problem).splitlines()[0]})."
    )


@keras.saving.register_keras_serializable(package="mil_tf")
class AsImageNet(keras.layers.Layer):
    """Standardised red, green, blue -> blue, green, red in the range that Keras' ImageNet weights were trained on.

    Input shape: (n, h, w, 3). Output shape: the same.
    """

    pointwise = True  # for mil_tf.models.receptive

    def call(self, inputs):
        return tf.reverse(inputs * tf.constant(IMAGENET_STD, self.compute_dtype), [-1])

    def compute_output_shape(self, input_shape):
        return input_shape
