"""Tumour: nests of large, irregular, dark nuclei, one beside the other, where the glands were."""

import numpy as np

from ..fields import Cells, edge, sample


class Tumour:
    """Nests, sheets or sieve-like growth; what was hollow before is filled up to `growth` um from its wall."""

    def __init__(self, rng):
        self.nests = Cells(rng, rng.uniform(70, 240))
        self.holes = Cells(rng, rng.uniform(60, 110))
        self.gap = rng.uniform(1.5, 10)
        self.hole = rng.uniform(-14, 14)  # below nothing: no holes
        self.dead = rng.uniform(1.2, 2.6)  # of the slow field; most tumours have little necrosis
        self.growth = rng.uniform(15, 90)
        self.dense = rng.uniform(0.68, 0.98)
        self.offset = rng.uniform(0, 256, 2)

    def fields(self, place):
        _, border, _ = self.nests.nearest(place.wy, place.wx)
        far, _, number = self.holes.nearest(place.wy, place.wx)
        dead = 60 * (sample("cloud", *place.lines, self.offset, 420) - self.dead)
        return {
            "nest": border - self.gap,
            "hole": self.hole * (0.3 + number) - far,
            "dead": np.minimum(dead, border - self.gap - 20),
        }

    def compartments(self, f, width):
        nest = edge(f["nest"], width)
        hole = nest * edge(f["hole"], width)
        dead = (nest - hole) * edge(f["dead"], 20)
        return {"stroma": 1 - nest, "white": hole, "necrosis": dead, "atypical": nest - hole - dead}

    def nuclei(self, f, c):
        living = (c["atypical"] > 0.5) & (f["hole"] < -4)
        return {
            "tumour": self.dense * living,
            "spindle": 0.4 * c["stroma"],
            "lymphocyte": 0.08 * c["stroma"],
            "debris": 0.3 * c["necrosis"],
        }
