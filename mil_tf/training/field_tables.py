"""What a network answers, as tables: of a cohort's fields and of their cells; and what its pooling has learned."""

import itertools
from pathlib import Path

import numpy as np

from mil_tf import registry, runs
from mil_tf.field_cells import centres

META = ("plate", "well", "replicate", "treatment")


def write_tables(folder, name, source, scorer, classes):
    """Writes `predictions-<name>.csv`, and `cells-<name>.csv` where cells are known.

    Args:
        folder: the run.
        name: of the cohort.
        source: a `mil_tf.field_source.FieldSource`.
        scorer: `mil_tf.training.field_scoring.FieldScorer`.
        classes: their names, in the order of the labels.
    """
    found = scorer(source, range(len(source)))
    fields = [
        (*_of(source, i, META), *_truth(source, i), *_texts(found.probabilities[i]), *_texts(found.pooled[i]))
        for i in range(len(source))
    ]
    columns = ("id", "patient", *META, *_columns(classes, "true", "prob", "pool"))
    runs.write_table(Path(folder) / f"predictions-{name}.csv", columns, fields)
    cells = (row for i in range(len(source)) for row in _cells(source, i, scorer, classes))
    first = next(cells, None)
    if first is not None:
        columns = ("id", "patient", "y", "x", "y_cell", *_columns(classes, "true", "pool", "prob"))
        # One at a time: a screen has millions of cells.
        runs.write_table(Path(folder) / f"cells-{name}.csv", columns, itertools.chain([first], cells))


def told_pooling(text, layer, classes):
    """What pooling.json holds.

    Args:
        text: the option, such as "noisy_and(slope=7.5)" or "none".
        layer: the network's MIL layer, None where it has none.
        classes: their names.

    Returns:
        {"pooling": "noisy_and", "slope": a, "thresholds": {class: b}}, or {"pooling": name, "r": r or None}.
    """
    name, _ = registry.parsed(text, "pooling")
    if name == "noisy_and":
        thresholds = {one: round(float(b), 9) for one, b in zip(classes, layer.threshold.numpy())}
        return {"pooling": name, "slope": layer.slope, "thresholds": thresholds}
    return {"pooling": name, "r": getattr(layer, "r", None)}


def _cells(source, position, scorer, classes):
    points, kinds = centres(source.fields(position))
    if not len(points):
        return
    found = scorer.cells(source, position)
    truth = _truth(source, position)
    for place, ((y, x), kind) in enumerate(zip(points, kinds)):
        own = classes[kind] if 0 <= kind < len(classes) else ""
        answers = *_texts(found.pooled[place]), *_texts(found.probabilities[place])
        yield source.ids[position], source.patients[position], f"{y:.2f}", f"{x:.2f}", own, *truth, *answers


def _of(source, position, names):
    meta = source.fields(position).meta
    return source.ids[position], source.patients[position], *(meta.get(name, "") for name in names)


def _truth(source, position):
    return [int(label) for label in source.labels[position]]


def _columns(classes, *kinds):
    return [f"y_{kind}_{name}" for kind in kinds for name in classes]


def _texts(values):
    return [format(float(value), ".9g") for value in np.asarray(values)]  # nine digits give every float32 back
