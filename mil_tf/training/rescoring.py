"""Searching only the slices that were likeliest before: cheaper, and not exact.

Most slices of a scan are never the top one. With `rescore_top` = k all slices of a bag are searched every
`rescore_every` epochs, and only the k that were likeliest then in the epochs between.
"""

import numpy as np
import tensorflow as tf

from mil_tf.training.choosers import ByScore


class ByLikeliest(ByScore):
    """`ByScore` among the k slices of each bag that were likeliest at the last full search.

    Args:
        search: of `mil_tf.training.search`.
        selection: function of `mil_tf.selection`.
        bags: number of training bags.
        k: slices a bag between full searches.
        every: epochs from one full search to the next.

    Attributes:
        likeliest: tf.Variable int32 (bags, k), -1 where a bag has fewer slices or was never searched; a checkpoint must
            hold it.
    """

    def __init__(self, search, selection, bags, k, every):
        super().__init__(search, selection)
        self._every = every
        self.likeliest = tf.Variable(tf.fill([bags, k], -1), trainable=False)

    def __call__(self, source, window, epoch):
        """Returns one Selection a bag of the window."""
        window = np.asarray(window)
        known = self.likeliest.numpy()[window]
        full = epoch % self._every == 0 or (known[:, 0] < 0).any()
        found = self._search(source, window, among=None if full else [row[row >= 0] for row in known])
        if full:
            self.likeliest.scatter_nd_update(window[:, None], [_padded(each.order, known.shape[1]) for each in found])
        return [self._selected(source, int(position), each) for position, each in zip(window, found)]


def _padded(order, k):
    kept = order[:k]
    return np.pad(kept, (0, k - len(kept)), constant_values=-1).astype(np.int32)
