import numpy as np
import pytest

from mil_tf.training.recursion import joins


def mask(first, second):
    """A mask with so many pixels of class 1 and of class 2."""
    found = np.zeros(100, np.uint8)
    found[:first], found[first : first + second] = 1, 2
    return found.reshape(10, 10)


@pytest.mark.parametrize(("found", "label", "expected"), [
    (mask(5, 0), (1,), True),  # blood of its type
    (mask(5, 5), (1,), True),  # as much of it as of another
    (mask(4, 6), (1,), False),
    (mask(4, 6), (1, 2), True),
    (mask(0, 0), (1,), False),  # nothing newly segmented
    (mask(0, 0), (), True),  # healthy, and nothing found
    (mask(1, 0), (), False),
])
def test_an_image_joins_where_what_is_found_agrees_with_its_label(found, label, expected):
    assert joins(found, label) is expected
