"""The folder of phantoms: its tables agree with its files, and the same seed gives the same bytes."""

import csv

import nibabel as nib
import numpy as np
import pytest

from preprocessing.phantoms.cohort import COLUMNS, LEAST_AREA, labels_of, make_cohort
from preprocessing.phantoms.lesions import TYPES


def load(path):
    image = nib.load(path)
    return np.asanyarray(image.dataobj), image


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_table_has_its_columns_and_one_row_a_scan(cohort, table):
    assert tuple(table[0]) == COLUMNS
    names = sorted(p.name for p in (cohort / "scans").iterdir())
    assert [f"{row['id']}.nii.gz" for row in table] == names
    assert len({row["patient"] for row in table}) == len(table)


def test_half_of_the_bags_are_positive(table):
    assert sum(int(row["label"]) for row in table) == len(table) / 2


def test_masks_belong_to_positives_only(cohort, table):
    with_mask = {p.name for p in (cohort / "masks").iterdir()}
    assert with_mask == {f"{row['id']}.nii.gz" for row in table if row["label"] == "1"}


def test_mask_volume_and_types_equal_the_table(cohort, table):
    for row in (row for row in table if row["label"] == "1"):
        mask, image = load(cohort / "masks" / f"{row['id']}.nii.gz")
        volume = np.count_nonzero(mask) * np.prod(image.header.get_zooms()) / 1000
        assert volume == pytest.approx(float(row["volume_cm3"]), rel=0.01)
        assert {TYPES[k - 1] for k in np.unique(mask) if k} == set(row["type"].split("+"))


def test_negatives_have_no_volume_and_no_type(table):
    rows = [row for row in table if row["label"] == "0"]
    assert {(row["type"], float(row["volume_cm3"])) for row in rows} == {("", 0.0)}


def test_slice_table_agrees_with_the_masks(cohort, table, slice_table):
    for row in table:
        truth = [s for s in slice_table if s["id"] == row["id"]]
        assert [int(s["source_index"]) for s in truth] == list(range(int(row["slices"])))
        path = cohort / "masks" / f"{row['id']}.nii.gz"
        area = np.zeros(len(truth))
        if path.exists():
            mask, _ = load(path)
            area = (mask > 0).sum((0, 1)) * float(row["spacing_mm"]) ** 2
        expected = np.where(area >= LEAST_AREA, 1, np.where(area > 0, -1, 0))
        assert [int(s["label"]) for s in truth] == expected.tolist()


def test_lesions_lie_in_the_cavity_and_have_the_hu_of_blood(cohort, table):
    for row in (row for row in table if row["label"] == "1"):
        mask, _ = load(cohort / "masks" / f"{row['id']}.nii.gz")
        brain, _ = load(cohort / "brain" / f"{row['id']}.nii.gz")
        scan, _ = load(cohort / "scans" / f"{row['id']}.nii.gz")
        assert brain[mask > 0].all()
        assert 45 < np.median(scan[mask > 0]) < 85


def test_spacing_and_slices_are_within_their_ranges(cohort, table):
    for row in table:
        scan, image = load(cohort / "scans" / f"{row['id']}.nii.gz")
        zooms = image.header.get_zooms()
        assert 0.4 <= zooms[0] * scan.shape[0] / 512 <= 0.6
        assert 2.5 <= zooms[2] <= 7.5
        assert 15 <= scan.shape[2] <= 65
        assert scan.dtype == np.int16
        assert float(row["slice_mm"]) == pytest.approx(zooms[2], abs=1e-3)


def test_storage_orientation_varies_and_its_axes_are_axial(cohort, table):
    codes = {nib.aff2axcodes(load(cohort / "scans" / f"{row['id']}.nii.gz")[1].affine) for row in table}
    assert len(codes) >= 3
    assert {code[2] for code in codes} <= {"S", "I"}


def test_same_seed_gives_the_same_bytes_whatever_the_number_of_processes(tmp_path):
    make_cohort(tmp_path / "a", 3, 32, seed=9, jobs=1)
    make_cohort(tmp_path / "b", 3, 32, seed=9, jobs=2)
    make_cohort(tmp_path / "c", 3, 32, seed=10, jobs=1)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert files_of(tmp_path / "a")["labels.csv"] != files_of(tmp_path / "c")["labels.csv"]


def test_existing_output_is_refused_and_force_replaces_it(tmp_path):
    make_cohort(tmp_path, 4, 32)
    with pytest.raises(FileExistsError, match="is not empty; choose another or pass --force"):
        make_cohort(tmp_path, 2, 32)
    make_cohort(tmp_path, 2, 32, force=True)
    assert len(list((tmp_path / "scans").iterdir())) == 2


@pytest.mark.parametrize("n, prevalence", [(0, 0.5), (4, 1.5), (4, -0.1)])
def test_impossible_cohorts_are_refused(tmp_path, n, prevalence):
    with pytest.raises(ValueError, match="Expected n >= 1 and a prevalence"):
        make_cohort(tmp_path / "x", n, 32, prevalence=prevalence)


def test_prevalence_is_exact():
    assert labels_of(40, 0.25, seed=1).sum() == 10
    assert not np.array_equal(labels_of(40, 0.25, seed=1), labels_of(40, 0.25, seed=2))


def test_small_bleeds_are_made_where_they_are_asked_for(tmp_path):
    make_cohort(tmp_path / "a", 4, 128, prevalence=1.0, volume=(4, 8))
    with open(tmp_path / "a" / "labels.csv", newline="") as file:
        volumes = [float(row["volume_cm3"]) for row in csv.DictReader(file)]
    assert 0 < min(volumes) and max(volumes) < 10  # thin blood fills less than half of many voxels
    with pytest.raises(ValueError, match="Expected a volume of 0 < least < most"):
        make_cohort(tmp_path / "b", 4, 64, volume=(6, 2))
    assert not (tmp_path / "b").exists()
