"""One run from arguments to answers: subset, model, loop, tables, SavedModel, all in one folder."""

import contextlib
import dataclasses
import shutil
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mil_tf import recipes, runs
from mil_tf.export import export, spacing_range
from mil_tf.inference import write_tables
from mil_tf.nouns import nouns_of
from mil_tf.options import OptionError, resolve
from mil_tf.sources import source_of
from mil_tf.training import devices
from mil_tf.training.crew import Alone
from mil_tf.training.identity import SPLITS, facts, identity, refuse_another, rows_of
from mil_tf.training.interrupt import Interrupted
from mil_tf.training.lengthened import lengthened
from mil_tf.training.lock import locks, taken
from mil_tf.training.loop import Loop, NonFiniteError
from mil_tf.training.observers import DISPLAYED, Console, HistoryTable, TensorBoard
from mil_tf.training.prepared import method_of
from mil_tf.training.progress import ProgressFile
from mil_tf.training.shared import ChiefsBest, SharedCheckpoints
from mil_tf.training.state import BestWeights, Checkpoints
from tfrecords.errors import DatasetError


def train(job, dataset, out, resume=False, show=print, crew=None):
    """Trains one run, or goes on with it, and returns its folder.

    Args:
        job: a `mil_tf.runs.Job`.
        dataset: an open `tfrecords.Dataset` with splits.
        out: folder of all runs.
        resume: continue an unfinished run; a finished one is left as it is.
        show: called with each line of progress.
        crew: `Crew` of the replicas to train on; None is one device.

    Raises:
        HeldError: another process trains this run.
        RunError: the folder holds a run and `resume` is off, or another run than this.
        Interrupted, NonFiniteError, WorkerError: training stopped; the message says what to do.
        ValueError, DatasetError: an option or the data cannot be; one line.
    """
    tf.config.experimental.enable_op_determinism()
    devices.set_up()
    keras.backend.clear_session()
    # What `auto` stands for is part of the run: on another machine it may be something else, and other bits.
    method = method_of(recipes.load(job.recipe))
    asked = dataclasses.replace(job, options=method.resolved(job.options))
    job = dataclasses.replace(asked, options=lengthened(asked.options, job.bags))
    folder = job.folder(out)
    sources = _sources(job, dataset, method)
    crew = crew or Alone()
    prepared = method.prepare(job, dataset, sources, crew)  # before the folder: what cannot be leaves nothing behind
    config = _config(asked, dataset, sources, prepared, crew)
    crew.agree("command, data and initial weights", runs.digest(identity(config)))
    with contextlib.ExitStack() as held:
        resuming, finished = crew.of_chief(lambda: _start(folder, config, sources, resume, held), 2)
        if finished:
            show(f"{folder}: finished already")
            return folder
        progress = ProgressFile(folder) if crew.chief else None
        observers = _observers(job, folder, sources, prepared, show, progress, nouns_of(config)) if crew.chief else ()
        state = _learn(folder, _loop(folder, prepared, sources, observers, crew), bool(resuming), crew)
        waits = prepared.further and _further(folder, prepared, sources, show)
        if waits:
            show(f"{folder}: {waits}")
            return folder
        crew.of_chief(lambda: _answers(folder, prepared, sources, config, show, progress))
    show(f"{folder}: done after {state.epoch} epochs, best epoch {state.convergence.best_epoch}")
    return folder


def trained(folder, config):
    """The Restored of a finished run, with its best weights. Raises RunError where the run is unfinished."""
    if not runs.is_finished(folder):
        raise runs.RunError(f"{folder}: its training has not finished; go on with train.py and --resume.")
    devices.set_up()
    recipe = recipes.load(config["recipe"])
    # A run of before an option was there has its default.
    restored = method_of(recipe).restore(resolve(recipe.OPTIONS, config["options"]), config)
    best_weights(folder, restored.model).load()
    return restored


def best_weights(folder, model):
    """The BestWeights of a run."""
    return BestWeights(Path(folder) / "checkpoints" / "best.weights.h5", model)


def _sources(job, dataset, method):
    splits, found = dataset.splits(job.fold), rows_of(job, dataset)
    check = getattr(method, "check_labels", _check_labels)
    for name in SPLITS:
        if not found[name]:
            raise OptionError(f"{dataset.folder}, fold {job.fold}: Expected bags in the {name} split. Received: 0.")
        check(dataset, splits[name])
    return {name: source_of(dataset, rows) for name, rows in found.items()}


def _check_labels(dataset, rows):
    for row in rows:
        if row.label not in ((0,), (1,)):
            raise OptionError(
                f"{dataset.folder}, bag {row.id}: Expected a label of 0 or 1. Received: {row.label}."
            )


