"""From the light of cells to a file: exposure, background, uneven illumination, debris, focus, noise."""

from dataclasses import dataclass

import numpy as np

from ..slides.fields import sample as smooth
from .geometry import view_around

EXPOSURE = 5000.0  # mean counts of cells in every channel of a field: the operator sets it (our decision)
WHITE = 65535
PIXEL = 0.45  # pixels, of the blur that a pixel's own square is, about
ELECTRONS = 0.4  # a count; a camera's shot noise goes with their square root (our decision)
READ = 30.0  # counts of read noise (our decision)


@dataclass(eq=False)
class Batch:
    """What a plate's staining and imaging have in common.

    Attributes:
        gain, background: (c,) relative, counts.
        bright: (2,) where on the field the lamp is brightest, in shares of the sides.
        falloff: loss of light in the farthest corner.
    """

    gain: np.ndarray
    background: np.ndarray
    bright: np.ndarray
    falloff: float


def draw_batch(rng, channels):
    """A plate's Batch: every plate differs, as staining and lamp do (our decision)."""
    return Batch(
        np.exp(rng.normal(0, 0.18, channels)),
        rng.uniform(300, 900, channels),
        rng.uniform(0.3, 0.7, 2),
        rng.uniform(0.15, 0.45),
    )


def illumination(rng, batch, shape):
    """Relative light (h, w) over a field: the plate's vignette, and clouds of the field's own."""
    y, x = (((np.arange(n) + 0.5) / n).astype("f4") for n in shape)
    far = np.square(y - np.float32(batch.bright[0]))[:, None] + np.square(x - np.float32(batch.bright[1]))
    clouds = smooth("cloud", y, x, rng.uniform(0, 256, 2), 0.9)
    return np.clip(1.1 - 1.6 * np.float32(batch.falloff) * far + np.float32(0.05) * clouds, 0.3, None)


def expose(rng, light, inside, batch):
    """Brings the cells of each channel to the same mean, up to the plate's gain and a spread of the field's own.

    So nothing of a phenotype is in a channel's mean light a cell's pixel.

    Args:
        light: float32 (c, h, w), changed in place.
        inside: bool (h, w), pixels of cells.
    """
    for k, plane in enumerate(light):
        mean = float(plane[inside].mean()) if inside.any() else 0.0
        plane *= np.float32(EXPOSURE * batch.gain[k] * np.exp(rng.normal(0, 0.12)) / max(mean, 1e-6))


def add_debris(rng, light, scale, each):
    """Adds specks, and blurs out of focus, that belong to no cell; in place.

    Args:
        each: mean number of specks a million square units.
    """
    shape = light.shape[1:]
    for _ in range(rng.poisson(each * shape[0] * shape[1] / scale**2 / 1e6)):
        y, x = rng.uniform(0, np.array(shape) / scale)
        blurred = rng.random() < 0.15
        size = rng.uniform(18, 45) if blurred else np.exp(rng.normal(0.9, 0.45))
        view = view_around(y, x, 3 * size, shape, scale)
        if view is None:
            continue
        along, across = view.turned(y, x, rng.uniform(0, np.pi))
        longer = rng.uniform(1, 2.5)
        spot = np.exp(-np.square(along / np.float32(size * longer)) - np.square(across / np.float32(size)))
        bright = rng.uniform(0.1, 0.35) if blurred else rng.uniform(0.4, 2.2)
        for plane, share in zip(light, rng.dirichlet(np.full(len(light), 0.6))):
            plane[view.place] += np.float32(bright * share * EXPOSURE) * spot


def photograph(rng, light, batch, scale):
    """uint16 (c, h, w) of light in counts (c, h, w): background, illumination, focus and noise."""
    from scipy.ndimage import gaussian_filter

    lamp = illumination(rng, batch, light.shape[1:])
    found = np.empty(light.shape, "u2")
    for k, plane in enumerate(light):
        sigma = np.hypot(scale * rng.uniform(0.8, 1.6), PIXEL)
        seen = (gaussian_filter(plane, sigma, truncate=3) + np.float32(batch.background[k])) * lamp
        noise = np.sqrt(np.maximum(seen, 0) * np.float32(1 / ELECTRONS) + np.float32(READ**2))
        seen += noise * rng.standard_normal(seen.shape, dtype=np.float32)
        found[k] = np.clip(np.rint(seen), 0, WHITE)
    return found
