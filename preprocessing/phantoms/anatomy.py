"""One head: its drawn proportions, and the signed distances of its large surfaces.

Head coordinates are millimetres of a standard brain (origin at the anterior commissure, x right, y anterior,
z superior); positions and sizes are read off standard-space anatomy (Talairach and Tournoux 1988) and
rounded, wall thicknesses are textbook adult values; where nothing else is said, the spread is our decision.
"""

from dataclasses import dataclass, field

import numpy as np

from .shapes import bump, capsule, ellipsoid, sample

CENTRE = (0.0, -18.0, 2.0)  # of the cranial cavity
AXES = (69.0, 88.0, 78.0)  # its semi-axes: inner width 138, length 176, top at z = 80


@dataclass
class Head:
    """Everything that differs from head to head but its pose; drawn once, sampled on any grid."""

    scale: np.ndarray  # (3,) head mm -> scanner mm
    offset: dict  # lattice offsets (3,) of the random fields
    number: dict = field(default_factory=dict)

    def __getattr__(self, name):
        try:
            return self.__dict__["number"][name]
        except KeyError:
            raise AttributeError(name) from None


def draw_head(rng):
    """Draws a head from `rng`; atrophy widens sulci and ventricles together, as ageing does."""
    scale = np.clip(rng.normal(0.95, 0.035), 0.86, 1.04) * np.clip(rng.normal(1, 0.025, 3), 0.94, 1.06)
    offset = {name: rng.uniform(0, 96, 3) for name in ("folds", "cloud", "warp", "bone", "tissue")}
    atrophy = rng.beta(1.4, 1.8)
    number = dict(
        atrophy=atrophy,
        skew=rng.normal(0, 0.012, 3),
        egg=rng.uniform(0.04, 0.13),
        boxy=rng.uniform(0.2, 0.45),
        skull=rng.uniform(4.5, 8.5),  # mm at the vertex; adult calvaria 4-9 mm
        scalp=rng.uniform(4, 8.5),
        table=rng.uniform(1250, 1800),
        diploe=rng.uniform(600, 1050),
        gap=0.6 + 2.6 * atrophy * rng.uniform(0.5, 1),
        sulcus=0.35 + 1.7 * atrophy,  # half width of a sulcus at the surface, mm
        fold_scale=rng.uniform(0.85, 1.2),
        ventricle=0.75 + 0.9 * atrophy + rng.normal(0, 0.12),
        asymmetry=rng.normal(0, 0.1),
        third=1.0 + 3.5 * atrophy * rng.uniform(0.5, 1.2),
        grey=rng.normal(37, 1.2),
        white=rng.normal(28.5, 1.2),
        csf=rng.uniform(3, 9),
        leukoaraiosis=rng.beta(1, 3) * 7,  # HU taken off around the ventricles
        muscle=rng.normal(60, 4.5),
        lift=rng.uniform(-3, 3, 3),
    )
    return Head(scale, offset, number)


class Points:
    """Flat sample points of a head with the distances computed so far; `take` narrows all of them."""

    def __init__(self, x, y, z, width, step=0.0):
        self.x, self.y, self.z, self.width = x, y, z, np.float32(width)
        self.flat = np.float32(np.hypot(width, 0.9 * step))  # width across a surface that lies in the slice
        self.ax = np.abs(x)

    def take(self, index):
        """The same points and fields at `index` only."""
        other = object.__new__(Points)
        for name, value in self.__dict__.items():
            other.__dict__[name] = value[index] if np.ndim(value) else value
        return other


