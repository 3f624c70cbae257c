"""From a run's maps and its data set's cells to tables, page and figure; every refusal in one line."""

import csv
import json

import numpy as np
import pytest

import evaluate
from mil_tf.evaluation.columns import TableError
from mil_tf.evaluation.figures import draw
from mil_tf.evaluation.pixel_cells import read_cells, slide_pixels
from mil_tf.evaluation.pixel_choice import choose_slides
from mil_tf.evaluation.pixel_figure import TRUTH, _image, pixel_figure, views
from mil_tf.evaluation.pixel_run import NO_TRUTH, at_cells, mapped_slides, run_pixels
from mil_tf.evaluation.pixel_views import pixel_lines, pixel_part
from mil_tf.evaluation.pixels import MEASURES
from mil_tf.localization.tile_window import tile_logits
from tests.mil_tf.evaluation.slide_runs import FACTS, write_run, write_slides
from tfrecords import Dataset

IDS = [f"slide/{number}" for number in range(8)]


@pytest.fixture
def data(tmp_path):
    return write_slides(tmp_path / "data")


@pytest.fixture
def run(tmp_path, data):
    return write_run(tmp_path / "runs" / "bags-8" / "fold-0" / "seed-0", data)


def scored(run, threshold=None, data=None, resamples=40):
    config = json.loads((run / "config.json").read_text())
    return run_pixels(run, "test", IDS, config, threshold, resamples, 0, data)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_slide_has_a_row_and_every_pixel_a_place(run, data):
    found = scored(run)
    rows = rows_of(run / "pixels-test.csv")
    assert [row["id"] for row in rows] == IDS and {row["location"] for row in rows} == {"breast", "kidney"}
    for number, row in enumerate(rows):
        cells = read_cells(data / "slides" / f"slide_{number}.npz")
        decided = sum(int(row[name]) for name in ("tn", "fp", "fn", "tp"))
        assert decided == cells.tissue.sum()
        assert decided + int(row["background_negative"]) + int(row["background_positive"]) == cells.pixels.sum()
        assert int(row["fn"]) + int(row["tp"]) + int(row["background_positive"]) == cells.positive.sum()
    assert found.threshold == FACTS["threshold"] and found.map == "tile"
    assert [part.location for part in found.parts[::2]] == ["", "breast", "kidney"]


def test_a_map_of_tiles_is_of_the_mean_logit_about_each_position(run, data):
    mapped = mapped_slides(run, "test", IDS[:1], Dataset(data))[0]
    cells = read_cells(mapped.cells)
    with np.load(mapped.map) as file:
        logit = file["logit"]
    np.testing.assert_array_equal(at_cells(mapped, cells, "position"), logit)
    np.testing.assert_array_equal(at_cells(mapped, cells, "tile"), tile_logits(logit, 3))


def test_either_map_can_be_scored(run):
    config = json.loads((run / "config.json").read_text())
    found = {kind: run_pixels(run, "test", IDS, config, None, 20, 0, kind=kind) for kind in (None, "tile", "position")}
    assert [each.map for each in found.values()] == ["tile", "tile", "position"]
    assert found[None].part() == found["tile"].part() != found["position"].part()


def test_a_model_that_says_nothing_of_maps_is_decided_at_the_validation_threshold(run):
    (run / "export" / "mil_tf.json").unlink()
    assert (scored(run, 0.3).threshold, scored(run, None).threshold) == (0.3, 0.5)


def test_what_cannot_be_scored_says_why(run, tmp_path, data):
    assert "config.json names no data folder" in run_pixels(run, "test", IDS, {}, None, 20, 0)
    assert run_pixels(run, "validation", IDS, {}, None, 20, 0) is None
    assert scored(run, data=write_slides(tmp_path / "untold", truth=False)) == NO_TRUTH


def test_maps_that_do_not_fit_are_named(run, data):
    path = run / "maps-test" / "slide_3.npz"
    np.savez(path, logit=np.zeros((5, 5), np.float32), stride=32)
    with pytest.raises(TableError, match=r"slide_3.npz: Expected a map of 24 x 30 cells .* predict the slide again"):
        scored(run)
    path.unlink()
    with pytest.raises(TableError, match="slide_3.npz does not exist"):
        scored(run)
    with pytest.raises(TableError, match="slide x of predictions-test.csv is not in"):
        mapped_slides(run, "test", ["x"], Dataset(data))


def test_a_slide_without_an_answer_counts_as_missed(run, data):
    path = run / "maps-test" / "slide_1.npz"
    np.savez(path, logit=np.full((24, 30), np.nan, np.float32), stride=32)
    slide = scored(run).slides[1]
    cells = read_cells(data / "slides" / "slide_1.npz")
    assert slide.unanswered == cells.tissue.sum() and slide.tissue.tp == slide.tissue.fp == 0 and slide.auc[False] == 0.5
    assert slide_pixels(cells, np.full((24, 30), np.nan)).score.size == 0


