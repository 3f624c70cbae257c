"""The authors' state dict of nemcek2021 -> our `released` network with their weights.

Their layers are init_conv, layers.0 to layers.19 and the head: conv_final after max pooling, attention.* after
attention. Of each level's six convolutions the first three are never used, because the released forward pass
overwrites their output.
"""

import numpy as np

from mil_tf.conversion.steps import StateError, shown
from mil_tf.models.position_mil import ATTENTION, WIDTHS, network

# Our unit -> theirs; a unit is a 3x3 convolution and its batch normalisation.
UNITS = {
    "init": "init_conv",
    **{f"level1_unit{index}": f"layers.{index + 2}" for index in (1, 2, 3)},
    "transition1": "layers.6",
    **{f"level2_unit{index}": f"layers.{index + 9}" for index in (1, 2, 3)},
    "transition2": "layers.13",
    **{f"level3_unit{index}": f"layers.{index + 16}" for index in (1, 2, 3)},
}
LEFT_OUT = "layers 0-2, 7-9 and 14-16, whose output their network overwrites"
ATTENTIONS = {"V": "attention.conv_tanh", "U": "attention.conv_sigm", "w": "attention.conv_w"}  # eq. 3 -> theirs
# A network that was trained with both heads keeps the other one in its file; attention does not use it.
UNUSED = ("conv_final.weight", "conv_final.bias")
COUNTER = "num_batches_tracked"  # of a batch normalisation; nothing is computed with it
MOST_NAMES = 6  # in a message


def pooling_of(state):
    """"attention" where the file has such a head, else "max"."""
    return "attention" if any(name.startswith("attention.") for name in state) else "max"


def check(state, path):
    """Checks that a state dict is one of theirs, whole and with nothing else.

    Args:
        state: {name: array}.
        path: of its file, for the message.

    Raises:
        StateError: naming what is missing, unknown, or of another shape or type than theirs.
    """
    expected = shapes(pooling_of(state))
    state = {name: value for name, value in state.items() if name in expected or name not in UNUSED}
    for word, names in (("missing", expected.keys() - state.keys()), ("not known", state.keys() - expected.keys())):
        if names:
            raise StateError(
                f"{path}: Expected the tensors of nemcek2021's released network. Received: {word}: {_few(names)}"
            )
    for name, shape in expected.items():
        kind = "int64" if name.endswith(COUNTER) else "float32"
        if state[name].shape != shape or state[name].dtype.name != kind:
            raise StateError(
                f"{path}: {name}: Expected {kind} of shape {shape}. Received: {state[name].dtype.name} of shape "
                f"{state[name].shape}"
            )
        if not np.isfinite(state[name]).all():
            raise StateError(f"{path}: {name}: Expected finite numbers. Received: others among them")


def converted(state):
    """Returns our network on standardised channels, with their weights.

    Args:
        state: {name: array}, looked at by `check`.
    """
    pooling = pooling_of(state)
    model = network("released", pooling)
    for ours, theirs in UNITS.items():
        _assign(model.get_layer(f"{ours}_conv"), state, f"{theirs}.conv")
        norm = [state[f"{theirs}.bn.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
        model.get_layer(f"{ours}_norm").set_weights(norm)
    if pooling == "max":
        _assign(model.get_layer("logit_map"), state, "conv_final")
        return model
    for ours, theirs in ATTENTIONS.items():
        _assign(model.get_layer("pool"), state, theirs, ours, f"{ours}_bias")
    _assign(model.get_layer("logit"), state, "attention.conv_final")
    return model


def _assign(layer, state, theirs, kernel="kernel", bias="bias"):
    """(out, in, rows, columns) -> (rows, columns, in, out), of which (in, out) is left where a layer has no others."""
    kernel, turned = getattr(layer, kernel), state[f"{theirs}.weight"].transpose(2, 3, 1, 0)
    kernel.assign(turned.reshape(kernel.shape))
    getattr(layer, bias).assign(state[f"{theirs}.bias"])


def shapes(pooling):
    """{name: shape} of all tensors of one of their files."""
    first, second, third = WIDTHS
    levels = [first] * 6 + [second] * 7 + [third] * 7  # what comes out of layers.0 to layers.19
    found = _unit("init_conv", 3, first)
    for index, (before, after) in enumerate(zip([first, *levels], levels)):
        found |= _unit(f"layers.{index}", before, after)
    if pooling == "max":
        return found | _convolution("conv_final", third, 1, 3)
    for name, outputs in (("tanh", ATTENTION), ("sigm", ATTENTION), ("w", 1), ("final", 1)):
        found |= _convolution(f"attention.conv_{name}", ATTENTION if name == "w" else third, outputs, 1)
    return found


def _unit(name, before, after):
    norm = {f"{name}.bn.{part}": (after,) for part in ("weight", "bias", "running_mean", "running_var")}
    return _convolution(f"{name}.conv", before, after, 3) | norm | {f"{name}.bn.{COUNTER}": ()}


def _convolution(name, before, after, size):
    return {f"{name}.weight": (after, before, size, size), f"{name}.bias": (after,)}


def _few(names):
    names = sorted(names)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(map(shown, names[:MOST_NAMES])) + more
