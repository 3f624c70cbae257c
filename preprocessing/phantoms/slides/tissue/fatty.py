"""Fat, dense fibres, and lobules of small glands: breast-like."""

import numpy as np

from ..fields import Cells, edge, sample


class Fatty:
    """Sizes: a fat cell measures 60-100 um, an acinus 30-50 um, a lobule some 300 um (textbook histology)."""

    def __init__(self, rng):
        self.fat = Cells(rng, rng.uniform(58, 82))
        self.lobules = Cells(rng, rng.uniform(330, 480))
        self.acini = Cells(rng, rng.uniform(36, 48))
        self.level = rng.uniform(-0.8, 0.9)  # of the slow field: more fat where it is low
        self.offset = rng.uniform(0, 256, 2)

    def fields(self, place):
        _, fat, _ = self.fat.nearest(place.wy, place.wx)
        far, _, lobule = self.lobules.nearest(place.wy, place.wx)
        centre, acinus, number = self.acini.nearest(place.wy, place.wx)
        zone = 120 * (sample("cloud", *place.lines, self.offset, 620) - self.level)
        return {
            "fat": np.minimum(zone, fat - 1.8),
            "zone": zone,
            "lobule": (90 + 90 * lobule) * (lobule > 0.3) - far,
            "acinus": acinus - 3.5,
            "lumen": 2 + 7 * number - centre,
        }

    def compartments(self, f, width):
        white = edge(f["fat"], width)
        lobule = edge(f["lobule"], 12) * edge(-f["zone"], width)
        acinus = lobule * edge(f["acinus"], width)
        lumen = acinus * edge(f["lumen"], width)
        loose = lobule - acinus
        return {
            "white": white + lumen,
            "cytoplasm": acinus - lumen,
            "loose": loose,
            "stroma": np.maximum(1 - white - lobule, 0),
        }

    def nuclei(self, f, c):
        dense = c["stroma"] * (f["zone"] < 0)
        return {
            "epithelial": 0.62 * (c["cytoplasm"] > 0.5) * (f["acinus"] < 10),
            "spindle": 0.22 * dense + 0.45 * c["loose"] + 0.05 * c["stroma"],
            "lymphocyte": 0.05 * c["loose"],
        }

    def hollow(self, f):
        return f["fat"]
