"""The image-level set of parida2021: slices of which it is known what bleeds in them, but not where.

Importing this imports no TensorFlow.
"""

from mil_tf import runs
from mil_tf.options import OptionError
from tfrecords import Dataset
from tfrecords.dataset import SPLITS


def open_images(folder):
    """(the Dataset in a folder, its BagRows that are learned from).

    Those are the training slices of its first fold where it has a splits.csv, such as `python -m preprocessing sample`
    writes, else all.

    Raises:
        OptionError: there is no folder named, or no slice in it.
        tfrecords.DatasetError: the folder is no data set.
    """
    if not folder:
        raise OptionError(
            "--images: Expected the folder of the image-level set, of `python -m preprocessing ct --unit slice "
            "--types` and `sample --kind image`. Received: none."
        )
    dataset = Dataset(folder)
    sampled = (dataset.folder / SPLITS).exists()
    rows = dataset.splits(dataset.folds[0])["train"] if sampled and dataset.folds else dataset.rows
    if not rows:
        raise OptionError(f"--images: Expected slices to learn from in {folder}. Received: 0.")
    return dataset, rows


def digest(folder):
    """sha256 of the shards of an image-level set and of which of their slices it takes."""
    dataset, rows = open_images(folder)
    return runs.digest([dataset.info["shards"], [row.id for row in rows]])
