"""maps-<name>.npz of a run: the slices of the figure of maps, kept when they were predicted, so that it can be drawn
without the network and the data."""

from pathlib import Path

import numpy as np

from mil_tf.evaluation.map_choice import choose
from mil_tf.evaluation.map_figure import Shown
from mil_tf.evaluation.tables import read_predictions
from mil_tf.localization.tables import read_located

UNKNOWN = np.full((1, 4), np.nan)  # in place of boxes that are not known


def path_of(folder, name):
    """Where the slices of a cohort are kept."""
    return Path(folder) / f"maps-{name}.npz"


def chosen(folder, name):
    """[Choice] of a cohort whose tables are written; none where no boxes are known."""
    located = Path(folder) / f"located-{name}.csv"
    if not located.exists():
        return []
    return choose(read_located(located), read_predictions(Path(folder) / f"predictions-{name}.csv"))


def save(folder, name, records):
    """Writes [Shown], or removes what is there of an earlier prediction where there is none."""
    path, arrays = path_of(folder, name), {}
    for place, record in enumerate(records):
        boxes = UNKNOWN if record.boxes is None else np.reshape(record.boxes, (-1, 4))
        arrays |= {f"{key}-{place}": value for key, value in record._replace(boxes=boxes)._asdict().items()}
    if arrays:
        np.savez_compressed(path, **arrays)
    else:
        path.unlink(missing_ok=True)


def read(folder, name):
    """The [Shown] of a cohort; none where nothing was kept."""
    path = path_of(folder, name)
    if not path.exists():
        return []
    with np.load(path) as arrays:
        count = len(arrays.files) // len(Shown._fields)
        found = [Shown(*(arrays[f"{key}-{place}"] for key in Shown._fields)) for place in range(count)]
    return [one._replace(boxes=None if np.isnan(one.boxes).any() else one.boxes, title=str(one.title)) for one in found]
