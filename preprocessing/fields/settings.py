"""Everything that decides what a field becomes; a model carries these, so that it predicts on what it learned from."""

import dataclasses

from preprocessing import hashed
from preprocessing.errors import UsageError

# Raised whenever the same settings would give other bags, so that old and new shards have another hash and never mix.
ALGORITHM = 1


@dataclasses.dataclass(frozen=True)
class FieldSettings:
    """How a field becomes a bag.

    Attributes:
        channels: names of the image's channels, in their order.
        crop: (rows, columns) around the image's middle, or None for the whole image (kraus2016, section 4.3: 1000 x
            1200 of the breast cancer screen's, 1000 x 1300 of the yeast screen's).

    Raises:
        UsageError: a value that cannot be.
    """

    channels: tuple
    crop: tuple | None = None

    def __post_init__(self):
        names = tuple(self.channels)
        if not names or len(set(names)) < len(names) or not all(isinstance(name, str) and name for name in names):
            raise UsageError(f"--channels: Expected names, each once. Received: {','.join(map(str, names))!r}.")
        object.__setattr__(self, "channels", names)
        if self.crop is not None:
            object.__setattr__(self, "crop", tuple(self.crop))
            if len(self.crop) != 2 or any(type(side) is not int or side < 1 for side in self.crop):
                raise UsageError(f"--crop: Expected two whole numbers of at least 1. Received: {self.crop}.")

    def to_dict(self):
        """The settings as JSON can hold them."""
        return {"channels": list(self.channels), "crop": self.crop and list(self.crop)}

    @classmethod
    def from_dict(cls, values):
        """The settings of `to_dict`. Raises UsageError at a key that is none, or without channels."""
        return hashed.from_dict(cls, values, "field", ("channels",))

    def hash(self):
        """16 hexadecimal digits; equal only for settings that give the same bags."""
        return hashed.digest(ALGORITHM, self.to_dict())
