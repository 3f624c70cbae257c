"""Where cells lie: alone or against each other, never two in one place."""

import numpy as np

TRIES = 12  # places drawn at once for a cell; the first free one is taken (our decision)


def scatter(rng, radii, sides, together, near):
    """Places of cells on a field.

    Args:
        radii: (n,) units.
        sides: (height, width) units; the first centre lies in it, the others up to 0.8 radii outside.
        together: share of cells that start from another one, in [0, 1].
        near: least distance of two centres, of the sum of their radii.

    Returns:
        float (n, 2), (y, x) units; rows of NaN for cells that found no place.
    """
    places = np.full((len(radii), 2), np.nan)
    low, high = -np.max(radii) * 0.8, np.array(sides) + np.max(radii) * 0.8
    places[0] = rng.uniform(0, sides)
    for k, radius in enumerate(radii[1:], 1):
        tries = _beside(rng, places[:k], radii[:k], radius, near) if rng.random() < together else None
        for spots in (tries, rng.uniform(low, high, (TRIES, 2))):
            spot = None if spots is None else _free(spots, places[:k], radii[:k], radius, near, low, high)
            if spot is not None:
                places[k] = spot
                break
    return places


def _beside(rng, places, radii, radius, near):
    """Places that touch one of the cells which are there; None where none is."""
    there = np.flatnonzero(np.isfinite(places[:, 0]))
    if not len(there):
        return None
    chosen = there[rng.integers(0, len(there), TRIES)]
    far = (radii[chosen] + radius) * near * rng.uniform(1.0, 1.15, TRIES)
    turn = rng.uniform(0, 2 * np.pi, TRIES)
    return places[chosen] + far[:, None] * np.stack([np.sin(turn), np.cos(turn)], 1)


def _free(spots, places, radii, radius, near, low, high):
    """The first of several places inside the bounds where no other cell is, or None."""
    gap = np.hypot(*(spots[:, None] - places).transpose(2, 0, 1)) - near * (radii + radius)
    # NaN, of cells that have no place, compares false.
    taken = (gap < -1e-6).any(1) | (spots < low).any(1) | (spots > high).any(1)
    free = np.flatnonzero(~taken)
    return spots[free[0]] if len(free) else None
