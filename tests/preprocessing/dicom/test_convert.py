import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

from preprocessing import orientation, sources
from preprocessing.dicom import convert
from preprocessing.dicom.studies import find
from preprocessing.errors import ScanError

from .conftest import ramp

REAL = Path(__file__).parents[3].parent / "shared/data/dicom_head_ge"


def volume(folder):
    """(slices (n, h, w), affine of the file, Axes) of the only series of a folder."""
    (series,) = [each for each in find(folder)[0] if not each.reason]
    data, affine = convert.read(series)
    axes = orientation.axes_of(affine)
    return orientation.reorient(data, axes), affine, axes


@pytest.fixture
def upright():
    def made(slices, affine, axes):
        return slices if affine[2, axes.slice] > 0 else slices[::-1]

    return made


def test_values_places_and_directions_survive(write_series, upright):
    slices, affine, axes = volume(write_series("a"))
    np.testing.assert_array_equal(upright(slices, affine, axes), ramp(6))
    corner = affine @ orientation.display_to_file(axes, (16, 16, 6)) @ [0, 0, 0 if affine[2, axes.slice] > 0 else 5, 1]
    np.testing.assert_allclose(corner[:3], [15, 17, 40], atol=1e-3)  # LPS (-15, -17, 40) in RAS


def test_order_and_names_of_files_do_not_matter(write_series, tmp_path):
    folder = write_series("a")
    (tmp_path / "b/deep").mkdir(parents=True)
    for index, path in enumerate(sorted(folder.iterdir(), key=lambda p: hash(p.name))):
        shutil.copy(path, tmp_path / "b" / ("deep" if index % 2 else "") / f"x{index}")
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for path in folder.iterdir():
            made.write(path, f"DICOM/{path.stem}")
    one = volume(folder)
    for other in (volume(tmp_path / "b"), volume(tmp_path / "c.zip")):
        np.testing.assert_array_equal(other[0], one[0])
        np.testing.assert_array_equal(other[1], one[1])


def test_rescaling_is_applied(write_series, upright):
    slices, affine, axes = volume(write_series("a", RescaleSlope=2, RescaleIntercept=-2000))
    np.testing.assert_allclose(upright(slices, affine, axes), 2 * (ramp(6) + 1024) - 2000)


def test_uneven_slices_are_made_even(write_series, upright):
    steps = [2.0, 2.0, 2.0, 6.0, 6.0, 6.0, 6.0]
    places = np.concatenate([[0], np.cumsum(steps)])
    pixels = np.broadcast_to(places[:, None, None], (8, 16, 16)).round()
    slices, affine, axes = volume(write_series("a", count=8, step=steps, pixels=pixels))
    at = affine[2, 3] - 40 + affine[2, axes.slice] * np.arange(len(slices))
    np.testing.assert_allclose(slices[:, 8, 8], np.clip(at, 0, places[-1]), atol=0.6)
    assert at.min() == pytest.approx(0, abs=0.1) and at.max() == pytest.approx(places[-1], abs=6)


def test_files_that_contradict_each_other_are_refused(write_series, monkeypatch):
    (series,) = find(write_series("a"))[0]
    with pytest.raises(ScanError, match="headers tell of 40 slices, dcm2niix makes a volume of 6"):
        convert.read(series._replace(positions=tuple(range(40))))


def test_a_missing_program_and_a_slow_one_are_told(write_series, monkeypatch):
    (series,) = find(write_series("a"))[0]
    with monkeypatch.context() as patched, pytest.raises(ScanError, match="took longer than 600 s"):
        patched.setattr(subprocess, "run", lambda *a, **k: (_ for _ in ()).throw(subprocess.TimeoutExpired("x", 1)))
        convert.read(series)
    monkeypatch.setattr(convert.sys, "executable", "/nowhere/python")
    monkeypatch.setattr(convert.shutil, "which", lambda name: None)
    with pytest.raises(ScanError, match="DICOM needs dcm2niix: pip install dcm2niix"):
        convert.read(series)


def test_a_series_is_a_source_as_a_file_is(write_series, tmp_path):
    write_series("cohort/a")
    found, rejected = sources.find(tmp_path / "cohort")
    assert list(found) == ["a"] and not rejected
    data, affine = sources.read(found["a"][0])
    assert data.shape == (16, 16, 6) and sources.slices(found["a"][0]) == 6


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real series is not there: {REAL}")
def test_the_real_tilted_series_becomes_right_angled_and_even():
    slices, affine, axes = volume(REAL)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / lengths
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-3)
    np.testing.assert_allclose(lengths[[axes.column, axes.row]], 0.488, atol=1e-3)
    assert slices.max() <= 2121 and slices.min() >= -1500
    # 27 steps of 4 and 7 mm (1.08 between the stacks) along the normal of the tilted slices, 144.1 mm
    assert (len(slices) - 1) * lengths[axes.slice] == pytest.approx(144.1, abs=lengths[axes.slice])
