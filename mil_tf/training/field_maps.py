"""Which cells a network's Jacobian maps find in a cohort's fields: tables of some of them, and a few pictures."""

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mil_tf import runs
from mil_tf.localization.jacobian import JacobianMapper
from mil_tf.localization.segmented import continued, segment_cohort
from preprocessing.product import file_name

DRAWN = "drawn.csv"
COLUMNS = ("file", "id", "classes", "likeliest", "probability")
MOST = 12  # pictures: a class each of both of the paper's screens, nearly (our decision)


def maps_folder(run, name):
    """The folder of a cohort's pictures."""
    return Path(run) / f"maps-{name}"


def write_maps(folder, name, source, model, scorer, classes, count):
    """Writes `segmentation-<name>.csv`, `regions-<name>.csv`, and `maps-<name>/` with pictures and DRAWN, their table.

    The fields are taken evenly from the cohort; the pictures are, class by class, of the one that has the class and is
    likeliest to by the network, MOST at most.

    Args:
        folder: the run.
        name: of the cohort.
        source: a `mil_tf.field_source.FieldSource`.
        model: of `mil_tf.models.conv_mil`, its best weights loaded.
        scorer: its `mil_tf.training.field_scoring.FieldScorer`.
        classes: their names, in the order of the labels.
        count: fields at most.
    """
    pictures = maps_folder(folder, name)
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()
    chosen, mapper = evenly(len(source), count), JacobianMapper(model)
    answers, drawn = scorer(source, chosen).probabilities, []
    shown = {source.ids[chosen[place]]: answers[place] for place in examples(source.labels[chosen], answers)}

    def draw(bag, image, found):
        if bag.id in shown:
            drawn.append(_draw(pictures, bag, image, found, mapper, classes, shown[bag.id]))

    segment_cohort(mapper, _cohort(source, chosen), classes, folder, name, draw=draw)
    runs.write_table(pictures / DRAWN, COLUMNS, drawn)


class Truth(NamedTuple):
    """What is known of a field beside its pixels, as a `tfrecords.Bag` has it."""

    id: str
    patient: str
    label: np.ndarray
    mask: np.ndarray | None


def _cohort(source, positions):
    """(Truth, image) of each field; a source reads its masks apart."""
    for place in positions:
        truth = Truth(source.ids[place], source.patients[place], source.labels[place], source.mask(place))
        yield truth, source.image(place).astype(np.float32)


def evenly(length, count):
    """Positions of `count` of `length`, evenly taken, all where there are no more."""
    return np.unique(np.linspace(0, length - 1, min(count, length)).astype(int)).tolist()


def examples(labels, probabilities, most=MOST):
    """Rows to be drawn: of each class the likeliest among those that have it, in the order of classes, each once.

    Args:
        labels: (n, k), 1 where a row has a class.
        probabilities: (n, k).
    """
    pairs = zip(labels.T == 1, probabilities.T)
    found = [int(np.argmax(np.where(has, scores, -1))) for has, scores in pairs if has.any()]
    return list(dict.fromkeys(found))[:most]


def _draw(folder, bag, image, found, mapper, classes, probabilities):
    """Writes a picture and returns its row of DRAWN."""
    # Here and not above: matplotlib is slow to load.
    from mil_tf.prediction.field_overlay import likeliest, write_overlay

    best = likeliest(probabilities)
    maps, _ = continued(mapper, image, best)
    maps = dict(zip(best, np.moveaxis(maps.jacobian, -1, 0)))
    own = [name for name, label in zip(classes, bag.label) if label == 1]
    path = folder / f"{file_name(bag.id)}.png"
    title = f"{bag.id} ({', '.join(own) or 'no class'}):"
    write_overlay(path, image, found.jacobian, found.labels, found.regions, classes, probabilities, maps, title)
    told = format(float(probabilities[best[0]]), ".6g")
    return path.name, bag.id, ";".join(own), classes[best[0]], told
