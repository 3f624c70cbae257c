"""When training has converged."""

import dataclasses
import math


@dataclasses.dataclass
class Convergence:
    """No improvement of the validation loss by `min_delta` in `patience` epochs (remedios2020, section 2.2).

    Of another value that is to become small, the same.

    An improvement is measured against the best value so far, so a flat plateau does not count as one.

    Attributes:
        patience: epochs without improvement after which training has converged.
        min_delta: least decrease that counts.
        best: lowest value that counted; inf before the first.
        best_epoch: the epoch of `best`, -1 before the first.
        waited: epochs since then.
    """

    patience: int
    min_delta: float
    best: float = math.inf
    best_epoch: int = -1
    waited: int = 0

    def update(self, value, epoch):
        """Takes the epoch's value; returns whether it is an improvement."""
        if value < self.best - self.min_delta:
            self.best, self.best_epoch, self.waited = float(value), epoch, 0
            return True
        self.waited += 1
        return False

    @property
    def converged(self):
        """Whether the patience is used up."""
        return self.waited >= self.patience
