"""One slide phantom: its streams of chance, any rectangle of its pixels, the truth beside it."""

from dataclasses import dataclass

import numpy as np

from .artefacts import Small, draw_folds, draw_pen
from .composition import Composition
from .fields import edge, enlarge, sample, sample_at
from .layout import draw_layout, draw_region
from .nuclei import POPULATIONS, REACH, Bodies, stamp
from .stain import colours, densities, draw_stain
from .tissue import LOCATIONS
from .tissue.benign import Benign
from .tissue.tumour import Tumour

STEP = 2.0  # um between two points of the fields that shape tissue; a nucleus is three times that (our decision)
MASK = 8  # pixels of the slide along each side of a pixel of its mask
HALO = 6  # pixels drawn around a rectangle, which blur into it
# Habits of the locations' laboratories: hematoxylin and eosin, relative (our decision).
BIAS = {"tubular": (0.95, 1.15), "airy": (1.1, 1.0), "fatty": (1.0, 0.85), "crypts": (1.35, 0.7), "bundles": (0.8, 1.3)}


@dataclass(eq=False)
class Place:
    """Where fields are sampled, um: a grid's lines (y, x), its points (rows, columns), the points as tissue is bent."""

    lines: tuple
    y: np.ndarray
    x: np.ndarray
    wy: np.ndarray
    wx: np.ndarray
    slow: np.ndarray  # a wave of some 900 um


