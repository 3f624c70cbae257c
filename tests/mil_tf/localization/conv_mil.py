"""Small networks of the form of kraus2016, section 4.2, for the tests of this room."""

import keras

from mil_tf.pooling.noisy_and import NoisyAndPooling

layers = keras.layers


def body(*after, channels=2, classes=3):
    """A network whose class maps are what `after` makes of the image."""
    x = inputs = keras.Input((None, None, channels), name="images")
    for layer in after:
        x = layer(x)
    return ended(inputs, layers.Conv2D(classes, 1, name="class_maps")(x))


def ended(inputs, logits):
    """The network of an image and its class maps."""
    p = layers.Activation("sigmoid", name="instances")(logits)
    pooled = NoisyAndPooling(10, axis=(-3, -2), name="pool")(p)
    answer = layers.Dense(logits.shape[-1], activation="softmax", name="answer")(pooled)
    return keras.Model(inputs, {"logits": logits, "pooled": pooled, "probabilities": answer})


def small(width=4, channels=2, classes=3):
    """Stride 4, with standardisation, average and max pooling."""
    return body(
        layers.Normalization(mean=[0.4] * channels, variance=[0.04] * channels),
        layers.AveragePooling2D(3, 2, padding="same"),
        layers.Conv2D(width, 3, padding="same"), layers.Activation("relu"),
        layers.Conv2D(width, 3, padding="same"), layers.Activation("relu"),
        layers.MaxPooling2D(3, 2, padding="same"), layers.Dropout(0.5), channels=channels, classes=classes,
    )
