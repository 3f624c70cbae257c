"""What every pooling operator shares: axes, masks, empty bags, arithmetic."""

import keras
import tensorflow as tf


class Pooling(keras.layers.Layer):
    """Pools the instances of a bag; an operator is a subclass with `pool(x, valid)`.

    It is given x (..., n, c) in `arithmetic`, 0 where masked, and valid, bool (..., n, 1), True for at least one
    instance of every bag, and returns (..., c).

    Masked instances count for nothing, whatever stands in them. A bag without an instance gives 0 and no gradient: no
    instance, none positive (our decision; for logits, which may be pooled by max and mean, it is no opinion).

    Exponentials, logarithms and powers are taken in float32 (float64 under a float64 policy), instances are added up in
    float64. The policy decides what comes out: its compute dtype.

    Args:
        axis: the instance axes, counted from the end: -2 for instances (..., n, c), (-3, -2) for the positions of a
            feature map (..., h, w, c).

    Input shape: (..., n, c) or (..., h, w, c), of any leading shape; with it `mask`, bool of the same shape without c,
    True where an instance is valid; None is all. Output shape: (..., c).
    """

    # What stands in the channels: "probabilities" of instances, or "features" of which a bag's are made.
    takes = "probabilities"

    def __init__(self, axis=-2, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.axis = _axes(axis)
        self.supports_masking = True

    @property
    def arithmetic(self):
        """The dtype in which instances are pooled."""
        return tf.float64 if self.compute_dtype == "float64" else tf.float32

    def call(self, inputs, mask=None):
        x, valid, some = self.prepared(inputs, mask)
        return self.finished(self.pool(x, valid), tf.squeeze(some, self.axis))

    def prepared(self, inputs, mask):
        """(x, valid) as `pool` takes them, and bool (..., 1, 1): whether the bag has an instance.

        An empty bag becomes one of zeros, of which every operator has a finite gradient.
        """
        _check_shapes(inputs, mask, self.axis)
        x = tf.cast(inputs, self.arithmetic)
        valid = tf.ones_like(x[..., :1], tf.bool)
        if mask is not None:
            valid = tf.logical_and(valid, tf.cast(mask, tf.bool)[..., None])
        some = tf.reduce_any(valid, self.axis, keepdims=True)
        return tf.where(valid, x, tf.zeros_like(x)), tf.logical_or(valid, tf.logical_not(some)), some

    def finished(self, pooled, some):
        """What was pooled, 0 where not `some`, in the compute dtype."""
        return tf.cast(tf.where(some, pooled, tf.zeros_like(pooled)), self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        """None: what was masked is pooled."""
        return None

    def compute_output_shape(self, input_shape):
        kept = range(-len(input_shape), 0)
        return tuple(input_shape[place] for place in kept if place not in self.axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


def added(x, axis):
    """Sum of all instances, axes kept, in float64: one after another, 10,000 in float32 can lose three digits."""
    return tf.reduce_sum(tf.cast(x, tf.float64), axis, keepdims=True)


def total(x, valid, axis):
    """Sum of the valid instances, axes kept, in float64."""
    return added(tf.where(valid, x, tf.zeros_like(x)), axis)


def mean(x, valid, axis):
    """Mean of the valid instances, axes kept, in float64."""
    return total(x, valid, axis) / count(valid, axis)


def count(valid, axis):
    """Number of valid instances, at least 1, axes kept, in float64."""
    return tf.maximum(added(valid, axis), 1)


def largest(x, valid, axis):
    """The largest valid instance, axes kept."""
    return tf.reduce_max(tf.where(valid, x, tf.constant(x.dtype.min, x.dtype)), axis, keepdims=True)


def smallest(x, valid, axis):
    """The smallest valid instance, axes kept."""
    return -largest(-x, valid, axis)


def above_zero(name, value):
    """`value` as a float. Raises ValueError where it is not a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(f"Expected `{name}` as a number above 0. Received: {name}={value!r}")
    return float(value)


def _axes(axis):
    found = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    whole = all(isinstance(one, int) and not isinstance(one, bool) and one < -1 for one in found)
    if not found or not whole or len(set(found)) < len(found):
        raise ValueError(
            "Expected `axis` as one or more different numbers below -1, counted from the last axis, which holds the "
            f"channels. Received: axis={axis!r}"
        )
    return found


def _check_shapes(inputs, mask, axis):
    if len(inputs.shape) < -min(axis):
        raise ValueError(f"Expected an input with an axis {min(axis)}. Received: shape {tuple(inputs.shape)}")
    if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
        raise ValueError(
            "Expected a `mask` with the axes of the input but the last. "
            f"Received: a mask of shape {tuple(mask.shape)} for an input of shape {tuple(inputs.shape)}"
        )
