"""Names in a recipe -> Keras objects, including whatever tensorflow-addons registers with Keras.

A name is Keras' own ("Adam", "relu") or a registered one, `Package>Name` ("Addons>LAMB"), and may carry
options: "Addons>SigmoidFocalCrossEntropy(gamma=1.5)", "Addons>Lookahead(optimizer='Addons>RectifiedAdam')".
tensorflow-addons is imported when its prefix is met, and never before, because its last release (0.23) only
works with TensorFlow 2.15.
"""

import ast
import difflib
import functools
import inspect
import platform
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

ADDONS_PREFIX = "Addons>"
# Losses of independent yes-no answers. They are fed the one log-odds that the softmax of two outputs stands
# for, and not both outputs as if they were two questions, so that what they train is the probability that the
# network reports.
SIGMOID_LOSSES = ("BinaryCrossentropy", "BinaryFocalCrossentropy", "Addons>SigmoidFocalCrossEntropy")


class UnknownNameError(ValueError):
    """A name in a recipe that cannot be used; the message is one line."""


class _Kind(NamedTuple):
    noun: str
    module: Any
    example: str
    fits: Callable[[Any], bool]


_OPTIMIZER = _Kind(
    "optimizer", keras.optimizers, "Adam",
    lambda found: inspect.isclass(found) and hasattr(found, "apply_gradients"),
)
_LOSS = _Kind(
    "loss", keras.losses, "CategoricalCrossentropy",
    lambda found: inspect.isclass(found) and issubclass(found, keras.losses.Loss),
)
_LAYER = _Kind(
    "layer", keras.layers, "BatchNormalization",
    lambda found: inspect.isclass(found) and issubclass(found, keras.layers.Layer),
)
_ACTIVATION = _Kind(
    "activation", keras.activations, "relu",
    lambda found: callable(found) and not inspect.isclass(found)
    and getattr(found, "__name__", "") not in ("get", "serialize", "deserialize"),
)


def optimizer(name, /, learning_rate, **options):
    """Returns a Keras optimizer.

    One that wraps another (Addons>Lookahead, Addons>SWA, Addons>MovingAverage) wraps Adam, or what
    `optimizer='NAME'` among its options names.

    Args:
        name: such as "Adam" or "Addons>LAMB".
        learning_rate: step size.
        options: of the optimizer; those in the name win.

    Raises:
        UnknownNameError: nothing of that name is an optimizer, or it does not take the options.
    """
    return _optimizer(name, learning_rate, options, _OPTIMIZER)


def _optimizer(name, learning_rate, options, kind):
    cls, given = _find(name, kind)
    options = {**options, **given}
    if "optimizer" in _parameters(cls):
        # Addons wrap the optimizers of Keras before 2.11 alone, which Keras 2.15 keeps in `legacy`.
        legacy = kind._replace(module=keras.optimizers.legacy)
        options["optimizer"] = _optimizer(options.get("optimizer", "Adam"), learning_rate, {}, legacy)
    else:
        options["learning_rate"] = learning_rate
    return made(name, cls, options)


def create_slots(optimizer, variables):
    """Makes the optimizer's variables for `variables`, so that a checkpoint finds all of them to restore."""
    if hasattr(optimizer, "build"):
        optimizer.build(variables)
    else:  # an optimizer of Keras before 2.11, as in Addons; it has no public name for the same
        optimizer._create_all_weights(variables)


def loss(name, /, **options):
    """Returns a function (targets (n, 2) one-hot, logits (n, 2)) -> (n,).

    Losses that can work on logits are fed them, those of SIGMOID_LOSSES the log-odds
    logits[:, 1] - logits[:, 0] against targets[:, 1], all others the softmax probabilities.

    Args:
        name: such as "CategoricalCrossentropy" or "Addons>SigmoidFocalCrossEntropy(alpha=0.5)".
        options: of the loss; those in the name win. `from_logits` is set here where the loss has it.

    Raises:
        UnknownNameError: nothing of that name is a loss, or it does not give one value an instance.
    """
    cls, given = _find(name, _LOSS)
    takes_logits = "from_logits" in _parameters(cls)
    options = {"reduction": "none", **options, **given, "from_logits": True}
    if not takes_logits:
        del options["from_logits"]
    found = made(name, cls, options)
    if cls in map(_named, SIGMOID_LOSSES):
        fed = lambda targets, logits: found(targets[:, 1:], logits[:, 1:] - logits[:, :1])  # noqa: E731
    else:
        fed = found if takes_logits else lambda targets, logits: found(targets, tf.nn.softmax(logits))
    _check_loss(name, fed)
    return fed


