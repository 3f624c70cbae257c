"""How well the cells that Jacobian maps find meet other masks, and how many regions have the right class."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mil_tf.evaluation.cell_overlap import read_segmentations, segmentation_estimates
from mil_tf.evaluation.columns import TableError, names, read_columns, refuse
from mil_tf.evaluation.intervals import Estimate, rate_estimate

RIGHT = "regions_right"
NONE_KNOWN = "undefined: of no region the class is known"
NAMES = {
    "iu_otsu": "IU of cells, ours against Otsu's threshold", "iu_truth": "IU of cells, ours against the truth",
    "iu_otsu_truth": "IU of cells, Otsu's threshold against the truth",
    "class_iu_otsu": "IU of cells and background, ours against Otsu's threshold",
    "class_iu_truth": "IU of cells and background, ours against the truth",
    "class_iu_otsu_truth": "IU of cells and background, Otsu's threshold against the truth",
    RIGHT: "regions with the class of most of their pixels",
}
METHODS = (
    "Cells: the Jacobian map of all classes (kraus2016, equation 5), Otsu's threshold of its logarithm, loopy belief "
    "propagation, and regions of at least 20 pixels; what the paper does not say is ours, see docs/LOCALIZATION.md.",
    "Mean IU, first reading: intersection over union of the pixels that are cell, a mean over images; so the paper "
    "speaks of its pairs of masks. Second reading: the mean of the IU of cells and of background in each image, as in "
    "the work that it builds on (Long et al. 2014); it is higher. Intervals are by well. Otsu's threshold, the paper's "
    "reference, is itself no truth: where there is one, how it meets that stands beside.",
    "A region counts as right where its class is the one that most of its pixels truly have; regions that lie on no "
    "cell of a known class are counted apart.",
)


@dataclass(frozen=True, eq=False)
class CellsFound:
    """What Jacobian maps found in `images` images of `wells` wells.

    `estimates` maps keys of NAMES to Estimates, those of the truth only where there is one; `regions` is how many there
    are, `unknown` how many of them are on no cell of a known class, `unconverged` the images whose belief propagation
    did not converge; `folder` is that of the pictures, `pictures` a dict each, the columns of its table.
    """

    images: int
    wells: int
    regions: int
    unknown: int
    unconverged: int
    estimates: dict[str, Estimate]
    folder: Path
    pictures: tuple = ()

    @property
    def sample(self):
        """The size in words."""
        late = f"; belief propagation did not converge in {self.unconverged}" if self.unconverged else ""
        return f"{self.images:,} images of {self.wells:,} wells, {self.regions:,} regions{late}"

    def numbers(self):
        """As a dict of JSON values."""
        return {"images": self.images, "wells": self.wells, "regions": self.regions, "regions_unknown": self.unknown,
                "unconverged": self.unconverged, **{name: one.numbers() for name, one in self.estimates.items()}}


def read_found(run, name, classes, resamples=2000, seed=0):
    """The CellsFound of a run's cohort, None where nothing was segmented.

    Args:
        run: its folder, a Path.
        name: of the cohort.
        classes: names.
        resamples, seed: of the bootstrap by well.

    Raises:
        TableError: a table is broken, or one of the two is missing.
    """
    path = run / f"segmentation-{name}.csv"
    if not path.exists():
        return None
    table = read_segmentations(path)
    estimates = segmentation_estimates(table, resamples, seed)
    known = {pair for pair in NAMES if pair in estimates and not np.isnan(table.overlaps[pair]).all()}
    estimates = {pair: estimates[pair] for pair in NAMES if pair in known or pair in ("iu_otsu", "class_iu_otsu")}
    called, truth, patient = read_regions(run / f"regions-{name}.csv", table, classes)
    of_known = truth != ""
    if of_known.any():
        estimates[RIGHT] = rate_estimate(of_known, called == truth, patient)
    folder = run / f"maps-{name}"
    return CellsFound(len(table.id), len(np.unique(table.patient)), len(called), int((~of_known).sum()),
                      int((~table.converged).sum()), estimates, folder, _pictures(folder))


def read_regions(path, images, classes):
    """(class, true class or "", well) of every region, str (m,) each.

    Args:
        path: of `regions-<name>.csv`.
        images: Segmentations of the same cohort.
        classes: names.

    Raises:
        TableError: a column is missing, a class is none of `classes`, or an image none of `images`.
    """
    path = Path(path)
    columns = read_columns(path, ("id", "patient", "class", "y_class"), least=0)
    if not columns["id"]:
        return tuple(np.zeros(0, str) for _ in range(3))
    refuse(path, "id", columns["id"], ~np.isin(columns["id"], images.id), f"an image of {images.path.name}")
    called, truth = (np.array([text.strip() for text in columns[name]]) for name in ("class", "y_class"))
    for name, values in (("class", called), ("y_class", truth)):
        wrong = ~np.isin(values, (*classes, "")) | (values == "") & (name == "class")
        refuse(path, name, columns[name], wrong, "one of the run's classes")
    return called, truth, names(path, "patient", columns["patient"])


def _pictures(folder):
    path = folder / "drawn.csv"
    if not path.exists():
        return ()
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return tuple(row for row in csv.DictReader(file) if (folder / row["file"]).is_file())
    except (OSError, KeyError, TypeError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} cannot be read as a table of pictures ({error}); remove the folder.") from None
