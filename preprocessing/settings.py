"""Everything that decides what a CT scan becomes; a model carries these, so that it predicts on what it was
trained on.
"""

import dataclasses

from preprocessing import hashed
from preprocessing.brain import METHODS
from preprocessing.errors import UsageError

# Raised whenever the same settings would give other bags, so that old and new shards have another hash and
# never mix.
ALGORITHM = 3
ALIGNMENTS = ("axes", "rigid")
AXIS_LETTERS = ("LR", "PA", "IS")


@dataclasses.dataclass(frozen=True)
class CtSettings:
    """How a CT volume becomes a bag.

    Attributes:
        size: rows and columns of every slice (512: remedios2020, section 2.1).
        keep_empty: keep slices of one constant value (dropped by default: released code).
        null: HU of the padding; "auto" is 0 for brain-extracted volumes, else -1024 (our decision, the paper
            is silent).
        clip_negative: set negative HU to 0 (released code; off by default, the paper keeps HU).
        orientation: voxel axes of files whose header has no orientation, such as "RAS"; None refuses such
            files.
        seed: of the shuffle within the bag.
        brain: "native", "ct-bet" or "none", see `preprocessing.brain`.
        align: "axes" permutes and flips by the header, "rigid" moves the head onto a template's, see
            `preprocessing.alignment`.
        template: path of the template, `hash` does not depend on where it lies; None is the built-in head.
        template_hash: of its voxels; filled in, and compared where it is given.

    Raises:
        UsageError: a value that cannot be.
    """

    size: int = 512
    keep_empty: bool = False
    null: str | float = "auto"
    clip_negative: bool = False
    orientation: str | None = None
    seed: int = 0
    brain: str = "none"
    align: str = "axes"
    template: str | None = None
    template_hash: str | None = None

    def __post_init__(self):
        for name in ("size", "seed"):
            value, least = getattr(self, name), {"size": 1, "seed": 0}[name]
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(f"{name}: Expected a whole number of at least {least}. Received: {value!r}.")
        for name in ("keep_empty", "clip_negative"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"{name}: Expected true or false. Received: {getattr(self, name)!r}.")
        if self.brain not in METHODS:
            raise UsageError(f"brain: Expected one of {', '.join(METHODS)}. Received: {self.brain!r}.")
        if self.align not in ALIGNMENTS:
            raise UsageError(f"align: Expected one of {', '.join(ALIGNMENTS)}. Received: {self.align!r}.")
        object.__setattr__(self, "template_hash", self._template_hash())
        object.__setattr__(self, "null", _null(self.null))
        object.__setattr__(self, "orientation", _axcodes(self.orientation))

    def _template_hash(self):
        if self.align != "rigid" or self.template is None:
            return None
        from preprocessing.alignment.template import fingerprint

        found = fingerprint(self.template)
        if self.template_hash not in (None, found):
            raise UsageError(
                f"--template: Expected the template of the training data, {self.template_hash}. "
                f"Received: {self.template}, {found}."
            )
        return found

    def to_dict(self):
        """The settings as JSON can hold them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        """The settings of `to_dict`. Raises UsageError at a key that is none."""
        return hashed.from_dict(cls, values, "CT")

    def hash(self):
        """16 hexadecimal digits; equal only for settings that give the same bags."""
        values = {name: value for name, value in self.to_dict().items() if name != "template"}
        return hashed.digest(ALGORITHM, values)


def _null(value):
    if value == "auto":
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) <= 65504:  # float16; a NaN fails too
        raise UsageError(f"null: Expected auto or a number of HU within float16. Received: {value!r}.")
    return number


def _axcodes(value):
    if value is None:
        return None
    code = str(value).upper()
    if len(code) != 3 or sorted(sum(letter in pair for letter in code) for pair in AXIS_LETTERS) != [1, 1, 1]:
        raise UsageError(
            "orientation: Expected three letters, one of each of L/R, P/A and I/S, such as RAS. "
            f"Received: {value!r}."
        )
    return code
