"""What a recipe's options ask the loop to train with: optimizer, search, signals, windows, learning rate."""

import math

from mil_tf import registry, selection
from mil_tf.augment import augmentation
from mil_tf.options import OptionError
from mil_tf.training import devices
from mil_tf.training.choosers import AtRandom, ByScore
from mil_tf.training.cropping import AREAS
from mil_tf.training.rescoring import ByLikeliest
from mil_tf.training.search import ExactSearch, Search
from mil_tf.training.select_then_batch import SelectThenBatch

SCHEDULES = ("constant", "cosine")
SCORING = ("auto", "bfloat16", "float16", "float32", "exact")
AIR = -1024.0  # HU outside the image, where an augmentation moves it in


def build_optimizer(options):
    """The optimizer that the options name. `epsilon` is Adam's; another optimizer keeps its own."""
    takes_epsilon = options["optimizer"].partition("(")[0].strip().lower() in ("adam", "adamw")
    extra = {"epsilon": options["epsilon"]} if takes_epsilon else {}
    if options["weight_decay"]:
        extra["weight_decay"] = options["weight_decay"]
    return registry.optimizer(options["optimizer"], options["learning_rate"], **extra)


def resolved_scoring(kind):
    """The precision that `scoring` stands for on this machine."""
    return devices.search_dtype() if kind == "auto" else kind


def build_search(options, model, scorer):
    """The search that the options name. Raises OptionError."""
    kind = options["scoring"]
    if kind not in SCORING:
        raise OptionError(f"--set scoring: Expected one of {SCORING}. Received: {kind!r}.")
    if options["score_area"] not in AREAS:
        raise OptionError(f"--set score_area: Expected one of {AREAS}. Received: {options['score_area']!r}.")
    if kind == "exact":
        if options["score_area"] != "full":
            raise OptionError("--set score_area: Expected full where scoring is exact. Received: 'head'.")
        return ExactSearch(scorer)
    dtype = resolved_scoring(kind)
    return Search(model, scorer, dtype, options["chunk"], options["jit"], options["score_area"])


def build_chooser(options, search, bags):
    """What chooses the instances after the warm-up, for a number of training bags. Raises OptionError."""
    if options["selection"] not in selection.NAMES:
        raise OptionError(f"--set selection: Expected one of {selection.NAMES}. Received: {options['selection']!r}.")
    select = getattr(selection, options["selection"])
    if not options["rescore_top"]:
        return ByScore(search, select)
    return ByLikeliest(search, select, bags, options["rescore_top"], options["rescore_every"])


def build_signals(options, model, chooser, seed):
    """epoch -> signal: random instances while warming up, the selection afterwards.

    The random instances of the warm-up are a sample of all instances, so the moving averages of a batch normalisation
    that they leave behind fit what is scored; `freeze_norm` keeps them from there on.
    """
    loss = registry.loss(options["loss"])
    augment = augmentation(options["augmentation"], seed, AIR)
    frozen = bool(options["warm_up"]) and options["freeze_norm"]
    scale = options["loss_scale"] if options["precision"] == "mixed_float16" else 1.0

    def signal(choose, training):
        return SelectThenBatch(model, choose, loss, options["micro_batch"], augment, training, scale)

    learning = signal(chooser, not frozen)
    if not options["warm_up"]:
        return lambda epoch: learning
    warming = signal(AtRandom(options["warm_up_instances"], seed), True)
    return lambda epoch: warming if epoch < options["warm_up"] else learning


def window_of(options):
    """epoch -> bags an optimizer step."""
    return lambda epoch: options["warm_up_window" if epoch < options["warm_up"] else "window"]


def learning_rate(options):
    """epoch -> learning rate: the warm-up's, then constant or a cosine down to max_epochs."""
    if options["schedule"] not in SCHEDULES:
        raise OptionError(f"--set schedule: Expected constant or cosine. Received: {options['schedule']!r}.")
    first, last = options["warm_up"], options["max_epochs"]

    def rate(epoch):
        if epoch < first:
            return options["warm_up_learning_rate"]
        if options["schedule"] == "constant":
            return options["learning_rate"]
        return options["learning_rate"] * 0.5 * (1 + math.cos(math.pi * (epoch - first) / (last - first)))

    return rate
