"""Names in a recipe -> Keras objects, including whatever an add-on package registers with Keras.

A name with `>` in it is a registered name, `Package>Name`. `Addons>LAMB` is tensorflow-addons' LAMB; the package is
imported when such a name is met, and never before, because its last release (0.23) only works with TensorFlow 2.15.
"""

import keras

ADDONS_PREFIX = "Addons>"
ADDONS_HELP = (
    "needs tensorflow-addons, which no TensorFlow after 2.15 can import; "
    "install the extra with Python 3.10 or 3.11: pip install -e '.[addons]'"
)


class UnknownNameError(ValueError):
    """A name in a recipe that nothing registers; the message is one line."""


def optimizer(name, learning_rate, **options):
    """Returns a Keras optimizer by its Keras name ("Adam") or registered name ("Addons>LAMB").

    Options that the optimizer does not know raise UnknownNameError.
    """
    cls = _lookup(name, "optimizer", keras.optimizers)
    try:
        return cls(learning_rate=learning_rate, **options)
    except (TypeError, ValueError) as error:
        raise UnknownNameError(f"optimizer {name!r} does not take {options}: {_first_line(error)}") from error


def loss(name, **options):
    """Returns a loss object with `reduction` none: (y_true, y_prob) of shape (n, k) -> (n,)."""
    cls = _lookup(name, "loss", keras.losses)
    return cls(reduction="none", **options)


def layer(name, **options):
    """Returns a registered layer, for instance "Addons>GroupNormalization"."""
    return _lookup(name, "layer", keras.layers)(**options)


def activation(name):
    """Returns an activation function by its Keras name ("relu") or registered name ("Addons>mish")."""
    return _lookup(name, "activation", keras.activations)


def _lookup(name, kind, module):
    if name.startswith(ADDONS_PREFIX):
        _import_addons(name)
    found = keras.saving.get_registered_object(name) if ">" in name else getattr(module, name, None)
    if not callable(found):
        raise UnknownNameError(f"Expected the name of a Keras {kind}, such as {_example(kind)!r}. Received: {name!r}")
    return found


def _import_addons(name):
    try:
        import tensorflow_addons  # noqa: F401 - importing registers its objects with Keras
    except Exception as error:  # its import fails in many ways beside ImportError on a later TensorFlow
        raise UnknownNameError(f"{name!r} {ADDONS_HELP} ({type(error).__name__}: {_first_line(error)})") from error


def _example(kind):
    return {"optimizer": "Adam", "loss": "CategoricalCrossentropy", "layer": "Dense", "activation": "relu"}[kind]


def _first_line(error):
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
