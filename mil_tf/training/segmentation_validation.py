"""What is measured on the validation slices after every epoch: equation 1, and Dice of blood of any type."""

import numpy as np

from mil_tf.training.segmentation_truth import truth

METRICS = ("validation_loss", "validation_dice")
SHOWN = {"validation_dice": "Dice"}


def validate(source, segmenter, classes):
    """Returns {metric: float} of METRICS over all slices of a source.

    Dice is that of all slices' pixels together; NaN where there is no blood, true or found.

    Args:
        source: a source of `mil_tf.data`.
        segmenter: `mil_tf.training.segmenter.Segmenter`.
        classes: how many there are.
    """
    losses, both, called, true = [], 0, 0, 0
    for one in segmenter(source, range(len(source)), lambda position: truth(source, position, classes)):
        losses.append(one.loss)
        both += np.count_nonzero((one.mask > 0) & (one.truth > 0))
        called, true = called + np.count_nonzero(one.mask), true + np.count_nonzero(one.truth)
    dice = 2 * both / (called + true) if called + true else float("nan")
    return dict(zip(METRICS, (float(np.mean(losses)), float(dice))))
