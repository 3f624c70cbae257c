"""What prediction writes of fields: JSON, overlay, regions and labels a field, and two tables over all of them."""

import os

import numpy as np

import mil_tf
from mil_tf import runs
from mil_tf.prediction.field_answer import maps_of
from mil_tf.prediction.files import FORMAT, MODEL_FACTS, NOTE
from mil_tf.sources import FIELDS

JSON, OVERLAY, CELLS, LABELS = ".json", "_overlay.png", "_cells.csv", "_labels.tif"
SUFFIXES = (JSON, OVERLAY, CELLS, LABELS)
META = ("plate", "well", "replicate", "treatment")
REGIONS = ("region", "y", "x", "area", "class", "probability")
FIELD_FACTS = ("pooling", "ending", "standardisation")


def columns(model):
    """Those of `predictions.csv`."""
    each = [f"y_{kind}_{name}" for kind in ("prob", "pool") for name in model.classes]
    return ("id", "path", *META, "likeliest", "classes", *each, "regions", "cells_share", "converged", "warnings")


def write_all(out, answer, model):
    """Writes a field's files, the JSON last, and returns its row of `predictions.csv`.

    Args:
        out: folder.
        answer: a `mil_tf.prediction.field_answer.FieldAnswer`.
        model: its FieldModel.
    """
    # Here and not above: matplotlib is slow to load, and of no use to a command that is refused.
    from mil_tf.prediction.field_overlay import likeliest, write_overlay

    def path(suffix):
        return out / f"{answer.id}{suffix}"

    found = answer.found
    maps = maps_of(answer, model, likeliest(answer.probabilities))
    write_overlay(path(OVERLAY), answer.image, found.jacobian, found.labels, found.regions, model.classes,
                  answer.probabilities, maps, f"{answer.id}:")
    runs.write_table(path(CELLS), REGIONS, [tuple(one.values()) for one in regions(answer, model)])
    write_labels(path(LABELS), answer.labels)
    runs.write_json(path(JSON), describe(answer, model))
    return summary_row(answer)


def regions(answer, model):
    """[{REGIONS: value}] of a field, centres in pixels of its files."""
    return [dict(zip(REGIONS, (one.number, _told(one.y), _told(one.x), one.area, model.classes[one.label],
                               _told(one.probability)))) for one in answer.regions]


def write_labels(path, labels):
    """Writes a label image as TIFF, whole: uint16, which ImageJ and CellProfiler open; int32 beyond 65,535 regions."""
    import tifffile

    small = labels.max(initial=0) <= np.iinfo(np.uint16).max
    part = path.with_name(f".part-{path.name}")
    tifffile.imwrite(part, labels.astype(np.uint16 if small else np.int32), compression="zlib",
                     photometric="minisblack", metadata=None)
    os.replace(part, path)


def describe(answer, model):
    """What the JSON of a field holds, as a dict."""
    belief = answer.found.found.belief
    scores = zip(model.classes, answer.probabilities, answer.pooled)
    return {
        "format": FORMAT,
        "id": answer.id,
        "paths": list(map(str, answer.source.paths)),
        **({"table": answer.source.meta} if answer.source.meta else {}),
        "likeliest": answer.likeliest,
        "classes": answer.classes,
        "probabilities": {name: {"probability": _told(one), "pooled": _told(two)} for name, one, two in scores},
        "warnings": answer.warnings,
        "cells": {
            "regions": len(answer.regions), "share": _told(answer.found.found.mask.mean()),
            "threshold": _told(answer.found.found.threshold), "belief_propagation_converged": bool(belief.converged),
            "iterations": belief.iterations,
        },
        "regions": regions(answer, model),
        "image": {
            "shape": list(answer.shape), "channels": model.channels, "answered_from": list(answer.corner),
            "answered_shape": list(answer.image.shape[:2]),
        },
        "model": {
            "folder": str(model.folder),
            **{name: model.facts[name] for name in (*MODEL_FACTS, *FIELD_FACTS) if name in model.facts},
        },
        "preprocessing": {"kind": FIELDS, "settings": model.settings.to_dict(), "hash": model.settings.hash()},
        "mil_tf": mil_tf.__version__,
        "note": NOTE,
    }


def summary_row(answer):
    """The row of `predictions.csv`."""
    meta, found = answer.source.meta, answer.found.found
    return (
        answer.id, str(answer.source), *(meta.get(name, "") for name in META), answer.likeliest,
        ";".join(answer.classes), *map(_cell, (*answer.probabilities, *answer.pooled)), len(answer.regions),
        _cell(found.mask.mean()), int(found.belief.converged), "; ".join(answer.warnings),
    )


def _cell(number):
    return format(float(number), ".9g")


def _told(number):
    """As JSON may hold it: six digits, none where it is not defined."""
    return None if np.isnan(number) else float(format(float(number), ".6g"))
