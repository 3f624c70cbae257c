"""One field -> all that is written of it: its bag and a picture. What a worker runs."""

from typing import NamedTuple

from preprocessing.fields import picture
from preprocessing.product import Product, clear_beside, or_reason


class Field(NamedTuple):
    """All that a worker needs to make one bag, as `preprocessing.fields.bag.prepare` takes it."""

    id: str
    paths: tuple
    label: tuple
    patient: str
    meta: dict
    points: list | None = None
    mask: str | None = None

    @property
    def path(self):
        """What stands for the field in `rejected.csv`."""
        return self.paths[0]


class Outputs(NamedTuple):
    """What is made of a field besides its bag.

    Attributes:
        pictures: whether there is one to look at.
        classes: names of the classes, which stand on it.
    """

    pictures: bool = True
    classes: tuple = ()


def make(field, settings, outputs):
    """Returns the `preprocessing.product.Product` of a Field, or the reason in one line why there is none."""
    return or_reason(lambda: _made(field, settings, outputs))


def clear(folder):
    """Removes the files that an earlier job has put beside its bags."""
    clear_beside(folder, picture.place("*"))


def _made(field, settings, outputs):
    from preprocessing.fields.bag import prepare

    given = field._asdict()
    bag = prepare(given.pop("paths"), settings, **given)
    if not outputs.pictures:
        return Product([bag], {})
    return Product([bag], {picture.place(field.id): picture.drawn(bag, settings.channels, outputs.classes)})
