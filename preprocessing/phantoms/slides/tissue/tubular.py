"""Packed tubules with small lumina, and round tufts between them: kidney-like."""

from ..fields import Cells, edge


class Tubular:
    """Sizes: a proximal tubule measures 50-60 um, a glomerulus 150-200 um (textbook histology)."""

    def __init__(self, rng):
        self.tubules = Cells(rng, rng.uniform(50, 62))
        self.tufts = Cells(rng, rng.uniform(430, 620))
        self.wall = rng.uniform(1.6, 4.5)  # half of what lies between two tubules
        self.lumen = rng.uniform(3, 9)

    def fields(self, place):
        centre, border, number = self.tubules.nearest(place.wy, place.wx)
        far, _, tuft = self.tufts.nearest(place.wy, place.wx)
        return {
            "tubule": border - self.wall,
            "lumen": self.lumen * (0.4 + 1.2 * number) - centre,
            "tone": number,
            "tuft": (60 + 80 * tuft) * (tuft > 0.35) - far,
        }

    def compartments(self, f, width):
        tuft = edge(f["tuft"], width)
        core = edge(f["tuft"] - 7, width)
        tubule = edge(f["tubule"], width) * (1 - tuft)
        lumen = edge(f["lumen"], width) * tubule
        clear = (tubule - lumen) * edge(f["tone"] - 0.6, 0.3)
        return {
            "white": lumen + tuft - core,
            "cytoplasm": tubule - lumen - clear + 0.6 * core,
            "clear": clear,
            "stroma": 1 - tubule - tuft + 0.4 * core,
        }

    def nuclei(self, f, c):
        basal = (f["tubule"] > 2.5) & (f["tubule"] < 9.5) & (f["lumen"] < -3.5) & (f["tuft"] < 0)
        return {"epithelial": 0.55 * basal + 0.5 * (f["tuft"] > 9), "spindle": 0.5 * c["stroma"] * (f["tuft"] < 0)}

    def hollow(self, f):
        return None