def _config(job, dataset, sources, prepared, crew):
    model = prepared.replica.model
    template = dataset.info.get("preprocessing", {}).get("settings", {}).get("template")
    if template and not (Path(dataset.folder) / template).exists():
        raise DatasetError(f"{dataset.folder}: Expected {template}, to which its scans are aligned. Received: none.")
    return {
        **facts(job, dataset),
        "spacing": spacing_range(sources["train"]),
        "channels": int(model.input_shape[-1]),
        "parameters": int(model.count_params()),
        "initial_weights": runs.weights_digest(model),
        **prepared.facts,
        **({"replicas": crew.replicas} if crew.replicas > 1 else {}),
        **runs.environment(),
    }


def _learn(folder, loop, resuming, crew):
    try:
        return loop.run(resuming)
    except Interrupted as stop:
        crew.of_chief(lambda: None)  # a worker that ended before the chief has written would take it down
        raise Interrupted(f"{stop}; go on with the same command and --resume") from stop
    except NonFiniteError as error:
        raise NonFiniteError(f"{folder}: {error}") from error


def _further(folder, prepared, sources, show):
    try:
        return prepared.further(folder, sources, show)
    except Interrupted as stop:
        raise Interrupted(f"{stop}; go on with the same command and --resume") from stop
    except NonFiniteError as error:
        raise NonFiniteError(f"{folder}: {error}") from error


def _start(folder, config, sources, resume, held):
    """Makes or checks the folder; returns (there is a checkpoint to resume from, the run is finished).

    Unless it is finished, the run is this process' alone until `held`, an ExitStack, is closed.
    """
    if not runs.is_finished(folder):
        folder.mkdir(parents=True, exist_ok=True)
        held.enter_context(taken(folder))
    resuming = _prepare(folder, config, resume)
    if runs.is_finished(folder):
        return resuming, True
    runs.write_table(
        folder / "bags.csv", ("id", "patient", "label"),
        zip(sources["train"].ids, sources["train"].patients, _labels(sources["train"], config)),
    )
    return resuming, False


def _labels(source, config):
    """A bag's label in its table: 0 or 1, or the names of its classes."""
    if "classes" not in config:
        return source.labels[:, 0]
    return [";".join(np.array(config["classes"])[label == 1]) for label in source.labels]


def _prepare(folder, config, resume):
    """Makes the folder or checks the one that is there; returns whether there is a checkpoint to resume from."""
    if (folder / "config.json").exists():
        if not resume:
            raise runs.RunError(f"{folder} holds a run already; go on with --resume, or choose another --out.")
        before = runs.read_config(folder)
        refuse_another(folder, before, config)
        if not runs.is_finished(folder):  # of those that may change
            runs.write_json(folder / "config.json", {**before, "options": config["options"]})
        return Checkpoints.exist(folder / "checkpoints")
    _clear(folder)  # killed before its config was whole: nothing of it is known
    (folder / "checkpoints").mkdir()
    runs.write_json(folder / "config.json", config)
    return False


def _clear(folder):
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in locks(folder):
            path.unlink()


def _observers(job, folder, sources, prepared, show, progress, nouns):
    validation = sources["validation"]
    board = prepared.board(folder, validation) if prepared.board else _board(job, folder, validation, prepared, nouns)
    return [HistoryTable(folder / "history.csv"), Console(show, prepared.shown), board, progress]


def _board(job, folder, validation, prepared, nouns):
    window = DISPLAYED[np.dtype(validation.dtype).name]
    every = job.options["image_every"]
    return TensorBoard(folder, validation, prepared.replica.scorer, every, window, nouns.instance)


def _loop(folder, prepared, sources, observers, crew):
    replica, model = prepared.replica, prepared.replica.model
    checkpoints = Checkpoints(folder / "checkpoints", model, prepared.optimizer, **replica.kept)
    best = best_weights(folder, model)
    if crew.replicas > 1:
        checkpoints, best = SharedCheckpoints(crew, checkpoints, model), ChiefsBest(crew, best)
    return Loop(
        prepared.plan, sources["train"], sources["validation"], replica.signal_of, prepared.window_of,
        prepared.optimizer, model.trainable_variables, replica.search, checkpoints, best, observers,
        prepared.learning_rate, crew.agreed, prepared.reads_ahead if crew.replicas == 1 else (lambda epoch: False),
        prepared.validate,
    )


def _answers(folder, prepared, sources, config, show, progress):
    for name in ("validation", "test"):
        show(f"scoring {name}: {len(sources[name])} bags")
        if prepared.answers:
            prepared.answers(folder, name, sources[name])
        else:
            write_tables(folder, name, sources[name], prepared.replica.scorer)
    if prepared.finish:
        prepared.finish(folder, sources, show)
    progress.write()  # before the file that makes the run a finished one, which is left as it is
    added = prepared.exported(folder) if prepared.exported else (None, {})
    export(folder, prepared.replica.model, config, config["data"]["folder"], *added, decides=not prepared.answers)
