"""Implicit shapes: signed distances in mm (positive inside) and the share of a voxel that they cover.

All functions take flat float32 arrays of points, so that one head can be sampled on any grid.
"""

from functools import cache

import numpy as np

LATTICE = 96  # points along each axis of the stored random fields (our decision)
LATTICE_MM = 2.0  # their spacing; 192 mm period, longer than a cranial cavity (our decision)


def edge(distance, width):
    """Share of a voxel of `width` mm inside a surface at signed `distance` mm; (n,) in [0, 1]."""
    return np.clip(distance / width + np.float32(0.5), 0, 1)


def band(distance, half, width):
    """Share of a voxel of `width` mm covered by a sheet |distance| < half, exact for a flat sheet."""
    overlap = np.minimum(distance + width / 2, half) - np.maximum(distance - width / 2, -half)
    return np.clip(overlap / width, 0, 1)


def bump(squared):
    """Smooth hill of height 1 with half height at squared = 0.41; cheaper than a Gaussian."""
    return 1 / np.square(1 + squared)


def ellipsoid(x, y, z, centre, axes):
    """Approximate signed distance to an ellipsoid, exact in sign, right on average in size."""
    a, b, c = axes
    rho = np.sqrt(
        np.square((x - centre[0]) / a) + np.square((y - centre[1]) / b) + np.square((z - centre[2]) / c)
    )
    return (1 - rho) * np.float32((a * b * c) ** (1 / 3))


def capsule(x, y, z, start, stop, radius, end_radius=None):
    """Signed distance to a rod from `start` to `stop` whose radius runs from `radius` to `end_radius`."""
    start, axis = np.asarray(start, "f4"), np.subtract(stop, start).astype("f4")
    u, v, w = x - start[0], y - start[1], z - start[2]
    along = np.clip((u * axis[0] + v * axis[1] + w * axis[2]) / np.float32(axis @ axis), 0, 1)
    away = np.sqrt(
        np.square(u - along * axis[0]) + np.square(v - along * axis[1]) + np.square(w - along * axis[2])
    )
    end_radius = radius if end_radius is None else end_radius
    return np.float32(radius) + along * np.float32(end_radius - radius) - away


def paint(hu, cover, value):
    """Mix `value` into `hu` in place by the covered share."""
    hu += cover * (value - hu)


@cache
def lattice(kind):
    """Periodic random field (96, 96, 96), zero mean and unit variance.

    `folds`: one wavelength of about 25 mm, whose zero sheets stand 12-13 mm apart like sulci.
    `cloud`: power falling with frequency, for texture and irregular borders.
    It is the same field for all phantoms; each samples it at its own offset and scale.
    """
    rng = np.random.default_rng({"folds": 1, "cloud": 2}[kind])
    spectrum = np.fft.rfftn(rng.standard_normal((LATTICE,) * 3))
    k = np.fft.fftfreq(LATTICE, LATTICE_MM)
    k2 = k[:, None, None] ** 2 + k[None, :, None] ** 2 + np.fft.rfftfreq(LATTICE, LATTICE_MM)[None, None] ** 2
    freq = np.sqrt(k2)
    gain = (
        np.exp(-(((freq - 1 / 25) / 0.011) ** 2))
        if kind == "folds"
        else (freq + 1 / 60) ** -2 * np.exp(-np.square(freq * 9))
    )
    gain[0, 0, 0] = 0
    field = np.fft.irfftn(spectrum * gain, s=(LATTICE,) * 3, axes=(0, 1, 2))
    return (field / field.std()).astype("f4")


def sample(kind, x, y, z, offset, scale=1.0, where=None):
    """Values of a stored field at points in mm, trilinear, wrapping around; (n,) float32.

    where: boolean (n,); elsewhere the value is 0, which saves the time of points that do not need it.
    """
    from scipy.ndimage import map_coordinates

    if where is not None:
        at = np.flatnonzero(where)
        values = np.zeros_like(x)
        values[at] = sample(kind, x[at], y[at], z[at], offset, scale)
        return values
    step = np.float32(scale / LATTICE_MM)
    place = np.stack([x * step + offset[0], y * step + offset[1], z * step + offset[2]])
    return map_coordinates(lattice(kind), place, order=1, mode="grid-wrap", prefilter=False)
