"""Heads whose files or headers are odd, through brain extraction and alignment: a right bag, or a reason.

A bag is right where every pixel of it has the HU that its own matrices say the file has there, and where a head that
is only stored otherwise is moved as the plain one is.
"""

from typing import NamedTuple

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from preprocessing.ct import CtSettings
from preprocessing.inputs import Scan
from preprocessing.phantoms import generate
from preprocessing.product import Outputs, make
from tests.preprocessing.fuzzing import oracle

pytestmark = pytest.mark.slow

SIZE = 96
SETTINGS = CtSettings(size=SIZE, brain="native", align="rigid")
ANGLE, SHIFT = 2.0, 3.0  # degrees and mm between two motions that are one


class Case(NamedTuple):
    """A file: voxels, their affine, and what it must become: "same" as the plain head, "bag", "rejected" or either."""

    name: str
    data: np.ndarray
    affine: np.ndarray
    must: str = "either"


def head():
    """(int16 (i, j, k), affine) of the plain head."""
    made = generate(17, 3, SIZE, True)
    return made.volume, made.affine


def stored(data, affine, order, flips):
    """The same head with its voxel axes in another order, some of them backwards."""
    turned, matrix = data.transpose(order), affine[:, [*order, 3]]
    for axis in flips:
        turned = np.flip(turned, axis)
        matrix = matrix.copy()
        matrix[:, 3] += matrix[:, axis] * (turned.shape[axis] - 1)
        matrix[:, axis] *= -1
    return turned, matrix


def placed(affine, angles=(0, 0, 0), shift=(0, 0, 0)):
    """The affine of a head that lies otherwise in the scanner."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    motion[:3, 3] = shift
    return motion @ affine


def changed(affine, row, column, value):
    """The affine with one number written over."""
    other = affine.copy()
    other[row, column] = value
    return other


def cases():
    """Yields the cases; the first is the plain head."""
    data, affine = head()
    yield Case("plain", data, affine, "same")
    for order, flips in (((0, 1, 2), (1, 2)), ((1, 0, 2), (0,)), ((2, 0, 1), (2,))):
        yield Case(f"stored-{order}-{flips}", *stored(data, affine, order, flips), "same")
    for angles in ((0, -15, 0), (10, 10, -20)):
        yield Case(f"turned-{angles}", data, placed(affine, angles), "bag")
    yield Case("far-away", data, placed(affine, shift=(5000, -5000, 900)), "bag")
    yield Case("on-its-side", data, placed(affine, (90, 0, 0)))
    sheared = affine.copy()
    sheared[:3, 2] += 0.3 * affine[:3, 1] / np.linalg.norm(affine[:3, 1]) * np.linalg.norm(affine[:3, 2])
    yield Case("sheared", data, sheared)
    yield Case("flat-voxels", data, affine * np.array([1, 1, 0.05, 1]))
    yield Case("huge-voxels", data, affine * np.array([8, 8, 8, 1]))
    yield Case("a-zero-axis", data, changed(affine, slice(0, 3), 1, 0), "rejected")
    yield Case("a-nan", data, changed(affine, 0, 3, np.nan), "rejected")
    yield Case("base-alone", data[:, :, : data.shape[2] // 3], affine)
    yield Case("vertex-alone", data[:, :, -(data.shape[2] // 4):], affine)
    yield Case("one-slice", data[:, :, data.shape[2] // 2][..., None], affine)
    yield Case("half-of-it", data[: data.shape[0] // 2], affine)
    yield Case("offset-lost", (data + 1024).clip(0), affine)
    yield Case("negated", -data, affine)
    yield Case("no-skull", np.where(data > 200, 40, data).astype(np.int16), affine)
    yield Case("air", np.full_like(data, -1024), affine, "rejected")
    yield Case("noise", np.random.default_rng(0).integers(-1000, 1000, data.shape).astype(np.int16), affine)
    yield Case("bright-border", np.pad(data[2:-2, 2:-2], ((2, 2), (2, 2), (0, 0)), constant_values=3000), affine)
    yield Case("every-second-slice", data[:, :, ::2], affine * np.array([1, 1, 2, 1]), "bag")


CASES = {case.name: case for case in cases()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The bag of the plain head."""
    return outcome(CASES["plain"], tmp_path_factory.mktemp("plain"))


def outcome(case, folder):
    """The Bag of a case, or the reason why there is none."""
    path = folder / "head.nii"
    with np.errstate(all="ignore"):
        image = nib.Nifti1Image(case.data, None)
        image.header.set_sform(case.affine, code=1)
        image.to_filename(path)
    fields = {"id": case.name, "path": str(path), "label": 1, "patient": None, "meta": {}}
    scan = Scan(**{name: fields.get(name) for name in Scan._fields})
    made = make(scan, SETTINGS, Outputs())
    return made if isinstance(made, str) else made.bags[0]


def check_pixels(bag, data):
    """What is within the brain has the file's HU, and a bag is not empty."""
    at, shown = oracle.places(bag), np.asarray(bag.instances[..., 0], float)
    within = (shown != 0) & np.all((at > -1e-3) & (at < np.array(data.shape) - 1 + 1e-3), axis=-1)
    assert within.sum() > 0.5 * np.count_nonzero(shown)
    wanted = map_coordinates(np.maximum(data, -1024).astype(float), at[within].T, order=1, mode="nearest")
    off = np.abs(shown[within] - wanted)
    assert np.quantile(off, 0.999) < 1.5 + np.abs(wanted).max() / 1000  # float16, float32 places
    oracle.check_display(bag)


QUICK = ("plain", "sheared", "far-away")  # some seconds each: the others are left to those that take long


@pytest.mark.parametrize("name", [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in CASES
])
def test_a_head_is_right_or_rejected(name, plain, tmp_path):
    case = CASES[name]
    found = outcome(case, tmp_path)
    if isinstance(found, str):
        oracle.check_reason(found)
        assert case.must in ("rejected", "either"), found
        return
    assert case.must != "rejected", "made a bag"
    check_pixels(found, case.data)
    assert found.meta["align"] == "rigid" or "not aligned" in found.meta["flags"]
    if case.must == "same":
        assert found.meta["align"] == "rigid"
        between = np.linalg.inv(plain.transform) @ found.transform
        assert np.degrees(Rotation.from_matrix(between[:3, :3]).magnitude()) < ANGLE
        assert np.linalg.norm(between[:3, 3]) < SHIFT
