"""`python -m mil_tf.predict` on slides, with a network that knows tumour by its colour."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.path import Path as Outline
from PIL import Image
from scipy.special import expit

from mil_tf import predict
from mil_tf.localization.tile_window import tile_logits
from mil_tf.models.receptive import context
from mil_tf.prediction import slide_job
from mil_tf.prediction.regions import polygons
from mil_tf.prediction.slide_answer import answer, with_tissue
from mil_tf.prediction.slide_sheet import nice, sheet
from mil_tf.prediction.tile_model import TileModel
from preprocessing.slides.cells import Cells

tifffile = pytest.importorskip("tifffile")
pytest.importorskip("openslide")

TILE, MPP, THRESHOLD = 64, 0.5, 0.6
ROWS, COLUMNS = 420, 650
GLASS, NORMAL, TUMOUR = (244, 243, 245), (225, 140, 190), (120, 60, 150)
TISSUE, ILL = (slice(60, 380), slice(90, 600)), (slice(130, 300), slice(250, 430))


def network():
    """Position logits: how much purple there is around, less than half of it negative."""
    images = keras.Input((None, None, 3))
    purple = keras.layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(-1 / 3), trainable=False)(images)
    around = keras.layers.AveragePooling2D(32)(purple)
    blur = keras.layers.Conv2D(1, 3, padding="same", use_bias=False, kernel_initializer=keras.initializers.Constant(1 / 9))
    return keras.Model(images, keras.layers.Rescaling(1 / 12, 12)(blur(around)))


class Exported(tf.Module):
    def __init__(self):
        super().__init__()
        self._model = network()

    def maps(self, images):
        return {"logit": self._model(images)[..., 0]}


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "export"
    module, spec = Exported(), tf.TensorSpec([None, None, None, 3], tf.float32, name="images")
    maps = tf.function(module.maps, input_signature=[spec]).get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures={"maps": maps})
    stride, margin = context(network())
    tiles = {"tile": TILE, "mpp": MPP, "stride": stride, "margin": margin, "tissue": "otsu", "cell": 32, "threshold": THRESHOLD}
    (folder / "mil_tf.json").write_text(json.dumps({"format": 1, "recipe": "lerousseau2020", "tiles": tiles}))
    return folder


def pixels(times=1, ill=True):
    """A slide of tissue with a tumour in it, each pixel `times` x `times`."""
    found = np.empty((ROWS, COLUMNS, 3), np.int16)
    found[:] = GLASS
    found[TISSUE] = NORMAL
    if ill:
        found[ILL] = TUMOUR
    found += np.random.default_rng(0).integers(-8, 9, found.shape, np.int16)
    return found.clip(0, 255).astype(np.uint8).repeat(times, 0).repeat(times, 1)


def save(path, image, mpp=MPP):
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {} if mpp is None else {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, image, tile=(128, 128), compression="zlib", photometric="rgb", metadata=None, **told)
    return path


def run(slides, export, out, *more):
    return predict.main([str(slides), "--model", str(export), "--out", str(out), *more])


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def done(export, tmp_path_factory):
    """(the slide's path, folder of its answers)."""
    folder = tmp_path_factory.mktemp("slides")
    slide = save(folder / "a.tif", pixels())
    assert run(slide, export, folder / "out") == 0
    return slide, folder / "out"


@pytest.fixture(scope="module")
def whole():
    """(logits of the slide in one pass, where it has tissue), by hand."""
    image = np.full((448, 672, 3), 255, np.float32)
    image[:ROWS, :COLUMNS] = pixels()
    return network()(image[None]).numpy()[0, ..., 0]


def test_the_map_is_that_of_the_whole_slide_where_there_is_tissue(done, whole, export):
    slide, out = done
    (level,) = tifffile.TiffFile(out / "a.ome.tif").series[0].levels
    found = level.asarray()
    assert found.shape == whole.shape == (14, 21) and found.dtype == np.float32
    tissue = found > 0
    assert tissue[2:11, 3:18].all() and not tissue[0].any() and not tissue[:, 0].any()
    expected = expit(tile_logits(np.where(tissue, whole, np.nan), TILE // 32))
    np.testing.assert_allclose(found[tissue], expected[tissue], atol=1e-5)
    assert run(slide, export, out.parent / "position", "--map", "position") == 0
    found = tifffile.imread(out.parent / "position" / "a.ome.tif")
    np.testing.assert_allclose(found, np.where(tissue, expit(whole), 0), atol=1e-5)


def test_the_size_of_a_window_changes_nothing(done, export, tmp_path):
    assert run(done[0], export, tmp_path / "out", "--window", "70") == 0
    one, other = (tifffile.imread(folder / "a.ome.tif") for folder in (done[1], tmp_path / "out"))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_tiles_logit_is_the_mean_of_all_of_its_positions_and_the_highest_is_the_slides(done, whole):
    rows = table(done[1] / "a_tiles.csv")
    assert len(rows) == (ROWS // TILE) * (COLUMNS // TILE)
    expected = whole[:12, :20].reshape(6, 2, 10, 2).mean((1, 3))
    scored = [row for row in rows if row["logit"]]
    assert 0 < len(scored) < len(rows)
    for row in rows:
        at = int(row["tile_row"]), int(row["tile_column"])
        assert (int(row["y"]), int(row["x"])) == (TILE * at[0], TILE * at[1])
        assert row["width"] == row["height"] == str(TILE)
        assert bool(row["logit"]) == (float(row["tissue"]) >= 0.5) == bool(row["probability"])
        if row["logit"]:
            assert float(row["logit"]) == pytest.approx(expected[at], abs=1e-4)
            assert float(row["probability"]) == pytest.approx(expit(float(row["logit"])), rel=1e-6)
    (summary,) = table(done[1] / "predictions.csv")
    best = max(scored, key=lambda row: float(row["probability"]))
    assert summary["y_prob"] == best["probability"] and float(summary["y_prob"]) > 0.9
    assert (summary["top_tile_x"], summary["top_tile_y"]) == (best["x"], best["y"])
    assert 192 <= int(best["x"]) < 430 and 128 <= int(best["y"]) < 300


def test_the_released_form_has_a_pixel_a_tile(done):
    image, rows = np.asarray(Image.open(done[1] / "a_tiles.png")), table(done[1] / "a_tiles.csv")
    assert image.shape == (ROWS // TILE, COLUMNS // TILE, 3) and image.dtype == np.uint8
    for row in rows:
        red = int(255 * float(row["probability"])) if row["probability"] else None
        expected = [0, 0, 0] if red is None else [red, 0, 255]
        assert image[int(row["tile_row"]), int(row["tile_column"])].tolist() == expected


def test_the_polygons_read_back_and_filled_are_the_map_at_the_threshold(done):
    told = json.loads((done[1] / "a.geojson").read_text())
    found = tifffile.imread(done[1] / "a.ome.tif")
    rows, columns = np.indices(found.shape)
    middles = np.stack([columns.ravel() * 32 + 16, rows.ravel() * 32 + 16], axis=1)
    covered = np.zeros(len(middles), bool)
    for feature in told["features"]:
        rings = [Outline(np.array(ring)).contains_points(middles) for ring in feature["geometry"]["coordinates"]]
        covered |= np.sum(rings, axis=0) % 2 == 1
    np.testing.assert_array_equal(covered.reshape(found.shape), found >= THRESHOLD)
    assert 0 < covered.sum() < (found > 0).sum()


def test_json_and_tables_agree(done, export):
    told = json.loads((done[1] / "a.json").read_text())
    (summary,) = table(done[1] / "predictions.csv")
    assert told["probability"] == float(summary["y_prob"]) and told["path"] == str(done[0])
    assert told["decisions"]["at_validation_threshold"] == {"threshold": THRESHOLD, "positive": True}
    assert summary["positive_at_0.5"] == summary["positive_at_validation_threshold"] == "1"
    assert told["slide"]["shape"] == [ROWS, COLUMNS] and told["slide"]["mpp"] == pytest.approx(MPP)
    assert told["slide"]["mpp_from"] == "the file" and told["regions"]["threshold"] == THRESHOLD
    assert told["map"]["level_0_pixels_a_map_pixel"] == 32 and told["map"]["mpp"] == pytest.approx(32 * MPP)
    square = (MPP / 1000) ** 2
    assert told["tissue"]["area_mm2"] == pytest.approx(320 * 510 * square, rel=0.1)
    assert told["regions"]["tissue_above_threshold_mm2"] == pytest.approx(170 * 180 * square, rel=0.35)
    assert told["regions"]["tissue_above_threshold_mm2"] < told["tissue"]["area_mm2"]
    assert told["model"]["tiles"] == json.loads((export / "mil_tf.json").read_text())["tiles"]
    assert "not a medical device" in told["note"] and table(done[1] / "rejected.csv") == []


def test_a_slide_of_a_finer_scanner_has_the_same_map_in_its_own_pixels(done, export, tmp_path):
    slide = save(tmp_path / "a.tif", pixels(2), MPP / 2)
    assert run(slide, export, tmp_path / "out") == 0
    one, other = (tifffile.imread(folder / "a.ome.tif") for folder in (done[1], tmp_path / "out"))
    np.testing.assert_allclose(one, other, atol=1e-4)
    for a, b in zip(table(done[1] / "a_tiles.csv"), table(tmp_path / "out" / "a_tiles.csv"), strict=True):
        assert [2 * int(a[name]) for name in ("x", "y", "width", "height")] == [int(b[name]) for name in ("x", "y", "width", "height")]
    both = [json.loads((folder / "a.geojson").read_text())["features"] for folder in (done[1], tmp_path / "out")]
    for a, b in zip(*both, strict=True):
        for ring, double in zip(a["geometry"]["coordinates"], b["geometry"]["coordinates"], strict=True):
            np.testing.assert_array_equal(np.array(ring) * 2, double)
    sizes = [tifffile.TiffFile(folder / "a.ome.tif").ome_metadata for folder in (done[1], tmp_path / "out")]
    assert all('PhysicalSizeX="16.0"' in text for text in sizes)


def test_what_is_no_slide_is_told_about_and_the_others_go_on(export, tmp_path, capsys):
    folder = tmp_path / "slides"
    save(folder / "a.tif", pixels(ill=False))
    (folder / "cut.tif").write_bytes(save(folder / "b.tif", pixels()).read_bytes()[:60000])
    save(folder / "coarse.tif", pixels(), 2.0)
    save(folder / "nothing.tif", np.full((ROWS, COLUMNS, 3), 244, np.uint8))
    save(folder / "silent.tif", pixels(), None)
    save(folder / "small.tif", pixels()[:50, :50])
    (folder / "text.svs").write_text("no slide")
    assert run(folder, export, tmp_path / "out") == 1
    rows = {row["id"]: row["reason"] for row in table(tmp_path / "out" / "rejected.csv")}
    assert set(rows) == {"cut", "coarse", "nothing", "silent", "small", "text"}
    assert "--mpp" in rows["silent"] and "too coarse" in rows["coarse"] and "no tissue" in rows["nothing"]
    assert "smaller than a tile" in rows["small"] and all("unexpected" not in reason for reason in rows.values())
    answered = {row["id"]: row for row in table(tmp_path / "out" / "predictions.csv")}
    assert set(answered) == {"a", "b"}
    assert answered["a"]["positive_at_0.5"] == "0" and float(answered["a"]["tissue_above_threshold_mm2"]) == 0
    assert json.loads((tmp_path / "out" / "a.geojson").read_text())["features"] == []
    told = capsys.readouterr().err
    assert all(f"{id}: rejected: {reason}" in told for id, reason in rows.items()) and "windows of b" in told


def test_a_slide_whose_resolution_is_given(export, tmp_path):
    slide = save(tmp_path / "a.tif", pixels(), None)
    assert run(slide, export, tmp_path / "out", "--mpp", "0.46") == 0
    told = json.loads((tmp_path / "out" / "a.json").read_text())
    assert (told["slide"]["mpp"], told["slide"]["mpp_from"]) == (0.46, "--mpp")
    assert "8% larger than it learned" in told["warnings"][0]


def test_an_interrupt_keeps_what_is_answered_and_force_writes_anew(export, tmp_path, monkeypatch, capsys):
    for id in "ab":
        save(tmp_path / "slides" / f"{id}.tif", pixels())

    def interrupted(path, id, *more):
        if id == "b":
            raise KeyboardInterrupt
        return answer(path, id, *more)

    with monkeypatch.context() as patch:
        patch.setattr(slide_job, "answer", interrupted)
        assert run(tmp_path / "slides", export, tmp_path / "out") == predict.INTERRUPTED
    assert [row["id"] for row in table(tmp_path / "out" / "predictions.csv")] == ["a"]
    assert run(tmp_path / "slides", export, tmp_path / "out") == 2 and "--force" in capsys.readouterr().err
    (tmp_path / "slides" / "a.tif").write_bytes(b"")
    assert run(tmp_path / "slides", export, tmp_path / "out", "--force") == 1
    assert not list((tmp_path / "out").glob("a.*")) and list((tmp_path / "out").glob("b.*"))


@pytest.fixture
def changed(export, tmp_path):
    """changed(**tiles) -> a copy of the export of which so much is said."""

    def change(**tiles):
        copy = shutil.copytree(export, tmp_path / "export", dirs_exist_ok=True)
        facts = json.loads((copy / "mil_tf.json").read_text())
        (copy / "mil_tf.json").write_text(json.dumps({**facts, "tiles": {**facts["tiles"], **tiles}}))
        return copy

    return change


@pytest.mark.parametrize(
    "tiles, told",
    [({"tile": 65}, "stride divides tile and margin"), ({"stride": 0}, "whole numbers"), ({"margin": None}, "margin"),
     ({"threshold": "half"}, "Received: 'half'"), ({"tissue": "guess"}, "'guess'"), ({"map": "mean"}, "'mean'"),
     ({"mpp": -1}, "Received: -1"), ({"mpp": None}, "Received: 0")],
)
def test_an_export_that_does_not_say_what_it_must(done, changed, tmp_path, capsys, tiles, told):
    assert run(done[0], changed(**tiles), tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line and "mil_tf.json" in line


def test_a_model_without_a_threshold_says_so(done, changed, tmp_path):
    assert run(done[0], changed(threshold=None), tmp_path / "out") == 0
    told = json.loads((tmp_path / "out" / "a.json").read_text())
    assert told["decisions"]["at_validation_threshold"] == {"threshold": None, "positive": None}
    assert told["regions"]["threshold"] == 0.5 and "no threshold of its own" in told["warnings"][0]


@pytest.mark.parametrize("more", [["--orientation", "RAS"], ["--maps"]])
def test_what_is_for_scans_is_refused_with_slides(done, export, tmp_path, capsys, more):
    assert run(done[0], export, tmp_path / "out", *more) == 2
    assert f"{more[0]} is for scans" in capsys.readouterr().err


def test_what_is_for_slides_is_refused_with_scans(done, tmp_path, capsys):
    (tmp_path / "mil_tf.json").write_text(json.dumps({"format": 1}))
    assert run(done[0], tmp_path, tmp_path / "out", "--map", "tile") == 2
    assert "--map is for slides" in capsys.readouterr().err


def test_arguments_that_cannot_be(done, export, tmp_path, capsys):
    assert run(done[0], export, tmp_path / "out", "--mpp", "-1") == 2
    assert "--mpp: Expected micrometres" in capsys.readouterr().err
    assert run(done[0], export, tmp_path / "out", "--window", "0") == 2
    assert "--window: Expected pixels" in capsys.readouterr().err
    assert run(done[0], export, tmp_path / "out", "--precision", "bfloat16") == 2
    assert "cannot be loaded" in capsys.readouterr().err


def test_logits_that_are_not_finite_are_a_reason(done, export):
    model = TileModel(export)
    model._maps = lambda images: {"logit": tf.fill([1, images.shape[1] // 32, images.shape[2] // 32], np.nan)}
    with pytest.raises(ValueError, match="not finite"):
        answer(done[0], "a", model)


def test_the_overlay_lies_on_the_slide_in_millimetres(done, export):
    model = TileModel(export)
    model.load()
    found = answer(done[0], "a", model)
    plain, over, bar = sheet(found).axes
    wide, high = COLUMNS * MPP / 1000, ROWS * MPP / 1000
    for axes in (plain, over):
        np.testing.assert_allclose([*axes.get_xlim(), *axes.get_ylim()], [0, wide, high, 0])
        np.testing.assert_allclose(axes.images[0].get_extent(), [0, wide, high, 0])
    np.testing.assert_allclose(over.images[1].get_extent(), [0, 21 * 32 * MPP / 1000, 14 * 32 * MPP / 1000, 0])
    shown = over.images[1].get_array()
    np.testing.assert_array_equal(shown.mask, found.map == 0)
    assert any("mm" in text.get_text() for text in plain.texts) and "probability" in bar.get_ylabel()
    (edges,) = over.collections
    rings = [ring for region in polygons(found.above) for ring in region]
    assert len(edges.get_segments()) == len(rings) > 0
    for edge, ring in zip(edges.get_segments(), rings):
        np.testing.assert_allclose(edge, ring[:, ::-1] * 32 * MPP / 1000)


def test_scale_bars_have_round_lengths():
    assert [nice(most) for most in (0.31, 0.19, 7, 5, 1, 23)] == [0.2, 0.1, 5, 5, 1, 20]


@pytest.mark.parametrize("cell, stride", [(32, 32), (32, 8), (16, 32), (24, 32)])
def test_positions_with_tissue_are_those_that_touch_a_cell_with_some(cell, stride):
    shape, rng = (100, 130), np.random.default_rng(0)
    counts = (rng.random([-(-side // cell) for side in shape]) < 0.3).astype(np.uint16)
    found = with_tissue(Cells(cell, counts, counts), stride, shape)
    fine = counts.repeat(cell, 0).repeat(cell, 1)[: shape[0], : shape[1]]
    assert found.shape == tuple(-(-side // stride) for side in shape)
    for row, column in np.ndindex(found.shape):
        inside = fine[row * stride : (row + 1) * stride, column * stride : (column + 1) * stride]
        assert found[row, column] >= inside.any()
        if cell % stride == 0 or stride % cell == 0:
            assert found[row, column] == inside.any()