def test_the_command_writes_tables_page_and_figure(run, capsys):
    assert evaluate.main([str(run), "--resamples", "30"]) == 0
    shown = capsys.readouterr().out
    parts = rows_of(run / "evaluation" / "pixels.csv")
    assert [(row["location"], row["background"]) for row in parts][:2] == [("all", "no"), ("all", "yes")]
    metrics = {row["metric"]: row for row in rows_of(run / "evaluation" / "metrics.csv") if row["cohort"] == "test"}
    page = (run / "report.html").read_text(encoding="utf-8")
    for row in parts:
        prefix = "pixels_with_background" if row["background"] == "yes" else "pixels"
        of = "" if row["location"] == "all" else f"_{row['location']}"
        for name in MEASURES:
            assert metrics[f"{prefix}_{name}{of}"]["value"] == row[name] and f"{float(row[name]):.3f}" in page
        assert f"{float(row['auc']):.3f} [{float(row['auc_low']):.3f}, {float(row['auc_high']):.3f}]" in shown
    assert metrics["pixels_auc"]["bags"] == "8" and "Where the tumour is: pixel by pixel" in page
    assert {path.suffix for path in (run / "evaluation").glob("tumour_maps.*")} == {".png", ".pdf"}
    assert "pixels against truth: 8 slides of 7 patients, 4 with tumour" in shown


def test_tiles_of_a_slide_are_no_slices_along_an_axis(run, capsys):
    for name in ("validation", "test"):
        rows = [(id, "p", tile, tile, tile % 2, 0.1 * tile) for id in IDS for tile in range(4)]
        with open(run / f"instances-{name}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("id", "patient", "source_index", "position_mm", "y_true", "y_prob"), *rows])
    assert evaluate.main([str(run), "--resamples", "30"]) == 0
    shown, page = capsys.readouterr().out, (run / "report.html").read_text(encoding="utf-8")
    assert "mean pooling\n      AP " in shown and "mm to a positive" not in shown + page
    assert not (run / "evaluation" / "profiles.png").exists()


def test_another_cohort_has_its_own_tables(run, tmp_path, monkeypatch, capsys):
    import sys
    import types

    other = write_slides(tmp_path / "other", location=False)
    fake = types.ModuleType("mil_tf.inference")
    fake.predict_dataset = lambda run, data, name: write_run(run, data, name, seed=3)
    monkeypatch.setitem(sys.modules, "mil_tf.inference", fake)
    config = (run / "config.json").read_text()
    assert evaluate.main([str(run), "--on", str(other), "--name", "colon", "--resamples", "30"]) == 0
    (run / "config.json").write_text(config)
    assert len(rows_of(run / "evaluation" / "colon" / "pixels.csv")) == 2 and (run / "pixels-colon.csv").exists()
    assert "all, without background" in capsys.readouterr().out


def test_the_figure_shows_slides_by_its_rule(run, data):
    found = scored(run)
    chosen = choose_slides(found)
    assert [slide.location for slide in chosen[:2]] == ["breast", "kidney"]
    assert chosen[2].tissue.tp + chosen[2].tissue.fn == 0
    assert chosen[2].tissue.fp == max(slide.tissue.fp for slide in found.slides[::2])
    records = views(found, mapped_slides(run, "test", IDS, Dataset(data)))
    figure = draw(pixel_figure, records, 0.4)
    panels = [axes for axes in figure.axes if axes.images]
    assert [len(axes.images) for axes in panels] == [1, 2] * 3
    assert [axes.get_title(loc="left").splitlines()[0] for axes in panels[::2]] == [
        f"{slide.id}, {slide.location}" for slide in chosen]
    assert [bool(axes.collections) for axes in panels] == [True] * 4 + [False] * 2
    assert TRUTH in {line.get_color() for line in figure.legends[0].get_lines()}
    with pytest.raises(ValueError, match="Expected at least one slide to draw"):
        pixel_figure([], 0.4)


def test_a_slide_is_drawn_at_the_resolution_that_it_was_prepared_with(run, data, tmp_path):
    import tifffile

    mapped = mapped_slides(run, "test", IDS[:1], Dataset(data))[0]
    cells = read_cells(mapped.cells)
    rows, columns = (count * cells.cell * 2 for count in cells.pixels.shape)
    image = np.full((rows, columns, 3), 200, np.uint8)
    image[:, columns // 2 :] = 100
    drawn = []
    for name, told in (("untold", {}), ("wrong", {"resolution": (1e4, 1e4), "resolutionunit": "CENTIMETER"})):
        tifffile.imwrite(tmp_path / f"{name}.tif", image, tile=(128, 128), photometric="rgb", metadata=None, **told)
        here = mapped._replace(source=str(tmp_path / f"{name}.tif"), scale=2.0)
        drawn.append(_image(here, cells, 1))
    for each in drawn:
        assert each.shape == (*cells.pixels.shape, 3)
        assert (each[:, : each.shape[1] // 2] == 200 / 255).all() and (each[:, each.shape[1] // 2 :] == 100 / 255).all()


def test_a_reason_stands_where_the_numbers_would():
    assert pixel_part(None) == []
    assert "Not scored: no &lt;data&gt;" in "".join(pixel_part("no <data>"))
    assert list(pixel_lines("no data")) == ["  pixels against truth: not scored, no data"]
