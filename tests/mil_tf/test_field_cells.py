import numpy as np

from mil_tf.field_cells import around, centres, corners
from tfrecords import Bag


def field(height, width):
    return np.arange(height * width, dtype=np.float32).reshape(height, width, 1)


def test_a_window_lies_around_its_centre():
    image = field(40, 50)
    (found,) = around(image, [(20, 30)], 9)
    np.testing.assert_array_equal(found, image[16:25, 26:35])
    assert found[4, 4, 0] == image[20, 30, 0]


def test_a_window_at_the_border_is_moved_inside():
    image = field(40, 50)
    points = [(0, 0), (39, 49), (2, 25), (20.4, 48.9)]
    np.testing.assert_array_equal(corners(image.shape, points, 10), [(0, 0), (30, 40), (0, 20), (16, 40)])
    for (top, left), window in zip(corners(image.shape, points, 10), around(image, points, 10)):
        np.testing.assert_array_equal(window, image[top : top + 10, left : left + 10])


def test_a_small_field_gives_windows_of_its_own_size():
    assert around(field(8, 30), [(4, 4), (1, 29)], 10).shape == (2, 8, 10, 1)


def test_without_cells_there_is_no_window():
    bag = Bag("a", "p", [1], np.zeros((1, 8, 8, 1), np.float16), [0])
    points, kinds = centres(bag)
    assert around(field(8, 8), points, 4).shape == (0, 4, 4, 1) and kinds.shape == (0,)


def test_centres_are_those_of_the_bag():
    bag = Bag("a", "p", [1], np.zeros((1, 8, 8, 1), np.float16), [0], points=[(0, 1.5, 2, 3), (0, 4, 5, -1)])
    points, kinds = centres(bag)
    np.testing.assert_array_equal(points, [(1.5, 2), (4, 5)])
    assert kinds.tolist() == [3, -1]
