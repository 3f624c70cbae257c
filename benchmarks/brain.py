"""How well `--brain native` finds the cavity of a skull, and how much blood it keeps.

Heads are phantoms with bleeds that mostly touch bone; some of them again with a craniectomy, a bulging brain, another
tilt, a part cut off, brighter blood, a table that touches; real heads with blood painted into them (their own cavity is
not known), and a brain template with its mask, in a skull that is built around it. `bright` is the share of the
mask's voxels that are bone for the most part, and `bright_percent_of_truth` that of the true cavity's.

    python benchmarks/brain.py --dicom SERIES --template brain.nii.gz --mask mask.nii.gz --out docs/results/brain.csv
    python benchmarks/brain.py --dicom SERIES --template brain.nii.gz --mask mask.nii.gz --figure brain.png
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

BRIGHT = 300.0  # HU, of voxels that are bone for the most part
LEAST = 1.0  # cm3 of blood that a share is told of
THICK = 1, 5  # mm, slices of the template
LOW, HIGH = -60.0, 300.0  # HU shown: the inner table is told apart from the skull
AROUND = 0.15  # of the brain's size, shown around it
SHOWN = {
    "real head", "real head, painted blood, craniectomy", "template in a built skull, 1 mm",
    "template in a built skull, 5 mm", "phantoms", "craniectomy of half the skull, bulging brain",
}
TRUE, FOUND, LOST = (0.0, 0.9, 0.2), (0.0, 0.8, 1.0), (1.0, 0.0, 0.0)


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dicom", help="real series")
    parser.add_argument("--template", help="NIfTI of a brain, voxels of 1 mm")
    parser.add_argument("--mask", help="NIfTI of its mask")
    parser.add_argument("--phantoms", type=int, default=50, help="phantoms (default: 50)")
    parser.add_argument("--varied", type=int, default=14, help="phantoms of which variants are made (default: 14)")
    parser.add_argument("--out", help="CSV to write")
    parser.add_argument("--figure", help="PNG to draw of the real head, the template and the worst phantoms")
    given = parser.parse_args(args)
    groups, shown = {}, {}
    for head in heads_of(given):
        row, found = measured(head)
        groups.setdefault(head.group, []).append(row)
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), head.group, head.name, flush=True)
        keep(shown, head, row, found)
    rows = [summary(group, found) for group, found in groups.items()]
    if given.out:
        from benchmarks.common import write_csv

        write_csv(given.out, rows)
    if given.figure:
        draw(given.figure, shown.values())
    return 0


def heads_of(given):
    """Yields all Heads."""
    import nibabel as nib

    from benchmarks import heads, painted

    if given.dicom:
        slices, spacing = real(given.dicom)
        yield heads.Head("real head", "real", slices, spacing, None, None)
        yield from painted.painted(slices, spacing)
    if given.template:
        brain, mask = (nib.load(path) for path in (given.template, given.mask))
        for thick in THICK:
            yield painted.in_skull(brain.get_fdata(dtype=np.float32), mask.get_fdata(), brain.affine, thick)
    for index in range(given.phantoms):
        head = heads.phantom(index)
        yield head
        if index < given.varied:
            yield from heads.variants(head, index)


def real(folder):
    """(slices, spacing) of a real head, from the neck to the vertex."""
    from benchmarks.alignment import on_display
    from preprocessing import sources

    slices, to_mm = on_display(*sources.read(next(iter(sources.find(folder)[0].values()))[0]))
    spacing = tuple(np.linalg.norm(to_mm[:3, :3], axis=0)[::-1].tolist())
    return slices[:: 1 if to_mm[2, 2] > 0 else -1], spacing


def measured(head):
    """({measure: number, NaN where the truth is not known}, mask)."""
    from preprocessing.brain import native

    started = time.process_time()
    found = native.extract(head.slices, head.spacing)
    seconds = time.process_time() - started
    cm3 = float(np.prod(head.spacing)) / 1000
    row = dict(dice=np.nan, error=np.nan, kept=np.nan, bright_true=np.nan)
    if head.brain is not None:
        both, volume = np.count_nonzero(found & head.brain), np.count_nonzero(head.brain)
        row |= {"dice": 2 * both / (np.count_nonzero(found) + volume), "error": 100 * found.sum() / volume - 100,
                "bright_true": 100 * np.mean(head.slices[head.brain] > BRIGHT)}
    if head.blood is not None and np.count_nonzero(head.blood) * cm3 > LEAST:
        row["kept"] = np.count_nonzero(found & head.blood) / np.count_nonzero(head.blood)
    return row | {"cm3": np.count_nonzero(found) * cm3, "bright": 100 * np.mean(head.slices[found] > BRIGHT),
                  "seconds": seconds}, found


def summary(group, rows):
    """One row of the CSV."""
    from mil_tf import runs

    facts = runs.environment()
    told = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    most = told["error"][np.abs(np.nan_to_num(told["error"])).argmax()]
    return {
        "group": group, "heads": len(rows), "dice_median": _told(told["dice"], np.median, 4),
        "dice_least": _told(told["dice"], np.min, 4), "with_blood": int(np.isfinite(told["kept"]).sum()),
        "blood_kept_median": _told(told["kept"], np.median, 4), "blood_kept_least": _told(told["kept"], np.min, 4),
        "volume_cm3_median": _told(told["cm3"], np.median, 1),
        "volume_error_percent_median": _told(told["error"], np.median, 2),
        "volume_error_percent_most": _told(most, np.max, 2), "bright_percent": _told(told["bright"], np.median, 2),
        "bright_percent_of_truth": _told(told["bright_true"], np.median, 2),
        "seconds": _told(told["seconds"], np.median, 2),
        "processor": facts["hardware"]["processor"], "commit": facts["commit"],
    }


def _told(values, how, places):
    values = np.atleast_1d(values)
    known = values[np.isfinite(values)]
    return round(float(how(known)), places) if len(known) else ""


def keep(shown, head, row, found):
    """Keeps what is drawn: the first head of the groups in `SHOWN`, or the one of least Dice of many."""
    last = shown.get(head.group)
    if head.group in SHOWN and (last is None or row["dice"] < last[0]):
        shown[head.group] = (row["dice"], head, found)


def draw(path, shown):
    """A row a head: seven slices from the lowest to the highest, one coronal and one sagittal plane."""
    import matplotlib.pyplot as plt

    shown = list(shown)
    figure, axes = plt.subplots(len(shown), 9, figsize=(27, 3.3 * len(shown)), facecolor="black", squeeze=False)
    for line, (dice, head, found) in zip(axes, shown):
        tall, rows, columns = (np.flatnonzero(found.any(axis=axis)) for axis in ((1, 2), (0, 2), (0, 1)))
        around = [slice(max(0, round(at[0] - AROUND * len(at))), round(at[-1] + AROUND * len(at)))
                  for at in (rows, columns)]
        cuts = [(at, *around) for at in tall[np.linspace(0, len(tall) - 1, 7).astype(int)]]
        cuts += [np.s_[::-1, rows[len(rows) // 2], around[1]], np.s_[::-1, around[0], columns[len(columns) * 3 // 5]]]
        for place, (axis, cut) in enumerate(zip(line, cuts)):
            plane(axis, head, found, cut, 1 if place < 7 else head.spacing[0] / head.spacing[1])
        about = "" if np.isnan(dice) else f", Dice {dice:.3f}"
        line[0].set_title(f"{head.group}: {head.name}{about}", color="white", loc="left", fontsize=9)
    figure.tight_layout(pad=0.2)
    figure.savefig(path, dpi=72, facecolor="black")


def plane(axis, head, found, cut, ratio):
    """One picture: truth green, mask blue, lost blood red."""
    axis.imshow(head.slices[cut], cmap="gray", vmin=LOW, vmax=HIGH, aspect=ratio)
    for mask, colour in ((head.brain, TRUE), (found, FOUND)):
        if mask is not None and 0 < np.count_nonzero(mask[cut]) < mask[cut].size:
            axis.contour(mask[cut], [0.5], colors=[colour], linewidths=0.7)
    if head.blood is not None:
        lost = (head.blood & ~found)[cut]
        axis.imshow(np.dstack([np.broadcast_to(LOST, (*lost.shape, 3)), lost]), aspect=ratio)
    axis.axis("off")


if __name__ == "__main__":
    sys.exit(main())
