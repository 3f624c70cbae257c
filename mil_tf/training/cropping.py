"""Scoring only the part of a slice that holds the head: cheaper, and not exact.

A network with global average pooling sees the background too, so cutting it away would shift every score. What the
background would have added is put back from the feature map of an empty slice, which is made once a window:

    pooled = (sum of the crop's features + sum of the empty slice's features outside the crop) / all places

What remains is the error of the crop's edge, where the network sees its own padding instead of background, and what
lies apart from the head, above all the table. The crop has a margin and lies on the network's grid, so that its places
are those of the whole slice. It depends on the slice alone, whichever slices it is scored with.
"""

import keras
import numpy as np
import tensorflow as tf
from skimage.morphology import opening

AIR = -300.0  # HU; between air and anything of a head, our decision
NULL = -1024.0  # HU; what stands for air in the empty slice, whose noise is not repeated
MARGIN = 32  # a part in so many of the slice's side is left around the head: 16 pixels of 512, our decision
LOOKED_AT = 128  # rows and columns that the head is looked for in; it has no finer parts that matter
THIN = 11  # of those; what is thinner is no head: tables, holders, tubes (22 mm of a 250 mm field, our decision)
STEPS = 8  # sizes of a crop a side, so that many slices of a chunk share one
AREAS = ("full", "head")


