"""Fields of budding yeast whose one protein sits in a compartment: marker of the cytoplasm, protein."""

import numpy as np

from .camera import add_debris, expose, photograph
from .field import Field
from .localisations import LOCALISATIONS, draw_yeast, marker, paint_protein
from .mosaic import draw_mosaic
from .places import scatter
from .texture import Texture

CHANNELS = ("cytoplasm", "protein")
CLASSES = tuple(sorted(LOCALISATIONS))
RADIUS = 16.0  # units; of a grown cell
BUDDED = 0.55  # share of cells with a bud, as in growing cultures about (our decision)
COVER = (0.05, 0.22)  # least and most share of a field that grown cells would cover: sparse (our decision)
TOGETHER, NEAR = 0.35, 0.9  # see `places.scatter` (our decision)
MOST = 0.95  # share of cells that show one of two labels (our decision)
DEBRIS = (10, 60)  # specks a million square units (our decision)


def draw(rngs, labels, shape, scale, batch):
    """A Field of cells whose protein localises to the compartments `labels`.

    Args:
        rngs: four numpy Generators: who is there, where, how they are drawn, the camera.
        labels: one or two of CLASSES.
        shape: (h, w) pixels.
        scale: pixels a unit.
        batch: the plate's `camera.Batch`.
    """
    cells = draw_cells(rngs[0], rngs[1], shape, scale)
    names = draw_names(rngs[0], cells, labels)
    mosaic, views = draw_mosaic(cells, shape, scale)
    light = paint(rngs[2], cells, names, mosaic, views, scale)
    expose(rngs[3], light, mosaic.owner >= 0, batch)
    add_debris(rngs[3], light, scale, rngs[3].uniform(*DEBRIS))
    places = np.array([(cell.y, cell.x) for cell in cells]) * scale
    return Field(photograph(rngs[3], light, batch, scale), CLASSES, mosaic.owner, places, names)


def draw_cells(rng, where, shape, scale):
    """Yeast cells of a field, those whose centre lies on it first.

    The first one is there always and has a bud, so that every class can be seen.
    """
    cover = np.exp(rng.uniform(*np.log(COVER)))
    number = max(4, rng.poisson(cover * np.prod(np.array(shape) / scale + RADIUS) / (np.pi * RADIUS**2)))
    radii = RADIUS * np.exp(0.12 * rng.standard_normal(number))
    buds = radii * np.where(rng.random(number) < BUDDED, rng.uniform(0.3, 0.78, number), 0)
    buds[0] = buds[0] or 0.6 * radii[0]
    sides = np.array(shape) / scale
    places = scatter(where, radii + 0.5 * buds, sides, TOGETHER, NEAR)
    kept = np.flatnonzero(np.isfinite(places[:, 0]))
    beyond = ((places[kept] < 0) | (places[kept] >= sides)).any(1)
    kept = kept[np.argsort(beyond, kind="stable")]
    return [draw_yeast(rng, places[k], radii[k], buds[k]) for k in kept]


def draw_names(rng, cells, labels):
    """Which class each cell shows, "" none: every label by its density, in one cell on the field at least.

    A cell shows one class. Of two labels the sparse one is shared out first: it is of a state that few cells are in.
    """
    density = {label: rng.uniform(*LOCALISATIONS[label].density) for label in labels}
    names, least = [""] * len(cells), min(1.0, MOST / sum(density.values()))
    for label in sorted(density, key=density.get):
        able = [k for k, name in enumerate(names) if not name and (cells[k].bud or not LOCALISATIONS[label].needs_bud)]
        number = max(1, round(least * density[label] * len(cells)))
        for k in [*able[:1], *rng.permutation(able[1:])][:number]:
            names[k] = label
    return names


def paint(rng, cells, names, mosaic, views, scale):
    """Light float32 (2, h, w) of all cells, each in its own pixels only."""
    light = np.zeros((2, *mosaic.owner.shape), "f4")
    for k, (cell, name, view) in enumerate(zip(cells, names, views)):
        if view is None:
            continue
        own, deep = mosaic.owner[view.place] == k, mosaic.first[view.place]
        texture = Texture(rng, view, cell.mother)
        bright = np.exp(rng.normal(0, 0.2, 2)).astype("f4")
        light[0][view.place] += bright[0] * marker(cell, view, texture, deep) * own
        light[1][view.place] += bright[1] * paint_protein(rng, name, cell, view, texture, deep) * own
    return light
