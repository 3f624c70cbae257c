"""The losses of parida2021 (section 3): cross-entropy over pixels, and soft Dice where true masks are known.

Each gives one value an image, so that images of any set stand in one batch.
"""

import tensorflow as tf

# Our decisions; the paper says only that the Dice loss is a regularisation.
SMOOTH = 1.0  # pixels added above and below: a class of few pixels has a bounded slope, 0 / 0 is no question
DICE_WEIGHT = 1.0


def segmentation_loss(target, logits, pixel_set, dice_weight=DICE_WEIGHT):
    """Cross-entropy of every image, and Dice on top for those of the pixel set.

    Args:
        target: int (n, h, w), class ids, 0 the background; of the pixel set the truth, else a prediction.
        logits: (n, h, w, K + 1).
        pixel_set: bool (n,), whose masks a person drew.
        dice_weight: of the Dice loss.

    Returns:
        float32 (n,).
    """
    regularised = dice_weight * tf.cast(pixel_set, tf.float32) * soft_dice_loss(target, logits)
    return pixel_cross_entropy(target, logits) + regularised


def pixel_cross_entropy(target, logits):
    """Equation 1: the mean over an image's pixels of -log of the probability of their class.

    Args:
        target: int (n, h, w).
        logits: (n, h, w, K + 1).

    Returns:
        float32 (n,).
    """
    found = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(target, tf.int32), tf.cast(logits, tf.float32))
    return tf.reduce_mean(found, axis=(1, 2))


def soft_dice_loss(target, logits, smooth=SMOOTH):
    """1 - the soft Dice coefficient, (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth), mean over an image's classes.

    Only classes that the image has count, background aside: of one that it does not have the coefficient would be
    smooth / (sum(p) + smooth), which says nothing but that pixels are there, and cross-entropy tells those already. An
    image without any class has a loss of 0.

    Args:
        target: int (n, h, w).
        logits: (n, h, w, K + 1).
        smooth: pixels.

    Returns:
        float32 (n,), from 0 to below 1.
    """
    probability = tf.nn.softmax(tf.cast(logits, tf.float32))[..., 1:]
    truth = tf.one_hot(tf.cast(target, tf.int32), tf.shape(logits)[-1])[..., 1:]
    both, called, true = (tf.reduce_sum(each, axis=(1, 2)) for each in (probability * truth, probability, truth))
    lost = 1.0 - (2.0 * both + smooth) / (called + true + smooth)
    there = tf.cast(true > 0, tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(lost * there, axis=1), tf.reduce_sum(there, axis=1))
