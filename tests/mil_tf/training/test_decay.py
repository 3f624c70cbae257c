import numpy as np
import tensorflow as tf

from mil_tf.training.decay import Decayed
from mil_tf.training.select_then_batch import WindowResult


class Signal:
    variables = [tf.Variable([2.0, -1.0])]

    def __call__(self, source, window, epoch):
        return WindowResult(np.ones(1, np.float32), [tf.constant([0.5, 0.5])])


def test_the_weights_times_the_decay_are_in_the_gradient():
    found = Decayed(Signal(), 0.1)(None, None, 0)
    np.testing.assert_allclose(found.gradients[0], [0.7, 0.4])
    np.testing.assert_array_equal(found.losses, [1])


def test_without_decay_nothing_changes():
    np.testing.assert_array_equal(Decayed(Signal(), 0.0)(None, None, 0).gradients[0], [0.5, 0.5])
