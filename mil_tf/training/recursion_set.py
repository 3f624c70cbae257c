"""What a recursion learns from (parida2021, section 3): the pixel set and the selected part of the image-level set."""

import numpy as np

from mil_tf.training.segmentation_learning import Batch, slices
from mil_tf.training.segmentation_truth import truth


def label_of(source, position):
    """The class ids that an image has by its label, () for a healthy one."""
    return tuple((np.flatnonzero(source.labels[position] == 1) + 1).tolist())


def pixel_of(source, position):
    """mm between rows and between columns of a slice; 1 where it is not known."""
    spacing = source.fields(position).spacing
    return (1.0, 1.0) if spacing is None else (float(spacing[1]), float(spacing[0]))


class Both:
    """The pixel set's slices, then those images that have a target; all once an epoch (our decision).

    Args:
        pixels: source of the pixel set.
        images: source of the image-level set.
        targets: `mil_tf.training.recursion_targets.Targets`.
        classes: how many there are.
    """

    def __init__(self, pixels, images, targets, classes):
        self._pixels, self._images, self._targets, self._classes = pixels, images, targets, classes
        self._members = [place for place, id in enumerate(images.ids) if id in targets]

    def __len__(self):
        return len(self._pixels) + len(self._members)

    def batch(self, window):
        """The Batch of slices: the pixel set's have their true masks, and Dice counts there; images their targets."""
        window, first = np.asarray(window), len(self._pixels)
        pixels, members = window[window < first], [self._members[place - first] for place in window[window >= first]]
        masks = [truth(self._pixels, int(place), self._classes) for place in pixels]
        masks += [self._targets[self._images.ids[place]] for place in members]
        parts = [slices(*each) for each in ((self._pixels, pixels), (self._images, members)) if len(each[1])]
        return Batch(np.concatenate(parts), np.stack(masks), np.arange(len(window)) < len(pixels))
