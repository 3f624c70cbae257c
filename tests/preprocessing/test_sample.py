import csv

import numpy as np
import pytest

from preprocessing.__main__ import main
from preprocessing.bleeds import CLASSES
from tfrecords import Dataset

MADE = {"classes": list(CLASSES), "preprocessing": {"kind": "ct", "unit": "slice"}}
HEALTHY = (0,) * 5


def one(place, *more):
    return tuple(int(each in (place, *more)) for each in range(5))


@pytest.fixture
def slices(make_bag, write_dataset):
    """slices(labels, patients, masks=True, info=MADE) -> folder of a slice of each label, two of a patient in turn."""

    def write(labels, patients=None, masks=True, info=MADE):
        bags = [
            make_bag(
                f"s{k}/0", 1, 4, label, seed=k, patient=f"p{k // 4 if patients is None else patients[k]}",
                mask=np.full((1, 4, 4), int(any(label)), np.uint8) if masks else None,
            )
            for k, label in enumerate(labels)
        ]
        return write_dataset(bags, info=info)

    return write


def sample(folder, *more):
    return main(["sample", "--data", str(folder), *map(str, more)])


def rows(folder, name="splits.csv"):
    with open(folder / name, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def mixed():
    """Labels of 60 slices: of each type 1, 2, ... 5 alone, 3 of two types, the others healthy."""
    alone = [one(place) for place in range(5) for _ in range(place + 1)]
    return [*alone, *[one(0, 4)] * 3, *[HEALTHY] * 42]


def test_the_pixel_set_has_all_bleeding_slices_and_one_healthy_of_each_patient(slices, mixed, capsys):
    folder = slices(mixed, [k % 7 for k in range(60)])
    assert sample(folder, "--kind", "pixel") == 0
    kept, labels = rows(folder), {row.id: row.label for row in Dataset(folder).rows}
    healthy = [row["patient"] for row in kept if not any(labels[row["id"]])]
    assert sorted(healthy) == [f"p{k}" for k in range(7)]
    assert len(kept) == 18 + 7 and {row["split"] for row in kept} == {"train"}
    assert "bleeding          18" in capsys.readouterr().out


def test_the_pixel_set_has_slices_with_masks_only(slices, mixed, capsys):
    assert sample(slices(mixed, masks=False), "--kind", "pixel") == 2
    assert "Expected bleeding slices with a mask. Received: none" in capsys.readouterr().err


def test_the_image_set_is_balanced_over_slices_of_a_single_type(slices, mixed):
    folder = slices([label for label in mixed for _ in range(6)], masks=False)
    assert sample(folder, "--kind", "image") == 0
    labels = {row.id: row.label for row in Dataset(folder).rows}
    kept = np.array([labels[row["id"]] for row in rows(folder)])
    assert kept.sum(axis=0).tolist() == [6] * 5 and kept.sum(axis=1).max() == 1
    assert (kept.sum(axis=1) == 0).sum() == round(30 * 300 / 7485)


def test_counts_that_are_asked_for(slices, mixed, capsys):
    folder = slices(mixed * 2)
    assert sample(folder, "--kind", "image", "--per-type", 2, "--healthy", 5) == 0
    assert len(rows(folder)) == 15
    for more, message in (
        (("--per-type", 3), "--per-type: Expected at least 3 slices with epidural blood alone. Received: 2"),
        (("--healthy", 99), "--healthy: Expected at least 99 slices with no blood. Received: 84"),
        (("--per-type", 0), "--per-type: Expected at least 1"),
        (("--seed", -1), "--seed: Expected a whole number"),
    ):
        assert sample(folder, "--kind", "image", "--force", *more) == 2
        assert message in capsys.readouterr().err
    assert sample(folder, "--kind", "pixel", "--force", "--healthy", 3) == 2
    assert "--healthy: Expected --kind image" in capsys.readouterr().err


def test_a_type_without_slices_of_its_own_is_told(slices, capsys):
    assert sample(slices([one(0), one(1), one(2), one(3, 4), HEALTHY]), "--kind", "image") == 2
    assert "Received: none with subarachnoid blood alone" in capsys.readouterr().err


def test_the_seed_decides_and_the_order_of_bags_does_not(slices, mixed, tmp_path):
    folder = slices(mixed)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert sample(folder, "--kind", "image", "--seed", seed, "--out", tmp_path / f"{name}.csv") == 0
    a, b, c = (rows(tmp_path, f"{name}.csv") for name in "abc")
    assert a == b and a != c


def test_patients_lie_in_one_split_and_a_split_is_frozen(slices, mixed, capsys):
    folder = slices(mixed, [k % 20 for k in range(60)])  # 18 patients with a bleed, 2 without
    assert sample(folder, "--kind", "pixel", "--validation-fraction", 0.2) == 0
    found = Dataset(folder).splits(0)
    train, validation = ({row.patient for row in found[name]} for name in ("train", "validation"))
    assert len(validation) == 4 + 1 and not train & validation and not found["test"]
    assert sample(folder, "--kind", "pixel") == 2
    assert "splits are frozen" in capsys.readouterr().err


def test_scans_can_be_excluded_and_a_test_set_is_all_there_is(slices, mixed, tmp_path):
    (tmp_path / "exclude.csv").write_text("id\ns0\ns59\n")
    folder = slices(mixed)
    assert sample(folder, "--kind", "test", "--exclude", tmp_path / "exclude.csv") == 0
    kept = rows(folder)
    assert len(kept) == 58 and {row["split"] for row in kept} == {"test"}


def test_data_of_one_class_is_refused(slices, capsys):
    info = {"classes": ["positive"], "preprocessing": {"kind": "ct", "unit": "slice"}}
    assert sample(slices([(1,), (0,)], info=info), "--kind", "image") == 2
    assert "Expected slices with types" in capsys.readouterr().err
