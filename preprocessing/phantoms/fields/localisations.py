"""Where a yeast protein sits: one function a compartment, each an image of one cell.

The compartments are those of Huh et al. (2003); how many cells show each, and all lengths, are our decision. Every
function takes (rng, Yeast, View, Texture, deep) and gives light (rows, columns); lengths are units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .cytoplasm import bell
from .geometry import ANGLES, Shape, draw_shape
from .texture import ridge


@dataclass(eq=False)
class Yeast:
    """A cell, its bud and its organelles; stands for a Shape where cells are laid out.

    Attributes:
        mother: a Shape.
        bud: a Shape, or None.
        nucleus, vacuole: Shapes in the mother.
    """

    mother: Shape
    bud: Shape
    nucleus: Shape
    vacuole: Shape

    @property
    def y(self):
        return self.mother.y

    @property
    def x(self):
        return self.mother.x

    @property
    def radius(self):
        """Units from the mother's centre to the farthest point of her and of the bud."""
        if self.bud is None:
            return self.mother.radius
        way = np.hypot(self.bud.y - self.y, self.bud.x - self.x)
        return np.maximum(self.mother.radius, np.float32(way + self.bud.radius.max()))

    def depth(self, view):
        """As `Shape.depth`, in the mother or in the bud, whatever is more."""
        deep = self.mother.depth(view)
        return deep if self.bud is None else np.maximum(deep, self.bud.depth(view))


def draw_yeast(rng, place, radius, bud):
    """A cell of `radius` units at a place (y, x), with a bud of radius `bud` if that is not 0."""
    mother = draw_shape(rng, *place, radius, rng.uniform(1.0, 1.35), 0.02)
    turn = rng.uniform(0, 2 * np.pi)
    toward = np.array([np.sin(turn), np.cos(turn)])
    middle = np.array([mother.y, mother.x])
    rim = float(mother.radius[int(turn * ANGLES / (2 * np.pi)) % ANGLES])
    child = draw_shape(rng, *(middle + (rim + 0.72 * bud) * toward), bud, rng.uniform(1, 1.2), 0.02) if bud else None
    # The nucleus lies towards the bud, the vacuole away from it.
    nucleus = draw_shape(rng, *(middle + 0.42 * radius * toward), 0.33 * radius, rng.uniform(1, 1.15), 0.02)
    wide = rng.uniform(0.36, 0.48) * radius
    vacuole = draw_shape(rng, *(middle - 0.36 * radius * toward), wide, rng.uniform(1, 1.15), 0.03)
    return Yeast(mother, child, nucleus, vacuole)


def inside(deep):
    """Share of a pixel inside an edge that fades over one unit."""
    return np.clip(deep + np.float32(0.5), 0, 1)


def marker(yeast, view, texture, deep):
    """The cytoplasm's marker: everywhere but in the vacuole, less in the nucleus."""
    light = (0.85 + 0.12 * texture.field("grain", 10.0)) * (0.5 + 0.5 * np.sqrt(np.clip(deep / 8, 0, 1)))
    return light * (1 - 0.75 * inside(yeast.vacuole.depth(view))) * (1 - 0.25 * inside(yeast.nucleus.depth(view)))


def haze(rng, yeast, view, texture, deep):
    """A protein that sits nowhere: all over the cell, faint and even."""
    return 0.9 + 0.04 * texture.field("grain", 10.0)


def cytoplasm(rng, yeast, view, texture, deep):
    light = 0.95 + 0.15 * texture.field("grain", 8.0)
    return light * (1 - 0.9 * inside(yeast.vacuole.depth(view))) * (1 - 0.75 * inside(yeast.nucleus.depth(view)))


def nucleus(rng, yeast, view, texture, deep):
    return inside(yeast.nucleus.depth(view)) * (0.9 + 0.1 * texture.field("grain", 6.0))


def reticulum(rng, yeast, view, texture, deep):
    patches = np.clip(0.6 + 0.6 * texture.field("cloud", 14.0), 0, 1)
    return bell(yeast.nucleus.depth(view), 1.3) + 0.7 * bell(deep - 1.8, 1.3) * patches


