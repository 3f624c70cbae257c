"""Airspaces with thin walls: lung-like."""

import numpy as np

from ..fields import Cells, edge


class Airy:
    """Sizes: an alveolus measures 100-250 um across, its wall some um (textbook histology)."""

    def __init__(self, rng):
        self.spaces = Cells(rng, rng.uniform(90, 150))
        self.wall = rng.uniform(4.5, 11)
        self.collapse = rng.uniform(0, 14)  # how much thicker walls are where the lung has collapsed

    def fields(self, place):
        _, border, number = self.spaces.nearest(place.wy + 0.6 * (place.wy - place.y), place.wx)
        thick = self.wall + self.collapse * np.maximum(place.slow, 0)
        return {"air": border - thick, "number": number}

    def compartments(self, f, width):
        air = edge(f["air"], width)
        return {"white": air, "stroma": 0.75 * (1 - air), "cytoplasm": 0.25 * (1 - air)}

    def nuclei(self, f, c):
        wall = f["air"] < 0.5
        loose = (f["air"] > 6) & (f["number"] > 0.8)  # macrophages of some alveoli
        return {"epithelial": 0.42 * wall + 0.03 * loose, "spindle": 0.3 * wall, "lymphocyte": 0.02 * wall}

    def hollow(self, f):
        return f["air"]
