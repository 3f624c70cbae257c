"""One run from arguments to answers: subset, model, loop, tables, SavedModel, all in one folder."""

import dataclasses
import hashlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from mil_tf import registry, runs, selection
from mil_tf.augment import augmentation
from mil_tf.data import ShardSource, nested_subset
from mil_tf.export import export, spacing_range
from mil_tf.inference import write_tables
from mil_tf.models.build import build_scorer
from mil_tf.options import OptionError
from mil_tf.training import devices
from mil_tf.training.choosers import AtRandom, ByScore
from mil_tf.training.crew import Alone
from mil_tf.training.interrupt import Interrupted
from mil_tf.training.loop import Loop, NonFiniteError, Plan
from mil_tf.training.observers import Console, HistoryTable, TensorBoard
from mil_tf.training.scoring import Scorer
from mil_tf.training.search import ExactSearch, Search
from mil_tf.training.select_then_batch import SelectThenBatch
from mil_tf.training.shared import ChiefsBest, Replica, Replicas, SharedCheckpoints, SharedSearch, SharedSignal
from mil_tf.training.state import BestWeights, Checkpoints

SCORING = ("auto", "bfloat16", "float16", "float32", "exact")
AIR = -1024.0  # HU outside the image, where an augmentation moves it in


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
    devices.grow_memory()
    keras.backend.clear_session()
    folder = job.folder(out)
    sources = _sources(job, dataset)
    crew = crew or Alone()
    learner = _learner(job, sources["train"].instance_shape, crew)
    model, scorer = learner.model, learner.scorer
    method = _method(job, learner)  # before the folder: an option that cannot be leaves nothing behind
    config = _config(job, dataset, sources, model, crew)
    crew.agree("command, data and initial weights", _digest(_identity(config)))
    resuming, finished = crew.of_chief(lambda: _start(folder, config, sources, resume), 2)
    if finished:
        show(f"{folder}: finished already")
        return folder
    try:
        observers = _observers(job, folder, sources, scorer, show) if crew.chief else ()
        state = _loop(folder, method, learner, sources, observers, crew).run(bool(resuming))
    except Interrupted as stop:
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
    model = build_scorer(config["options"], config["seed"], config["channels"])
    best_weights(folder, model).load()
    return Scorer(model, config["options"]["chunk"])


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
        scorer = Scorer(model, job.options["chunk"])
        search = build_search(job.options, model, scorer)
        return Replica(model, scorer, search, build_signals(job.options, model, search, job.seed))

    if crew.replicas == 1:
        return build()
    replicas = Replicas(crew, build)
    signal = SharedSignal(replicas)
    return replicas.leader._replace(search=SharedSearch(replicas), signal_of=lambda epoch: signal)


def _config(job, dataset, sources, model, crew):
    return {
        "recipe": job.recipe,
        "variant": job.variant,
        "bags": job.bags,
        "fold": job.fold,
        "seed": job.seed,
        "options": job.options,
        "data": {
            "folder": str(dataset.folder),
            "shards": _digest(dataset.info["shards"]),
            "splits": _digest({name: source.ids for name, source in sources.items()}),
        },
        "preprocessing": dataset.info.get("preprocessing", {}),
        "spacing": spacing_range(sources["train"]),
        "channels": int(model.input_shape[-1]),
        "parameters": int(model.count_params()),
        "initial_weights": runs.weights_digest(model),
        **({"replicas": crew.replicas} if crew.replicas > 1 else {}),
        **runs.environment(),
    }


def _digest(facts):
    """One digest that stands for the names and sha256 of the shards, or for the bags of each split."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


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


def _method(job, learner):
    """What the options ask the loop to train with."""
    options = job.options
    plan = Plan(
        options["max_epochs"], options["patience"], options["min_delta"], job.seed,
        first_epoch=min(options["warm_up"], options["max_epochs"] - 1),
    )
    return _Method(plan, learner.signal_of, window_of(options), build_optimizer(options), learning_rate(options))


def _observers(job, folder, sources, scorer, show):
    images = TensorBoard(folder, sources["validation"], scorer, job.options["image_every"])
    return [HistoryTable(folder / "history.csv"), Console(show), images]


def _loop(folder, method, learner, sources, observers, crew):
    model = learner.model
    checkpoints, best = Checkpoints(folder / "checkpoints", model, method.optimizer), best_weights(folder, model)
    if crew.replicas > 1:
        checkpoints, best = SharedCheckpoints(crew, checkpoints, model), ChiefsBest(crew, best)
    return Loop(
        method.plan, sources["train"], sources["validation"], method.signal_of, method.window_of, method.optimizer,
        model.trainable_variables, learner.search, checkpoints, best, observers, method.learning_rate, crew.agreed,
    )


def build_optimizer(options):
    """The optimizer that the options name. `epsilon` is Adam's; another optimizer keeps its own."""
    takes_epsilon = options["optimizer"].partition("(")[0].strip().lower() in ("adam", "adamw")
    extra = {"epsilon": options["epsilon"]} if takes_epsilon else {}
    if options["weight_decay"]:
        extra["weight_decay"] = options["weight_decay"]
    return registry.optimizer(options["optimizer"], options["learning_rate"], **extra)


def build_search(options, model, scorer):
    """The search that the options name. Raises OptionError."""
    kind = options["scoring"]
    if kind not in SCORING:
        raise OptionError(f"--set scoring: Expected one of {SCORING}. Received: {kind!r}.")
    if kind == "exact":
        return ExactSearch(scorer)
    return Search(model, scorer, devices.search_dtype() if kind == "auto" else kind, options["chunk"])


def build_signals(options, model, search, seed):
    """epoch -> signal: random instances while warming up, the selection afterwards.

    The random instances of the warm-up are a sample of all instances, so the moving averages of a batch normalisation
    that they leave behind fit what is scored; `freeze_norm` keeps them from there on.
    """
    loss = registry.loss(options["loss"])
    augment = augmentation(options["augmentation"], seed, AIR)
    select = getattr(selection, options["selection"], None)
    if options["selection"] not in selection.NAMES:
        raise OptionError(f"--set selection: Expected one of {selection.NAMES}. Received: {options['selection']!r}.")
    frozen = bool(options["warm_up"]) and options["freeze_norm"]
    learning = SelectThenBatch(
        model, ByScore(search, select), loss, options["micro_batch"], augment, training=not frozen
    )
    if not options["warm_up"]:
        return lambda epoch: learning
    warming = SelectThenBatch(
        model, AtRandom(options["warm_up_instances"], seed), loss, options["micro_batch"], augment
    )
    return lambda epoch: warming if epoch < options["warm_up"] else learning


def window_of(options):
    """epoch -> bags an optimizer step."""
    return lambda epoch: options["warm_up_window" if epoch < options["warm_up"] else "window"]


def learning_rate(options):
    """epoch -> learning rate: the warm-up's, then constant or a cosine down to max_epochs."""
    if options["schedule"] not in ("constant", "cosine"):
        raise OptionError(f"--set schedule: Expected constant or cosine. Received: {options['schedule']!r}.")
    first, last = options["warm_up"], options["max_epochs"]

    def rate(epoch):
        if epoch < first:
            return options["warm_up_learning_rate"]
        if options["schedule"] == "constant":
            return options["learning_rate"]
        return options["learning_rate"] * 0.5 * (1 + math.cos(math.pi * (epoch - first) / (last - first)))

    return rate


def _answers(folder, model, scorer, sources, config, show):
    for name in ("validation", "test"):
        show(f"scoring {name}: {len(sources[name])} bags")
        write_tables(folder, name, sources[name], scorer)
    export(folder, model, config)
