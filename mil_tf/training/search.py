"""The search for the top slice, cheap and safe: a folded, low-precision twin ranks, the model settles close calls.

The twin computes the log odds d = l1 - l0 of every slice with an error. That error is proportional to the precision's
unit roundoff u and to the magnitude that the last layer sums up, s = sum_j |w1j - w0j| p_j (a running error estimate
in the sense of Higham 2002, section 3.3; the constant is measured). Slices whose log odds lie within

    S u (s_best + s_other)

of the best are candidates (S is SAFETY). Where a bag has more than one, all of them are rescored exactly, the likeliest
MOST of them where there are more, and the exact probabilities decide.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mil_tf.models.folded import LOGITS, Folded
from mil_tf.selection import likeliest_first
from mil_tf.training.cropping import AREAS, Cropped, check_grid
from mil_tf.training.scoring import CHUNK_PIXELS, Portions, forward, scored_once

ROUNDOFF = {"bfloat16": 2.0**-8, "float16": 2.0**-11, "float32": 2.0**-24}
# Our decision: just above the largest errors among a bag's likeliest slices in `benchmarks/selection.py`, on 800
# phantoms with the demo's model as two processors trained it (1.04 and 1.55 for bfloat16; 1.8; 10.8). The last two are
# larger because sums in float32, which u does not count, matter there.
SAFETY = {"bfloat16": 1.6, "float16": 2.0, "float32": 12.0}
MOST = 4  # our decision: candidates of a bag that are rescored at most


class Found(NamedTuple):
    """indices: int64 (m,), the candidates for a bag's top slice. probabilities: float32 (m, 2), theirs.
    order: int64 (n,), all that were searched, the likeliest first.
    """

    indices: np.ndarray
    probabilities: np.ndarray
    order: np.ndarray


class Search:
    """Finds the candidates for the top slice of every bag.

    Args:
        model: Keras model with a layer "logits" of two classes, (n, h, w, c) -> (n, 2).
        exact: `Scorer` of the same model.
        dtype: "bfloat16", "float16" or "float32", what the twin computes in.
        chunk: instances a forward pass; 0 chooses it.
        jit: compile with XLA.
        area: "full", or "head", see `mil_tf.training.cropping`.

    Raises:
        ValueError: where the area is unknown, the network has nothing to crop, or XLA is to compile crops.
    """

    def __init__(self, model, exact, dtype="bfloat16", chunk=0, jit=False, area="full"):
        self.twin, self._exact = Folded(model, dtype), exact
        self._last = self.twin.network.get_layer(LOGITS)
        self._allowed = SAFETY[dtype] * ROUNDOFF[dtype]
        self.portions = Portions(chunk, CHUNK_PIXELS, 256, "chunk")
        if area not in AREAS:
            raise ValueError(f"Expected `area` to be one of {AREAS}. Received: area={area!r}")
        cropped = area == "head"
        if cropped and jit:
            raise ValueError("Expected `jit` to be false where `score_area` is head, whose shapes vary. Received: true")
        self._forward = Cropped(self.twin.network, self._of_features) if cropped else forward(self._odds, jit)

    def check(self, shape):
        """Raises ValueError where slices of `shape` (h, w, c) cannot be searched."""
        if isinstance(self._forward, Cropped):
            check_grid(shape[:2], self._forward.grid)

    def odds(self, source, positions):
        """[float32 (n_i, 2)] of bags: approximate log odds, and how far from it the exact ones may be."""
        return [odds for odds, _ in self._searched(source, positions)]

    def _searched(self, source, positions):
        self.twin.refresh()
        if isinstance(self._forward, Cropped):
            self._forward.forget()
        return scored_once(source, positions, self._forward, self.portions)

    def __call__(self, source, positions, settled=False, among=None):
        """Returns one Found a bag.

        Args:
            source: a source of `mil_tf.data`.
            positions: which of its bags.
            settled: rescore a candidate without a rival too, so that all probabilities are exact; otherwise those of
                such a candidate are the twin's.
            among: indices (k,) of the slices to search, one array a bag; None searches all.
        """
        positions = [int(p) for p in positions]
        pools = _pools(source, positions, among)
        searched = self._searched(*_narrowed(source, positions, among))
        found = [self._found(source, *each) for each in zip(positions, pools, searched)]
        wanted = [i for i, each in enumerate(found) if settled or len(each.indices) > 1]
        chosen = Chosen(source, [(positions[i], found[i].indices) for i in wanted])
        for i, exact in zip(wanted, self._exact(chosen, range(len(wanted)))):
            found[i] = self._settled(source, positions[i], found[i], exact)
        return found

    def _settled(self, source, position, found, exact):
        found = found._replace(probabilities=exact)
        if len(exact) < len(found.order):
            return found
        # All were rescored, because the twin's odds are no numbers to sort by.
        places = source.source_index(position)[found.indices]
        return found._replace(order=found.indices[ranked(exact[:, 1], places)])

    def _found(self, source, position, pool, searched):
        odds, same = searched
        places = source.source_index(position)[pool]
        near = candidates(odds[:, 0], odds[:, 1], places, same)
        order = ranked(odds[:, 0], places, same)
        return Found(pool[near], _probabilities(odds[near, 0]), pool[order])

    def _odds(self, images):
        features, _ = self.twin.network(images, training=False)
        return self._of_features(features)

    def _of_features(self, features):
        weights = tf.convert_to_tensor(self._last.kernel)
        across, shift = weights[:, 1] - weights[:, 0], self._last.bias[1] - self._last.bias[0]
        magnitude = tf.linalg.matvec(tf.abs(features), tf.abs(across))
        return tf.stack([tf.linalg.matvec(features, across) + shift, self._allowed * magnitude], axis=1)


class ExactSearch:
    """The same with the exact model alone: every slice is a candidate.

    Args:
        scorer: `Scorer` of the model.
    """

    def __init__(self, scorer):
        self._scorer = scorer

    def check(self, shape):
        """Every slice can be searched."""

    def __call__(self, source, positions, settled=True, among=None):
        """Returns one Found a bag: all its slices, or those of `among`."""
        positions = [int(p) for p in positions]
        scores = self._scorer(*_narrowed(source, positions, among))
        return [
            Found(pool, each, pool[ranked(each[:, 1], source.source_index(p)[pool])])
            for p, pool, each in zip(positions, _pools(source, positions, among), scores)
        ]


def _pools(source, positions, among):
    if among is not None:
        return [np.asarray(each, np.int64) for each in among]
    return [np.arange(source.counts[p]) for p in positions]


def _narrowed(source, positions, among):
    if among is None:
        return source, positions
    return Chosen(source, list(zip(positions, among))), range(len(positions))


def candidates(odds, error, source_index, same=None):
    """Indices of the slices that may be the best one, at most MOST, the likeliest first, equals in the scan's order;
    of identical slices the first; all slices where an odd is not finite.

    Args:
        odds: log odds (n,).
        error: how far from the exact ones each may be, (n,).
        source_index: where each slice came from, (n,).
        same: int (n,), equal where slices are identical; None where none are.
    """
    if not (np.isfinite(odds).all() and np.isfinite(error).all()):
        # The twin overflowed: the network itself decides, and the loop stops where it has NaN too.
        return likeliest_first(odds, source_index)
    distinct = MOST if same is None else len(np.unique(same))
    order = ranked(odds, source_index, same)[: min(MOST, distinct)]
    best = order[0]
    return order[odds[best] - odds[order] <= error[best] + error[order]]


def ranked(scores, source_index, same=None):
    """Indices (n,), the greatest score first, equals in the scan's order; what repeats an earlier slice comes last."""
    order = likeliest_first(scores, source_index)
    if same is None:
        return order
    first = np.zeros(len(order), bool)
    first[np.unique(same[order], return_index=True)[1]] = True
    return np.concatenate([order[first], order[~first]])


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
