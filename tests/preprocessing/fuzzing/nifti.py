"""NIfTI files whose headers are damaged, odd or lie."""

import itertools
from typing import NamedTuple

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation

SHAPE, ZOOMS, ORIGIN = (8, 10, 6), (0.8, 0.7, 5.0), (-30.0, 12.0, 70.0)
INTERCEPT = -1024.0
EVERY = (0, 1, -1, 2, 127, 32767, -32768)
REALS = (0.0, -1.0, 0.01, 1e30, 1e-30, float("nan"), float("inf"), float("-inf"))
FLIPS, QFORM_FLIPS = 90, 50
MM = {1: 1000.0, 3: 0.001}  # xyzt_units


class Case(NamedTuple):
    """A file.

    Attributes:
        name: of the scan; the file is called so, with `suffix`.
        content: its bytes.
        truth: (HU (i, j, k), affine), or None where it is what nibabel reads of the file.
        must: "right", "rejected" or "either".
    """

    name: str
    content: bytes
    truth: tuple = None
    must: str = "either"
    suffix: str = ".nii"


def hu(shape=SHAPE):
    """All axes and directions differ, and a block is nowhere symmetrical."""
    i, j, k = np.mgrid[tuple(map(slice, shape))]
    values = -900.0 + 7 * i + 40 * j + 150 * k
    values[1:4, 2:4, 1:2] += 300
    return values


def straight(codes="RAS"):
    affine = np.zeros((4, 4))
    for axis, letter in enumerate(codes):
        world = next(place for place, pair in enumerate(("LR", "PA", "IS")) if letter in pair)
        affine[world, axis] = ZOOMS[axis] * (1 if letter in "RAS" else -1)
    affine[:, 3] = *ORIGIN, 1
    return affine


def turned(degrees, about=(1, 0, 0)):
    affine = straight()
    turn = Rotation.from_rotvec(np.radians(degrees) * np.array(about) / np.linalg.norm(about)).as_matrix()
    affine[:3, :3] = turn @ affine[:3, :3]
    return affine


def encoded(
    values=None, affine=None, codes=(1, 1), kind=nib.Nifti1Header, dtype="<i2", scaling=(1.0, INTERCEPT), **fields
):
    """The bytes of a file, written field by field so that nothing is mended; a field is `name` or `name__index`."""
    values = hu() if values is None else values
    affine = straight() if affine is None else affine
    header = kind(endianness="<" if dtype[0] in "<|" else ">")
    header.set_data_shape(values.shape)
    header.set_data_dtype(np.dtype(dtype))
    header.set_qform(affine if codes[1] else None, codes[1])
    header.set_sform(affine, codes[0])
    header["xyzt_units"] = 2
    header["scl_slope"], header["scl_inter"] = scaling
    header["vox_offset"] = header.single_vox_offset
    header["magic"] = header.single_magic
    for name, value in fields.items():
        field, _, index = name.rpartition("__")
        with np.errstate(all="ignore"):
            header.structarr[field or name][int(index) if field else ...] = value
    stored = values if scaling[1] == 0 else values - scaling[1]
    return header.binaryblock + bytes(4) + stored.astype(dtype).tobytes(order="F")


def truth_of(path):
    """(HU, affine in mm) of a file as nibabel reads it."""
    image = (nib.Nifti2Image if _is_wide(path) else nib.Nifti1Image).from_bytes(path.read_bytes())
    data = image.get_fdata()
    affine = np.array(image.affine, np.float64)
    affine[:3] *= MM.get(int(image.header["xyzt_units"]) & 7, 1.0)
    return data.reshape(data.shape[:3]), affine


def _is_wide(path):
    start = path.read_bytes()[:4]
    return 540 in (int.from_bytes(start, "little"), int.from_bytes(start, "big"))


def fields():
    """Every field of the header at values that it must not have, or that change what the file says."""
    for name, (kind, _) in nib.nifti1.header_dtype.fields.items():
        values = REALS if kind.base.kind == "f" else EVERY if kind.base.kind in "iu" else (b"", b"\xff" * kind.itemsize)
        for index in range(kind.shape[0]) if kind.shape else (None,):
            key = name if index is None else f"{name}__{index}"
            for value in values:
                if kind.base.kind in "iu":
                    info = np.iinfo(kind.base)
                    value = max(info.min, min(info.max, value))
                yield f"{key}={value if kind.base.kind in 'iuf' else len(value)}", {key: value}


