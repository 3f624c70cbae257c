"""The five types of intracranial hemorrhage, each an implicit shape grown to the volume asked for.

A lesion's signed distance is min(fixed, variable + grow): `fixed` is the room it may fill, `variable` its
shape, and `grow` is found once on a coarse lattice, so that a lesion is the same at every resolution.
Shapes follow radiological description: epidural blood is a lens held by the sutures, subdural a crescent
along one convexity, falx or tentorium; blood in ventricles sinks to the back of a supine patient. Acute blood
is 55-85 HU.
"""

from dataclasses import dataclass

import numpy as np

from .distractors import direction_distance
from .shapes import bump, edge, ellipsoid, sample

VOLUME = (22.0, 80.0)  # cm3 of all bleeds of a scan; the paper's positives have more than 20 (our decision)
TYPES = ("epidural", "subdural", "intraparenchymal", "intraventricular", "subarachnoid")  # mask values 1..5
LATTICE_STEP = 4.0  # mm, of the lattice on which volumes are set (our decision)
MIXES = ((1,), (2,), (3,), (3, 4), (5,), (5, 4), (2, 5), (3, 5), (1, 2))
SHARES = (0.2, 0.22, 0.2, 0.09, 0.08, 0.04, 0.08, 0.05, 0.04)  # our decision
# Centre and semi-axes (mm) of intraparenchymal bleeds: deep, lobar, cerebellar. Many lie near the vertex and
# the base, so that the position of a slice says little (our decision).
PLACES = (
    ((26, 0, 4), (13, 24, 17)),
    ((15, -18, 10), (14, 17, 15)),
    ((28, 20, 50), (20, 26, 20)),
    ((30, -45, 50), (20, 26, 20)),
    ((24, 45, 28), (18, 20, 22)),
    ((30, -70, 26), (18, 22, 20)),
    ((46, -8, -18), (14, 24, 17)),
    ((28, 30, 58), (20, 24, 17)),
    ((24, -64, -36), (22, 20, 17)),
    ((20, -62, -40), (22, 22, 18)),
    ((24, -35, 60), (20, 26, 16)),
)


@dataclass
class Lesion:
    """One bleed: its type 1-5, the side (+1 right), its own numbers, and the growth that gives its volume."""

    kind: int
    side: int
    volume: float  # cm3 asked for
    hu: float
    number: dict
    grow: float = 0.0

    @property
    def name(self):
        return TYPES[self.kind - 1]


def draw_lesions(rng, kinds=None, volume=VOLUME, shares=SHARES):
    """Draws one to two bleeds, together log-uniform over `volume` cm3; `shares` of MIXES."""
    mix = kinds or MIXES[rng.choice(len(MIXES), p=shares)]
    total = np.exp(rng.uniform(*np.log(volume)))
    part = rng.uniform(0.3, 0.7) if len(mix) > 1 else 1.0
    side = int(rng.choice([-1, 1]))
    volumes = (total * part, total * (1 - part))
    return [draw_lesion(rng, kind, side, volume) for kind, volume in zip(mix, volumes)]


def draw_lesion(rng, kind, side, volume):
    """Draws the numbers of one bleed of type `kind`."""
    up = rng.choice(
        [rng.uniform(0.55, 0.98), rng.uniform(-0.2, 0.55), rng.uniform(-0.75, -0.45)], p=[0.6, 0.12, 0.28]
    )
    azimuth = (rng.uniform(-0.5, 0.42) if up > -0.4 else rng.uniform(-0.45, -0.3)) * np.pi
    flat = np.sqrt(1 - up**2)
    place = PLACES[rng.integers(len(PLACES))]
    number = dict(
        direction=(side * max(np.cos(azimuth) * flat, 0.2), np.sin(azimuth) * flat, up),
        ratio=rng.uniform(0.45, 0.75),
        spread=rng.uniform(38, 62),
        flavour=rng.random(),
        centre=np.asarray(place[0]) * (side, 1, 1) + rng.normal(0, 4, 3),
        axes=np.asarray(place[1]) * rng.uniform(0.8, 1.25, 3),
        rough=rng.uniform(1.2, 3.8),
        offset=rng.uniform(0, 96, 3),
        oedema=rng.uniform(2, 8),
        texture=rng.uniform(1.5, 5),
        slope=rng.uniform(-0.2, 0.2),
        push=rng.uniform(0.3, 1.0),
        basal=rng.random() < 0.5,
        lopsided=rng.uniform(-0.4, 0.4),
    )
    hu = {4: rng.uniform(56, 72), 5: rng.uniform(56, 71)}.get(kind, rng.uniform(55, 73))
    return Lesion(kind, side, float(volume), float(hu), number)


def shape(lesion, head, p):
    """(fixed, variable) signed distances (n,) of a lesion in mm."""
    return (epidural, subdural, intraparenchymal, intraventricular, subarachnoid)[lesion.kind - 1](
        lesion, head, p
    )


