"""Brain extraction without anything to download: the soft tissue that bone closes in.

This is not CT-BET, which the paper used; `ct_bet` is. It looks for what CT shows best, the inner table of the skull:

1. The head is the largest body denser than air; tables and holders are thinner and fall to an opening.
2. Bone is what is dense. Closed in-plane it bridges sutures, fissures and burr holes; its convex hull with its mirror
   image, slice by slice, bridges what surgery has taken away, and brain may bulge out of it under the skin.
3. The cavity is soft tissue within the hull that cannot be reached from outside the skull through a gap narrower than
   `GAP`: eroded, the largest piece kept, grown back, also into pockets such as the tips of the temporal lobes.
4. Downwards from its widest slice it may narrow but not widen by more than `FLARE`, so that neck and face, which bone
   closes in too, stay outside.
5. The rim between it and the bone is taken back up to where bone fills half a voxel, because blood lies there: losing
   it would lose the label, keeping a little dura would not. Holes are filled but for solid bone.

All lengths are mm, so that thick slices and any pixel size are treated alike; it works on pixels of about `PIXEL`. Its
constants are our decisions, tuned on phantoms (seeds that no test uses) and looked at on the real heads at hand.
"""

import numpy as np
from scipy import ndimage

from preprocessing.brain import morphology
from preprocessing.brain.morphology import filled, hulls, largest
from preprocessing.errors import ScanError

PIXEL = 1.0  # mm; the cavity has no finer parts that matter
AIR = -250.0  # HU, between air or foam and skin
FAT = -20.0  # HU, between the fat of scalp and orbit and water, of smoothed voxels
BONE = 150.0  # HU, of smoothed voxels; fresh blood stays below 100, with hardening and all
SMOOTH = 0.8  # mm, against noise
THIN = 24.0  # mm; tables and holders are thinner, a head in any slice is not
GAP = 10.0  # mm, wider than the gaps between the bones of a skull but for the great hole
NARROW = 6.0  # mm, wider than most holes for vessels and nerves
WATER = 15.0  # HU, denser than water, of smoothed voxels
FLARE = 0.6  # mm sideways a mm downwards
RIM = 2.0  # mm between the cavity and the edge of the bone that are taken back
BRAIN = 40.0  # HU
BLOOD = 48.0, 120.0  # HU; a voxel beyond it in the next slice is kept up to `DENSE`
DENSE = 950.0  # HU, half a voxel of blood and half of the densest bone
THICK = 2.0  # mm between slices; closer ones are thin, and hold too little of both to look for blood above `EDGE`
NEARBY = 4.0  # mm
EDGE = 450.0, 600.0  # HU, least and most of what is halfway from brain to bone
SCALP = 4.0  # mm, the least between brain and air where there is no bone
BULGE = 12.0  # mm that brain may come out of an opened skull
SOLID = 3.0  # mm, wider than most calcifications and metal
SPARSE = 4  # every so many pixels tell where a head's axis lies
ELSE = "(--brain none takes it as it is)"
LEAST = 30.0  # cm3 of cavity that is a brain at all


def extract(slices, spacing, upwards=True):
    """The voxels within the skull.

    Args:
        slices: (n, h, w) in HU, rows towards posterior and columns towards left.
        spacing: mm between slices, rows, columns.
        upwards: whether the slices go towards the vertex.

    Returns:
        bool (n, h, w).

    Raises:
        ScanError: nothing in the volume is closed in by bone.
    """
    factors = [max(1, round(PIXEL / step)) for step in spacing[1:]]
    small = averaged(slices if upwards else slices[::-1], factors)
    steps = (spacing[0], spacing[1] * factors[0], spacing[2] * factors[1])
    inside = _enlarged(cavity(small, steps), slices.shape, factors)
    return inside if upwards else inside[::-1]


def cavity(volume, steps):
    """`extract` on a volume (n, h, w) with pixels of about `PIXEL`, from the neck to the vertex."""
    smooth = ndimage.gaussian_filter(volume, [0, SMOOTH / steps[1], SMOOTH / steps[2]], mode="nearest")
    body = head(smooth, steps)
    around = _box(body, steps)
    found = np.zeros_like(body)
    found[around] = _within(volume[around], smooth[around], body[around], steps)
    return found


def _within(volume, smooth, body, steps):
    """`cavity` of a volume that is cropped to its head."""
    bone = body & (smooth > BONE)
    soft = body & ~bone & (smooth > FAT) & _vault(bone, body, steps)
    walls = _closed(bone, steps, GAP / 2)
    core = _brain(_eroded(soft & ~walls, steps, GAP / 2), steps)
    grown = _grown(core, soft, steps, GAP / 2 + PIXEL)
    grown = _grown(grown, _pockets(soft & (smooth > WATER), bone, steps), steps, GAP / 2)
    grown = _narrowing(grown, steps)
    return _rimmed(grown, volume, bone, steps)


def _box(body, steps):
    """Slices of a volume that hold a body and a `GAP` around it."""
    found = [slice(None)]
    for axis, radius in zip((1, 2), _radii(steps, GAP)[1:]):
        seen = np.flatnonzero(body.any(axis=(0, 3 - axis)))
        found.append(slice(max(0, seen[0] - radius), seen[-1] + 1 + radius))
    return tuple(found)


def averaged(slices, factors):
    """In-plane means over blocks of pixels, float32; incomplete blocks are left out."""
    count, height, width = slices.shape
    rows, columns = height // factors[0], width // factors[1]
    cut = slices[:, : rows * factors[0], : columns * factors[1]]
    blocks = cut.reshape(count, rows, factors[0], columns, factors[1])
    return blocks.mean(axis=(2, 4), dtype=np.float32)


