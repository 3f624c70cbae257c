"""A plain convolutional scorer for small images, after LeNet (LeCun et al. 1998; Ilse et al. 2018, table 8).

Ilse et al. score MNIST-bags with two 5x5 convolutions of 20 and 50 filters, each pooled by 2. Ours ends in a third
convolution that spans what is left of a 28-pixel image, pooled over its positions, so that any size can be fed.
"""

import keras

from mil_tf import registry
from mil_tf.models.dropout import CountedDropout
from mil_tf.models.head import probabilities
from mil_tf.models.scaling import scaling_layer

FILTERS = (20, 50, 128)
KERNELS = (5, 5, 4)
SMALLEST = 28  # pixels: below, the last kernel has nothing to span


def convnet(scaling=None, activation="relu", dropout=0.0, channels=1, classes=2):
    """Builds the network (about 130,000 parameters at one channel).

    Args:
        scaling: of the input, see `mil_tf.models.scaling.scaling_layer`.
        activation: name of the activation.
        dropout: rate before the last layer.
        channels: input channels.
        classes: softmax outputs.

    Input shape: (n, h, w, channels), h and w at least 28. Output shape: (n, classes), probabilities.
    """
    inputs = keras.Input((None, None, channels), name="slices")
    x = _features(inputs, scaling, activation, FILTERS)
    if dropout:
        x = CountedDropout(dropout, name="dropout")(x)
    logits = keras.layers.Dense(classes, name="logits", dtype="float32")(x)
    return keras.Model(inputs, probabilities(logits), name="convnet")


def encoder(scaling=None, activation="relu", channels=1, features=500):
    """The network up to its features, for `mil_tf.models.pooled`: of 28-pixel images those of Ilse et al. 2018.

    Args:
        scaling, activation, channels: as for `convnet`.
        features: channels that come out; 500 are theirs.

    Input shape: (n, h, w, channels), h and w at least 28. Output shape: (n, features).
    """
    inputs = keras.Input((None, None, channels), name="slices")
    filters = (*FILTERS[:-1], features)
    return keras.Model(inputs, _features(inputs, scaling, activation, filters), name="convnet_encoder")


def _features(inputs, scaling, activation, widths):
    x = scaling_layer(scaling)(inputs)
    for index, (filters, kernel) in enumerate(zip(widths, KERNELS), 1):
        x = keras.layers.Conv2D(filters, kernel, activation=registry.activation(activation), name=f"conv{index}")(x)
        if index < len(widths):
            x = keras.layers.MaxPooling2D(2, name=f"pool{index}")(x)
    return keras.layers.GlobalAveragePooling2D(name="pool", dtype="float32")(x)
