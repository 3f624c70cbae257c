"""Inside the cranial cavity: folded cortex, white matter, deep nuclei, CSF spaces, falx, tentorium, sinuses.

Attenuation: white matter 25-32 HU, grey matter 34-41, CSF 0-12, dura 50-65, venous blood 45-65 (textbook
ranges, held against a real head CT and an average-head template).
"""

import numpy as np

from .shapes import band, capsule, edge, ellipsoid, paint, sample


def spaces(head, p, shift=None):
    """Sets the distances of all spaces in the cavity: p.tent, p.fissure, p.sulcus, p.ventricle, p.cistern.

    shift: (n,) mm by which structures are displaced in x (mass effect), or None.
    """
    p.cloud = sample("cloud", p.x, p.y, p.z, head.offset["cloud"], 1.0)
    warp = sample("cloud", p.x, p.y, p.z, head.offset["warp"], 0.9)
    straight = 0.12 + 0.88 * np.clip(p.ax / 25, 0, 1)  # the midline is straighter than the rest
    p.sx = p.x + 2.0 * warp * straight
    if shift is not None:
        p.sx += shift
    p.sax = np.abs(p.sx)
    p.sy, p.sz = p.y + 2.0 * p.cloud * straight, p.z + 1.5 * (warp - p.cloud) * straight
    p.tent = p.z - tentorium_height(head, p)
    p.stem = brainstem(p)
    p.over = p.tent > 0
    folding(head, p)
    p.ventricle = ventricles(head, p)
    p.cistern = cisterns(head, p)


def tentorium_height(head, p):
    """Height of the tentorium (n,) mm: apex behind the midbrain, attached low at the sides and the back."""
    back = np.clip(-50 - p.y, 0, 60)
    return 5 - 0.40 * p.sax - 0.16 * back + 0.004 * p.sax * back + head.lift[0]


def brainstem(p):
    """Signed distance (n,) of midbrain, pons and medulla together."""
    peduncle = ellipsoid(p.sax, p.y, p.z, (9, -18, -10), (8, 11, 14))
    midbrain = ellipsoid(p.sx, p.y, p.z, (0, -28, -10), (14, 10, 15))
    pons = ellipsoid(p.sx, p.y, p.z, (0, -26, -30), (17, 13, 15))
    return np.maximum.reduce(
        [peduncle, midbrain, pons, capsule(p.sx, p.y, p.z, (0, -34, -40), (0, -42, -110), 8, 6)]
    )


def folding(head, p):
    """Sets p.sulcus (distance inside sulcal CSF), p.pial (depth below the nearest pia), p.fissure."""
    pull = np.float32(head.fold_scale) * np.power(p.rho, -0.75)
    wiggle = 2.5 * p.cloud
    fold = sample("folds", p.sx * pull + wiggle, p.y * pull, p.z * pull - wiggle, head.offset["folds"])
    depth = p.inside - head.gap * (0.6 + 0.8 * np.clip(p.y / 60 + 0.4, 0, 1))
    reach = np.where(p.over, 17.0, 9.0)
    side = np.abs(fold) * np.where(p.over, 4.3, 2.6)
    half = (
        head.sulcus
        * np.clip(1.05 - depth / reach, 0, 1)
        * np.where(p.over, 1, 0.5)
        * (1 + 0.5 * p.cloud).clip(0.1, 2)
    )
    p.sulcus = np.where(depth < reach, half - side, -9)
    callosum = ellipsoid(p.sx, p.y, p.z, (0, -12, 2), (9, 43, 28))
    p.fissure = np.where(
        p.over & (callosum < 0) & (p.stem < -5),
        0.2 + head.sulcus * np.clip(0.7 + 0.5 * p.cloud, 0, 2) - p.sax,
        -9,
    )
    insula = np.minimum(
        1.0 + head.sulcus - np.abs(p.sax - 39 + 0.012 * np.square(p.sz - 2) + 0.006 * np.square(p.sy)),
        21 - np.hypot(p.y - 2, p.z - 2),
    )
    stem = 0.4 + head.sulcus - np.abs((p.sz - 3) + 0.8 * (p.sy - 2) + 0.15 * (p.sax - 50)) * 0.7
    stem = np.minimum(np.minimum(stem, p.sax - 40), 24 - np.abs(p.y))
    p.sylvian = np.maximum(insula, stem)
    near = np.hypot(side, np.maximum(depth - reach, 0)) - half
    p.depth = depth
    p.pial = np.minimum.reduce([depth, near, -p.fissure, -p.sylvian])


def ventricles(head, p):
    """Signed distance (n,) of lateral, third and fourth ventricles."""
    out = np.full_like(p.x, -30)
    at = np.flatnonzero((p.sax < 48) & (p.y > -85) & (p.y < 45) & (p.z > -45) & (p.z < 40))
    if not at.size:
        return out
    sx, y, z = p.sx[at], p.sy[at], p.sz[at]
    ax, v = np.abs(sx), head.ventricle
    grow = (1 + head.asymmetry * np.sign(sx)) * v
    w = 1 / grow
    horn = np.minimum(capsule(ax, y, z, (6.5, 32, 0), (7.5, 4, 19), 5.5 * v, 5 * v), (ax - 1.0) * 1.0)
    body = np.minimum(capsule(ax, y, z, (7.5, 4, 19), (14, -26, 21), 5 * v, 6 * v), ax - 1.0)
    atrium = capsule(ax, y, z, (15, -28, 20), (25, -42, 9), 6 * v, 7 * v)
    temporal = capsule(ax, y, z, (25, -42, 6), (31, -14, -18), 4.5 * v, 2.0 * v)
    occipital = capsule(ax, y, z, (25, -42, 9), (21, -68, 5), 6 * v, 2.0 * v)
    lateral = np.maximum.reduce([horn, body, atrium, temporal, occipital]) - 0.8 * (w - 1)
    lateral += 3 * head.asymmetry * np.sign(sx)
    third = np.minimum(head.third - ax, ellipsoid(sx, y, z, (0, -10, 0), (20, 16, 11)))
    fourth = ellipsoid(sx, y, z, (0, -46, -32), (6 + 2 * v, 4 + v, 12))
    out[at] = np.maximum.reduce([lateral, third, fourth])
    return out


