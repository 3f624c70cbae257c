import numpy as np
import pytest

from preprocessing import canvas


@pytest.mark.parametrize(
    ("length", "size", "before", "after"),
    [
        (500, 512, 6, 6),
        (501, 512, 5, 6),
        (511, 512, 0, 1),
        (512, 512, 0, 0),
        (513, 512, 0, -1),
        (515, 512, -1, -2),
        (520, 512, -4, -4),
    ],
)
def test_the_larger_half_is_at_the_end(length, size, before, after):
    assert canvas.offset(length, size) == before
    assert size - length - before == after


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("shape", [(1, 1), (4, 5), (5, 4), (7, 3)])
def test_every_size_keeps_pixels_where_the_matrix_says(shape, size):
    slices = 1 + np.arange(2 * np.prod(shape)).reshape(2, *shape)
    placed = canvas.place(slices, [1, 0], size, -9, np.int64)
    assert placed.shape == (2, size, size)
    matrix = canvas.canvas_to_display(*shape, size)
    for row in range(size):
        for column in range(size):
            x, y, _, _ = (matrix @ [column, row, 0, 1]).astype(int)
            inside = 0 <= y < shape[0] and 0 <= x < shape[1]
            assert placed[1, row, column] == (slices[0, y, x] if inside else -9)
    kept = min(shape[0], size) * min(shape[1], size)
    assert np.count_nonzero(placed[0] != -9) == kept


def test_null_is_zero_for_brain_extracted_volumes_alone():
    slices = np.zeros((3, 6, 6))
    slices[:, 2:4, 2:4] = 30
    assert canvas.null_value(slices) == 0
    slices[1, 0, 3] = -1000
    assert canvas.null_value(slices) == canvas.AIR_HU == -1024


def test_what_of_a_brain_does_not_fit_is_told():
    inside = np.zeros((2, 12, 12), bool)
    inside[:, 3:9, 2:10] = True
    assert canvas.cut(inside, 12) == canvas.cut(inside, 16) == canvas.cut(inside, 8) == {}
    assert canvas.cut(inside, 6) == {"flags": "25.0 % of the brain lies beyond slices of 6 pixels"}
    inside[1, 0, 5] = True
    assert canvas.cut(inside, 12) == {"flags": "the brain reaches the border of slices of 12 pixels"}
    assert canvas.cut(inside, 16) == {}
