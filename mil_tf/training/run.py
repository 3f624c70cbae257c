"""One run from arguments to answers: subset, model, loop, tables, SavedModel, all in one folder."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from mil_tf import recipes, runs
from mil_tf.data import ShardSource, nested_subset
from mil_tf.export import export, spacing_range
from mil_tf.inference import write_tables
from mil_tf.models.build import build_scorer
from mil_tf.options import OptionError, resolve
from mil_tf.training import devices
from mil_tf.training.crew import Alone
from mil_tf.training.interrupt import Interrupted
from mil_tf.training.loop import Loop, NonFiniteError, Plan
from mil_tf.training.method import (
    build_chooser,
    build_optimizer,
    build_search,
    build_signals,
    learning_rate,
    lengthened,
    resolved_scoring,
    window_of,
)
from mil_tf.training.observers import Console, HistoryTable, TensorBoard
from mil_tf.training.scoring import Scorer
from mil_tf.training.shared import ChiefsBest, Replica, Replicas, SharedCheckpoints, SharedSearch, SharedSignal
from mil_tf.training.state import BestWeights, Checkpoints
from tfrecords.errors import DatasetError


@dataclasses.dataclass(frozen=True)
class Job:
    """What one run is: recipe, variant and resolved options, data, subset size, fold and seed."""

    recipe: str
    variant: str
    options: dict
    bags: int
    fold: int
    seed: int

    def folder(self, out):
        """Where the run lives below `out`."""
        return runs.run_folder(out, self.recipe, self.bags, self.fold, self.seed)


def train(job, dataset, out, resume=False, show=print, crew=None):
    """Trains one run, or goes on with it, and returns its folder.

    Args:
        job: a Job.
        dataset: an open `tfrecords.Dataset` with splits.
        out: folder of all runs.
        resume: continue an unfinished run; a finished one is left as it is.
        show: called with each line of progress.
        crew: `Crew` of the replicas to train on; None is one device.

    Raises:
        RunError: the folder holds a run and `resume` is off, or another run than this.
        Interrupted, NonFiniteError, WorkerError: training stopped; the message says what to do.
        ValueError, DatasetError: an option or the data cannot be; one line.
    """
    tf.config.experimental.enable_op_determinism()
    devices.set_up()
    keras.backend.clear_session()
    # What `auto` stands for is part of the run: on another machine it may be something else, and other bits.
    options = {**job.options, "scoring": resolved_scoring(job.options["scoring"])}
    job = dataclasses.replace(job, options=lengthened(options, job.bags))
    folder = job.folder(out)
    sources = _sources(job, dataset)
    crew = crew or Alone()
    learner = _learner(job, sources["train"].instance_shape, crew)
    model, scorer = learner.model, learner.scorer
    method = _method(job, learner)  # before the folder: an option that cannot be leaves nothing behind
    config = _config(job, dataset, sources, model, crew)
    crew.agree("command, data and initial weights", runs.digest(_identity(config)))
    resuming, finished = crew.of_chief(lambda: _start(folder, config, sources, resume), 2)
    if finished:
        show(f"{folder}: finished already")
        return folder
    try:
        observers = _observers(job, folder, sources, scorer, show) if crew.chief else ()
        state = _loop(folder, method, learner, sources, observers, crew).run(bool(resuming))
    except Interrupted as stop:
        crew.of_chief(lambda: None)  # a worker that ended before the chief has written would take it down
        raise Interrupted(f"{stop}; go on with the same command and --resume") from stop
    except NonFiniteError as error:
        raise NonFiniteError(f"{folder}: {error}") from error
    crew.of_chief(lambda: _answers(folder, model, scorer, sources, config, show))
    show(f"{folder}: done after {state.epoch} epochs, best epoch {state.convergence.best_epoch}")
    return folder


def is_finished(folder):
    """Whether a run has written its last file."""
    return (Path(folder) / "export" / "mil_tf.json").exists()


def trained_scorer(folder, config):
    """The Scorer of a finished run's best weights. Raises RunError where the run is unfinished."""
    if not is_finished(folder):
        raise runs.RunError(f"{folder}: its training has not finished; go on with train.py and --resume.")
    devices.set_up()
    # A run of before an option was there has its default.
    options = resolve(recipes.load(config["recipe"]).OPTIONS, config["options"])
    model = build_scorer(options, config["seed"], config["channels"])
    best_weights(folder, model).load()
    return Scorer(model, options["chunk"], options["jit"])


def best_weights(folder, model):
    """The BestWeights of a run."""
    return BestWeights(Path(folder) / "checkpoints" / "best.weights.h5", model)


def _sources(job, dataset):
    splits = dataset.splits(job.fold)
    for name in ("train", "validation", "test"):
        if not splits[name]:
            raise OptionError(f"{dataset.folder}, fold {job.fold}: Expected bags in the {name} split. Received: 0.")
        _check_labels(dataset, splits[name])
    found = {name: ShardSource(dataset, splits[name]) for name in ("train", "validation", "test")}
    found["train"] = found["train"].subset(nested_subset(found["train"].labels, job.bags, job.seed))
    return found


def _check_labels(dataset, rows):
    for row in rows:
        if row.label not in ((0,), (1,)):
            raise OptionError(
                f"{dataset.folder}, bag {row.id}: Expected a label of 0 or 1. Received: {row.label}."
            )


