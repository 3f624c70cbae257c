"""Nuclei of cancer cells: where they lie in the cell, and their DNA."""

import numpy as np

from .geometry import ANGLES, draw_shape
from .texture import ridge, spots

PLAIN = 11.0  # units; radius at which one share of DNA has brightness 1
RIM = 2.0  # units of cytoplasm that are left beside a nucleus (our decision)


def draw_nuclei(rng, look, cell):
    """Shapes of the nuclei of a cell with this Look, the largest first."""
    number = max(1, int(look.nuclei + rng.random())) if look.nuclei < 2 else max(2, rng.poisson(look.nuclei - 1) + 1)
    sizes = np.sort(np.exp(look.unequal * rng.standard_normal(number)))[::-1]
    # The area of many is that of one a little larger.
    sizes *= look.nucleus * 1.15 ** (number > 1) / np.sqrt(np.square(sizes).sum())
    most = 0.8 * float(cell.radius.min())
    sizes *= min(1.0, most / np.sqrt(np.square(sizes).sum()))
    turn = cell.turn + rng.choice([0, np.pi]) + rng.normal(0, 0.5)
    room = float(cell.radius[round(turn * ANGLES / (2 * np.pi)) % ANGLES]) - np.sqrt(np.square(sizes).sum()) - RIM
    aside = min(look.aside * cell.size * rng.uniform(0.5, 1.3), max(room, 0))
    middle = cell.y + aside * np.sin(turn), cell.x + aside * np.cos(turn)
    lean = cell.turn + rng.normal(0, 0.3)
    return [
        draw_shape(rng, y, x, size, look.stretched, look.dented, turn=lean if number == 1 else None)
        for (y, x), size in zip(_packed(rng, middle, sizes, look.apart), sizes)
    ]


def _packed(rng, middle, sizes, apart):
    """Places of round bodies that touch around a point: each where it overlaps least of eight tries."""
    if len(sizes) == 1:
        return [middle]
    places = []
    reach = np.sqrt(np.square(sizes).sum()) * 1.15 * apart
    for size in sizes:
        far = np.maximum(reach - size, 0) * np.sqrt(rng.random(8))
        turn = rng.uniform(0, 2 * np.pi, 8)
        tries = np.stack([middle[0] + far * np.sin(turn), middle[1] + far * np.cos(turn)], 1)
        gaps = [min((np.hypot(*(t - p)) - size - s for p, s in zip(places, sizes)), default=0) for t in tries]
        places.append(tries[int(np.argmax(gaps))])
    return places


def paint_dna(rng, look, nuclei, view, texture, deep, soft):
    """DNA (rows, columns) of a cell's nuclei.

    Args:
        nuclei: their Shapes.
        deep: (rows, columns) how deep inside the nearest nucleus, units; see `depths`.
        soft: units over which an edge fades.
    """
    size = np.sqrt(sum(n.size**2 for n in nuclei))
    inside = np.clip(deep * np.float32(1 / soft) + np.float32(0.5), 0, 1)
    dna = 0.75 + 0.25 * np.sqrt(np.clip(deep * np.float32(2 / size), 0, 1))
    dna += np.float32(look.chromatin) * texture.field("grain", look.grain)
    if look.nucleoli > 0.02:
        dna *= 1 - np.float32(min(look.nucleoli, 1)) * spots(texture.field("cloud", 9.0), 0.9)
    if look.foci > 0.05:
        dna += np.float32(look.foci) * spots(texture.field("cloud", 5.0), 0.7)
    dna = np.maximum(dna, 0) * inside
    dna *= np.float32(look.dna * PLAIN**2 / size**2)
    return dna if look.rosette + look.bar < 0.05 else _condensed(look, nuclei[0], view, texture, dna)


def _condensed(look, nucleus, view, texture, dna):
    far, _ = view.polar(nucleus.y, nucleus.x)
    size = np.float32(nucleus.size)
    ring = np.exp(-np.square((far - 0.62 * size) / (0.3 * size))) * (0.55 + 0.75 * texture.rays(1, 4.0, 90.0))
    along, across = view.turned(nucleus.y, nucleus.x, nucleus.turn)
    plate = np.exp(-np.square(along / (0.3 * size)) - (across / (1.05 * size)) ** 4)
    plate *= 0.8 + 0.3 * ridge(texture.field("cloud", 6.0))
    rest = np.float32(max(1 - look.rosette - look.bar, 0))
    return rest * dna + np.float32(2.6 * look.rosette) * ring + np.float32(3.2 * look.bar) * plate


def depths(nuclei, view):
    """How deep pixels lie in the nearest of several Shapes, (rows, columns) units."""
    return np.maximum.reduce([nucleus.depth(view) for nucleus in nuclei])
