"""A recipe's options: what they are, where their values come from, and how `--set key=value` changes them."""

import ast
import difflib
import math
from collections.abc import Callable
from typing import Any, NamedTuple


class OptionError(ValueError):
    """An option that does not exist or a value that cannot be; the message is one line."""


class Bound(NamedTuple):
    """What a number must be: `words` say it, `holds(value)` tells."""

    words: str
    holds: Callable[[float], bool]


def at_least(low):
    """Bound of numbers from `low` up."""
    return Bound(f"at least {low}", lambda value: value >= low)


def above(low):
    """Bound of numbers above `low`."""
    return Bound(f"a number above {low}", lambda value: value > low)


FRACTION = Bound("at least 0 and below 1", lambda value: 0 <= value < 1)


class Option(NamedTuple):
    """default: the value. source: paper section, released code, or our decision. help: one line. bound: of numbers."""

    default: Any
    source: str
    help: str
    bound: Bound | None = None


def resolve(options, *layers):
    """Lays named values over the defaults, the last layer winning.

    Args:
        options: {name: Option}.
        layers: dicts of values, for instance a variant's, a profile's, the command line's.

    Returns:
        {name: value} of all options.

    Raises:
        OptionError: at an unknown name, naming the nearest known, or a value of another type than the default's,
            or one that is not finite or outside its bound.
    """
    values = {name: option.default for name, option in options.items()}
    for layer in layers:
        for name, value in layer.items():
            known = _known(name, options)
            values[known] = _bounded(known, _typed(known, value, options[known].default), options[known].bound)
    return values


def origins(options, layers):
    """{name: where its value comes from}: the option's own source, or the name of the last layer that sets it.

    Args:
        options: {name: Option}.
        layers: [(what the layer is called, {name: value})], as given to `resolve`.
    """
    found = {name: option.source for name, option in options.items()}
    for called, layer in layers:
        found.update(dict.fromkeys(layer, called))
    return found


def parse_assignments(assignments):
    """["key=value", ...] -> {key: value}; values are Python literals where they parse, else text.

    Raises OptionError where there is no `=`.
    """
    found = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise OptionError(f"--set: Expected key=value. Received: {text!r}.")
        found[name.strip()] = _literal(value.strip())
    return found


def _literal(text):
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _known(name, options):
    if name in options:
        return name
    near = difflib.get_close_matches(name, options, 1, 0.0)
    raise OptionError(f"--set {name}: no such option; did you mean {near[0]!r}? Known: {', '.join(sorted(options))}.")


def _bounded(name, value, bound):
    if bound and not bound.holds(value):
        raise OptionError(f"--set {name}: Expected {bound.words}. Received: {value!r}.")
    return value


def _typed(name, value, default):
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, tuple) and isinstance(value, list):
        value = tuple(value)
    if isinstance(default, str) and isinstance(value, (int, float)) and not isinstance(value, bool):
        raise OptionError(f"--set {name}: Expected a name such as {default!r}. Received: {value!r}.")
    if default is not None and type(value) is not type(default):
        kind = type(default).__name__
        raise OptionError(f"--set {name}: Expected a {kind} such as {default!r}. Received: {value!r}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise OptionError(f"--set {name}: Expected a finite number. Received: {value!r}.")
    return value
