"""Heads for benchmarks/brain.py that are no phantoms: a real head with blood painted into it, and a brain template in a
skull that is built around it.

Blood is painted within surfaces that are found without brain extraction: a slice's cavity is what a closed ring of
bone shuts in. Sizes, places and HU are our decisions, within what is seen of acute bleeds (55 to 90 HU).
"""

import numpy as np
from scipy import ndimage

from benchmarks.heads import AIR, NARROW, NOISE, SOFT, Head, angles

RING, CLOSING = 250.0, 3.0  # HU, mm: bone of the ring, and the gaps in it
BLUR = 0.6  # mm in plane
SIDES = {  # name: degrees of the middle and of half the width, mm, HU
    "subdural 5 mm, 60 HU": (180, 40, 5, 60), "subdural 8 mm, 68 HU": (0, 35, 8, 68),
    "subdural 12 mm, 75 HU": (200, 40, 12, 75), "subdural 3 mm, 65 HU": (-30, 60, 3, 65),
    "subdural 3 mm in front, 60 HU": (-90, 45, 3, 60), "epidural lens 18 mm, 85 HU": (10, 22, 18, 85),
    "epidural lens 22 mm, 90 HU": (150, 20, 22, 90),
}
TOPS = {"epidural at the vertex, 80 HU": (10, 80), "subdural at the vertex, 4 mm, 70 HU": (4, 70)}
EDGE = 150.0  # HU, between soft tissue and bone
FRACTURE = 1.5  # degrees to each side
WHOLE = 0.9  # of the next slice's area, where the ring is still closed
FOSSA = 1000.0  # mm2 of a slice's cavity that is more than the great hole
TABLE, DIPLOE, FAT = 1500.0, 700.0, -90.0  # HU
SKULL, TABLES, SCALP, SKIN = 7.0, 2.0, 5.0, 2.0  # mm
HOLE = 16.0  # mm, radius of the great hole
BRAIN = 40.0  # HU of what the mask leaves out within the skull
MARGIN, SMOOTH = 20, 3  # voxels of a template around it; closing that makes its mask's surface whole


def painted(slices, spacing):
    """Yields Heads: a real head with one bleed, the same with bone missing beside it, and with thicker slices."""
    ring, low = cavities(slices, spacing)
    depth = ndimage.distance_transform_edt(ring, sampling=spacing).astype(np.float32) - spacing[1] / 2
    around, tops = angles(ring), (len(slices) - 1 - np.arange(len(slices))) * spacing[0]
    tops = (tops - tops[ring.any(axis=(1, 2))].min())[:, None, None]
    for name, (middle, half, thick, hu) in SIDES.items():
        away = np.abs((around - middle + 180) % 360 - 180)
        head = bled(slices, spacing, ring, depth, thick * np.clip(1.2 * (1 - (away / half) ** 4), 0, 1), hu)
        yield from (each._replace(name=name) for each in with_gaps(head, ring, away))
    for name, (thick, hu) in TOPS.items():
        head = bled(slices, spacing, ring, depth, thick * np.clip((35 - tops) / 5, 0, 1), hu)
        yield from (each._replace(name=name) for each in (head, thicker(head)))
    sulci = ring & (ndimage.gaussian_filter(slices, [0, BLUR, BLUR]) < 22) & (depth < 22)
    head = mixed(slices, spacing, sulci.astype(np.float32), 65)._replace(blood=sulci)
    yield from (each._replace(name="subarachnoid in sulci, 65 HU") for each in (head, thicker(head)))
    yield from behind(slices, spacing, low)


def cavities(slices, spacing):
    """(bool of what closed rings of bone shut in, from the lowest slice above which all are closed; the same of the
    posterior fossa in the slices below it).
    """
    radius = round(CLOSING / spacing[1])
    disc = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius
    found = np.zeros(slices.shape, bool)
    for plane, hu in zip(found, slices):
        bone = ndimage.binary_closing(hu > RING, disc)
        inner = ndimage.binary_opening(ndimage.binary_fill_holes(bone) & ~bone, disc)
        if inner.any():
            labels, _ = ndimage.label(inner)
            largest = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
            plane[:] = ndimage.binary_dilation(largest, disc) & (hu < RING)
    areas = found.sum(axis=(1, 2))
    lowest = areas.argmax()
    while areas[lowest - 1] > WHOLE * areas[lowest]:
        lowest -= 1
    ring, low = found.copy(), found.copy()
    ring[:lowest], low[lowest:] = False, False
    return ring, low


def bled(slices, spacing, within, depth, thick, hu):
    """A head with blood as thick as `thick` mm (n or 1, h, w) under the bone."""
    cover = np.clip((thick - depth) / spacing[1] + 0.5, 0, 1) * within
    return mixed(slices, spacing, cover.astype(np.float32), hu)._replace(blood=(cover >= 0.5))


