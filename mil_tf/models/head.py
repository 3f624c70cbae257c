"""The end that every scorer shares: a layer named "logits", then softmax."""

import keras


def probabilities(logits):
    """Softmax over the last axis in float32; the layer before it must be named "logits"."""
    return keras.layers.Activation("softmax", name="probabilities", dtype="float32")(logits)


def logits_model(model):
    """The same network up to its logits, sharing every weight.

    The loss is taken there, because a softmax that has saturated in float32 has no gradient left.
    """
    return keras.Model(model.input, model.get_layer("logits").output, name=f"{model.name}_logits")
