"""The method of kraus2016: a microscopy field is the bag, positions of its class maps are the instances.

The network's pooling makes a field's answer, and a step is an ordinary mini-batch of whole fields. The baseline of
section 5, `learns_from=cells`, is the same network without MIL layer and fully connected layer (our reading of "a
classification CNN with a similar architecture"), trained on windows around cells under their field's label with the
last layer's cross-entropy alone.
"""

import keras
import numpy as np

from mil_tf.field_augment import FieldAugmentation
from mil_tf.models.build import arithmetic
from mil_tf.models.conv_mil import NONE, conv_mil, joint_loss, learner
from mil_tf.models.moments import moments
from mil_tf.training import field_checks
from mil_tf.training.field_answers import FieldAnswers
from mil_tf.training.field_checks import check_labels  # noqa: F401  of what a method has, see `prepared`
from mil_tf.training.field_learning import Cells, FieldLearning, Whole
from mil_tf.training.field_scoring import FieldScorer
from mil_tf.training.field_validation import SHOWN
from mil_tf.training.loop import Plan
from mil_tf.training.method import build_optimizer
from mil_tf.training.prepared import Prepared, Restored
from mil_tf.training.shared import Replica, share_out

MEASURED = 256  # fields whose pixels give the constants, evenly taken from the training set (our decision)


def resolved(options):
    """The options; none depends on the machine."""
    return options


def prepare(job, dataset, sources, crew):
    """Returns the Prepared of a job. Raises ValueError where an option or the data cannot be."""
    options = job.options
    field_checks.check_options(options)
    ending, single = field_checks.ending_of(options, sources)
    field_checks.check_fields(options, dataset, sources)
    facts = {
        "classes": field_checks.classes_of(dataset), "channels": field_checks.channels_of(dataset),
        "single_label": single, "ending": ending, "standardisation": _constants(sources["train"]),
    }
    made = []

    def build():
        made.append(_replica(job, facts))
        return made[-1]

    # The chief validates for all: fields of any size, of which no share could be told beforehand.
    replica = share_out(crew, build)._replace(search=made[0].search)
    answers = FieldAnswers(replica.model, replica.scorer, options, facts, _pooling(options))
    return Prepared(
        replica, _plan(job), lambda epoch: options["window"], build_optimizer({**options, "weight_decay": 0.0}),
        lambda epoch: options["learning_rate"], lambda epoch: True, facts, answers.finish, answers.exported,
        answers.tables, answers.validated(crew), SHOWN, answers.board,
    )


def restore(options, config):
    """Returns the Restored of a run's options and config."""
    model = _model(options, config["seed"], config)
    scorer = _scorer(options, model)
    answers = FieldAnswers(model, scorer, options, config, _pooling(options))
    return Restored(model, scorer, answers.maps, model, answers.refuses, answers.tables)


def _constants(source):
    """{"mean", "std"} of the channels, plain numbers for the run's config."""
    places = np.unique(np.linspace(0, len(source) - 1, MEASURED).astype(int))
    mean, std = moments((source.image(int(place)) for place in places), "fields")
    return {"mean": list(mean), "std": list(std)}


def _plan(job):
    options, epochs = job.options, job.options["max_epochs"]
    last = options["keep"] == "last"
    patience = epochs if last else options["patience"]
    return Plan(
        epochs, patience, 0.0, job.seed, epochs - 1 if last else 0, monitor=f"validation_{options['monitor']}"
    )


def _pooling(options):
    """The network's pooling; none of one that learns from single cells."""
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