def cisterns(head, p):
    """Signed distance (n,) of the basal cisterns around brainstem, chiasm and cerebellum."""
    wide = 0.7 + 1.1 * head.atrophy
    thin = np.clip(wide * (0.9 + 0.5 * p.cloud), 0.3, 6)
    around = np.minimum(thin - np.abs(p.stem + wide), 10 - np.abs(p.z + 14) + 12 * (p.y > -20))
    around = np.minimum(around, p.z + 60)
    star = ellipsoid(p.sx, p.sy, p.sz, (0, 3, -17), (12 + 2 * wide, 8 + wide, 7)) + p.cloud
    plate = ellipsoid(p.sx, p.y, p.z, (0, -42, -2), (9, 5 + wide, 8))
    magna = ellipsoid(p.sx, p.y, p.z, (0, -84, -58), (12, 10 + 2 * wide, 9))
    cord = np.where(p.z < -58, -p.stem - 0.5, -9)
    return np.maximum.reduce([around, star, plate, magna, cord])


def paint_brain(head, p, hu):
    """Paints the cavity's contents into hu (n,) in place; `spaces` must have run."""
    w = p.width
    grey = edge(3.1 - p.pial, 1.5 + 0.4 * w)
    infra = ~p.over
    nuclei = np.maximum.reduce(
        [
            ellipsoid(p.sax, p.y, p.z, (13, 13, 9), (6, 13, 11)),
            ellipsoid(p.sax, p.y, p.z, (26, 1, 3), (7, 19, 12)),
            ellipsoid(p.sax, p.y, p.z, (11, -18, 8), (10, 14, 10)),
            ellipsoid(p.sax, p.y, p.z, (37, 2, 2), (3, 20, 14)),
        ]
    )
    grey = np.maximum(grey, 0.85 * edge(nuclei, 2 + 0.4 * w))
    grey = np.where(infra, np.where(p.stem > 0, 0.35, np.maximum(0.7, grey)), grey)
    value = head.white + grey * (head.grey - head.white) + 0.7 * p.cloud
    value -= head.leukoaraiosis * edge(p.ventricle + 6, 10) * (1 - grey)
    fluid = np.maximum.reduce(
        [edge(p.sulcus, w), edge(p.fissure, w), edge(p.sylvian, w), edge(p.cistern, w), edge(-p.depth, w)]
    )
    p.csf = fluid * (1 - edge(p.ventricle, w))
    paint(value, fluid, head.csf + 3)
    paint(value, edge(p.ventricle, w), head.csf)
    paint_dura(head, p, value)
    paint(hu, edge(p.inside, p.wide), value)


def paint_dura(head, p, value):
    """Falx, tentorium and the venous sinuses along them, in place."""
    w = p.width
    opening = ellipsoid(p.sx, p.y, p.z, (0, -14, -4), (60, 54, 42))
    falx = band(p.sx, head.falx, w) * edge(-opening, w) * p.over
    free = np.minimum(-p.stem - 5, -12 - p.y)
    tent = band(p.tent * 0.92, 0.7 * head.falx, p.flat) * edge(free, w) * edge(p.inside + 2, 2)
    paint(value, np.maximum(falx, tent), head.dura)
    vein = np.maximum.reduce(
        [
            np.where(
                p.z > 0, 4.2 - np.hypot(p.sx, p.inside - 1.5) - 0.4 * np.abs(p.sx), -9
            ),  # superior sagittal
            np.where((p.y < -30) & (p.sax > 6), 3.8 - np.hypot(p.tent, p.inside - 1), -9),  # transverse
            np.where(
                (p.z < 8) & (p.y < -70), 7 - np.hypot(p.sx, np.hypot(p.tent, p.inside - 2)), -9
            ),  # confluence
            np.where((p.y < -46) & (p.y > -105), 2.2 - np.hypot(p.sx, p.tent), -9),  # straight
            np.where(
                (p.z < -15) & (p.y > -60),
                4 - np.hypot(p.inside - 1.5, np.hypot(p.sax - 50, p.y + 50) * 0.7),
                -9,
            ),  # sigmoid
        ]
    )
    paint(value, edge(vein * head.sinus_size, w) * edge(p.inside, w), head.blood)
    artery = np.maximum.reduce(
        [
            capsule(p.sax, p.y, p.z, (10, 2, -28), (11, 4, -15), 2.0),
            capsule(p.sax, p.y, p.z, (11, 4, -15), (36, 4, -8), 1.5),
            capsule(p.sx, p.y, p.z, (0, -12, -40), (0, -11, -18), 1.7),
        ]
    )
    paint(value, edge(artery, w) * np.clip(1 - p.stem, 0, 1), head.blood - 4)
