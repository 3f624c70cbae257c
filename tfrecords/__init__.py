"""Bags on disk: TFRecord shards with tables beside them. Importing this package imports no TensorFlow."""

from tfrecords.bag import Bag, BagRow
from tfrecords.dataset import Dataset
from tfrecords.errors import CorruptRecordError, DatasetError

__all__ = ["Bag", "BagRow", "CorruptRecordError", "Dataset", "DatasetError"]