def _learner(job, shape, crew):
    """The Replica that learns: this device's, or one that shares its work out over a crew."""
    height, width, channels = shape

    def build():
        model = build_scorer(job.options, job.seed, channels, (height, width))
        scorer = Scorer(model, job.options["chunk"], job.options["jit"])
        search = build_search(job.options, model, scorer)
        search.check((height, width, channels))
        chooser = build_chooser(job.options, search, job.bags)
        kept = {"likeliest": chooser.likeliest} if job.options["rescore_top"] else {}
        return Replica(model, scorer, search, build_signals(job.options, model, chooser, job.seed), kept)

    if crew.replicas == 1:
        return build()
    if job.options["rescore_top"]:
        raise OptionError("--set rescore_top: Expected 0 with --strategy, whose replicas do not share the table. "
                          f"Received: {job.options['rescore_top']}.")
    replicas = Replicas(crew, build)
    signal = SharedSignal(replicas)
    return replicas.leader._replace(search=SharedSearch(replicas), signal_of=lambda epoch: signal)


def _config(job, dataset, sources, model, crew):
    template = dataset.info.get("preprocessing", {}).get("settings", {}).get("template")
    if template and not (Path(dataset.folder) / template).exists():
        raise DatasetError(f"{dataset.folder}: Expected {template}, to which its scans are aligned. Received: none.")
    return {
        "recipe": job.recipe,
        "variant": job.variant,
        "bags": job.bags,
        "fold": job.fold,
        "seed": job.seed,
        "options": job.options,
        "data": {
            "folder": str(dataset.folder),
            "shards": runs.digest(dataset.info["shards"]),
            "splits": runs.digest({name: source.ids for name, source in sources.items()}),
        },
        "preprocessing": dataset.info.get("preprocessing", {}),
        "spacing": spacing_range(sources["train"]),
        "channels": int(model.input_shape[-1]),
        "parameters": int(model.count_params()),
        "initial_weights": runs.weights_digest(model),
        **({"replicas": crew.replicas} if crew.replicas > 1 else {}),
        **runs.environment(),
    }


# What must agree before a run is resumed; versions, hardware and command may differ, at the user's own risk of bits.
_IDENTITY = ("recipe", "variant", "bags", "fold", "seed", "preprocessing")


def _identity(config):
    """What must agree between the workers of a run."""
    kept = {name: config[name] for name in (*_IDENTITY, "options", "initial_weights")}
    return {**kept, "shards": config["data"]["shards"], "splits": config["data"]["splits"]}


def _start(folder, config, sources, resume):
    """Makes or checks the folder; returns (there is a checkpoint to resume from, the run is finished)."""
    resuming = _prepare(folder, config, resume)
    if is_finished(folder):
        return resuming, True
    runs.write_table(
        folder / "bags.csv", ("id", "patient", "label"),
        zip(sources["train"].ids, sources["train"].patients, sources["train"].labels[:, 0]),
    )
    return resuming, False


def _prepare(folder, config, resume):
    """Makes the folder or checks the one that is there; returns whether there is a checkpoint to resume from."""
    if (folder / "config.json").exists():
        if not resume:
            raise runs.RunError(f"{folder} holds a run already; go on with --resume, or choose another --out.")
        before = runs.read_config(folder)
        changed = _changes(before, _plain(config))
        if changed:
            raise runs.RunError(
                f"{folder} cannot be resumed: it was made with another {', '.join(changed)}; choose another --out."
            )
        return Checkpoints.exist(folder / "checkpoints")
    if folder.exists():
        shutil.rmtree(folder)  # killed before its config was whole: nothing of it is known
    (folder / "checkpoints").mkdir(parents=True)
    runs.write_json(folder / "config.json", config)
    return False


def _changes(before, now):
    """What differs between a run and the command that would resume it, each in a few words."""
    then = before["options"]
    found = [name for name in _IDENTITY if before.get(name) != now[name]]
    found += [
        f"{name} ({then.get(name)}, now {value})" for name, value in now["options"].items() if value != then.get(name)
    ]
    data = ("shards", "splits")
    found += [f"data ({name})" for name in data if before["data"].get(name) != now["data"][name]]
    weights = "initial_weights"  # said only where nothing explains them: another version drew them
    return found or [weights] * (before.get(weights) != now[weights])


def _plain(value):
    """As JSON gives it back: tuples as lists."""
    return json.loads(json.dumps(value))


class _Method(NamedTuple):
    plan: Plan
    signal_of: Callable
    window_of: Callable
    optimizer: keras.optimizers.Optimizer
    learning_rate: Callable | None
    reads_ahead: Callable


def _method(job, learner):
    """What the options ask the loop to train with."""
    options = job.options
    plan = Plan(
        options["max_epochs"], options["patience"], options["min_delta"], job.seed,
        first_epoch=min(options["warm_up"], options["max_epochs"] - 1),
    )
    return _Method(
        plan, learner.signal_of, window_of(options), build_optimizer(options), learning_rate(options),
        lambda epoch: epoch < options["warm_up"],
    )


def _observers(job, folder, sources, scorer, show):
    images = TensorBoard(folder, sources["validation"], scorer, job.options["image_every"])
    return [HistoryTable(folder / "history.csv"), Console(show), images]


def _loop(folder, method, learner, sources, observers, crew):
    model = learner.model
    checkpoints = Checkpoints(folder / "checkpoints", model, method.optimizer, **learner.kept)
    best = best_weights(folder, model)
    if crew.replicas > 1:
        checkpoints, best = SharedCheckpoints(crew, checkpoints, model), ChiefsBest(crew, best)
    return Loop(
        method.plan, sources["train"], sources["validation"], method.signal_of, method.window_of, method.optimizer,
        model.trainable_variables, learner.search, checkpoints, best, observers, method.learning_rate, crew.agreed,
        method.reads_ahead if crew.replicas == 1 else (lambda epoch: False),
    )


def _answers(folder, model, scorer, sources, config, show):
    for name in ("validation", "test"):
        show(f"scoring {name}: {len(sources[name])} bags")
        write_tables(folder, name, sources[name], scorer)
    export(folder, model, config, config["data"]["folder"])
