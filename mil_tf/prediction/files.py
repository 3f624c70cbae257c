"""What prediction writes: JSON and CSV a scan, `predictions.csv` and `rejected.csv` over all of them."""

import nibabel as nib

import mil_tf
from mil_tf import runs
from mil_tf.prediction.answer import written
from mil_tf.prediction.back import scan_mm, scan_voxel
from preprocessing.orientation import axes_of

FORMAT = 1
NOTE = "Research software, not a medical device: no diagnosis may rest on this file."
SLICES = ("source_index", "position_mm", "probability", "scan_slice")
PREDICTIONS = (
    "id", "path", "y_prob", "top_instance", "top_position_mm", "positive_at_0.5",
    "positive_at_validation_threshold", "validation_threshold", "slices", "empty_slices", "warnings", "top_scan_slice",
)
REJECTED = ("id", "path", "reason")
MAP, HEAT = "_probability.nii.gz", "_heat.nii.gz"
SUFFIXES = (".json", ".csv", ".png", MAP, HEAT)
MODEL_FACTS = ("recipe", "variant", "bags", "fold", "seed", "parameters", "weights", "versions", "commit", "positions")


def write_json(path, answer, model, settings):
    """Writes all that is known of a scan."""
    runs.write_json(path, describe(answer, model, settings))


def describe(answer, model, settings):
    """What the JSON of a scan holds, as a dict."""
    rows = [dict(zip(SLICES, row, strict=True)) for row in answer.slices()]
    return {
        "format": FORMAT,
        "id": answer.id,
        "path": answer.path,
        "probability": answer.bag_probability,
        "top_slice": rows[answer.top_index],
        "decisions": {
            name: {"threshold": threshold, "positive": positive}
            for name, (threshold, positive) in answer.decisions().items()
        },
        "warnings": answer.warnings,
        "slices": rows,
        **({} if answer.points is None else {"points": [_point(answer.bag, point) for point in answer.points]}),
        "scan": {
            "shape": answer.bag.source_shape.tolist(),
            "orientation": "".join(nib.aff2axcodes(answer.bag.source_affine)),
            "spacing_mm": [round(float(size), 6) for size in answer.bag.spacing],
        },
        "prepared": answer.bag.meta,
        "to_scan_mm": answer.bag.transform.tolist(),
        "model": {
            "folder": str(model.folder),
            **{name: model.facts[name] for name in MODEL_FACTS if name in model.facts},
        },
        "preprocessing": {"kind": "ct", "settings": settings.to_dict(), "hash": settings.hash()},
        "mil_tf": mil_tf.__version__,
        "note": NOTE,
    }


def _point(bag, point):
    """A point; its voxel and slice of the file are None where the bag shows what the file has not."""
    at = (point.row, point.column, int(bag.source_index[point.place]))
    voxel = scan_voxel(bag, *at)
    return {
        "source_index": at[2],
        "scan_slice": None if voxel is None else voxel[axes_of(bag.source_affine).slice],
        "row": point.row,
        "column": point.column,
        "mm": [round(float(place), 3) for place in scan_mm(bag, *at)],
        "voxel": voxel,
        "value": written(point.value),
        "slice_probability": written(point.probability),
    }


def write_slices(path, answer):
    """Writes a row a slice of the file, the probability of an empty slice left empty."""
    rows = [(index, f"{position:.3f}", _cell(value), shown) for index, position, value, shown in answer.slices()]
    runs.write_table(path, SLICES, rows)


def summary_columns(model):
    """The columns of `predictions.csv`; the points are counted where the model has any."""
    return PREDICTIONS if model.positions is None else (*PREDICTIONS, "points")


def summary_row(answer):
    """The row of `predictions.csv`."""
    (_, at_half), (threshold, at_chosen) = answer.decisions().values()
    return (
        answer.id, answer.path, _cell(answer.bag_probability), answer.top_index,
        f"{answer.positions[answer.top_index]:.3f}", int(at_half),
        "" if at_chosen is None else int(at_chosen), _cell(threshold),
        len(answer.positions), len(answer.positions) - len(answer.probability), "; ".join(answer.warnings),
        answer.top_scan_slice, *([] if answer.points is None else [len(answer.points)]),
    )


def _cell(number):
    return "" if number is None else format(number, ".9g")
