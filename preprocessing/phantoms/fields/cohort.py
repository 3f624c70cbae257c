"""A folder of field phantoms: images, masks, and the tables of a screen."""

from pathlib import Path

import numpy as np

from ..making import AT_ONCE, make_folder, run
from . import mechanisms, yeast
from .camera import draw_batch
from .design import batch_rng, field_rngs, place_of
from .field import check_size
from .files import TABLES, cell_rows, channels_of, truth_row, write_field, write_tables

KINDS = ("mechanisms", "localisation")
SIZE = (1024, 1280)  # pixels; of BBBC021's images
SIZES = 104  # of the seed's numbers


def draw_field(kind, seed, index, size=SIZE, scale=1.0, vary=0.0):
    """Field `index` of the cohort of a kind and a seed.

    Args:
        size: (h, w) pixels.
        scale: pixels a unit; a cancer cell measures 40 to 60 units.
        vary: sides are up to this share longer or shorter, drawn for each field.

    Returns:
        (Place, Field).
    """
    place = place_of(kind, seed, index)
    factor = np.random.default_rng([seed, SIZES, index]).uniform(1 - vary, 1 + vary, 2)
    shape = tuple(int(round(side * share)) for side, share in zip(size, factor))
    batch = draw_batch(batch_rng(seed, place), len(channels_of(kind)))
    rngs = field_rngs(seed, index)
    if kind == "mechanisms":
        return place, mechanisms.draw(rngs, place.labels[0], place.strength, shape, scale, batch)
    return place, yeast.draw(rngs, place.labels, shape, scale, batch)


def make_cohort(out, n, kind="mechanisms", size=SIZE, scale=1.0, seed=0, vary=0.0, jobs=1, force=False, step=None):
    """Writes n fields below `out`.

    Args:
        out: folder; a new one, or with `force` one whose fields are replaced.
        kind: `mechanisms` (three channels, one class a field) or `localisation` (two channels, one or two classes).
        size, scale, vary: see `draw_field`.
        jobs: processes. The files do not depend on it.
        step: called without arguments after every field.
    """
    if n < 1 or not 0 <= vary < 1:
        raise ValueError(f"Expected n >= 1 and sides that vary by a share in [0, 1). Received: n={n}, vary={vary:g}.")
    if kind not in KINDS:
        raise ValueError(f"Expected a kind of {', '.join(KINDS)}. Received: {kind!r}.")
    check_size([side * (1 - vary) for side in size], scale)
    out = Path(out)
    make_folder(out, force, ("images", "masks"), TABLES)
    places, truths, cells = [], [], []
    tasks = [(out, kind, seed, index, tuple(size), scale, vary) for index in range(n)]
    for place, truth, rows in run(write_phantom, tasks, jobs, AT_ONCE):
        places.append(place)
        truths.append(truth)
        cells += rows
        if step:
            step()
    write_tables(out, kind, places, truths, cells)


def write_phantom(task):
    """Makes and writes one field; returns its Place, its row of truth.csv and its rows of cells.csv."""
    out, kind, seed, index, size, scale, vary = task
    place, field = draw_field(kind, seed, index, size, scale, vary)
    write_field(out, place, field, kind)
    return place, truth_row(place, field), cell_rows(place, field)
