"""Tubulin and actin of cancer cells, added up from the parts that a Look gives strengths of."""

import numpy as np

from .geometry import CIRCLE
from .texture import spots

NUCLEUS_SHADE = 0.6  # of the tubulin that a nucleus displaces (our decision)


def bell(values, width):
    """exp(-(values / width)^2)."""
    return np.exp(-np.square(values * np.float32(1 / width)))


def paint_tubulin(rng, look, cell, nuclei, view, texture, deep, dip):
    """Tubulin (rows, columns).

    Args:
        deep: units inside the cell.
        dip: units inside the nearest nucleus; negative outside.
    """
    thick = 0.35 + 0.65 * np.sqrt(np.clip(deep * np.float32(1 / cell.size), 0, 1))
    found = np.float32(look.tubulin) * (0.9 + 0.15 * texture.field("grain", 14.0))
    if look.microtubules > 0.02:
        rays = texture.rays(3, look.bend)
        found = found + np.float32(look.microtubules) * rays * (0.35 + bell(texture.far, 0.8 * cell.size))
    if look.perinuclear > 0.02:
        found = found + np.float32(look.perinuclear) * np.exp(np.minimum(dip, 0) * np.float32(1 / 4.5))
    if look.bundles > 0.02:
        cables = np.square(texture.fibres(7.0, 12.0, 3.0)) + 0.6 * bell(deep - 4.5, 2.0)
        found = found + np.float32(look.bundles) * cables
    found = found * thick * (1 - np.float32(NUCLEUS_SHADE) * np.clip(dip * np.float32(0.4), 0, 1))
    return found + _spots(rng, look, cell, nuclei[0], view)


def _spots(rng, look, cell, nucleus, view):
    """What is one body: poles of a spindle, a clump beside the nucleus."""
    found = np.zeros((), "f4")
    if look.aster > 0.05:
        far, _ = view.polar(nucleus.y, nucleus.x)
        found = found + np.float32(look.aster) * (bell(far, 3.0) + 0.35 * bell(far, 7.5))
    if look.spindle > 0.05:
        along, across = view.turned(nucleus.y, nucleus.x, nucleus.turn)
        wide = np.maximum(1 - np.abs(along) * np.float32(1 / 11), 0)
        found = found + np.float32(look.spindle) * wide * (0.4 * bell(across, 6.0) + bell(across, 2.0))
    if look.aggresome > 0.05:
        turn = np.arctan2(cell.y - nucleus.y, cell.x - nucleus.x) + rng.normal(0, 0.3)
        away = 0.95 * nucleus.size
        far, _ = view.polar(nucleus.y + away * np.sin(turn), nucleus.x + away * np.cos(turn))
        found = found + np.float32(look.aggresome) * bell(far, 5.5)
    return found


def paint_actin(look, cell, nuclei, texture, deep, border, dip):
    """Actin (rows, columns); `border` as `deep`, but to the rim or to the next cell, whatever is nearer."""
    found = np.float32(look.actin) * (0.85 + 0.2 * texture.field("grain", 16.0))
    if look.cortex > 0.02:
        uneven = 0.85 + 0.3 * texture.field("cloud", 22.0)
        found = found + np.float32(look.cortex) * bell(border, 2.6) * np.maximum(uneven, 0.2)
    if look.stress > 0.02:
        found = found + np.float32(look.stress) * texture.fibres(3.6, 20.0, 1.5) * np.clip(deep * 0.2, 0, 1)
    if look.puncta > 0.02:
        found = found + np.float32(look.puncta) * spots(texture.field("cloud", 6.0), 1.0)
    if look.clumps > 0.02:
        found = found + np.float32(look.clumps) * spots(texture.field("cloud", 13.0), 0.9) * (dip < 2)
    if look.ruffles > 0.02:
        found = found + np.float32(look.ruffles) * _ruffles(cell, nuclei[0], texture, deep)
    return found


def _ruffles(cell, nucleus, texture, deep):
    """Wavy folds along the side of the cell that is away from the nucleus."""
    turn = np.float32(np.arctan2(cell.y - nucleus.y, cell.x - nucleus.x))
    front = np.clip(1.6 * np.cos(CIRCLE - turn) - 0.4, 0, 1)
    waves = bell(deep - 2.5 + 1.5 * texture.field("cloud", 14.0), 2.2)
    return front.take(texture.direction) * (waves + 0.35 * bell(deep, 9.0))


def vacuoles(look, texture, dip):
    """What is left of the cytoplasm between vacuoles, (rows, columns) in [0, 1]."""
    holes = spots(texture.field("cloud", 11.0), 0.55) * (dip < -1)
    return 1 - np.float32(look.vacuoles) * holes
