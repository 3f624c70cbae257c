"""Goes through a functional Keras model layer by layer, for what Keras itself does not compute: in Keras 2.15 and 3."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf


class Step(NamedTuple):
    """A call of a layer in a functional model.

    Attributes:
        layer: which is called.
        args, kwargs: as it is called, with symbolic tensors.
        given: the symbolic tensors among them, a list.
        made: the symbolic tensors that it gives, a list.
    """

    layer: Any
    args: tuple
    kwargs: dict
    given: list
    made: list


def through(model, given, call, wanted=None):
    """Follows a model from its inputs to its outputs.

    Args:
        model: functional or sequential Keras model.
        given: a value an input.
        call: function of (Step, the values of what the layer is given) -> values of what it gives, a list; called
            once a step, after those before it.
        wanted: symbolic tensors of the model whose values are asked for, a list; None is the outputs.

    Returns:
        Their values, a list.
    """
    known = {id(tensor): value for tensor, value in zip(tf.nest.flatten(model.inputs), given)}
    return [_value(tensor, known, call) for tensor in (tf.nest.flatten(model.outputs) if wanted is None else wanted)]


def is_network(layer):
    """Whether a layer is a model of layers that `through` can follow."""
    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))


def _value(tensor, known, call):
    """The value of a tensor; those of every tensor before it go to `known`, for paths meet."""
    waiting = [tensor]
    while waiting:  # not by recursion: networks are deeper than Python's stack
        if id(waiting[-1]) in known:
            waiting.pop()
            continue
        step = made_by(waiting[-1])
        missing = [each for each in step.given if id(each) not in known]
        if missing:
            waiting += missing
            continue
        found = call(step, [known[id(each)] for each in step.given])
        known.update((id(each), value) for each, value in zip(step.made, found))
        waiting.pop()
    return known[id(tensor)]


def made_by(tensor):
    """The Step that a symbolic tensor came from."""
    layer, index, _ = tensor._keras_history
    node = layer._inbound_nodes[index]
    if hasattr(node, "arguments"):  # Keras 3
        args, kwargs, made = node.arguments.args, node.arguments.kwargs, node.output_tensors
    else:
        args, kwargs, made = node.call_args, node.call_kwargs, node.outputs
    return Step(layer, args, kwargs, tf.nest.flatten(node.input_tensors), tf.nest.flatten(made))