def epidural(lesion, head, p):
    """Lens between bone and dura: thickest at its axis, bounded all around."""
    n = lesion.number
    wide = (2e3 * lesion.volume / (np.pi * n["ratio"])) ** (1 / 3)  # cap volume = pi r^2 h / 2, h = ratio * r
    away = direction_distance(p, n["direction"]) / wide
    return p.inside, n["ratio"] * wide * (1 - away * away) - p.inside


def subdural(lesion, head, p):
    """Crescent over one hemisphere, or a sheet along falx and tentorium beside it."""
    n = lesion.number
    away = direction_distance(p, n["direction"]) / n["spread"]
    # Acute subdural bleeds over 20 cm3 are some 10-15 mm thick where they are thickest.
    thick = (9 + 0.12 * lesion.volume) * (1 - away**6) * np.clip(1.3 - away, 0, 1)
    crescent = thick - p.inside
    room = np.minimum(p.inside, np.where(p.over, lesion.side * p.sx - 1.0, -9))
    if n["flavour"] < 0.2:
        falx = 3.5 - lesion.side * p.sx - 5 * np.square((p.y - 60 * n["slope"]) / 70) - 9 * (p.z < 8)
        crescent = np.maximum(crescent, falx)
    elif n["flavour"] < 0.35:
        crescent = np.maximum(crescent, 4.5 - p.tent - 6 * np.square((p.y + 60) / 40))
    return room, crescent


def intraparenchymal(lesion, head, p):
    """Irregular ellipsoid in brain tissue."""
    n = lesion.number
    core = ellipsoid(p.x, p.y, p.z, n["centre"], n["axes"])
    border = sample("cloud", p.x, p.y, p.z, n["offset"], 1.6, core > -30)
    return np.minimum(p.inside - 1.0, 30.0), core + n["rough"] * border


def intraventricular(lesion, head, p):
    """The dependent part of the ventricles below a level, one side fuller than the other."""
    n = lesion.number
    return p.ventricle, -p.y + n["slope"] * p.z + 60 * n["lopsided"] * np.tanh(p.sx / 12)


def subarachnoid(lesion, head, p):
    """Sulci, fissures and cisterns around a centre, widened by the blood they hold."""
    n = lesion.number
    room = np.maximum.reduce(
        [p.sulcus + 0.8, p.fissure + 0.5, p.sylvian + 1.8, p.cistern + 1.5, 1.6 - p.depth]
    )
    room = np.minimum(room, np.minimum(p.inside, -p.ventricle))
    centre = (0, 0, -14) if n["basal"] else np.asarray(n["direction"]) * (52, 70, 62) + (0, -18, 2)
    return room, ellipsoid(p.x, p.y, p.z, centre, (45, 50, 34)) + 3 * p.cloud


def set_growth(lesion, head, p, cell):
    """Sets lesion.grow so that its volume on the lattice p, of `cell` cm3 a point, is the one asked for.

    Returns the cover (n,) of the lattice points.
    """
    fixed, variable = shape(lesion, head, p)
    cover = edge(fixed, p.width)
    order = np.argsort(-variable, kind="stable")
    filled = np.cumsum(cover[order]) * cell
    at = min(int(np.searchsorted(filled, lesion.volume)), len(order) - 1)
    lesion.grow = -float(variable[order[at]])
    return cover * (variable + lesion.grow >= 0)


def mass_effect(lesions, p):
    """Displacement (n,) mm in x of midline structures away from the bleeds, or None."""
    shift = None
    for lesion in lesions:
        if lesion.kind > 3 or (lesion.kind == 3 and lesion.number["centre"][2] < -25):
            continue
        size = min(lesion.volume / 8, 9) * lesion.number["push"] * lesion.side
        y0, z0 = np.asarray(lesion.number["direction"])[1:] * (40, 40)
        part = np.float32(size) * bump(0.5 * np.square((p.y - y0) / 60) + 0.5 * np.square((p.z - z0) / 50))
        part *= np.clip(p.inside / 12, 0, 1)
        shift = part if shift is None else shift + part
    return shift


def paint_lesions(lesions, head, p, hu):
    """Paints all lesions into hu (n,) in place; returns covers (len(lesions), n)."""
    covers = np.zeros((len(lesions), len(hu)), "f4")
    for at, lesion in enumerate(lesions):
        fixed, variable = shape(lesion, head, p)
        distance = np.minimum(fixed, variable + np.float32(lesion.grow))
        width = 0.5 * (p.width + p.flat)
        cover = edge(distance, width) * edge(p.inside, p.wide)
        texture = sample("cloud", p.x, p.y, p.z, lesion.number["offset"], 2.5, cover > 0)
        if lesion.kind == 3:
            rim = edge(distance + lesion.number["oedema"], 3) * edge(np.minimum(p.depth, -p.ventricle), 2)
            hu -= 9 * rim * (1 - cover)
        covers[:at] *= 1 - cover
        covers[at] = cover
        hu += cover * (np.clip(lesion.hu + lesion.number["texture"] * texture, 55, 85) - hu)
    return covers
