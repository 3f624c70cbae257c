"""What a bag and its instances are called, by the kind of data set."""

from typing import NamedTuple

from mil_tf.sources import SLIDES


class Nouns(NamedTuple):
    """The words for a `bag` and an `instance` of it; `told` is a sentence for a page, "" where bags need none."""

    bag: str
    instance: str
    told: str = ""


SCANS = Nouns("bag", "slice")
TILES = Nouns("slide", "tile", "A bag is a slide, its instances are tiles of it.")


def nouns_of(info):
    """The Nouns of a data set or a run.

    Args:
        info: what dataset.json or config.json holds; both say how the bags were made.
    """
    return TILES if (info.get("preprocessing") or {}).get("kind") == SLIDES else SCANS
