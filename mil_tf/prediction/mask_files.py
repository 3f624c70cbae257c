"""What prediction writes of a segmented scan: its mask as NIfTI, JSON, a table of slices, and a row over all scans."""

import nibabel as nib
import numpy as np

import mil_tf
from mil_tf import runs
from mil_tf.prediction.back import write_volume
from mil_tf.prediction.files import FORMAT, MODEL_FACTS, NOTE

MASK = "_segmentation.nii.gz"
SUFFIXES = (".json", ".csv", MASK)
SLICES = ("source_index", "position_mm", "scan_slice", "probability")


def write_all(out, answer, model, settings):
    """Writes the files of a MaskAnswer into a folder; returns its row of `predictions.csv`."""
    write_volume(out / f"{answer.id}{MASK}", answer.bag, answer.mask)
    areas = [f"{name}_mm2" for name in model.classes]
    rows = [(index, at, shown, p, *found) for index, at, shown, p, found in answer.slices()]
    runs.write_table(out / f"{answer.id}.csv", (*SLICES, *areas), [[_cell(each) for each in row] for row in rows])
    runs.write_json(out / f"{answer.id}.json", describe(answer, model, settings))
    return (
        answer.id, answer.path, *answer.volumes.values(), total(answer), float(f"{answer.probability.max():.9g}"),
        len(answer.positions), len(answer.positions) - len(answer.masks), "; ".join(answer.warnings),
    )


def columns(model):
    """The columns of `predictions.csv`."""
    volumes = [f"{name}_cm3" for name in model.classes]
    return ("id", "path", *volumes, "any_cm3", "y_prob", "slices", "empty_slices", "warnings")


def total(answer):
    """cm3 of all classes together."""
    return round(sum(answer.volumes.values()), 4)


def describe(answer, model, settings):
    """What the JSON of a scan holds, as a dict."""
    slices = [
        {**dict(zip(SLICES, row)), "mm2": dict(zip(model.classes, row[-1]))} for row in answer.slices()
    ]
    return {
        "format": FORMAT, "id": answer.id, "path": answer.path,
        "volumes_cm3": {**answer.volumes, "any": total(answer)},
        "mask": {"file": f"{answer.id}{MASK}", "values": {str(kind): name for kind, name in enumerate(
            ["none", *model.classes])}},
        "warnings": answer.warnings, "slices": slices,
        "scan": {
            "shape": answer.bag.source_shape.tolist(),
            "orientation": "".join(nib.aff2axcodes(answer.bag.source_affine)),
            "spacing_mm": [round(float(size), 6) for size in np.asarray(answer.bag.spacing)],
        },
        "prepared": answer.bag.meta,
        "model": {"folder": str(model.folder),
                  **{name: model.facts[name] for name in MODEL_FACTS if name in model.facts}},
        "preprocessing": {"kind": "ct", "settings": settings.to_dict(), "hash": settings.hash()},
        "mil_tf": mil_tf.__version__, "note": NOTE,
    }


def _cell(value):
    return "" if value is None else value
