"""The network of remedios2020's released code, which the paper calls a ResNet-34.

As their code builds it: 16 units in stages of 3, 4, 6, 3 with widths 16, 32, 64, 128;
no normalisation; a 3x3/2 max-pooling after every unit; the shortcut is relu(conv1), added to conv2(conv1). With a
7x7/2 stem of 16 filters it has exactly their 1,320,834 parameters at one channel and two outputs.
"""

import keras

from mil_tf.models.head import probabilities
from mil_tf.models.scaling import scaling_layer

UNITS = (3, 4, 6, 3)
WIDTH = 16


def released(scaling=None, channels=1, classes=2):
    """Builds the released network.

    Args:
        scaling: of the input, see `mil_tf.models.scaling.scaling_layer`; None is the released code.
        channels: input channels.
        classes: softmax outputs.

    Input shape: (n, h, w, channels) in HU. Output shape: (n, classes), probabilities.
    """
    inputs = keras.Input((None, None, channels), name="slices")
    x = scaling_layer(scaling)(inputs)
    x = keras.layers.Conv2D(WIDTH, 7, 2, padding="same", activation="relu", name="stem_conv")(x)
    for stage, units in enumerate(UNITS):
        for index in range(units):
            x = _unit(x, WIDTH * 2**stage, f"stage{stage + 1}_unit{index + 1}")
    x = keras.layers.GlobalAveragePooling2D(name="pool", dtype="float32")(x)
    logits = keras.layers.Dense(classes, name="logits", dtype="float32")(x)
    return keras.Model(inputs, probabilities(logits), name="released")


def _unit(x, filters, name):
    shortcut = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}_conv1")(x)
    x = keras.layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv2")(shortcut)
    x = keras.layers.Activation("relu", name=f"{name}_act")(keras.layers.Add(name=f"{name}_add")([shortcut, x]))
    return keras.layers.MaxPooling2D(3, 2, padding="same", name=f"{name}_pool")(x)