def mixed(slices, spacing, cover, hu):
    """A head with a share of every voxel turned into blood, blurred; voxels of the skull's edge gain half as much."""
    change = np.where(slices < EDGE, hu - slices, (hu - SOFT) / 2) * cover
    blurred = ndimage.gaussian_filter(change, [0, *(BLUR / step for step in spacing[1:])])
    return Head("real head, painted blood", "", slices + blurred, spacing, None, cover >= 0.5)


def with_gaps(head, ring, away):
    """Yields the head, the same with a craniectomy and with a fracture where the blood is, and with thicker slices."""
    above = ring.any(axis=(1, 2))[:, None, None] & ~ring
    yield head
    for name, window in (("craniectomy", away < NARROW), ("fracture", away < FRACTURE)):
        bone = above & (head.slices > EDGE) & window
        slices = head.slices.copy()
        slices[bone] = np.random.default_rng(0).normal(SOFT, NOISE, np.count_nonzero(bone))
        yield head._replace(group=f"{head.group}, {name}", slices=slices)
    yield thicker(head)


def thicker(head):
    """Pairs of slices as one."""
    count = len(head.slices) // 2 * 2
    slices, blood = (part[:count].reshape(-1, 2, *part.shape[1:]).mean(axis=1) for part in (head.slices, head.blood))
    spacing = (2 * head.spacing[0], *head.spacing[1:])
    return head._replace(group=f"{head.group}, thick slices", slices=slices, spacing=spacing, blood=blood >= 0.5)


def behind(slices, spacing, low):
    """Yields a head with blood under the bone behind the cerebellum."""
    areas = low.sum(axis=(1, 2))
    kept = low & (areas > FOSSA / np.prod(spacing[1:]))[:, None, None]
    rows = np.arange(low.shape[1])[:, None]
    kept &= rows > ndimage.center_of_mass(kept)[1]
    flat = np.stack([ndimage.distance_transform_edt(plane, sampling=spacing[1:]) for plane in low]) - spacing[1] / 2
    head = bled(slices, spacing, kept, flat, 8.0, 75)._replace(name="posterior fossa 8 mm, 75 HU")
    yield from (head, thicker(head))


def in_skull(template, mask, affine, thick):
    """A Head around a brain template of 1 mm voxels: brain where its mask has gaps, two tables around diploe, a hole
    below, fat and skin, air, noise; slices `thick` mm.
    """
    template, mask = (np.pad(part, MARGIN) for part in (template, mask > 0))
    whole = ndimage.binary_closing(mask, iterations=SMOOTH)
    out = ndimage.distance_transform_edt(~whole).astype(np.float32)
    hu = np.where(mask, template, BRAIN)
    bone = np.where(np.minimum(out, SKULL - out) < TABLES, TABLE, DIPLOE)
    scalp = np.where(out > SKULL + SCALP - SKIN, SOFT, FAT)
    bone = np.where(_great_hole(whole), scalp, bone)
    for inner, value in ((0, bone), (SKULL, scalp), (SKULL + SCALP, AIR)):
        cover = np.clip(out - inner - 0.5 + (inner > 0), 0, 1)
        hu += cover * (value - hu)
    return _as_scan(hu, mask, affine, thick)


def _great_hole(whole):
    """Whether a voxel lies below the lowest brain and near its axis."""
    lowest = np.flatnonzero(whole.any(axis=(0, 1)))[0]
    middle = ndimage.center_of_mass(whole[:, :, lowest])
    rows, columns = np.mgrid[: whole.shape[0], : whole.shape[1]]
    near = np.hypot(rows - middle[0], columns - middle[1]) < HOLE
    return near[:, :, None] & (np.arange(whole.shape[2]) < lowest)


def _as_scan(hu, mask, affine, thick):
    """The Head of voxels (i, j, k) of 1 mm, whose lowest slices, beyond the brain's end, are not seen."""
    from preprocessing import orientation

    axes = orientation.axes_of(affine)
    up = 1 if affine[2, axes.slice] > 0 else -1
    parts = [orientation.reorient(part, axes)[::up][MARGIN:] for part in (hu, mask.astype(np.float32))]
    count = len(parts[0]) // thick * thick
    slices, brain = (part[:count].reshape(-1, thick, *part.shape[1:]).mean(axis=1) for part in parts)
    slices = slices + np.random.default_rng(0).normal(0, NOISE, slices.shape)
    name = f"template in a built skull, {thick} mm"
    return Head(name, name, slices.astype(np.float32), (float(thick), 1.0, 1.0), brain >= 0.5, None)
