"""A model followed layer by layer."""

import keras
import numpy as np

from mil_tf.models.graph import is_network, made_by, through
from mil_tf.models.receptive import Field, field

layers = keras.layers


def branched():
    inputs = keras.Input((None, None, 2), name="images")
    x = layers.Conv2D(3, 3, padding="valid", name="stem")(inputs)
    both = layers.Add(name="add")([layers.MaxPooling2D(3, 2, name="left")(x), layers.Conv2D(3, 3, 2, name="right")(x)])
    return keras.Model(inputs, {"a": both, "b": layers.GlobalAveragePooling2D(name="mean")(both)})


def names(step, given):
    """What a tensor was made by, in words."""
    return [f"{step.layer.name}({', '.join(given)})"] * len(step.made)


def test_every_step_comes_once_and_after_those_before_it():
    called = []

    def call(step, given):
        called.append(step.layer.name)
        return names(step, given)

    model = branched()
    found = through(model, ["x"], call)
    assert found == ["add(left(stem(x)), right(stem(x)))", "mean(add(left(stem(x)), right(stem(x))))"]
    assert sorted(called) == ["add", "left", "mean", "right", "stem"]
    assert through(model, ["x"], names, [model.get_layer("left").output]) == ["left(stem(x))"]


def test_a_step_can_be_called_again():
    model = branched()
    image = np.random.default_rng(0).normal(size=(1, 12, 12, 2)).astype(np.float32)
    step = made_by(model.output["a"])
    assert step.layer.name == "add" and len(step.given) == 2 and len(step.made) == 1
    assert isinstance(step.args[0], (list, tuple)) and len(step.args[0]) == 2
    found = through(model, [image], lambda step, given: [step.layer(given if len(given) > 1 else given[0])])
    for one, expected in zip(found, (model(image)[name] for name in ("a", "b"))):
        np.testing.assert_allclose(one, expected, rtol=1e-6)


def test_what_is_a_network():
    inner = keras.Sequential([layers.Dense(2)])
    inner.build((None, 3))
    assert is_network(branched()) and is_network(inner)
    assert not is_network(layers.Dense(2))

    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    assert not is_network(Own())


def test_the_field_of_a_tensor_within_a_model():
    model = branched()
    rows, columns = field(model, model.output["a"])
    assert rows == columns == Field(stride=2, low=0, high=4, more=-2)
    assert rows.centre == 2  # of pixels 0 to 4
    stem, _ = field(model, model.get_layer("stem").output)
    assert (stem.stride, stem.centre) == (1, 1)
