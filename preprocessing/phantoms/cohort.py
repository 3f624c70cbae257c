"""A folder of phantoms: scans, masks, the label table and the slice truth."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np

from .lesions import TYPES, VOLUME
from .making import AT_ONCE, make_folder, run
from .phantom import generate

# mm2 of blood in a slice below which its truth is left open: 0.5 cm2, a spot of 8 mm, is about what a reader would
# still mark; what is less is the taper of a bleed between two slices (our decision).
LEAST_AREA = 50.0
MOST_VOLUME = 150.0  # cm3; more does not fit beside a brain (our decision)
TYPES_TABLE = "types.csv"
FOLDERS, TABLES = ("scans", "masks", "brain"), ("labels.csv", "slices.csv", TYPES_TABLE)
COLUMNS = ("id", "label", "patient", "type", "volume_cm3", "spacing_mm", "slice_mm", "slices")


def labels_of(n, prevalence, seed):
    """Bag labels (n,) with exactly round(n * prevalence) positives in seeded order."""
    labels = np.arange(n) < round(n * prevalence)
    return np.random.default_rng([seed, n]).permutation(labels).astype(int)


def write_nifti(path, array, affine):
    """Writes array (i, j, k) as .nii.gz; equal input gives equal bytes: no time, no name inside."""
    import nibabel as nib

    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    image.header.set_sform(affine, 1)
    image.header.set_qform(affine, 1)
    raw = io.BytesIO()
    image.to_stream(raw)
    Path(path).write_bytes(gzip.compress(raw.getvalue(), compresslevel=1, mtime=0))


def write_phantom(task):
    """Makes and writes one phantom; returns its row of labels.csv, and its rows of slices.csv and types.csv."""
    out, seed, index, size, label, brain_masks, volume, scanner = task
    phantom = generate(seed, index, size, bool(label), volume=volume, scanner=scanner)
    name = f"ph-{index:04d}"
    write_nifti(out / "scans" / f"{name}.nii.gz", phantom.volume, phantom.affine)
    if label:
        write_nifti(out / "masks" / f"{name}.nii.gz", phantom.mask, phantom.affine)
    if brain_masks:
        write_nifti(out / "brain" / f"{name}.nii.gz", phantom.brain, phantom.affine)
    slices = slice_truth(phantom)
    row = (
        name,
        label,
        f"patient-{index:04d}",
        "+".join(phantom.types),
        f"{phantom.volume_cm3:.3f}",
        f"{phantom.spacing[0]:.4f}",
        f"{phantom.spacing[2]:.4f}",
        len(slices),
    )
    types = enumerate(slice_types(phantom))
    return row, [(name, k, int(v)) for k, v in enumerate(slices)], [(name, k, found) for k, found in types]


def slice_truth(phantom):
    """What each slice is labelled, int (slices,): 1 bleeds, 0 does not, -1 too little blood to say."""
    area = (phantom.mask > 0).sum((0, 1)) * phantom.spacing[0] * phantom.spacing[1]
    return np.where(area >= LEAST_AREA, 1, np.where(area > 0, -1, 0))


def slice_types(phantom):
    """The types of bleed of each slice, [str]: joined by `+`, "" for none, "-1" where there is too little of one."""
    each = np.stack([(phantom.mask == kind).sum((0, 1)) for kind in range(1, len(TYPES) + 1)], -1)
    area = each * phantom.spacing[0] * phantom.spacing[1]
    return [
        "-1" if ((0 < one) & (one < LEAST_AREA)).any() else "+".join(np.array(TYPES)[one > 0].tolist()) for one in area
    ]


def write_table(path, columns, rows):
    """Writes a CSV table with \\n line ends on every system."""
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


def make_cohort(
    out, n, size=512, seed=0, prevalence=0.5, jobs=1, force=False, brain_masks=False, step=None, volume=VOLUME,
    scanner="standard",
):
    """Writes n phantoms below `out`.

    Args:
        out: folder; a new one, or with `force` one whose phantoms are replaced.
        prevalence: share of positives in [0, 1].
        jobs: processes. The files do not depend on it.
        step: called without arguments after every phantom.
        volume: (least, most) cm3 of a scan's bleeds together.
        scanner: a name of `scanners.SCANNERS`.
    """
    if n < 1 or not 0 <= prevalence <= 1:
        raise ValueError(
            f"Expected n >= 1 and a prevalence in [0, 1]. Received n={n}, prevalence={prevalence}."
        )
    if not 0 < volume[0] < volume[1] <= MOST_VOLUME:
        raise ValueError(
            f"Expected a volume of 0 < least < most <= {MOST_VOLUME:g} cm3. Received: {volume[0]:g} and {volume[1]:g}."
        )
    out = Path(out)
    make_folder(out, force, FOLDERS if brain_masks else FOLDERS[:2], TABLES, FOLDERS)
    labels = labels_of(n, prevalence, seed)
    tasks = [(out, seed, i, size, int(labels[i]), brain_masks, tuple(volume), scanner) for i in range(n)]
    rows = []
    for row in run(write_phantom, tasks, jobs, AT_ONCE):
        rows.append(row)
        if step:
            step()
    write_table(
        out / "slices.csv", ("id", "source_index", "label"), [s for _, slices, _ in rows for s in slices]
    )
    write_table(out / TYPES_TABLE, ("id", "source_index", "type"), [s for _, _, types in rows for s in types])
    # Last, so that a folder with a label table is a whole one.
    write_table(out / "labels.csv", COLUMNS, [row for row, _, _ in rows])
