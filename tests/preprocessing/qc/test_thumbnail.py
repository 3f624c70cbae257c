import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from preprocessing.ct import CtSettings, prepare
from preprocessing.qc import BRAIN, CELL, GAP, HEIGHT, LESION, SHOWN, WIDTH
from preprocessing.qc.thumbnail import MARGIN, thumbnail
from preprocessing.volume import axcodes_affine

SHAPE = (32, 32, 8)


def cells(prepared):
    """[before, after], each the three cells (CELL, CELL, 3) of a strip as numbers."""
    strip = np.asarray(Image.open(io.BytesIO(thumbnail(prepared))), np.int64)
    assert strip.shape == (HEIGHT, WIDTH, 3)
    return [
        [strip[:, first + place * CELL :][:, :CELL] for place in range(SHOWN)] for first in (0, SHOWN * CELL + GAP)
    ]


def near(cell, colour):
    """Where a cell has a colour, as far as a JPEG keeps it."""
    return np.abs(cell - colour).max(axis=-1) < 60


def centre(cell):
    """(row, column) of the white marker."""
    found = np.argwhere(near(cell, (255, 255, 255)))
    assert len(found)
    return found.mean(axis=0)


@pytest.fixture
def marked(save):
    """marked(codes, spacing, size, **more) -> Prepared of a dim scan with a white block in another place of each slice.

    `without` names slices that are of one value.
    """

    def make(codes="LPS", spacing=(1, 1, 5), size=32, without=(), **more):
        data = np.full(SHAPE, 10, np.int16)
        for index in range(SHAPE[2]):
            data[6 + 2 * index :, 20 - 2 * index :, index][:4, :4] = 200
        data[..., list(without)] = 10
        axes = [codes.index(next(letter for letter in codes if letter in pair)) for pair in ("LR", "PA", "IS")]
        file = np.moveaxis(data, (0, 1, 2), axes)
        flips = [axis for axis in range(3) if codes[axis] not in "LPS"]
        path = save("a.nii.gz", np.flip(file, flips), axcodes_affine(codes, np.array(spacing)[np.argsort(axes)], file.shape))
        return prepare(path, CtSettings(size=size), id="a", **more)

    return make


@pytest.mark.parametrize("size", [32, 48, 28])
@pytest.mark.parametrize("spacing", [(1, 1, 5), (0.5, 1, 5), (1.5, 0.6, 2)])
@pytest.mark.parametrize("codes", ["LPS", "RAI", "SLP"])
def test_a_place_of_the_head_is_at_the_same_pixel_before_and_after(marked, codes, spacing, size):
    before, after = cells(marked(codes, spacing, size))
    for one, other in zip(before, after):
        np.testing.assert_allclose(centre(one), centre(other), atol=1)
    assert np.ptp([centre(cell) for cell in before], axis=0).min() > 4


def test_pixels_that_are_not_square_are_shown_as_they_lie_in_the_head(save):
    data = np.full((32, 64, 4), 10, np.int16)
    data[12:20, 24:40] = 200  # 8 mm by 8 mm
    path = save("a.nii.gz", data, axcodes_affine("LPS", (1, 0.5, 5), data.shape))
    for cell in sum(cells(prepare(path, CtSettings(size=64), id="a")), []):
        sides = np.ptp(np.argwhere(near(cell, (255, 255, 255))), axis=0) + 1
        np.testing.assert_allclose(sides, CELL * 8 / (32 * (1 + MARGIN)), atol=3)


def test_slices_stand_from_the_feet_to_the_head_however_the_file_has_them(marked):
    up, down = marked("LPS"), marked("LPI")
    assert up.bag.affine[2, 2] > 0 > down.bag.affine[2, 2]
    for prepared in (up, down):
        height = [centre(cell)[1] for cell in cells(prepared)[0]]  # a marker stands further right the higher it is
        assert height == sorted(height)


def test_the_outline_of_the_brain_is_drawn_where_its_mask_is_and_before_alone(marked):
    inside = np.zeros((SHAPE[2], SHAPE[1], SHAPE[0]), bool)
    inside[:, 8:24, 4:28] = True
    before, after = cells(marked()._replace(inside=inside))
    for cell in before:
        rows, columns = np.nonzero(near(cell, BRAIN))
        scale = CELL / (32 * (1 + MARGIN))
        for found, (first, last) in ((rows, (8, 24)), (columns, (4, 28))):
            expected = CELL / 2 + scale * (np.array([first, last]) - 16)
            np.testing.assert_allclose([found.min(), found.max() + 1], expected, atol=2)
        assert not near(cell, BRAIN)[CELL // 2 - 15 : CELL // 2 + 15, CELL // 2 - 15 : CELL // 2 + 15].any()
    assert not any(near(cell, BRAIN).any() for cell in after)


def test_the_outline_of_a_lesion_is_drawn_after_even_of_one_much_smaller_than_a_pixel(save):
    shape, drawn = (400, 400, 4), np.zeros((400, 400, 4), np.uint8)
    drawn[206, 206] = 3
    affine = axcodes_affine("LPS", (0.5, 0.5, 5), shape)
    mask, path = save("mask.nii.gz", drawn, affine), save("a.nii.gz", np.full(shape, 30, np.int16), affine)
    settings = CtSettings(size=400, keep_empty=True)
    before, after = cells(prepare(path, settings, id="a", mask=mask, label=1))
    assert not any(near(cell, colour).any() for cell in before for colour in (BRAIN, LESION))
    for cell in after:
        assert np.abs(np.argwhere(near(cell, LESION)).mean(axis=0) - CELL / 2 - 2).max() < 2


def test_without_a_brain_mask_or_lesions_nothing_is_drawn(marked):
    for cell in sum(cells(marked()), []):
        assert not near(cell, BRAIN).any() and not near(cell, LESION).any()


def test_a_dropped_slice_is_shown_by_its_nearest_neighbour(marked):
    whole, lacking = cells(marked()), cells(marked(without=[2]))
    assert not near(lacking[0][0], (255, 255, 255)).any()
    distance = np.abs(centre(lacking[1][0]) - centre(whole[1][0]))
    assert 0.5 < distance.max() < 2.5 * CELL / 32  # the marker moves by two pixels a slice


def test_the_bag_may_lie_on_another_grid_in_another_frame(marked):
    """As one that was aligned: finer, upside down and elsewhere."""
    prepared = marked()
    bag = prepared.bag
    finer = np.diag([0.5, 0.5, -1, 1])
    finer[:3, 3] = -0.25, -0.25, SHAPE[2] - 1
    moved, back = np.eye(4), np.eye(4)
    moved[:3, 3], back[:3, 3] = (100, -50, 30), (-100, 50, -30)
    other = dataclasses.replace(
        bag,
        instances=bag.instances.repeat(2, axis=1).repeat(2, axis=2),
        source_index=SHAPE[2] - 1 - bag.source_index,
        affine=moved @ bag.affine @ finer,
        transform=back,
    )
    before, after = cells(prepared._replace(bag=other))
    for one, other in zip(before, after):
        np.testing.assert_allclose(centre(one), centre(other), atol=1)


def test_the_same_bytes_at_every_run(marked):
    assert thumbnail(marked()) == thumbnail(marked())


@pytest.mark.parametrize("shape", [(1, 1, 1), (9, 400, 2), (5, 7, 3)])
@pytest.mark.parametrize("value", [-1000, 0, 30])
def test_whatever_is_a_scan_has_a_picture(save, shape, value):
    path = save("a.nii.gz", np.full(shape, value, np.int16))
    cells(prepare(path, CtSettings(size=16, keep_empty=True), id="a"))
