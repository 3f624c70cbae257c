"""The method of kraus2016: a microscopy field is the bag, positions of its class maps are the instances.

The network's pooling makes a field's answer, and a step is an ordinary mini-batch of whole fields.
"""

import keras
import numpy as np

from mil_tf import registry, runs
from mil_tf.data import several
from mil_tf.field_augment import ROTATIONS, FieldAugmentation
from mil_tf.field_cells import centres
from mil_tf.models.build import arithmetic
from mil_tf.models.conv_mil import ENDINGS, NONE, POOLINGS, conv_mil, joint_loss, learner, least, stride
from mil_tf.models.conv_mil_export import ExportedFields
from mil_tf.models.moments import moments
from mil_tf.options import OptionError
from mil_tf.sources import FIELDS
from mil_tf.training.field_board import FieldBoard
from mil_tf.training.field_learning import Cells, FieldLearning, Whole
from mil_tf.training.field_scoring import FieldScorer
from mil_tf.training.field_tables import told_pooling, write_tables
from mil_tf.training.field_validation import METRICS, SHOWN, validate
from mil_tf.training.loop import Plan
from mil_tf.training.method import build_optimizer
from mil_tf.training.prepared import Prepared, Restored
from mil_tf.training.shared import Replica, share_out
from tfrecords.errors import DatasetError

MEASURED = 256  # fields whose pixels give the constants, evenly taken from the training set (our decision)
POOLING = "pooling.json"
TOLD = ("classes", "channels", "single_label", "ending", "standardisation")  # of the config, for the exported model
CHOICES = {
    "learns_from": ("images", "cells"), "ending": ("auto", *ENDINGS), "rotation": ROTATIONS, "keep": ("best", "last"),
    "monitor": ("loss", "error"),
}


def resolved(options):
    """The options; none depends on the machine."""
    return options


def check_labels(dataset, rows):
    """Raises DatasetError where bags are no fields, or a label is no whole answer: 0 or 1 of every class."""
    _check_kind(dataset)
    classes = _classes(dataset)
    for row in rows:
        if len(row.label) != len(classes) or not set(row.label) <= {0, 1}:
            raise DatasetError(
                f"{dataset.folder}, bag {row.id}: Expected 0 or 1 for each of {len(classes)} classes. Received: "
                f"{row.label}."
            )


def prepare(job, dataset, sources, crew):
    """Returns the Prepared of a job. Raises ValueError where an option or the data cannot be."""
    options, train = job.options, sources["train"]
    _check(options)
    facts = _facts(options, dataset, sources)
    _check_fields(options, dataset, sources)
    facts["standardisation"] = _constants(train)
    made = []

    def build():
        made.append(_replica(job, facts))
        return made[-1]

    # One replica validates, for all, on whole fields of any size.
    replica = share_out(crew, build)._replace(search=made[0].search)
    parts = _Parts(replica.model, replica.scorer, options, facts)
    return Prepared(
        replica, _plan(job), lambda epoch: options["window"], build_optimizer({**options, "weight_decay": 0.0}),
        lambda epoch: options["learning_rate"], lambda epoch: True, facts, parts.finish, parts.exported, parts.answers,
        parts.validated(crew), SHOWN, parts.board,
    )


def restore(options, config):
    """Returns the Restored of a run's options and config."""
    model = _model(options, config["seed"], config)
    scorer = _scorer(options, model)
    parts = _Parts(model, scorer, options, config)
    return Restored(model, scorer, None, model, parts.refuses, parts.answers)


class _Parts:
    """What a run does with its network beside training it.

    Args:
        model, scorer: of the run.
        options: of the recipe, resolved.
        facts: the run's config, or what `_facts` gives.
    """

    def __init__(self, model, scorer, options, facts):
        self._model, self._scorer, self._options, self._facts = model, scorer, options, facts

    def answers(self, folder, name, source):
        """Writes a cohort's tables."""
        write_tables(folder, name, source, self._scorer, self._facts["classes"])

    def finish(self, folder, sources, show):
        """Writes what the pooling has learned."""
        runs.write_json(folder / POOLING, self._pooling())

    def exported(self, folder):
        """(module, facts) for `mil_tf.export`."""
        first = self._options["first_stride"]
        shape = {"stride": stride(first), "least": least(first), "cell_crop": self._options["cell_crop"]}
        facts = {name: self._facts[name] for name in TOLD}
        return ExportedFields(self._model), {**facts, "pooling": self._pooling(), **shape}

    def board(self, folder, source):
        """The observer that writes TensorBoard's files."""
        return FieldBoard(folder, source, self._scorer, self._facts["classes"], self._options["image_every"])

    def validated(self, crew):
        """(source, scorer) -> metrics, which the chief of a crew measures."""
        how = self._facts["ending"], _pooling(self._options) != NONE

        def measured(source, scorer):
            found = crew.of_chief(lambda: list(validate(source, scorer, *how).values()), len(METRICS))
            return dict(zip(METRICS, map(float, found)))

        return measured

    def refuses(self, dataset, source):
        """Raises DatasetError where fields have other channels or classes, or are too small."""
        check_labels(dataset, dataset.rows)
        for name, found in (("channels", _channels(dataset)), ("classes", _classes(dataset))):
            if found != self._facts[name]:
                raise DatasetError(
                    f"{dataset.folder}: Expected the {name} that the run learned from, {_listed(self._facts[name])}. "
                    f"Received: {_listed(found)}."
                )
        _check_bags(self._options, dataset, source)

    def _pooling(self):
        text = _pooling(self._options)
        return told_pooling(text, None if text == NONE else self._model.get_layer("mil_pool"), self._facts["classes"])


