"""What a bag must hold, from the world coordinates of the source's voxels alone.

The source is given as every voxel's value and place, found by nibabel or from the DICOM tags; nothing of
`preprocessing` is used.
"""

import csv
import itertools

import numpy as np

from tfrecords import Dataset, reader

AIR = -1024  # padding below it is lifted to air
RIM = 0.9, 2.2, 0.9  # columns, rows, slices at the rim of a tilted volume that are mixed with what lies outside


def outcomes(folder):
    """({id: Bag}, [the rows of rejected.csv]) of a finished data set."""
    dataset = Dataset(folder)
    bags = {row.id: reader.read_bag(dataset.folder, row) for row in dataset.rows}
    with open(dataset.folder / "rejected.csv", newline="") as file:
        return bags, list(csv.DictReader(file))


def check_reason(reason):
    """A reason is one line that was foreseen."""
    assert reason.strip() and len(reason.splitlines()) == 1, reason
    assert len(reason) < 400 and "unexpected" not in reason and "Traceback" not in reason, reason


def check_volume(bag, data, affine, tolerance=0.5):
    """The bag shows a volume (i, j, k) in HU with its affine (4, 4) -> RAS+ mm: every voxel where it belongs and none
    besides.
    """
    finest = np.linalg.norm(affine[:3, :3], axis=0).min()
    places = np.array(list(itertools.product(*map(range, data.shape))))
    world = np.c_[places, np.ones(len(places))] @ affine.T
    columns, rows, slices = _indices(bag, world, finest)
    at = {source: place for place, source in enumerate(bag.source_index)}
    hu = np.maximum(data[tuple(places.T)], AIR)
    canvas = np.asarray(bag.instances[..., 0], np.float64)
    shown = np.zeros(canvas.shape, bool)
    dropped = {}
    for value, *place in zip(hu, slices, rows, columns):
        index, row, column = place
        if index not in at:
            dropped.setdefault(index, set()).add(float(value))
            continue
        assert abs(canvas[at[index], row, column] - value) <= tolerance + abs(value) / 1000  # float16
        shown[at[index], row, column] = True
    assert all(len(values) == 1 for values in dropped.values()), "a slice that shows something is missing"
    assert np.isin(canvas[~shown], (0, AIR)).all()
    check_display(bag)


def check_slices(bag, stack, world, tolerance=2.0):
    """The bag shows parallel slices, with linear interpolation between them where it has others.

    Args:
        stack: HU (n, h, w), in spatial order.
        world: float (n, h, w, 3), RAS+ mm of every pixel.
    """
    across = np.cross(world[0, 0, -1] - world[0, 0, 0], world[0, -1, 0] - world[0, 0, 0])
    across /= np.linalg.norm(across)
    heights = world[:, 0, 0] @ across
    order = np.argsort(heights)
    heights, stack, world = heights[order], np.maximum(stack[order], AIR), world[order]
    matrix = np.asarray(bag.affine, np.float64).reshape(4, 4)
    steps = np.linalg.norm(matrix[:3, :3], axis=0)
    assert abs(abs(matrix[:3, 2] @ across) - steps[2]) < 1e-3 * steps[2], "slices lie otherwise than in the source"
    seen = []
    for place, source in enumerate(bag.source_index):
        height = float(across @ (matrix @ [0, 0, source, 1])[:3])
        seen.append(height)
        assert heights[0] - steps[2] < height < heights[-1] + steps[2]
        inside = np.clip(height, heights[0], heights[-1])
        below = min(int(np.searchsorted(heights, inside, "right")) - 1, len(heights) - 2)
        share = (inside - heights[below]) / (heights[below + 1] - heights[below])
        share = round(share) if abs(share - round(share)) < 0.01 else share
        truth = stack[below] * (1 - share) + stack[below + 1] * share
        at = world[below, ..., :] + (height - heights[below]) * across
        flat = np.c_[at.reshape(-1, 3), np.ones(truth.size)] @ np.linalg.inv(matrix).T
        columns, rows, slices = np.rint(flat[:, :3].T).astype(int)
        assert np.abs(flat[:, :3] - np.rint(flat[:, :3])).max() < 0.05 and (slices == source).all()
        canvas = np.asarray(bag.instances[place, ..., 0], np.float64)
        assert 0 <= rows.min() and rows.max() < len(canvas) and 0 <= columns.min() and columns.max() < len(canvas)
        assert np.abs(canvas[rows, columns] - truth.ravel()).max() <= tolerance
        canvas[rows, columns] = AIR
        assert (canvas == AIR).all()
    assert max(seen) - min(seen) > heights[-1] - heights[0] - 1.5 * steps[2], "a part of the scan is missing"
    assert steps[2] <= np.diff(heights).max() + 1e-3
    check_display(bag)


def check_ramp(bag, stack, world, tolerance=2.0):
    """The bag shows a ramp, linear in every direction, as the tilted slices of `check_slices` do, all the way through
    but for the rim, where nothing lies to interpolate with.
    """
    steps = [world[0, 0, 1] - world[0, 0, 0], world[0, 1, 0] - world[0, 0, 0], world[1, 0, 0] - world[0, 0, 0]]
    slopes = [stack[0, 0, 1] - stack[0, 0, 0], stack[0, 1, 0] - stack[0, 0, 0], stack[1, 0, 0] - stack[0, 0, 0]]
    matrix = np.asarray(bag.affine, np.float64).reshape(4, 4)
    n, size = bag.instances.shape[:2]
    place, row, column = np.mgrid[:n, :size, :size]
    index = np.stack([column, row, bag.source_index[place], np.ones_like(row)], -1)
    at = ((index @ matrix.T)[..., :3] - world[0, 0, 0]) @ np.linalg.inv(steps)
    ends = (world[-1, -1, -1] - world[0, 0, 0]) @ np.linalg.inv(steps)
    inside = ((at > RIM) & (at < ends - RIM)).all(-1)
    found = np.asarray(bag.instances[..., 0], np.float64)[inside]
    assert np.abs(found - (stack[0, 0, 0] + at[inside] @ slopes)).max() <= tolerance
    assert inside.sum() > 0.2 * stack.size
    check_display(bag)


def places(bag):
    """(n, h, w, 3): the voxels of the file that a bag's pixels show, by the bag's own matrices."""
    rows, columns = np.mgrid[: bag.instances.shape[1], : bag.instances.shape[2]]
    points = np.stack([np.stack([columns, rows, np.full_like(rows, index), np.ones_like(rows)], -1)
                       for index in bag.source_index])
    return (points @ (np.linalg.inv(bag.source_affine.astype(float)) @ bag.transform @ bag.affine).T)[..., :3]


def _indices(bag, world, finest):
    matrix = np.asarray(bag.affine, np.float64).reshape(4, 4)
    found = (world @ np.linalg.inv(matrix).T)[:, :3].T
    assert np.abs(found - np.rint(found)).max() < 0.01, "voxels lie between those of the source"
    return np.rint(found).astype(int)


def check_display(bag):
    """Columns run to the patient's left, rows to posterior, slices along the body."""
    directions = np.asarray(bag.affine, np.float64).reshape(4, 4)[:3, :3]
    directions = directions / np.linalg.norm(directions, axis=0)
    least = np.cos(np.radians(45.1))
    assert directions[0, 0] < -least and directions[1, 1] < -least and abs(directions[2, 2]) > least
    sides = np.linalg.norm(np.asarray(bag.affine, np.float64).reshape(4, 4)[:3, :3], axis=0)
    assert np.abs(np.asarray(bag.spacing) / sides - 1).max() < 1e-3