def _enlarged(mask, shape, factors):
    found = np.zeros(shape, bool)
    large = mask.repeat(factors[0], 1).repeat(factors[1], 2)
    found[:, : large.shape[1], : large.shape[2]] = large
    return found


def head(smooth, steps):
    """The largest thick body denser than air, holes filled slice by slice."""
    thick = _dilated(_eroded(smooth > AIR, _flat(steps), THIN / 2), _flat(steps), THIN / 2)
    if not thick.any():
        raise ScanError(f"brain extraction: no slice shows a head; is it a head CT in HU? {ELSE}")
    return filled(largest(thick))


def _vault(bone, body, steps):
    """Where a cavity may lie: in the convex hull of every slice's bone and its mirror image, or bulging out of it under
    the skin.
    """
    hull = hulls(bone, _mirrors(body, steps))
    deep = _eroded(body, _flat(steps), SCALP)
    return hull | (_dilated(hull, _flat(steps), BULGE) & deep)


def _mirrors(body, steps):
    """(n, 2, 3) of `hulls`: the left of every slice on its right, about the long axis of the head's upper half."""
    size = np.array(steps[1:])
    places = [np.argwhere(plane[::SPARSE, ::SPARSE]) * SPARSE * size for plane in body]
    middles = np.array([each.mean(axis=0) if len(each) else (0, 0) for each in places])
    centred = [each - middle for each, middle in zip(places, middles) if len(each)]
    axis = np.linalg.eigh(np.cov(np.concatenate(centred[len(centred) // 2 :]).T))[1][:, -1]
    turn = (2 * np.outer(axis, axis) - np.eye(2)) * size / size[:, None]
    middles /= size
    return np.concatenate([np.broadcast_to(turn, (len(body), 2, 2)), (middles - middles @ turn.T)[:, :, None]], axis=2)


def _brain(core, steps):
    """The largest piece of a mask. Raises ScanError where it is no brain."""
    found = largest(core) if core.any() else core
    if np.count_nonzero(found) * np.prod(steps) / 1000 < LEAST:
        raise ScanError(
            f"brain extraction: no brain is closed in by bone; is it a head CT in HU, with its skull? {ELSE}"
        )
    return found


def _grown(core, within, steps, radius):
    """What of `within` lies at most `radius` from the core and hangs together with it."""
    reached = core | (_dilated(core, steps, radius) & within)
    labels, _ = ndimage.label(reached)
    return np.isin(labels, np.unique(labels[core]))


def _pockets(soft, bone, steps):
    """Soft tissue in places wider than `NARROW`, such as the tips of the temporal lobes."""
    flat = _flat(steps)
    return _dilated(_eroded(soft & ~_closed(bone, steps, NARROW / 2), flat, NARROW / 2), flat, NARROW / 2)


def _narrowing(mask, steps):
    """The mask, going down from its widest slice, without what lies outside the slice above it."""
    found = mask.copy()
    for at in range(int(mask.sum(axis=(1, 2)).argmax()) - 1, -1, -1):
        above = _dilated(found[at + 1 : at + 2], _flat(steps), FLARE * steps[0] + steps[1])
        found[at] &= above[0]
    return found


def _rimmed(mask, volume, bone, steps):
    """The mask without holes, with the rim that smoothing and thick slices gave to the bone.

    A voxel that is half bone is halfway between brain and the densest bone nearby.
    """
    solid = _solid(volume, steps)
    whole = _filled(mask | (_closed(mask, steps, GAP / 2) & ~bone), solid)
    size = [1 + 2 * round(NEARBY / step) for step in steps[1:]]
    halfway = (ndimage.grey_dilation(volume, [1, *size]) + BRAIN) / 2
    halfway[:-1] = np.maximum(halfway[:-1], (volume[1:] + BRAIN) / 2)
    halfway[1:] = np.maximum(halfway[1:], (volume[:-1] + BRAIN) / 2)
    halfway = np.clip(halfway, *EDGE)
    takeable = (volume > FAT) & (volume < halfway)
    blood = whole & (volume > BLOOD[0]) & (volume < BLOOD[1])
    dense = DENSE if steps[0] >= THICK else EDGE[1]
    for this, last in ((slice(1, None), slice(-1)), (slice(-1), slice(1, None))):
        whole[this] |= (whole[last] & takeable[this]) | (blood[last] & (volume[this] < dense) & (volume[this] > FAT))
    return _filled(whole | (_dilated(whole, _flat(steps), RIM) & takeable), solid)


def _solid(volume, steps):
    """Bone that is wider than any calcification is likely to be, such as the roof of an orbit."""
    return _dilated(_eroded(volume > DENSE, _flat(steps), SOLID / 2), _flat(steps), SOLID / 2)


def _filled(mask, solid):
    """A mask with its holes, but for those parts of them that are solid."""
    return mask | (filled(mask) & ~solid)


def _dilated(mask, steps, radius):
    return morphology.dilated(mask, _radii(steps, radius))


def _eroded(mask, steps, radius):
    return morphology.eroded(mask, _radii(steps, radius))


def _closed(mask, steps, radius):
    """In-plane."""
    return morphology.closed(mask, _radii(_flat(steps), radius))


def _radii(steps, radius):
    """A radius in mm as voxels along each axis."""
    return [round(radius / step) for step in steps]


def _flat(steps):
    """Steps with slices so far apart that nothing reaches from one to the next."""
    return (np.inf, *steps[1:])
