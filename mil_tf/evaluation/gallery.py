"""The bags that were called wrongly, each at its most probable slice or tile: errors that one can look at."""

from typing import NamedTuple

import numpy as np

from mil_tf.evaluation.gallery_tiles import Tile, read_tile, tile_of, tile_told, window_of
from mil_tf.evaluation.material import MaterialError
from mil_tf.evaluation.tables import UNKNOWN
from mil_tf.evaluation.threshold import PAPER_THRESHOLD
from mil_tf.nouns import TILES, Nouns, nouns_of
from tfrecords import DatasetError, reader

LEVEL, WIDTH = 40.0, 80.0  # HU, the brain window in which hemorrhage is read
MOST = 12  # of each kind (our decision: what one looks through without tiring)
PERCENTILES = 1, 99  # of values that are no HU, shown from black to white
KINDS = {"false_positives": "False positives", "false_negatives": "False negatives"}


class Error(NamedTuple):
    """A bag called wrongly, and the instance that a model found most probable in it: a slice, or a tile.

    `probability` is the bag's, `slice_probability` the instance's, `position` in mm, None of a tile, `slice_truth` 0, 1
    or UNKNOWN. `picture` is uint8 as it is shown, (h, w) of a slice and (h, w, 3) of a tile, `outlines` are lines of
    (column, row) about the lesion, `pixel` the (column, row) millimetres of a pixel, None where they are not known.
    `lesion` lists the source indices of all instances with a lesion, `window` says how the instance is shown, and
    `tile` where a tile lies.
    """

    kind: str
    id: str
    patient: str
    probability: float
    source_index: int
    slice_probability: float
    position: float | None
    slice_truth: int
    picture: np.ndarray
    outlines: list
    pixel: tuple | None
    lesion: list
    window: str
    tile: Tile | None = None


class Gallery(NamedTuple):
    """`shown` lists Errors, `counts` how many there are of each of KINDS, `whose` says whose decisions they are.

    `nouns` are the Nouns of what is shown.
    """

    shown: list
    counts: dict
    whose: str
    nouns: Nouns

    def of(self, kind):
        """The Errors of a kind."""
        return [error for error in self.shown if error.kind == kind]


def find_errors(truth, probability, called):
    """{kind: rows of the bags called wrongly}, the worst first.

    Args:
        truth, called: 0/1 or boolean, shape (n,).
        probability: of the bags, shape (n,); how far it lies on the wrong side says how wrong.
    """
    truth, called = np.asarray(truth).astype(bool), np.asarray(called).astype(bool)
    order = np.argsort(-np.abs(probability - PAPER_THRESHOLD), kind="stable")
    return {"false_positives": [int(row) for row in order if called[row] and not truth[row]],
            "false_negatives": [int(row) for row in order if truth[row] and not called[row]]}


def build_gallery(predictions, called, instances, dataset, whose, most=MOST):
    """Look the worst errors up in the data.

    Args:
        predictions: Predictions whose probabilities order the errors.
        called: decisions, boolean (n,).
        instances: list of Instances, one a model; their probabilities are averaged slice by slice, or tile by tile.
        dataset: open Dataset that holds the bags.
        whose: whose decisions they are, in words.
        most: how many of each kind at most.

    Raises:
        MaterialError: if a bag cannot be read.
    """
    rows = find_errors(predictions.y_true, predictions.y_prob, called)
    chosen = {kind: found[:most] for kind, found in rows.items()}
    ids = {str(predictions.id[row]) for found in chosen.values() for row in found}
    slices = _slices(instances, ids)
    try:
        shown = [_error(kind, predictions, row, slices, dataset) for kind, found in chosen.items() for row in found]
    except DatasetError as error:
        raise MaterialError(f"A bag cannot be read: {error}") from error
    return Gallery(shown, {kind: len(found) for kind, found in rows.items()}, whose, nouns_of(dataset.info))


def _slices(instances, ids):
    """{id: (source index, mean probability, position, truth)}, arrays in order of the source index."""
    tables = [_sorted(table, ids) for table in instances]
    first, probability = tables[0], np.mean([table[2] for table in tables], axis=0)
    return {id: (first[1][rows], probability[rows], first[3][rows], first[4][rows])
            for id in ids if (rows := first[0] == id).any()}


