import keras
import numpy as np
import pytest
import tensorflow as tf

from mil_tf.models.dropout import CountedDropout


def test_it_keeps_the_mean_and_drops_the_rate():
    found = CountedDropout(0.25, seed=0)(tf.ones((200, 100)), training=True).numpy()
    np.testing.assert_allclose(np.unique(found), [0, 4 / 3], rtol=1e-6)
    np.testing.assert_allclose((found == 0).mean(), 0.25, atol=0.02)


def test_it_does_nothing_outside_training():
    layer, x = CountedDropout(0.5), tf.ones((2, 3))
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x, training=False), x)
    assert int(layer.calls) == 0


def test_what_is_dropped_is_a_function_of_seed_and_count():
    x = tf.ones((4, 50))
    first, other = CountedDropout(0.5, seed=1), CountedDropout(0.5, seed=2)
    drawn = [first(x, training=True).numpy() for _ in range(3)]
    assert len({one.tobytes() for one in drawn}) == 3
    first.calls.assign(1)
    np.testing.assert_array_equal(first(x, training=True), drawn[1])
    assert not np.array_equal(other(x, training=True), drawn[0])


def test_a_checkpoint_holds_where_it_stands(tmp_path):
    inputs = keras.Input((50,))
    model = keras.Model(inputs, CountedDropout(0.5)(inputs))
    graph, x = tf.function(lambda x: model(x, training=True)), tf.ones((2, 50))
    graph(x)
    path = tf.train.Checkpoint(model=model).save(tmp_path / "a")
    model.save_weights(tmp_path / "a.weights.h5")
    expected = graph(x).numpy()
    assert not np.array_equal(graph(x), expected)
    tf.train.Checkpoint(model=model).restore(path).assert_existing_objects_matched()
    np.testing.assert_array_equal(graph(x), expected)
    model.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(graph(x), expected)


def test_the_config_is_complete_and_the_seed_follows_keras():
    keras.utils.set_random_seed(3)
    layer = CountedDropout(0.5, name="a")
    assert CountedDropout.from_config(layer.get_config()).get_config() == layer.get_config()
    keras.utils.set_random_seed(3)
    assert CountedDropout(0.5).seed == layer.seed != CountedDropout(0.5).seed


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_that_cannot_be_is_refused(rate):
    with pytest.raises(ValueError, match=f"Expected `rate` of 0 or above and below 1. Received: rate={rate}"):
        CountedDropout(rate)
