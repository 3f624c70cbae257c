"""The search for the top slice, cheap and safe: a folded, low-precision twin ranks, the model settles close calls.

The twin computes the log odds d = l1 - l0 of every slice with an error. That error is proportional to the precision's
unit roundoff u and to the magnitude that the last layer sums up, s = sum_j |w1j - w0j| p_j (a running error estimate
in the sense of Higham 2002, section 3.3; the constant is measured). Slices whose log odds lie within

    SAFETY u (s_best + s_other)

of the best are candidates. Where a bag has more than one, all of them are rescored exactly, the likeliest MOST of them
where there are more, and the exact probabilities decide.
"""

import numpy as np
import tensorflow as tf

from mil_tf.models.folded import LOGITS, Folded
from mil_tf.training.scoring import CHUNK_PIXELS, Portions, forward, scored

ROUNDOFF = {"bfloat16": 2.0**-8, "float16": 2.0**-11, "float32": 2.0**-24}
SAFETY = 1.0  # our decision; `benchmarks/selection.py` counts how often an error was larger
MOST = 4  # our decision: candidates of a bag that are rescored at most


class Search:
    """Finds the candidates for the top slice of every bag.

    Args:
        model: Keras model with a layer "logits" of two classes, (n, h, w, c) -> (n, 2).
        exact: `Scorer` of the same model.
        dtype: "bfloat16", "float16" or "float32", what the twin computes in.
        chunk: instances a forward pass; 0 chooses it.
        jit: compile with XLA.
    """

    def __init__(self, model, exact, dtype="bfloat16", chunk=0, jit=False):
        self._twin, self._exact = Folded(model, dtype), exact
        self._last = self._twin.network.get_layer(LOGITS)
        self._roundoff = ROUNDOFF[dtype]
        self.portions = Portions(chunk, CHUNK_PIXELS, 256, "chunk")
        self._forward = forward(self._odds, jit)

    def odds(self, source, positions):
        """[float32 (n_i, 2)] of bags: approximate log odds, and how far from it the exact ones may be."""
        self._twin.refresh()
        return scored(source, positions, self._forward, self.portions)

    def __call__(self, source, positions, settled=False):
        """Returns one (indices (m,), probabilities float32 (m, 2)) a bag: its candidates for the top slice.

        Args:
            source: a source of `mil_tf.data`.
            positions: which of its bags.
            settled: rescore a candidate without a rival too, so that all probabilities are exact; otherwise those of
                such a candidate are the twin's.
        """
        positions = [int(p) for p in positions]
        odds = self.odds(source, positions)
        found = [
            candidates(each[:, 0], each[:, 1], source.fields(p).source_index) for p, each in zip(positions, odds)
        ]
        answers = [(indices, _probabilities(each[indices, 0])) for indices, each in zip(found, odds)]
        wanted = [i for i, indices in enumerate(found) if settled or len(indices) > 1]
        rescored = self._exact(Chosen(source, [(positions[i], found[i]) for i in wanted]), range(len(wanted)))
        for i, exact in zip(wanted, rescored):
            answers[i] = (found[i], exact)
        return answers

    def _odds(self, images):
        features, logits = self._twin.network(images, training=False)
        weights = tf.convert_to_tensor(self._last.kernel)
        magnitude = tf.linalg.matvec(tf.abs(features), tf.abs(weights[:, 1] - weights[:, 0]))
        return tf.stack([logits[:, 1] - logits[:, 0], SAFETY * self._roundoff * magnitude], axis=1)


class ExactSearch:
    """The same with the exact model alone: every slice is a candidate.

    Args:
        scorer: `Scorer` of the model.
    """

    def __init__(self, scorer):
        self._scorer = scorer

    def __call__(self, source, positions, settled=True):
        """Returns one (indices (n,), probabilities float32 (n, 2)) a bag: all its slices."""
        return [(np.arange(len(each)), each) for each in self._scorer(source, positions)]


def candidates(odds, error, source_index):
    """Indices of the slices that may be the best one, at most MOST, the likeliest first, equals in the scan's order.

    Args:
        odds: log odds (n,).
        error: how far from the exact ones each may be, (n,).
        source_index: where each slice came from, (n,).
    """
    if np.isnan(odds).any():  # it makes the loss NaN, on which the loop stops
        return np.flatnonzero(np.isnan(odds))[:1]
    order = np.lexsort((source_index, -odds))[:MOST]
    best = order[0]
    return order[odds[best] - odds[order] <= error[best] + error[order]]


class Chosen:
    """Some instances of some bags, as a source.

    Args:
        source: where they are.
        chosen: [(position, indices)].
    """

    def __init__(self, source, chosen):
        self._source, self._chosen = source, chosen
        self.counts = np.array([len(indices) for _, indices in chosen], np.int64)
        self.instance_shape, self.dtype = source.instance_shape, source.dtype

    def blocks(self, place, size):
        """Yields the chosen instances of one bag, at most `size` at a time."""
        position, indices = self._chosen[place]
        for start in range(0, len(indices), size):
            yield self._source.take(position, indices[start : start + size])


def _probabilities(odds):
    positive = (1.0 / (1.0 + np.exp(-odds.astype(np.float64)))).astype(np.float32)
    return np.stack([1 - positive, positive], axis=1)
