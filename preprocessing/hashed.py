"""What every kind of settings has in common: read back from a dict, and a hash that tells bags apart."""

import dataclasses
import hashlib
import json

from preprocessing.errors import UsageError


def from_dict(cls, values, noun, required=()):
    """A dataclass of settings from what its `to_dict` gave.

    Args:
        cls: the dataclass.
        values: dict.
        noun: what the settings are called in messages.
        required: keys that must be there.

    Raises:
        UsageError: at a key that is none, or a required one that is missing.
    """
    known = [field.name for field in dataclasses.fields(cls)]
    unknown = sorted(set(values) - set(known))
    missing = [name for name in required if name not in values]
    if unknown or missing:
        received = repr(unknown[0]) if unknown else f"no {missing[0]}"
        raise UsageError(f"{noun} settings: Expected {', '.join(known)}. Received: {received}.")
    return cls(**values)


def digest(algorithm, values):
    """16 hexadecimal digits; equal only for settings that give the same bags.

    Args:
        algorithm: its number, raised whenever the same settings would give other bags.
        values: dict that JSON can hold.
    """
    text = json.dumps({"algorithm": algorithm, **values}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
