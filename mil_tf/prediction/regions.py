"""Regions of a map as polygons, and as the GeoJSON that QuPath imports.

Polygons run along the borders of the map's positions, so that they enclose what is above the threshold and nothing
else. Positions that only touch at a corner belong to two regions; a region's own holes are rings of its polygon.
"""

import numpy as np
from scipy import ndimage

NAME, COLOUR = "Tumor", [200, 0, 0]  # QuPath's own class of that name and its colour
# The edges along a position's top, right, bottom and left, clockwise as rows run down: what lies on their other side,
# then their ends, all as (row, column) from the position.
SIDES = (((-1, 0), (0, 0), (0, 1)), ((0, 1), (0, 1), (1, 1)), ((1, 0), (1, 1), (1, 0)), ((0, -1), (1, 0), (0, 0)))


def polygons(mask):
    """The regions of a mask.

    Args:
        mask: bool (rows, columns).

    Returns:
        [[ring]], a list a region: its outline, then its holes. A ring is int64 (n, 2) of (row, column) of corners of
        positions, 0 to rows and 0 to columns, the last as the first. Rings may touch but do not cross.
    """
    regions, count = ndimage.label(mask)
    found = [[] for _ in range(count)]
    for region, ring in _rings(regions):
        found[region - 1].append(ring)
    return [sorted(rings, key=_area, reverse=True) for rings in found]


def feature_collection(mask, scale, shape, name=NAME, colour=COLOUR):
    """The regions as a GeoJSON FeatureCollection, a dict.

    Args:
        mask: bool (rows, columns).
        scale: pixels of the slide's level 0 a position.
        shape: (rows, columns) of level 0, which the last positions may overhang.
        name, colour: of the class, [red, green, blue].
    """
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [_points(ring, scale, shape) for ring in rings]},
                "properties": {"objectType": "annotation", "classification": {"name": name, "color": list(colour)}},
            }
            for rings in polygons(mask)
        ],
    }


def _rings(regions):
    """Yields (region, ring) of all outlines and holes."""
    following = _edges(regions)
    while following:
        corner = next(iter(following))
        path, at = [corner], {corner: 0}
        while corner in following:
            corner = _next(following, corner)
            if corner not in at:
                at[corner] = len(path)
                path.append(corner)
                continue
            # What comes to one of its corners again is two rings that touch there; QuPath refuses them as one.
            first = at[corner]
            yield corner[0], _turns(path[first:])
            for passed in path[first + 1 :]:
                del at[passed]
            del path[first + 1 :]


def _edges(regions):
    """{(region, row, column) of a corner: [the next ones]} along all borders, each with its region to the right."""
    padded, found = np.pad(regions, 1), {}
    inside = padded[1:-1, 1:-1]
    for (down, right), *ends in SIDES:
        beside = padded[1 + down : 1 + down + inside.shape[0], 1 + right : 1 + right + inside.shape[1]]
        places = np.argwhere((inside > 0) & (beside != inside))
        region = inside[tuple(places.T)][:, None]
        start, end = (map(tuple, np.hstack([region, places + end]).tolist()) for end in ends)
        for one, other in zip(start, end):
            found.setdefault(one, []).append(other)
    return found


def _next(following, corner):
    """Takes an edge that leaves a corner; returns where it leads."""
    leaving = following[corner]
    end = leaving.pop()
    if not leaving:
        del following[corner]
    return end


def _turns(corners):
    """Of a ring of (region, row, column), the rows and columns where it turns, and the first again."""
    ring = np.array(corners, np.int64)[:, 1:]
    steps = np.roll(ring, -1, axis=0) - ring
    turns = ring[(steps != np.roll(steps, 1, axis=0)).any(axis=1)]
    return np.concatenate([turns, turns[:1]])


def _area(ring):
    """Above 0 of outlines, below 0 of holes."""
    (rows, columns), (rows_after, columns_after) = ring[:-1].T, ring[1:].T
    return int((columns * rows_after - columns_after * rows).sum())


def _points(ring, scale, shape):
    ends = np.minimum(ring * scale, shape)[:, ::-1]
    return [[_short(x), _short(y)] for x, y in ends.tolist()]


def _short(number):
    """Whole where it is whole."""
    rounded = round(number, 2)
    return int(rounded) if rounded == int(rounded) else rounded
