"""Heads for benchmarks/brain.py: phantoms, and the same opened, tilted, cut and held, so that the truth stays known.

Sizes, places and HU are our decisions.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

SEED = 47  # of the phantoms; no test or tuning uses it
SIZE = 256
KINDS = (1,), (2,), (5,), (2, 5), (1, 2), (2,), (1,), (3,), (4, 3), (5,)  # of bleeds, by turns: most touch bone
AIR, FOAM, SOFT, PLATE, BLOOD, BONE = -1000.0, -930.0, 45.0, 150.0, 90.0, 120.0  # HU; bone is what is denser
NOISE = 5.0  # HU
NARROW, WIDE, BULGE = 25.0, 55.0, 10.0  # degrees to each side of a craniectomy's middle, and mm
TILT = 20.0  # degrees, added to the phantom's own
KEPT = 0.7  # of the brain's height, where the rest is cut off


class Head(NamedTuple):
    """A scan on display axes, and its truth.

    Attributes:
        group, name: what kind of head it is, and which.
        slices: float32 (n, h, w) in HU, from the neck to the vertex.
        spacing: mm between slices, rows, columns.
        brain, blood: bool (n, h, w), or None where it is not known.
    """

    group: str
    name: str
    slices: Any
    spacing: tuple
    brain: Any
    blood: Any


def phantom(index):
    """A phantom head with a bleed."""
    from preprocessing import orientation
    from preprocessing.phantoms import generate

    made = generate(SEED, index, SIZE, True, KINDS[index % len(KINDS)])
    axes = orientation.axes_of(made.affine)
    up = 1 if made.affine[2, axes.slice] > 0 else -1
    parts = [np.array(orientation.reorient(part, axes)[::up]) for part in (made.volume, made.brain, made.mask)]
    spacing = (made.spacing[2], made.spacing[1], made.spacing[0])
    return Head("phantoms", f"phantom {index}", parts[0].astype(np.float32), spacing, parts[1] > 0, parts[2] > 0)


def variants(head, index):
    """Yields the head with something about it that is hard; which side or end depends on the index."""
    side = 0 if index % 2 else 180
    away = np.abs((angles(head.brain) - side + 180) % 360 - 180)
    heights = _heights(head.brain)
    yield opened(head, away < NARROW)._replace(group="craniectomy")
    yield opened(bulged(head, away), away < WIDE)._replace(group="craniectomy of half the skull, bulging brain")
    yield tilted(index, TILT if index % 2 else -TILT)._replace(group="tilted by 20 degrees more")
    yield cut(head, heights < KEPT)._replace(group="vertex cut off")
    yield cut(head, heights > 1 - KEPT)._replace(group="base cut off")
    yield bright(head)._replace(group="blood of 90 HU")
    yield held(head)._replace(group="table and holder touching")


def _heights(brain):
    """(n,): 0 at the lowest slice that shows brain, 1 at the highest."""
    tall = np.flatnonzero(brain.any(axis=(1, 2)))
    return (np.arange(len(brain)) - tall[0]) / (tall[-1] - tall[0])


def angles(cavity):
    """(h, w) degrees about the cavity's middle, 0 towards the left and 90 towards posterior."""
    middle = ndimage.center_of_mass(cavity.any(axis=0))
    rows, columns = np.mgrid[: cavity.shape[1], : cavity.shape[2]]
    return np.degrees(np.arctan2(rows - middle[0], columns - middle[1]))


def opened(head, window):
    """Bone within a window (h, w) becomes soft tissue between the base and the vertex."""
    heights = _heights(head.brain)
    there = (heights > 0.35) & (heights < 0.9)
    bone = (head.slices > BONE) & ~head.brain & window & there[:, None, None]
    slices = head.slices.copy()
    slices[bone] = np.random.default_rng(0).normal(SOFT, NOISE, np.count_nonzero(bone))
    return head._replace(slices=slices)


def bulged(head, away):
    """All is pushed outwards, by `BULGE` mm in the middle of the window and not beyond `WIDE` degrees from it."""
    middle = ndimage.center_of_mass(head.brain.any(axis=0))
    rows, columns = np.mgrid[: away.shape[0], : away.shape[1]] - np.reshape(middle, (2, 1, 1))
    radius = np.hypot(rows, columns) * head.spacing[1] + 1e-6
    push = BULGE * np.clip(1 - (away / WIDE) ** 2, 0, 1) * np.clip(radius / 60, 0, 1)
    high = np.clip((_heights(head.brain) - 0.35) / 0.55, 0, 1)

    def moved(part):
        ratios = (1 - share * push / radius for share in 4 * high * (1 - high))
        places = ([rows * ratio + middle[0], columns * ratio + middle[1]] for ratio in ratios)
        planes = zip(part.astype(np.float32), places)
        return np.stack([ndimage.map_coordinates(plane, place, order=1, mode="nearest") for plane, place in planes])

    return head._replace(slices=moved(head.slices), brain=moved(head.brain) > 0.5, blood=moved(head.blood) > 0.5)


def tilted(index, degrees):
    """The phantom of this index, drawn as if it nodded in the scanner by so much more."""
    from preprocessing.phantoms import phantom as phantoms
    from preprocessing.phantoms import scanner
    from preprocessing.phantoms.anatomy import draw_head
    from preprocessing.phantoms.distractors import draw_distractors

    chance = [np.random.default_rng(each) for each in np.random.SeedSequence([SEED, index]).spawn(5)]
    head = draw_head(chance[0])
    head.number.update(draw_distractors(chance[1]))
    scan = scanner.draw_scan(chance[2], SIZE, head.scale)
    scan.rotation = scanner.rotation_matrix(degrees, 0, 0) @ scan.rotation
    lesions = phantoms.place_lesions(chance[3], head, scan, KINDS[index % len(KINDS)])
    volume, blood, brain = (part[:, ::-1, ::-1] for part in phantoms.render(head, scan, lesions, chance[4]))
    spacing = scan.spacing, scan.pixel, scan.pixel
    return Head("", f"phantom {index}", volume, spacing, brain > 0, blood > 0)


def cut(head, kept):
    """Some of the slices (n,)."""
    return head._replace(slices=head.slices[kept], brain=head.brain[kept], blood=head.blood[kept])


def bright(head):
    """Blood at the densest that fresh blood reaches, up to the bone."""
    slices = head.slices.copy()
    soft = head.blood & (slices < BONE)
    slices[soft] += BLOOD - slices[soft].mean()
    return head._replace(slices=slices)


def held(head):
    """A padded holder whose plate lies on the scalp, all around but for the face, and a table below."""
    body = ndimage.binary_fill_holes((head.slices > AIR / 2).any(axis=0))
    away = ndimage.distance_transform_edt(~body, sampling=head.spacing[1:])
    rows = np.arange(body.shape[0])[:, None]
    behind = rows > np.flatnonzero(body.any(axis=1)).mean()
    slices = head.slices.copy()
    for near, far, value in ((0, 2, PLATE), (2, 14, FOAM), (14, 16, PLATE)):
        ring = behind & (away > near) & (away <= far)
        slices[:, ring] = np.maximum(slices[:, ring], value)
    low = np.flatnonzero(body.any(axis=1))[-1] + round(18 / head.spacing[1])
    slices[:, low : low + 3] = np.maximum(slices[:, low : low + 3], PLATE)
    return head._replace(slices=slices)