def outline(head, p):
    """Sets p.dome (distance inside the vault's inner surface) and p.skin (inside the head's outline)."""
    y = (p.y - CENTRE[1]) / AXES[1]
    x = p.x / (AXES[0] * (1 - head.egg * y))
    z = (p.z - CENTRE[2]) / AXES[2]
    x2, y2, z2 = x * x, y * y, z * z
    total = x2 + y2 + z2
    rho = np.sqrt(np.sqrt(np.maximum(total * total - head.boxy * (x2 * y2 + y2 * z2 + z2 * x2), 1e-6)))
    rho *= 1 + head.skew[0] * x * y + head.skew[1] * x * z + head.skew[2] * y * z
    rho = np.maximum(rho, np.float32(0.05))
    radius = np.sqrt(p.x * p.x + np.square(p.y - CENTRE[1]) + np.square(p.z - CENTRE[2]))
    p.rho, p.dome = rho, radius * (1 / rho - 1)
    p.wide = p.width + (p.flat - p.width) * np.minimum(z2, 1)  # width across the vault: flat at the vertex
    temple = bump(np.square((p.y - 18) / 28) + np.square((p.z + 20) / 26)) * np.clip(p.ax / 50 - 0.4, 0, 1)
    p.temple = temple
    p.cloth = head.scalp + 9 * temple + 3 * np.clip(-p.z / 60, 0, 1)
    p.thick = head.skull * (1 - 0.55 * temple + 0.35 * np.clip(-y, 0, 1) * np.clip(1 - x2 * 2, 0, 1))
    face = ellipsoid(p.x, p.y, p.z, (0, 24, -58), (69, 71, 76))
    neck = ellipsoid(p.x, p.y, p.z, (0, -42, -92), (62, 62, 80))
    nose = ellipsoid(p.x, p.y, p.z, (0, 92, -60), (12, 18, 22))
    ear = ellipsoid(p.ax, p.y, p.z, (79, -28, -38), (5, 15, 26))
    p.middle = ellipsoid(p.ax, p.y, p.z, (41, 2, -24), (25, 30, 22 + head.lift[1]))
    p.behind = ellipsoid(p.x, p.y, p.z, (0, -61, -26), (56, 41, 33 + head.lift[2]))
    under = np.maximum(p.dome, np.maximum(p.middle, p.behind)) + p.thick + p.cloth
    p.skin = np.maximum.reduce([under, face, neck, nose, ear])


def surfaces(head, p):
    """Sets p.inside (distance inside the cavity), p.shell (inside bone's outer surface), p.petrous."""
    near = (p.dome < 18) | (p.z < 5)
    p.bone_noise = sample("cloud", p.x, p.y, p.z, head.offset["bone"], 0.8, near)
    p.thick = np.maximum(p.thick * (1 + 0.08 * p.bone_noise), 1.8)
    p.floor = p.z + 27 + head.lift[0] - 11 * bump(np.square((p.ax - 27) / 20) + np.square((p.y - 44) / 30))
    vault = np.minimum(p.dome, np.where(p.y > -10, p.floor, p.floor + 1))
    canal = np.minimum(14 - np.hypot(p.x, p.y + 42), -50 - p.z)
    p.petrous = capsule(p.ax, p.y, p.z, (14, -14, -31), (64, -43, -30), 5.5, 13) + 1.2 * p.bone_noise
    p.clivus = capsule(p.x, p.y, p.z, (0, 6, -31), (0, -24, -56), 9, 7)
    wing = capsule(p.ax, p.y, p.z, (24, 13, -20), (66, 27, -12), 1.0, 6.5) + 0.8 * p.bone_noise
    crest = np.minimum(
        3.4 - 0.55 * np.maximum(p.dome, 0) - np.abs(p.x), 5 - np.abs(p.dome)
    )  # crista galli, occipital crest
    space = np.maximum.reduce([vault, p.middle, p.behind, canal])
    bone = np.maximum.reduce([p.petrous, p.clivus, wing, np.where(p.z < -6, crest, -99)])
    p.inside = np.minimum(space, -bone)
    plate = np.minimum(p.floor + 3.5, np.where(p.y > -30, 4 - p.floor, 99))
    calvaria = np.minimum(p.dome + p.thick, p.z + 30 + 0.2 * p.y)
    plate = np.minimum(plate, p.dome + p.thick)
    p.shell = np.maximum.reduce(
        [calvaria, p.middle + 4, p.behind + 5.5, canal + 6 * (p.bone_noise > -0.6), plate, bone]
    )
