"""Interlacing bundles of smooth muscle with few glands: womb-like."""

from ..fields import Cells, edge


class Bundles:
    """Sizes: a nucleus of smooth muscle is 15-20 um long, a bundle 100-300 um wide (textbook histology)."""

    def __init__(self, rng):
        self.bundles = Cells(rng, rng.uniform(150, 240))
        self.glands = Cells(rng, rng.uniform(320, 460))
        self.gap = rng.uniform(2.5, 7)

    def fields(self, place):
        _, border, number = self.bundles.nearest(place.wy, place.wx)
        far, _, gland = self.glands.nearest(place.wy, place.wx)
        return {"bundle": border - self.gap, "across": number, "gland": (28 + 40 * gland) * (gland > 0.55) - far}

    def compartments(self, f, width):
        gland = edge(f["gland"], width)
        lumen = edge(f["gland"] - 15, width)
        muscle = edge(f["bundle"], width) * (1 - edge(f["gland"] + 14, 8))
        return {"muscle": muscle, "white": lumen, "cytoplasm": gland - lumen, "loose": 1 - muscle - gland}

    def nuclei(self, f, c):
        across = f["across"] > 0.65  # cut across, its nuclei are small discs
        basal = (f["gland"] > 2) & (f["gland"] < 9)
        return {
            "cigar": 0.75 * c["muscle"] * ~across,
            "lymphocyte": 0.06 * c["muscle"] * across,
            "epithelial": 0.85 * basal + 0.1 * c["muscle"] * across,
            "spindle": 0.5 * c["loose"],
        }

    def hollow(self, f):
        return None
