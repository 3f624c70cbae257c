"""The on-disk schema of a bag, version 1: which features a record may hold, of which type and shape.

A record is a `tf.train.Example`, little-endian, arrays in C order. Every bag has `id`, `patient`, `label` and
`source_index`, and either `instances` (with `dtype` and `shape`) or `source_path`; all other features are
there only where the source knows them.
"""

from typing import NamedTuple

import numpy as np

SCHEMA_VERSION = 1

# float16 keeps HU exactly up to 2048, which is the paper's choice (remedios2020, section 2.1); uint8 is for
# colour patches.
INSTANCE_DTYPES = ("float16", "uint8")


class Array(NamedTuple):
    """One array feature: how it is listed in the record, and its shape in letters shared by the whole bag.

    n instances of (h, w, c), k classes, m boxes, p points.
    """

    kind: str
    dtype: type
    shape: tuple


ARRAYS = {
    "label": Array("int64", np.int64, ("k",)),
    "source_index": Array("int64", np.int64, ("n",)),
    "level": Array("int64", np.int64, (1,)),
    "mpp": Array("float", np.float32, (1,)),
    "coords": Array("int64", np.int64, ("n", 2)),
    "instance_label": Array("int64", np.int64, ("n", "k")),
    "boxes": Array("float", np.float32, ("m", 5)),
    "box_class": Array("int64", np.int64, ("m",)),
    "box_drawn": Array("int64", np.int64, ("m",)),
    "points": Array("float", np.float32, ("p", 4)),
    "spacing": Array("float", np.float32, (3,)),
    "affine": Array("float", np.float32, (4, 4)),
    "source_affine": Array("float", np.float32, (4, 4)),
    "source_shape": Array("int64", np.int64, (3,)),
    "transform": Array("float", np.float32, (4, 4)),
}

# A feature of each of these names is bytes; `instances` and `mask` are the two that are too large to read for
# a table.
TEXTS = ("id", "patient", "source_path")
LARGE = ("instances", "mask")
