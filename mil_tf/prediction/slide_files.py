"""What prediction writes of slides: map, tiles, regions, picture and JSON a slide, and two tables over all of them."""

import json
import os

import numpy as np
from scipy.special import expit

import mil_tf
from mil_tf import runs
from mil_tf.prediction.files import FORMAT, MODEL_FACTS, NOTE
from mil_tf.prediction.map_image import write_ome, write_tiles
from mil_tf.prediction.regions import feature_collection

MAP, TILES, REGIONS, TABLE, OVERLAY, JSON = (
    ".ome.tif", "_tiles.png", ".geojson", "_tiles.csv", "_overlay.png", ".json",
)
SUFFIXES = (MAP, TILES, REGIONS, TABLE, OVERLAY, JSON)
TILE = ("tile_row", "tile_column", "x", "y", "width", "height", "tissue", "probability", "logit")
PREDICTIONS = (
    "id", "path", "y_prob", "top_tile_x", "top_tile_y", "positive_at_0.5", "positive_at_validation_threshold",
    "validation_threshold", "tissue_tiles", "tissue_mm2", "tissue_above_threshold_mm2", "mpp", "warnings",
)


def write_all(out, answer, model):
    """Writes a slide's files, the JSON last, and returns its row of `predictions.csv`.

    Args:
        out: folder.
        answer: a SlideAnswer.
        model: its TileModel.
    """
    # Here and not above: matplotlib is slow to load, and of no use to a command that is refused.
    from mil_tf.prediction.slide_sheet import write_overlay

    def path(suffix):
        return out / f"{answer.id}{suffix}"

    write_ome(path(MAP), answer.map, answer.stride * answer.slide["grid_mpp"])
    write_tiles(path(TILES), answer.logits)
    runs.write_table(path(TABLE), TILE, tile_rows(answer))
    _write_compact(path(REGIONS), regions(answer))
    write_overlay(path(OVERLAY), answer)
    runs.write_json(path(JSON), describe(answer, model))
    return summary_row(answer)


def regions(answer):
    """The GeoJSON of a slide, a dict."""
    scale = answer.stride * answer.slide["scale"]
    return feature_collection(answer.above, scale, answer.slide["shape"])


def tile_rows(answer):
    """Yields a row a whole tile of the slide, row by row; probability and logit are empty without enough tissue."""
    for (row, column), logit in np.ndenumerate(answer.logits):
        x, y, side, _ = tile_box(answer, row, column)
        found = ("", "") if np.isnan(logit) else (_cell(expit(np.float64(logit))), _cell(logit))
        yield row, column, _cell(x), _cell(y), _cell(side), _cell(side), _cell(answer.shares[row, column]), *found


def tile_box(answer, row, column):
    """(x, y, width, height) of a tile in pixels of the slide's level 0."""
    side = answer.tile * answer.slide["scale"]
    return tuple(round(number, 2) for number in (column * side, row * side, side, side))


def describe(answer, model):
    """What the JSON of a slide holds, as a dict."""
    box, (inside, tissue) = dict(zip(TILE[2:6], tile_box(answer, *answer.top))), answer.areas()
    return {
        "format": FORMAT,
        "id": answer.id,
        "path": answer.path,
        "probability": answer.probability,
        "top_tile": {"tile_row": answer.top[0], "tile_column": answer.top[1], **box},
        "decisions": {name: {"threshold": cut, "positive": told} for name, (cut, told) in answer.decisions().items()},
        "warnings": answer.warnings,
        "regions": {
            "threshold": answer.cut, "map": answer.kind,
            "tissue_above_threshold_mm2": _mm2(inside),
        },
        "tissue": {
            "rule": model.settings.tissue, "area_mm2": _mm2(tissue),
            "tiles": int(np.isfinite(answer.logits).sum()), "tile": answer.tile,
        },
        "map": {
            "shape": list(answer.map.shape), "mpp": answer.stride * answer.slide["grid_mpp"],
            "level_0_pixels_a_map_pixel": answer.stride * answer.slide["scale"], "background": 0,
        },
        "slide": answer.slide,
        "model": {
            "folder": str(model.folder),
            **{name: model.facts[name] for name in MODEL_FACTS if name in model.facts},
            "tiles": model.facts["tiles"],
            "precision": model.precision,
        },
        "mil_tf": mil_tf.__version__,
        "note": NOTE,
    }


def summary_row(answer):
    """The row of `predictions.csv`."""
    (_, at_half), (threshold, at_chosen) = answer.decisions().values()
    (x, y, *_), (inside, tissue) = tile_box(answer, *answer.top), answer.areas()
    return (
        answer.id, answer.path, _cell(answer.probability), _cell(x), _cell(y), int(at_half),
        "" if at_chosen is None else int(at_chosen), "" if threshold is None else _cell(threshold),
        int(np.isfinite(answer.logits).sum()), _mm2(tissue), _mm2(inside), _cell(answer.slide["mpp"]),
        "; ".join(answer.warnings),
    )


def _write_compact(path, values):
    """Without indentation: a map has many corners."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(values, allow_nan=False, separators=(",", ":")) + "\n", encoding="utf-8")
    os.replace(part, path)


def _cell(number):
    return format(number, ".9g")


def _mm2(area):
    return float(format(area, ".6g"))
