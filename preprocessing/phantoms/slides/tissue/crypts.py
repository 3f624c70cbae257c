"""Round glands of tall, mucous cells in a cellular bed, over muscle: colon-like."""

import numpy as np

from ..fields import Cells, edge, sample


class Crypts:
    """Sizes: a crypt measures 70-90 um across, its cells are 20-25 um tall (textbook histology)."""

    def __init__(self, rng):
        self.glands = Cells(rng, rng.uniform(84, 102))
        self.goblets = Cells(rng, 12)
        self.level = rng.uniform(0.2, 1.0)
        self.offset = rng.uniform(0, 256, 2)
        self.mucous = rng.uniform(3.2, 4.6)

    def fields(self, place):
        centre, border, number = self.glands.nearest(place.wy, place.wx)
        goblet, _, kind = self.goblets.nearest(place.y, place.x)
        zone = 150 * (sample("cloud", *place.lines, self.offset, 900) - self.level)
        gland = np.minimum(border - 4, 26 + 14 * number - centre)
        return {
            "muscle": zone,
            "gland": np.minimum(gland, -zone - 12),
            "goblet": self.mucous * (kind > 0.25) - goblet,
        }

    def compartments(self, f, width):
        muscle = edge(f["muscle"], width)
        gland = edge(f["gland"], width)
        lumen = edge(f["gland"] - 24, width)
        mucin = (gland - lumen) * edge(f["gland"] - 8, 2) * edge(f["goblet"], width)
        return {
            "muscle": muscle,
            "white": lumen,
            "mucin": mucin,
            "cytoplasm": gland - lumen - mucin,
            "loose": np.maximum(1 - muscle - gland, 0),
        }

    def nuclei(self, f, c):
        basal = (f["gland"] > 1.5) & (f["gland"] < 7.5)
        return {
            "epithelial": 0.9 * basal,
            "spindle": 0.35 * c["loose"],
            "lymphocyte": 0.16 * c["loose"],
            "cigar": 0.5 * c["muscle"],
        }

    def hollow(self, f):
        return None
