"""`Bag` <-> the bytes of a `tf.train.Example`.

The same bag always gives the same bytes: features are sorted by name, JSON keys too, so that a shard written
again is byte-identical.
"""

import json
import math
import zlib

import numpy as np

from tfrecords import wire
from tfrecords.bag import Bag
from tfrecords.errors import DatasetError
from tfrecords.schema import ARRAYS, INSTANCE_DTYPES, LARGE, TEXTS
from tfrecords.wire import Damaged

MAX_BYTES = 2**31 - 1  # protobuf's limit on one message
MASK_LEVEL = 6  # zlib's default: masks are nearly empty, and higher levels gain little
REQUIRED = ("id", "patient", "label", "source_index")


def encode(bag):
    """The bytes of a bag's Example. Raises DatasetError where it has nothing to store or exceeds protobuf's 2
    GiB.
    """
    if bag.instances is None and bag.source_path is None:
        raise DatasetError(f"bag {bag.id}: Expected instances or a source_path. Received: neither.")
    if bag.mask is not None and bag.instances is None:
        raise DatasetError(f"bag {bag.id}: Expected a mask with its instances. Received: a mask alone.")
    if bag.instances is not None and bag.instances.nbytes > MAX_BYTES:
        raise DatasetError(
            f"bag {bag.id}: Expected at most 2 GiB of instances. Received: {bag.instances.nbytes} bytes."
        )
    import tensorflow as tf

    example = tf.train.Example()
    for name, kind, values in _features(bag):
        feature = example.features.feature[name]
        listed = getattr(feature, f"{kind}_list")
        listed.SetInParent()  # an empty list is written too: no boxes is not the same as boxes unknown
        listed.value.extend(values)
    return example.SerializeToString(deterministic=True)


def decode(file, features, large=True):
    """Returns the Bag of walked features (`tfrecords.wire.walk`); `large=False` leaves instances and mask
    unread, as None.

    Raises Damaged where the record is not a bag.
    """
    _require(features)
    values = {name: _text(file, features, name) for name in TEXTS if name in features}
    for name, spec in ARRAYS.items():
        if name in features:
            values[name] = _array(file, features, name, spec)
    try:
        if "instance_id" in features:
            values["instance_id"] = [wire.read(file, span).decode() for span in features["instance_id"].spans]
        if "meta" in features:
            values["meta"] = json.loads(_bytes(file, features, "meta"))
        return Bag(**{"instances": None, **values, **(_pixels(file, features) if large else {})})
    except ValueError as error:  # DatasetError, JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise Damaged(str(error)) from error


def pixel_format(file, features):
    """Returns (dtype, (n, h, w, c), span) of `instances`. Raises Damaged where they do not agree, or are not
    stored.
    """
    if "instances" not in features:
        raise Damaged("it stores no instances (it names a source_path)")
    dtype = _text(file, features, "dtype")
    shape = tuple(int(size) for size in _numbers(file, features, "shape", np.int64))
    if dtype not in INSTANCE_DTYPES or len(shape) != 4:
        raise Damaged(
            f"its instances are {dtype} {shape}, neither {' nor '.join(INSTANCE_DTYPES)} (n, h, w, c)"
        )
    dtype = np.dtype(dtype).newbyteorder("<")
    span = features["instances"].spans[0]
    wanted = dtype.itemsize * math.prod(shape)
    if span.length != wanted:
        raise Damaged(f"its instances are {span.length} bytes, {dtype.name} {shape} needs {wanted}")
    return dtype, shape, span


def read_mask(file, features):
    """The mask uint8 (n, h, w), or None. Raises Damaged where it does not unpack to the instances' shape."""
    if "mask" not in features:
        return None
    return _mask(_bytes(file, features, "mask"), pixel_format(file, features)[1][:3])


def read_id(file, features):
    """The id that a record says it has."""
    return _text(file, features, "id")


def read_source_index(file, features):
    """Where each instance came from, int64 (n,). Raises Damaged where it is missing."""
    return _numbers(file, features, "source_index", np.int64)


def _features(bag):
    for name in TEXTS:
        if getattr(bag, name) is not None:
            yield name, "bytes", [getattr(bag, name).encode()]
    for name, spec in ARRAYS.items():
        if getattr(bag, name) is not None:
            yield name, spec.kind, getattr(bag, name).ravel().tolist()
    if bag.instance_id is not None:
        yield "instance_id", "bytes", [name.encode() for name in bag.instance_id]
    if bag.meta:
        yield "meta", "bytes", [_json(bag)]
    if bag.mask is not None:
        yield "mask", "bytes", [zlib.compress(np.ascontiguousarray(bag.mask), MASK_LEVEL)]
    if bag.instances is not None:
        yield "dtype", "bytes", [bag.instances.dtype.name.encode()]
        yield "shape", "int64", bag.instances.shape
        yield (
            "instances",
            "bytes",
            [bag.instances.astype(bag.instances.dtype.newbyteorder("<"), copy=False).tobytes()],
        )


def _json(bag):
    try:
        return json.dumps(
            bag.meta, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError) as error:
        raise DatasetError(f"bag {bag.id}, meta: Expected what JSON can hold. Received: {error}.") from error


def _require(features):
    missing = [name for name in REQUIRED if name not in features]
    if missing or not ("instances" in features or "source_path" in features):
        raise Damaged(f"it has no {', '.join(missing) or 'instances'}")
    known = {*TEXTS, *LARGE, *ARRAYS, "dtype", "shape", "instance_id", "meta"}
    unknown = sorted(set(features) - known)
    if unknown:
        raise Damaged(f"feature {unknown[0]!r} is not in the schema")


def _array(file, features, name, spec):
    values = _numbers(file, features, name, spec.dtype)
    columns = spec.shape[1:]
    if columns == ("k",):
        columns = (max(1, len(_numbers(file, features, "label", np.int64))),)
    if len(values) % (columns or (1,))[0]:
        raise Damaged(f"{name} has {len(values)} values, not a multiple of {columns[0]}")
    return values.reshape(-1, *columns)


def _pixels(file, features):
    pixels = {}
    if "instances" in features:
        dtype, shape, span = pixel_format(file, features)
        pixels["instances"] = np.frombuffer(wire.read(file, span), dtype).reshape(shape)
    return {**pixels, "mask": read_mask(file, features)}


def _mask(data, shape):
    try:
        values = np.frombuffer(zlib.decompress(data), np.uint8)
    except zlib.error as error:
        raise Damaged(f"its mask cannot be unpacked ({error})") from error
    if len(values) != np.prod(shape):
        raise Damaged(f"its mask has {len(values)} pixels, {shape} needs {np.prod(shape)}")
    return values.reshape(shape)


def _numbers(file, features, name, dtype):
    if name not in features or features[name].kind == "bytes":
        raise Damaged(f"{name} is missing or not a list of numbers")
    return wire.numbers(file, features[name], dtype)


def _bytes(file, features, name):
    if name not in features or features[name].kind != "bytes" or len(features[name].spans) != 1:
        raise Damaged(f"{name} is missing or not one byte string")
    return wire.read(file, features[name].spans[0])


def _text(file, features, name):
    try:
        return _bytes(file, features, name).decode()
    except UnicodeDecodeError as error:
        raise Damaged(f"{name} is not UTF-8") from error
