"""The method of nemcek2021: a slice is the bag, positions of its feature map are the instances that are pooled.

The network's pooling makes a slice's answer, so that every slice of a window takes part in the gradient: the loop's
selection is all there is, and a step is an ordinary mini-batch.
"""

import keras
import numpy as np
import tensorflow as tf

from mil_tf import registry
from mil_tf.data import several
from mil_tf.models.build import arithmetic
from mil_tf.models.channels import RELEASED_MEAN, RELEASED_STD, measured
from mil_tf.models.position_mil import network
from mil_tf.models.position_scorer import position_models
from mil_tf.options import OptionError
from mil_tf.slice_augment import KINDS, cropped, slice_augmentation
from mil_tf.training import detecting
from mil_tf.training.choosers import Every
from mil_tf.training.decay import Decayed
from mil_tf.training.loop import Plan
from mil_tf.training.method import AIR, build_optimizer
from mil_tf.training.prepared import Prepared, Restored
from mil_tf.training.scoring import MICRO_PIXELS, Scorer, fitting
from mil_tf.training.search import ExactSearch
from mil_tf.training.select_then_batch import SelectThenBatch
from mil_tf.training.shared import Replica, share_out
from tfrecords.errors import DatasetError

DROP = 0.1  # nemcek2021, section II-E
MEASURED = 4096  # slices whose pixels give the constants, evenly taken from the training set (our decision)
BATCH = 128  # slices a gradient pass at most: nemcek2021's batch
CHOICES = {
    "standardisation": ("measured", "released"), "keep": ("best", "last"), "detector": ("tuned", "published"),
    "augmentation": tuple(KINDS),
}


def resolved(options):
    """The options; none depends on the machine."""
    return options


def prepare(job, dataset, sources, crew):
    """Returns the Prepared of a job. Raises ValueError where an option or the data cannot be."""
    options, train = job.options, sources["train"]
    _check(options, dataset, sources)
    constants = _constants(options, train)
    made = []

    def build():
        made.append(_models(options, job.seed, constants))
        return _replica(job, made[-1], train, _fill(dataset))

    replica = share_out(crew, build)
    first = options["max_epochs"] - 1 if options["keep"] == "last" else min(_soft(options), options["max_epochs"] - 1)
    plan = Plan(
        options["max_epochs"], options["max_epochs"], 0.0, job.seed, first, monitor="validation_error",
    )
    detect = detecting.Detecting(made[0], options, job.seed)
    return Prepared(
        replica, plan, lambda epoch: options["window"], build_optimizer({**options, "weight_decay": 0.0}),
        learning_rate(options), lambda epoch: True, {"standardisation": constants}, detect.finish, detect.exported,
    )


def restore(options, config):
    """Returns the Restored of a run's options and config."""
    models = _models(options, config["seed"], config["standardisation"])
    scorer = Scorer(models.scorer, options["chunk"])
    detect = detecting.Detecting(models, options, config["seed"])
    return Restored(models.scorer, scorer, detect.tables, models, of_one_slice)


def learning_rate(options):
    """epoch -> learning rate: a tenth from each of the drops on."""
    return lambda epoch: options["learning_rate"] * DROP ** sum(epoch >= drop for drop in options["drops"])


def class_weights(labels):
    """N / N of the class, (2,), negative and positive.

    Args:
        labels: 0 or 1 of the training slices, (N,).

    Raises:
        OptionError: one class is missing.
    """
    counts = np.bincount(np.asarray(labels, np.int64), minlength=2)
    if not counts.all():
        raise OptionError(f"Expected training slices of both kinds. Received: {counts[1]} positive of {counts.sum()}.")
    return (counts.sum() / counts).astype(np.float32)


def weighted(loss, weights):
    """The loss times its target's weight.

    Args:
        loss: (targets (m, 2), logits (m, 2)) -> (m,).
        weights: (2,).
    """
    return lambda targets, logits: loss(targets, logits) * tf.linalg.matvec(targets, tf.constant(weights))


def _check(options, dataset, sources):
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise OptionError(f"--set {name}: Expected one of {known}. Received: {options[name]!r}.")
    for source in sources.values():
        of_one_slice(dataset, source)
    detecting.check(options)


def of_one_slice(dataset, source):
    """Raises DatasetError where a bag is not a single slice."""
    told = several(source)
    if told:
        raise DatasetError(
            f"{dataset.folder}: Expected bags of one slice, of `python -m preprocessing ct --unit slice`. "
            f"Received: {told}."
        )


def _constants(options, source):
    """{"mean", "std"} of the channels, plain numbers for the run's config."""
    if options["standardisation"] == "released":
        return {"mean": RELEASED_MEAN, "std": RELEASED_STD}
    places = np.unique(np.linspace(0, len(source) - 1, MEASURED).astype(int))
    mean, std = measured(source.take(int(place), [0]) for place in places)
    return {"mean": mean, "std": std}


def _models(options, seed, constants):
    keras.utils.set_random_seed(seed)
    with arithmetic(options["precision"]):
        found = network(options["form"], options["pooling"], options["blocks"])
        if options["start"]:
            _start(found, options["start"])
        return position_models(found, constants["mean"], constants["std"], options["seen"])


def _start(found, path):
    """Gives the network the weights of a network.keras."""
    try:
        found.set_weights(keras.models.load_model(path, compile=False).get_weights())
    except (OSError, ValueError) as error:
        raise OptionError(
            f"--set start: Expected the network.keras of a network of this form and pooling. Received: {path} "
            f"({str(error).splitlines()[0]})."
        ) from error


def _replica(job, models, train, fill):
    options = job.options
    loss = registry.loss(options["loss"])
    if options["class_weights"]:
        loss = weighted(loss, class_weights(train.labels[:, 0]))
    augment = slice_augmentation(KINDS[options["augmentation"]], options["crop"], models.input, job.seed, fill)
    size = options["micro_batch"] or fitting(cropped(train.instance_shape[:2], options["crop"]), MICRO_PIXELS, BATCH)
    scale = options["loss_scale"] if options["precision"] == "mixed_float16" else 1.0

    def signal(learner):
        return Decayed(SelectThenBatch(learner, Every(), loss, size, augment, True, scale), options["decay"])

    learning = signal(models.learner)
    softly = signal(models.soft) if _soft(options) else learning
    scorer = Scorer(models.scorer, options["chunk"])
    of_epoch = lambda epoch: softly if epoch < _soft(options) else learning  # noqa: E731
    return Replica(models.scorer, scorer, ExactSearch(scorer), of_epoch)


def _soft(options):
    """Epochs of soft pooling: attention's map is no map of logits, and has a gradient everywhere."""
    return options["soft_epochs"] if options["pooling"] == "max" else 0


def _fill(dataset):
    """HU around the slices of a data set, which an augmentation moves in."""
    settings = dataset.info.get("preprocessing", {}).get("settings", {})
    null = settings.get("null", "auto")
    if null != "auto":
        return float(null)
    return AIR if settings.get("brain", "none") == "none" else 0.0
