"""One phantom: its streams of chance, the sampling of a head on a scanner's grid, the truth beside it."""

from dataclasses import dataclass

import numpy as np

from .anatomy import Points, draw_head, outline, surfaces
from .base import paint_outside
from .brain import paint_brain, spaces
from .distractors import draw_distractors, paint_calcium, paint_scalp, swell_scalp
from .flaws import mottle, resolve
from .lesions import LATTICE_STEP, SHARES, TYPES, VOLUME, draw_lesions, mass_effect, paint_lesions, set_growth
from .scanner import add_noise, axes, draw_scan, harden, move, paint_holder, store
from .scanners import SCANNERS
from .scanners import streams as seeds
from .shapes import edge

TRIES = 8  # our decision
SEEN = 20.0 / VOLUME[0]  # of the least volume of blood, in the scan: 20 cm3, as the paper asks of its positives
REACH = ((-106, 106), (-150, 132))  # mm in x and y that the largest, most tilted head needs
CHUNK = 400_000  # sample points worked on at once; bounds memory at 512 and stays in cache


@dataclass(eq=False)
class Phantom:
    """A scan and its truth, all arrays (i, j, k) as stored in the file."""

    volume: np.ndarray  # int16 HU
    affine: np.ndarray  # (4, 4) to RAS+ mm
    mask: np.ndarray  # uint8, 0 none, 1-5 the bleed's type where it fills at least half a voxel
    brain: np.ndarray  # uint8, 1 where the cranial cavity fills at least half a voxel
    label: int
    types: tuple  # names of the types in the mask
    volume_cm3: float  # of the mask
    spacing: tuple  # (pixel, pixel, slice) mm
    thickness: float


def generate(seed, index, size=512, positive=None, kinds=None, volume=VOLUME, scanner="standard"):
    """The phantom (seed, index) sampled with a size x size matrix.

    Args:
        seed, index: non-negative integers; together they name the phantom.
        size: matrix, 32 to 1024 pixels; the field of view does not depend on it.
        positive: with a bleed, without, or None to draw it; head, pose and distractors are the same.
        kinds: types (1-5) of the bleeds, or None to draw them.
        volume: (least, most) cm3 of the bleeds together.
        scanner: a name of `scanners.SCANNERS`; the same numbers name another head for each.
    """
    if not 32 <= size <= 1024:
        raise ValueError(
            f"Expected a matrix of 32 to 1024 pixels. Received size={size}; choose one in between."
        )
    streams = [np.random.default_rng(s) for s in seeds(scanner, seed, index, 5)]
    scanner = SCANNERS[scanner]
    head = draw_head(streams[0])
    head.scale *= scanner.head
    head.number.update(draw_distractors(streams[1]))
    scan = draw_scan(streams[2], size, head.scale, scanner)
    positive = bool(streams[3].random() < 0.5) if positive is None else positive
    lesions = place_lesions(streams[3], head, scan, kinds, volume, scanner.shares) if positive else []
    volume, mask, brain = render(head, scan, lesions, streams[4])
    return pack(scan, lesions, volume, mask, brain)


def place_lesions(rng, head, scan, kinds, volume, shares=SHARES):
    """Draws bleeds until the scan's slices hold SEEN of the least volume; after TRIES draws the last one stays."""
    ventricle = head.ventricle
    for _ in range(TRIES):
        lesions = draw_lesions(rng, kinds, volume, shares)
        flooded = max((lesion.volume for lesion in lesions if lesion.kind == 4), default=0)
        head.number["ventricle"] = max(ventricle, 0.9 + flooded / 70) if flooded else ventricle  # they dilate
        if grow_lesions(lesions, head, scan) > SEEN * volume[0]:
            break
    return lesions


def grow_lesions(lesions, head, scan):
    """Finds every lesion's growth on a coarse lattice of the cavity; returns the cm3 in the scan's slices."""
    step = LATTICE_STEP
    grid = np.meshgrid(
        np.arange(-74, 75, step), np.arange(-112, 78, step), np.arange(-70, 86, step), indexing="ij"
    )
    p = Points(*(g.ravel().astype("f4") for g in grid), step)
    outline(head, p)
    p = p.take(np.flatnonzero(p.skin > 4))
    surfaces(head, p)
    p = p.take(np.flatnonzero(p.inside > -1))
    spaces(head, p, mass_effect(lesions, p))
    cell = step**3 * float(np.prod(head.scale)) / 1000
    p.width = np.float32(2.5)
    height = scan.rotation[2] @ (np.stack([p.x, p.y, p.z]) * head.scale[:, None]) - scan.bottom
    seen = (height > 0) & (height < scan.spacing * scan.slices)
    return sum(set_growth(lesion, head, p, cell)[seen].sum() for lesion in lesions) * cell


