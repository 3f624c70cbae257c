"""What is not tumour but looks like no healthy tissue either; as frequent and as large on slides without tumour.

Each has something of a tumour: small nuclei as dense as a tumour's large ones, crowded glands, no glands, death.
"""

import numpy as np

from ..fields import Cells, edge

# How often each is (our decision): such that they hold as much stain as a tumour on average, whose mean colour tells
# nothing then.
KINDS = {
    "lymphoid": 0.20,
    "inflamed": 0.24,
    "hyperplastic": 0.32,
    "fibrous": 0.10,
    "necrotic": 0.09,
    "bleeding": 0.05,
}


class Benign:
    """One kind of KINDS; what was hollow before is filled up to `growth` um from its wall."""

    def __init__(self, rng, kind=None):
        drawn = rng.choice(list(KINDS), p=list(KINDS.values()))
        self.kind = str(kind or drawn)
        self.glands = Cells(rng, rng.uniform(46, 66))
        self.growth = rng.uniform(15, 90)
        self.lumen = rng.uniform(2, 12)
        self.dense = rng.uniform(0.45, 0.9)

    def fields(self, place):
        centre, border, number = self.glands.nearest(place.wy, place.wx)
        return {"gland": border - 2.5, "lumen": self.lumen * (0.4 + 1.2 * number) - centre}

    def compartments(self, f, width):
        return getattr(self, self.kind)(f, width)[0]

    def nuclei(self, f, c):
        return getattr(self, self.kind)(f, 2.0)[1]

    def lymphoid(self, f, width):
        one = np.ones_like(f["gland"])
        return {"loose": one}, {"lymphocyte": self.dense * one, "spindle": 0.08 * one}

    def inflamed(self, f, width):
        one = np.ones_like(f["gland"])
        return {"stroma": one}, {"lymphocyte": 0.4 * self.dense * one, "spindle": 0.35 * one}

    def hyperplastic(self, f, width):
        gland = edge(f["gland"], width)
        lumen = gland * edge(f["lumen"], width)
        basal = (f["gland"] > 1.5) & (f["gland"] < 16) & (f["lumen"] < -4)
        return (
            {"cytoplasm": gland - lumen, "white": lumen, "stroma": 1 - gland},
            {"epithelial": (0.6 + 0.4 * self.dense) * basal, "spindle": 0.4 * (1 - gland)},
        )

    def fibrous(self, f, width):
        one = np.ones_like(f["gland"])
        return {"stroma": one}, {"spindle": 0.3 * one}

    def necrotic(self, f, width):
        one = np.ones_like(f["gland"])
        return {"necrosis": one}, {"debris": 0.35 * self.dense * one, "lymphocyte": 0.06 * one}

    def bleeding(self, f, width):
        one = np.ones_like(f["gland"])
        return {"serum": 0.75 * one, "stroma": 0.25 * one}, {"red": self.dense * one, "spindle": 0.05 * one}