def mitochondria(rng, yeast, view, texture, deep):
    net = np.square(ridge(texture.field("cloud", 13.0), 1.5)) * np.clip(1.3 - 0.1 * deep, 0.2, 1)
    free = 1 - np.maximum(inside(yeast.vacuole.depth(view)), inside(yeast.nucleus.depth(view)))
    return net * free * inside(deep - 1)


def vacuole(rng, yeast, view, texture, deep):
    return inside(yeast.vacuole.depth(view)) * (0.95 + 0.05 * texture.field("grain", 6.0))


def vacuolar_membrane(rng, yeast, view, texture, deep):
    return bell(yeast.vacuole.depth(view), 1.2)


def periphery(rng, yeast, view, texture, deep):
    return bell(deep - 1.3, 1.3) * np.clip(0.9 + 0.25 * texture.field("cloud", 12.0), 0.3, None)


def bud_neck(rng, yeast, view, texture, deep):
    bud, mother = yeast.bud, yeast.mother
    turn = np.arctan2(bud.y - mother.y, bud.x - mother.x)
    away = float(mother.radius[int(turn * ANGLES / (2 * np.pi)) % ANGLES])
    along, across = view.turned(mother.y + away * np.sin(turn), mother.x + away * np.cos(turn), turn)
    wide = 0.3 * mother.size
    return bell(along, 1.5) * inside(wide - np.abs(across)) * (0.5 + np.square(across / np.float32(wide)))


def dots(places, view, width):
    """Spots at points (y, x)."""
    return sum(bell(view.polar(*place)[0], width) for place in places)


def punctate(rng, yeast, view, texture, deep):
    number = int(rng.integers(3, 9))
    far, turn = 0.82 * yeast.mother.size * np.sqrt(rng.random(number)), rng.uniform(0, 2 * np.pi, number)
    return dots(np.stack([yeast.y + far * np.sin(turn), yeast.x + far * np.cos(turn)], 1), view, 1.7)


def spindle_pole(rng, yeast, view, texture, deep):
    body, turn = yeast.nucleus, rng.uniform(0, 2 * np.pi)
    turns = turn + np.array([0.0, np.pi])[: 1 + (yeast.bud is not None)]
    return dots([(body.y + body.size * np.sin(t), body.x + body.size * np.cos(t)) for t in turns], view, 1.6)


class Localisation(NamedTuple):
    """One class.

    Attributes:
        paint: function, see above.
        bright: of its light, relative to a protein all over the cell.
        density: least and most share of a strain's cells that show it; few where it comes and goes with the cycle.
        needs_bud: seen in budded cells only.
    """

    paint: Callable
    bright: float
    density: tuple
    needs_bud: bool = False


LOCALISATIONS = {
    "bud neck": Localisation(bud_neck, 4.5, (0.1, 0.2), True),
    "cell periphery": Localisation(periphery, 2.6, (0.75, 0.95)),
    "cytoplasm": Localisation(cytoplasm, 1.5, (0.85, 0.98)),
    "endoplasmic reticulum": Localisation(reticulum, 2.6, (0.8, 0.95)),
    "endosome": Localisation(punctate, 4.0, (0.5, 0.8)),
    "mitochondrion": Localisation(mitochondria, 3.0, (0.8, 0.95)),
    "nucleus": Localisation(nucleus, 3.2, (0.85, 0.98)),
    "spindle pole": Localisation(spindle_pole, 4.5, (0.2, 0.4)),
    "vacuolar membrane": Localisation(vacuolar_membrane, 3.0, (0.7, 0.95)),
    "vacuole": Localisation(vacuole, 2.4, (0.75, 0.95)),
}
FAINT = 0.35  # light of a protein in cells that do not show its place, relative (our decision)
SHADE = 0.2  # of a shown protein that is all over the cell beside (our decision)


def paint_protein(rng, name, yeast, view, texture, deep):
    """Light (rows, columns) of the protein in one cell that shows the class `name`, or none where it is ""."""
    even = haze(rng, yeast, view, texture, deep)
    if not name:
        return np.float32(FAINT) * even
    place = LOCALISATIONS[name]
    return np.float32(SHADE) * even + np.float32(place.bright) * place.paint(rng, yeast, view, texture, deep)
