import numpy as np
import pytest

from mil_tf.localization.scoring import count
from mil_tf.localization.truth import EVERY, Parts, boxes_of
from tfrecords import Bag


def slice_of(label, boxes=None, mask=None, n=1):
    drawn = {} if boxes is None else {"boxes": np.reshape(boxes, (-1, 5)), "box_class": np.zeros(len(boxes)),
                                      "box_drawn": np.ones(len(boxes))}
    masked = {} if mask is None else {"mask": np.asarray(mask, np.uint8)[None]}
    return Bag("scan/3", "p", [label], np.zeros((n, 12, 16, 1), np.float16), np.arange(n), **drawn, **masked)


def mask_of(*pixels):
    mask = np.zeros((12, 16), np.uint8)
    mask[tuple(np.transpose(pixels))] = 1
    return mask


def test_a_slices_own_boxes_come_before_its_mask():
    found = boxes_of(slice_of(1, [[0, 1, 2, 5, 7], [0, 0, 0, 3, 3]], mask_of((9, 9))))
    assert found.tolist() == [[1, 2, 5, 7], [0, 0, 3, 3]] and found.dtype == np.float64


def test_a_part_of_a_mask_gives_a_box_to_its_pixels_borders():
    assert boxes_of(slice_of(1, mask=mask_of((2, 3), (2, 4), (3, 4))), EVERY).tolist() == [[1.5, 2.5, 3.5, 4.5]]


def test_pixels_that_touch_by_a_corner_are_one_part():
    assert boxes_of(slice_of(1, mask=mask_of((2, 3), (3, 4), (6, 6))), EVERY).tolist() == [
        [1.5, 2.5, 3.5, 4.5], [5.5, 5.5, 6.5, 6.5],
    ]


def test_all_classes_of_a_mask_are_bleeding():
    mask = mask_of((2, 3)) + 4 * mask_of((2, 4))
    assert len(boxes_of(slice_of(1, mask=mask), EVERY)) == 1


@pytest.mark.parametrize("seed", range(5))
def test_every_pixel_of_a_mask_lies_in_a_box_and_every_box_is_hit(seed):
    mask = np.random.default_rng(seed).random((12, 16)) < 0.15
    boxes = boxes_of(slice_of(1, mask=mask), EVERY)
    assert count(np.argwhere(mask), boxes) == (len(boxes), 0, 0)


def test_parts_that_nearly_touch_are_one_and_specks_are_none():
    mask = mask_of((2, 2), (2, 4), (2, 9))
    found = boxes_of(slice_of(1, mask=mask), Parts(joined=2, least=0.015))  # pixels of 1 mm: 0.01 cm2 each
    assert found.tolist() == [[1.5, 1.5, 2.5, 4.5]]
    assert len(boxes_of(slice_of(1, mask=mask), Parts(joined=1.9))) == 3


def test_millimetres_count_and_not_pixels():
    one = slice_of(1, mask=mask_of((2, 2), (4, 2), (2, 6)))
    one.spacing = np.float32([1, 4, 5])  # narrow columns, high rows
    assert len(boxes_of(one, Parts(joined=4))) == 2


def test_a_bleeding_slice_has_a_box_however_small_its_parts_are():
    found = boxes_of(slice_of(1, mask=mask_of((2, 2), (8, 14), (8, 15))))
    assert found.tolist() == [[7.5, 13.5, 8.5, 15.5]]


def test_a_mask_to_the_edge_has_a_box_to_the_edge():
    assert boxes_of(slice_of(1, mask=np.ones((12, 16)))).tolist() == [[-0.5, -0.5, 11.5, 15.5]]


@pytest.mark.parametrize("drawn", [{}, {"boxes": []}, {"mask": np.zeros((12, 16))}])
def test_a_slice_on_which_nothing_is_drawn_is_known_to_have_no_box_only_where_it_is_negative(drawn):
    assert boxes_of(slice_of(0, **drawn)).shape == (0, 4)
    assert boxes_of(slice_of(1, **drawn)) is None and boxes_of(slice_of(-1, **drawn)) is None


def test_a_scan_is_refused():
    with pytest.raises(ValueError, match="Expected a bag of one slice. Received: 3 of bag scan/3"):
        boxes_of(slice_of(1, n=3))
