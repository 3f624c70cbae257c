"""The maps of a run's slides, beside the truth that the run's data set has: `maps-<name>/` and `slides/`.

Writes `pixels-<name>.csv`, a row a slide, and `evaluation/pixels.csv`, a row a location with and without background.
"""

import functools
from pathlib import Path
from typing import NamedTuple

from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.material import MaterialError, find_material
from mil_tf.evaluation.pixel_cells import on_cells, read_cells, read_map, slide_pixels
from mil_tf.evaluation.pixels import MAPS, MEASURES, Slide, score_pixels
from mil_tf.evaluation.results import write_csv
from mil_tf.evaluation.threshold import PAPER_THRESHOLD
from mil_tf.localization.tile_window import tile_logits
from mil_tf.runs import read_json, write_table
from tfrecords import DatasetError, reader

EXPORTED = "export/mil_tf.json"
SLIDES = ("id", "patient", "location", "auc", "auc_with_background", "tn", "fp", "fn", "tp", "unanswered",
          "background_negative", "background_positive")
PARTS = ("location", "background", "slides", "patients", "map", "threshold",
         *(f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")))
NO_TRUTH = "the truth of no slide is known pixel by pixel"


class Mapped(NamedTuple):
    """A slide with its files; `tile` is the side of its tiles in pixels, `mpp` the micrometres of one, `scale` how many
    pixels of level 0 one is.
    """

    id: str
    patient: str
    location: str
    cells: Path
    map: Path
    tile: int
    source: str | None
    mpp: float | None
    scale: float | None = None


def run_pixels(run, cohort, ids, config, threshold, resamples, seed, data=None, kind=None):
    """Scores the maps of a cohort and writes `pixels-<cohort>.csv`.

    Args:
        run: its folder.
        cohort, ids: name of the table, and its slides.
        config: the run's config.json.
        threshold: chosen on the run's validation slides, or None; what the exported model has goes before it.
        resamples, seed: of the bootstrap by patient.
        data: folder of the cohort's data set, None where it is the run's own.
        kind: one of MAPS, what the map is of; None is what the exported model has.

    Returns:
        Pixels; None where the run has no maps of the cohort; or the text why they are not scored.

    Raises:
        TableError: a map or a slide's counts are missing or broken, or belong to another slide.
    """
    if not (Path(run) / f"maps-{cohort}").is_dir():
        return None
    try:
        mapped = mapped_slides(run, cohort, ids, find_material(run, config, data))
    except MaterialError as reason:
        return str(reason)
    own, chosen = decision_of(run)
    kind = kind or own
    slides = [Slide(each.id, each.patient, each.location, functools.partial(_pixels, each, kind))
              for each in mapped if read_cells(each.cells).positive is not None]
    if not slides:
        return NO_TRUTH
    at = next((each for each in (chosen, threshold) if each is not None), PAPER_THRESHOLD)
    found = score_pixels(slides, at, resamples, seed, kind)
    write_slides(Path(run) / f"pixels-{cohort}.csv", found)
    return found


def decision_of(run):
    """(what the map of a run is of, one of MAPS; the threshold of its exported model, or None)."""
    path = Path(run) / EXPORTED
    facts = (read_json(path).get("tiles") or {}) if path.exists() else {}
    kind = facts.get("map", MAPS[0])
    if kind not in MAPS:
        raise TableError(f"{path}: expected the map to be of one of {', '.join(MAPS)}, received {kind!r}.")
    return kind, facts.get("threshold")


def mapped_slides(run, cohort, ids, dataset):
    """[Mapped] of some slides of a data set. Raises TableError where one is none of it."""
    found = []
    for id in ids:
        if id not in dataset.by_id:
            raise TableError(f"slide {id} of predictions-{cohort}.csv is not in {dataset.folder}.")
        try:
            fields = reader.read_fields(dataset.folder, dataset.by_id[id])
        except DatasetError as error:
            raise TableError(str(error)) from error
        if "cells" not in fields.meta:
            raise TableError(f"{dataset.folder}: expected slides, received bag {id}, whose meta names no cells.")
        cells = Path(fields.meta["cells"])
        found.append(Mapped(
            str(id), fields.patient, fields.meta.get("location") or "", dataset.folder / "slides" / cells.name,
            Path(run) / f"maps-{cohort}" / cells.name, int(fields.meta["tile"]), fields.source_path,
            None if fields.mpp is None else float(fields.mpp[0]), fields.meta.get("scale"),
        ))
    return found


def at_cells(mapped, cells, kind):
    """The logits of a slide's map on its cells, float64 (R, C). Raises TableError where they are another slide's."""
    logits, stride = read_map(mapped.map)
    if kind == "tile":
        logits = tile_logits(logits, max(1, mapped.tile // stride))
    try:
        return on_cells(logits, stride, cells)
    except ValueError as error:
        raise TableError(f"{mapped.map}: {error}; predict the slide again.") from error


def _pixels(mapped, kind):
    cells = read_cells(mapped.cells)
    return slide_pixels(cells, at_cells(mapped, cells, kind))


def write_slides(path, pixels):
    """Writes a row a slide."""
    rows = [(each.id, each.patient, each.location, *("" if auc != auc else f"{auc:.6f}" for auc in each.auc.values()),
             *each.tissue, each.unanswered, each.background.tn, each.background.fn) for each in pixels.slides]
    write_table(path, SLIDES, rows)


def write_parts(folder, pixels):
    """Writes `pixels.csv`: a row a location, with and without background."""
    rows = [(each.location or "all", "yes" if each.background else "no", each.slides, each.patients, pixels.map,
             pixels.threshold, *(number for name in MEASURES for number in each.estimates[name][:3]))
            for each in pixels.parts]
    write_csv(Path(folder) / "pixels.csv", PARTS, rows)