LEFT = straight("LAS")  # left-handed as most CT files, so that the sign of the third axis is in pixdim[0] alone
GEOMETRY = (
    "dim", "pixdim", "scl_slope", "scl_inter", "vox_offset", "qform_code", "sform_code", "xyzt_units", "datatype",
    "bitpix", "sizeof_hdr", "magic",
)


def header_cases():
    """Fields at values that they must not have; of those that tell no geometry a fifth."""
    found = {}
    for place, (name, changed) in enumerate(fields()):
        if name.split("=")[0].split("__")[0] in GEOMETRY or place % 5 == 0:
            found[name] = Case(f"field-{name}", encoded(**changed))
    for index, value in itertools.product(range(4), REALS):
        legal = value in (0, -1) if index == 0 else 0 < value < float("inf")
        content = encoded(affine=LEFT, codes=(0, 1), **{f"pixdim__{index}": value})
        must = "either" if legal else "rejected"
        found[index, value] = Case(f"qform-only-pixdim__{index}={value}", content, must=must)
    nan, infinite = float("nan"), float("inf")
    for slope, inter in itertools.product((0.0, nan, infinite), (-1024.0, 0.0, nan, infinite)):
        lost = np.isinf(slope) or not (inter == 0 or np.isnan(inter))
        content = encoded(scaling=(1.0, 0.0), scl_slope=slope, scl_inter=inter)
        found[slope, inter] = Case(
            f"scaling-{slope}-{inter}", content, (hu(), straight()), "rejected" if lost else "right"
        )
    return list(found.values())


def flip_cases():
    """Random bytes of the header, with both orientations, and with a left-handed qform alone."""
    random = np.random.default_rng(7)
    for name, whole, count in (
        ("both", encoded(), FLIPS), ("qform-only", encoded(affine=LEFT, codes=(0, 1)), QFORM_FLIPS),
    ):
        for number in range(count):
            content = bytearray(whole)
            for place in random.integers(0, 348, 1 + number % 3):
                content[place] ^= int(random.integers(1, 256))
            yield Case(f"flip-{name}-{number}", bytes(content))


def orientation_cases():
    for order in itertools.permutations(("LR", "PA", "IS")):
        for letters in itertools.product(*order):
            affine = straight("".join(letters))
            affine[:3, :3] *= np.array([2.0, 2.0, 2.0]) / ZOOMS  # else many are coronal or sagittal planes
            for codes in ((1, 0), (0, 1)):
                content = encoded(affine=affine, codes=codes)
                yield Case(f"axes-{''.join(letters)}-{codes[0]}{codes[1]}", content, (hu(), affine), "right")
    for degrees in range(-60, 61, 10):
        must = "right" if abs(degrees) <= 45 else "rejected"
        yield Case(f"oblique-{degrees}", encoded(affine=turned(degrees)), (hu(), turned(degrees)), must)
        yield Case(f"oblique-corner-{degrees}", encoded(affine=turned(degrees, (1, 1, 1))))
    for name, (row, column, value), must in (
        ("sheared", (1, 2, 4.0), "right"), ("sheared-far", (1, 2, 40.0), "rejected"),
        ("nan", (0, 0, np.nan), "rejected"), ("infinite", (0, 3, np.inf), "rejected"),
        ("flat", (2, 2, 0.0), "rejected"), ("far", (0, 3, 1e7), "rejected"),
        ("tiny", (0, 0, 1e-5), "rejected"), ("huge", (2, 2, 1e4), "rejected"),
    ):
        affine = straight()
        affine[row, column] = value
        yield Case(f"affine-{name}", encoded(codes=(1, 0), **_rows(affine)), must=must)
    equal = straight()[:, [0, 0, 2, 3]]
    yield Case("affine-equal-columns", encoded(codes=(1, 0), **_rows(equal)), must="rejected")
    for codes in ("LAS", "RPS", "RAI", "ARS"):
        yield Case(f"contradiction-{codes}", encoded(affine=straight(codes), **_rows(straight())), must="rejected")
    yield Case("qform-slightly-off", encoded(affine=turned(3), **_rows(straight())), (hu(), straight()), "right")
    yield Case("qform-none", encoded(qform_code=0), (hu(), straight()), "right")
    yield Case("sform-code-invalid", encoded(sform_code=99), (hu(), straight()), "right")
    yield Case("codes-none", encoded(codes=(0, 0)), must="rejected")
    yield Case("units-metres", encoded(affine=straight() * _mm(0.001), xyzt_units=1), (hu(), straight()), "right")
    yield Case("units-micrometres", encoded(affine=straight() * _mm(1000), xyzt_units=3), (hu(), straight()), "right")
    yield Case("units-unknown", encoded(xyzt_units=0), (hu(), straight()), "right")
    yield Case("units-lie", encoded(xyzt_units=1), must="rejected")