class SlidePhantom:
    """The slide (seed, index), to be drawn by rectangles.

    Args:
        seed, index: non-negative integers; together they name the slide.
        location: name in LOCATIONS.
        positive: with a tumour, or with something benign in its place.
        shape: (rows, columns) pixels.
        mpp: micrometres a pixel. Twice the pixels of half the size show the same slide.
        extent: the tumour's share of the section; drawn where None.
    """

    def __init__(self, seed, index, location="tubular", positive=True, shape=(4096, 4096), mpp=0.5, extent=None):
        if location not in LOCATIONS:
            raise ValueError(f"Expected a location of {', '.join(LOCATIONS)}. Received: {location!r}.")
        if not 0.1 <= mpp <= 8 or min(shape) * mpp < 256:
            raise ValueError(
                f"Expected sides of at least 256 um, of pixels of 0.1 to 8 um. Received: {shape} of {mpp:g} um."
            )
        self.shape, self.mpp, self.seed = tuple(shape), float(mpp), (seed, index)
        self.location, self.positive = location, bool(positive)
        sides = np.array(shape) * self.mpp
        streams = [np.random.default_rng(s) for s in np.random.SeedSequence([seed, index]).spawn(7)]
        self.layout = draw_layout(streams[0], sides)
        self.stain = draw_stain(streams[1], BIAS[location])
        base = LOCATIONS[location](streams[2])
        # Every slide has something benign; where there is no tumour there is more of it, drawn as a tumour is.
        self.lesions = [(draw_region(streams[3], self.layout), Benign(streams[3]))]
        growth = Tumour if positive else Benign
        self.lesions.append((draw_region(streams[4], self.layout, extent), growth(streams[4])))
        self.tissue = Composition(base, Small(streams[5]), self.lesions)
        self.folds = draw_folds(streams[5], sides)
        self.pen, self.ink = draw_pen(streams[5], sides)
        self.offset, self.lean = streams[6].uniform(0, 256, (6, 2)), float(streams[6].uniform(0, np.pi))
        self.bodies = {name: Bodies(streams[6], p) for name, p in POPULATIONS.items()}

    def truth(self):
        """Tumour (ceil(rows / 8), ceil(columns / 8)) bool, and the section; by the middle of every 8 x 8 pixels."""
        rows, columns = (-(-n // MASK) for n in self.shape)
        found = np.zeros((2, rows, columns), bool)
        x = (np.arange(columns) + 0.5) * (MASK * self.mpp)
        for start in range(0, rows, 128):
            y = (np.arange(start, min(start + 128, rows)) + 0.5) * (MASK * self.mpp)
            section = self.layout.section(y, x) > 0
            found[1, start : start + 128] = section
            if self.positive:
                found[0, start : start + 128] = section & (self.lesions[1][0].inside(y, x) > 0)
        return found[0], found[1]

    def render(self, top, left, height, width):
        """uint8 (height, width, 3) of the rectangle whose upper left pixel is (top, left)."""
        from scipy.ndimage import gaussian_filter

        y = (np.arange(top - HALO, top + height + HALO) + 0.5) * self.mpp
        x = (np.arange(left - HALO, left + width + HALO) + 0.5) * self.mpp
        planes = self._paint(y, x)
        inner = slice(HALO, -HALO)
        ink = edge(self.pen.inside(y[inner], x[inner]), 6)[..., None] * self.ink if self.pen.lines else None
        if planes is not None:
            sigma = self.stain.focus / self.mpp
            planes = [gaussian_filter(plane, sigma, truncate=3)[inner, inner] for plane in planes]
        rng = np.random.default_rng([*self.seed, top, left])
        return colours(self.stain, planes, ink, rng, (height, width))

    def _paint(self, y, x):
        """Stain planes (2, rows, columns) at the pixels' middles y (rows,), x (columns,); None where is no tissue."""
        step, margin = max(STEP, self.mpp), REACH + 2 * STEP
        grid = [np.arange(np.floor(-margin / step), (a[-1] - a[0] + margin) / step + 1) * step + a[0] for a in (y, x)]
        section = self.layout.section(*grid)
        if section.max() < 0:
            return None
        place = self._place(grid)
        fields = {"slide": self._common(place), **self.tissue.fields(place, section)}
        shares, chances = self.tissue.mix(fields, step)
        at = [(a - g[0]) / step for a, g in zip((y, x), grid)]
        fine = fields["slide"]
        if step > self.mpp:
            fields = {name: {k: enlarge(f, *at) for k, f in part.items()} for name, part in fields.items()}
            shares, _ = self.tissue.mix(fields, self.mpp)
        else:
            inner = tuple(slice(round(a[0]), round(a[-1]) + 1) for a in at)
            fields = {name: {k: f[inner] for k, f in part.items()} for name, part in fields.items()}
            shares = {k: f[inner] for k, f in shares.items()}
        nuclei = self._nuclei(chances, grid, fine["across"], y, x)
        return self._stained(shares, fields["slide"], nuclei, y, x)

    def _stained(self, shares, slide, nuclei, y, x):
        grain = sample("grain", y, x, self.offset[3], 40)
        fibres = sample_at("grain", slide["across"], slide["along"], self.offset[4], 45)
        planes = densities(shares, grain, fibres)
        nuclei[0] *= 1 + 0.22 * grain  # clumps of chromatin
        np.minimum(nuclei, 1.35, out=nuclei)
        planes[1] *= 1 - 0.6 * np.minimum(nuclei[0], 1)
        planes += nuclei
        planes *= 1 + np.float32(self.stain.uneven) * slide["slow"]
        if "fold" in slide:
            planes *= 1 + 0.85 * edge(slide["fold"], 4)
        return planes

    def _place(self, grid):
        bend = [11 * sample("cloud", *grid, offset, 130) for offset in self.offset[:2]]
        y, x = np.meshgrid(*(line.astype("f4") for line in grid), indexing="ij")
        return Place(tuple(grid), y, x, y + bend[0], x + bend[1], sample("cloud", *grid, self.offset[2], 900))

    def _common(self, place):
        """Fields that every tissue shares: fibres lie along the lines of equal `across`, which is stretched."""
        cosine, sine = np.float32(np.cos(self.lean)), np.float32(np.sin(self.lean))
        wave = 55 * sample("cloud", *place.lines, self.offset[5], 320)
        fields = {
            "across": 2.2 * (place.y * cosine - place.x * sine + wave),
            "along": 0.22 * (place.y * sine + place.x * cosine),
            "slow": place.slow,
        }
        if self.folds.lines:
            fields["fold"] = self.folds.inside(*place.lines)
        return fields

    def _nuclei(self, chances, grid, across, y, x):
        slope = np.gradient(across)
        direction = np.arctan2(-slope[1], slope[0])
        step = grid[0][1] - grid[0][0]
        planes = np.zeros((2, len(y), len(x)), "f4")
        for name, chance in chances.items():
            population = POPULATIONS[name]
            body = self.bodies[name].found(chance, grid[0][0], grid[1][0], step, direction)
            stamp(planes[int(population.red)], population, body, y[0], x[0], self.mpp)
        return planes
