import numpy as np
import pytest
import SimpleITK as sitk

from preprocessing.alignment.views import BRAIN, HEAD, STEP, view
from preprocessing.errors import ScanError


def test_the_grid_is_in_world_mm_from_the_centre_of_the_head(phantom):
    _, slices, to_mm = phantom(1)
    seen = view(slices, to_mm)
    finest = seen.images[-1]
    assert finest.GetSpacing() == (STEP,) * 3 and seen.images[0].GetSpacing() == (2 * STEP,) * 3
    values = sitk.GetArrayFromImage(finest)
    assert values.min() >= HEAD[0] - 1 and values.max() <= HEAD[1] + 1 and not seen.stripped
    body = values > HEAD[0] + 50
    places = np.argwhere(body)[:, ::-1] * STEP + finest.GetOrigin()
    assert np.abs(places.mean(0)).max() < STEP


def test_the_table_is_no_part_of_the_head(phantom):
    _, slices, to_mm = phantom(1)
    lying = slices.copy()
    lying[:, -6:-4] = 200.0
    bare, table = view(slices, to_mm), view(lying, to_mm)
    assert np.linalg.norm(bare.centre - table.centre) < 1


def test_a_brain_is_known_by_its_lack_of_bone(phantom):
    made, slices, to_mm = phantom(1)
    from preprocessing import orientation

    inside = np.array(orientation.reorient(made.brain, orientation.axes_of(made.affine))) > 0
    alone, within = view(np.where(inside, np.minimum(slices, 90), 0), to_mm), view(slices, to_mm, inside)
    for seen in (alone, within):
        assert seen.stripped and seen.low == BRAIN[0]
    assert np.linalg.norm(alone.centre - within.centre) < 3


def test_a_moved_header_moves_the_centre(phantom, motion):
    _, slices, to_mm = phantom(1)
    still = view(slices, to_mm)
    known = motion((10, 20, -5), (5, 6, 7), still.centre)
    np.testing.assert_allclose(view(slices, known @ to_mm).centre, still.centre + [5, 6, 7], atol=1e-3)


def test_air_of_one_value_is_no_padding_and_padding_is_no_air(phantom):
    _, slices, to_mm = phantom(1)
    alike, cut = np.where(slices < -900, -1024, slices), slices.copy()
    cut[:2] = -1024
    whole, clipped, short = (sitk.GetArrayFromImage(view(each, to_mm).seen[-1]).mean() for each in (slices, alike, cut))
    assert clipped == pytest.approx(whole, abs=0.02)
    assert short < whole - 0.01


def test_air_alone_is_no_head():
    with pytest.raises(ScanError, match="is it a head CT in HU"):
        view(np.full((6, 40, 40), -1000, np.float32), np.eye(4))
