"""Files as PyTorch writes them, made step by step without PyTorch, so that any of their claims can be a lie."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mil_tf.conversion.nemcek2021 import shapes

REAL = Path(__file__).parents[3].parent / "shared/data/nemcek_released/maxpool.pt"
STORAGES = {"float32": "torch FloatStorage", "int64": "torch LongStorage"}


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def joined(*steps):
    return b"(" + b"".join(steps) + b"t"


def name(value):
    return b"c" + value.replace(" ", "\n").encode() + b"\n"


def rebuilt(place, array, **lies):
    """Steps that make a tensor; `lies` replaces what they say of it: kind, key, count, offset, shape, strides."""
    contiguous = np.cumprod([1, *array.shape[:0:-1]])[::-1] if array.ndim else ()
    said = {
        "kind": STORAGES.get(array.dtype.name, "torch DoubleStorage"), "key": place, "count": array.size, "offset": 0,
        "shape": array.shape, "strides": contiguous, **lies,
    }
    storage = joined(text("storage"), name(said["kind"]), text(said["key"]), text("cuda:0"), number(said["count"])) + b"Q"
    sizes = [joined(*(number(int(each)) for each in said[part])) for part in ("shape", "strides")]
    hooks = name("collections OrderedDict") + b")R"
    return name("torch._utils _rebuild_tensor_v2") + joined(storage, number(said["offset"]), *sizes, b"\x89", hooks) + b"R"


def pickled(state, lies):
    items = [text(key) + rebuilt(str(place), array, **lies.get(key, {}))
             for place, (key, array) in enumerate(state.items())]
    start = b"\x80\x02" + name("collections OrderedDict") + b")Rq\x00(" + b"".join(items) + b"u"
    return start + b"}" + text("_metadata") + b"}s" + b"b."


@pytest.fixture
def steps():
    """The parts that a pickle is made of."""
    return {"text": text, "number": number, "joined": joined, "name": name, "rebuilt": rebuilt}


@pytest.fixture
def write_state(tmp_path):
    """write_state({name: array}, lies={name: {...}}, pickle=bytes, entries={name: bytes or None}, compression) -> path."""

    def write(state, lies=None, pickle=None, entries=None, compression=zipfile.ZIP_STORED):
        files = {"data.pkl": pickled(state, lies or {}) if pickle is None else pickle, "version": b"3\n"}
        files |= {f"data/{place}": np.ascontiguousarray(array).tobytes() for place, array in enumerate(state.values())}
        files |= entries or {}
        path = tmp_path / "state.pt"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for entry, data in files.items():
                if data is not None:
                    archive.writestr(f"state/{entry}", data)
        return path

    return write


@pytest.fixture(scope="session")
def state_of():
    """state_of("max" or "attention") -> {name: array} as of the authors' file, of random weights."""

    def make(pooling):
        rng, found = np.random.default_rng(0), {}
        for key, shape in shapes(pooling).items():
            fan = max(1, int(np.prod(shape[1:])))
            found[key] = np.asarray(rng.normal(0, fan**-0.5, shape), np.float32)
            if key.endswith(("bn.weight", "running_var")):
                found[key] = np.asarray(rng.uniform(0.5, 1.5, shape), np.float32)
            if key.endswith("num_batches_tracked"):
                found[key] = np.array(7, np.int64)
        return found

    return make


@pytest.fixture(scope="session")
def real():
    """The authors' file."""
    if not REAL.is_file():
        pytest.skip(f"the authors' file is not there: {REAL}")
    return REAL
