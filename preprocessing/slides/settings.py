"""Everything that decides what a slide becomes; a model carries these, so that it predicts on what it learned from."""

import dataclasses

from preprocessing import hashed
from preprocessing.errors import UsageError
from preprocessing.slides.tissue import RULES

# Raised whenever the same settings would give other bags, so that old and new shards have another hash and never mix.
ALGORITHM = 2
LARGEST_CELL = 255  # whose pixels uint16 counts


@dataclasses.dataclass(frozen=True)
class SlideSettings:
    """How a slide becomes a bag.

    Attributes:
        tile: rows and columns of a tile (224: lerousseau2020, section 3.1).
        target_mpp: wanted micrometres a pixel (0.5 is our reading of the paper's 20x: 10 / power).
        cell: grid pixels of a side of the squares in which tissue and truth are counted (32: the stride of ResNet-50).
        tissue: a rule of `preprocessing.slides.tissue`: "otsu" is ours, "released" the authors' code's.
        mpp: micrometres a pixel of level 0, instead of what the files say.

    Raises:
        UsageError: a value that cannot be.
    """

    tile: int = 224
    target_mpp: float = 0.5
    cell: int = 32
    tissue: str = "otsu"
    mpp: float | None = None

    def __post_init__(self):
        for name, most in (("tile", 1 << 16), ("cell", LARGEST_CELL)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise UsageError(f"--{name}: Expected a whole number of 1 to {most}. Received: {value!r}.")
        if self.tile % self.cell:
            raise UsageError(f"--cell: Expected a number that divides the tile, {self.tile}. Received: {self.cell}.")
        for name in ("target_mpp", "mpp"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise UsageError(f"--{name.replace('_', '-')}: Expected a number above 0. Received: {value!r}.")
        if self.tissue not in RULES:
            raise UsageError(f"--tissue: Expected one of {', '.join(RULES)}. Received: {self.tissue!r}.")

    def to_dict(self):
        """The settings as JSON can hold them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        """The settings of `to_dict`. Raises UsageError at a key that is none."""
        return hashed.from_dict(cls, values, "slide")

    def hash(self):
        """16 hexadecimal digits; equal only for settings that give the same bags."""
        return hashed.digest(ALGORITHM, self.to_dict())
