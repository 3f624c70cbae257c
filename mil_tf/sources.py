"""Which source reads a data set's bags."""

from mil_tf.data import ShardSource

SLIDES = "slides"  # the kind of data set of `python -m preprocessing slides`


def source_of(dataset, rows):
    """A source of `mil_tf.data`: slides where the data set is of slides, shards else.

    Args:
        dataset: an open `tfrecords.Dataset`.
        rows: its rows that the source holds.
    """
    if dataset.info.get("preprocessing", {}).get("kind") == SLIDES:
        from mil_tf.slide_source import SlideSource

        return SlideSource(dataset, rows)
    return ShardSource(dataset, rows)
