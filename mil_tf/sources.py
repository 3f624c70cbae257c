"""Which source reads a data set's bags."""

from mil_tf.data import ShardSource

SLIDES = "slides"  # the kind of data set of `python -m preprocessing slides`
FIELDS = "fields"  # that of `python -m preprocessing fields`


def source_of(dataset, rows):
    """A source of `mil_tf.data`: slides where the data set is of slides, fields where it is of those, shards else.

    Args:
        dataset: an open `tfrecords.Dataset`.
        rows: its rows that the source holds.
    """
    kind = dataset.info.get("preprocessing", {}).get("kind")
    if kind == SLIDES:
        from mil_tf.slide_source import SlideSource

        return SlideSource(dataset, rows)
    if kind == FIELDS:
        from mil_tf.field_source import FieldSource

        return FieldSource(dataset, rows)
    return ShardSource(dataset, rows)