def render(head, scan, lesions, rng):
    """HU (float32), mask and cavity (uint8), each (slices, h, w) towards S, A, R."""
    x, y = axes(scan)
    plane = np.full((scan.size, scan.size), -1000, "f4")
    paint_holder(scan, plane, x, y)
    volume = np.repeat(plane[None], scan.slices, 0)
    mask = np.zeros(volume.shape, "u1")
    brain, body = np.zeros(volume.shape, "u1"), np.zeros(volume.shape, "f4")
    cols, rows = window(x, REACH[0]), window(y, REACH[1])
    each = max(1, CHUNK // (scan.substeps * len(x[cols]) * len(y[rows])))
    for start in range(0, scan.slices, each):
        part = slice(start, min(start + each, scan.slices))
        box = (part, rows, cols)
        volume[box], mask[box], brain[box], body[box] = sample_slices(
            head, scan, lesions, x[cols], y[rows], part, volume[box]
        )
    move(scan, volume)
    resolve(scan, volume)
    add_noise(scan, rng, volume, body)
    mottle(scan, rng, volume, body)
    finish(scan, volume)
    return volume, mask, brain


def window(line, reach):
    """The slice of an axis, sampled at `line` mm, that a head can reach in any of the scan's slices."""
    inside = np.flatnonzero((line > reach[0]) & (line < reach[1]))
    return slice(inside[0], inside[-1] + 1)


def sample_slices(head, scan, lesions, x, y, part, background):
    """One block of slices: (HU, mask, cavity, body cover), each (slices, rows, columns)."""
    n, sub = part.stop - part.start, scan.substeps
    steps = (np.arange(sub) - (sub - 1) / 2) * scan.thickness / sub
    z = (scan.bottom + scan.spacing * np.arange(part.start, part.stop)[:, None] + steps).ravel()
    shape = (n, sub, len(y), len(x))
    back = scan.rotation.T / head.scale[:, None]  # scanner mm -> head mm
    where = [(b[2] * z[:, None, None] + b[1] * y[:, None] + b[0] * x).astype("f4").ravel() for b in back]
    width = float(np.hypot(scan.pixel, 0.9) / head.scale.mean())  # 0.9 mm: soft-tissue kernel, our decision
    hu = np.repeat(background[:, None], sub, 1).ravel()
    covers, cavity, body = sample_points(
        head, scan, lesions, Points(*where, width, scan.thickness / sub / head.scale[2]), hu
    )
    hu, cavity, body = (a.reshape(shape).mean(1) for a in (hu, cavity, body))
    covers = covers.reshape((len(lesions),) + shape).mean(2)
    brain = cavity >= 0.5
    return hu, to_mask(lesions, covers, hu.shape) * brain, brain, body


def sample_points(head, scan, lesions, p, hu):
    """Paints hu (m,) in place; returns lesion covers (k, m), cavity cover (m,), body cover (m,)."""
    covers = np.zeros((len(lesions), len(hu)), "f4")
    cavity, body = np.zeros_like(hu), np.zeros_like(hu)
    outline(head, p)
    swell_scalp(head, p)
    at = np.flatnonzero(p.skin > -p.wide)
    p = p.take(at)
    surfaces(head, p)
    part = hu[at]
    paint_outside(head, p, part)
    paint_scalp_under_bone(head, p, part)
    body[at] = edge(p.skin, p.width)
    within = np.flatnonzero(p.inside > -p.wide)
    q = p.take(within)
    tissue = part[within]
    spaces(head, q, mass_effect(lesions, q))
    paint_brain(head, q, tissue)
    paint_calcium(head, q, tissue)
    covers[:, at[within]] = paint_lesions(lesions, head, q, tissue)
    harden(scan, head, q, tissue)
    part[within] = tissue
    hu[at] = part
    cavity[at[within]] = edge(q.inside, q.wide)
    return covers, cavity, body


def paint_scalp_under_bone(head, p, hu):
    """The scalp hematoma only takes the place of soft tissue."""
    soft = np.flatnonzero((p.bruise > -p.width) & (p.shell < p.width))
    if soft.size:
        part = hu[soft]
        paint_scalp(head, p.take(soft), part)
        hu[soft] = part


def to_mask(lesions, covers, shape):
    """uint8 type ids where bleeds together fill at least half a voxel."""
    if not lesions:
        return np.zeros(shape, "u1")
    kinds = np.array([lesion.kind for lesion in lesions], "u1")
    return np.where(covers.sum(0) >= 0.5, kinds[covers.argmax(0)], 0).astype("u1")


def finish(scan, volume):
    """Calibration error, limits of the stored range and, in some scans, padding outside the round view."""
    volume *= np.float32(scan.number["gain"])
    volume += np.float32(scan.flaws.get("offset", 0))
    np.clip(volume, -1024, 3071, out=volume)
    if scan.number["padding"]:
        line = np.arange(scan.size) - (scan.size - 1) / 2
        outside = np.hypot(line[:, None], line) > scan.size / 2
        volume[:, outside] = scan.number["padding"]


def pack(scan, lesions, volume, mask, brain):
    """The Phantom as a file stores it."""
    data, affine = store(scan, np.rint(volume).astype("i2"))
    mask, _ = store(scan, mask)
    brain, _ = store(scan, brain)
    spacing = (scan.pixel, scan.pixel, scan.spacing)
    found = tuple(TYPES[k - 1] for k in range(1, 6) if lesions and (mask == k).any())
    cm3 = float(np.count_nonzero(mask) * np.prod(spacing) / 1000)
    return Phantom(data, affine, mask, brain, int(bool(lesions)), found, cm3, spacing, scan.thickness)
