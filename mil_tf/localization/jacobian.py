"""Jacobian maps: which pixels of an image made the class maps what they are (kraus2016, section 3.3, equation 5).

A backward activation goes from the class maps to the pixels, with every negative part of it set to zero on its way:

    a^(l-1) = max(0, (dz^(l) / dz^(l-1)) a^(l)),    a^L_ij = P_i p_ij,    p_ij = sigmoid(z_ij)

Here z^(l) is what layer l of the Keras model gives. A layer without weights that never turns a sign (ReLU, pooling,
dropout in inference) changes nothing in the equation by being one of its own. What is silent there: batch
normalisation is a layer of its own; where branches meet, their signals are added first and rectified then (our
decisions). The standardisation of the channels is a layer as any other.
"""

import numpy as np
import tensorflow as tf

from mil_tf.localization.mapped import mapped
from mil_tf.models.graph import is_network, through
from mil_tf.models.receptive import field

OUTPUTS = ("logits", "pooled", "probabilities")


def jacobian_maps(model, images, classes=None):
    """Jacobian maps of images, one image at a time.

    Args:
        model: as of `JacobianMapper`.
        images: (n, h, w, c).
        classes: indices of classes, a map each; None is one map of all classes together.

    Returns:
        float32 array (n, h, w), or (n, h, w, m) of m classes.

    Raises:
        ValueError: as `JacobianMapper`.
    """
    mapper = JacobianMapper(model)
    return np.stack([mapper(image, classes).jacobian for image in images])


class JacobianMapper:
    """Makes the Jacobian maps of a network, image by image, of any size; compiled once.

    Args:
        model: functional Keras model, (n, h, w, c) -> {"logits": (n, h', w', k) z_ij, "pooled": (n, k) P_i,
            "probabilities": (n, k)}. Models within it are followed too; a layer of one's own is one layer. It is run
            in inference, even where a layer was called with training=True.

    Raises:
        ValueError: the model has not these outputs, or more than one input.

    Example:
        >>> mapper = JacobianMapper(model)
        >>> mapper(image).jacobian        # (h, w), all classes together
        >>> mapper(image, [3]).jacobian   # (h, w, 1), the class maps of the others set to zero
    """

    def __init__(self, model):
        outputs = model.output
        if not isinstance(outputs, dict) or not set(OUTPUTS) <= set(outputs) or len(model.inputs) != 1:
            raise ValueError(f"Expected a model of one input that gives {', '.join(OUTPUTS)}. Received: {model.name!r} "
                             f"of {len(model.inputs)}, which gives {outputs}")
        self.model, self.classes = model, int(outputs["logits"].shape[-1])
        image = tf.TensorSpec((1, None, None, model.inputs[0].shape[-1]), tf.float32)
        seeds = tf.TensorSpec((None, self.classes), tf.float32)
        self._compiled = tf.function(self._maps, input_signature=[image, seeds])

    @property
    def fields(self):
        """`mil_tf.models.receptive.Field` of the class maps' rows and of their columns."""
        return field(self.model, self.model.output["logits"])

    def traced(self, images, seeds):
        """Jacobian (m, h, w), logits (h', w', k), pooled (k,) and probabilities (k,) of a graph's tensors: one image
        (1, h, w, c), and m rows of what each class counts, (m, k)."""
        return self._compiled(images, seeds)

    def __call__(self, image, classes=None):
        """Maps of one image.

        Args:
            image: (h, w, c), as the model takes it.
            classes: indices of classes, a map each; None is one map of all classes together.

        Returns:
            A Mapped.

        Raises:
            ValueError: `image` has other axes or channels, or a class is not one of the model's.
        """
        return mapped(self._compiled, image, classes, self.model.inputs[0].shape[-1], self.classes)

    def _maps(self, images, kept):
        with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
            tape.watch(images)
            logits, *rest = rectified_run(self.model, images, [self.model.output[name] for name in OUTPUTS])
        pooled, probabilities = (tf.cast(value, tf.float32) for value in rest)
        seed = pooled[:, None, None] * tf.sigmoid(tf.cast(logits, tf.float32))

        def back(one):
            signal = tape.gradient(logits, images, tf.cast(seed * one, logits.dtype))
            return tf.reduce_sum(signal, axis=-1)[0]

        # One class after the other, so that memory does not grow with their number.
        jacobian = tf.map_fn(back, kept, fn_output_signature=tf.float32, parallel_iterations=1)
        return jacobian, tf.cast(logits, tf.float32)[0], pooled[0], probabilities[0]


def rectified_run(model, images, wanted):
    """Values of tensors of a model in inference, as ever; their gradients lose what is negative at every layer.

    Args:
        model: functional Keras model of one input.
        images: its value.
        wanted: symbolic tensors of it.

    Returns:
        A list of tensors.
    """
    return through(model, [_rectified(images)], _run, wanted)


def _run(step, given):
    values = through(step.layer, given, _run) if is_network(step.layer) else _called(step, given)
    return [_rectified(value) for value in values]


def _called(step, given):
    """What a layer gives, a list; by the arguments that the model calls it with."""
    known = {id(tensor): value for tensor, value in zip(step.given, given)}
    args, kwargs = tf.nest.map_structure(lambda each: known.get(id(each), each), (step.args, step.kwargs))
    if "training" in kwargs:
        kwargs["training"] = False
    return tf.nest.flatten(step.layer(*args, **kwargs))


@tf.custom_gradient
def _rectified(x):
    """x, whose gradient loses what is negative."""
    return tf.identity(x), tf.nn.relu
