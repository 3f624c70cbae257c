"""Outside the cranial cavity: scalp, muscle, bone with diploe and sutures, face, sinuses, orbits, mastoids.

HU of tissues: fat -110 to -80, muscle 50-65, skin 30-60, compact bone 1000-1800, diploe 400-1000, vitreous
about 10 (textbook ranges), checked against a real head CT.
"""

import numpy as np

from .shapes import band, capsule, edge, ellipsoid, paint, sample

AIR, FAT, SKIN = -1000, -95, 42


def paint_outside(head, p, hu):
    """Paints everything outside the cavity into hu (n,), in place."""
    p.tissue = sample("cloud", p.x, p.y, p.z, head.offset["tissue"], 2.0, p.inside < p.wide)
    soft = paint_soft(head, p)
    paint(hu, edge(p.skin, p.wide), soft)
    low = np.flatnonzero(p.z < 8)
    if low.size:
        q = p.take(low)
        part = hu[low]
        paint_face(head, q, part)
        hu[low] = part
    paint_bone(head, p, hu)
    low = np.flatnonzero((p.z < 8) & (p.inside < p.width))
    if low.size:
        q = p.take(low)
        part = hu[low]
        paint_cells(head, q, part)
        hu[low] = part


def paint_soft(head, p):
    """Skin, fat and muscle of scalp, face and neck as HU (n,)."""
    depth = p.skin
    soft = np.full_like(depth, FAT) + 6 * p.tissue
    lean = edge(p.tissue + 0.95 + 2 * p.temple - np.clip(p.z / 20, 0, 9), 0.8)
    muscle = lean * edge(depth - 4.0, 2.5) * np.clip(-p.z / 25 + 0.2 + 2 * p.temple, 0, 1)
    galea = 0.8 * edge(depth - p.cloth + 1.6, 1.5) * (p.z > -20)
    paint(soft, np.maximum(muscle, galea), head.muscle + 2 * p.tissue)
    paint(soft, edge(2.0 - depth, p.width), SKIN)
    return soft


def paint_face(head, p, hu):
    """Orbits, muscles of the jaw, upper spine and facial bones; p only holds low points."""
    bone = np.maximum.reduce(
        [
            capsule(p.ax, p.y, p.z, (57, 36, -48), (68, -6, -46), 2.6),  # zygomatic arch
            capsule(p.ax, p.y, p.z, (46, 58, -50), (57, 36, -46), 4.5),  # zygoma
            capsule(p.ax, p.y, p.z, (52, -8, -52), (50, -4, -120), 5.5),  # condyle and ramus of the mandible
            capsule(p.ax, p.y, p.z, (22, -40, -92), (38, -40, -92), 6),  # lateral mass of the atlas
            ellipsoid(p.ax, p.y, p.z, (31, 48, -34), (21.5, 29, 20.5)),  # orbital walls
            ellipsoid(p.ax, p.y, p.z, (30, 46, -68), (17.6, 20.6, 18.6)),  # maxilla
            np.minimum(capsule(p.x, p.y, p.z, (0, 24, -36), (0, 66, -42), 17, 15), 80 - p.y),  # ethmoid
        ]
    )
    bone = np.minimum(bone, p.skin - 7)
    paint(hu, edge(bone, p.width), 900 + 150 * p.tissue)
    orbit = ellipsoid(p.ax, p.y, p.z, (31, 52, -34), (19, 31, 18))
    paint(hu, edge(np.minimum(orbit, p.skin - 2), p.width), FAT)
    for start, stop, radius in (
        ((12, 22, -30), (42, 62, -34), 2.6),
        ((14, 24, -34), (21, 62, -34), 2.2),
        ((14, 22, -30), (30, 54, -34), 2.0),
        ((16, 24, -28), (31, 60, -23), 2.2),
    ):
        paint(hu, edge(capsule(p.ax, p.y, p.z, start, stop, radius), p.width), 42)  # recti and optic nerve
    globe = ellipsoid(p.ax, p.y, p.z, (31, 66, -34), (12, 12, 12))
    paint(hu, edge(globe, p.width), 52)
    paint(hu, edge(globe - 1.6, p.width), 11)
    paint(hu, edge(ellipsoid(p.ax, p.y, p.z, (31, 74.5, -34), (4.5, 2.2, 4.5)), p.width), 78)  # lens


def paint_bone(head, p, hu):
    """Compact tables around diploe; sutures thin it."""
    table = np.minimum(p.shell, -p.inside)
    cover = np.minimum(edge(p.shell, p.wide), 1 - edge(p.inside, p.wide))
    spongy = edge(table - 1.7, 1.2) * np.where(p.petrous > 0, 0.25, 1.0)
    value = head.table + 60 * p.bone_noise + spongy * (head.diploe + 160 * p.bone_noise - head.table)
    value *= 1 - 0.45 * suture(p)
    paint(hu, cover, value)


def suture(p):
    """Cover of the coronal, sagittal and lambdoid sutures (n,)."""
    wave = 1.5 * p.bone_noise
    coronal = band(p.y - 18 + 0.35 * (p.z - 40) + wave, 0.6, p.width) * (p.z > 5)
    sagittal = band(p.x + wave, 0.6, p.width) * (p.z > 45)
    lambdoid = band(p.y + 78 - 0.5 * (p.z - 20) + wave, 0.6, p.width) * (p.z > -15) * (p.z < 60)
    return np.maximum.reduce([coronal, sagittal, lambdoid])


def paint_cells(head, p, hu):
    """Air of sinuses, nose, mastoid and ear canal, with septa and, in some heads, fluid or thick mucosa."""
    sinus = np.maximum.reduce(
        [
            np.minimum(ellipsoid(p.x, p.y, p.z, (0, 13, -33), (13, 12, 9)), 99),  # sphenoid
            ellipsoid(p.ax, p.y, p.z, (30, 46, -68), (16, 19, 17)),  # maxillary
            np.where(
                p.x > -4 + 9 * head.frontal,
                ellipsoid(p.ax, p.y, p.z, (12, 69, -12), (13, 5 * head.frontal + 0.1, 14)),
                -99,
            ),
        ]
    )
    nose = np.minimum(ellipsoid(p.x, p.y, p.z, (0, 48, -56), (14, 40, 30)), p.skin - 6)
    cells = 3 - np.abs(np.mod(p.y + 2 * p.tissue, 9.0) - 4.5)
    wall = np.abs(np.abs(p.ax - 6) - 5.5) - 0.8
    ethmoid = np.minimum(np.minimum(cells + 1.2, wall), ellipsoid(p.x, p.y, p.z, (0, 44, -36), (15, 25, 13)))
    nose = np.minimum(nose, np.abs(np.abs(p.ax - 5) - 4.5) - 1.2)
    mastoid = ellipsoid(p.ax, p.y, p.z, (57, -40, -40), (12, 15, 18))
    mastoid = np.minimum(mastoid, 3.5 * (p.tissue - 0.1 - 0.6 * head.sclerosis))
    ear = capsule(p.ax, p.y, p.z, (46, -26, -42), (82, -26, -42), 3.2)
    air = np.maximum.reduce(
        [sinus, nose, ethmoid, np.minimum(mastoid, np.maximum(p.shell, p.petrous) - 1.5), ear]
    )
    paint(hu, edge(air, p.width), AIR + 20)
    wet = np.minimum(sinus, head.fluid_level - p.y if head.fluid else head.mucosa - sinus)
    wet = np.where(p.x * head.fluid_side > 0, wet, -99)
    paint(hu, edge(wet, p.width) * head.wet, head.wet_hu)