def _sorted(table, ids):
    rows = np.flatnonzero(np.isin(table.id, list(ids)))
    rows = rows[np.lexsort((table.source_index[rows], table.id[rows]))]
    return table.id[rows], table.source_index[rows], table.y_prob[rows], table.position[rows], table.y_true[rows]


def _error(kind, predictions, row, slices, dataset):
    id, nouns = str(predictions.id[row]), nouns_of(dataset.info)
    if id not in dataset.by_id or id not in slices:
        raise MaterialError(f"Bag {id} is not in {dataset.folder}, or has no {nouns.instance}s in the run's table.")
    index, probability, position, truth = slices[id]
    top = int(np.argmax(probability))
    bag = dataset.by_id[id]
    fields = reader.read_fields(dataset.folder, bag)
    place = _place(fields, index[top], nouns)
    seen = (_tile if nouns == TILES else _slice)(dataset, bag, fields, place)
    return Error(kind, id, str(predictions.patient[row]), float(predictions.y_prob[row]), int(index[top]),
                 float(probability[top]), None if nouns == TILES else float(position[top]), int(truth[top]), **seen)


def _place(fields, index, nouns):
    found = np.flatnonzero(fields.source_index == index)
    if not len(found):
        raise MaterialError(f"Bag {fields.id} has no {nouns.instance} {index}: it was made anew since the run.")
    return int(found[0])


def _slice(dataset, bag, fields, place):
    """What an Error shows of the slice at `place`."""
    mask = reader.read_mask(dataset.folder, bag)
    grey, window = _shown(reader.take_instances(dataset.folder, bag, [place])[0], dataset)
    return {"picture": grey, "outlines": [] if mask is None else outlines(mask[place] > 0), "pixel": _pixel(fields),
            "lesion": _lesion(fields, mask), "window": window}


def _tile(dataset, bag, fields, place):
    """What an Error shows of the tile at `place`."""
    return {"picture": read_tile(dataset, bag, place), "outlines": [], "pixel": None, "lesion": _lesion(fields, None),
            "window": window_of(dataset), "tile": tile_of(fields, place)}


def _shown(pixels, dataset):
    """(grey uint8 (h, w), how it is shown) of an instance (h, w, c)."""
    values = pixels.astype(np.float32).mean(axis=-1)
    if dataset.info.get("preprocessing", {}).get("kind") == "ct":
        low, high, window = LEVEL - WIDTH / 2, LEVEL + WIDTH / 2, f"level {LEVEL:g} HU, width {WIDTH:g} HU"
    else:
        low, high = np.percentile(values, PERCENTILES)
        window = "black to white: percentiles {} to {} of the slice".format(*PERCENTILES)
    scaled = (values - low) / max(float(high - low), np.finfo(np.float32).tiny)
    return (np.clip(scaled, 0, 1) * 255).astype(np.uint8), window


def outlines(mask):
    """Lines of (column, row) float64 (points, 2) about the parts of a boolean mask (h, w)."""
    from skimage.measure import find_contours

    # A border of background closes the lines of what touches the edge.
    return [line[:, ::-1] - 1 for line in find_contours(np.pad(mask.astype(np.float64), 1), 0.5)]


def _pixel(fields):
    return None if fields.spacing is None else tuple(map(float, fields.spacing[:2]))


def _lesion(fields, mask):
    """Source indices, sorted, of the slices with a lesion as the mask has it, else as the slices' labels have it."""
    if mask is not None:
        seen = mask.any(axis=(1, 2))
    elif fields.instance_label is not None:
        seen = (fields.instance_label == 1).any(axis=1)
    else:
        return []
    return sorted(int(index) for index in fields.source_index[seen])


def told(error):
    """What stands below an Error's picture: lines of text."""
    if error.tile is not None:
        return tile_told(error)
    lines = [error.id, f"bag {error.probability:.3f}, slice {error.slice_probability:.3f}",
             f"slice {error.source_index} at {error.position:.1f} mm"]
    if error.lesion:
        lines.append(f"lesion on {_spans(error.lesion)}")
    elif error.slice_truth not in (UNKNOWN, 0):
        lines.append("the slice is truly positive")
    return lines


def _spans(indices):
    """"slice 3" or "slices 3 to 7, 9"."""
    breaks = np.flatnonzero(np.diff(indices) > 1) + 1
    parts = [f"{part[0]}" if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in np.split(indices, breaks)]
    return f"slice{'s' if len(indices) > 1 else ''} {', '.join(parts)}"
