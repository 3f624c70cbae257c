"""What looks like blood and is none: calcification, dense veins and dura, wet sinuses, scalp hematoma.

Drawn from a stream of their own, so that a head carries the same distractors with and without a hemorrhage.
Frequencies are our decision; the kinds are the false positives named in Remedios et al. 2020
(calcification, bone edge, sinus) and their kin.
"""

import numpy as np

from .shapes import edge, ellipsoid, paint


def draw_distractors(rng):
    """Draws all distractors of a head as a flat dict of numbers."""
    dense = rng.random() < 0.2
    return dict(
        falx=rng.uniform(0.45, 0.9) + (0.6 if rng.random() < 0.15 else 0),  # half thickness, mm
        dura=rng.uniform(66, 78) if dense else rng.uniform(52, 64),
        blood=rng.uniform(64, 74) if rng.random() < 0.2 else rng.uniform(46, 60),
        sinus_size=rng.uniform(0.8, 1.5),
        pineal=rng.uniform(1.2, 3.8) * (rng.random() < 0.7),
        choroid=rng.uniform(1.5, 4.5) * (rng.random() < 0.6),
        choroid_hu=rng.uniform(90, 350),
        ganglia=rng.uniform(2, 6) * (rng.random() < 0.12),
        falx_plaque=rng.uniform(2, 7) * (rng.random() < 0.25),
        plaque_y=rng.uniform(-60, 60),
        plaque_z=rng.uniform(45, 70),
        wet=float(rng.random() < 0.4),
        wet_hu=rng.uniform(15, 75),
        fluid=bool(rng.random() < 0.5),
        fluid_side=rng.choice([-1, 1]),
        fluid_level=rng.uniform(35, 55),
        mucosa=rng.uniform(2, 7),
        sclerosis=rng.beta(1, 2),
        frontal=rng.uniform(0, 1.3) * (rng.random() < 0.8),
        infarct=rng.uniform(14, 26) * (rng.random() < 0.15),
        infarct_side=rng.choice([-1, 1]),
        infarct_y=rng.uniform(-70, 30),
        infarct_z=rng.uniform(-5, 35),
        infarct_hu=rng.uniform(10, 24),
        **draw_scalp(rng),
    )


def draw_scalp(rng):
    """A hematoma of the scalp: outside the skull, so not intracranial and no reason for a positive label."""
    angle, height = rng.uniform(0, 2 * np.pi), rng.uniform(-0.1, 0.75)
    return dict(
        scalp_high=rng.uniform(8, 18) * (rng.random() < 0.5),  # mm
        scalp_wide=rng.uniform(40, 75),
        scalp_hu=rng.uniform(59, 77),
        scalp_x=np.cos(angle) * np.sqrt(1 - height**2),
        scalp_y=np.sin(angle) * np.sqrt(1 - height**2),
        scalp_z=height,
    )


def direction_distance(p, direction, beyond=0.0):
    """Distance (n,) mm from where the ray `direction` (3,) leaves the vault, or `beyond` mm further out."""
    from .anatomy import AXES, CENTRE

    point = np.asarray(direction) * (np.asarray(AXES) + beyond) / np.linalg.norm(direction) + CENTRE
    return np.sqrt(np.square(p.x - point[0]) + np.square(p.y - point[1]) + np.square(p.z - point[2]))


def swell_scalp(head, p):
    """Raises the outline p.skin over the scalp hematoma and sets p.bruise (distance inside it)."""
    if not head.scalp_high:
        p.bruise = np.full_like(p.x, -99)
        return
    away = direction_distance(p, (head.scalp_x, head.scalp_y, head.scalp_z), 14.0) / head.scalp_wide
    hill = head.scalp_high * np.clip(1 - away * away, 0, 1)
    p.skin = np.maximum(p.skin, np.minimum(p.dome + p.thick + p.cloth + 0.7 * hill, p.skin + 30))
    p.bruise = np.minimum(hill - np.abs(-p.dome - p.thick - 0.5 * hill) * 2, hill - 1.5)


def paint_scalp(head, p, hu):
    """Paints the scalp hematoma into hu (n,)."""
    if head.scalp_high:
        paint(hu, edge(p.bruise, p.width + 1.5), head.scalp_hu + 4 * p.tissue)


def paint_calcium(head, p, hu):
    """Pineal, choroid plexus, basal ganglia and falx calcifications; an old infarct."""
    if head.infarct:
        where = (head.infarct_side * 48, head.infarct_y, head.infarct_z)
        core = ellipsoid(p.sx, p.y, p.z, where, (head.infarct,) * 3) + 3 * p.cloud
        paint(hu, edge(np.minimum(core, p.depth), 4), head.infarct_hu)
    for size, where, value in (
        (head.pineal, (0, -31, 2), 220),
        (head.falx_plaque, (0, head.plaque_y, head.plaque_z), 350),
    ):
        if size:
            axes = (1.5, size, size) if where[2] > 40 else (size,) * 3
            paint(hu, edge(ellipsoid(p.sx, p.y, p.z, where, axes) + 0.5 * p.cloud, p.width), value)
    if head.choroid:
        plexus = ellipsoid(
            p.sax, p.y, p.z, (23, -44, 9), (head.choroid * 0.8, head.choroid * 1.6, head.choroid)
        )
        paint(hu, edge(plexus + p.cloud, p.width), head.choroid_hu)
    if head.ganglia:
        pallidum = ellipsoid(
            p.sax, p.y, p.z, (19, 0, 1), (0.5 * head.ganglia, head.ganglia, 0.8 * head.ganglia)
        )
        paint(hu, 0.6 * edge(pallidum + p.cloud, 2), 150)
