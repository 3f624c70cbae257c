"""Scoring only the part of a slice that holds the head: cheaper, and not exact.

A network with global average pooling sees the background too, so cutting it away would shift every score. What the
background would have added is put back from the feature map of an empty slice, which is made once a window:

    pooled = (sum of the crop's features + sum of the empty slice's features outside the crop) / all places

What remains is the error of the crop's edge, where the network sees its own padding instead of background. The crop has
a margin and lies on the network's grid, so that its places are those of the whole slice.
"""

import keras
import numpy as np
import tensorflow as tf

AIR = -300.0  # HU; between air and anything of a head, our decision
MARGIN = 16  # pixels around the head, our decision
AREAS = ("full", "head")


def head_box(images, grid, margin=MARGIN):
    """The smallest box on a grid that holds what is no background in any of the slices.

    Background is air, or the value of the corner: null padding is one constant.

    Args:
        images: (n, h, w, c) in HU; h and w multiples of `grid`.
        grid: pixels between two places of the network's last feature map.
        margin: pixels left around the head.

    Returns:
        (top, bottom, left, right) in pixels, multiples of `grid`; the whole slice where all is background.
    """
    height, width = images.shape[1:3]
    corner = images[:, :1, :1]
    there = ((images > AIR) & (images != corner)).any(axis=(0, 3))
    if not there.any():
        return 0, height, 0, width
    return (*_extent(there.any(axis=1), grid, margin), *_extent(there.any(axis=0), grid, margin))


def _extent(there, grid, margin):
    inside = np.flatnonzero(there)
    low = max(0, int(inside[0]) - margin) // grid * grid
    high = min(len(there), -(-(int(inside[-1]) + 1 + margin) // grid) * grid)
    return low, high


class Cropped:
    """A forward pass over the part of each chunk that holds heads.

    Args:
        network: Keras model with a layer "pool", global average pooling.
        of_features: pooled features (n, f) -> what is wanted of them.
        jit: compile with XLA.

    Raises:
        ValueError: where the network pools in another way.
    """

    def __init__(self, network, of_features, jit=False):
        pool = network.get_layer("pool")
        if not isinstance(pool, keras.layers.GlobalAveragePooling2D):
            raise ValueError("Expected `pool` to be average where `score_area` is head. Received: another pooling")
        self._maps = keras.Model(network.input, pool.input)
        self._of_features, self._jit, self._graphs, self._empty = of_features, jit, {}, None

    def forget(self):
        """Makes the empty slice's feature map anew at the next call, because the weights have changed."""
        self._empty = None

    def __call__(self, images):
        """Returns what is wanted of a chunk's slices, as numpy."""
        if self._empty is None:
            null = np.full((1, *images.shape[1:]), np.median(images[:, 0, 0]), np.float32)
            self._empty = tf.cast(self._maps(null, training=False)[0], tf.float32)
        grid = grid_of(images.shape[1:3], self._empty.shape[:2])
        top, bottom, left, right = head_box(images, grid)
        box = np.array([top, bottom, left, right], np.int32) // grid
        return self._graph(images)(images[:, top:bottom, left:right], self._empty, box).numpy()

    def _graph(self, images):
        key = images.dtype, images.shape[-1]
        if key not in self._graphs:
            spec = [
                tf.TensorSpec([None, None, None, images.shape[-1]], images.dtype),
                tf.TensorSpec(self._empty.shape), tf.TensorSpec([4], tf.int32),
            ]
            self._graphs[key] = tf.function(self._call, input_signature=spec, jit_compile=self._jit or None)
        return self._graphs[key]

    def _call(self, images, empty, box):
        return self._of_features(refilled(self._maps(tf.cast(images, tf.float32), training=False), empty, box))


def grid_of(size, places):
    """Pixels between two places of a feature map.

    Raises:
        ValueError: where the slice is no multiple of it.
    """
    grid = size[0] // places[0]
    if (places[0] * grid, places[1] * grid) != tuple(size):
        raise ValueError(
            f"Expected slices whose sides are multiples of {grid} pixels where `score_area` is head. "
            f"Received: {tuple(size)}; preprocess with another --size, or leave score_area at full."
        )
    return grid


def refilled(features, empty, box):
    """Average pooling of a crop's features, the places outside filled with those of an empty slice.

    Args:
        features: feature maps of the crop (n, a, b, f).
        empty: feature map of a whole empty slice (p, q, f), float32.
        box: int32 (4,), (top, bottom, left, right) of the crop in places.

    Returns:
        float32 (n, f).
    """
    outside = tf.reduce_sum(empty, (0, 1)) - tf.reduce_sum(empty[box[0] : box[1], box[2] : box[3]], (0, 1))
    places = tf.cast(tf.shape(empty)[0] * tf.shape(empty)[1], tf.float32)
    return (tf.reduce_sum(tf.cast(features, tf.float32), (1, 2)) + outside) / places