def _mm(scale):
    return np.array([[scale], [scale], [scale], [1.0]])


def _rows(affine):
    return {f"srow_{letter}__{index}": affine[row, index] for row, letter in enumerate("xyz") for index in range(4)}


def kind_cases():
    for byteorder, kind in itertools.product("<>", (nib.Nifti1Header, nib.Nifti2Header)):
        for dtype in ("u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"):
            order = "|" if dtype[1] == "1" else byteorder
            narrow = dtype[1] == "1"
            values = hu() // 20 if narrow else hu()
            shift = -100.0 if dtype == "u1" else INTERCEPT if dtype[0] == "u" else 0.0
            content = encoded(values, kind=kind, dtype=order + dtype, scaling=(1.0, shift))
            name = f"kind-{'big' if byteorder == '>' else 'little'}-{kind.__name__[:6]}-{dtype}"
            yield Case(name, content, (values, straight()), "right")
    for name, shape, must in (
        ("one-slice", (8, 10, 1), "right"), ("two-slices", (8, 10, 2), "right"), ("flat", (8, 10), "rejected"),
        ("one-more-axis", (8, 10, 6, 1), "right"), ("three-more-axes", (8, 10, 6, 1, 1, 1), "right"),
        ("four-axes", (8, 10, 6, 2), "rejected"), ("five-axes", (8, 10, 1, 1, 3), "rejected"),
        ("line", (1, 1, 6), "either"), ("empty", (8, 10, 0), "rejected"), ("long", (1, 1, 30000), "rejected"),
    ):
        values = hu() if len(shape) < 3 else hu(shape[:3])
        values = np.resize(values, shape) if np.prod(shape) != values.size else values.reshape(shape)
        whole = np.clip(values, -1000, 3000)
        yield Case(f"shape-{name}", encoded(whole), must=must)
    for name, spot, must in (
        ("nan", np.nan, "rejected"), ("infinite", np.inf, "rejected"), ("1e38", 1e38, "rejected"),
        ("60000", 6e4, "rejected"), ("-3024", -3024, "right"),
    ):
        values = hu()
        values[3, 4, 5] = spot
        yield Case(f"value-{name}", encoded(values, dtype="<f4", scaling=(1.0, 0.0)), (values, straight()), must)
    large = hu() * 1e15
    yield Case("value-large-i8", encoded(large, dtype="<i8", scaling=(1.0, 0.0)), must="rejected")
    yield Case("value-large-u8", encoded(np.abs(large), dtype="<u8", scaling=(1.0, 0.0)), must="rejected")
    yield Case("type-lies-unsigned", encoded(scaling=(1.0, 0.0), datatype=512), must="rejected")
    yield Case("type-lies-byte", encoded(datatype=2, bitpix=8), must="rejected")
    for name, code, bits in (
        ("rgb", 128, 24), ("complex", 32, 64), ("binary", 1, 1), ("rgba", 2304, 32), ("float128", 1536, 128),
    ):
        yield Case(f"type-{name}", encoded(datatype=code, bitpix=bits), must="rejected")
    yield Case("shape-shorter", encoded(dim__1=7), must="rejected")
    yield Case("shape-fewer-slices", encoded(dim__3=5), must="rejected")
    yield Case("shape-longer", encoded(dim__1=9), must="rejected")
    yield Case("shape-huge", encoded(**{f"dim__{axis}": 32000 for axis in (1, 2, 3)}), must="rejected")
    yield Case("shape-negative", encoded(dim__2=-10), must="rejected")
    yield Case("pair-header", encoded(magic=b"ni1", vox_offset=0), must="rejected")
    yield Case("bytes-more", encoded() + b"\n", must="rejected")
    yield Case("bytes-fewer", encoded()[:-1], must="rejected")


def cases():
    """All of them."""
    return [*header_cases(), *flip_cases(), *orientation_cases(), *kind_cases()]
