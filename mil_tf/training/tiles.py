"""The method of lerousseau2020: tiles of a slide, proxy labels by alpha and beta, maps of the test slides."""

import functools

import numpy as np

from mil_tf import registry, selection
from mil_tf.data import generator
from mil_tf.models.tile_net import IMAGENET_STD, measured, tile_scorer
from mil_tf.options import OptionError
from mil_tf.tile_augment import KINDS, tile_augmentation
from mil_tf.training.loop import Plan
from mil_tf.training.mapping import MAPS, Mapping
from mil_tf.training.method import build_optimizer
from mil_tf.training.mixed_norm import MixedNorm, evenly, mixture
from mil_tf.training.one_pass import OnePass, Sampled
from mil_tf.training.prepared import Prepared, Restored
from mil_tf.training.scoring import Scorer
from mil_tf.training.search import ExactSearch
from mil_tf.training.shared import Replica, share_out

MEASURED = 4096  # tiles whose pixels give the constants, evenly taken from the training set (our decision)
IMAGENET_MEAN = (123.675, 116.28, 103.53)  # of red, green, blue: 0.485, 0.456, 0.406 of 255
NORM_TILES = 512  # tiles whose statistics normalise an epoch (our decision)
NORM_STREAM = 6  # beside the streams of mil_tf.data and mil_tf.training
# Validation visits as many tiles of a slide as training does, always the same ones (our decision).
VALIDATION_EPOCH = 2**32 - 1
CHOICES = {
    "standardisation": ("measured", "imagenet"), "statistics": ("mixture", "slide"), "keep": ("last", "best"),
    "augmentation": KINDS, "map": MAPS,
}


def resolved(options):
    """The options; none depends on the machine."""
    return options


def prepare(job, dataset, sources, crew):
    """Returns the Prepared of a job. Raises ValueError where an option or the data cannot be."""
    options, train = job.options, sources["train"]
    _check(options, dataset, train)
    constants = _constants(options, train)
    replica = share_out(crew, lambda: _replica(job, constants, train))
    epochs = options["max_epochs"]
    first = epochs - 1 if options["keep"] == "last" else 0
    plan = Plan(epochs, epochs, 0.0, job.seed, first)
    mapping = Mapping(replica.model, options)
    mapping.check(train.instance_shape[0])
    return Prepared(
        replica, plan, lambda epoch: options["window"], build_optimizer({**options, "weight_decay": 0.0}),
        lambda epoch: options["learning_rate"], lambda epoch: True,
        {"standardisation": constants, "start": _told(options)}, mapping.finish, mapping.exported,
    )


def restore(options, config):
    """Returns the Restored of a run's options and config."""
    # The best weights replace whatever it would begin with; what kind of input they were trained on must stay.
    model = tile_scorer(options, config["seed"], config["standardisation"], load=False)
    return Restored(model, Scorer(model, options["chunk"]), Mapping(model, options).tables)


class SampledSearch:
    """The exact search among a fixed sample of every bag's instances.

    Args:
        scorer: `Scorer` of the model.
        draw: of `mil_tf.training.one_pass`.
    """

    def __init__(self, scorer, draw):
        self._search, self._draw = ExactSearch(scorer), draw

    def check(self, shape):
        """Every tile can be searched."""

    def __call__(self, source, positions, settled=True):
        """Returns one Found a bag."""
        positions = [int(p) for p in positions]
        drawn = [np.unique(self._draw(int(source.counts[p]), p, VALIDATION_EPOCH)) for p in positions]
        return self._search(source, positions, among=drawn)


def _check(options, dataset, train):
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise OptionError(f"--set {name}: Expected one of {known}. Received: {options[name]!r}.")
    try:
        alpha, _ = selection.shares(options["alpha"], options["beta"])
    except ValueError as error:
        raise OptionError(f"--set alpha, beta: {error}.") from error
    if alpha * options["patches"] < 1:
        raise OptionError(
            f"--set alpha: Expected at least 1 / patches, so that a positive slide has a positive tile. Received: "
            f"{options['alpha']} of {options['patches']} patches."
        )
    if options["start"] and options["backbone"] != "resnet50":
        raise OptionError(f"--set start: Expected backbone=resnet50, whose weights it has. Received: "
                          f"{options['backbone']}.")
    if train.instance_shape[-1] != 3:
        raise OptionError(
            f"{dataset.folder}: Expected tiles of red, green and blue, of `python -m preprocessing slides`. Received: "
            f"{train.instance_shape[-1]} channels."
        )


def _told(options):
    """How the network begins, for the run's config and its first line."""
    return f"ImageNet, {options['start']}" if options["start"] else "random"


def _constants(options, source):
    """{"mean", "std"} of the channels, plain numbers for the run's config."""
    if options["standardisation"] == "imagenet":
        return {"mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)}
    return measured(source.take(bag, indices) for bag, indices in evenly(source.counts, MEASURED))


def _replica(job, constants, train):
    options = job.options
    model = tile_scorer(options, job.seed, constants)
    scorer = Scorer(model, options["chunk"])
    draw = Sampled(options["patches"], job.seed)
    scale = options["loss_scale"] if options["precision"] == "mixed_float16" else 1.0
    augment = tile_augmentation(options["augmentation"], job.seed)
    loss, norm = registry.loss(options["loss"]), None
    if options["statistics"] == "mixture":
        norm = MixedNorm(model, lambda: mixture(train, NORM_TILES, generator(job.seed, NORM_STREAM)))

    def signal(alpha, beta):
        select = functools.partial(selection.alpha_beta, alpha=alpha, beta=beta)
        return OnePass(model, draw, select, loss, options["patches_in_memory"], augment, scale, norm)

    learning, warming = signal(options["alpha"], options["beta"]), signal(1.0, 0.0)
    of_epoch = lambda epoch: warming if epoch < options["whole_epochs"] else learning  # noqa: E731
    return Replica(model, scorer, SampledSearch(scorer, draw), of_epoch, {"norm": norm.done} if norm else {})
