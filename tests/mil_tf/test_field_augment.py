"""Crops, turns and reflections of fields: which pixels come, that they come exactly, and that the seed decides."""

import numpy as np
import pytest

from mil_tf.data import generator
from mil_tf.field_augment import Draw, FieldAugmentation, common, corner, cropped, interpolated, turned


def field(height=40, width=40, channels=2):
    """Pixels of which every one is another number that float16 holds."""
    return np.arange(height * width * channels, dtype=np.float32).reshape(height, width, channels)


def test_fields_of_different_sizes_come_in_the_size_that_they_share():
    images = [field(50, 40), field(36, 60), field(45, 45)]
    assert FieldAugmentation(0, "none", 0)(images, 0, [0, 1, 2]).shape == (3, 36, 40, 2)
    assert FieldAugmentation(30, "none", 0)(images, 0, [0, 1, 2]).shape == (3, 30, 30, 2)
    assert FieldAugmentation(38, "quarter", 0)(images, 0, [0, 1, 2]).shape == (3, 36, 38, 2)
    assert common([field(900, 1000), field(1024, 1280)], 900) == (900, 900)


def test_a_crop_is_a_window_of_the_field_and_all_of_them_come():
    image = field(12, 11)
    found = set()
    for epoch in range(200):
        (crop,) = FieldAugmentation(10, "none", 3)([image], epoch, [5])
        top, left = divmod(int(crop[0, 0, 0]) // 2, 11)
        np.testing.assert_array_equal(crop, image[top : top + 10, left : left + 10])
        found.add((top, left))
    assert found == {(top, left) for top in range(3) for left in range(2)}


def test_the_corner_is_inside_at_either_end():
    for part in (0.0, 0.5, np.nextafter(1.0, 0.0)):
        top, left = corner((20, 30, 1), Draw(top=part, left=part), (20, 10))
        assert top == 0 and 0 <= left <= 20
    assert corner((20, 30, 1), Draw(left=np.nextafter(1.0, 0.0)), (20, 10)) == (0, 20)


def test_quarter_turns_and_reflections_are_the_eight_symmetries_of_a_square():
    image = field(6, 6)
    augment = FieldAugmentation(0, "quarter", 0)
    found = {augment([image], epoch, [0]).tobytes() for epoch in range(200)}
    turns = [np.rot90(image, k) for k in range(4)]
    assert found == {np.ascontiguousarray(one).tobytes() for turn in turns for one in (turn, turn[:, ::-1])}


def test_what_is_not_square_makes_half_turns():
    image = field(4, 6)
    for turns in range(4):
        found = turned(image, Draw(turns=turns))
        np.testing.assert_array_equal(found, image if turns % 2 == 0 else image[::-1, ::-1])


def test_the_draw_depends_on_seed_epoch_and_bag_alone():
    images = [field(), field() + 1]
    augment = FieldAugmentation(20, "quarter", 1)
    both = augment(images, 4, [7, 9])
    np.testing.assert_array_equal(both[1], augment(images[1:], 4, [9])[0])
    others = [FieldAugmentation(20, "quarter", 2)(images, 4, [7, 9]), augment(images, 5, [7, 9]), augment(images, 4, [8, 9])]
    assert all((other[0] != both[0]).any() for other in others)


def test_pixels_keep_their_type_unless_they_are_interpolated():
    images = [field().astype(np.float16)]
    assert FieldAugmentation(8, "quarter", 0)(images, 0, [0]).dtype == np.float16
    assert FieldAugmentation(8, "any", 0)(images, 0, [0]).dtype == np.float32


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_any_angle_agrees_with_exact_turns_where_it_makes_one(turns, mirror):
    draw = Draw(0.3, 0.7, turns, turns * np.pi / 2, mirror)
    image, size = np.random.default_rng(0).uniform(0, 1, (40, 50, 2)).astype(np.float32), (20, 20)
    exact = turned(cropped(image, draw, size), draw)
    np.testing.assert_allclose(interpolated(image, draw, size), exact, atol=1e-4)


def test_at_its_border_a_turned_field_is_reflected_and_not_filled():
    image = np.full((30, 30, 1), 0.7, np.float32)
    for degrees in (10, 45, 80):
        found = interpolated(image, Draw(angle=np.deg2rad(degrees)), (30, 30))
        np.testing.assert_allclose(found, 0.7, rtol=1e-5)


def test_every_angle_comes_as_often():
    angles = [Draw.of(generator(0, 3, epoch, 1)).angle for epoch in range(400)]
    counts, _ = np.histogram(angles, bins=4, range=(0, 2 * np.pi))
    assert counts.sum() == 400 and counts.min() > 70


@pytest.mark.parametrize("given, told", [((-1, "none"), "`crop` of at least 0"), ((0, "some"), "`rotation` to be one of")])
def test_what_cannot_be_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        FieldAugmentation(*given, 0)