def head_box(image, grid, margin=None):
    """The smallest box on a grid that holds the head of a slice.

    Background is air, or the value of the corner: null padding is one constant. So is what is thin.

    Args:
        image: (h, w, c) in HU; h and w multiples of `grid`.
        grid: pixels between two places of the network's last feature map.
        margin: pixels left around the head; None is a part of the slice's side.

    Returns:
        (top, bottom, left, right) in pixels, multiples of `grid`; each side a multiple of an eighth of the slice where
        the grid allows; the whole slice where all is background.
    """
    height, width = image.shape[:2]
    margin = max(height, width) // MARGIN if margin is None else margin
    every = max(1, max(height, width) // LOOKED_AT)
    seen = image[::every, ::every]
    there = ((seen > AIR) & (seen != image[0, 0])).any(axis=2)
    side = max(1, round(THIN * max(there.shape) / LOOKED_AT))
    thick = opening(there, np.ones((side, side), bool))
    there = thick if thick.any() else there
    if not there.any():
        return 0, height, 0, width
    rows, columns = (_extent(there.any(axis=axis), every, grid, margin) for axis in (1, 0))
    return (*_rounded(*rows, height, grid), *_rounded(*columns, width, grid))


def _extent(there, every, grid, margin):
    inside = np.flatnonzero(there)
    length = len(there) * every
    low = max(0, int(inside[0]) * every - margin) // grid * grid
    high = min(length, -(-((int(inside[-1]) + 1) * every + margin) // grid) * grid)
    return low, high


def _rounded(low, high, length, grid):
    """The interval made as long as one of few sizes, within 0 and `length`."""
    step = max(grid, length // STEPS // grid * grid)
    size = min(length, -(-(high - low) // step) * step)
    low = min(low, length - size)
    return low, low + size


def background(image):
    """HU of a slice's background: of air where the corner is air, 0 where it is 0, as around a brain; else None."""
    corner = float(np.median(image[0, 0]))
    return NULL if corner <= AIR else 0.0 if corner == 0 else None


class Cropped:
    """A forward pass over the part of each slice that holds the head.

    Args:
        network: Keras model with a layer "pool", global average pooling.
        of_features: pooled features (n, f) -> what is wanted of them.

    Attributes:
        grid: pixels between two places of the network's last feature map.

    Raises:
        ValueError: where the network pools in another way.
    """

    def __init__(self, network, of_features):
        pool = network.get_layer("pool")
        if not isinstance(pool, keras.layers.GlobalAveragePooling2D):
            raise ValueError("Expected `pool` to be average where `score_area` is head. Received: another pooling")
        self._maps = keras.Model(network.input, pool.input)
        self.grid = _grid(self._maps)
        self._of_features, self._graphs, self._empty = of_features, {}, {}

    def forget(self):
        """Makes the empty slices' feature maps anew when they are next needed, because the weights have changed."""
        self._empty = {}

    def __call__(self, images):
        """Returns what is wanted of a chunk's slices, as numpy."""
        check_grid(images.shape[1:3], self.grid)
        # What has no known background is passed whole, where the empty slice plays no part.
        whole = 0, images.shape[1], 0, images.shape[2]
        nulls = [background(image) for image in images]
        boxes = np.array([whole if n is None else head_box(i, self.grid) for i, n in zip(images, nulls)])
        nulls = [NULL if null is None else null for null in nulls]
        for null in set(nulls) - self._empty.keys():
            self._empty[null] = self._emptied(null, images.shape[1:])
        found = None
        for null, members in _alike(nulls, boxes):
            part = np.stack([_cut(images[i], boxes[i]) for i in members])
            places = (boxes[members] // self.grid).astype(np.int32)
            answer = self._graph(images)(part, self._empty[null], places).numpy()
            found = np.empty((len(images), *answer.shape[1:]), answer.dtype) if found is None else found
            found[members] = answer
        return found

    def _emptied(self, null, shape):
        return tf.cast(self._maps(np.full((1, *shape), null, np.float32), training=False)[0], tf.float32)

    def _graph(self, images):
        key = images.dtype, images.shape[-1]
        if key not in self._graphs:
            features = self._maps.output.shape[-1]
            spec = [
                tf.TensorSpec([None, None, None, images.shape[-1]], images.dtype),
                tf.TensorSpec([None, None, features]), tf.TensorSpec([None, 4], tf.int32),
            ]
            self._graphs[key] = tf.function(self._call, input_signature=spec)
        return self._graphs[key]

    def _call(self, images, empty, boxes):
        return self._of_features(refilled(self._maps(tf.cast(images, tf.float32), training=False), empty, boxes))


def _alike(nulls, boxes):
    """[(null, places)] of slices whose crops have one size and one background, so that they pass together."""
    groups = {}
    for place, (null, (top, bottom, left, right)) in enumerate(zip(nulls, boxes.tolist())):
        groups.setdefault((null, bottom - top, right - left), []).append(place)
    return [(null, places) for (null, _, _), places in groups.items()]


def _cut(image, box):
    top, bottom, left, right = box
    return image[top:bottom, left:right]


def check_grid(size, grid):
    """Raises ValueError where a slice of `size` (rows, columns) is no multiple of the grid."""
    if any(side % grid for side in size):
        raise ValueError(
            f"Expected slices whose sides are multiples of {grid} pixels where `score_area` is head. "
            f"Received: {tuple(size)}; preprocess with another --size, or leave score_area at full."
        )


def _grid(maps):
    """Pixels between two places of a network's feature map."""
    side = 4096  # of a slice that nothing computes: its shape alone goes through
    return side // maps.compute_output_shape((1, side, side, maps.input_shape[-1]))[1]


def refilled(features, empty, boxes):
    """Average pooling of crops' features, the places outside filled with those of an empty slice.

    Args:
        features: feature maps of the crops (n, a, b, f).
        empty: feature map of a whole empty slice (p, q, f), float32.
        boxes: int32 (n, 4), (top, bottom, left, right) of the crops in places.

    Returns:
        float32 (n, f).
    """
    rows = _between(boxes[:, 0], boxes[:, 1], tf.shape(empty)[0])
    columns = _between(boxes[:, 2], boxes[:, 3], tf.shape(empty)[1])
    inside = tf.einsum("nq,nqf->nf", columns, tf.einsum("np,pqf->nqf", rows, empty))
    places = tf.cast(tf.shape(empty)[0] * tf.shape(empty)[1], tf.float32)
    return (tf.reduce_sum(tf.cast(features, tf.float32), (1, 2)) + tf.reduce_sum(empty, (0, 1)) - inside) / places


def _between(low, high, count):
    places = tf.range(count)
    return tf.cast((places >= low[:, None]) & (places < high[:, None]), tf.float32)
