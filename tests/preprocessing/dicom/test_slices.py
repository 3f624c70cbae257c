from pathlib import Path

import numpy as np
import pydicom
import pytest

from preprocessing import orientation
from preprocessing.ct import load_bag
from preprocessing.dicom import convert
from preprocessing.dicom.slices import labels_by_index, shown
from preprocessing.dicom.studies import find
from preprocessing.settings import CtSettings

from .conftest import ramp

REAL = Path(__file__).parents[3].parent / "shared/data/dicom_head_ge"


def volume(folder):
    """(series, voxels (i, j, k), affine, names of the slices) of the only series of a folder."""
    (series,) = [each for each in find(folder)[0] if not each.reason]
    data, affine = convert.read(series)
    return series, data, affine, shown(series, affine, orientation.axes_of(affine).slice, data.shape[2])


@pytest.mark.parametrize("order", [1, -1])
def test_every_slice_of_a_volume_has_the_name_of_what_it_shows(write_series, order):
    """The file that holds HU of +k is named k + 1, whichever way it is numbered or lies."""
    folder = write_series("a", up=(0, 0, order))
    _, data, _, names = volume(folder)
    assert names == [f"1.2.3.{int(data[:, :, k].min()) + 1000 + 1}" for k in range(6)]


@pytest.mark.parametrize("turned", [False, True])
def test_a_volume_in_the_other_order_has_its_names_turned(write_series, turned):
    series, data, affine, names = volume(write_series("a"))
    flip = np.diag([1.0, 1, -1, 1])
    flip[2, 3] = 5
    again = shown(series, affine @ flip if turned else affine, 2, 6)
    assert again == (names[::-1] if turned else names)


def test_slices_between_two_have_no_name(write_series):
    steps = [2.0, 2.0, 2.0, 6.0, 6.0]
    _, data, _, names = volume(write_series("a", count=6, step=steps, pixels=ramp(6)))
    assert data.shape[2] == 10 and sorted(filter(None, names)) == [f"1.2.3.{k}" for k in range(1, 7)]
    lowest_first = names if names[0] == "1.2.3.1" else names[::-1]
    assert [bool(name) for name in lowest_first] == [True] * 4 + [False, False, True, False, False, True]


def test_slightly_uneven_slices_are_not_resampled_and_keep_their_names(write_series):
    """dcm2niix lets small differences pass, which add up to a third of a step here."""
    _, data, _, names = volume(write_series("a", count=10, step=[2.0] * 3 + [2.1] * 6, pixels=ramp(10)))
    assert names == [f"1.2.3.{int(data[:, :, k].min()) + 1000 + 1}" for k in range(10)]


def test_a_bag_carries_the_names_in_its_own_order(write_series):
    (series,) = find(write_series("a"))[0]
    bag = load_bag(series, CtSettings(size=16), id="a", label=1, slice_labels={"1.2.3.2": 1, "1.2.3.5": 0, "9": 1})
    shows = bag.instances[:, 0, :, 0].min(axis=1).astype(int) + 1000 + 1
    assert bag.instance_id == [f"1.2.3.{number}" for number in shows]
    truth = dict(zip(bag.instance_id, bag.instance_label[:, 0].tolist()))
    assert truth == dict.fromkeys(bag.instance_id, -1) | {"1.2.3.2": 1, "1.2.3.5": 0}


def test_a_nifti_file_names_no_slices_and_labels_by_index_stay(save):
    assert load_bag(save("a.nii"), CtSettings(size=8), id="a").instance_id is None
    assert labels_by_index({0: 1}, ["x", "y"]) == {0: 1} and labels_by_index(None, ["x"]) is None
    assert labels_by_index({"y": 1, "z": 0}, ["x", "y"]) == {1: 1}


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real series is not there: {REAL}")
def test_names_of_the_real_tilted_and_uneven_series_go_with_its_pixels():
    series, data, affine, names = volume(REAL)
    files = {each.SOPInstanceUID: each for each in map(pydicom.dcmread, REAL.glob("*.dcm"))}
    assert sum(map(bool, names)) == len(set(filter(None, names))) == 24  # of 28
    images = [_as_shown(files[each.name], each.position, affine, data.shape) for each in series.slices]
    for plane, name in zip(np.moveaxis(np.maximum(data, -1000), 2, 0), names):
        if name:
            apart = [np.abs(plane[:, rows] - image).mean() for rows, image in images]
            assert series.slices[int(np.argmin(apart))].name == name


def _as_shown(file, position, affine, shape):
    """(the volume's rows that hold the image, the image as it would lie there)."""
    first = np.linalg.solve(affine, [-position[0], -position[1], position[2], 1])[1]
    rows = np.clip(np.round(first - np.arange(file.Rows)).astype(int), 0, shape[1] - 1)
    return rows, np.maximum(file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept), -1000).T
