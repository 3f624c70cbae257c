"""Bags of one microscopy field each for the loop; their sizes may differ."""

import numpy as np

from mil_tf.data import ShardSource


class FieldSource(ShardSource):
    """Fields read from shards: with the interface of `mil_tf.data.ShardSource`, but that height and width may differ
    from bag to bag. Threads may read at once.

    Args:
        dataset: an open `tfrecords.Dataset` of fields.
        rows: its rows that this source holds.

    Raises:
        tfrecords.CorruptRecordError: from whatever reads a bag that is damaged, before it can be learned from.
        ValueError: from whatever reads a bag of other channels or another type of pixels than the first.
    """

    def __init__(self, dataset, rows):
        super().__init__(dataset, rows)
        self._shapes = [None] * len(self._rows)

    def image(self, position):
        """The field at `position`, float16 (h, w, c), fractions of the integer range."""
        return self.take(position, [0])[0]

    def shape(self, position):
        """(h, w, c) of the field at `position`, read without its pixels."""
        from tfrecords import reader

        if self._shapes[position] is None:
            dtype, shape = reader.read_shape(self._dataset.folder, self._rows[position])
            self._note_format(position, dtype, shape[1:])
        return self._shapes[position]

    def take(self, position, indices):
        """Returns the instances at `indices`, (m, h, w, c); a bag that has not been streamed yet is streamed once."""
        from tfrecords import reader

        row, indices = self._rows[position], np.asarray(indices, np.int64)
        if not self._verified[position]:
            return np.concatenate(list(self.blocks(position, 1)))[indices]
        shape = (row.n, *self.shape(position))
        return reader.take_known(self._dataset.folder, row, indices, self.dtype, shape, int(self._pixels[position]))

    def subset(self, positions):
        """Returns a source of the bags at `positions`."""
        return FieldSource(self._dataset, [self._rows[i] for i in positions])

    def _check_format(self, position, told):
        self._note_format(position, told.dtype, told.shape[1:])

    def _note_format(self, position, dtype, shape):
        expected, found = (self.dtype, self.instance_shape[-1]), (dtype, shape[-1])
        if found != expected:
            raise ValueError(
                f"bag {self.ids[position]}: Expected a field of {expected[0]} and {expected[1]} channels, as bag "
                f"{self.ids[0]}. Received: {found[0]} and {found[1]} channels."
            )
        self._shapes[position] = tuple(int(side) for side in shape)
