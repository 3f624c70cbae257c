"""Evaluates many runs, several at a time: most of a run's time goes into drawing, which knows nothing of other runs."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from mil_tf.evaluation.cohort import Score
from mil_tf.evaluation.tables import TableError, read_predictions
from mil_tf.evaluation.trivial import NotComputed, trivial_scores
from preprocessing.cores import available

# A process takes some seconds to load its libraries; with fewer runs than this for each it does not pay (our decision).
LEAST_RUNS = 3


def evaluate_runs(evaluate_run, runs, cohort, resamples, seed, data, workers=None, show=print):
    """Yields (scores, path of the report) of each run, in their order.

    The scores come without their slices, which for many runs would not fit into memory.

    Args:
        evaluate_run: `mil_tf.evaluation.run.evaluate_run`.
        runs: their folders.
        cohort, resamples, seed, data: as it takes them.
        workers: processes; None is one a core, as far as there are runs for them.
        show: called with each piece of text.

    Raises:
        RunError, TableError: what is wrong with a run, in one line.
    """
    count = max(1, min(workers or available(), len(runs) // LEAST_RUNS))
    if count == 1:
        for run in runs:
            yield _one(evaluate_run, run, cohort, resamples, seed, data, show)
        return
    for run in runs:  # once for all: each process would compute anew what all runs share
        _keep_trivial(run, ("validation", None), (cohort, data), show=show)
    # Not forked: a process that has TensorFlow's threads cannot be.
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        begun = [pool.submit(_one, evaluate_run, run, cohort, resamples, seed, data) for run in runs]
        try:
            yield from (one.result() for one in begun)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one(evaluate_run, run, cohort, resamples, seed, data, show=print):
    scores, page = evaluate_run(run, cohort, resamples, seed, data, show)
    return [replace(score, instances=None) if isinstance(score, Score) else score for score in scores], page


def _keep_trivial(run, *cohorts, show):
    """Has the trivial baseline of a run's cohorts written beside it, where it can be computed and is asked for."""
    if list(run.glob("segments-*.csv")):  # it answers in masks
        return
    for name, data in cohorts:
        try:
            trivial_scores(run, name, read_predictions(run / f"predictions-{name}.csv").id, data, show)
        except (NotComputed, TableError):
            continue
