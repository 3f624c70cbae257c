"""What a run of kraus2016 does with its network beside training it: validation, tables, TensorBoard, export."""

from mil_tf import runs
from mil_tf.models.conv_mil import NONE, least, stride
from mil_tf.models.conv_mil_export import ExportedFields
from mil_tf.models.receptive import field
from mil_tf.training.field_board import FieldBoard
from mil_tf.training.field_checks import channels_of, check_bags, check_labels, classes_of, listed
from mil_tf.training.field_maps import write_maps
from mil_tf.training.field_tables import told_pooling, write_tables
from mil_tf.training.field_validation import METRICS, validate
from tfrecords.errors import DatasetError

POOLING = "pooling.json"
TOLD = ("classes", "channels", "single_label", "ending", "standardisation")  # of the config, for the exported model


class FieldAnswers:
    """The parts of a `mil_tf.training.prepared.Prepared` that answer.

    Args:
        model: of `mil_tf.models.conv_mil`, whose weights are the run's.
        scorer: its `mil_tf.training.field_scoring.FieldScorer`.
        options: of the recipe, resolved.
        facts: the run's config, or at least TOLD of it.
        pooling: the network's, see `mil_tf.models.conv_mil.conv_mil`.
    """

    def __init__(self, model, scorer, options, facts, pooling):
        self._model, self._scorer, self._options, self._facts = model, scorer, options, facts
        self._pooling = pooling

    def validated(self, crew):
        """(source, scorer) -> metrics, which the chief of a crew measures."""
        how = self._facts["ending"], self._pooling != NONE

        def measured(source, scorer):
            found = crew.of_chief(lambda: list(validate(source, scorer, *how).values()), len(METRICS))
            return dict(zip(METRICS, map(float, found)))

        return measured

    def board(self, folder, source):
        """The observer that writes TensorBoard's files."""
        return FieldBoard(folder, source, self._scorer, self._facts["classes"], self._options["image_every"])

    def tables(self, folder, name, source):
        """Writes a cohort's tables."""
        write_tables(folder, name, source, self._scorer, self._facts["classes"])

    def maps(self, folder, name, source):
        """Segments the cells of a cohort's fields, as many as the option tells; none of a network of cells."""
        count = self._options["maps"]
        if count and self._pooling != NONE:
            write_maps(folder, name, source, self._model, self._scorer, self._facts["classes"], count)

    def finish(self, folder, sources, show):
        """Writes what the pooling has learned, and the cells of test fields."""
        runs.write_json(folder / POOLING, self._told_pooling())
        show("cells by Jacobian maps: test")
        self.maps(folder, "test", sources["test"])

    def exported(self, folder):
        """(module, facts) for `mil_tf.export`."""
        first = self._options["first_stride"]
        seen = [one._asdict() for one in field(self._model, self._model.output["logits"])]
        shape = {"stride": stride(first), "least": least(first), "cell_crop": self._options["cell_crop"], "sees": seen}
        facts = {name: self._facts[name] for name in TOLD}
        return ExportedFields(self._model), {**facts, "pooling": self._told_pooling(), **shape}

    def refuses(self, dataset, source):
        """Raises DatasetError where fields have other channels or classes, or are too small."""
        check_labels(dataset, dataset.rows)
        for name, found in (("channels", channels_of(dataset)), ("classes", classes_of(dataset))):
            if found != self._facts[name]:
                raise DatasetError(
                    f"{dataset.folder}: Expected the {name} that the run learned from, {listed(self._facts[name])}. "
                    f"Received: {listed(found)}."
                )
        check_bags(self._options, dataset, source)

    def _told_pooling(self):
        layer = None if self._pooling == NONE else self._model.get_layer("mil_pool")
        return told_pooling(self._pooling, layer, self._facts["classes"])
