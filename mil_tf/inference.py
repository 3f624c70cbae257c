"""A trained run on a data set: the tables that the evaluation reads."""

import csv
from pathlib import Path

import numpy as np

from mil_tf import runs
from mil_tf.sources import source_of
from mil_tf.training.validation import top_scores

PREDICTIONS = ("id", "patient", "y_true", "y_prob", "top_instance")
# Settings of the order of slices, and of files that do not say their axes or the size of their pixels.
NOT_IN_PIXELS = ("seed", "orientation", "mpp")
INSTANCES = ("id", "patient", "source_index", "position_mm", "y_true", "y_prob")


def write_tables(folder, name, source, scorer):
    """Scores every bag of a source and writes `predictions-<name>.csv` and `instances-<name>.csv`.

    Args:
        folder: the run.
        name: of the cohort.
        source: a source of `mil_tf.data`.
        scorer: `Scorer` of the trained model.
    """
    scores = scorer(source, range(len(source)))
    tops, probabilities = top_scores(source, scores)
    bags = [
        (source.ids[i], source.patients[i], int(source.labels[i, 0]), _text(p), int(source.fields(i).source_index[top]))
        for i, (top, p) in enumerate(zip(tops, probabilities))
    ]
    runs.write_table(Path(folder) / f"predictions-{name}.csv", PREDICTIONS, bags)
    shape = source.instance_shape
    instances = [row for i, score in enumerate(scores) for row in _instance_rows(source.fields(i), score[:, 1], shape)]
    runs.write_table(Path(folder) / f"instances-{name}.csv", INSTANCES, instances)


def predict_dataset(run, data, name):
    """Runs a finished run's model over a whole data set, as another cohort.

    Args:
        run: its folder.
        data: folder of the data set.
        name: of the cohort, in the names of the tables.

    Raises:
        tfrecords.DatasetError: where `data` is none, or was preprocessed in another way than the training data, or
            has bags of scans for a model that answers in slices, or other classes or channels; or
            where `run` is none, or unfinished.
    """
    from tfrecords import Dataset, DatasetError, quiet

    quiet.tensorflow()
    from mil_tf.training.run import trained

    dataset = Dataset(data)
    try:
        config = runs.read_config(run)
        same_preprocessing(config, dataset)
        model = trained(run, config)
        _strangers(run, dataset)
    except runs.RunError as error:
        raise DatasetError(str(error)) from error
    source = source_of(dataset, dataset.rows)
    if model.refuses:
        model.refuses(dataset, source)
    if model.answers:
        model.answers(run, name, source)
    else:
        write_tables(run, name, source, model.scorer)
    if model.tables:
        model.tables(run, name, source)


def same_preprocessing(config, dataset):
    """Raises DatasetError where a data set was not preprocessed as a run's config says of its training data."""
    from tfrecords import DatasetError

    trained, given = _pixels_settings(config["preprocessing"]), _pixels_settings(dataset.info.get("preprocessing", {}))
    if trained != given:
        raise DatasetError(
            f"{dataset.folder}: Expected bags preprocessed as the training data, {trained}. Received: {given}; "
            "preprocess the scans again with the former."
        )


def _pixels_settings(preprocessing):
    """What decides an instance's pixels: the settings without those that order slices or read odd files."""
    settings = preprocessing.get("settings")
    if not isinstance(settings, dict):
        return preprocessing.get("hash")
    kept = {name: value for name, value in settings.items() if name not in NOT_IN_PIXELS}
    return {"kind": preprocessing.get("kind"), "algorithm": preprocessing.get("algorithm"), **kept}


def _strangers(run, dataset):
    """Refuses a cohort that shares patients with the run's training and validation: it would not be held out."""
    from tfrecords import DatasetError

    known = _patients(run / "bags.csv") | _patients(run / "predictions-validation.csv")
    if (run / "images.csv").exists():  # the image-level set of parida2021
        known |= _patients(run / "images.csv")
    shared = sorted(known & {row.patient for row in dataset.rows})
    if shared:
        raise DatasetError(
            f"{dataset.folder}: Expected patients that {run} has neither trained nor been chosen on. Received: "
            f"{len(shared)} that it has, such as {shared[0]!r}; take them out, or give other people other patient ids."
        )


def _patients(table):
    with open(table, newline="", encoding="utf-8") as file:
        return {row["patient"] for row in csv.DictReader(file)}


def _instance_rows(fields, probabilities, shape):
    positions = slice_positions(fields, shape)
    truths = fields.instance_label
    order = np.argsort(fields.source_index, kind="stable")
    for i in order:
        known = truths is not None and truths[i, 0] >= 0
        yield (
            fields.id, fields.patient, int(fields.source_index[i]), f"{positions[i]:.3f}",
            int(truths[i, 0]) if known else "", _text(probabilities[i]),
        )


def slice_positions(fields, shape):
    """z of every instance's centre in RAS+ mm, float64 (n,); without an affine, the source index itself.

    Args:
        fields: a `tfrecords.Bag`, with or without its instances.
        shape: (h, w, c) of an instance.
    """
    if fields.affine is None:
        return fields.source_index.astype(np.float64)
    across, down, along, origin = np.asarray(fields.affine, np.float64)[2]
    centre = across * (shape[1] - 1) / 2 + down * (shape[0] - 1) / 2
    return along * fields.source_index + origin + centre


def _text(probability):
    return format(float(probability), ".9g")  # nine digits give every float32 back
