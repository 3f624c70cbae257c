import dataclasses

import numpy as np
import pytest

from mil_tf.data import MemorySource
from mil_tf.options import OptionError, resolve
from mil_tf.recipes.parida2021 import OPTIONS
from mil_tf.training.segmentation_truth import check_options, truth
from tests.bleeds import bleed
from tfrecords import DatasetError


class Given(MemorySource):
    """A source whose masks are whatever they are."""

    def __init__(self, bag, mask):
        super().__init__([bag])
        self._given = mask

    def mask(self, position):
        return self._given


def test_a_mask_is_the_truth_and_without_one_a_healthy_slice_has_no_blood():
    ill, healthy = bleed(0, 1), bleed(0, 0, masks=False)
    np.testing.assert_array_equal(truth(MemorySource([ill]), 0, 2), ill.mask[0])
    found = truth(MemorySource([healthy]), 0, 2)
    assert found.dtype == np.uint8 and found.shape == (32, 32) and not found.any()


@pytest.mark.parametrize(("mask", "expected"), [
    (np.zeros((1, 32, 16), np.uint8), r"bag p00/1: Expected a mask of \(1, 32, 32\), as its slice. Received: \(1, 32, 16\)"),
    (np.full((1, 32, 32), 3, np.uint8), "bag p00/1: Expected a mask of class ids up to 2. Received: 3"),
    (None, "bag p00/1: Expected a slice with a mask. Received: none"),
])
def test_a_mask_that_cannot_be_is_told_in_a_line(mask, expected):
    with pytest.raises(DatasetError, match=expected) as caught:
        truth(Given(bleed(0, 1), mask), 0, 2)
    assert "\n" not in str(caught.value)


def test_a_slice_of_unknown_label_needs_a_mask():
    unknown = dataclasses.replace(bleed(0, 0, masks=False), label=[-1, -1])
    with pytest.raises(DatasetError, match="Expected a slice with a mask"):
        truth(MemorySource([unknown]), 0, 2)


def test_options_are_among_what_they_can_be():
    check_options(resolve(OPTIONS))
    with pytest.raises(OptionError, match="--set refine: Expected one of .*'grow', 'shrink', 'none'.* Received: 'both'"):
        check_options({**resolve(OPTIONS), "refine": "both"})
