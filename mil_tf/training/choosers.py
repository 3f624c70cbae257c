"""How a window's instances are chosen for the gradient: by their scores, or, while warming up, at random."""

import numpy as np

from mil_tf.data import generator
from mil_tf.selection import Selection

WARM_UP_STREAM = 4  # beside the streams of mil_tf.data


class ByScore:
    """Searches the instances of the window, then lets a selection decide (remedios2020, section 2.3).

    Args:
        search: of `mil_tf.training.search`; which instances are candidates, and their probabilities.
        selection: function of `mil_tf.selection`.
    """

    def __init__(self, search, selection):
        self._search, self._selection = search, selection

    def __call__(self, source, window, epoch):
        """Returns one Selection a bag of the window."""
        found = self._search(source, window)
        return [self._selected(source, int(position), each) for position, each in zip(window, found)]

    def _selected(self, source, position, found):
        places = source.source_index(position)[found.indices]
        chosen = self._selection(found.probabilities, source.labels[position], places)
        return chosen._replace(indices=found.indices[chosen.indices])


class AtRandom:
    """Takes instances of each bag at random and gives them the bag's label: the warm-up, our decision.

    The top instance of an untrained network is an arbitrary one, and learning from it alone rewards the network for
    memorising one slice a bag. Random instances under the bag's label are noisy, but the only thing that tells the
    two kinds of bags apart in them is what occurs in positive bags alone, so they point the network at it. It needs
    no scoring, so that an epoch of it is cheap.

    Args:
        count: instances a bag and epoch.
        seed: of the run.

    Raises:
        ValueError: where `count` is below 1.
    """

    def __init__(self, count, seed):
        if count < 1:
            raise ValueError(f"Expected `warm_up_instances` of at least 1. Received: warm_up_instances={count}")
        self._count, self._seed = count, seed

    def __call__(self, source, window, epoch):
        """Returns one Selection a bag of the window; a function of seed, epoch and bag alone."""
        return [self._sample(int(source.counts[p]), int(source.labels[p][0]), epoch, int(p)) for p in window]

    def _sample(self, total, label, epoch, position):
        rng = generator(self._seed, WARM_UP_STREAM, epoch, position)
        indices = rng.permutation(total)[: self._count]
        targets = np.zeros((len(indices), 2), np.float32)
        targets[:, label] = 1.0
        return Selection(indices, targets, np.full(len(indices), 1.0 / len(indices), np.float32))


class Every:
    """Takes all instances of each bag and gives them the bag's label: for bags of one."""

    def __call__(self, source, window, epoch):
        """Returns one Selection a bag of the window."""
        return [self._whole(int(source.counts[p]), int(source.labels[p][0])) for p in window]

    def _whole(self, total, label):
        targets = np.zeros((total, 2), np.float32)
        targets[:, label] = 1.0
        return Selection(np.arange(total), targets, np.full(total, 1.0 / total, np.float32))
