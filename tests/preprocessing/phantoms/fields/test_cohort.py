"""The folder of fields: the same seed gives the same bytes, sizes vary where they are to, bad orders are refused."""

import numpy as np
import pytest

from preprocessing.phantoms.fields.cohort import draw_field, make_cohort
from tests.preprocessing.phantoms.fields.made import read_table

SMALL = {"size": (48, 48), "scale": 0.4}


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.long
def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_processes(tmp_path, kind):
    make_cohort(tmp_path / "a", 5, kind, seed=9, jobs=1, **SMALL)
    make_cohort(tmp_path / "b", 5, kind, seed=9, jobs=2, **SMALL)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_another_seed_gives_other_pixels(tmp_path, kind):
    one, other = (draw_field(kind, seed, 0, **SMALL)[1].pixels for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_a_field_does_not_depend_on_how_many_there_are(tmp_path, kind):
    make_cohort(tmp_path / "a", 2, kind, **SMALL)
    make_cohort(tmp_path / "b", 4, kind, **SMALL)
    few, many = files_of(tmp_path / "a"), files_of(tmp_path / "b")
    pictures = [name for name in few if not name.endswith("csv")]
    assert len(pictures) == 2 * (3 if kind == "localisation" else 4)
    assert all(few[name] == many[name] for name in pictures)


def test_sizes_vary_by_the_share_asked_for(tmp_path):
    make_cohort(tmp_path, 8, "localisation", (100, 120), 0.4, vary=0.2)
    rows = read_table(tmp_path / "truth.csv")
    heights, widths = ([int(row[side]) for row in rows] for side in ("height", "width"))
    assert 80 <= min(heights) < max(heights) <= 120 and 96 <= min(widths) < max(widths) <= 144
    assert len(set(zip(heights, widths))) > 6


def test_existing_output_is_refused_and_force_replaces_it(tmp_path):
    make_cohort(tmp_path, 2, **SMALL)
    with pytest.raises(FileExistsError, match="is not empty; choose another or pass --force"):
        make_cohort(tmp_path, 1, **SMALL)
    make_cohort(tmp_path, 1, "localisation", force=True, **SMALL)
    assert len(list((tmp_path / "masks").iterdir())) == 1 and len(list(tmp_path.rglob("*.tif"))) == 2
    assert not (tmp_path / "moa.csv").exists()


@pytest.mark.parametrize(
    "given, message",
    [
        ({"n": 0}, "Expected n >= 1 .* Received: n=0"),
        ({"vary": 1.0}, "Expected n >= 1 and sides that vary by a share"),
        ({"kind": "plants"}, "Expected a kind of mechanisms, localisation. Received: 'plants'"),
        ({"size": (20, 48)}, "Received: 20 x 48 pixels at scale 0.4"),
        ({"scale": 9.0}, "Expected a scale in"),
    ],
)
def test_impossible_cohorts_are_refused_before_anything_is_written(tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        make_cohort(tmp_path / "x", **{"n": 2, **SMALL, **given})
    assert not (tmp_path / "x").exists()
