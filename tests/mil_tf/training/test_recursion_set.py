import numpy as np

from mil_tf.data import MemorySource
from mil_tf.training.recursion_set import Both, label_of, pixel_of
from mil_tf.training.recursion_targets import Targets, TargetWriter
from tests.bleeds import bleed


def test_pixels_have_their_truth_and_images_their_targets(tmp_path):
    pixels = MemorySource([bleed(0, index) for index in range(3)])
    images = MemorySource([bleed(1, index, "q", masks=False) for index in range(4)])
    writer = TargetWriter(tmp_path)
    for place in (3, 1):
        writer.add(images.ids[place], np.full((32, 32), place))
    writer.close()
    both = Both(pixels, images, Targets(tmp_path, (32, 32)), 2)
    assert len(both) == 5
    found = both.batch([4, 2, 0, 3])  # the pixel set's come first, then the images in the order of their set
    assert found.regularised.tolist() == [True, True, False, False]
    wanted = [bleed(0, 2).mask[0], bleed(0, 0).mask[0], np.full((32, 32), 3), np.full((32, 32), 1)]
    np.testing.assert_array_equal(found.targets, wanted)
    np.testing.assert_array_equal(found.images[2], bleed(1, 3).instances[0])
    assert both.batch([3]).images.shape == (1, 32, 32, 1) and both.batch([0]).targets.dtype == np.uint8


def test_labels_and_pixels_of_a_slice():
    source = MemorySource([bleed(0, 0), bleed(0, 1)])
    assert label_of(source, 0) == () and label_of(source, 1) == (2,)
    assert pixel_of(source, 0) == (2.0, 1.0)
