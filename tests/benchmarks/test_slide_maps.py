import csv

import numpy as np
import pytest

from benchmarks import slide_maps, slide_material, slide_memory

pytest.importorskip("tifffile")
pytest.importorskip("openslide")
TINY = ["--set", "backbone=resnet10", "width=2", "stem=light"]


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["row"]: row for row in csv.DictReader(file)}


@pytest.mark.long
def test_all_rows_score_the_same_tiles(tmp_path):
    out = tmp_path / "out.csv"
    assert slide_maps.main([*TINY, "--tiles", "2", "--repetitions", "1", "--out", str(out)]) == 0
    found = table(out)
    assert set(found) == {*slide_maps.TILES, *slide_maps.WINDOWS}
    one = found[slide_maps.TILES[1]]
    assert float(one["to_compiled"]) == float(one["cpu_to_compiled"]) == 1 and float(one["apart"]) == 0
    assert all(float(found[name]["apart"]) < 1e-5 for name in slide_maps.TILES)
    assert float(found["windows"]["apart"]) < 0.2 and found["windows"]["side"] == "448"


@pytest.mark.long
def test_memory_of_slides_and_its_bound(tmp_path):
    out = tmp_path / "out.csv"
    assert slide_memory.main([*TINY, "--sides", "600", "1200", "--out", str(out)]) == 0
    found = table(out)
    assert [row["held"] for row in found.values()] == ["yes", "yes"]
    assert found["600"]["growth"] == "1.0" and 0 < float(found["1200"]["peak_gib"]) <= float(found["1200"]["bound_gib"])


def test_a_bound_that_was_passed_is_told():
    row = {"peak_gib": 40.0}
    slide_memory.compare(row, {"peak_gib": 20.0}, 10**8, 256)
    assert row["held"] == "no" and row["growth"] == 2.0 and row["bound_gib"] < 40


def test_a_slide_has_its_share_of_tissue(tmp_path):
    from preprocessing.slides.reader import open_slide
    from preprocessing.slides.tissue import tissue_cells

    slide_material.write_slide(tmp_path / "a.tif", 1500, 0.3)
    with open_slide(tmp_path / "a.tif") as slide:
        grid = slide.grid(0.5)
        assert slide.shape == grid.shape == (1500, 1500) and slide.mpp == pytest.approx(0.5) and len(slide.downsamples) == 3
        share = tissue_cells(grid, 32, "otsu").sum() / 1500**2
        corner, middle = grid.read(0, 0, 50, 50), grid.read(740, 740, 50, 50)
    assert share == pytest.approx(0.3, rel=0.1)
    assert corner.mean() > 235 and np.ptp(middle.mean((0, 1))) > 50


def test_options_are_read_as_numbers_and_words():
    assert slide_material.options_of(["width=4", "stem=light"]) == {"width": 4, "stem": "light"}
