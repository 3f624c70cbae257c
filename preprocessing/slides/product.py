"""One slide -> all that is written of it: its bag, its cells, and a picture. What a worker runs."""

from typing import NamedTuple

from preprocessing.product import Product, clear_beside, or_reason
from preprocessing.slides import cells, picture


class Outputs(NamedTuple):
    """What is made of a slide.

    Attributes:
        pixels: whether the bag holds its tiles' pixels; else they are read from the slide.
        pictures: whether there is one to look at.
    """

    pixels: bool = False
    pictures: bool = True


def make(slide, settings, outputs):
    """Returns the `preprocessing.product.Product` of a slide, an `inputs.Scan`, or the reason in one line why there is
    none.
    """
    return or_reason(lambda: _made(slide, settings, outputs))


def clear(folder):
    """Removes the files that an earlier job has put beside its bags."""
    clear_beside(folder, cells.place("*"), picture.place("*"))


def _made(slide, settings, outputs):
    from preprocessing.slides.bag import prepare

    prepared = prepare(
        slide.path, settings, id=slide.id, label=slide.label, patient=slide.patient, meta=slide.meta, mask=slide.mask,
        truth=slide.truth, pixels=outputs.pixels, picture=outputs.pictures,
    )
    files = {cells.place(slide.id): cells.to_bytes(prepared.cells)}
    if outputs.pictures:
        files[picture.place(slide.id)] = picture.drawn(prepared)
    return Product([prepared.bag], files)
