"""The method of parida2021: a segmenter learns a few slices with masks, then recursively many with a label alone.

The loop is stage 1; stages 2 and 3 come after it (`mil_tf.training.mask_choice`, `mil_tf.training.recursion`).
"""

import keras

from mil_tf.image_set import open_images
from mil_tf.inference import same_preprocessing
from mil_tf.models.build import arithmetic
from mil_tf.models.unet import unet
from mil_tf.options import OptionError
from mil_tf.sources import source_of
from mil_tf.training import segmentation_truth
from mil_tf.training.loop import Plan
from mil_tf.training.method import build_optimizer
from mil_tf.training.prepared import Prepared, Restored
from mil_tf.training.segmentation_answers import SegmentationAnswers
from mil_tf.training.segmentation_learning import SegmentationLearning, pixel_batch
from mil_tf.training.segmentation_truth import check_labels, classes_of  # noqa: F401  of what a method has
from mil_tf.training.segmentation_validation import SHOWN
from mil_tf.training.segmenter import Segmenter
from mil_tf.training.shared import Replica
from mil_tf.training.stages import Stages
from tfrecords.errors import DatasetError

ANSWERS = "masks"  # what the run's config tells, see `mil_tf.evaluation.segmentation.run`


def resolved(options):
    """The options; none depends on the machine."""
    return options


def prepare(job, dataset, sources, crew):
    """Returns the Prepared of a job. Raises ValueError where an option or the data cannot be."""
    options, classes = job.options, classes_of(dataset)
    segmentation_truth.check_options(options)
    if crew.replicas > 1:
        raise OptionError("--strategy: Expected none with parida2021, which learns on one device. Received: several.")
    images = _images(options, dataset, sources)
    for source in sources.values():
        segmentation_truth.check_slices(dataset, source)
    facts = {"answers": ANSWERS, "classes": classes, "images": len(images),
             "standardisation": segmentation_truth.constants(dataset, sources["train"], len(classes))}
    model = _model(options, job.seed, facts)
    segmenter = Segmenter(model, options["chunk"])
    scale = options["loss_scale"] if options["precision"] == "mixed_float16" else 1.0
    learning = SegmentationLearning(model, options["dice_weight"], options["micro_batch"], scale)
    answers = SegmentationAnswers(model, segmenter, options, facts, sources["train"].ids)
    replica = Replica(model, segmenter, segmenter, lambda epoch: _signal(learning, len(classes)))
    return Prepared(
        replica, _plan(job), lambda epoch: options["window"], build_optimizer({**options, "weight_decay": 0.0}),
        lambda epoch: options["learning_rate"], facts=facts, exported=answers.exported, answers=answers.tables,
        validate=answers.validate, shown=SHOWN, board=answers.board,
        further=Stages(job, images, segmenter, learning, classes),
    )


def restore(options, config):
    """Returns the Restored of a run's options and config."""
    model = _model(options, config["seed"], config)
    segmenter = Segmenter(model, options["chunk"])
    answers = SegmentationAnswers(model, segmenter, options, config)
    return Restored(model, segmenter, None, model, answers.refuses, answers.tables)


def _signal(learning, classes):
    """Stage 1's: equation 1 alone, of the true masks."""
    return lambda source, window, epoch: learning(pixel_batch(source, window, classes, False))


def _plan(job):
    options, epochs = job.options, job.options["max_epochs"]
    return Plan(epochs, epochs, 0.0, job.seed, epochs - 1 if options["keep"] == "last" else 0)


def _model(options, seed, facts):
    keras.utils.set_random_seed(seed)
    constants = facts["standardisation"]
    with arithmetic(options["precision"]):
        return unet(
            len(facts["classes"]), 1, options["width"], options["depth"], options["norm"], options["dropout"],
            constants["mean"], constants["std"],
        )


def _images(options, dataset, sources):
    """The source of the image-level set, checked against the pixel set."""
    images, rows = open_images(options["images"])
    segmentation_truth.check_image_labels(images, rows)
    if classes_of(images) != classes_of(dataset):
        raise DatasetError(
            f"{images.folder}: Expected the pixel set's classes, {', '.join(classes_of(dataset))}. Received: "
            f"{', '.join(classes_of(images))}."
        )
    same_preprocessing({"preprocessing": dataset.info.get("preprocessing", {})}, images)
    source = source_of(images, rows)
    segmentation_truth.check_slices(images, source)
    learned = set(sources["train"].patients)
    held = set(sources["validation"].patients) | set(sources["test"].patients)
    shared = sorted((held - learned) & set(source.patients))
    if shared:
        raise DatasetError(
            f"{images.folder}: Expected patients that {dataset.folder} neither validates nor tests on. Received: "
            f"{len(shared)} that it does, such as {shared[0]!r}; take them out, or give other people other patient ids."
        )
    if source.instance_shape != sources["train"].instance_shape:
        raise DatasetError(
            f"{images.folder}: Expected slices of {sources['train'].instance_shape}, as the pixel set's. Received: "
            f"{source.instance_shape}."
        )
    return source
