"""Scanners that phantoms come from: what their draws range over. All numbers are our decisions.

`standard` is the phantoms' own. `shifted` is another hospital: thin slices, a sharper kernel, a higher kVp (5 % less
contrast), a calibration a few HU off, other positioning, smaller heads, more bleeds in ventricles and sulci. `low` is a
scan of low quality: thick slices, little resolution, strong blotchy noise, motion through many slices, streaks.
"""

from dataclasses import dataclass

from .lesions import SHARES

# mm between slices; 2.5-7.5, as clinical head CTs have
SPACINGS = (2.5, 3.0, 3.75, 4.0, 4.5, 5.0, 5.0, 5.0, 5.5, 6.0, 7.0, 7.5)


@dataclass(frozen=True)
class Scanner:
    """Pairs are the ends of a uniform draw, or the mean and spread of a normal one (`tilt`, `gain`).

    Attributes:
        head: factor on the size of all heads.
        spacings: mm between slices, equally likely.
        slices: the least and most of a scan.
        tilt: degrees of the head's nod.
        noise: HU of a slice of 5 mm. kernel: mm, of its grain.
        cupping, rim, vertex, streak: HU of beam hardening.
        motion: mm of a moved patient's shift. moves: share of such scans. moved: slices that show it.
        gain, offset: of HU, factor and HU added.
        sharpen: share of the detail finer than 1 mm that is added again. blur: mm, its sigma.
        detail: mm of a pixel of the scanner's own matrix, (0, 0) where it is the file's.
        blotches, stripes: HU of noise in patches of some mm, and drawn out across the head, as where few photons come
            through.
        shares: of `lesions.MIXES`.
    """

    head: float = 1.0
    spacings: tuple = SPACINGS
    slices: tuple = (18, 62)
    tilt: tuple = (4, 7)
    noise: tuple = (3, 7)
    kernel: tuple = (0.28, 0.5)
    cupping: tuple = (-2, 5)
    rim: tuple = (4, 24)
    vertex: tuple = (4, 30)
    streak: tuple = (2, 14)
    motion: tuple = (1, 3)
    moves: float = 0.1
    moved: int = 4
    gain: tuple = (1, 0.004)
    offset: tuple = (0, 0)
    sharpen: tuple = (0, 0)
    blur: tuple = (0, 0)
    detail: tuple = (0, 0)
    blotches: tuple = (0, 0)
    stripes: tuple = (0, 0)
    shares: tuple = SHARES


STANDARD = Scanner()
SHIFTED = Scanner(
    head=0.93, spacings=(2.0, 2.0, 2.5), slices=(18, 84), tilt=(-6, 5), noise=(4, 8), kernel=(0.2, 0.3),
    gain=(0.95, 0.006), offset=(2, 6), sharpen=(0.5, 1.0),
    shares=(0.08, 0.14, 0.16, 0.16, 0.20, 0.12, 0.06, 0.05, 0.03),
)
LOW = Scanner(
    spacings=(7.5, 8.0, 10.0), slices=(10, 40), noise=(7, 11), kernel=(0.7, 1.1), cupping=(3, 10), streak=(12, 30),
    motion=(2, 5), moves=0.6, moved=10, gain=(1, 0.015), offset=(-5, 5), blur=(0.8, 1.4), detail=(1.2, 1.8),
    blotches=(4, 8), stripes=(2, 6),
)
SCANNERS = {"standard": STANDARD, "shifted": SHIFTED, "low": LOW}


def streams(name, seed, index, count):
    """Seeds of the phantom (seed, index) of a scanner, `count` of them: no two scanners share a head, so that none is
    in the training set of one and in another's test set.
    """
    import numpy as np

    if name not in SCANNERS:
        raise ValueError(f"Expected a scanner of {', '.join(SCANNERS)}. Received: {name!r}.")
    place = list(SCANNERS).index(name)
    return np.random.SeedSequence([seed, index, *([place] if place else [])]).spawn(count)
