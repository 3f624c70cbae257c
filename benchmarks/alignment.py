"""Whether `--align rigid` undoes known motions: rotations up to 25 degrees about each axis and shifts up to 30 mm.

Every scan is aligned as it came, and again after each of several known motions; what the second transform leaves of the
known motion is the error, in degrees and in mm at the middle of the template. Every second motion is told to the header
alone; the others move the voxels, as if the head had lain so in the scanner, and the brain is sought anew.

    python benchmarks/alignment.py --template brain.nii.gz --dicom SERIES --out docs/results/alignment.csv
    python benchmarks/alignment.py --dicom SERIES                     # to the built-in head
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ANGLE, SHIFT = 25.0, 30.0  # degrees about each axis, mm along each
NEAR = 2.0, 3.0  # degrees and mm within which a motion counts as undone
SEED = 11  # of the phantoms; no other test or tuning uses it
SIZE = 256


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--template", help="NIfTI (default: the built-in head)")
    parser.add_argument("--dicom", nargs="*", default=[], metavar="FOLDER", help="real series to move as well")
    parser.add_argument("--phantoms", type=int, default=24, help="phantoms to move (default: 24)")
    parser.add_argument("--trials", type=int, default=4, help="motions of each scan (default: 4)")
    parser.add_argument("--out", help="CSV to add a row to")
    given = parser.parse_args(args)
    from preprocessing.alignment import template

    target = template.load(given.template)
    rows = []
    for name, slices, to_mm in scans(given):
        rows += trials(name, slices, to_mm, target, given.trials)
        print("\n".join(_line(row) for row in rows[-given.trials :]), flush=True)
    found = summary(rows, given)
    print("  ".join(f"{name} {value}" for name, value in found.items()))
    if given.out:
        add(given.out, found)
    return 0


def scans(given):
    """Yields (name, slices (n, h, w), matrix to mm)."""
    from preprocessing import sources

    for folder in given.dicom:
        for id, found in sources.find(folder)[0].items():
            yield id, *on_display(*sources.read(found[0]))
    for index in range(given.phantoms):
        yield f"phantom {index}", *phantom(index)


def phantom(index):
    """(slices, matrix) of a phantom."""
    from preprocessing.phantoms import generate

    made = generate(SEED, index, SIZE)
    return on_display(made.volume, made.affine)


def on_display(data, affine):
    """(slices (n, h, w), matrix of (column, row, slice, 1) to mm) of a file's voxels."""
    from preprocessing import orientation

    slices, to_mm = orientation.displayed(data, affine, orientation.axes_of(affine))
    return np.maximum(slices, -1024, dtype=np.float32), to_mm


def trials(name, slices, to_mm, target, count):
    """A row a known motion of one scan."""
    from preprocessing.alignment.apply import found_motion
    from preprocessing.alignment.views import view

    centre = view(slices, to_mm).centre
    first, rows = found_motion(slices, to_mm, target), []
    random = np.random.default_rng([SEED, *name.encode()])
    for trial in range(count):
        angles, shift = random.uniform(-ANGLE, ANGLE, 3), random.uniform(-SHIFT, SHIFT, 3)
        motion = rigid(angles, shift, centre)
        header = trial % 2 == 0
        moved = (slices, motion @ to_mm) if header else in_scanner(slices, to_mm, motion)
        started = time.perf_counter()
        second = found_motion(*moved, target)
        left = np.linalg.inv(motion @ first.matrix) @ second.matrix
        rows.append({
            "scan": name, "kind": "header" if header else "voxels", **errors(left, target.view.centre),
            "flagged": second.problem or first.problem, "seconds": time.perf_counter() - started,
        })
    return rows


def rigid(angles, shift, centre):
    """(4, 4): a rotation about a centre, then a shift."""
    from scipy.spatial.transform import Rotation

    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    motion[:3, 3] = centre + shift - motion[:3, :3] @ centre
    return motion


def in_scanner(slices, to_mm, motion):
    """(slices, matrix): the moved head on a grid like the scan's, wide enough for all of it."""
    from preprocessing.alignment.grid import resampled

    corners = np.array(np.meshgrid(*([0, size - 1] for size in slices.shape[::-1]))).reshape(3, -1)
    back = np.linalg.inv(to_mm)
    places = (back @ motion @ to_mm @ np.vstack([corners, np.ones(8)]))[:3]
    first, last = np.floor(places.min(1)), np.ceil(places.max(1))
    grid = to_mm.copy()
    grid[:3, 3] = (to_mm @ [*first, 1])[:3]
    shape = tuple(int(size) for size in (last - first + 1)[::-1])
    return resampled(slices, back @ np.linalg.inv(motion) @ grid, shape, -1024), grid


def errors(left, middle):
    """{"degrees", "mm"} of what is left of a motion (4, 4), the mm at a place."""
    from preprocessing.alignment.rigid import rotation

    return {"degrees": rotation(left), "mm": float(np.linalg.norm(left[:3, :3] @ middle + left[:3, 3] - middle))}


def summary(rows, given):
    """One row over all trials."""
    from mil_tf import runs
    from mil_tf.evaluation.intervals import wilson

    near = [row["degrees"] <= NEAR[0] and row["mm"] <= NEAR[1] for row in rows]
    low, high = wilson(sum(near), len(near))
    facts = runs.environment()
    measured = {name: np.percentile([row[name] for row in rows], [50, 95]) for name in ("degrees", "mm", "seconds")}
    return {
        "template": Path(given.template).name if given.template else "built-in",
        "scans": len({row["scan"] for row in rows}), "trials": len(rows), "undone": sum(near),
        "share": f"{np.mean(near):.3f} [{low:.3f}, {high:.3f}]",
        "flagged": sum(bool(row["flagged"]) for row in rows),
        **{f"{name}_{end}": round(float(value), 2)
           for name, pair in measured.items() for end, value in zip(("median", "p95"), pair)},
        "processor": facts["hardware"]["processor"], "commit": facts["commit"],
    }


def add(path, row):
    """Adds a row to a CSV, in place of one with the same template."""
    import csv

    from benchmarks.common import write_csv

    there = list(csv.DictReader(open(path, newline="", encoding="utf-8"))) if Path(path).exists() else []
    write_csv(path, [each for each in there if each["template"] != row["template"]] + [row])


def _line(row):
    return (
        f"{row['scan']:12s} {row['kind']:7s} {row['degrees']:6.2f} degrees {row['mm']:6.2f} mm  "
        f"{row['seconds']:.1f} s  {row['flagged']}"
    )


if __name__ == "__main__":
    sys.exit(main())
