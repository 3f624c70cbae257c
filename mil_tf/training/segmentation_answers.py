"""What a run of parida2021 does with its network beside training it: validation, tables, TensorBoard, export."""

from pathlib import Path

from mil_tf.models.unet_export import ExportedSegmenter
from mil_tf.training.segmentation_board import SegmentationBoard
from mil_tf.training.segmentation_tables import known_slices, write_tables
from mil_tf.training.segmentation_truth import check_labels, check_slices, classes_of, truth
from mil_tf.training.segmentation_validation import validate
from mil_tf.training.stages import final_weights, weights_before
from tfrecords.errors import DatasetError

LEARNED = "training"  # what a cohort is called whose slices were learned from


class SegmentationAnswers:
    """The parts of a `mil_tf.training.prepared.Prepared` that answer.

    Args:
        model: of `mil_tf.models.unet`.
        segmenter: its `mil_tf.training.segmenter.Segmenter`.
        options: of the recipe, resolved.
        facts: the run's config, or at least its "classes".
        learned: ids of the pixel set, where the run trains.
    """

    def __init__(self, model, segmenter, options, facts, learned=()):
        self._model, self._segmenter, self._options = model, segmenter, options
        self._classes, self._learned = list(facts["classes"]), list(learned)

    def validate(self, source, segmenter):
        """The metrics of an epoch."""
        return validate(source, segmenter, len(self._classes))

    def board(self, folder, source):
        """The observer that writes TensorBoard's files."""
        return SegmentationBoard(
            folder, source, self._segmenter, len(self._classes), self._options["image_every"]
        )

    def tables(self, folder, name, source):
        """Writes a cohort's tables, of stage 1's weights and of the last."""
        data_set = LEARNED if list(source.ids) == self._learned else name
        weights = {"before": weights_before(folder, self._model), "after": final_weights(folder, self._model)}
        write_tables(folder, name, source, self._segmenter, weights, self._classes, data_set)

    def exported(self, folder):
        """(module, facts) for `mil_tf.export`."""
        final_weights(Path(folder), self._model).load()
        return ExportedSegmenter(self._model), {"segmentation": {"classes": self._classes}}

    def refuses(self, dataset, source):
        """Raises DatasetError where bags are of other classes, or no truth is known or it cannot be."""
        check_labels(dataset, dataset.rows)
        check_slices(dataset, source)
        if classes_of(dataset) != self._classes:
            raise DatasetError(
                f"{dataset.folder}: Expected the classes that the run learned, {', '.join(self._classes)}. Received: "
                f"{', '.join(classes_of(dataset))}."
            )
        known = known_slices(source)
        if not any(truth(source, place, len(self._classes)).any() for place in known):
            raise DatasetError(f"{dataset.folder}: Expected slices with blood in their masks. Received: none.")
