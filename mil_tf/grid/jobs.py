"""From train.py's arguments to the jobs of a grid."""

import itertools
from pathlib import Path
from typing import NamedTuple

from mil_tf.options import OptionError
from mil_tf.runs import Job


class Run(NamedTuple):
    """A job with what the grid must know of it.

    Attributes:
        job: a Job.
        folder: where it lives.
        validation, test: bags of those splits.
    """

    job: Job
    folder: Path
    validation: int
    test: int

    @property
    def name(self):
        """The run in a few words."""
        return f"bags {self.job.bags}, fold {self.job.fold}, seed {self.job.seed}"

    def passes(self, epochs, answers=True):
        """Bags that the run passes through in so many epochs, and for its answers on the held-out bags."""
        return epochs * (self.job.bags + self.validation) + answers * (self.validation + self.test)


def jobs(recipe, options, given, dataset):
    """The grid's jobs, in the order sizes, folds, seeds.

    Without --bags every fold of the grid trains on as many bags as the smallest of them has, so that the folds of a
    cross-validation are comparable and lie in one folder.

    Raises ValueError where a size, fold or seed cannot be, before anything is trained.
    """
    folds = range(given.folds) if given.folds is not None else [given.fold or 0]
    seeds = range(given.seeds) if given.seeds is not None else [given.seed or 0]
    if min(seeds) < 0:
        raise OptionError(f"--seed: Expected 0 or above. Received: {min(seeds)}.")
    whole = {fold: len(dataset.splits(fold)["train"]) for fold in folds}
    for bags, fold in itertools.product(given.bags or (), folds):
        if not 0 < bags <= whole[fold]:
            raise OptionError(
                f"--bags: Expected 1 to {whole[fold]}, the training bags of fold {fold}. Received: {bags}."
            )
    return [
        Job(given.recipe, given.variant, options, min(whole.values()) if bags is None else bags, fold, seed)
        for bags, fold, seed in itertools.product(dict.fromkeys(given.bags or [None]), folds, seeds)
    ]


def runs_of(jobs, dataset, out):
    """The Runs of jobs, in their order."""
    splits = {fold: dataset.splits(fold) for fold in {job.fold for job in jobs}}
    held_out = {fold: [len(found[name]) for name in ("validation", "test")] for fold, found in splits.items()}
    return [Run(job, job.folder(out), *held_out[job.fold]) for job in jobs]
