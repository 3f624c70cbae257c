"""What a bag and its instances are called, by the kind of data set."""

from typing import NamedTuple

from mil_tf import sources


class Nouns(NamedTuple):
    """The words for a `bag` and an `instance` of it; `told` is a sentence for a page, "" where bags need none."""

    bag: str
    instance: str
    told: str = ""


SCANS = Nouns("bag", "slice")
TILES = Nouns("slide", "tile", "A bag is a slide, its instances are tiles of it.")
FIELDS = Nouns("field", "position", "A bag is a microscopy field, its instances are positions of the class maps.")
OF_KIND = {sources.SLIDES: TILES, sources.FIELDS: FIELDS}


def nouns_of(info):
    """The Nouns of a data set or a run.

    Args:
        info: what dataset.json or config.json holds; both say how the bags were made.
    """
    return OF_KIND.get((info.get("preprocessing") or {}).get("kind"), SCANS)
