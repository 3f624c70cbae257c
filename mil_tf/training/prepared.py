"""What a recipe's method hands to a run: the loop's parts, and what it adds to the run's folder.

A recipe names its method (METHOD): a module of `mil_tf.training` with

    resolved(options)                      the options with what `auto` stands for on this machine
    prepare(job, dataset, sources, crew)   a Prepared for a run that begins or goes on
    restore(options, config)               a Restored of a finished run, its weights not yet loaded
    check_labels(dataset, rows)            raises ValueError where bags have labels that the method cannot learn; may be
                                           missing where these are 0 and 1

so that neither the loop nor the run knows a paper.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

METHODS = {"selection": "selecting", "positions": "positions", "tiles": "tiles", "fields": "fields",
           "segmentation": "segmentation"}

BINARY = {"validation_ap": "AP", "validation_auc": "AUC"}


class Restored(NamedTuple):
    """A trained model's parts.

    Attributes:
        model: the Keras model whose weights the run keeps, (n, h, w, c) in HU -> (n, 2) probabilities.
        scorer: its `Scorer`.
        tables: (folder, name, source) -> None, writes what the method says of a cohort beyond the bags' and
            instances' tables; None where that is nothing.
        models: further models of the method, around the same weights.
        refuses: (dataset, source) -> None, raises `tfrecords.DatasetError` where the method cannot answer for the bags
            of another data set; None where it can for all.
        answers: as a Prepared has it.
    """

    model: Any
    scorer: Any
    tables: Callable | None = None
    models: Any = None
    refuses: Callable | None = None
    answers: Callable | None = None


class Prepared(NamedTuple):
    """A method that is ready to train.

    Attributes:
        replica: `mil_tf.training.shared.Replica`.
        plan: `mil_tf.training.loop.Plan`.
        window_of: epoch -> bags an optimizer step.
        optimizer: Keras optimizer.
        learning_rate: epoch -> rate.
        reads_ahead: epoch -> whether the loop reads the next window's bags.
        facts: what the run's config tells beside the options, {} for nothing.
        finish: (folder, sources, show) -> None, called with the best weights, after the tables of bags and instances.
        exported: (folder) -> (tf.Module with `signatures()`, facts for its mil_tf.json), or None for the scorer alone.
        answers: (folder, name, source) -> None, writes a cohort's tables; None for those of bags of a binary label and
            their instances, of which a threshold is chosen.
        validate: (source, the replica's search) -> {"validation_loss" and other metrics}; None for those of bags of a
            binary label.
        shown: {metric: what the terminal calls it} of these, beside the loss.
        board: (folder, validation source) -> the observer that writes TensorBoard's files; None for one that draws
            chosen instances.
        further: (folder, sources, show) -> str, what is learned after the loop and before the tables, which goes on
            where it was killed; not empty where the run waits for a person, and for what; None for nothing.
    """

    replica: Any
    plan: Any
    window_of: Callable
    optimizer: Any
    learning_rate: Callable
    reads_ahead: Callable = lambda epoch: False
    facts: dict = {}
    finish: Callable | None = None
    exported: Callable | None = None
    answers: Callable | None = None
    validate: Callable | None = None
    shown: dict = BINARY
    board: Callable | None = None
    further: Callable | None = None


def method_of(recipe):
    """The module of a recipe's method.

    Args:
        recipe: its module.
    """
    return importlib.import_module(f"mil_tf.training.{METHODS[recipe.METHOD]}")
