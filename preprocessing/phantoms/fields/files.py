"""Fields to files: one TIFF a channel, the mask, the tables that tell of them."""

from pathlib import Path

import numpy as np

from ..cohort import write_table
from . import mechanisms, yeast

# Number of the filter that a channel's files carry, as in BBBC021's names.
FILTERS = {"DAPI": "w1", "Tubulin": "w2", "Actin": "w4", "cytoplasm": "w1", "protein": "w2"}
WRITER = "mil-tf phantoms"
TABLES = ("images.csv", "moa.csv", "cells.csv", "truth.csv")
TRUTH = ("id", "label", "treatment", "strength", "cells", "outliers", "density", "covered", "height", "width")


def channels_of(kind):
    """Names of a kind's channels, in the files' order."""
    return (mechanisms if kind == "mechanisms" else yeast).CHANNELS


def path_of(place, channel):
    """Folder and name of a channel's file below the cohort's folder, as BBBC021's table gives them."""
    return f"images/{place.plate}", f"{place.well}_s{place.site}_{FILTERS[channel]}.tif"


def write_field(out, place, field, kind):
    """Writes a Field's channels and its mask below `out`; equal input gives equal bytes."""
    import tifffile
    from PIL import Image

    out = Path(out)
    for channel, plane in zip(channels_of(kind), field.pixels):
        folder, name = path_of(place, channel)
        (out / folder).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(out / folder / name, plane, photometric="minisblack", metadata=None, software=WRITER)
    Image.fromarray(field.mask).save(out / "masks" / f"{place.id}.png", optimize=True)


def truth_row(place, field):
    """Row of truth.csv; densities are shares of the cells on the field, one a label, joined by `;`."""
    names = [name for _, _, name in field.cells]
    outliers = sum(name not in place.labels for name in names)
    density = ";".join(f"{names.count(label) / len(names):.4f}" for label in place.labels)
    covered = np.count_nonzero(field.owner >= 0) / field.owner.size
    label = ";".join(place.labels)
    numbers = len(names), outliers, density, f"{covered:.4f}", *field.owner.shape
    return place.id, label, treatment_of(place), place.strength, *numbers


def treatment_of(place):
    """Compound and concentration, or the strain."""
    return place.compound if place.concentration is None else f"{place.compound} {place.concentration:g}"


def cell_rows(place, field):
    """Rows of cells.csv: id, y, x in pixels, class."""
    return [(place.id, f"{y:.2f}", f"{x:.2f}", name) for y, x, name in field.cells]


def write_tables(out, kind, places, truths, cells):
    """Writes all tables of a cohort; images.csv last, so that a folder with one is a whole one."""
    out = Path(out)
    write_table(out / "truth.csv", TRUTH, truths)
    write_table(out / "cells.csv", ("id", "y", "x", "label"), cells)
    if kind == "mechanisms":
        treatments = sorted({(p.labels[0], p.compound, p.concentration) for p in places})
        rows = [(compound, f"{amount:g}", name) for name, compound, amount in treatments]
        write_table(out / "moa.csv", ("compound", "concentration", "moa"), rows)
    columns, row = (_screen_columns(), _screen_row) if kind == "mechanisms" else (_plain_columns(), _plain_row)
    write_table(out / "images.csv", columns, [row(number, place) for number, place in enumerate(places, 1)])


def _screen_columns():
    """Header of BBBC021's image table."""
    files = [f"Image_{part}_{channel}" for channel in mechanisms.CHANNELS for part in ("FileName", "PathName")]
    ends = "Plate_DAPI", "Well_DAPI"
    treatment = "Image_Metadata_Compound", "Image_Metadata_Concentration"
    return "TableNumber", "ImageNumber", *files, *(f"Image_Metadata_{end}" for end in ends), "Replicate", *treatment


def _screen_row(number, place):
    files = [part for channel in mechanisms.CHANNELS for part in reversed(path_of(place, channel))]
    amount = f"{place.concentration:g}"
    return place.week + 1, number, *files, place.plate, place.well, place.replicate, place.compound, amount


def _plain_columns():
    files = [f"path_{channel}" for channel in yeast.CHANNELS]
    return "id", "label", *files, "plate", "well", "site", "replicate", "treatment"


def _plain_row(number, place):
    files = ["/".join(path_of(place, channel)) for channel in yeast.CHANNELS]
    label, treatment = ";".join(place.labels), treatment_of(place)
    return place.id, label, *files, place.plate, place.well, place.site, place.replicate, treatment
