"""What a segmenter answers on a cohort, before and after recursion, as tables of pixels that are counted a slice.

    segments-<cohort>-before.csv, segments-<cohort>-after.csv   `mil_tf.evaluation.segmentation.tables.read_rows`
    predictions-<cohort>.csv    a slice's probability of blood of any type: that of its likeliest pixel (our decision,
                                the maximum of multiple-instance learning), after recursion
    overlays-<cohort>.npz       a few slices with their masks, for the figure
"""

from pathlib import Path

import numpy as np

from mil_tf import runs
from mil_tf.evaluation.segmentation.cases import metrics_of
from mil_tf.evaluation.segmentation.counts import ANY, MODELS, slice_rows
from mil_tf.evaluation.segmentation.tables import write_rows
from mil_tf.inference import PREDICTIONS
from mil_tf.training.recursion_set import pixel_of
from mil_tf.training.segmentation_truth import has_mask, truth

EACH = 2  # slices of the figure of each kind: gained most, changed as most do, lost most; our decision


def known_slices(source):
    """Positions of the bags whose truth is known: those with a mask, and healthy ones."""
    return [place for place in range(len(source)) if (source.labels[place] == 0).all() or has_mask(source, place)]


def write_tables(folder, name, source, segmenter, weights, classes, data_set):
    """Writes the tables of a cohort; the last weights are in the model afterwards.

    Args:
        folder: the run.
        name: of the cohort.
        source: a source of `mil_tf.data`.
        segmenter: `mil_tf.training.segmenter.Segmenter`.
        weights: {"before", "after": objects with load()}.
        classes: their names.
        data_set: what the cohort is called in Table 1.
    """
    folder, positions, counted = Path(folder), known_slices(source), {}
    for model in MODELS:
        weights[model].load()
        rows, answers = _counted(model, source, positions, segmenter, classes, data_set)
        write_rows(folder / f"segments-{name}-{model}.csv", rows)
        counted[model] = {row.id: (row.tp, row.fp, row.fn) for row in rows if row.type == ANY}
    runs.write_table(folder / f"predictions-{name}.csv", PREDICTIONS, answers)
    ids = [source.ids[place] for place in positions]
    chosen = [positions[place] for place in shown([[of[id] for id in ids] for of in counted.values()])]
    _write_overlays(folder / f"overlays-{name}.npz", source, chosen, segmenter, weights, len(classes))


def shown(counts, each=EACH):
    """Which slices the figure shows: of those with blood, by the change of Dice, the most gained, the middle, the most
    lost; fewer where there are not as many.

    Args:
        counts: of `before` and `after`, [(tp, fp, fn)] of every slice.
        each: slices of each kind.

    Returns:
        list of int, places in `counts`, in this order.
    """
    before, after = (np.reshape(np.array(each, np.int64), (-1, 3)) for each in counts)
    ill = np.flatnonzero(before[:, 0] + before[:, 2] > 0)
    change = metrics_of(after)[0][ill] - metrics_of(before)[0][ill]
    order = ill[np.argsort(-change, kind="stable")]
    middle = max(0, len(order) // 2 - each // 2)
    picked = [*order[:each], *order[middle : middle + each], *order[max(0, len(order) - each) :]]
    return list(dict.fromkeys(int(place) for place in picked))


def _counted(model, source, positions, segmenter, classes, data_set):
    """(rows of counts, rows of predictions) of one model."""
    rows, answers = [], []
    for one in segmenter(source, positions, lambda place: truth(source, place, len(classes))):
        id, patient = source.ids[one.position], source.patients[one.position]
        rows += slice_rows(model, id, patient, data_set, one.mask, one.truth, classes)
        probability = format(float(one.blood.max()), ".9g")  # nine digits give every float32 back
        top = int(source.source_index(one.position)[0])
        answers.append((id, patient, int(_bleeds(source, one)), probability, top))
    return rows, answers


def _bleeds(source, one):
    return one.truth.any() or (source.labels[one.position] == 1).any()


def _write_overlays(path, source, positions, segmenter, weights, classes):
    if not positions:
        path.unlink(missing_ok=True)
        return
    masks = {}
    for model in MODELS:
        weights[model].load()
        found = list(segmenter(source, positions, lambda place: truth(source, place, classes)))
        masks[model] = np.stack([one.mask for one in found])
    np.savez_compressed(
        path, ids=np.array([source.ids[place] for place in positions]), slices=np.stack([one.hu for one in found]),
        truth=np.stack([one.truth for one in found]), **masks,
        pixels=np.array([pixel_of(source, place) for place in positions]),
    )
