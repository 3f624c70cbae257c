"""The scanner: grid, pose of the head in it, table, beam hardening, noise, the way the file is stored."""

from dataclasses import dataclass, field

import numpy as np

from .flaws import draw_flaws
from .scanners import STANDARD
from .shapes import band, edge, paint

FULL = 512  # matrix at which in-plane spacing is drawn; a smaller matrix keeps the field of view
INNER_TOP, VERTEX_DEPTH = 80.0, 14.0  # mm: inner vertex; where its brightening is a third
STORED = ((1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, 1, -1), (-1, -1, -1))  # file axis signs against R, A, S


@dataclass
class Scan:
    """Geometry and quality of one acquisition."""

    size: int
    pixel: float  # mm, in plane
    spacing: float  # mm between slice centres
    thickness: float  # mm
    slices: int
    bottom: float  # mm, centre of the lowest slice, relative to the head's origin
    rotation: np.ndarray  # (3, 3) head to scanner
    shift: np.ndarray  # (2,) mm in plane
    signs: tuple  # storage directions
    number: dict
    flaws: dict = field(default_factory=dict)  # see `flaws`; {} of the standard scanner

    @property
    def substeps(self):
        """Samples through a slice, at most 2.5 mm apart."""
        return int(np.ceil(self.thickness / 2.5))


def rotation_matrix(tilt, roll, yaw):
    """Rotation (3, 3) about x, then y, then z; degrees."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler("xyz", (tilt, roll, yaw), degrees=True).as_matrix()


def draw_scan(rng, size, head_scale, scanner=STANDARD):
    """Draws an acquisition of a `scanners.Scanner`; the head's top and bottom along z follow from its size."""
    pixel = rng.uniform(0.41, 0.59)
    spacing = float(rng.choice(scanner.spacings))
    top = 90 * head_scale[2] + (rng.uniform(-32, -4) if rng.random() < 0.45 else rng.uniform(-2, 6))
    bottom = -rng.uniform(20, 62) * head_scale[2]
    slices = int(np.clip(np.ceil((top - bottom) / spacing), *scanner.slices))
    tilt = np.clip(rng.normal(*scanner.tilt), -15, 20)
    pose = rotation_matrix(tilt, np.clip(rng.normal(0, 4), -12, 12), np.clip(rng.normal(0, 5), -15, 15))
    free = max(0.0, (pixel * FULL - 222) / 2)
    shift = rng.uniform(-1, 1, 2) * (min(free, 14), min(free, 10))
    number = dict(
        noise=rng.uniform(*scanner.noise),
        kernel=rng.uniform(*scanner.kernel),
        cupping=rng.uniform(*scanner.cupping),
        rim=rng.uniform(*scanner.rim),
        streak=rng.uniform(*scanner.streak),
        streak_phase=rng.uniform(0, 6.3),
        padding=float(rng.choice([0, 0, 0, -1024, -1500, -2000])),
        holder=bool(rng.random() < 0.8),
        holder_hu=rng.uniform(-200, 250),
        holder_gap=rng.uniform(4, 16),
        holder_arc=rng.uniform(0.1, 0.6),
        origin=rng.uniform(-60, 60, 3),
        motion=rng.uniform(*scanner.motion) * (rng.random() < scanner.moves),
        motion_at=rng.uniform(0.1, 0.8),
        gain=rng.normal(*scanner.gain),
    )
    scan = Scan(
        size,
        pixel * FULL / size,
        spacing,
        spacing * float(rng.choice([1, 1, 1, 0.8])),
        slices,
        bottom,
        pose,
        shift,
        STORED[rng.choice(len(STORED), p=[0.3, 0.3, 0.2, 0.1, 0.1])],
        number,
    )
    # The vertex, closed in by bone on all sides, reads 5 to 17 HU above the brain below it in a real head CT.
    number["vertex"] = rng.uniform(*scanner.vertex)
    scan.flaws = draw_flaws(rng, scanner)
    return scan


