"""Fields of cancer cells under one of twelve mechanisms of action: nucleus, tubulin, actin."""

import numpy as np

from .camera import add_debris, expose, photograph
from .cytoplasm import paint_actin, paint_tubulin, vacuoles
from .field import Field
from .geometry import draw_shape
from .looks import DIVIDING, MECHANISMS, UNTREATED, mixed, varied
from .mosaic import draw_mosaic
from .nucleus import depths, draw_nuclei, paint_dna
from .places import scatter
from .texture import Texture

CHANNELS = ("DAPI", "Tubulin", "Actin")
CLASSES = tuple(sorted(MECHANISMS))
OUTLIERS = (0.05, 0.4)  # least and most share of a field's cells (our decision)
FOREIGN = 0.25  # share of the outliers that look like another mechanism; the rest is untreated (our decision)
MITOTIC = 0.06  # share of untreated cells that divide, as in growing MCF-7 cells about (our decision)
COVER = (0.1, 0.45)  # least and most share of a field that cells of untreated size would cover (our decision)
DEBRIS = (20, 120)  # specks a million square units (our decision)


def draw(rngs, name, strength, shape, scale, batch):
    """A Field of cells under a mechanism.

    Args:
        rngs: four numpy Generators: who is there, where, how they are drawn, the camera.
        name: in CLASSES.
        strength: of the treatment, 1 the full effect.
        shape: (h, w) pixels.
        scale: pixels a unit.
        batch: the plate's `camera.Batch`.
    """
    names, looks = draw_cells(rngs[0], name, strength, shape, scale)
    radii = np.array([look.radius for look in looks])
    habit = MECHANISMS[name]
    places = scatter(rngs[1], radii, np.array(shape) / scale, habit.together, habit.near)
    kept = np.flatnonzero(np.isfinite(places[:, 0]))
    names, looks = [names[k] for k in kept], [looks[k] for k in kept]
    shapes = [_outline(rngs[2], look, place) for look, place in zip(looks, places[kept])]
    mosaic, views = draw_mosaic(shapes, shape, scale)
    light = paint(rngs[2], looks, shapes, mosaic, views, scale)
    expose(rngs[3], light, mosaic.owner >= 0, batch)
    add_debris(rngs[3], light, scale, rngs[3].uniform(*DEBRIS))
    pixels = photograph(rngs[3], light, batch, scale)
    return Field(pixels, CLASSES, mosaic.owner, places[kept] * scale, names)


def draw_cells(rng, name, strength, shape, scale):
    """(class of every cell, "" untreated; its Look), as many as the field is to hold."""
    cover = np.exp(rng.uniform(*np.log(COVER)))
    area = np.prod(np.array(shape) / scale + UNTREATED.radius)
    number = max(4, rng.poisson(cover * MECHANISMS[name].dense * area / (np.pi * UNTREATED.radius**2)))
    others = [other for other in CLASSES if other != name]
    names = [name] * number
    # Not the first cell, which lies on the field: a field shows its label.
    for k in 1 + rng.permutation(number - 1)[: round(rng.uniform(*OUTLIERS) * number)]:
        names[k] = others[rng.integers(len(others))] if rng.random() < FOREIGN else ""
    return names, [_look(rng, own, strength) for own in names]


def _look(rng, name, strength):
    if not name:
        return varied(rng, DIVIDING if rng.random() < MITOTIC else UNTREATED)
    return varied(rng, mixed(MECHANISMS[name], np.clip(strength * rng.normal(1, 0.1), 0.4, 1.15)))


def _outline(rng, look, place):
    return draw_shape(rng, *place, look.radius, look.longer, look.lobes, look.spikes)


def paint(rng, looks, shapes, mosaic, views, scale):
    """Light float32 (3, h, w) of all cells, each in its own pixels only."""
    light = np.zeros((3, *mosaic.owner.shape), "f4")
    for k, (look, cell, view) in enumerate(zip(looks, shapes, views)):
        nuclei = draw_nuclei(rng, look, cell)
        if view is None:
            continue
        own = mosaic.owner[view.place] == k
        if own.any():
            for plane, part in zip(light, _paint_cell(rng, look, cell, nuclei, view, mosaic, scale)):
                plane[view.place] += part * own
    return light


def _paint_cell(rng, look, cell, nuclei, view, mosaic, scale):
    texture = Texture(rng, view, cell)
    deep, dip, border = mosaic.first[view.place], depths(nuclei, view), mosaic.border(view)
    soft = max(1.0, 1 / scale)
    dna = paint_dna(rng, look, nuclei, view, texture, dip, soft)
    tubulin = paint_tubulin(rng, look, cell, nuclei, view, texture, deep, dip)
    actin = paint_actin(look, cell, nuclei, texture, deep, border, dip)
    if look.vacuoles > 0.05:
        left = vacuoles(look, texture, dip)
        tubulin, actin = tubulin * left, actin * (0.35 + 0.65 * left)
    bright = np.exp(rng.normal(0, 0.15, 3)).astype("f4")
    return dna * bright[0], tubulin * bright[1], actin * bright[2]
