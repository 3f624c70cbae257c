"""Dropout that a checkpoint can hold: a run that was killed drops the same units when it goes on.

Keras' own keeps its random state where no checkpoint finds it (2.15 in a generator, 3 in a seed variable that is
not among the weights).
"""

import random

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="mil_tf")
class CountedDropout(keras.layers.Layer):
    """Sets a share of the inputs to zero while training and scales the others up.

    What is dropped is a function of the seed and of how often the layer has been called in training, a counter among
    its weights.

    Args:
        rate: share that is dropped, 0 or above and below 1.
        seed: int; None draws one from Python's generator, which `keras.utils.set_random_seed` sets.

    Input shape: any. Output shape: the same.

    Example:
        >>> CountedDropout(0.5, seed=0)(tf.ones((2, 4)), training=True)  # about half 0, the others 2
    """

    pointwise = True  # see mil_tf.models.receptive

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"Expected `rate` of 0 or above and below 1. Received: rate={rate}")
        self.rate = float(rate)
        self.seed = random.randrange(2**31) if seed is None else int(seed)

    def build(self, input_shape):
        self.calls = self.add_weight(name="calls", shape=(), dtype="int64", initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        drawn = tf.random.stateless_uniform(tf.shape(inputs), [self.seed, self.calls.assign_add(1)])
        return tf.where(drawn < self.rate, tf.zeros_like(inputs), inputs / (1.0 - self.rate))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