def layer(name, /, defaults=None, **options):
    """Returns a layer, for instance "Addons>GroupNormalization(groups=4)".

    Args:
        name: of the layer.
        defaults: options for it that are left out where it does not know them.
        options: options for it; those in the name win.

    Raises:
        UnknownNameError: nothing of that name is a layer, or it does not take the options.
    """
    cls, given = _find(name, _LAYER)
    known = {key: value for key, value in (defaults or {}).items() if key in _parameters(cls)}
    return made(name, cls, {**known, **options, **given})


def activation(name):
    """Returns an activation function, for instance of "relu" or "Addons>mish". Raises UnknownNameError."""
    found, options = _find(name, _ACTIVATION)
    if getattr(found, "__name__", "") == "mish" and tf.__version__.startswith("2.15."):
        return _unfused_mish
    return functools.partial(found, **options) if options else found


def _unfused_mish(x):
    """mish in a form that the graph optimiser of TensorFlow 2.15 does not recognise.

    It would fuse convolution, bias, sum and mish into one operation, which its oneDNN then refuses on a CPU.
    """
    return tf.math.multiply_no_nan(x, tf.math.tanh(tf.math.softplus(x)))


def _find(text, kind):
    name, options = parsed(text, kind.noun)
    if name.startswith(ADDONS_PREFIX):
        _import_addons(kind.noun, name)
    found = _named(name, kind.module)
    if not kind.fits(found):
        known = {known.lower(): known for known in _names(kind)}
        near = difflib.get_close_matches(name.lower(), known, 1)
        hint = f"; did you mean {known[near[0]]!r}?" if near else "."
        raise UnknownNameError(
            f"Expected the name of a Keras {kind.noun}, such as {kind.example!r}. Received: {name!r}{hint}"
        )
    return found, options


def _named(name, module=keras.losses):
    return keras.saving.get_registered_object(name) if ">" in name else getattr(module, name, None)


def parsed(text, noun):
    """"Name(option=value, ...)" -> (name, {option: value}); `noun` is what the message calls it.

    Raises:
        UnknownNameError: the text is of another form.
    """
    match = re.fullmatch(r"\s*([\w.>]+)\s*(?:\((.*)\))?\s*", text)
    try:
        call = ast.parse(f"f({match[2] or ''})", mode="eval").body
        if call.args:
            raise ValueError
        return match[1], {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (TypeError, SyntaxError, ValueError) as error:
        raise UnknownNameError(
            f"Expected the {noun} as Name, Package>Name or Name(option=value, ...). Received: {text!r}"
        ) from error


def made(name, cls, options):
    """cls(**options). Raises UnknownNameError with `name` and the first line of what it raised."""
    try:
        return cls(**options)
    except Exception as error:  # add-ons raise what they like, TypeCheckError for one
        shown = ", ".join(f"{key}={value!r}" for key, value in options.items() if key != "optimizer")
        raise UnknownNameError(f"{name!r} cannot be made with {shown}: {_reason(error)}") from error


def _check_loss(name, fed):
    try:
        shape = tuple(fed(tf.eye(2), tf.constant([[1.0, -1.0], [-1.0, 1.0]])).shape)
    except Exception as error:
        raise UnknownNameError(f"loss {name!r} cannot compare two classes: {_reason(error)}") from error
    if shape != (2,):
        raise UnknownNameError(
            f"loss {name!r}: Expected one value an instance, shape (2,) for two. Received: shape {shape}."
        )


def _names(kind):
    own = [name for name in dir(kind.module) if kind.fits(getattr(kind.module, name))]
    return own + [name for name, found in keras.saving.get_custom_objects().items() if kind.fits(found)]


def _import_addons(noun, name):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it announces its end of life, which the documentation does too
            import tensorflow_addons  # noqa: F401 - importing registers its objects with Keras
    except Exception as error:  # its import fails in many ways beside ImportError on a later TensorFlow
        raise UnknownNameError(
            f"{noun} {name!r} needs tensorflow-addons, whose last release only works with TensorFlow "
            f"2.15; here is {tf.__version__} on Python {platform.python_version()} ({_reason(error)}). "
            "Make an environment with Python 3.10 or 3.11 and install the extra: pip install -e '.[addons]'"
        ) from error


def _parameters(cls):
    return inspect.signature(cls.__init__).parameters


def _reason(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    # A traceback of TensorFlow's own ends in the reason.
    return lines[-1] if lines[0] == "in user code:" else lines[0]
