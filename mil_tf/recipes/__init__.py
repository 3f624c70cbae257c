"""One file a paper: citation, every constant with its source, expected numbers, the exact command, a quick mode."""

import difflib
import importlib

NAMES = ("remedios2020", "nemcek2021", "lerousseau2020", "kraus2016", "parida2021")


def load(name):
    """Returns the recipe's module.

    Raises:
        ValueError: where there is none of that name; the message is one line.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, 1, 0.0)
        raise ValueError(f"--recipe {name}: no such recipe; did you mean {near[0]!r}? Known: {', '.join(NAMES)}.")
    return importlib.import_module(f"mil_tf.recipes.{name}")