def _check(options):
    for name, known in CHOICES.items():
        if options[name] not in known:
            raise OptionError(f"--set {name}: Expected one of {known}. Received: {options[name]!r}.")
    name, _ = registry.parsed(options["pooling"], "pooling")
    if name not in POOLINGS:
        raise OptionError(f"--set pooling: Expected one of {POOLINGS}. Received: {options['pooling']!r}.")
    needed = least(options["first_stride"])
    for name, fits in (("crop", {0}), ("cell_crop", set())):
        if options[name] < needed and options[name] not in fits:
            raise OptionError(
                f"--set {name}: Expected at least the {needed} pixels of one position of the network. Received: "
                f"{options[name]}."
            )


def _check_kind(dataset):
    if dataset.info.get("preprocessing", {}).get("kind") != FIELDS:
        raise DatasetError(
            f"{dataset.folder}: Expected microscopy fields, of `python -m preprocessing fields`. Received: bags of "
            f"another kind, {dataset.info.get('preprocessing', {}).get('kind')!r}."
        )


def _facts(options, dataset, sources):
    """{"classes", "channels", "single_label", "ending"}: what the run's config tells beside the options."""
    labels = np.concatenate([source.labels for source in sources.values()])
    single = bool((labels.sum(axis=1) == 1).all())
    if options["ending"] == "softmax" and not single:
        raise OptionError(
            f"--set ending: Expected sigmoid, or fields of one class each. Received: softmax, and fields of "
            f"{labels.sum(axis=1).min()} to {labels.sum(axis=1).max()} classes."
        )
    ending = options["ending"] if options["ending"] != "auto" else ENDINGS[not single]
    return {"classes": _classes(dataset), "channels": _channels(dataset), "single_label": single, "ending": ending}


def _classes(dataset):
    return list(dataset.info.get("classes") or ())


def _channels(dataset):
    """Names of the channels; numbers in their place where the data set tells none."""
    told = dataset.info.get("preprocessing", {}).get("channels")
    return list(told) if told else []


def _listed(names):
    return ", ".join(names) or "none"


def _check_fields(options, dataset, sources):
    for source in sources.values():
        _check_bags(options, dataset, source)
    found, told = sources["train"].instance_shape[-1], _channels(dataset)
    if found != len(told):
        raise DatasetError(
            f"{dataset.folder}: Expected as many channels as dataset.json names, {_listed(told)}. Received: {found}."
        )
    train = sources["train"]
    if options["learns_from"] == "cells" and not any(len(centres(train.fields(i))[0]) for i in range(len(train))):
        raise DatasetError(
            f"{dataset.folder}: Expected training fields whose cells are known, to learn from cells. Received: none; "
            "give `python -m preprocessing fields` a table of cells."
        )


def _check_bags(options, dataset, source):
    """Raises DatasetError where a bag is not a single field that is large enough."""
    needed, told = least(options["first_stride"]), several(source, "images")
    if told:
        raise DatasetError(f"{dataset.folder}: Expected bags of one field. Received: {told}.")
    for position in range(len(source)):
        height, width, _ = source.shape(position)
        if min(height, width) < needed:
            raise DatasetError(
                f"{dataset.folder}, bag {source.ids[position]}: Expected a field of at least {needed} x {needed} "
                f"pixels, one position of the network. Received: {height} x {width}."
            )


def _constants(source):
    """{"mean", "std"} of the channels, plain numbers for the run's config."""
    places = np.unique(np.linspace(0, len(source) - 1, MEASURED).astype(int))
    mean, std = moments((source.image(int(place)) for place in places), "fields")
    return {"mean": list(mean), "std": list(std)}


def _plan(job):
    options = job.options
    last = options["max_epochs"] - 1
    first = last if options["keep"] == "last" else 0
    patience = options["max_epochs"] if options["keep"] == "last" else options["patience"]
    return Plan(
        options["max_epochs"], patience, 0.0, job.seed, first, monitor=f"validation_{options['monitor']}",
    )


def _pooling(options):
    """The pooling; none in a network that learns from single cells."""
    return NONE if options["learns_from"] == "cells" else options["pooling"]


def _model(options, seed, facts):
    keras.utils.set_random_seed(seed)
    constants = facts["standardisation"]
    with arithmetic(options["precision"]):
        return conv_mil(
            len(facts["classes"]), len(facts["channels"]), constants["mean"], constants["std"], _pooling(options),
            facts["ending"], options["widths"], options["first_stride"], options["pool_dropout"], options["dropout"],
        )


def _scorer(options, model):
    return FieldScorer(model, options["cell_crop"], options["learns_from"] == "cells", options["chunk"])


def _replica(job, facts):
    options = job.options
    model = _model(options, job.seed, facts)
    scorer = _scorer(options, model)
    scale = options["loss_scale"] if options["precision"] == "mixed_float16" else 1.0
    loss = joint_loss(facts["ending"])
    learning = FieldLearning(learner(model), _gather(options, job.seed), loss, options["micro_batch"], scale)
    return Replica(model, scorer, scorer, lambda epoch: learning)


def _gather(options, seed):
    if options["learns_from"] == "images":
        return Whole(FieldAugmentation(options["crop"], options["rotation"], seed))
    augment = FieldAugmentation(0, options["rotation"], seed)
    return Cells(options["cell_crop"], options["cells"], augment, seed)
