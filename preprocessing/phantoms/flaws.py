"""What a scanner does to a scan besides noise: calibration, kernel, resolution, streaks.

`scan.flaws` has one draw of each; {} for the standard scanner, of which nothing here changes a voxel.
"""

import numpy as np

FLAWS = ("offset", "sharpen", "blur", "detail", "blotches", "stripes")
SHARP = 1.0  # mm, sigma; what is finer is detail to a sharp kernel (our decision)
GRAINS = {"blotches": (1.5, 1.5), "stripes": (1.5, 30.0)}  # mm up and across, sigmas (our decision)


def draw_flaws(rng, scanner):
    """Draws the numbers of a scan's flaws; {} of a scanner that has none, without a draw."""
    if not any(any(getattr(scanner, name)) for name in FLAWS):
        return {}
    return {name: float(rng.uniform(*getattr(scanner, name))) for name in FLAWS} | {"moved": scanner.moved}


def resolve(scan, volume):
    """Sharpens or blurs the slices (n, h, w) in place, as the kernel and the scanner's own matrix do."""
    from scipy.ndimage import gaussian_filter

    flaws = scan.flaws
    if flaws.get("sharpen"):
        sigma = SHARP / scan.pixel
        volume += np.float32(flaws["sharpen"]) * (volume - gaussian_filter(volume, (0, sigma, sigma)))
    if flaws.get("blur"):
        sigma = flaws["blur"] / scan.pixel
        gaussian_filter(volume, (0, sigma, sigma), output=volume)
    if flaws.get("detail", 0) > scan.pixel:
        for one in volume:
            one[:] = _sampled(one, flaws["detail"] / scan.pixel)


def mottle(scan, rng, volume, body):
    """Adds noise that no coarser matrix averages away, within the head, to the slices (n, h, w) in place: blotches, and
    stripes from side to side.
    """
    from scipy.ndimage import gaussian_filter

    for name, (across, along) in GRAINS.items():
        if scan.flaws.get(name):
            noise = rng.standard_normal(volume.shape, dtype=np.float32)
            noise = gaussian_filter(noise, (0, across / scan.pixel, along / scan.pixel), truncate=2)
            volume += noise * (np.float32(scan.flaws[name]) / noise.std()) * body


def _sampled(plane, step):
    """A slice (h, w) as a coarser matrix has it, `step` pixels a side, interpolated back."""
    from scipy.ndimage import map_coordinates

    height, width = plane.shape
    places = [np.arange(0, size - 1 + step, step) for size in (height, width)]
    coarse = map_coordinates(plane, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    fine = np.meshgrid(np.arange(height) / step, np.arange(width) / step, indexing="ij")
    return map_coordinates(coarse, fine, order=1, mode="nearest")