def axes(scan):
    """In-plane sample positions x, y (size,) mm to the right and forwards, before the head's shift."""
    line = ((np.arange(scan.size) - (scan.size - 1) / 2) * scan.pixel).astype("f4")
    return line - np.float32(scan.shift[0]), line - np.float32(scan.shift[1])


def paint_holder(scan, plane, x, y):
    """Head holder and table into a plane (h, w) of HU, rows along +y; the same in every slice."""
    if not scan.number["holder"]:
        return
    gap = scan.number["holder_gap"]
    rho = np.hypot(x[None] / (92 + gap), (y[:, None] + 20) / (104 + gap))
    off = (rho - 1) * (98 + gap)
    open_front = edge(-(y[:, None] + 20) + 104 * scan.number["holder_arc"] - 20, 4.0)
    width = max(scan.pixel, 1.0)
    paint(plane, 0.9 * edge(6 - np.abs(off - 8), width) * open_front, -930)
    for at in (1.5, 15):
        paint(plane, band(off - at, 0.9, width) * open_front, scan.number["holder_hu"])


def harden(scan, head, p, hu):
    """Beam hardening into hu (n,): bright rim inside the skull and vertex, cupping, bands between the petrous bones."""
    n = scan.number
    inner = edge(p.inside, 2.0)
    near = np.clip(p.inside, 0, 60)
    hu += inner * (n["rim"] * np.exp(-near / 5) + n["cupping"] * (1 - near / 30) * np.float32(0.5))
    hu += inner * n["vertex"] * np.exp(np.minimum(p.z - INNER_TOP, 0) / VERTEX_DEPTH)
    low = np.exp(-np.square((p.z + 30) / 13)) * edge(70 - p.ax, 20)
    wave = np.cos((p.y + 28) * 0.28 + 0.02 * p.x + n["streak_phase"]) + 0.5 * np.cos(p.y * 0.71 + 0.05 * p.x)
    hu += inner * low * np.exp(-np.square((p.y + 30) / 30)) * n["streak"] * (wave - 0.35)


def move(scan, volume):
    """Double contours in a few neighbouring slices (slices, h, w) of a scan whose patient moved, in place."""
    from scipy.ndimage import shift

    if not scan.number["motion"]:
        return
    first = int(scan.number["motion_at"] * len(volume))
    for at in range(first, min(first + scan.flaws.get("moved", 4), len(volume))):
        step = (0.3 * scan.number["motion"] / scan.pixel, scan.number["motion"] / scan.pixel)
        volume[at] = 0.6 * volume[at] + 0.4 * shift(volume[at], step, order=1, mode="nearest")


def add_noise(scan, rng, volume, body):
    """Correlated noise into volume (slices, h, w), more of it inside the head."""
    from scipy.ndimage import gaussian_filter1d

    full = FULL / scan.size
    # Between point sampling (no loss) and averaging whole coarse pixels: our decision.
    level = scan.number["noise"] * np.sqrt(5.0 / scan.thickness) / np.sqrt(full)
    noise = rng.standard_normal(volume.shape, dtype=np.float32)
    sigma = scan.number["kernel"] / scan.pixel
    if sigma > 0.3:
        for axis in (1, 2):
            noise = gaussian_filter1d(noise, sigma, axis=axis, truncate=3)
    noise /= noise[:: max(1, len(noise) // 4)].std()
    volume += noise * np.float32(level) * (0.45 + 0.55 * body)


def store(scan, volume):
    """Array (i, j, k) as stored and its affine (4, 4) to RAS+ mm; volume is (z, y, x) towards S, A, R."""
    data = volume.transpose(2, 1, 0)
    steps = np.array([scan.pixel, scan.pixel, scan.spacing])
    affine = np.diag(np.append(steps * scan.signs, 1.0))
    half = (scan.size - 1) / 2 * scan.pixel
    first = np.array([-half, -half, 0.0]) + scan.number["origin"]
    for axis, sign in enumerate(scan.signs):
        if sign < 0:
            data = np.flip(data, axis)
            first[axis] += (data.shape[axis] - 1) * steps[axis]
    affine[:3, 3] = first
    return np.ascontiguousarray(data), affine
