"""The folder of slides: its table agrees with its files, and the same seed gives the same bytes."""

import numpy as np
import pytest

from preprocessing.phantoms.slides.cohort import COLUMNS, IN_DISTRIBUTION, draw_cohort, make_cohort
from preprocessing.phantoms.slides.slide import MASK


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def mask_of(folder, row):
    from PIL import Image

    return np.asarray(Image.open(folder / "masks" / f"{row['id']}.png"))


def test_table_has_its_columns_and_one_row_a_slide(slides, slide_rows):
    assert tuple(slide_rows[0]) == COLUMNS
    for folder, suffix in (("slides", "tif"), ("masks", "png")):
        assert sorted(p.name for p in (slides / folder).iterdir()) == [f"{row['id']}.{suffix}" for row in slide_rows]


def test_masks_are_an_eighth_of_the_slide_and_agree_with_label_and_extent(slides, slide_rows):
    for row in slide_rows:
        mask = mask_of(slides, row)
        assert mask.shape == (256 // MASK, 256 // MASK) and set(np.unique(mask)) <= {0, 255}
        assert mask.any() == (row["label"] == "1") == (float(row["extent"]) > 0)


def test_labels_are_shared_out_evenly_over_locations(slide_rows):
    for location in IN_DISTRIBUTION:
        labels = [row["label"] for row in slide_rows if row["location"] == location]
        assert sorted(labels) == ["0", "0", "1", "1"]


@pytest.mark.parametrize("n, prevalence", [(1, 0.5), (7, 0.5), (40, 0.25), (41, 1.0), (5, 0.0)])
def test_prevalence_is_exact(n, prevalence):
    labels = [label for label, _, _ in draw_cohort(n, IN_DISTRIBUTION, prevalence, 0)]
    assert sum(labels) == int(n * prevalence + 0.5)


def test_some_patients_have_two_slides_none_has_more_and_none_has_two_locations():
    rows = draw_cohort(90, IN_DISTRIBUTION, 0.5, 1)
    numbers = [[location for _, patient, location in rows if patient == name] for name in {p for _, p, _ in rows}]
    assert {len(places) for places in numbers} == {1, 2}
    assert all(len(set(places)) == 1 for places in numbers)
    both = {patient for label, patient, _ in rows if label} & {patient for label, patient, _ in rows if not label}
    assert both  # a patient's slides have labels of their own


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_processes(tmp_path):
    make_cohort(tmp_path / "a", 3, 128, 4.0, seed=9, jobs=1)
    make_cohort(tmp_path / "b", 3, 128, 4.0, seed=9, jobs=2)
    make_cohort(tmp_path / "c", 3, 128, 4.0, seed=10, jobs=1)
    a, b, c = (files_of(tmp_path / name) for name in "abc")
    assert a == b
    assert all(a[name] != c[name] for name in a if name.endswith(".tif"))


def test_existing_output_is_refused_and_force_replaces_it(tmp_path):
    make_cohort(tmp_path, 2, 64, 4.0)
    with pytest.raises(FileExistsError, match="is not empty; choose another or pass --force"):
        make_cohort(tmp_path, 1, 64, 4.0)
    make_cohort(tmp_path, 1, 64, 4.0, force=True)
    assert len(list((tmp_path / "slides").iterdir())) == len(list((tmp_path / "masks").iterdir())) == 1


@pytest.mark.parametrize(
    "given, message",
    [
        ({"n": 0}, "Expected n >= 1 and a prevalence"),
        ({"prevalence": 1.5}, "Expected n >= 1 and a prevalence"),
        ({"locations": ("liver",)}, "Expected locations of tubular, .* Received: liver"),
        ({"locations": ()}, "Received: none"),
        ({"size": 10}, "Expected slides of at least 256 um"),
    ],
)
def test_impossible_cohorts_are_refused_before_anything_is_written(tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        make_cohort(tmp_path / "x", **{"n": 2, "size": 64, "mpp": 4.0, **given})
    assert not (tmp_path / "x").exists()


def test_phantoms_of_two_seeds_are_other_people():
    one, other = ({patient for _, patient, _ in draw_cohort(20, ["airy"], 0.5, seed)} for seed in (0, 1))
    assert not one & other
